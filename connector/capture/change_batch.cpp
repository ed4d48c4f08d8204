#include "capture/change_batch.hpp"

#include <algorithm>
#include <utility>

#include "json/text.hpp"

namespace tandem {
namespace {

using wire::ValueKind;

// A value within the text of a row, as PostgreSQL itself prints it (record_out): of these very texts `captured` holds
// hashes.
void append_value(std::string& row, std::string_view value) {
  if (!value.empty() && value.find_first_of("\"\\(), \t\n\v\f\r") == std::string_view::npos) {
    row += value;
    return;
  }
  row += '"';
  for (const char c : value) {
    if (c == '"' || c == '\\') row += c;
    row += c;
  }
  row += '"';
}

int place_of(const wire::Relation& relation, const std::string& column) {
  for (std::size_t i = 0; i < relation.columns.size(); ++i)
    if (relation.columns[i].name == column) return static_cast<int>(i);
  return -1;
}

const wire::Value* value_at(wire::Tuple values, int place) {
  return place < 0 || static_cast<std::size_t>(place) >= values.size() ? nullptr
                                                                       : &values[static_cast<std::size_t>(place)];
}

}  // namespace

ChangeBatch::ChangeBatch(const store::StreamPlan& plan)
    : watches_(plan.watches), position_(plan.position), known_(plan.position), own_mark_(plan.mark) {}

Status ChangeBatch::take(const wire::Event& event, Lsn lsn) {
  if (const auto* message = std::get_if<wire::Message>(&event)) {
    take_message(*message);
  } else if (const auto* relation = std::get_if<const wire::Relation*>(&event)) {
    tables_[(*relation)->id] = describe(**relation);
  } else if (const auto* inserted = std::get_if<wire::Insert>(&event)) {
    if (const Table* table = table_of(inserted->relation, lsn)) insert(*table, *inserted);
  } else if (const auto* updated = std::get_if<wire::Update>(&event)) {
    if (const Table* table = table_of(updated->relation, lsn)) update(*table, *updated);
  } else if (const auto* removed = std::get_if<wire::Delete>(&event)) {
    if (const Table* table = table_of(removed->relation, lsn)) remove(*table, *removed);
  } else if (const auto* truncated = std::get_if<wire::Truncate>(&event)) {
    release();
    truncate(*truncated, lsn);
  } else if (const auto* begun = std::get_if<wire::Begin>(&event)) {
    release();
    begin(*begun);
  } else if (const auto* commit = std::get_if<wire::Commit>(&event)) {
    release();
    position_ = {std::max(position_.through, commit->end_lsn), {}, {}, 0};
    in_transaction_ = false;
  } else if (const auto* origin = std::get_if<wire::Origin>(&event)) {
    take_origin(origin->name);
  }
  return {};
}

// Others' messages, like descriptions, may come between a row's delete and its insert in another partition.
void ChangeBatch::take_message(const wire::Message& message) {
  if (message.prefix == applied_prefix && message.transactional) take_mark(message.content);
  if (message.prefix != message_prefix) return;
  release();
  if (message.transactional) {
    watches_changed_ = message.content;
  } else {
    position_.through = std::max(position_.through, message.lsn);
    mark_ = std::max(mark_, message.lsn);
  }
}

void ChangeBatch::sent_through(Lsn end) {
  if (!in_transaction_ && end > position_.through) position_ = {end, {}, {}, 0};
}

void ChangeBatch::begin(const wire::Begin& begun) {
  in_transaction_ = true;
  commit_ = begun.final_lsn;
  committed_ = begun.committed.time_since_epoch().count();
  transaction_ = begun.xid;
  last_change_ = {};
  ordinal_ = 0;
  take_origin(begun.origin);
}

// Replication origins of ours say which target a change came from; of others', who wrote it.
void ChangeBatch::take_origin(std::string_view name) {
  origin_.reset();
  if (name.starts_with(origin_prefix)) name.remove_prefix(origin_prefix.size());
  if (!name.empty()) origin_ = std::string(name);
}

ChangeBatch::Table ChangeBatch::describe(const wire::Relation& relation) const {
  Table table;
  const std::string& schema = relation.root_schema.empty() ? relation.schema : relation.root_schema;
  const std::string& name = relation.root_name.empty() ? relation.name : relation.root_name;
  const auto watch = std::ranges::find_if(
      watches_, [&](const store::StreamWatch& w) { return w.schema == schema && w.table == name; });
  if (watch == watches_.end()) return table;
  table.watch = &*watch;
  table.full = relation.identity == 'f';
  for (const std::string& column : watch->columns) table.source.push_back(place_of(relation, column));
  for (const std::string& column : watch->key) table.key.push_back(place_of(relation, column));
  return table;
}

// Has the next row of the transaction been captured before? Rows are counted in any case.
bool ChangeBatch::captured(Lsn lsn) {
  ordinal_ = lsn == last_change_ ? ordinal_ + 1 : 1;
  last_change_ = lsn;
  if (commit_ < known_.through) return true;
  if (commit_ != known_.commit) return false;
  return lsn < known_.change || (lsn == known_.change && ordinal_ <= known_.ordinal);
}

// Nothing where the change is not to be captured here.
const ChangeBatch::Table* ChangeBatch::table_of(const wire::Relation* relation, Lsn lsn) {
  const bool known = captured(lsn);
  here_ = {position_.through, commit_, lsn, ordinal_};
  const auto found = tables_.find(relation->id);
  const bool ours = !known && found != tables_.end() && found->second.watch != nullptr;
  if (ours && commit_ >= found->second.watch->since) return &found->second;
  release();
  if (!known) position_ = here_;
  return nullptr;
}

ChangeBatch::Group& ChangeBatch::group(const Change& change) {
  const bool latest = change.watch->comparing || commit_ <= change.watch->latest_through;
  for (Group& group : groups_) {
    if (group.watch != change.watch || group.closed) continue;
    if (group.full == change.full.value_or(group.full) && group.latest == latest) return group;
    group.closed = true;
  }
  Group& added = groups_.emplace_back();
  added.watch = change.watch;
  added.full = change.full.value_or(change.full_otherwise);
  added.latest = latest;
  return added;
}

// A large value that did not change is taken from the row before, where that is known; else the row lacks it.
ChangeBatch::Image ChangeBatch::image(const Table& table, wire::Tuple values, wire::Tuple before) {
  Image image;
  std::string row = "(";
  for (std::size_t i = 0; i < table.source.size(); ++i) {
    if (i > 0) row += ',';
    const wire::Value* value = value_at(values, table.source[i]);
    if (value != nullptr && value->kind == ValueKind::unchanged) {
      value = value_at(before, table.source[i]);
      if (value == nullptr || value->kind == ValueKind::unchanged) image.partial = true;
    }
    if (value != nullptr && value->kind == ValueKind::text) append_value(row, value->bytes);
  }
  row += ')';
  image.row = std::move(row);
  return image;
}

std::string ChangeBatch::key_of(const Table& table, wire::Tuple values) {
  const auto text = [&](std::size_t i) {
    const wire::Value* value = value_at(values, table.key[i]);
    return value != nullptr && value->kind == ValueKind::text ? value->bytes : std::string_view();
  };
  if (table.key.size() == 1) return std::string(text(0));
  std::string key = "[";
  for (std::size_t i = 0; i < table.key.size(); ++i) {
    if (i > 0) key += ", ";
    json::append_quoted(key, text(i));
  }
  return key + "]";
}

void ChangeBatch::insert(const Table& table, const wire::Insert& insert) {
  Image now = image(table, insert.row, {});
  std::string key = key_of(table, insert.row);
  if (held_ && held_->kind == "DELETE" && table.watch->partitioned && held_->watch == table.watch &&
      held_->keys.now == key) {
    // A row that moves to another partition is deleted there and inserted here: to its readers it is an update.
    held_->kind = "UPDATE";
    held_->now = std::move(now);
    held_->position = here_;
    return;
  }
  hold({table.watch,
        "INSERT",
        std::nullopt,
        table.full,
        std::move(now),
        std::nullopt,
        {std::move(key), {}},
        origin_,
        here_});
}

void ChangeBatch::update(const Table& table, const wire::Update& update) {
  const bool full = update.old_kind == wire::OldRow::full;
  std::optional<std::string> before;
  Keys keys{key_of(table, update.row), {}};
  if (update.old_kind != wire::OldRow::none) {
    before = image(table, update.old_row, {}).row;
    keys.before = key_of(table, update.old_row);
  }
  Image now = image(table, update.row, full ? update.old_row : wire::Tuple{});
  hold({table.watch, "UPDATE", full, table.full, std::move(now), std::move(before), std::move(keys), origin_, here_});
}

void ChangeBatch::remove(const Table& table, const wire::Delete& removal) {
  hold({table.watch,
        "DELETE",
        removal.old_kind == wire::OldRow::full,
        table.full,
        {},
        image(table, removal.old_row, {}).row,
        {key_of(table, removal.old_row), {}},
        origin_,
        here_});
}

void ChangeBatch::truncate(const wire::Truncate& truncate, Lsn lsn) {
  for (const wire::Relation* relation : truncate.relations) {
    const Table* table = table_of(relation, lsn);
    if (table == nullptr) continue;
    for (Group& group : groups_)
      if (group.watch == table->watch) group.closed = true;
    hold({table->watch, "TRUNCATE", table->full, table->full, {}, std::nullopt, {}, origin_, here_});
    release();
    groups_.back().closed = true;
  }
}

void ChangeBatch::hold(Change change) {
  release();
  held_ = std::move(change);
}

void ChangeBatch::release() {
  if (!held_) return;
  Change change = *std::exchange(held_, std::nullopt);
  Group& into = group(change);
  ++changes_;
  bytes_ += (change.now.row ? change.now.row->size() : 0) + (change.before ? change.before->size() : 0) +
            change.keys.now.size();
  const std::size_t place = into.kinds.size();
  into.last.push_back(true);
  into.old_last.push_back(true);
  if (!change.keys.before.empty() && change.keys.before != change.keys.now)
    supersede(into, change.keys.before, place * 2 + 1);
  supersede(into, change.keys.now, place * 2);
  into.kinds.push_back(std::move(change.kind));
  into.new_rows.push_back(std::move(change.now.row));
  into.old_rows.push_back(std::move(change.before));
  into.keys.push_back(std::move(change.keys.now));
  into.partial.push_back(change.now.partial);
  into.origins.push_back(std::move(change.origin));
  into.committed.push_back(committed_);
  if (transactions_.empty() || transactions_.back() != transaction_) transactions_.push_back(transaction_);
  position_ = change.position;
}

// Apply has made the change before it; of which watch and for which target, it says as well.
void ChangeBatch::take_mark(std::string_view content) {
  if (!held_ || own_mark_.empty() || !content.starts_with(own_mark_ + "\n")) return;
  const std::string expected = own_mark_ + "\n" + held_->watch->watch + "\n";
  if (content.starts_with(expected)) held_->origin = std::string(content.substr(expected.size()));
  release();
}

void ChangeBatch::supersede(Group& group, const std::string& key, std::size_t mark) {
  const auto [newest, is_first] = group.newest.try_emplace(key, mark);
  if (is_first) return;
  (newest->second % 2 == 0 ? group.last : group.old_last)[newest->second / 2] = false;
  newest->second = mark;
}

std::deque<ChangeBatch::Group> ChangeBatch::hand_over() {
  changes_ = bytes_ = 0;
  transactions_.clear();
  mark_ = {};
  return std::exchange(groups_, {});
}

}  // namespace tandem
