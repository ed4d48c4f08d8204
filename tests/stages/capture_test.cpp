#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <mutex>
#include <thread>
#include <vector>

#include "capture/capture_thread.hpp"
#include "capture/plugin_choice.hpp"
#include "support/private_postgres.hpp"
#include "support/wait_for.hpp"

namespace tandem {
namespace {

using namespace std::chrono_literals;
using test_support::PrivatePostgres;
using test_support::Sql;
using test_support::wait_for;
using testing::HasSubstr;

// Capture on its thread, with everything it said.
class Listener {
 public:
  explicit Listener(const std::string& url, std::uint64_t wal_budget = std::uint64_t{1} << 30,
                    PluginChoice plugin = PluginChoice::automatic) {
    settings_.database.url = Secret(url);
    settings_.capture.wal_budget_bytes = wal_budget;
    settings_.capture.plugin = plugin;
    CaptureThread::Callbacks callbacks;
    callbacks.ring = [this](std::span<const Ring> rings) {
      const std::lock_guard lock(mutex_);
      rings_.insert(rings_.end(), rings.begin(), rings.end());
    };
    callbacks.streaming = [this](bool up) {
      const std::lock_guard lock(mutex_);
      turns_.push_back(up);
    };
    callbacks.server_changed = [this](const ServerIdentity&, const ServerIdentity&) {
      const std::lock_guard lock(mutex_);
      ++servers_;
    };
    capture_ = std::make_unique<CaptureThread>(settings_, callbacks);
    thread_ = std::jthread([this](const std::stop_token& stop) { capture_->run(stop); });
  }
  void stop() {
    thread_.request_stop();
    thread_.join();
  }

  [[nodiscard]] bool streams() const {
    return wait_for([this] { return capture_->streaming(); }, 30s);
  }
  [[nodiscard]] bool reaches(CapturePhase phase) const {
    return wait_for([&] { return standing().phase == phase; }, 30s);
  }
  [[nodiscard]] bool heard(const std::string& target, Counter counter) const {
    return wait_for([&] {
      const std::lock_guard lock(mutex_);
      return std::any_of(rings_.begin(), rings_.end(),
                         [&](const Ring& r) { return r.target == target && r.counter == counter; });
    });
  }
  [[nodiscard]] CaptureStanding standing() const { return capture_->standing(); }
  [[nodiscard]] std::size_t rings() const {
    const std::lock_guard lock(mutex_);
    return rings_.size();
  }
  [[nodiscard]] std::vector<bool> turns() const {
    const std::lock_guard lock(mutex_);
    return turns_;
  }

 private:
  Settings settings_;
  mutable std::mutex mutex_;
  std::vector<Ring> rings_;
  std::vector<bool> turns_;
  int servers_ = 0;
  std::unique_ptr<CaptureThread> capture_;
  std::jthread thread_;
};

PrivatePostgres::Options with(std::vector<std::pair<std::string, std::string>> settings) {
  return {.settings = std::move(settings)};
}

class Scene : public testing::Test {
 protected:
  explicit Scene(const PrivatePostgres::Options& options = {}) : server_(options) { server_.install_tandem(); }

  std::string url() const { return server_.url("tandem_connector"); }  // the least rights, as in production
  // Commits a record; its counter.
  static Counter record(Sql& sql, const std::string& target = "crm") {
    const auto rows = sql.rows(
        "insert into tandem.outbox (object_id, request_type, operation, target) values ('1', 'account', 'update', $1) "
        "returning counter",
        {target});
    return Counter{std::stoll(*rows[0][0])};
  }
  std::string slots() { return *server_.connect().rows("select count(*) from pg_replication_slots")[0][0]; }

