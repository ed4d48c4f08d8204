#include "apply/images.hpp"

#include <algorithm>
#include <array>
#include <map>
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
  Inverse inverse;
  Columns columns{}, asked{};
  std::string missing_type{}, missing_id{};  ///< a reference without a pair
};

/// References of all images in one statement; what is no reference goes over as it is.
Status read_references(Connection& session, const std::string& target, std::span<Image> images) {
  struct Reference {
    Image* image;
    const std::string* column;
  };
  std::vector<Reference> references;
  std::vector<std::string> types, ids;
  for (Image& image : images) {
    for (auto& column : image.inverse.columns) {
      if (column.ref.empty()) {
        image.columns.insert_or_assign(column.column, std::move(column.json));
        continue;
      }
      references.push_back({&image, &column.column});
      types.push_back(column.ref);
      ids.push_back(json::scalar_text(column.json).value_or(""));
    }
  }
  if (references.empty()) return {};
  const std::array params{Param(target), Param::array(std::span<const std::string>(types)),
                          Param::array(std::span<const std::string>(ids))};
  auto rows = session.run(queries::apply_refs, params);
  if (!rows) return tl::unexpected(std::move(rows.error()));
  for (std::size_t at = 0; at < references.size(); ++at) {
    auto& [image, column] = references[at];
    if (rows->null(static_cast<int>(at), 0)) {
      image->missing_type = types[at];
      image->missing_id = ids[at];
    } else {
      image->columns.insert_or_assign(*column, json::quote(rows->text(static_cast<int>(at), 0)));
    }
  }
  return {};
}

/// Takes what needs no question, and leaves the rest of `given` to be asked for.
Columns taken_as_plain(const CrmTable& table, Columns& given) {
  Columns out;
  std::erase_if(given, [&](const auto& column) {
    auto plain = plain_value(table.type_of(column.first), column.second);
    if (plain.empty()) return false;
    out.emplace(column.first, std::move(plain));
    return true;
  });
  return out;
}

Status read_canonical(Connection& session, std::span<Image> images) {
  std::map<CrmTable*, std::vector<Image*>> asked;
  std::map<CrmTable*, std::vector<std::string>> objects;
  for (Image& image : images) {
    Columns known = taken_as_plain(*image.table, image.columns);
    if (!image.columns.empty()) {
      asked[image.table].push_back(&image);
      objects[image.table].push_back(object_of(image.columns));
      image.asked = std::move(image.columns);
    }
    image.columns = std::move(known);
  }
  if (asked.empty()) return {};
  std::vector<Statement> statements;
  for (const auto& [table, members] : asked) statements.push_back(table->canonical(objects[table]));
  auto answers = session.run(std::span<const Statement>(statements));
  if (!answers) return tl::unexpected(std::move(answers.error()));
  auto answer = answers->begin();
  for (const auto& [table, members] : asked) {
    for (int row = 0; row < answer->size(); ++row) {
      Image& image = *members[static_cast<std::size_t>(answer->number(row, 0) - 1)];
      Columns canonical = columns_of(answer->text(row, 1));
      std::erase_if(canonical, [&](const auto& column) { return !image.asked.contains(column.first); });
      image.columns.merge(canonical);  // unknown columns are left out
    }
    ++answer;
  }
  return {};
}

Status read_images(Connection& session, const std::string& target, std::span<Image> images) {
  if (auto read = read_references(session, target, images); !read) return read;
  return read_canonical(session, images);
}

bool differ(const Columns& row, const Columns& theirs) {
  return std::ranges::any_of(theirs, [&](const auto& column) {
    const auto ours = row.find(column.first);
    return ours != row.end() && !json::equal(ours->second, column.second);
  });
}

/// A key that they do not know tells nothing.
void leave_out_null_keys(const std::vector<std::string>& key, Columns& theirs) {
  for (const auto& name : key)
    if (const auto found = theirs.find(name); found != theirs.end() && found->second == "null") theirs.erase(found);
}

}  // namespace

Status read_theirs(Connection& session, const std::string& target, Round& round) {
  std::vector<Image> images;
  for (std::size_t at = 0; at < round.turns.size(); ++at) {
    Turn& turn = round.turns[at];
    if (!turn.undecided() || turn.deletes()) continue;
    if (auto inverse = turn.route->mapping.invert(turn.record->body))
      images.push_back({at, turn.table, std::move(*inverse)});
    else
      turn.step = unreadable(inverse.error().description);
  }
  if (auto read = read_images(session, target, images); !read) return read;
  for (Image& image : images) {
    Turn& turn = round.turns[image.turn];
    if (!image.missing_type.empty()) {
      if (round.told_before(image.turn, image.missing_type, image.missing_id)) {
        round.cut(image.turn);
        return {};
      }
      turn.step = wait_for_parent(*turn.route->settings, *turn.record, image.missing_type, image.missing_id);
    }
    turn.theirs = std::move(image.columns);
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
    if (auto inverse = turn.route->mapping.invert(turn.lane.image))
      images.push_back({at, turn.table, std::move(*inverse)});
  }
  if (auto read = read_images(session, target, images); !read) return read;
  for (Image& image : images)
    if (image.missing_type.empty()) turns[image.turn].agreed = std::move(image.columns);
  return {};
}

}  // namespace tandem
