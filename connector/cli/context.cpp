#include "cli/context.hpp"

#include <algorithm>
#include <filesystem>

namespace tandem::cli {
namespace {

/// libpq tells no SQLSTATE of a connection that was refused, only words.
std::string remedy_for(std::string_view refusal, const std::string& file) {
  const auto says = [refusal](std::string_view words) { return refusal.find(words) != std::string_view::npos; };
  if (says("role \"tandem_connector\" does not exist"))
    return "run `tandem migrate` first: it makes this role (database.admin_url names who may)";
  if (says("password authentication failed") || says("no password supplied"))
    return R"(give the role a password (psql: \password tandem_connector) and the connector the same, e.g. by database.url_file)";
  return "check database.url in " + file + " and that the server runs";
}

}  // namespace

const Loaded& Context::loaded() {
  if (loaded_) return *loaded_;
  std::error_code ignored;
  const bool exists = std::filesystem::exists(common_.config, ignored);
  if (!exists && !common_.config_named && !common_.database.empty()) {
    loaded_.emplace();  // --database alone is enough for the commands that need no more
    loaded_->settings.capture.slot = "tandem_" + loaded_->settings.connector;
  } else {
    loaded_ = load_settings(common_.config, process_environment());
  }
  if (!common_.database.empty()) {
    loaded_->settings.database.url = Secret(common_.database);
    loaded_->settings.database.admin_url = Secret();
    std::erase_if(loaded_->problems, [](const Problem& p) { return p.key.starts_with("database"); });
  }
  return *loaded_;
}

Problems Context::database_problems() {
  Problems problems = loaded().problems;
  std::erase_if(problems, [](const Problem& p) { return !p.key.empty() && !p.key.starts_with("database"); });
  return problems;
}

Result<postgres::Connection> Context::connect(Session session, std::string_view purpose) {
  const DatabaseSettings& database = loaded().settings.database;
  const Secret& url = session == Session::admin && !database.admin_url.empty() ? database.admin_url : database.url;
  if (url.empty())
    return fail(ErrorKind::config, "no database is configured",
                "set database.url in " + common_.config + ", or give --database URL");
  postgres::Connection::Options options;
  options.application_name = "tandem " + loaded().settings.connector + " " + std::string(purpose);
  options.deadline = session == Session::admin ? std::chrono::minutes(10) : std::chrono::minutes(1);
  options.settings = {{"row_security", "off"}, {"search_path", "pg_catalog, pg_temp"}};
  auto connection = postgres::Connection::open(url.reveal(), options);
  if (!connection && connection.error().hint.empty())
    connection.error().hint = remedy_for(connection.error().message, common_.config);
  return connection;
}

bool holds_password(std::string_view conninfo) {
  if (conninfo.find("password") != std::string_view::npos) return true;
  const auto scheme = conninfo.find("://");
  if (scheme == std::string_view::npos) return false;
  const auto authority = conninfo.substr(scheme + 3, conninfo.find_first_of("/?", scheme + 3) - scheme - 3);
  const auto at = authority.rfind('@');
  return at != std::string_view::npos && authority.substr(0, at).find(':') != std::string_view::npos;
}

}  // namespace tandem::cli
