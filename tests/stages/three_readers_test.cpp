#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <map>

#include "random_changes.hpp"
#include "slot_answer.hpp"
#include "support/private_postgres.hpp"
#include "wire/frame_decoder.hpp"
#include "wire/pgoutput_decoder.hpp"

namespace tandem::test_support {
namespace {

struct Cell {
  wire::ValueKind kind = wire::ValueKind::null;
  std::string text;
  bool operator==(const Cell&) const = default;
};
using Cells = std::vector<Cell>;

/// One change of one row, or the truncation of one table.
struct Change {
  std::string xid, table;
  char operation = 'I';
  char identity = 'd';
  bool partitioned = false;  ///< the truncated table, as the trigger knows
  std::vector<std::string> columns;
  std::vector<std::string> types;
  std::vector<bool> key;
  std::vector<bool> made;  ///< by PostgreSQL (a generated column), as the trigger knows
  wire::OldRow old_kind = wire::OldRow::none;
  Cells before, after;
  std::vector<bool> differs;  ///< of the plugin alone

  bool operator==(const Change& other) const {
    return xid == other.xid && table == other.table && operation == other.operation && identity == other.identity &&
           columns == other.columns && types == other.types && key == other.key && old_kind == other.old_kind &&
           before == other.before && after == other.after;
  }
};

std::string shown(const Cells& cells) {
  std::string out = "(";
  for (const auto& [kind, text] : cells)
    out += kind == wire::ValueKind::null        ? "null, "
           : kind == wire::ValueKind::unchanged ? "unchanged, "
                                                : "'" + text.substr(0, 60) + "', ";
  return out + ")";
}
std::string shown(const Change& change) {
  std::string out = change.xid + " " + change.operation + " " + change.table + " identity " + change.identity + " (";
  for (std::size_t i = 0; i < change.columns.size(); ++i)
    out += change.columns[i] + (change.key.empty() || !change.key[i] ? ", " : " key, ");
  return out + ") old row " + std::to_string(static_cast<int>(change.old_kind)) + " " + shown(change.before) + " -> " +
         shown(change.after);
}

Cells copied(wire::Tuple tuple) {
  Cells out;
  for (const auto& value : tuple) out.push_back({value.kind, std::string(value.bytes)});
  return out;
}

/// Collects what a decoder says, as changes.
class Collector {
 public:
  std::vector<Change> changes;

  void operator()(const wire::Begin& begin) { xid_ = std::to_string(begin.xid); }
  void operator()(const wire::Insert& insert) { add('I', *insert.relation).after = copied(insert.row); }
  void operator()(const wire::Update& update) {
    auto& change = add('U', *update.relation);
    change.old_kind = update.old_kind;
    change.before = copied(update.old_row);
    change.after = copied(update.row);
    for (const auto bit : update.changed) change.differs.push_back(bit != 0);
  }
  void operator()(const wire::Delete& removal) {
    auto& change = add('D', *removal.relation);
    change.old_kind = removal.old_kind;
    change.before = copied(removal.old_row);
  }
  void operator()(const wire::Truncate& truncate) {
    for (const auto* relation : truncate.relations) truncated(xid_, relation->schema + "." + relation->name);
  }
  void operator()(const auto&) {}

  void truncated(const std::string& xid, const std::string& table) {
    Change change;
    change.xid = xid;
    change.table = table;
    change.operation = 'T';
    changes.push_back(std::move(change));
  }

