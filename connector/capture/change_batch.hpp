#pragma once
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "model/error.hpp"
#include "store/stream.hpp"
#include "wire/event.hpp"

namespace tandem {

/// Collects decoded changes of watched tables (mode `wal`) until they are captured: rows as the table's row type prints
/// them, in the columns that the table has now, in groups that each go to one call of the watch's generated function.
/// Knows what has been captured already and leaves it out, so that a restart in the middle of a transaction repeats
/// nothing. The newest change is held until the next message shows what it is: one that apply has made, where its mark
/// follows, or half of a row's move to another partition. Decisions only: no I/O.
class ChangeBatch {
 public:
  /// Changes of one watch, as its function takes them (sql/functions/stream_source.sql).
  struct Group {
    const store::StreamWatch* watch = nullptr;
    bool full = false;    ///< old rows are whole
    bool latest = false;  ///< bodies stay empty
    bool closed = false;  ///< later changes go to a new one
    std::vector<std::string> kinds;
    std::vector<std::optional<std::string>> new_rows, old_rows;
    std::vector<std::string> keys;
    std::vector<bool> partial;
    std::vector<std::optional<std::string>> origins;
    std::vector<std::int64_t> committed;  ///< microseconds since 1970
    std::vector<bool> last, old_last;     ///< no later change here has the change's key, the key that it replaced
    std::unordered_map<std::string, std::size_t>
        newest;  ///< by key: twice the place of its last change, 1 more as the key that was replaced
  };

  /// The watches of `plan` are copied; the batch goes on from its position.
  explicit ChangeBatch(const store::StreamPlan& plan);

  /// `lsn` is where the message's change stands in the log. Fails where the stream contradicts itself.
  [[nodiscard]] Status take(const wire::Event& event, Lsn lsn);
  /// What the server has sent everything up to: only with nothing under way.
  void sent_through(Lsn end);

  /// The transaction (xid8 as text) after which the watches are others: capture what is here, read the plan again once
  /// it can be seen, and start the stream anew where it differs. Empty: none.
  [[nodiscard]] const std::string& watches_changed() const { return watches_changed_; }
  void watches_seen() { watches_changed_.clear(); }

  [[nodiscard]] bool empty() const { return groups_.empty(); }
  [[nodiscard]] std::size_t changes() const { return changes_; }
  [[nodiscard]] bool full() const { return changes_ >= most_changes || bytes_ >= most_bytes; }
  [[nodiscard]] const store::StreamPosition& position() const { return position_; }
  [[nodiscard]] bool position_wanted() const { return mark_ > Lsn{}; }  ///< somebody waits for it to be written
  /// Whose changes hand_over gives, as the log numbers transactions (xid): to be asked for before it.
  [[nodiscard]] const std::vector<std::int64_t>& transactions() const { return transactions_; }
  [[nodiscard]] const std::deque<Group>& groups() const { return groups_; }
  /// The groups in order; the batch goes on empty.
  [[nodiscard]] std::deque<Group> hand_over();

  static constexpr std::size_t most_changes = 5'000, most_bytes = std::size_t{4} << 20;
  static constexpr std::string_view message_prefix = "tandem.stream";
  static constexpr std::string_view applied_prefix = "tandem.apply";  ///< CrmTable::marked
  static constexpr std::string_view origin_prefix = "tandem_";        ///< of replication origins that name a target

 private:
  struct Table {
    const store::StreamWatch* watch = nullptr;
    std::vector<int> source;  ///< for each column of the table its place in the stream's rows, or -1
    std::vector<int> key;     ///< for each key column its place in the stream's rows, or -1
    bool full = false;
  };
  [[nodiscard]] Table describe(const wire::Relation& relation) const;
  void begin(const wire::Begin& begun);
  void take_origin(std::string_view name);
  [[nodiscard]] bool captured(Lsn lsn);
  struct Image {
    std::optional<std::string> row;
    bool partial = false;
  };
  [[nodiscard]] static Image image(const Table& table, wire::Tuple values, wire::Tuple before);
  [[nodiscard]] static std::string key_of(const Table& table, wire::Tuple values);
  [[nodiscard]] const Table* table_of(const wire::Relation* relation, Lsn lsn);
  struct Keys {
    std::string now, before;  ///< `before` is empty where it is not known
  };
  /// Outlives the table's description, which the stream may replace behind it.
  struct Change {
    const store::StreamWatch* watch = nullptr;
    std::string kind;
    std::optional<bool> full;  ///< is the old row whole; nothing: there is none
    bool full_otherwise = false;
    Image now;
    std::optional<std::string> before;
    Keys keys;
    std::optional<std::string> origin;
    store::StreamPosition position;  ///< once it is captured
  };
  void insert(const Table& table, const wire::Insert& insert);
  void update(const Table& table, const wire::Update& update);
  void remove(const Table& table, const wire::Delete& removal);
  void truncate(const wire::Truncate& truncate, Lsn lsn);
  [[nodiscard]] Group& group(const Change& change);
  void hold(Change change);
  void release();
  static void supersede(Group& group, const std::string& key, std::size_t mark);
  void take_message(const wire::Message& message);
  void take_mark(std::string_view content);

  std::vector<store::StreamWatch> watches_;
  std::unordered_map<std::uint32_t, Table> tables_;
  store::StreamPosition position_;  ///< once everything here is captured
  store::StreamPosition known_;     ///< captured before this batch began to read
  store::StreamPosition here_;      ///< once the change that is being taken is captured
  std::string own_mark_;            ///< behind what apply has written
  Lsn commit_{}, last_change_{}, mark_{};
  int ordinal_ = 0;
  std::int64_t committed_ = 0, transaction_ = 0;
  std::vector<std::int64_t> transactions_;
  std::optional<std::string> origin_;
  bool in_transaction_ = false;
  std::optional<Change> held_;
  std::string watches_changed_;
  std::deque<Group> groups_;
  std::size_t changes_ = 0, bytes_ = 0;
};

}  // namespace tandem
