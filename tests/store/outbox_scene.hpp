#pragma once
#include <chrono>
#include <string>
#include <thread>

#include "config/settings.hpp"
#include "store/parked.hpp"
#include "store/route_table.hpp"
#include "store/session.hpp"
#include "store/take_over.hpp"
#include "support/private_postgres.hpp"
#include "support/sql.hpp"

namespace tandem::test_support {

/// A database with tandem's SQL and nothing captured; the configuration knows targets alpha and beta, each with the
/// routes account and contact. `admin` plays the CRM, `session` is the connector's.
class OutboxScene {
 public:
  OutboxScene() : OutboxScene(PrivatePostgres::Options{}) {}
  explicit OutboxScene(const PrivatePostgres::Options& options) : postgres(options) {
    postgres.install_tandem();
    settings.connector = "test";
    settings.database.url = Secret(postgres.url("tandem_connector"));
    for (const auto* name : {"alpha", "beta"}) {
      TargetSettings target;
      target.name = name;
      settings.targets.push_back(target);
      for (const auto* type : {"account", "contact"}) {
        RouteSettings route;
        route.target = name;
        route.request_type = type;
        settings.routes.push_back(route);
      }
    }
    admin.emplace(postgres.url());
  }

  /// As after the constructor, without its seconds.
  void clear() {
    admin->run(
        "truncate tandem.outbox restart identity; truncate tandem.parked, tandem.failed, tandem.identity, "
        "tandem.agreed, "
        "tandem.attempt, tandem.settled_through, tandem.target, tandem.source, tandem.watch, tandem.stream_watch, "
        "tandem.poll_watch, "
        "tandem.route, "
        "tandem.connector, "
        "tandem.connector_alive, tandem.audit, tandem.confirmation, tandem.write_back");
  }
  /// Rows and index entries of tables (quoted, with commas between) that have been read so far; the session tells its
  /// own numbers first, which it does once a second at most.
  [[nodiscard]] long long rows_read(postgres::Connection& session, const std::string& tables) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1'200));
    if (!session.run("select 1")) throw std::runtime_error("the session is lost");
    return admin->number("select (select sum(seq_tup_read) from pg_stat_user_tables where relname in (" + tables +
                         ")) + (select sum(idx_tup_read) from pg_stat_user_indexes where relname in (" + tables + "))");
  }
  [[nodiscard]] postgres::Connection session() const {
    auto opened = store::open_session(settings, "test");
    if (!opened) throw std::runtime_error(opened.error().message);
    return std::move(*opened);
  }
  store::Tenure take_over() const {
    auto connection = session();
    const auto before = store::predecessor(connection, settings.connector);
    auto tenure = store::take_over(connection, settings.connector, before->epoch);
    if (!tenure) throw std::runtime_error(tenure.error().message);
    return *tenure;
  }
  [[nodiscard]] store::Fence fence(const store::Tenure& tenure) const { return {settings.connector, tenure.epoch}; }

  /// One committed record; its counter.
  long long insert(const std::string& object_id, const std::string& target = "alpha",
                   const std::string& request_type = "account", const std::string& body = "'{\"n\": 1}'") {
    return admin->number("insert into tandem.outbox (object_id, request_type, operation, target, body) values ('" +
                         object_id + "', '" + request_type + "', 'update', '" + target + "', " + body +
                         ") returning counter");
  }

  PrivatePostgres postgres;
  Settings settings;
  std::optional<Sql> admin;
};

}  // namespace tandem::test_support
