#include "postgres/connection.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "support/private_postgres.hpp"

namespace tandem::postgres {
namespace {

using std::chrono::milliseconds;
using test_support::PrivatePostgres;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

Connection open(const std::string& url, const Connection::Options& options = {}) {
  auto opened = Connection::open(url, options);
  if (!opened) throw std::runtime_error(opened.error().message);
  return std::move(*opened);
}

std::vector<Param> params(std::initializer_list<Param> list) {
  return list;
}

TEST(Opening, NeverQuotesAPasswordThatIsNotEncoded) {
  for (const char* url : {"postgresql://u:s3cr/et@127.0.0.1/db", "postgresql://u:1234/s3cret@127.0.0.1:1/db",
                          "postgresql://u:pa@s3cret@127.0.0.1:1/db"}) {
    const auto opened = Connection::open(url, {});
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().kind, ErrorKind::config) << url;
    EXPECT_THAT(opened.error().message, Not(HasSubstr("s3cr")));
    EXPECT_THAT(opened.error().hint, HasSubstr("%40"));
  }
}

// One server for the tests that only read.
class OverOneServer : public testing::Test {
 protected:
  static void SetUpTestSuite() { server_ = std::make_unique<PrivatePostgres>(); }
  static void TearDownTestSuite() { server_.reset(); }
  static Connection session(const Connection::Options& options = {}) { return open(server_->url(), options); }
  static std::unique_ptr<PrivatePostgres> server_;
};
std::unique_ptr<PrivatePostgres> OverOneServer::server_;

class Session : public OverOneServer, public testing::WithParamInterface<Format> {};

TEST_P(Session, ReadsEveryKindOfValueInBothFormats) {
  Connection connection = session();
  const auto rows = connection.run(
      "select 9007199254740993::bigint, (-7)::smallint, null::text, true, '00112233-4455-6677-8899-aabbccddeeff'::uuid,"
      " array[1,-2,9007199254740993]::bigint[], array['a','b,\"c\\', null, '']::text[], '{\"a\": 1.10}'::jsonb,"
      " timestamptz '2026-11-22 01:02:03.000456+02', '18446744073709551615'::xid8",
      {}, GetParam());
  ASSERT_TRUE(rows) << rows.error().message;
  EXPECT_EQ(rows->number(0, 0), 9007199254740993);
  EXPECT_EQ(rows->number(0, 1), -7);
  EXPECT_TRUE(rows->null(0, 2));
  EXPECT_EQ(rows->text(0, 2), "");
  EXPECT_TRUE(rows->flag(0, 3));
  EXPECT_EQ(to_string(rows->uuid(0, 4)), "00112233-4455-6677-8899-aabbccddeeff");
  EXPECT_THAT(rows->numbers(0, 5), ElementsAre(1, -2, 9007199254740993));
  EXPECT_THAT(rows->texts(0, 6), ElementsAre("a", "b,\"c\\", "", ""));
  EXPECT_EQ(rows->text(0, 7), R"({"a": 1.10})");
  using namespace std::chrono;
  EXPECT_EQ(rows->time(0, 8), WallTime(sys_days{year{2026} / 11 / 21} + 23h + 2min + 3s + 456us));
}
INSTANTIATE_TEST_SUITE_P(Formats, Session, testing::Values(Format::text, Format::binary));

TEST_F(OverOneServer, SendsArraysInTheBinaryFormat) {
  Connection connection = session();
  static constexpr Query query{
      "arrays",
      "select array_agg(a)::text, array_agg(b)::text, array_agg(c)::text, array_agg(d)::text, array_agg(e)::text,"
      " array_agg(f)::text from unnest($1::bigint[], $2::integer[], $3::smallint[], $4::boolean[], $5::uuid[],"
      " $6::text[]) as given (a, b, c, d, e, f)"};
  const std::vector<std::int64_t> big{std::numeric_limits<std::int64_t>::min(), 1};
  const std::vector<std::int32_t> middle{-3, 4};
  const std::vector<std::int16_t> small{-5, 6};
  const std::vector<RecordId> ids(2);
  const std::vector<std::string> texts{"", "two \"words\" ünï"};
  for (int run = 0; run < 2; ++run) {  // prepared, then prepared before
    const auto rows = connection.run(
        query, params({Param::array(big), Param::array(middle), Param::array(small),
                       Param::array(std::vector<bool>{true, false}), Param::array(ids), Param::nullable_array(texts)}));
    ASSERT_TRUE(rows) << rows.error().message;
    EXPECT_EQ(rows->text(0, 0), "{-9223372036854775808,1}");
    EXPECT_EQ(rows->text(0, 1), "{-3,4}");
    EXPECT_EQ(rows->text(0, 2), "{-5,6}");
    EXPECT_EQ(rows->text(0, 3), "{t,f}");
    EXPECT_EQ(rows->text(0, 4), "{00000000-0000-0000-0000-000000000000,00000000-0000-0000-0000-000000000000}");
    EXPECT_EQ(rows->text(0, 5), "{NULL,\"two \\\"words\\\" ünï\"}");
  }
  const auto empty =
      connection.run("select cardinality($1::bigint[])", params({Param::array(std::span<const std::int64_t>{})}));
  ASSERT_TRUE(empty);
  EXPECT_EQ(empty->number(0, 0), 0);
}

TEST_F(OverOneServer, ErrorsCarrySqlstateAndLeaveTheSessionUsable) {
  Connection connection = session();
  const auto failed = connection.run("select 1 / 0");
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().kind, ErrorKind::refused);
  EXPECT_EQ(failed.error().sqlstate, "22012");
  EXPECT_EQ(failed.error().message, "\"select 1 / 0\": division by zero");
  EXPECT_TRUE(connection.run("select 1"));
}

