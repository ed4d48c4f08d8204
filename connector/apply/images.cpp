#include "apply/images.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <utility>
#include <vector>

#include "apply/plain_values.hpp"
#include "json/scan.hpp"
#include "json/text.hpp"
#include "store/queries.hpp"

namespace tandem {
namespace {

using postgres::Connection;
using postgres::Param;
using postgres::Statement;
namespace queries = store::queries;

struct Image {
  std::size_t turn;
  CrmTable* table;
  Told told;
  std::string missing_type{}, missing_id{};  ///< a reference without a pair
  bool parent_ends = false;                  ///< an earlier record deletes what a reference names
};

/// Takes what needs no question, and leaves the rest to be asked for: `asked` has none of these yet.
void take_plain(const CrmTable& table, Columns& columns, Columns& asked) {
  columns.keep_if([&](Columns::Column& column) {
    auto plain = plain_value(table.type_of(column.first), column.second);
    if (plain.empty()) {
      asked.append(std::move(column));
      return false;
    }
    column.second = std::move(plain);
    return true;
  });
}

Told read_backwards(const Mapping& mapping, const CrmTable& table, std::string_view body) {
  Told out;
  auto inverse = mapping.invert(body);
  if (!inverse) {
    out.fault = std::move(inverse.error().description);
    return out;
  }
  std::vector<Columns::Column> columns;
  columns.reserve(inverse->columns.size());
  for (auto& column : inverse->columns) {
    if (column.ref.empty())
      columns.emplace_back(std::move(column.column), std::move(column.json));
    else
      out.references.push_back(std::move(column));
  }
  out.columns = Columns::of(std::move(columns));
  take_plain(table, out.columns, out.asked);
  return out;
}

void take_reference(Image& image, const std::string& column, std::string json) {
  Columns given;
  given.emplace(column, std::move(json));
  image.told.columns.erase(column);
  image.told.asked.erase(column);
  take_plain(*image.table, given, image.told.asked);
  image.told.columns.merge(std::move(given));
}

/// References of all images in one statement. `round`: of records, not of what was agreed.
Status read_references(Connection& session, const std::string& target, std::span<Image> images, const Round* round) {
  std::vector<Image*> asking;
  std::vector<std::string> types, ids, columns;
  for (Image& image : images) {
    for (auto& column : image.told.references) {
      asking.push_back(&image);
      columns.push_back(std::move(column.column));
      types.push_back(std::move(column.ref));
      ids.push_back(json::scalar_text(column.json).value_or(""));
    }
  }
  if (asking.empty()) return {};
  const std::array params{Param(target), Param::array(std::span<const std::string>(types)),
                          Param::array(std::span<const std::string>(ids))};
  auto rows = session.run(queries::apply_refs, params);
  if (!rows) return tl::unexpected(std::move(rows.error()));
  for (std::size_t at = 0; at < asking.size(); ++at) {
    if (!rows->null(static_cast<int>(at), 0)) {
      const std::string ours(rows->text(static_cast<int>(at), 0));
      if (round != nullptr && round->ended_before(asking[at]->turn, types[at], ids[at], ours))
        asking[at]->parent_ends = true;
      take_reference(*asking[at], columns[at], json::quote(ours));
      continue;
    }
    asking[at]->missing_type = types[at];
    asking[at]->missing_id = ids[at];
  }
  return {};
}

Status read_canonical(Connection& session, std::span<Image> images) {
  std::map<CrmTable*, std::vector<Image*>> asked;
  std::map<CrmTable*, std::vector<std::string>> objects;
  for (Image& image : images) {
    if (image.told.asked.empty()) continue;
    asked[image.table].push_back(&image);
    objects[image.table].push_back(object_of(image.told.asked));
  }
  if (asked.empty()) return {};
  std::vector<Statement> statements;
  for (const auto& [table, members] : asked) statements.push_back(table->canonical(objects[table]));
  auto answers = session.run(std::span<const Statement>(statements));
  if (!answers) return tl::unexpected(std::move(answers.error()));
  auto answer = answers->begin();
  for (const auto& [table, members] : asked) {
    for (int row = 0; row < answer->size(); ++row) {
      Told& told = members[static_cast<std::size_t>(answer->number(row, 0) - 1)]->told;
      Columns canonical = columns_of(answer->text(row, 1));
      canonical.keep_if([&](const auto& column) { return told.asked.contains(column.first); });
      told.columns.merge(std::move(canonical));  // unknown columns are left out
    }
    ++answer;
  }
  return {};
}

Status read_images(Connection& session, const std::string& target, std::span<Image> images,
                   const Round* round = nullptr) {
  if (auto read = read_references(session, target, images, round); !read) return read;
  return read_canonical(session, images);
}

bool differ(const Columns& row, const Columns& theirs) {
  return std::ranges::any_of(theirs, [&](const auto& column) {
    const auto ours = row.find(column.first);
    return ours != row.end() && !same_value(ours->second, column.second);
  });
}

/// A key that they do not know tells nothing.
void leave_out_null_keys(const std::vector<std::string>& key, Columns& theirs) {
  for (const auto& name : key)
    if (const auto found = theirs.find(name); found != theirs.end() && found->second == "null") theirs.erase(found);
}

}  // namespace

void read_bodies(std::span<Turn> turns) {
  for (Turn& turn : turns)
    if (turn.undecided() && !turn.deletes())
      turn.told = read_backwards(turn.route->mapping, *turn.table, turn.record->body);
}

Status read_theirs(Connection& session, const std::string& target, Round& round) {
  std::vector<Image> images;
  for (std::size_t at = 0; at < round.turns.size(); ++at) {
    Turn& turn = round.turns[at];
    if (!turn.undecided() || turn.deletes()) continue;
    if (turn.told.fault.empty())
      images.push_back({at, turn.table, std::move(turn.told)});
    else
      turn.step = unreadable(std::move(turn.told.fault));
  }
  if (auto read = read_images(session, target, images, &round); !read) return read;
  for (Image& image : images) {
    Turn& turn = round.turns[image.turn];
    const bool missing = !image.missing_type.empty();
    if (image.parent_ends || (missing && round.told_before(image.turn, image.missing_type, image.missing_id))) {
      round.cut(image.turn);
      return {};
    }
    if (missing) turn.step = wait_for_parent(*turn.route->settings, *turn.record, image.missing_type, image.missing_id);
    turn.theirs = std::move(image.told.columns);
    turn.theirs.sort();
    leave_out_null_keys(turn.table->key(), turn.theirs);
  }
  return {};
}

Status read_agreed(Connection& session, const std::string& target, std::span<Turn> turns) {
  std::vector<Image> images;
  for (std::size_t at = 0; at < turns.size(); ++at) {
    Turn& turn = turns[at];
    if (!turn.undecided() || turn.deletes() || turn.lane.image.empty() || turn.lane.in_flight) continue;
    if (!differ(turn.row, turn.theirs)) continue;
    if (auto told = read_backwards(turn.route->mapping, *turn.table, turn.lane.image); told.fault.empty())
      images.push_back({at, turn.table, std::move(told)});
  }
  if (auto read = read_images(session, target, images); !read) return read;
  for (Image& image : images)
    if (image.missing_type.empty()) turns[image.turn].agreed = std::move(image.told.columns);
  return {};
}

}  // namespace tandem
