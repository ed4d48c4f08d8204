#include "capture/outbox_ringer.hpp"

#include <algorithm>
#include <charconv>
#include <string>

namespace tandem {
namespace {

Result<std::size_t> column_of(const wire::Relation& outbox, std::string_view name) {
  for (std::size_t i = 0; i < outbox.columns.size(); ++i)
    if (outbox.columns[i].name == name) return i;
  return fail(ErrorKind::protocol, "the publication leaves out the column " + std::string(name) + " of tandem.outbox",
              "run tandem migrate with the owner's rights");
}

}  // namespace

Status OutboxRinger::take(const wire::Event& event) {
  if (const auto* inserted = std::get_if<wire::Insert>(&event))
    return inserted->relation == outbox_ ? insert(*inserted) : Status{};
  if (const auto* relation = std::get_if<const wire::Relation*>(&event)) return describe(**relation);
  if (const auto* message = std::get_if<wire::Message>(&event)) {
    if (message->prefix == message_prefix) (message->transactional ? pending() : ready_).push_back(Ring{});
  } else if (std::holds_alternative<wire::Begin>(event)) {
    in_transaction_ = true;
    open_.clear();
  } else if (std::holds_alternative<wire::Commit>(event)) {
    in_transaction_ = false;
    std::move(open_.begin(), open_.end(), std::back_inserter(ready_));
    open_.clear();
  }
  return {};
}

Status OutboxRinger::describe(const wire::Relation& relation) {
  if (relation.schema != "tandem" || relation.name != "outbox") return {};
  const auto counter = column_of(relation, "counter"), target = column_of(relation, "target");
  if (!counter) return tl::unexpected<Error>(counter.error());
  if (!target) return tl::unexpected<Error>(target.error());
  outbox_ = &relation;
  counter_column_ = *counter;
  target_column_ = *target;
  return {};
}

Status OutboxRinger::insert(const wire::Insert& insert) {
  const std::string_view digits = insert.row[counter_column_].bytes, target = insert.row[target_column_].bytes;
  Counter counter;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), counter.value);
  if (error != std::errc{} || end != digits.data() + digits.size())
    return fail(ErrorKind::protocol,
                "the stream's tandem.outbox.counter is not a number: \"" + std::string(digits.substr(0, 40)) + "\"");
  std::vector<Ring>& rings = pending();
  const auto known = std::find_if(rings.begin(), rings.end(), [&](const Ring& ring) { return ring.target == target; });
  if (known == rings.end())
    rings.push_back(Ring{std::string(target), counter});
  else
    known->counter = std::max(known->counter, counter);
  return {};
}

}  // namespace tandem