TEST_F(OverOneServer, ErrorsHoldNoRow) {
  Connection connection = session();
  ASSERT_TRUE(connection.script("create temp table t (secret text primary key); insert into t values ('swordfish')"));
  const auto failed = connection.run("insert into t values ($1)", params({"swordfish"}));
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().sqlstate, "23505");
  EXPECT_THAT(failed.error().message + failed.error().hint, Not(HasSubstr("swordfish")));
}

TEST_F(OverOneServer, StatementsThatFlyTogetherAreOneTransaction) {
  Connection connection = session();
  ASSERT_TRUE(connection.script("create temp table flown (n integer)"));
  static constexpr Query insert{"insert_flown", "insert into flown values ($1)"},
      broken{"broken", "select 1 / $1::integer"};
  const std::vector<Statement> failing{{insert, params({1})}, {broken, params({0})}, {insert, params({2})}};
  const auto failed = connection.run(failing);
  ASSERT_FALSE(failed);
  EXPECT_THAT(failed.error().message, HasSubstr("broken: division by zero"));
  const std::vector<Statement> sound{{insert, params({3})}, {broken, params({1})}, {insert, params({4})}};
  const auto flown = connection.run(sound);
  ASSERT_TRUE(flown) << flown.error().message;
  ASSERT_EQ(flown->size(), 3U);
  EXPECT_EQ((*flown)[0].affected(), 1);
  const auto kept = connection.run("select array_agg(n order by n) from flown");
  EXPECT_THAT(kept->numbers(0, 0), ElementsAre(3, 4));
}

TEST_F(OverOneServer, TransactionsBehindEachOtherEndInOrderAndFailAlone) {
  Connection connection = session();
  ASSERT_TRUE(connection.script(
      "create temp table behind (n integer, late integer, unique (late) deferrable initially deferred)"));
  static constexpr Query insert{"insert_behind", "insert into behind values (12 / $1, $2)"};
  const auto send = [&](std::initializer_list<std::array<int, 2>> rows) {
    std::vector<Statement> statements;
    for (const auto& [n, late] : rows) statements.push_back({insert, params({n, late})});
    ASSERT_TRUE(connection.send_behind(statements));
  };
  send({{1, 1}});
  send({{2, 2}, {0, 3}, {3, 4}});  // fails at its second statement
  send({{4, 1}});                  // fails when it ends
  send({{6, 5}, {12, 6}});
  EXPECT_FALSE(connection.run("select 1")) << "nothing else may be run in between";
  const auto first = connection.finish_all();
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_EQ(first->size(), 1U);
  const auto second = connection.finish_all();
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().sqlstate, "22012");
  const auto third = connection.finish_all();
  ASSERT_FALSE(third);
  EXPECT_EQ(third.error().sqlstate, "23505");
  EXPECT_TRUE(connection.in_flight());
  const auto fourth = connection.finish_all();
  ASSERT_TRUE(fourth) << fourth.error().message;
  EXPECT_EQ(fourth->size(), 2U);
  EXPECT_FALSE(connection.in_flight());
  const auto kept = connection.run("select array_agg(late order by late) from behind");
  ASSERT_TRUE(kept) << kept.error().message;
  EXPECT_THAT(kept->numbers(0, 0), ElementsAre(1, 5, 6));
}

