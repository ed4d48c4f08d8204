#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "apply/columns.hpp"
#include "model/error.hpp"
#include "postgres/connection.hpp"

namespace tandem {

/// The statements by which apply reads and writes a watched table. They are made from the names of columns, and
/// prepared: a session knows each of them once. They hold on to this table's text. Those that read are about many
/// objects at once, and answer in their first column at which place each of them was given, from 1.
class CrmTable {
 public:
  /// Where one version of a row is: another one stands elsewhere.
  struct Version {
    std::string ctid, tableoid;
  };

  CrmTable(std::string name, std::string relation, std::vector<std::string> key)
      : name_(std::move(name)), relation_(std::move(relation)), key_(std::move(key)) {}

  [[nodiscard]] const std::string& relation() const { return relation_; }
  [[nodiscard]] const std::vector<std::string>& key() const { return key_; }
  [[nodiscard]] std::size_t statements() const { return statements_.size(); }

  /// What the CRM has on its table.
  struct Traits {
    bool changes_rows = true;  ///< its own triggers can change a row behind its write
    bool in_sets = false;      ///< no trigger, rule or child of the CRM's: rows may share a statement
  };

  /// What is known of the table, and may be a second old: type names by column, as format_type() gives them.
  void learn(std::map<std::string, std::string, std::less<>> types, Traits traits);
  /// "" where the type is not known.
  [[nodiscard]] std::string_view type_of(std::string_view column) const;
  [[nodiscard]] bool changes_rows() const { return traits_.changes_rows; }
  [[nodiscard]] bool in_sets() const { return traits_.in_sets; }
  /// Does a stream capture the table? Known behind the locks of `lock`, until the transaction ends.
  void take_streamed(bool streamed) { streamed_ = streamed; }

  /// (place, object): the values as the database prints them for our columns, all columns of the table.
  [[nodiscard]] postgres::Statement canonical(std::span<const std::string> objects);
  /// (place, row): at most two rows that have each object's values in these columns.
  [[nodiscard]] postgres::Statement find(postgres::Connection& session, const std::vector<std::string>& columns,
                                         std::span<const std::string> objects);
  /// (place, row, ctid, tableoid): locked against others' changes. Waits for nobody: a row that somebody else has
  /// locked is left out, like one that is gone.
  [[nodiscard]] postgres::Statement lock(postgres::Connection& session, std::span<const std::string> object_ids);
  /// (place, row).
  [[nodiscard]] postgres::Statement read(postgres::Connection& session, std::span<const std::string> object_ids);
  /// (place, must it wait for the stream, hash of the row or null, from where in the log on, milliseconds so far); none
  /// where no stream captures the table. `counters`: of the records that are about them.
  [[nodiscard]] postgres::Statement behind(std::span<const std::string> object_ids,
                                           std::span<const std::int64_t> counters) const;

  // Where a stream captures the table, what these write is followed by apply's mark in the log.
  /// (row) as the CRM's BEFORE triggers have made it; none: a trigger has not let it in.
  [[nodiscard]] postgres::Statement insert(postgres::Connection& session, const Columns& values);
  /// (row) as BEFORE triggers have made it; these two affect no row where it is no longer the version that was locked.
  [[nodiscard]] postgres::Statement change(postgres::Connection& session, const Version& version,
                                           const std::vector<std::string>& columns, const Columns& values);
  [[nodiscard]] postgres::Statement erase(postgres::Connection& session, const Version& version);

  /// Several rows at once, of a table that allows it. Each of `rows` has values of the same columns.
  /// (a JSON token for each column of the key), in the order of `rows`.
  [[nodiscard]] postgres::Statement insert_all(postgres::Connection& session, std::span<const Columns> rows);
  /// Affects as many rows as are still the versions that were locked.
  [[nodiscard]] postgres::Statement change_all(postgres::Connection& session, std::span<const Version> versions,
                                               std::span<const Columns> rows);

 private:
  /// What stands behind `from`, and its parameters.
  struct Given {
    std::string text;
    std::vector<postgres::Param> params;
  };
  [[nodiscard]] Given given(postgres::Connection& session, std::span<const Columns> rows,
                            std::span<const std::string> places) const;
  [[nodiscard]] Given given_as_json(std::span<const Columns> rows, std::span<const std::string> places) const;
  [[nodiscard]] std::optional<std::string> cast_of_key() const;
  [[nodiscard]] postgres::Query prepared(std::string sql);
  [[nodiscard]] std::string by_key(postgres::Connection& session) const;
  [[nodiscard]] std::string mark(postgres::Connection& session) const;
  [[nodiscard]] std::string marked(postgres::Connection& session, std::string_view word) const;
  [[nodiscard]] postgres::Param keys_of(std::span<const std::string> object_ids) const;

  std::string name_, relation_;
  std::vector<std::string> key_;
  std::map<std::string, std::string, std::less<>> types_;
  Traits traits_;
  bool streamed_ = false;
  std::map<std::string, std::string, std::less<>> statements_;  ///< name by text
};

}  // namespace tandem
