#include "cli/installation.hpp"

#include <algorithm>
#include <map>

#include "cli/embedded/functions.hpp"
#include "cli/embedded/migrations.hpp"
#include "cli/embedded/privileges.hpp"
#include "cli/embedded/views.hpp"
#include "cli/patience.hpp"
#include "cli/transaction.hpp"

namespace tandem::cli {
namespace {

using postgres::Connection;
using postgres::Param;

Result<std::string> checksum(Connection& session, std::string_view text) {
  const Param params[] = {text};
  auto rows = session.run("select encode(sha256(convert_to($1::text, 'UTF8')), 'hex')", params);
  if (!rows) return tl::unexpected(rows.error());
  return std::string(rows->text(0, 0));
}

Result<std::vector<std::string>> checksums(Connection& session) {
  std::vector<std::string> sums;
  for (const Migration& migration : migrations()) {
    auto sum = checksum(session, migration.up);
    if (!sum) return tl::unexpected(sum.error());
    sums.push_back(std::move(*sum));
  }
  return sums;
}

Error in_file(Error error, const std::string& file) {
  error.message = file + ": " + error.message;
  return error;
}

/// One tandem migrate at a time; the lock ends with the session at the latest.
Status lock(Connection& session, const Progress& progress) {
  for (int tries = 0; tries < 60; ++tries) {
    auto rows = session.run("select pg_try_advisory_lock(hashtextextended('tandem migrate', 0))");
    if (!rows) return tl::unexpected(rows.error());
    if (rows->flag(0, 0)) return {};
    if (tries == 0) progress("another `tandem migrate` is running; waiting for it");
    std::this_thread::sleep_for(std::chrono::seconds(1));
  }
  return fail(ErrorKind::unavailable, "another `tandem migrate` has held the lock for a minute",
              "look for its session in pg_stat_activity");
}

void unlock(Connection& session) {
  if (session.usable()) [[maybe_unused]]
    const auto done = session.run("select pg_advisory_unlock(hashtextextended('tandem migrate', 0))");
}

Status run_file(Connection& session, const std::string& name, std::string_view text) {
  if (auto done = session.script(text); !done) return tl::unexpected(in_file(done.error(), name));
  return {};
}

Status apply_one(Connection& session, const Migration& migration, const std::string& sum) {
  auto transaction = Transaction::begin(session, "set local check_function_bodies = off");
  if (!transaction) return tl::unexpected(transaction.error());
  if (auto done = run_file(session, migration.name, migration.up); !done) return done;
  const Param params[] = {std::int64_t{migration.version}, sum};
  auto recorded =
      session.run("update tandem.schema_version set checksum = $2 where version = $1 returning version", params);
  if (!recorded) return tl::unexpected(recorded.error());
  if (recorded->size() != 1)
    return fail(ErrorKind::internal, "the migration " + migration.name + " did not record itself");
  return transaction->commit();
}

Status apply_repeatable(Connection& session) {
  auto transaction = Transaction::begin(session, "set local check_function_bodies = off");
  if (!transaction) return tl::unexpected(transaction.error());
  for (const SqlFile& file : repeatable_files())
    if (auto done = run_file(session, std::string(file.name), file.text); !done) return done;
  return transaction->commit();
}

Status take_back(Connection& session, const Migration& migration) {
  auto transaction = Transaction::begin(session, "set local check_function_bodies = off");
  if (!transaction) return tl::unexpected(transaction.error());
  const Param params[] = {std::int64_t{migration.version}};
  if (auto done = session.run("delete from tandem.schema_version where version = $1", params); !done)
    return tl::unexpected(done.error());
  if (auto done = run_file(session, migration.name, migration.down); !done) return done;
  return transaction->commit();
}

Status make_publication(Connection& session, const std::string& publication, const Progress& progress) {
  const Param params[] = {publication};
  auto found = session.run("select from pg_publication where pubname = $1", params);
  if (!found) return tl::unexpected(found.error());
  if (found->size() > 0) return {};
  auto made = session.script("create publication " + session.quoted_identifier(publication) +
                             " for table tandem.outbox, tandem.inbox with (publish = 'insert')");
  if (!made) return tl::unexpected(in_file(made.error(), "publication " + publication));
  progress("created the publication " + publication);
  return {};
}

}  // namespace

std::vector<Migration> migrations() {
  std::map<int, Migration> found;
  for (const SqlFile& file : sql_files::migrations::all) {
    const int version = std::stoi(std::string(file.name.substr(0, 4)));
    Migration& migration = found[version];
    migration.version = version;
    const auto dot = file.name.rfind('.');
    migration.name = std::string(file.name.substr(0, dot));
    (file.name.substr(dot) == ".up" ? migration.up : migration.down) = file.text;
  }
  std::vector<Migration> ordered;
  for (auto& [version, migration] : found) ordered.push_back(std::move(migration));
  return ordered;
}

std::vector<SqlFile> repeatable_files() {
  std::vector<SqlFile> files;
  const auto add = [&](const auto& folder) { files.insert(files.end(), folder.begin(), folder.end()); };
  add(sql_files::functions::all);
  add(sql_files::views::all);
  add(sql_files::privileges::all);
  return files;
}

Result<Ledger> read_ledger(Connection& session) {
  Ledger ledger;
  auto exists = session.run("select to_regclass('tandem.schema_version') is not null");
  if (!exists) return tl::unexpected(exists.error());
  ledger.installed = exists->flag(0, 0);
  if (!ledger.installed) return ledger;
  auto rows = session.run("select version, name, checksum from tandem.schema_version order by version");
  if (!rows) return tl::unexpected(rows.error());
  for (int i = 0; i < rows->size(); ++i)
    ledger.entries.push_back(
        {static_cast<int>(rows->number(i, 0)), std::string(rows->text(i, 1)), std::string(rows->text(i, 2))});
  return ledger;
}

Status check_ledger(const Ledger& ledger, const std::vector<std::string>& sums) {
  for (std::size_t i = 0; i < ledger.entries.size(); ++i) {
    const auto& entry = ledger.entries[i];
    if (i >= sums.size())
      return fail(ErrorKind::refused,
                  "the database has migration " + std::to_string(entry.version) + " (" + entry.name +
                      "), which this tandem does not know",
                  "use the tandem that installed it, or a newer one");
    if (entry.version != static_cast<int>(i) + 1)
      return fail(ErrorKind::refused, "the ledger tandem.schema_version lacks migration " + std::to_string(i + 1),
                  "restore the row, or find out who removed it");
    if (!entry.checksum.empty() && entry.checksum != sums[i])
      return fail(ErrorKind::refused,
                  "migration " + std::to_string(entry.version) + " (" + entry.name +
                      ") was applied from another file than this tandem's",
                  "use the tandem that installed it; released migrations never change");
  }
  return {};
}

Result<int> migrate_up(Connection& session, const std::string& publication, const Progress& progress) {
  if (auto locked = lock(session, progress); !locked) return tl::unexpected(locked.error());
  const auto work = [&]() -> Result<int> {
    auto ledger = read_ledger(session);
    if (!ledger) return tl::unexpected(ledger.error());
    auto sums = checksums(session);
    if (!sums) return tl::unexpected(sums.error());
    if (auto fits = check_ledger(*ledger, *sums); !fits) return tl::unexpected(fits.error());
    for (const auto& entry : ledger->entries) {
      if (!entry.checksum.empty()) continue;
      const Param params[] = {std::int64_t{entry.version}, (*sums)[static_cast<std::size_t>(entry.version) - 1]};
      auto filled =
          session.run("update tandem.schema_version set checksum = $2 where version = $1 and checksum is null", params);
      if (!filled) return tl::unexpected(filled.error());
    }
    int applied = 0;
    for (const Migration& migration : migrations()) {
      if (migration.version <= ledger->version()) continue;
      const auto& sum = (*sums)[static_cast<std::size_t>(migration.version) - 1];
      if (auto done = patiently([&] { return apply_one(session, migration, sum); }, progress); !done)
        return tl::unexpected(done.error());
      progress("applied " + migration.name);
      ++applied;
    }
    if (auto done = patiently([&] { return apply_repeatable(session); }, progress); !done)
      return tl::unexpected(done.error());
    if (auto done = make_publication(session, publication, progress); !done) return tl::unexpected(done.error());
    return applied;
  };
  auto result = work();
  unlock(session);
  return result;
}

Result<int> migrate_down(Connection& session, int version, const Progress& progress) {
  if (auto locked = lock(session, progress); !locked) return tl::unexpected(locked.error());
  const auto work = [&]() -> Result<int> {
    auto ledger = read_ledger(session);
    if (!ledger) return tl::unexpected(ledger.error());
    auto sums = checksums(session);
    if (!sums) return tl::unexpected(sums.error());
    if (auto fits = check_ledger(*ledger, *sums); !fits) return tl::unexpected(fits.error());
    auto known = migrations();
    std::ranges::reverse(known);
    int taken_back = 0;
    for (const Migration& migration : known) {
      if (migration.version <= version || migration.version > ledger->version()) continue;
      if (auto done = patiently([&] { return take_back(session, migration); }, progress); !done)
        return tl::unexpected(done.error());
      progress("took back " + migration.name);
      ++taken_back;
    }
    return taken_back;
  };
  auto result = work();
  unlock(session);
  return result;
}

Status require_installation(Connection& session) {
  auto ledger = read_ledger(session);
  if (!ledger) return tl::unexpected(ledger.error());
  if (!ledger->installed)
    return fail(ErrorKind::refused, "tandem is not installed in this database", "run `tandem migrate`");
  auto sums = checksums(session);
  if (!sums) return tl::unexpected(sums.error());
  if (auto fits = check_ledger(*ledger, *sums); !fits) return fits;
  const int newest = migrations().back().version;
  if (ledger->version() < newest)
    return fail(ErrorKind::refused,
                "the database has version " + std::to_string(ledger->version()) +
                    " of tandem's schema, this tandem needs " + std::to_string(newest),
                "run `tandem migrate`");
  return {};
}

}  // namespace tandem::cli
