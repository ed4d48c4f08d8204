#pragma once
#include <optional>
#include <string>

#include "cli/output.hpp"
#include "config/load.hpp"
#include "postgres/connection.hpp"

namespace tandem::cli {

/// What every command is given: where to speak, which file, which database.
struct Common {
  std::string config = "tandem.yaml";
  bool config_named = false;  ///< on the command line or by TANDEM_CONFIG: it must exist then
  std::string database;       ///< overrides database.url; without password
  Form form = Form::text;
};

enum class Session {
  everyday,  ///< database.url: the connector's role
  admin,     ///< database.admin_url where given: owns the watched tables, may create roles
};

class Context {
 public:
  Context(Common common, Output output) : common_(std::move(common)), output_(output) {}

  [[nodiscard]] Output& output() { return output_; }
  [[nodiscard]] const Common& common() const { return common_; }
  /// The configuration, read once, with --database in its place.
  [[nodiscard]] const Loaded& loaded();
  /// For commands that need the database alone: other problems of the file do not stop them.
  [[nodiscard]] Problems database_problems();
  [[nodiscard]] Result<postgres::Connection> connect(Session session, std::string_view purpose);

 private:
  Common common_;
  Output output_;
  std::optional<Loaded> loaded_;
};

/// A password on a command line is a password in the process list.
[[nodiscard]] bool holds_password(std::string_view conninfo);

}  // namespace tandem::cli
