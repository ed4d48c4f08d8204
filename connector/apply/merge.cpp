#include "apply/merge.hpp"

#include <algorithm>

#include "json/scan.hpp"

namespace tandem {
namespace {

/// Numbers by value, whatever their length; all else (times, ULIDs) by characters.
int compare(std::string_view a, std::string_view b) {
  const auto digits = [](std::string_view text) {
    return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
  };
  if (digits(a) && digits(b)) {
    a.remove_prefix(std::min(a.find_first_not_of('0'), a.size()));
    b.remove_prefix(std::min(b.find_first_not_of('0'), b.size()));
    if (a.size() != b.size()) return a.size() < b.size() ? -1 : 1;
  }
  return a.compare(b);
}

}  // namespace

Merge merge(ConflictPolicy policy, const std::vector<FieldImages>& fields, bool blind, bool theirs_newer) {
  Merge out;
  std::vector<std::string> differing;
  for (const FieldImages& field : fields) {
    if (json::equal(field.ours, field.theirs)) continue;
    differing.push_back(field.column);
    const bool known = field.agreed.has_value() && !blind;
    const bool ours_changed = !known || !json::equal(field.ours, *field.agreed);
    const bool theirs_changed = !known || !json::equal(field.theirs, *field.agreed);
    if (ours_changed && theirs_changed)
      out.conflicts.push_back(field.column);
    else if (theirs_changed)
      out.take.push_back(field.column);
  }
  if (!out.conflicts.empty()) {
    if (policy == ConflictPolicy::newest) policy = theirs_newer ? ConflictPolicy::theirs : ConflictPolicy::ours;
    if (policy == ConflictPolicy::theirs) out.take = differing;
    if (policy == ConflictPolicy::ours || policy == ConflictPolicy::manual) out.take.clear();
    out.undecided = policy == ConflictPolicy::manual;
  }
  out.ours_stays = !out.undecided && (blind || out.take.size() < differing.size());
  return out;
}

Age age_of(std::string_view version, std::string_view seen, std::string_view written) {
  if (version.empty()) return Age::unknown;
  if (!seen.empty() && compare(version, seen) <= 0) return Age::stale;
  if (written.empty()) return seen.empty() ? Age::unknown : Age::newer;
  const int order = compare(version, written);
  return order < 0 ? Age::blind : order == 0 ? Age::ours : Age::newer;
}

}  // namespace tandem
