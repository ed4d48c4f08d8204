#include "support/private_postgres.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <pwd.h>
#include <signal.h>
#include <sys/file.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <sstream>
#include <stdexcept>

#include "support/wait_for.hpp"

namespace tandem::test_support {
namespace fs = std::filesystem;
namespace {

constexpr const char* server_user = "postgres";

std::string program(const char* name) {
  return (postgres_programs() / name).string();
}

void must(const Finished& finished, const std::string& what) {
  if (finished.status != 0) throw std::runtime_error(what + " failed: " + finished.output);
}

void give_to_server_user(const fs::path& path) {
  if (::geteuid() != 0) return;
  const passwd* entry = ::getpwnam(server_user);
  if (entry == nullptr || ::chown(path.c_str(), entry->pw_uid, entry->pw_gid) != 0)
    throw std::runtime_error("cannot give " + path.string() + " to user " + server_user);
}

/// The cluster that every server is copied from; made by whoever comes first, under a lock.
fs::path template_cluster() {
  static const fs::path made = [] {
    // "postgres (PostgreSQL) 15.20 (Debian …)"
    std::istringstream words(run_program({.arguments = {program("postgres"), "--version"}}).output);
    std::string tag;
    words >> tag >> tag >> tag;
    const auto folder = scratch_folder() / ("template-" + tag);
    const int lock = ::open((folder.string() + ".lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    ::flock(lock, LOCK_EX);
    if (!fs::exists(folder / "cluster" / "PG_VERSION")) {
      fs::remove_all(folder);
      fs::create_directories(folder);
      give_to_server_user(folder);
      const auto fresh = folder / "fresh";
      must(run_program({.arguments = {program("initdb"), "--pgdata", fresh.string(), "--username", server_user,
                                      "--auth", "trust", "--encoding", "UTF8", "--locale", "C.UTF-8", "--no-sync"},
                        .user = server_user}),
           "initdb");
      fs::rename(fresh, folder / "cluster");
    }
    ::close(lock);
    return folder / "cluster";
  }();
  return made;
}

std::string configuration(const PrivatePostgres::Options& options, const fs::path& folder, int port) {
  std::vector<std::pair<std::string, std::string>> settings = {{"listen_addresses", "127.0.0.1"},
                                                               {"port", std::to_string(port)},
                                                               {"unix_socket_directories", folder.string()},
                                                               {"wal_level", "logical"},
                                                               {"max_wal_senders", "10"},
                                                               {"max_replication_slots", "10"},
                                                               {"max_prepared_transactions", "20"},
                                                               {"max_connections", "60"},
                                                               {"shared_buffers", "64MB"},
                                                               {"log_line_prefix", "%m [%p] %q%u@%d %a "},
                                                               {"log_timezone", "UTC"}};
  if (options.durability == PrivatePostgres::Durability::fast) {
    settings.emplace_back("fsync", "off");
    settings.emplace_back("full_page_writes", "off");
  }
  if (options.output_plugin) settings.emplace_back("dynamic_library_path", folder.string() + ":$libdir");
  settings.insert(settings.end(), options.settings.begin(), options.settings.end());
  std::string text;
  for (const auto& [name, value] : settings) text += name + " = '" + value + "'\n";
  return text;
}

std::string last_lines(const std::string& text, std::size_t bytes) {
  return text.size() <= bytes ? text : "…" + text.substr(text.size() - bytes);
}

}  // namespace

fs::path postgres_programs() {
  if (const char* asked = ::getenv("TANDEM_TEST_PG_BIN"); asked != nullptr) return asked;
  fs::path newest;
  int newest_major = 0;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator("/usr/lib/postgresql", ignored)) {
    const int major = std::atoi(entry.path().filename().c_str());
    if (major > newest_major && fs::exists(entry.path() / "bin" / "initdb")) {
      newest_major = major;
      newest = entry.path() / "bin";
    }
  }
  if (newest.empty())
    throw std::runtime_error(
        "no PostgreSQL server below /usr/lib/postgresql: install postgresql or set TANDEM_TEST_PG_BIN");
  return newest;
}

PrivatePostgres::PrivatePostgres(const Options& options) {
  give_to_server_user(folder());
  must(run_program({.arguments = {"cp", "-a", template_cluster().string(), (folder() / "data").string()}}),
       "copying the cluster");
  std::ofstream(folder() / "data" / "postgresql.conf", std::ios::app) << configuration(options, folder(), port());
  if (options.output_plugin)
    fs::copy_file(TANDEM_OUTPUT_PLUGIN, folder() / "tandem.so", fs::copy_options::overwrite_existing);
  start();
  if (options.output_plugin) allow_output_plugin();
  Sql(url("postgres", "postgres")).run("create database crm");
}

PrivatePostgres::~PrivatePostgres() {
  if (::testing::Test::HasFailure()) {
    std::cerr << "PostgreSQL's log (kept: " << (folder() / "log") << "):\n" << last_lines(log(), 4'000) << '\n';
    folder_.keep();
  }
  if (server_) {
    thaw();
    server_->signal(SIGQUIT);
    if (!server_->wait(std::chrono::seconds(10))) server_->kill();
  }
  std::error_code ignored;
  fs::remove_all(folder() / "data", ignored);
}

std::string PrivatePostgres::url(const std::string& user, const std::string& database) const {
  return "postgresql://" + user + "@127.0.0.1:" + std::to_string(port()) + "/" + database;
}

void PrivatePostgres::run_file(const fs::path& file, const std::string& user) {
  must(run_program(
           {.arguments = {program("psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", url(user), "-f", file.string()}}),
       "psql -f " + file.string());
}

void PrivatePostgres::install_tandem() {
  run_file(fs::path(TANDEM_SOURCE_DIR) / "sql" / "install.sql");
}

void PrivatePostgres::start() {
  server_.emplace(ChildProcess::Options{.arguments = {program("postgres"), "-D", (folder() / "data").string()},
                                        .user = server_user,
                                        .output = folder() / "log",
                                        .signal_at_parents_death = SIGQUIT});
  const auto ready = [this] {
    if (!server_->running()) throw std::runtime_error("PostgreSQL did not start: " + last_lines(log(), 2'000));
    // "ready" is the eighth line of postmaster.pid, written when connections are accepted.
    std::istringstream lines(read_file(folder() / "data" / "postmaster.pid"));
    std::string line;
    for (int i = 0; i < 8; ++i) std::getline(lines, line);
    return line.starts_with("ready");
  };
  if (!wait_for(ready, std::chrono::seconds(60)))
    throw std::runtime_error("PostgreSQL is not ready: " + last_lines(log(), 2'000));
}

// Older minor releases do not know the setting and allow every plugin.
void PrivatePostgres::allow_output_plugin() {
  const auto listed = [this] {
    return Sql(url("postgres", "postgres"))
        .rows("select setting like '%tandem%' from pg_settings where name = 'output_plugin_libraries'");
  };
  if (listed().empty()) return;
  Sql sql(url("postgres", "postgres"));
  sql.run("alter system set output_plugin_libraries = pgoutput, test_decoding, tandem");
  sql.run("select pg_reload_conf()");
  if (!wait_for([&] { return listed()[0][0] == "t"; }))
    throw std::runtime_error("output_plugin_libraries was not taken over");
}

void PrivatePostgres::stop(Shutdown how) {
  server_->signal(how == Shutdown::fast ? SIGINT : SIGQUIT);
  if (!server_->wait(std::chrono::seconds(60)))
    throw std::runtime_error("PostgreSQL does not stop: " + last_lines(log(), 2'000));
  if (how == Shutdown::immediate)
    fs::remove(folder() / "data" / "postmaster.pid");  // else its last "ready" would be read at start
}

void PrivatePostgres::restart(Shutdown how) {
  stop(how);
  start();
}

void PrivatePostgres::freeze() const {
  signal_all(SIGSTOP);
}
void PrivatePostgres::thaw() const {
  signal_all(SIGCONT);
}

void PrivatePostgres::signal_all(int number) const {
  // Every backend leads a session of its own, so a process group does not reach them.
  const auto pid = std::to_string(server_->pid());
  server_->signal(number);
  std::istringstream children(read_file("/proc/" + pid + "/task/" + pid + "/children"));
  for (pid_t child = 0; children >> child;) ::kill(child, number);
}

std::string PrivatePostgres::log() const {
  return read_file(folder() / "log");
}

}  // namespace tandem::test_support
