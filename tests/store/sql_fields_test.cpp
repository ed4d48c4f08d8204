#include "store/sql_fields.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "outbox_scene.hpp"

namespace tandem {
namespace {

using test_support::OutboxScene;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// One session evaluates several routes' expressions, one after the other.
class Expressions : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    shared.emplace();
    shared->admin->run("create table account (id bigint primary key, amount numeric)");
  }
  static void TearDownTestSuite() { shared.reset(); }

  store::SqlFields::Values evaluate(const std::string& expression) {
    auto& route = shared->settings.routes[0];
    FieldSettings field;
    field.kind = FieldKind::sql;
    field.to = "Computed";
    field.sql = expression;
    route.fields = {field};
    const std::string images[] = {R"({"id": 1, "amount": 10.50})"};
    auto values = fields.evaluate(0, "public.account", images);
    EXPECT_TRUE(values) << values.error().message;
    return values ? values->front() : store::SqlFields::Values{};
  }
  std::string value(const std::string& expression) {
    const auto values = evaluate(expression);
    EXPECT_THAT(values.error, IsEmpty()) << expression;
    return values.values.empty() ? "" : values.values[0].json;
  }

  inline static std::optional<OutboxScene> shared;
  store::SqlFields fields{shared->settings};
};

TEST_F(Expressions, RunAsTandemMappingWhateverTheyDo) {
  EXPECT_EQ(value("amount * 2"), "21.00");
  EXPECT_EQ(value("current_user"), "\"tandem_mapping\"");
  for (const char* role : {"none", "tandem_connector", "tandem_owner"})
    EXPECT_THAT(evaluate("set_config('role', '" + std::string(role) + "', false)").error, HasSubstr("role")) << role;
  EXPECT_EQ(value("current_user"), "\"tandem_mapping\"");
  EXPECT_THAT(evaluate("query_to_xml('select body from tandem.outbox', true, true, '')").error,
              HasSubstr("permission denied"));
}

TEST_F(Expressions, LeaveNothingBehind) {
  EXPECT_EQ(value("set_config('tandem.seen', 'yes', false)"), "\"yes\"");
  EXPECT_EQ(value("coalesce(current_setting('tandem.seen', true), '')"), "\"\"");
  EXPECT_EQ(value("pg_try_advisory_lock(4711)"), "true");
  EXPECT_EQ(shared->admin->number("select count(*) from pg_locks where locktype = 'advisory' and objid = 4711"), 0);
  EXPECT_EQ(value("set_config('default_transaction_read_only', 'off', false)"), "\"off\"");
  EXPECT_THAT(evaluate("set_config('transaction_read_only', 'off', false)").error, HasSubstr("read-write"));
  EXPECT_EQ(value("amount + 1"), "11.50");
}

}  // namespace
}  // namespace tandem
