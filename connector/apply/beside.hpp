#pragma once
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "apply/inbox_record.hpp"
#include "apply/turn.hpp"
#include "config/settings.hpp"
#include "postgres/rows.hpp"

/// What is known of transactions that apply records side by side. Together they are like one round: no record of one
/// may depend on what another one does.
namespace tandem {

/// The objects that records tell of, by what the records themselves say. Pure.
class ToldObjects {
 public:
  void add(const InboxRecord& record);
  /// Does a record of these tell of the same object?
  [[nodiscard]] bool tell_of(const InboxRecord& record) const;
  [[nodiscard]] bool tell_of(const std::string& target, const std::string& request_type,
                             const std::string& remote_id) const;
  /// Is this object told to be deleted, under either of its ids?
  [[nodiscard]] bool tell_the_end_of(const std::string& target, const std::string& request_type,
                                     const std::string& remote_id, const std::string& object_id) const;

 private:
  std::unordered_set<std::string> objects_, ended_;
};

/// What the transactions that are open before a batch tell of: they commit before it does.
using ToldBefore = std::vector<std::shared_ptr<const ToldObjects>>;

/// Rows that a transaction is about, as hashes of table and key, in ascending order.
using RowMarks = std::vector<std::size_t>;
[[nodiscard]] std::size_t row_mark(const Turn& turn);
[[nodiscard]] bool share_a_row(const RowMarks& a, const RowMarks& b);

/// Applied, or found to be nothing new: what may be said of a record although others are open. All else (it waits, it
/// fails) could come from them, and is decided when none is.
[[nodiscard]] bool is_plain(const Turn& turn);

/// Which records may be applied while others are: those of a table where nothing of the CRM's could tell the order of
/// two rows, deletes where they reach no other table, and what a natural key finds where no other route inserts into
/// the table: what that does is not seen before it has committed.
class OrdinaryRecords {
 public:
  explicit OrdinaryRecords(const Settings& settings) : settings_(settings) {}
  /// From the rows of apply_tables.
  void learn(const postgres::Rows& rows);
  [[nodiscard]] bool contain(const InboxRecord& record) const;

 private:
  struct Kind {
    bool ordinary, deletes_reach_further;
  };
  const Settings& settings_;
  std::map<std::pair<std::string, std::string>, Kind> kinds_;  ///< by target and request type
};

}  // namespace tandem
