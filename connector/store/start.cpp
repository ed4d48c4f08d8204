#include "store/start.hpp"

#include "store/queries.hpp"

namespace tandem::store {

Result<StartFacts> read_start(postgres::Connection& session, const RouteTable& table, const Fence& fence) {
  using postgres::Param;
  const std::array owner{Param(fence.name), Param(fence.epoch)};
  auto rows = session.run(queries::start, owner);
  if (!rows) return tl::unexpected(std::move(rows.error()));
  if (rows->size() == 0) return fail(ErrorKind::fenced, "another connector named " + fence.name + " has taken over");
  StartFacts facts;
  facts.drawn = Counter{rows->number(0, 0)};
  facts.highest = Counter{rows->number(0, 1)};
  facts.system_id = rows->text(0, 2);
  facts.timeline = static_cast<int>(rows->number(0, 3));
  facts.known_system_id = rows->text(0, 4);
  facts.known_timeline = static_cast<int>(rows->number(0, 5));
  facts.reader = {rows->number(0, 6), rows->number(0, 7)};

  const std::array targets{Param::array(std::span(table.targets()))};
  auto floors = session.run(queries::floors, targets);
  if (!floors) return tl::unexpected(std::move(floors.error()));
  for (int row = 0; row < floors->size(); ++row) facts.floors.push_back(Counter{floors->number(row, 0)});
  return facts;
}

Status check_start(const StartFacts& facts, const RouteTable& table) {
  const std::string remedy =
      "somebody has set tandem.outbox_counter_seq back, or this database was restored beside an older sequence: set it "
      "above every "
      "counter and floor";
  const auto drawn = "the sequence of tandem.outbox stands at " + std::to_string(facts.drawn.value);
  if (facts.drawn < facts.highest)
    return fail(ErrorKind::refused, drawn + ", below the highest counter " + std::to_string(facts.highest.value),
                remedy);
  for (std::size_t target = 0; target < facts.floors.size(); ++target)
    if (facts.drawn < facts.floors[target])
      return fail(ErrorKind::refused,
                  drawn + ", below the floor " + std::to_string(facts.floors[target].value) + " of target " +
                      table.targets()[target],
                  remedy);
  return {};
}

bool other_server(const StartFacts& facts) {
  return !facts.known_system_id.empty() &&
         (facts.system_id != facts.known_system_id || facts.timeline != facts.known_timeline);
}

Result<Counter> know_server(postgres::Connection& session, const Fence& fence, const StartFacts& facts, bool unclean) {
  using postgres::Param;
  const std::array params{Param(fence.name), Param(fence.epoch), Param(facts.system_id), Param(facts.timeline),
                          Param(unclean ? facts.drawn : Counter{})};
  auto rows = session.run(queries::know_system, params);
  if (!rows) return tl::unexpected(std::move(rows.error()));
  if (rows->size() == 0) return fail(ErrorKind::fenced, "another connector named " + fence.name + " has taken over");
  return Counter{rows->number(0, 0)};
}

}  // namespace tandem::store
