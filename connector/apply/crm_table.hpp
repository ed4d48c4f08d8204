#pragma once
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "apply/columns.hpp"
#include "model/error.hpp"
#include "postgres/connection.hpp"

namespace tandem {

/// A watched table as apply reads and writes it. Its statements are made from the names of columns, and prepared: a
/// session knows each of them once.
class CrmTable {
 public:
  CrmTable(std::string name, std::string relation, std::vector<std::string> key)
      : name_(std::move(name)), relation_(std::move(relation)), key_(std::move(key)) {}

  [[nodiscard]] const std::vector<std::string>& key() const { return key_; }
  [[nodiscard]] std::size_t statements() const { return statements_.size(); }

  /// These values as the database prints them for our columns; unknown columns are left out.
  [[nodiscard]] Result<Columns> canonical(postgres::Connection& session, const Columns& given);
  /// object_ids of at most two rows that have these values in these columns.
  [[nodiscard]] Result<std::vector<std::string>> find(postgres::Connection& session,
                                                      const std::vector<std::string>& columns, const Columns& values);
  /// The row as the CRM's BEFORE triggers have made it; empty: a trigger has not let it in.
  [[nodiscard]] Result<Columns> insert(postgres::Connection& session, const Columns& values);

  // Statements, to be sent with others in one round trip. They hold on to this table's text.
  /// The row, locked against others' changes; no row where it is gone.
  [[nodiscard]] postgres::Statement lock(postgres::Connection& session, const std::string& object_id);
  [[nodiscard]] postgres::Statement change(postgres::Connection& session, const std::string& object_id,
                                           const std::vector<std::string>& columns, const Columns& values);
  [[nodiscard]] postgres::Statement erase(postgres::Connection& session, const std::string& object_id);

 private:
  [[nodiscard]] postgres::Query prepared(std::string sql);
  [[nodiscard]] std::string where(postgres::Connection& session) const;

  std::string name_, relation_;
  std::vector<std::string> key_;
  std::map<std::string, std::string, std::less<>> statements_;  ///< name by text
};

}  // namespace tandem