 private:
  Change& add(char operation, const wire::Relation& relation) {
    auto& change = changes.emplace_back();
    change.xid = xid_;
    change.table = relation.schema + "." + relation.name;
    change.operation = operation;
    change.identity = relation.identity;
    for (const auto& column : relation.columns) {
      change.columns.push_back(column.name);
      change.types.push_back(std::to_string(column.type) + ":" + std::to_string(column.modifier));
      change.key.push_back(column.key);
    }
    return change;
  }
  std::string xid_;
};

/// Tables that are truncated together come in any order.
void order_truncations(std::vector<Change>& changes) {
  const auto is_truncation = [](const Change& change) { return change.operation == 'T'; };
  for (auto begin = changes.begin(); begin != changes.end();) {
    begin = std::find_if(begin, changes.end(), is_truncation);
    const auto end = std::find_if(
        begin, changes.end(), [&](const Change& change) { return !is_truncation(change) || change.xid != begin->xid; });
    std::sort(begin, end, [](const Change& a, const Change& b) { return a.table < b.table; });
    begin = end;
  }
}

template <class Decoder>
std::vector<Change> decoded(Sql& sql, const std::string& slot, const std::string& options) {
  const auto answer = read_slot(sql, slot, options, SlotReading::take);
  EXPECT_EQ(answer.sqlstate, "") << slot << ": " << answer.words;
  Decoder decoder;
  Collector collector;
  const auto collect = [&](const wire::Event& event, Lsn) {
    std::visit(collector, event);
    return Status{};
  };
  for (const auto& message : answer.messages) {
    const auto read = decoder.decode_all(message, {}, collect);
    if (read) continue;
    ADD_FAILURE() << slot << ": " << read.error().message;
    break;
  }
  order_truncations(collector.changes);
  return collector.changes;
}

/// What the triggers wrote, transaction by transaction in the order of their commits.
std::vector<Change> logged(Sql& sql, const std::vector<std::string>& committed) {
  std::map<std::string, Collector> by_xid;
  for (const auto& row :
       sql.rows("select e.xid, e.schema || '.' || e.name, e.operation, e.identity, e.n, c.name, c.name = any (e.keys), "
                "c.before, c.after, e.partitioned, c.name = any (e.made) from log.entry e left join lateral "
                "unnest(e.columns, e.before, "
                "e.after) with "
                "ordinality as "
                "c (name, before, after, nr) on true order by e.n, c.nr")) {
    auto& collector = by_xid[*row[0]];
    auto& changes = collector.changes;
    if (row[2] == "T") {
      collector.truncated(*row[0], *row[1]);
      changes.back().partitioned = row[9] == "t";
      continue;
    }
    static std::string last;
    if (changes.empty() || last != *row[4]) {
      auto& change = changes.emplace_back();
      change.xid = *row[0];
      change.table = *row[1];
      change.operation = row[2]->front();
      change.identity = row[3]->front();
      last = *row[4];
    }
    auto& change = changes.back();
    const auto cell = [](const std::optional<std::string>& text) {
      return text ? Cell{wire::ValueKind::text, *text} : Cell{};
    };
    change.columns.push_back(*row[5]);
    change.key.push_back(row[6] == "t");
    change.made.push_back(row[10] == "t");
    if (change.operation != 'I') change.before.push_back(cell(row[7]));
    if (change.operation != 'D') change.after.push_back(cell(row[8]));
  }
  std::vector<Change> out;
  for (const auto& xid : committed) {
    const auto found = by_xid.find(xid);
    if (found == by_xid.end()) continue;
    std::ranges::move(found->second.changes, std::back_inserter(out));
    by_xid.erase(found);
  }
  EXPECT_TRUE(by_xid.empty()) << "a transaction that nobody has committed";
  order_truncations(out);
  return out;
}

struct Tally {
  std::size_t changes = 0, transactions = 0, prepared = 0, generated = 0, unchanged = 0, full = 0, keys = 0,
              truncations = 0;
};

/// What is wrong with a decoded change, held against all that the trigger saw; "" = nothing.
std::string wrong(const Change& decoded, const Change& seen, Tally& tally) {
  if (decoded.xid != seen.xid || decoded.table != seen.table || decoded.operation != seen.operation)
    return "another change";
  if (decoded.operation == 'T') return ++tally.truncations, "";
  if (decoded.columns != seen.columns) return "other columns";
  if (decoded.identity != seen.identity) return "another identity";
  if (decoded.key != seen.key) return "another key";
  bool key_changed = false;
  for (std::size_t i = 0; i < seen.columns.size(); ++i) {
    if (decoded.operation == 'U' && seen.key[i] && seen.before[i] != seen.after[i]) key_changed = true;
    if (decoded.operation == 'D') continue;
    if (decoded.after[i].kind == wire::ValueKind::unchanged) {
      ++tally.unchanged;
      if (decoded.operation != 'U' || seen.before[i] != seen.after[i] || seen.after[i].text.empty())
        return "not unchanged: " + seen.columns[i];
    } else if (decoded.after[i] != seen.after[i]) {
      return "another new value of " + seen.columns[i];
    }
  }
  if (decoded.operation == 'I') return {};
  const auto wanted = seen.identity == 'f'                      ? wire::OldRow::full
                      : decoded.operation == 'D' || key_changed ? wire::OldRow::key
                                                                : wire::OldRow::none;
  if (decoded.old_kind != wanted) return "another kind of old row";
  if (wanted == wire::OldRow::none) return {};
  ++(wanted == wire::OldRow::full ? tally.full : tally.keys);
  for (std::size_t i = 0; i < seen.columns.size(); ++i)
    if (decoded.before[i] != (seen.key[i] ? seen.before[i] : Cell{})) return "another old value of " + seen.columns[i];
  for (std::size_t i = 0; i < decoded.differs.size(); ++i)
    if (decoded.differs[i] != (seen.before[i] != seen.after[i]))
      return "wrongly told to differ or not: " + seen.columns[i];
  return {};
}

/// The change as pgoutput tells it, which leaves out generated columns (before PostgreSQL 18 it always does).
Change without_generated(const Change& change, const std::vector<bool>& made, Tally& tally) {
  Change out = change;
  const auto thin = [&](auto& values) {
    if (values.size() != made.size()) return;
    std::size_t kept = 0;
    for (std::size_t i = 0; i < made.size(); ++i)
      if (!made[i]) values[kept++] = values[i];
    values.resize(kept);
  };
  for (const bool one : made) tally.generated += one ? 1 : 0;
  thin(out.columns);
  thin(out.types);
  thin(out.key);
  thin(out.before);
  thin(out.after);
  return out;
}

/// PostgreSQL with two slots that see everything, and writers who take turns.
class ThreeReaders {
 public:
  ThreeReaders() {
    reader_.run(std::string(trigger_log) + "create publication everything for all tables");
    reader_.run("select pg_create_logical_replication_slot('ours', 'tandem')");
    reader_.run("select pg_create_logical_replication_slot('theirs', 'pgoutput')");
    reader_.run("set datestyle = iso, ymd; set timezone = utc; set bytea_output = hex");
  }

