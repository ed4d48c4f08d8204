#include "apply/merge.hpp"

#include <algorithm>

#include "apply/columns.hpp"

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
  const auto decided = [&](ConflictPolicy of) {
    if (of != ConflictPolicy::newest) return of;
    return theirs_newer ? ConflictPolicy::theirs : ConflictPolicy::ours;
  };
  Merge out;
  std::size_t differing = 0;
  bool as_a_whole = false;  // the route's policy decides about every field that has none of its own
  std::vector<std::string> theirs_alone, both;
  for (const FieldImages& field : fields) {
    if (same_value(field.ours, field.theirs)) continue;
    ++differing;
    const bool known = field.agreed.has_value() && !blind;
    const bool ours_changed = !known || !same_value(field.ours, *field.agreed);
    const bool theirs_changed = !known || !same_value(field.theirs, *field.agreed);
    const bool conflict = ours_changed && theirs_changed;
    if (conflict) out.conflicts.push_back(field.column);
    if (!field.policy) {
      as_a_whole |= conflict;
      both.push_back(field.column);
      if (theirs_changed && !ours_changed) theirs_alone.push_back(field.column);
      continue;
    }
    const auto own = decided(*field.policy);
    if (conflict ? own == ConflictPolicy::theirs : theirs_changed) out.take.push_back(field.column);
    out.undecided |= conflict && own == ConflictPolicy::manual;
  }
  policy = decided(policy);
  out.undecided |= as_a_whole && policy == ConflictPolicy::manual;
  if (out.undecided) {
    out.take.clear();
    return out;
  }
  const auto taken = as_a_whole && policy == ConflictPolicy::theirs ? both
                     : as_a_whole && policy == ConflictPolicy::ours ? std::vector<std::string>{}
                                                                    : theirs_alone;
  out.take.insert(out.take.end(), taken.begin(), taken.end());
  // Whatever of a blind image is taken: they have what we wrote after it. Where it says the same, so do they by now.
  out.ours_stays = blind ? differing > 0 : out.take.size() < differing;
  return out;
}

bool is_older(std::string_view version, std::string_view seen) {
  return !version.empty() && !seen.empty() && compare(version, seen) < 0;
}

Age age_of(std::string_view version, std::string_view seen, std::string_view written) {
  if (version.empty()) return Age::unknown;
  if (!seen.empty() && compare(version, seen) <= 0) return Age::stale;
  if (written.empty()) return seen.empty() ? Age::unknown : Age::newer;
  const int order = compare(version, written);
  return order < 0 ? Age::blind : order == 0 ? Age::ours : Age::newer;
}

}  // namespace tandem
