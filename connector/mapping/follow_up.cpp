#include "mapping/follow_up.hpp"

#include <algorithm>

#include "json/writer.hpp"

namespace tandem {

std::string body_of(const FollowUpSettings& call) {
  json::Writer w;
  w.open_object();
  for (const auto& [name, value] : call.body) w.key(name).raw(value);
  w.close_object();
  return w.take();
}

std::string calls_after_delivery(const RouteSettings& route, Operation there) {
  std::string out;
  for (const FollowUpSettings& call : route.then) {
    if (!call.on_delivered || std::ranges::find(call.after, word(there)) == call.after.end()) continue;
    out += (out.empty() ? "[" : ",") + body_of(call);
  }
  return out.empty() ? out : out + "]";
}

}  // namespace tandem