TEST_F(OverOneServer, AStatementThatIsNewBehindAFailedOneIsThereForTheNextTransaction) {
  Connection connection = session();
  static constexpr Query broken{"broken_first", "select 1 / $1::integer"}, later{"new_behind", "select $1::integer"};
  const std::vector<Statement> failing{{broken, params({0})}, {later, params({1})}};
  const std::vector<Statement> sound{{broken, params({1})}, {later, params({2})}};
  ASSERT_TRUE(connection.send_behind(failing));
  ASSERT_TRUE(connection.send_behind(sound));
  const auto first = connection.finish_all();
  ASSERT_FALSE(first);
  EXPECT_EQ(first.error().sqlstate, "22012");
  const auto second = connection.finish_all();
  ASSERT_TRUE(second) << second.error().message;
  EXPECT_EQ(second->back().number(0, 0), 2);
}

TEST_F(OverOneServer, ANulCharacterIsRefusedAndNotCutOff) {
  Connection connection = session();
  const auto failed = connection.run("select $1::text", params({std::string("a\0b", 3)}));
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().sqlstate, "22021");
  EXPECT_THAT(failed.error().message, HasSubstr("parameter 1"));
  const auto array =
      connection.run("select $1::text[]", params({Param::array(std::vector<std::string>{std::string("a\0b", 3)})}));
  ASSERT_FALSE(array);
  EXPECT_EQ(array.error().sqlstate, "22021");
  EXPECT_TRUE(connection.run("select 1"));
}

TEST_F(OverOneServer, AScriptNamesTheLineThatFailed) {
  Connection connection = session();
  const auto failed = connection.script("select 1;\n-- ünï\nselect *\nfrom nothing_of_that_name");
  ASSERT_FALSE(failed);
  EXPECT_THAT(failed.error().message, HasSubstr("at line 4"));
}

TEST_F(OverOneServer, EveryTextLooksTheSameWhateverTheDatabaseSets) {
  Connection admin = session();
  ASSERT_TRUE(admin.script(
      "create role foreign_habits login; alter role foreign_habits set datestyle = 'SQL, DMY';"
      "alter role foreign_habits set timezone = 'Asia/Kathmandu'; alter role foreign_habits set bytea_output = "
      "'escape';"
      "alter role foreign_habits set extra_float_digits = -5; alter role foreign_habits set client_encoding = 'LATIN1';"
      "alter role foreign_habits set intervalstyle = 'iso_8601'"));
  Connection connection = open(server_->url("foreign_habits"));
  const auto rows = connection.run(
      "select date '2026-02-01', timestamptz '2026-02-01 00:00+00', '\\x00ff'::bytea, 0.1::float8 + 0.2::float8, "
      "interval '1 day', 'ü'");
  EXPECT_EQ(rows->text(0, 0), "2026-02-01");
  EXPECT_EQ(rows->text(0, 1), "2026-02-01 00:00:00+00");
  EXPECT_EQ(rows->text(0, 2), "\\x00ff");
  EXPECT_EQ(rows->text(0, 3), "0.30000000000000004");
  EXPECT_EQ(rows->text(0, 4), "1 day");
  EXPECT_EQ(rows->text(0, 5), "ü");
}

TEST_F(OverOneServer, ALateStatementIsEndedByTheServer) {
  Connection::Options options;
  options.deadline = milliseconds{100};
  Connection connection = session(options);
  const auto failed = connection.run("select pg_sleep(60)");
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().kind, ErrorKind::timeout);
  EXPECT_TRUE(connection.run("select 1"));
}

