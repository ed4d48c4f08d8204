#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ostream>
#include <string>

#include "accounts.hpp"
#include "support/stand.hpp"

namespace tandem::test_support {
namespace {

struct Wrong {
  const char* name;
  const char* targets;  ///< null: the usual one
  const char* watches;
  std::vector<const char*> says;  ///< each in the output of plan, apply and run
};

void PrintTo(const Wrong& parameter, std::ostream* out) {
  *out << parameter.name;
}

std::string name_of(const testing::TestParamInfo<Wrong>& info) {
  return info.param.name;
}

class WrongConfiguration : public testing::TestWithParam<Wrong> {};

/// Everything that the database holds of tandem, and the triggers of the CRM's tables.
std::string fingerprint(Sql& sql) {
  return sql.text(
      "select md5(coalesce(string_agg(line, ';' order by line), '')) from (select 'route ' || r::text from "
      "tandem.route r union all "
      "select 'watch ' || w::text from tandem.watch w union all select 'target ' || t::text from tandem.target t union "
      "all "
      "select pg_get_triggerdef(oid) from pg_trigger where not tgisinternal union all "
      "select pg_get_functiondef(oid) from pg_proc where pronamespace = 'tandem'::regnamespace and prokind = 'f') as "
      "lines (line)");
}

TEST_P(WrongConfiguration, IsRefusedWithEveryProblemAndChangesNothing) {
  Stand stand;
  stand.sql().run(account_table);
  stand.install(watch_account);
  const auto before = fingerprint(stand.sql());
  stand.tandem().write_configuration(
      stand.configuration(GetParam().targets != nullptr ? GetParam().targets : stand.target(), GetParam().watches));
  for (const char* command : {"plan", "apply", "run"}) {
    const auto finished = stand.tandem().command({command});
    EXPECT_EQ(finished.status, 1) << command << ": " << finished.output;
    for (const char* words : GetParam().says) EXPECT_THAT(finished.output, testing::HasSubstr(words)) << command;
  }
  EXPECT_EQ(fingerprint(stand.sql()), before);
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, WrongConfiguration,
    testing::Values(Wrong{"UnknownKeyAndWrongTypeAtOnce",
                          nullptr,
                          "  account:\n    table: public.account\n    routes:\n      - { target: second_crm, coalesce: "
                          "perhaps, colums: [name] }\n",
                          {"colums", "columns", "coalesce", "19"}},
                    Wrong{"OfTheFileAndOfTheDatabaseAtOnce",
                          nullptr,
                          "  account:\n    table: public.acount\n    routes:\n      - { target: second_crm, "
                          "coalesce: perhaps }\n",
                          {"public.acount", "coalesce"}},
                    Wrong{"DuplicateKey",
                          nullptr,
                          "  account:\n    table: public.account\n    table: public.contact\n    routes:\n      - { "
                          "target: second_crm }\n",
                          {"table", "18"}},
                    Wrong{"UnsetVariable",
                          "  second_crm:\n    type: rest\n    url: http://127.0.0.1:1/api\n    auth: { bearer: "
                          "\"${TANDEM_TEST_UNSET}\" }\n"
                          "    requests: { upsert: { method: PUT, path: \"/{object_id}\", remote_id: /id }, delete: { "
                          "method: DELETE, path: \"/{remote_id}\" } }\n",
                          watch_account,
                          {"TANDEM_TEST_UNSET"}},
                    Wrong{"MissingTable",
                          nullptr,
                          "  account:\n    table: public.acount\n    routes:\n      - { target: second_crm }\n",
                          {"public.acount", "17"}},
                    Wrong{"UnknownColumnsAndBadSqlAtOnce",
                          nullptr,
                          "  account:\n    table: public.account\n    routes:\n      - target: second_crm\n        "
                          "when: \"stage = 'x'\"\n        columns: [nam]\n"
                          "        fields: { titel: Title }\n        sql: { X: \"revenue +\" }\n",
                          {"stage", "nam", "titel", "X"}},
                    Wrong{"RoutesThatCollide",
                          nullptr,
                          "  account:\n    table: public.account\n    routes:\n      - { target: second_crm }\n      - "
                          "{ target: second_crm }\n",
                          {"collides", "19"}},
                    Wrong{"UnknownTarget",
                          nullptr,
                          "  account:\n    table: public.account\n    routes:\n      - { target: secnd_crm }\n",
                          {"secnd_crm", "second_crm"}}),
    name_of);

TEST(Configuration, AnUnreachableDatabaseIsToldWithAHint) {
  Stand stand;
  stand.postgres().stop();
  for (const char* command : {"plan", "apply", "migrate", "status"}) {
    const auto finished = stand.tandem().command({command});
    EXPECT_EQ(finished.status, 1) << command << ": " << finished.output;
    EXPECT_THAT(finished.output, testing::HasSubstr(std::to_string(stand.postgres().port()))) << command;
  }
}

TEST(Configuration, PlanShowsWhatApplyWillChangeAndChangesNothing) {
  Stand stand;
  stand.sql().run(account_table);
  stand.install(watch_account);
  EXPECT_EQ(stand.tandem().command({"plan"}).status, 0);
  const auto before = fingerprint(stand.sql());
  stand.tandem().write_configuration(stand.configuration(
      stand.target(),
      "  account:\n    table: public.account\n    routes:\n      - { target: second_crm, when: \"active\" }\n"));
  const auto planned = stand.tandem().command({"plan"});
  EXPECT_EQ(planned.status, 3) << planned.output;
  EXPECT_THAT(planned.output, testing::HasSubstr("account"));
  EXPECT_EQ(fingerprint(stand.sql()), before);
  // The connector does not run on what it cannot explain.
  EXPECT_EQ(stand.tandem().command({"run"}).status, 1);
  stand.tandem().must({"apply"});
  EXPECT_NE(fingerprint(stand.sql()), before);
  EXPECT_EQ(stand.tandem().command({"plan"}).status, 0);
}

TEST(Configuration, ApplyAgainChangesNothing) {
  Stand stand;
  stand.sql().run(account_table);
  stand.install(watch_account);
  const auto before = fingerprint(stand.sql());
  stand.tandem().must({"migrate"});
  stand.tandem().must({"apply"});
  EXPECT_EQ(fingerprint(stand.sql()), before);
}

}  // namespace
}  // namespace tandem::test_support
