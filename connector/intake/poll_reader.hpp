#pragma once
#include <chrono>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "intake/list_plan.hpp"
#include "intake/source_reader.hpp"
#include "target/http_client.hpp"
#include "target/rest_call.hpp"
#include "target/scrub.hpp"

namespace tandem {

/// Asks a REST system for lists of its objects, with the address and credentials of the target that it pairs with: page
/// after page, list after list, again after `interval`. One page is one haul.
class PollReader final : public SourceReader {
 public:
  /// `settings` and `source` must outlive this.
  PollReader(const Settings& settings, const SourceSettings& source);
  ~PollReader() override;

  [[nodiscard]] Status start(const std::string& position) override;
  [[nodiscard]] Result<Haul> read(const std::stop_token& stop) override;
  void look_again(const std::string& request_type) override;

 private:
  using Clock = std::chrono::steady_clock;
  struct Counted {
    std::set<std::string> ids;  ///< of the complete round that runs
    bool whole = false;         ///< it was begun by this process
    Clock::time_point begun{}, due{};
  };

  void begin_round(const ListSettings& list, ListPosition& position);
  [[nodiscard]] Result<HttpAnswer> ask(const std::string& path, const std::stop_token& stop);
  [[nodiscard]] std::chrono::milliseconds next_list();

  const SourceSettings& source_;
  const PollSettings& poll_;
  const TargetSettings& target_;
  const NotificationReader notification_;
  HttpClient http_;
  Scrubber scrubber_;
  RestCalls calls_;
  ListPositions positions_;
  std::map<std::string, Counted> counted_;
  std::size_t list_ = 0;  ///< the one that is read
  Clock::time_point round_begun_{};
};

}  // namespace tandem
