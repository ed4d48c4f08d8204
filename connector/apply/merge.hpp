#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/settings.hpp"

/// What becomes of a row of ours when the other side tells of a change: three-way, field by field. Pure.
namespace tandem {

/// One column that their record speaks of; JSON tokens as the database prints them.
struct FieldImages {
  std::string column;
  std::string_view ours, theirs;
  std::optional<std::string_view> agreed;  ///< what both sides last had; nothing: not known
  std::optional<ConflictPolicy> policy;    ///< the field's own
};

struct Merge {
  std::vector<std::string> take;       ///< columns that get their value
  std::vector<std::string> conflicts;  ///< columns that both sides changed, each in its way
  bool ours_stays = false;             ///< something here differs from what they have now
  bool undecided = false;              ///< a person decides: nothing is taken
};

/// `blind`: they had not seen our last write when they made theirs, so whatever differs may have been changed by both.
/// ours, theirs, newest: where a field is in conflict one side's record wins as a whole; merge: each field by itself,
/// and ours in a conflict. `theirs_newer` decides newest. A field with a policy of its own is decided by itself, and no
/// conflict in it decides about others, except that one which is left to a person leaves him the record.
[[nodiscard]] Merge merge(ConflictPolicy policy, const std::vector<FieldImages>& fields, bool blind, bool theirs_newer);

/// Both are told, and the first one is the older one.
[[nodiscard]] bool is_older(std::string_view version, std::string_view seen);
/// How their version stands to two that are known; empty = not known.
enum class Age : unsigned char { unknown, stale, blind, ours, newer };
/// `seen`: the last version of theirs that was applied here; `written`: the one that our last write got. At or before
/// `seen` is stale; between them they had not seen our write; `written` itself tells of our own write.
[[nodiscard]] Age age_of(std::string_view version, std::string_view seen, std::string_view written);

}  // namespace tandem