  void run(unsigned seed, int steps) {
    std::mt19937 random(seed);
    std::vector<std::string> committed;
    const auto note = [&](const std::string& xid) {
      if (!xid.empty()) committed.push_back(xid);
    };
    reader_.run("truncate log.entry");
    std::vector<std::unique_ptr<RandomWriter>> writers;
    for (const char* name : {"a", "b", "c"})
      writers.push_back(std::make_unique<RandomWriter>(postgres_.url(), name + std::to_string(seed), seed + random()));
    for (int step = 0; step < steps; ++step) note(writers[random() % writers.size()]->step());
    for (auto& writer : writers) {
      while (!writer->ended()) note(writer->end());
      tally.prepared += static_cast<std::size_t>(writer->prepared);
      done += writer->done;
      refused += writer->refused;
    }
    compare(committed);
    for (const char* name : {"a", "b", "c"}) reader_.run("drop schema " + (name + std::to_string(seed)) + " cascade");
  }

  Tally tally;
  int done = 0, refused = 0;

 private:
  void compare(const std::vector<std::string>& committed) {
    const auto seen = logged(reader_, committed);
    const auto ours = decoded<wire::FrameDecoder>(reader_, "ours", "{protocol_version,1,tables,all}");
    const auto theirs =
        decoded<wire::PgoutputDecoder>(reader_, "theirs", "{proto_version,1,publication_names,everything}");
    ASSERT_NO_FATAL_FAILURE(compare_rows(seen, ours, theirs));
    tally.changes += seen.size();
    tally.transactions += committed.size();
  }

  void compare_rows(const std::vector<Change>& seen, const std::vector<Change>& ours,
                    const std::vector<Change>& theirs) {
    std::size_t there = 0;
    for (std::size_t i = 0; i < seen.size(); ++i) {
      ASSERT_LT(i, ours.size()) << shown(seen[i]);
      ASSERT_EQ(wrong(ours[i], seen[i], tally), "") << "seen " << shown(seen[i]) << "\nours " << shown(ours[i]);
      // Where a partitioned table is truncated, pgoutput names its partitions alone.
      if (seen[i].partitioned) continue;
      ASSERT_LT(there, theirs.size()) << shown(seen[i]);
      ASSERT_TRUE(without_generated(ours[i], seen[i].made, tally) == theirs[there])
          << "ours   " << shown(ours[i]) << "\ntheirs " << shown(theirs[there]);
      ++there;
    }
    ASSERT_EQ(ours.size(), seen.size()) << shown(ours.back());
    ASSERT_EQ(theirs.size(), there) << shown(theirs.back());
  }

  // Little memory: larger transactions are spilled to disk while they are decoded.
  PrivatePostgres postgres_{{.settings = {{"logical_decoding_work_mem", "64kB"}, {"max_prepared_transactions", "10"}},
                             .output_plugin = true}};
  Sql reader_ = postgres_.connect();
};

TEST(ThreeReaders, PluginPgoutputAndTriggersSayTheSameOfRandomChanges) {
  ThreeReaders readers;
  const auto setting = [](const char* name, unsigned otherwise) {
    const char* given = std::getenv(name);
    return given != nullptr ? static_cast<unsigned>(std::atoi(given)) : otherwise;
  };
  const unsigned first = setting("TANDEM_SEED", 1), count = setting("TANDEM_SEEDS", std::getenv("TANDEM_SEED") ? 1 : 4);
  for (unsigned seed = first; seed < first + count; ++seed) {
    SCOPED_TRACE("TANDEM_SEED=" + std::to_string(seed));
    readers.run(seed, 600);
    if (testing::Test::HasFailure()) return;
  }
  const auto& tally = readers.tally;
  std::cout << "seeds " << first << " to " << first + count - 1 << ": " << tally.transactions << " transactions, "
            << tally.changes << " changes (" << tally.full << " full old rows, " << tally.keys << " old keys, "
            << tally.unchanged << " unchanged large values, " << tally.generated << " generated values, "
            << tally.truncations << " truncations), " << tally.prepared << " transactions in two phases; "
            << readers.done << " statements, " << readers.refused << " refused\n";
  EXPECT_GT(tally.changes, 100 * count);
  EXPECT_GT(tally.full, count);
  EXPECT_GT(tally.keys, count);
  EXPECT_GT(tally.unchanged, count);
  EXPECT_GT(tally.truncations, 0U);
  EXPECT_GT(tally.prepared, 0U);
  EXPECT_GT(tally.generated, count);
  EXPECT_LT(readers.refused, readers.done / 4);
}

}  // namespace
}  // namespace tandem::test_support
