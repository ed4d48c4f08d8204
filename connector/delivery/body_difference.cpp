#include "delivery/body_difference.hpp"

#include "json/scan.hpp"

namespace tandem {

std::optional<std::string> body_difference(std::string_view agreed, std::string_view body) {
  const auto theirs = json::members(agreed);
  const auto ours = json::members(body);
  if (!theirs || !ours) return std::nullopt;
  std::string out = "{";
  for (const json::Member& member : *ours) {
    bool same = false;
    for (const json::Member& known : *theirs)
      if (known.key == member.key) same = json::equal(known.value, member.value);
    if (same) continue;
    if (out.size() > 1) out += ',';
    out.append("\"").append(member.key).append("\":").append(member.value);
  }
  out += '}';
  return out;
}

}  // namespace tandem
