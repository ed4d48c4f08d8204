#include "intake/kafka_offsets.hpp"

#include <charconv>
#include <optional>

#include "json/scan.hpp"
#include "json/text.hpp"
#include "json/writer.hpp"

namespace tandem::kafka {
namespace {

template <class Number>
std::optional<Number> whole(std::string_view text) {
  Number number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size() || number < 0) return std::nullopt;
  return number;
}

}  // namespace

Result<Offsets> Offsets::parse(std::string_view position) {
  Offsets out;
  if (position.empty()) return out;
  const auto malformed = [&] {
    return fail(ErrorKind::protocol,
                "the stored position is no position of topics: " + std::string(position.substr(0, 200)),
                "write {\"TOPIC\": {\"PARTITION\": OFFSET}} or null into tandem.source.position");
  };
  const auto topics = json::members(position);
  if (!topics) return malformed();
  for (const auto& topic : *topics) {
    auto name = json::unquote('"' + std::string(topic.key) + '"');
    const auto partitions = json::members(topic.value);
    if (!name || !partitions) return malformed();
    for (const auto& partition : *partitions) {
      const auto number = whole<std::int32_t>(partition.key);
      const auto next = whole<std::int64_t>(partition.value);
      if (!number || !next) return malformed();
      out.next_[{*name, *number}] = *next;
    }
  }
  return out;
}

std::string Offsets::text() const {
  json::Writer w;
  w.open_object();
  const std::string* topic = nullptr;
  for (const auto& [partition, next] : next_) {
    if (topic == nullptr || *topic != partition.first) {
      if (topic != nullptr) w.close_object();
      w.key(partition.first).open_object();
      topic = &partition.first;
    }
    w.key(std::to_string(partition.second)).number(next);
  }
  if (topic != nullptr) w.close_object();
  w.close_object();
  return w.take();
}

bool Offsets::take(const Partition& partition, std::int64_t offset) {
  std::int64_t& next = next_[partition];
  if (offset < next) return false;
  next = offset + 1;
  return true;
}

}  // namespace tandem::kafka