TEST_F(OverOneServer, AnAnswerIsFetchedWhenItIsReady) {
  Connection connection = session();
  static constexpr Query query{"slow", "select pg_sleep(0.2)::text, $1::integer"};
  ASSERT_TRUE(connection.send(query, params({5})));
  const auto at_once = connection.ready();
  ASSERT_TRUE(at_once);
  EXPECT_FALSE(*at_once);
  EXPECT_FALSE(connection.run("select 1")) << "one at a time";
  ASSERT_TRUE(connection.wait_until_ready(milliseconds{10'000}).value());
  const auto rows = connection.finish();
  ASSERT_TRUE(rows) << rows.error().message;
  EXPECT_EQ(rows->number(0, 1), 5);
}

TEST_F(OverOneServer, LargeParametersAndRowsPassWithoutADeadlock) {
  Connection connection = session();
  const std::vector<std::string> texts(20'000, std::string(500, 'x'));
  static constexpr Query echo{"echo", "select t from unnest($1::text[]) as given (t)"};
  const auto rows = connection.run(echo, params({Param::array(texts)}));
  ASSERT_TRUE(rows) << rows.error().message;
  EXPECT_EQ(rows->size(), 20'000);
}

TEST(Connection, AMuteServerCostsTheDeadlineAndTheSession) {
  const PrivatePostgres server;
  Connection::Options options;
  options.deadline = milliseconds{100};
  options.connect_timeout = milliseconds{300};
  Connection connection = open(server.url(), options);
  server.freeze();
  const auto failed = connection.run("select 1");
  const auto unreachable = Connection::open(server.url(), options);
  server.thaw();
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().kind, ErrorKind::timeout);
  EXPECT_FALSE(connection.usable());
  ASSERT_FALSE(unreachable);
  EXPECT_EQ(unreachable.error().kind, ErrorKind::unavailable);
}

TEST(Connection, AServerThatStopsIsUnavailable) {
  PrivatePostgres server;
  Connection connection = open(server.url());
  server.restart(PrivatePostgres::Shutdown::fast);
  const auto failed = connection.run("select 1");
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().kind, ErrorKind::unavailable);
  EXPECT_FALSE(connection.usable());
  server.stop();
  const auto refused = Connection::open(server.url(), {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::unavailable);
}

TEST(Connection, AChangedTableCostsASessionAndNoWrongRow) {
  const PrivatePostgres server;
  Connection connection = open(server.url());
  ASSERT_TRUE(connection.script("create table changing (a integer); insert into changing values (1)"));
  static constexpr Query query{"all_of_changing", "select * from changing"};
  ASSERT_TRUE(connection.run(query));
  ASSERT_TRUE(connection.script("alter table changing add column b text"));
  const auto failed = connection.run(query);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().kind, ErrorKind::unavailable);
}

TEST(Connection, AWrongRoleIsRefusedAndNoPasswordIsTold) {
  const PrivatePostgres server;
  const auto refused = Connection::open(
      "host=127.0.0.1 port=" + std::to_string(server.port()) + " dbname=crm user=nobody password=hunter2", {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::refused);
  EXPECT_EQ(refused.error().sqlstate, "28000");
  EXPECT_THAT(refused.error().message, HasSubstr("role \"nobody\" does not exist"));
  EXPECT_THAT(refused.error().message, Not(HasSubstr("hunter2")));
  const auto unreadable = Connection::open("host=127.0.0.1 pass word=hunter2", {});
  ASSERT_FALSE(unreadable);
  EXPECT_EQ(unreadable.error().kind, ErrorKind::config);
  EXPECT_THAT(unreadable.error().message + unreadable.error().hint, Not(HasSubstr("hunter2")));
}

TEST(Connection, AForgottenTransactionEndsByItself) {
  const PrivatePostgres server;
  Connection connection = open(server.url());
  const auto rows = connection.run("select current_setting('idle_in_transaction_session_timeout')");
  EXPECT_EQ(rows->text(0, 0), "5s");
}

}  // namespace
}  // namespace tandem::postgres
