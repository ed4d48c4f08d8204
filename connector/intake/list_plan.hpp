#pragma once
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "config/settings.hpp"
#include "intake/notification.hpp"
#include "intake/source_reader.hpp"

/// What a `poll` source is asked next, and what a page of its answer means. Pure: docs/both-ways.md in code.
///
///     round begins ─► page ─► page ─► … ─► last page: `since` becomes the newest time that was seen
///
/// The first round, and then one in each `compare_every`, leaves `since` out: it lists everything.
namespace tandem {

/// How far one list has been read.
struct ListPosition {
  std::string since;      ///< rounds ask for what was changed after it; empty = everything
  std::string newest;     ///< time seen in this round
  std::string next;       ///< page of this round that is asked next; empty = the first
  bool complete = false;  ///< this round lists everything

  bool operator==(const ListPosition&) const = default;
};

/// Positions of all lists, by request_type: {"account": {"since": …, "newest": …, "next": …}}.
using ListPositions = std::map<std::string, ListPosition, std::less<>>;
[[nodiscard]] Result<ListPositions> parse_positions(std::string_view position);
[[nodiscard]] std::string text_of(const ListPositions& positions);

/// Path and query of the request; the address of a next page is given as it was named.
[[nodiscard]] std::string request_path(const ListSettings& list, const ListPosition& position,
                                       std::chrono::milliseconds overlap);

/// What an answer holds.
struct Page {
  std::vector<store::Incoming> records;
  std::vector<store::Refused> refused;
  std::set<std::string> ids;  ///< theirs, of every object on it
  ListPosition position;      ///< behind it
  bool last = false;          ///< of the round
};
/// `header`: value of the header that `list.next` names, if it names one. Fails where the answer is no such list.
[[nodiscard]] Result<Page> read_page(const ListSettings& list, const NotificationReader& notification,
                                     const ListPosition& position, std::string_view answer, std::string_view header);

/// Where a next page stands, as a path below `base_url`: an address that leads elsewhere is refused, since it would be
/// given our credentials.
[[nodiscard]] Result<std::string> path_below(std::string_view base_url, std::string_view list_path,
                                             std::string_view link);

}  // namespace tandem