  PrivatePostgres server_;
};

// Everything below holds whichever plugin decodes.
class Capture : public Scene, public testing::WithParamInterface<OutputPlugin> {
 protected:
  Capture() : Scene({.output_plugin = GetParam() == OutputPlugin::tandem}) {}
  static std::string plugin() { return std::string(word(GetParam())); }
};
INSTANTIATE_TEST_SUITE_P(Over, Capture, testing::Values(OutputPlugin::pgoutput, OutputPlugin::tandem),
                         [](const auto& one) { return std::string(word(one.param)); });

TEST_P(Capture, RingsForEachTargetAndForPeople) {
  const Listener listener(url());
  ASSERT_TRUE(listener.streams());
  Sql sql = server_.connect();
  EXPECT_TRUE(listener.heard("crm", record(sql)));
  EXPECT_TRUE(listener.heard("erp", record(sql, "erp")));
  sql.run("select pg_logical_emit_message(true, 'tandem', 'retry')");
  EXPECT_TRUE(listener.heard("", Counter{0}));
}

TEST_P(Capture, IsSilentAboutWhatWasRolledBack) {
  const Listener listener(url());
  ASSERT_TRUE(listener.streams());
  Sql sql = server_.connect();
  sql.run("begin");
  const Counter gone = record(sql);
  sql.run("rollback");
  EXPECT_TRUE(listener.heard("crm", record(sql)));
  EXPECT_EQ(listener.rings(), 1U) << "counter " << gone.value << " never came to be";
}

TEST_P(Capture, LeavesNoSlotBehind) {
  Listener listener(url());
  ASSERT_TRUE(listener.streams());
  EXPECT_EQ(slots(), "1");
  listener.stop();
  EXPECT_TRUE(wait_for([this] { return slots() == "0"; }));
  EXPECT_EQ(listener.standing().phase, CapturePhase::stopped);
  EXPECT_THAT(listener.turns(), testing::ElementsAre(true, false));
}

TEST_P(Capture, ConfirmsWhatItReceivedAlsoWhileNothingConcernsUs) {
  const Listener listener(url());
  ASSERT_TRUE(listener.streams());
  Sql sql = server_.connect();
  sql.run("create table other (n integer); insert into other select generate_series(1, 10000)");
  const std::string target = *sql.rows("select pg_current_wal_lsn()")[0][0];
  EXPECT_TRUE(wait_for([&] {
    return sql.rows("select confirmed_flush_lsn >= '" + target + "' from pg_replication_slots")[0][0] == "t";
  }));
  EXPECT_GE(listener.standing().received, parse_lsn(target).value());
}

TEST_P(Capture, StreamsAgainAfterEveryKindOfRestart) {
  const Listener listener(url());
  for (const auto how : {PrivatePostgres::Shutdown::fast, PrivatePostgres::Shutdown::immediate}) {
    ASSERT_TRUE(listener.streams());
    server_.restart(how);
    ASSERT_TRUE(wait_for([&] { return listener.turns().size() % 2 == 0; })) << "noticed";
    ASSERT_TRUE(listener.streams());
    Sql sql = server_.connect();
    EXPECT_TRUE(listener.heard("crm", record(sql)));
  }
}

TEST_P(Capture, AFastShutdownDoesNotWaitForIt) {
  const Listener listener(url());
  ASSERT_TRUE(listener.streams());
  Sql sql = server_.connect();
  record(sql);
  const auto began = std::chrono::steady_clock::now();
  server_.stop(PrivatePostgres::Shutdown::fast);
  EXPECT_LT(std::chrono::steady_clock::now() - began, 20s);
  server_.start();
}

TEST_P(Capture, MakesANewSlotAfterItsWalsenderWasEnded) {
  const Listener listener(url());
  ASSERT_TRUE(listener.streams());
  Sql sql = server_.connect();
  sql.run("select pg_terminate_backend(active_pid) from pg_replication_slots");
  ASSERT_TRUE(wait_for([&] { return listener.turns().size() >= 3; }));
  ASSERT_TRUE(listener.streams());
  EXPECT_TRUE(listener.heard("crm", record(sql)));
}

TEST_P(Capture, WaitsForALongTransactionInTheBackgroundAndCanBeStoppedMeanwhile) {
  Sql writer = server_.connect();
  writer.run("begin; create table held (n integer)");
  Listener listener(url());
  ASSERT_TRUE(listener.reaches(CapturePhase::creating_slot));
  listener.stop();
  // The walsender that waited is ended too: nothing holds WAL.
  EXPECT_TRUE(wait_for([this] { return slots() == "0"; }));
  Listener second(url());
  ASSERT_TRUE(second.reaches(CapturePhase::creating_slot));
  writer.run("commit");
  EXPECT_TRUE(second.streams());
}

TEST_P(Capture, UsesAPersistentSlotThatAPersonMadeAndReplacesOneThatIsLost) {
  Sql sql = server_.connect();
  sql.run("select pg_create_logical_replication_slot('tandem_main', '" + plugin() + "')");
  {
    const Listener listener(url());
    ASSERT_TRUE(listener.streams());
    EXPECT_TRUE(listener.heard("crm", record(sql)));
    EXPECT_EQ(sql.rows("select temporary from pg_replication_slots")[0][0], "f");
  }
  EXPECT_EQ(slots(), "1") << "what a person made stays";
  sql.run("alter system set max_slot_wal_keep_size = '1MB'");
  sql.run("select pg_reload_conf()");
  for (int i = 0; i < 4; ++i)
    sql.run("select pg_switch_wal(); create table switched_" + std::to_string(i) + " (); checkpoint");
  ASSERT_TRUE(wait_for([&] {
    sql.run("checkpoint");
    return sql.rows("select wal_status from pg_replication_slots")[0][0] == "lost";
  }));
  const Listener listener(url());
  ASSERT_TRUE(listener.streams());
  EXPECT_EQ(sql.rows("select temporary from pg_replication_slots")[0][0], "t");
  EXPECT_TRUE(listener.heard("crm", record(sql)));
}

TEST_P(Capture, ASlotThatWasDroppedWhileItWasAwayIsMadeAnew) {
  Sql sql = server_.connect();
  sql.run("select pg_create_logical_replication_slot('tandem_main', '" + plugin() + "')");
  {
    const Listener listener(url());
    ASSERT_TRUE(listener.streams());
  }
  ASSERT_TRUE(wait_for([&] { return sql.rows("select active from pg_replication_slots")[0][0] == "f"; }));
  sql.run("select pg_drop_replication_slot('tandem_main')");
  const Listener listener(url());
  EXPECT_TRUE(listener.streams());
}

class CaptureOverPgoutput : public Scene {};

// Some minor releases fail on WAL from before the publication, some pass it over.
TEST_F(CaptureOverPgoutput, ASlotOlderThanItsPublicationDoesNoHarm) {
  Sql sql = server_.connect();
  sql.run("drop publication tandem");
  sql.run("select pg_create_logical_replication_slot('tandem_main', 'pgoutput')");
  record(sql);
  sql.run("create publication tandem for table tandem.outbox with (publish = 'insert')");
  const Listener listener(url());
  ASSERT_TRUE(wait_for([&] { return listener.standing().received > Lsn{}; }, 30s));
  ASSERT_TRUE(listener.streams());
  EXPECT_TRUE(listener.heard("crm", record(sql)));
}

TEST_P(Capture, EndsAnEarlierSessionOfItsOwnName) {
  const Listener first(url());
  ASSERT_TRUE(first.streams());
  const Listener second(url());
  EXPECT_TRUE(second.streams());
}

TEST_F(CaptureOverPgoutput, PollsWithoutAPublication) {
  server_.connect().run("drop publication tandem");
  const Listener listener(url());
  ASSERT_TRUE(listener.reaches(CapturePhase::polling));
  EXPECT_THAT(listener.standing().reason, HasSubstr("publication"));
  EXPECT_FALSE(listener.standing().hint.empty());
}

TEST_P(Capture, PollsWhereTheRoleMayNotReplicate) {
  server_.connect().run("alter role tandem_connector noreplication");
  const Listener listener(url());
  ASSERT_TRUE(listener.reaches(CapturePhase::polling));
  EXPECT_THAT(listener.standing().hint, HasSubstr("replication"));
  EXPECT_TRUE(listener.turns().empty());
}

class CaptureWithoutSlots : public Scene {
 protected:
  CaptureWithoutSlots() : Scene(with({{"max_replication_slots", "0"}})) {}
};
TEST_F(CaptureWithoutSlots, Polls) {
  const Listener listener(url());
  ASSERT_TRUE(listener.reaches(CapturePhase::polling));
  EXPECT_THAT(listener.standing().hint, HasSubstr("max_replication_slots"));
}

class CaptureOfPhysicalWal : public Scene {
 protected:
  CaptureOfPhysicalWal() : Scene(with({{"wal_level", "replica"}})) {}
};
TEST_F(CaptureOfPhysicalWal, PollsAndSaysWhy) {
  const Listener listener(url());
  ASSERT_TRUE(listener.reaches(CapturePhase::polling));
  EXPECT_THAT(listener.standing().hint, HasSubstr("wal_level"));
}

class CaptureWithShortTimeouts : public Scene {
 protected:
  CaptureWithShortTimeouts() : Scene(with({{"wal_sender_timeout", "1s"}})) {}
};
TEST_F(CaptureWithShortTimeouts, AnswersKeepalives) {
  const Listener listener(url());
  ASSERT_TRUE(listener.streams());
  Sql sql = server_.connect();
  EXPECT_FALSE(wait_for([&] { return listener.turns().size() > 1; }, 3s)) << "one stream, never broken";
  EXPECT_TRUE(listener.heard("crm", record(sql)));
}

// A transaction that stays open pins the slot's WAL; past the budget the slot goes, and the connector polls.
class CaptureWithABudget : public Scene {};
TEST_F(CaptureWithABudget, GivesTheSlotUp) {
  const Listener listener(url(), 4 << 20);
  ASSERT_TRUE(listener.streams());
  Sql holder = server_.connect();
  holder.run("begin; create table held (n integer)");
  Sql sql = server_.connect();
  sql.run("create table filler (t text)");
  ASSERT_TRUE(wait_for(
      [&] {
        sql.run("insert into filler select repeat('x', 1000) from generate_series(1, 3000); checkpoint");
        return listener.standing().phase == CapturePhase::polling;
      },
      60s));
  EXPECT_THAT(listener.standing().reason, HasSubstr("wal_budget"));
  EXPECT_TRUE(wait_for([this] { return slots() == "0"; }));
}

class CaptureWithThePlugin : public Scene {
 protected:
  CaptureWithThePlugin() : Scene({.settings = {{"wal_sender_timeout", "500ms"}}, .output_plugin = true}) {}
};
TEST_F(CaptureWithThePlugin, UsesItAndSaysWhy) {
  const Listener listener(url());
  ASSERT_TRUE(listener.streams());
  EXPECT_EQ(server_.connect().rows("select plugin from pg_replication_slots")[0][0], "tandem");
  EXPECT_THAT(listener.standing().plugin, testing::StartsWith("tandem ("));
}
TEST_F(CaptureWithThePlugin, NeedsNoPublication) {
  Sql sql = server_.connect();
  sql.run("drop publication tandem");
  const Listener listener(url());
  ASSERT_TRUE(listener.streams());
  EXPECT_TRUE(listener.heard("crm", record(sql)));
}
TEST_F(CaptureWithThePlugin, KeepsToPgoutputWhereThatIsAskedFor) {
  const Listener listener(url(), 1 << 30, PluginChoice::pgoutput);
  ASSERT_TRUE(listener.streams());
  EXPECT_EQ(server_.connect().rows("select plugin from pg_replication_slots")[0][0], "pgoutput");
}
TEST_F(CaptureWithThePlugin, TakesASlotThatWasMadeWithPgoutput) {
  Sql sql = server_.connect();
  sql.run("select pg_create_logical_replication_slot('tandem_main', 'pgoutput')");
  const Listener listener(url());
  ASSERT_TRUE(listener.streams());
  EXPECT_TRUE(listener.heard("crm", record(sql)));
  EXPECT_EQ(listener.standing().plugin, "pgoutput (the slot was made with it)");
}
TEST_F(CaptureWithThePlugin, FallsBackToPgoutputWhereItIsAllowedButNotThere) {
  std::filesystem::remove(server_.folder() / "tandem.so");
  const Listener listener(url());
  ASSERT_TRUE(listener.streams());
  EXPECT_THAT(listener.standing().plugin, HasSubstr("pgoutput (tandem's own plugin cannot be used: "));
  Sql sql = server_.connect();
  EXPECT_TRUE(listener.heard("crm", record(sql)));
}
class CaptureWithoutThePlugin : public Scene {};
TEST_F(CaptureWithoutThePlugin, PollsWhereItIsAskedForAndSaysWhy) {
  const Listener listener(url(), 1 << 30, PluginChoice::tandem);
  ASSERT_TRUE(listener.reaches(CapturePhase::polling));
  EXPECT_THAT(listener.standing().reason, HasSubstr("output plugin"));
}

}  // namespace
}  // namespace tandem
