#pragma once
#include <span>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>
#include <vector>

#include "config/settings.hpp"
#include "store/receive.hpp"

/// One change as a source tells of it, whatever has brought it. Pure.
namespace tandem {

/// What a place of NotificationSettings may point into, for the time of the call.
struct Told {
  std::string_view body;  ///< valid JSON; empty: the object is gone, and nothing else is said of it
  std::string_view key = {}, topic = {}, type = {};  ///< type: ours, where it need not be told
  std::span<const std::pair<std::string_view, std::string_view>> headers = {};
};

class NotificationReader {
 public:
  /// `source` must outlive this.
  NotificationReader(const Settings& settings, const SourceSettings& source);

  /// The record for the inbox; its source_record_id is empty where the notification does not tell one. Or the words on
  /// why it is not understood, which name the place.
  [[nodiscard]] tl::expected<store::Incoming, std::string> read(const Told& told) const;

 private:
  [[nodiscard]] tl::expected<store::Incoming, std::string> read_confirmation(const Told& told,
                                                                             const std::string& record_id) const;
  [[nodiscard]] tl::expected<void, std::string> read_type_and_operation(const Told& told, store::Incoming& out) const;

  const SourceSettings& source_;
  std::vector<std::string> request_types_;  ///< whose routes take what it says
};

/// Inbox keys stand in an index: longer ones are refused.
constexpr std::size_t longest_id = 2'000;

}  // namespace tandem
