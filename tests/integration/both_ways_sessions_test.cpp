#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <random>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "both_ways.hpp"

namespace tandem::test_support {
namespace {

using std::chrono::seconds;

/// A backlog that several sessions apply, and what must come of it if each record is applied behind all before it.
class Backlog {
 public:
  explicit Backlog(unsigned seed) : random_(seed) {}

  /// `accounts` new objects at a time, each batch of them followed by what depends on the earlier ones.
  void fill(int batches, int accounts) {
    for (int batch = 0; batch < batches; ++batch) {
      for (int at = 0; at < accounts; ++at) create_account();
      for (int at = 0; at < accounts / 2; ++at) update_account(random_() % accounts_.size());
      for (int at = 0; at < accounts / 4; ++at) create_contact();
      for (int at = 0; at < accounts / 8; ++at) move_contact();
      for (int at = 0; at < 3; ++at) pass_a_name_on();
      if (batch % 3 == 2) remove_account();
      if (batch % 4 == 3) spoil();
    }
  }

  void store(Sql& sql) const {
    for (std::size_t first = 0; first < records_.size(); first += 1'000) {
      std::string rows;
      for (std::size_t at = first; at < std::min(records_.size(), first + 1'000); ++at)
        rows += (rows.empty() ? "(" : ", (") + records_[at] + ")";
      sql.run(
          "insert into tandem.inbox (request_type, operation, source, remote_id, source_record_id, body) select type, "
          "operation, 'second_crm', remote_id, gen_random_uuid()::text, body::jsonb from (values " +
          rows + ") as v (type, operation, remote_id, body)");
    }
  }

  [[nodiscard]] std::size_t size() const { return records_.size(); }
  [[nodiscard]] int rejected() const { return rejected_; }
  /// Each living account, "remote_id name tier", in the order of these lines.
  [[nodiscard]] std::string accounts() const {
    std::vector<std::string> lines;
    for (std::size_t at = 0; at < accounts_.size(); ++at)
      if (!accounts_[at].gone)
        lines.push_back(id_of(at) + " " + accounts_[at].name + " " + std::to_string(accounts_[at].tier));
    return joined(lines);
  }
  /// Each contact, "remote_id email account".
  [[nodiscard]] std::string contacts() const {
    std::vector<std::string> lines;
    for (std::size_t at = 0; at < contacts_.size(); ++at)
      lines.push_back("c" + std::to_string(at) + " " + contacts_[at].email + " " + id_of(contacts_[at].account));
    return joined(lines);
  }

 private:
  struct Account {
    std::string name;
    int tier;
    bool gone, has_contacts;
  };
  struct Contact {
    std::string email;
    std::size_t account;
  };

  static std::string id_of(std::size_t account) { return "a" + std::to_string(account); }
  static std::string joined(std::vector<std::string>& lines) {
    std::ranges::sort(lines);
    std::string out;
    for (const auto& line : lines) out += line + "\n";
    return out;
  }

  void tell(const std::string& type, const std::string& operation, const std::string& id, const std::string& body) {
    records_.push_back("'" + type + "', '" + operation + "', '" + id + "', " +
                       (body.empty() ? std::string("null") : "'" + body + "'"));
  }
  void tell_of(std::size_t account, const std::string& operation) {
    const auto& told = accounts_[account];
    tell("account", operation, id_of(account),
         R"({"Name":")" + told.name + R"(","Tier":)" + std::to_string(told.tier) + "}");
  }

  void create_account() {
    accounts_.push_back({"n" + std::to_string(accounts_.size()), static_cast<int>(random_() % 90), false, false});
    tell_of(accounts_.size() - 1, "create");
  }
  void update_account(std::size_t account) {
    if (accounts_[account].gone) return;
    accounts_[account].tier = static_cast<int>(random_() % 90);
    tell_of(account, "update");
  }
  /// Of one of the newest accounts, whose own record has only just been told.
  void create_contact() {
    const auto account = accounts_.size() - 1 - random_() % 10;
    if (accounts_[account].gone) return;
    accounts_[account].has_contacts = true;
    contacts_.push_back({"e" + std::to_string(random_() % 1'000), account});
    tell_of_contact(contacts_.size() - 1, "create");
  }
  void move_contact() {
    const auto contact = random_() % contacts_.size();
    const auto account = random_() % accounts_.size();
    if (accounts_[account].gone) return;
    accounts_[account].has_contacts = true;
    contacts_[contact].account = account;
    tell_of_contact(contact, "update");
  }
  void tell_of_contact(std::size_t contact, const std::string& operation) {
    tell("contact", operation, "c" + std::to_string(contact),
         R"({"Email":")" + contacts_[contact].email + R"(","AccountId":")" + id_of(contacts_[contact].account) +
             R"("})");
  }
  /// The name is unique: the second record fails unless the first one has been applied, the third unless the second
  /// has.
  void pass_a_name_on() {
    const auto from = random_() % accounts_.size(), to = random_() % accounts_.size();
    if (from == to || accounts_[from].gone || accounts_[to].gone) return;
    std::string wanted = accounts_[from].name;
    accounts_[from].name = "x" + std::to_string(records_.size());
    tell_of(from, "update");
    accounts_[to].name = std::move(wanted);
    tell_of(to, "update");
    for (int at = 0; at < 60; ++at) create_account();
    accounts_[to].name = "y" + std::to_string(records_.size());
    tell_of(to, "update");
  }
  void remove_account() {
    for (std::size_t account = 0; account < accounts_.size(); ++account) {
      if (accounts_[account].gone || accounts_[account].has_contacts) continue;
      accounts_[account].gone = true;
      return tell("account", "delete", id_of(account), "");
    }
  }
  /// Refused by the table's constraint; what comes before and behind it is not.
  void spoil() {
    const auto account = random_() % accounts_.size();
    if (accounts_[account].gone) return;
    ++rejected_;
    tell("account", "update", id_of(account), R"({"Tier":100})");
  }

  std::mt19937 random_;
  std::vector<Account> accounts_;
  std::vector<Contact> contacts_;
  std::vector<std::string> records_;
  int rejected_ = 0;
};

std::string accounts_in(Sql& sql) {
  return sql.text(R"(
    select string_agg(i.remote_id || ' ' || a.name || ' ' || a.tier || E'\n', '' order by (i.remote_id || ' ' || a.name || ' ' || a.tier) collate "C")
    from account a join tandem.identity i on i.request_type = 'account' and i.object_id = a.id::text and i.state = 'paired')");
}
std::string contacts_in(Sql& sql) {
  return sql.text(R"(
    select string_agg(i.remote_id || ' ' || c.email || ' ' || p.remote_id || E'\n', '' order by (i.remote_id || ' ' || c.email || ' ' || p.remote_id) collate "C")
    from contact c join tandem.identity i on i.request_type = 'contact' and i.object_id = c.id::text and i.state = 'paired'
    join tandem.identity p on p.request_type = 'account' and p.object_id = c.account_id::text and p.state = 'paired')");
}
/// Records that are settled although an earlier one is not.
long long out_of_order(Sql& sql) {
  return sql.number(R"(
    select count(*) from tandem.inbox i where i.request_state in (3, 4) and exists (
      select from tandem.inbox e where e.counter < i.counter and e.request_state in (1, 2) and not exists (
        select from tandem.parked p where p.queue = 'inbox' and p.counter = e.counter)))");
}
long long sessions_at_work(Sql& sql) {
  return sql.number("select count(*) from pg_stat_activity where application_name like 'tandem % apply'");
}

class BothWaysSessions : public ::testing::TestWithParam<unsigned> {
 protected:
  BothWaysSessions() { both.sql().run("alter table account add constraint name_is_unique unique (name)"); }

  /// Stores all of it while nothing is applied.
  void gather(const Backlog& backlog) {
    both.sql().run("update tandem.source set paused = true");
    backlog.store(both.sql());
  }
  void release() { both.sql().run("update tandem.source set paused = false"); }
  long long pending() { return both.sql().number("select count(*) from tandem.inbox where request_state in (1, 2)"); }
  void expect_all_of(const Backlog& backlog) {
    EXPECT_EQ(accounts_in(both.sql()), backlog.accounts());
    EXPECT_EQ(contacts_in(both.sql()), backlog.contacts());
    EXPECT_EQ(both.sql().number("select count(*) from tandem.inbox where request_state = 4"), backlog.rejected());
    EXPECT_EQ(both.sql().number("select count(*) from tandem.inbox where outcome = 'rejected'"), backlog.rejected());
    EXPECT_EQ(both.sql().number("select count(*) from tandem.outbox"), 0) << "nothing of it was sent back";
    EXPECT_EQ(both.sql().number("select count(*) from tandem.parked"), 0);
  }

  BothWays both;
};

TEST_P(BothWaysSessions, ApplyABacklogAsIfOneRecordCameBehindTheOther) {
  Backlog backlog(GetParam());
  backlog.fill(12, 150);
  gather(backlog);
  release();
  ASSERT_TRUE(wait_for([&] { return sessions_at_work(both.sql()) == 2; }, seconds(60)));
  ASSERT_TRUE(both.rests(seconds(120))) << both.failures();
  expect_all_of(backlog);
}

INSTANTIATE_TEST_SUITE_P(Seeds, BothWaysSessions, ::testing::Values(1U, 2U, 3U));

class BothWaysSessionsKilled : public BothWaysSessions {};

TEST_P(BothWaysSessionsKilled, LeaveNoRecordSettledBeforeAnEarlierOne) {
  Backlog backlog(GetParam());
  backlog.fill(16, 150);
  gather(backlog);
  release();
  for (int kill = 0; kill < 8; ++kill) {
    const auto before = pending();
    ASSERT_TRUE(wait_for([&] { return pending() < before - 200 || pending() == 0; }, seconds(60)));
    both.stand().tandem().kill();
    ASSERT_TRUE(wait_for([&] { return sessions_at_work(both.sql()) == 0; }, seconds(60)));
    EXPECT_EQ(out_of_order(both.sql()), 0) << "kill " << kill;
    both.stand().tandem().start_ready();
  }
  ASSERT_TRUE(both.rests(seconds(120))) << both.failures();
  expect_all_of(backlog);
}

TEST_P(BothWaysSessionsKilled, StopInTheMiddleOfTheirTransactions) {
  Backlog backlog(GetParam());
  backlog.fill(10, 150);
  gather(backlog);
  release();
  for (int stop = 0; stop < 5; ++stop) {
    const auto before = pending();
    ASSERT_TRUE(wait_for([&] { return pending() < before - 200 || pending() == 0; }, seconds(60)));
    ASSERT_EQ(both.stand().tandem().stop(), 0);
    ASSERT_TRUE(wait_for([&] { return sessions_at_work(both.sql()) == 0; }, seconds(60)));
    EXPECT_EQ(out_of_order(both.sql()), 0) << "stop " << stop;
    both.stand().tandem().start_ready();
  }
  ASSERT_TRUE(both.rests(seconds(120))) << both.failures();
  expect_all_of(backlog);
}

/// What the two had open is taken back by the server, of one of them or of both.
TEST_P(BothWaysSessionsKilled, LoseTheirConnectionsAndNothingElse) {
  Backlog backlog(GetParam());
  backlog.fill(10, 150);
  gather(backlog);
  release();
  std::mt19937 random(GetParam());
  for (int loss = 0; loss < 15; ++loss) {
    const auto before = pending();
    ASSERT_TRUE(wait_for([&] { return pending() < before || pending() == 0; }, seconds(60)));
    both.sql().run(
        "select pg_terminate_backend(pid) from (select pid from pg_stat_activity where application_name like 'tandem % "
        "apply' order by pid limit " +
        std::to_string(1 + random() % 2) + " offset " + std::to_string(random() % 2) + ") as lost");
    EXPECT_EQ(out_of_order(both.sql()), 0) << "loss " << loss;
  }
  ASSERT_TRUE(both.rests(seconds(120))) << both.failures();
  expect_all_of(backlog);
}

/// A session of the CRM that holds rows for a moment, in whatever order; until it is destroyed.
class User {
 public:
  User(Sql sql, unsigned seed)
      : sql_(std::move(sql)), thread_([this, seed](const std::stop_token& stop) { work(seed, stop); }) {}

  [[nodiscard]] int turns() const { return turns_; }
  /// What the CRM was refused, but for what two users do to each other.
  std::string stop() {
    thread_.request_stop();
    thread_.join();
    return error_;
  }

 private:
  void work(unsigned seed, const std::stop_token& stop) {
    std::mt19937 random(seed);
    while (!stop.stop_requested() && error_.empty()) {
      std::string statements = "begin;";
      for (int row = 0; row < 4; ++row)
        statements += "select from account where id = (select min(id) from account where id >= " +
                      std::to_string(random() % 2'000) + ") for update;";
      error_ = sql_.error_of(statements + "select pg_sleep(0.02); commit");
      ++turns_;
    }
  }

  Sql sql_;
  std::string error_;
  std::atomic<int> turns_ = 0;
  std::jthread thread_;
};

TEST_P(BothWaysSessionsKilled, AreNobodysDeadlock) {
  Backlog backlog(GetParam());
  backlog.fill(10, 150);
  gather(backlog);
  User user(both.stand().postgres().connect(), GetParam());
  release();
  const bool rests = both.rests(seconds(120));
  EXPECT_EQ(user.stop(), "");
  EXPECT_GT(user.turns(), 20);
  ASSERT_TRUE(rests) << both.failures();
  EXPECT_EQ(both.sql().number("select deadlocks from pg_stat_database where datname = current_database()"), 0);
  expect_all_of(backlog);
}

INSTANTIATE_TEST_SUITE_P(Seeds, BothWaysSessionsKilled, ::testing::Values(4U, 5U));

class BothWaysSessionsOfAStrictDatabase : public BothWaysSessions {};

/// A snapshot that is as old as the transaction shows nothing of what the others have committed since.
TEST_P(BothWaysSessionsOfAStrictDatabase, ApplyABacklogAllTheSame) {
  const std::string level = GetParam() == 6U ? "repeatable read" : "serializable";
  both.sql().run("alter role tandem_connector set default_transaction_isolation = '" + level + "'");
  ASSERT_EQ(both.stand().tandem().stop(), 0);
  both.stand().tandem().start_ready();
  Backlog backlog(GetParam());
  backlog.fill(6, 150);
  gather(backlog);
  release();
  ASSERT_TRUE(both.rests(seconds(120))) << both.failures();
  expect_all_of(backlog);
}

INSTANTIATE_TEST_SUITE_P(Seeds, BothWaysSessionsOfAStrictDatabase, ::testing::Values(6U, 7U));

class BothWaysSessionsThatWait : public BothWaysSessions {};

/// Each record would wait for the lock, and in halves many times over: minutes.
TEST_P(BothWaysSessionsThatWait, StopAlthoughTheCrmHoldsTheTable) {
  Backlog backlog(GetParam());
  backlog.fill(6, 150);
  gather(backlog);
  Sql holder = both.stand().postgres().connect();
  holder.run("begin; lock table account in exclusive mode");
  release();
  const auto waits = [&] {
    return both.sql().number(
        "select count(*) from pg_stat_activity where application_name like 'tandem % apply' and wait_event_type = "
        "'Lock'");
  };
  for (int turn = 0; turn < 10; ++turn) {  // the batch is being applied in halves
    ASSERT_TRUE(wait_for([&] { return waits() > 0; }, seconds(60)));
    ASSERT_TRUE(wait_for([&] { return waits() == 0; }, seconds(60)));
  }
  ASSERT_EQ(both.stand().tandem().stop(seconds(10)), 0);
  holder.run("rollback");
  both.stand().tandem().start_ready();
  ASSERT_TRUE(both.rests(seconds(120))) << both.failures();
  expect_all_of(backlog);
}

INSTANTIATE_TEST_SUITE_P(Seeds, BothWaysSessionsThatWait, ::testing::Values(8U));

}  // namespace
}  // namespace tandem::test_support
