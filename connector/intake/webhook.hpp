#pragma once
#include <chrono>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>
#include <vector>

#include "config/settings.hpp"
#include "intake/notification.hpp"
#include "intake/request_meter.hpp"
#include "model/record.hpp"
#include "store/receive.hpp"

/// What a webhook's request says: who sent it, and which records it brings. Pure.
namespace tandem {

/// A request as the HTTP server read it.
struct Posted {
  std::vector<std::pair<std::string, std::string>> headers;  ///< names in lower case
  std::string body;

  [[nodiscard]] std::string_view header(std::string_view name) const;
};

/// Why nothing of a request is stored.
struct Refusal {
  int status = 422;
  std::string title, detail;  ///< detail names the place, never a secret
  std::chrono::seconds retry_after{0};
};

/// Used by one thread.
class Webhook {
 public:
  /// `settings` and `source` must outlive this.
  Webhook(const Settings& settings, const SourceSettings& source);

  /// All records of a request, in its order, or the reason why none of them is taken: a batch is stored as a whole or
  /// not at all.
  [[nodiscard]] tl::expected<std::vector<store::Incoming>, Refusal> read(const Posted& posted, WallTime now);

 private:
  [[nodiscard]] bool authentic(const Posted& posted, WallTime now) const;

  const SourceSettings& source_;
  NotificationReader notification_;
  RequestMeter meter_;
};

}  // namespace tandem
