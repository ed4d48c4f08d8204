#include "config/load.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "unit/config/example.hpp"

namespace tandem {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Environment environment(std::map<std::string, std::string> values) {
  return [values = std::move(values)](const std::string& name) -> std::optional<std::string> {
    const auto found = values.find(name);
    if (found == values.end()) return std::nullopt;
    return found->second;
  };
}

const Environment tokens = environment({{"OPERATOR_TOKEN", "0123456789abcdef0123"},
                                        {"SECOND_CRM_TOKEN", "s3cret-t0ken"},
                                        {"KAFKA_PASSWORD", "kafka-s3cret"},
                                        {"REPORTS_TOKEN", "0123456789abcdef4567"},
                                        {"SEVEN", "7"},
                                        {"EMPTY", ""}});

Loaded load(std::string_view text) {
  return parse_settings(text, "tandem.yaml", tokens);
}

/// The smallest configuration that is right, with `more` put in at a marked place.
std::string minimal(std::string_view target_more = "", std::string_view route_more = "",
                    std::string_view root_more = "") {
  std::string text = R"(database: { url: "postgresql://c@db/crm" }
targets:
  second_crm:
    url: http://127.0.0.1:9090
    requests:
      upsert: { method: PUT, path: "/{request_type}/{object_id}", remote_id: /id }
      delete: { method: DELETE, path: "/{request_type}/{object_id}" }
)";
  text += target_more;
  text += R"(watches:
  account:
    table: public.account
    routes:
      - target: second_crm
)";
  text += route_more;
  text += root_more;
  return text;
}

std::string told(const Loaded& loaded) {
  std::string text;
  for (const auto& problem : loaded.problems) text += to_string(problem) + "\n";
  return text;
}

TEST(Load, ReadsTheFullExample) {
  const Loaded loaded = load(full_example);
  ASSERT_TRUE(loaded.ok()) << told(loaded);
  const Settings& settings = loaded.settings;
  EXPECT_EQ(settings.connector, "main");
  EXPECT_EQ(settings.capture.slot, "tandem_main");
  EXPECT_EQ(settings.capture.wal_budget_bytes, std::uint64_t{1} << 30);
  EXPECT_EQ(settings.retention.done, 720h);
  ASSERT_EQ(settings.http.tokens.size(), 1U);
  EXPECT_EQ(settings.http.tokens[0].first, "operator");
  ASSERT_EQ(settings.targets.size(), 5U);
  const TargetSettings& target = settings.targets[0];
  EXPECT_EQ(target.auth.kind, AuthKind::bearer);
  EXPECT_EQ(target.auth.token.reveal(), "s3cret-t0ken");
  EXPECT_EQ(target.rate.per_day, 100000);
  EXPECT_EQ(target.retry.max_age, 72h);
  EXPECT_EQ(target.breaker.open_longest, 60s);
  ASSERT_EQ(settings.routes.size(), 8U);
  const WatchSettings* polled = settings.watch("campaign");
  ASSERT_TRUE(polled != nullptr && polled->poll);
  EXPECT_EQ(polled->poll->updated + " " + polled->poll->deleted, "updated_at is_deleted");
  EXPECT_EQ(polled->poll->compare_every, std::chrono::hours(24));
  const TargetSettings& events = settings.targets[1];
  EXPECT_EQ(events.type, "kafka");
  EXPECT_THAT(events.cluster.brokers, ElementsAre("kafka1.example:9092", "kafka2.example:9092"));
  ASSERT_EQ(events.cluster.properties.size(), 4U);
  EXPECT_EQ(events.cluster.properties[3].name, "sasl.password");
  EXPECT_EQ(events.cluster.properties[3].value.reveal(), "kafka-s3cret");
  EXPECT_EQ(events.max_body_bytes, 1'000'000U);
  const RouteSettings& published = settings.routes[2];
  ASSERT_TRUE(published.kafka);
  EXPECT_EQ(published.kafka->topic, "events.opportunitys");
  EXPECT_EQ(published.kafka->value, KafkaValue::cloudevents);
  EXPECT_EQ(published.kafka->deletes, KafkaDelete::message);
  EXPECT_FALSE(published.needs_identity);
  EXPECT_TRUE(published.sends_deletes());
  const RouteSettings& route = settings.routes[1];
  EXPECT_EQ(route.request_type, "opportunity");
  EXPECT_EQ(route.watch, "opportunity");
  EXPECT_EQ(route.place, "watches.opportunity.routes[0]");
  EXPECT_EQ(route.when, "stage <> 'draft'");
  EXPECT_THAT(route.columns, ElementsAre("name", "stage", "amount"));
  EXPECT_EQ(route.max_wait, 1h);
  EXPECT_FALSE(route.all_columns);
  ASSERT_EQ(route.fields.size(), 6U);
  EXPECT_EQ(route.fields[1].to, "StageName");
  EXPECT_THAT(route.fields[1].values, ElementsAre(std::pair<std::string, std::string>("\"open\"", "\"Open\""),
                                                  std::pair<std::string, std::string>("\"won\"", "\"Closed Won\"")));
  EXPECT_EQ(route.fields[1].fallback, "\"Open\"");
  EXPECT_EQ(route.fields[2].ref, "account");
  EXPECT_TRUE(route.fields[3].omit_null);
  EXPECT_EQ(route.fields[4].constant, "\"tandem\"");
  EXPECT_EQ(route.fields[5].sql, "amount * 1.2");
  EXPECT_TRUE(route.needs_identity);
  EXPECT_TRUE(route.needs_sql);
  EXPECT_TRUE(route.needs_refs);
  EXPECT_FALSE(route.needs_agreed);
  EXPECT_TRUE(route.touched);
  EXPECT_FALSE(settings.routes[0].touched);
  ASSERT_EQ(settings.watch("opportunity_line")->touches.size(), 1U);
  EXPECT_EQ(settings.watch("opportunity_line")->touches[0].watch, "opportunity");
  EXPECT_THAT(settings.watch("opportunity_line")->touches[0].by, ElementsAre("opportunity_id"));
  ASSERT_TRUE(route.rest.batch.has_value());
  EXPECT_EQ(route.rest.batch->ok_at, "/ok");
  EXPECT_EQ(route.rest.batch->max_bytes, std::uint64_t{1} << 20);
}

TEST(Load, ReadsWhatFollowsADelivery) {
  const Loaded loaded = load(full_example);
  ASSERT_TRUE(loaded.ok()) << told(loaded);
  const RouteSettings& route = loaded.settings.routes[3];
  ASSERT_EQ(route.target, "partner");
  EXPECT_EQ(route.settle_on, SettleOn::confirmed);
  EXPECT_EQ(route.confirm_within, 10min);
  EXPECT_EQ(route.write_back.remote_id, "partner_id");
  EXPECT_EQ(route.write_back.status, "partner_status");
  EXPECT_THAT(route.ignores, ElementsAre("partner_id", "partner_status"));
  EXPECT_THAT(loaded.settings.routes[4].ignores, ElementsAre("partner_id", "partner_status")) << "another target's";
  EXPECT_THAT(loaded.settings.routes[0].ignores, ElementsAre()) << "another table's";
  ASSERT_EQ(route.then.size(), 1U);
  EXPECT_THAT(route.then[0].after, ElementsAre("create", "update"));
  EXPECT_TRUE(route.then[0].on_delivered && route.then[0].on_applied);
  EXPECT_THAT(route.then[0].body, ElementsAre(std::pair<std::string, std::string>("action", "\"start\""),
                                              std::pair<std::string, std::string>("count", "1")));
  const auto& confirmations = loaded.settings.source("partner")->confirmations;
  ASSERT_TRUE(confirmations);
  EXPECT_EQ(confirmations->record_id, "/confirms");
  EXPECT_EQ(confirmations->failed, "/error");
  EXPECT_EQ(confirmations->error, "/error/message");
  EXPECT_EQ(confirmations->remote_id, "/id");
}

TEST(Load, ReadsEverySource) {
  const Loaded loaded = load(full_example);
  ASSERT_TRUE(loaded.ok()) << told(loaded);
  ASSERT_EQ(loaded.settings.sources.size(), 4U);
  const SourceSettings& webhook = loaded.settings.sources[0];
  EXPECT_EQ(webhook.rate.burst, 100);
  EXPECT_EQ(webhook.notification.deleted, "/gone");
  const SourceSettings& topics = loaded.settings.sources[1];
  ASSERT_TRUE(topics.topics);
  EXPECT_THAT(topics.topics->topics, ElementsAre("master.contact"));
  EXPECT_FALSE(topics.topics->from_start);
  EXPECT_EQ(topics.notification.id, "key");
  EXPECT_EQ(topics.notification.request_type, "topic");
  EXPECT_FALSE(topics.notification.type_tells_operation) << "the operation has a place of its own";
  const SourceSettings& poll = loaded.settings.sources[2];
  ASSERT_TRUE(poll.poll);
  ASSERT_EQ(poll.poll->lists.size(), 1U);
  EXPECT_EQ(poll.poll->lists[0].pages, Pages::cursor);
  EXPECT_TRUE(poll.poll->lists[0].compare);
  EXPECT_EQ(poll.poll->compare_every, 6h);
  const SourceSettings& foreign = loaded.settings.sources[3];
  ASSERT_TRUE(foreign.foreign);
  EXPECT_EQ(foreign.foreign->tables[0].updated, "updated_at");
  EXPECT_EQ(foreign.notification.id, "key");
  EXPECT_EQ(loaded.settings.routes[1].rest.fetch->body_at, "/data");
}

TEST(Load, ATopicSourceTakesItsTargetsClusterAndOurOwnPlaces) {
  const Loaded loaded = load(R"(database: { url: "postgresql://c@db/crm" }
targets: { events: { type: kafka, brokers: ["k:9092"], topic: "crm.{request_type}" } }
sources: { events: { type: kafka, topics: [in] } }
watches: { account: { table: account, routes: [ { target: events, apply: {} } ] } }
)");
  ASSERT_TRUE(loaded.ok()) << told(loaded);
  const SourceSettings& source = loaded.settings.sources[0];
  EXPECT_THAT(source.topics->cluster.brokers, ElementsAre("k:9092"));
  EXPECT_TRUE(source.topics->from_start);
  EXPECT_EQ(source.notification.id, "key");
  EXPECT_EQ(source.notification.request_type, "header:request_type");
  EXPECT_EQ(source.notification.operation, "") << "a message need not tell it";
  EXPECT_EQ(source.notification.body, "");
}

TEST(Load, TellsWhatIsWrongWithASource) {
  const auto problems = [](const std::string& source) {
    return told(load(R"(database: { url: "postgresql://c@db/crm" }
targets: { crm: { url: "http://crm", requests: { create: { method: POST, path: /a, remote_id: /id }, update: { method: PATCH, path: "/a/{remote_id}" }, delete: { method: DELETE, path: "/a/{remote_id}" } } } }
watches: { account: { table: account, routes: [ { target: crm, apply: {} } ] } }
sources: { crm: )" + source +
                     " }\n"));
  };
  EXPECT_THAT(problems("{ type: kafka, topics: [t] }"), HasSubstr("`brokers` is missing"));
  EXPECT_THAT(problems("{ type: kafka, brokers: [\"k:1\"] }"), HasSubstr("`topics` is missing"));
  EXPECT_THAT(problems("{ type: kafka, brokers: [\"k:1\"], topics: [t], id: nowhere }"), HasSubstr("header:NAME"));
  EXPECT_THAT(problems("{ type: kafka, brokers: [\"k:1\"], topics: [t], records: /x }"), HasSubstr("records"));
  const std::string list = "{ type: poll, lists: { account: { path: /a, updated: /at, ";
  EXPECT_EQ(problems(list + R"(query: { since: "{since}" } } } })"), "");
  EXPECT_THAT(problems(list + "query: { a: 1 } } } }"), HasSubstr("would list everything each time"));
  EXPECT_THAT(problems(list + R"(query: { since: "{sinse}" } } } })"), HasSubstr("unknown placeholder"));
  EXPECT_THAT(problems(list + R"(pages: cursor, next: /n, query: { since: "{since}" } } } })"), HasSubstr("{cursor}"));
  EXPECT_THAT(problems(list + R"(pages: link, query: { since: "{since}" } } } })"), HasSubstr("next: a JSON pointer"));
  EXPECT_THAT(problems(R"({ type: poll, lists: { order: { path: /a, updated: /at, query: { s: "{since}" } } } })"),
              HasSubstr("takes objects of this type"));
  EXPECT_THAT(problems("{ type: postgres, tables: { account: { table: a, key: [id], updated: at } } }"),
              HasSubstr("`url` is missing"));
  EXPECT_THAT(problems(R"({ type: postgres, url: "postgresql://x/y", tables: { account: { table: a } } })"),
              HasSubstr("`updated` is missing"));
  EXPECT_THAT(problems("{ request_type: account, rate: { burst: 5 } }"), HasSubstr("`per_second` is missing"));
}

TEST(Load, TellsWhatIsWrongWithTheProxy) {
  const auto problems = [](const std::string& proxy) { return told(load(minimal() + "\nproxy: " + proxy + "\n")); };
  const auto caller = [&](const std::string& allow, const std::string& token = "0123456789abcdef") {
    return problems("{ callers: { a: { token: " + token + ", allow: { " + allow + " } } } }");
  };
  EXPECT_EQ(caller("second_crm: [\"GET /account/*\", \"POST /a/**\"]"), "");
  EXPECT_THAT(problems("{ share: 0.5 }"), HasSubstr("nobody may use it"));
  EXPECT_THAT(problems("{ callers: { a: { allow: { second_crm: [\"GET /a\"] } } } }"), HasSubstr("`token` is missing"));
  EXPECT_THAT(caller("second_crm: [\"GET /a\"]", "short"), HasSubstr("shorter than 16"));
  EXPECT_THAT(caller("nowhere: [\"GET /a\"]"), HasSubstr("there is no target `nowhere`"));
  for (const char* rule : {"get /a", "HEAD /a", "GET a", "GET /", "GET /a//b", "GET /a/..", "GET /a/%2e", "GET /a*",
                           "GET /**/a", "GET /a?x=1", "/a", "GET"})
    EXPECT_THAT(caller(std::string("second_crm: [\"") + rule + "\"]"), HasSubstr("is not a method and a path")) << rule;
  EXPECT_THAT(problems("{ callers: { a: { token: 0123456789abcdef, allow: { second_crm: [\"GET /a\"] } }, "
                       "b: { token: 0123456789abcdef, allow: { second_crm: [\"GET /a\"] } } } }"),
              HasSubstr("is the token of `a` too"));
}

TEST(Load, UpsertNeedsNothingBesideTheRow) {
  const Loaded loaded = load(minimal());
  ASSERT_TRUE(loaded.ok()) << told(loaded);
  const RouteSettings& route = loaded.settings.routes.at(0);
  EXPECT_FALSE(route.needs_identity || route.needs_agreed || route.needs_sql || route.needs_refs);
  EXPECT_TRUE(route.all_columns);
  EXPECT_EQ(route.request_type, "account");
}

TEST(Load, RouteOverridesItsTargetsRequestsFieldByField) {
  const Loaded loaded = load(minimal("",
                                     "        requests: { upsert: { path: \"/Account/{object_id}\" }, delete: false }\n"
                                     "        operations: [create, update]\n"));
  ASSERT_TRUE(loaded.ok()) << told(loaded);
  const RestSettings& rest = loaded.settings.routes.at(0).rest;
  EXPECT_EQ(rest.upsert->path, "/Account/{object_id}");
  EXPECT_EQ(rest.upsert->method, "PUT");
  EXPECT_FALSE(rest.remove.has_value());
}

TEST(Load, TellsEveryProblemAtOnceByLine) {
  const Loaded loaded = load(R"(databse: {}
database: { url: "${NOT_SET}" }
targets:
  a: { url: "ftp://x" }
watches:
  w:
    tabel: public.w
    routes:
      - target: b
        max_wait: 90
)");
  std::vector<int> lines;
  for (const auto& problem : loaded.problems) lines.push_back(problem.line);
  EXPECT_TRUE(std::ranges::is_sorted(lines));
  const std::string all = told(loaded);
  EXPECT_THAT(all, HasSubstr("tandem.yaml:1: databse: unknown key\n  did you mean `database`?"));
  EXPECT_THAT(all,
              HasSubstr("tandem.yaml:2: database.url: the environment variable NOT_SET is not set\n  export NOT_SET"));
  EXPECT_THAT(all, HasSubstr("tandem.yaml:4: targets.a.url: is not an http or https address"));
  EXPECT_THAT(all, HasSubstr("tandem.yaml:7: watches.w.tabel: unknown key\n  did you mean `table`?"));
  EXPECT_THAT(all, HasSubstr("watches.w: `table` is missing"));
  EXPECT_THAT(all, HasSubstr("tandem.yaml:9: watches.w.routes[0].target: there is no target `b`"));
  EXPECT_THAT(all, HasSubstr("tandem.yaml:10: watches.w.routes[0].max_wait: expected a duration, found `90`"));
  EXPECT_THAT(all, HasSubstr("did you mean 90s?"));
}

/// One thing wrong, at one place, told with its line.
struct Wrong {
  std::string_view name, target_more, route_more, root_more;
  int line;
  std::string_view key, message, remedy;
};
class OneProblem : public ::testing::TestWithParam<Wrong> {};

TEST_P(OneProblem, IsToldWithLineKeyAndRemedy) {
  const Wrong& wrong = GetParam();
  const Loaded loaded = load(minimal(wrong.target_more, wrong.route_more, wrong.root_more));
  ASSERT_EQ(loaded.problems.size(), 1U) << told(loaded);
  const Problem& problem = loaded.problems[0];
  EXPECT_EQ(problem.line, wrong.line) << told(loaded);
  EXPECT_EQ(problem.key, wrong.key);
  EXPECT_THAT(problem.message, HasSubstr(std::string(wrong.message)));
  EXPECT_THAT(problem.remedy, HasSubstr(std::string(wrong.remedy)));
}

INSTANTIATE_TEST_SUITE_P(
    Load, OneProblem,
    ::testing::Values(
        Wrong{"UnknownKey", "    concurency: 3\n", "", "", 8, "targets.second_crm.concurency", "unknown key",
              "did you mean `concurrency`?"},
        Wrong{"DuplicateKey", "", "", "watches: {}\n", 13, "watches", "duplicate key, first written in line 8",
              "keep one"},
        Wrong{"DuplicateTarget", "  second_crm: { url: \"http://x\" }\n", "", "", 8, "targets.second_crm",
              "duplicate key", "keep one"},
        Wrong{"TextForNumber", "    concurrency: many\n", "", "", 8, "targets.second_crm.concurrency",
              "expected a whole number", "decimal"},
        Wrong{"Octal", "    concurrency: 0777\n", "", "", 8, "targets.second_crm.concurrency", "found `0777`",
              "leading zeros"},
        Wrong{"QuotedNumber", "    concurrency: \"7\"\n", "", "", 8, "targets.second_crm.concurrency", "found `7`",
              "without quotes"},
        Wrong{"NumberOutOfRange", "    concurrency: 0\n", "", "", 8, "targets.second_crm.concurrency", "out of range",
              "between 1 and 10000"},
        Wrong{"HugeNumber", "    concurrency: 99999999999999999999\n", "", "", 8, "targets.second_crm.concurrency",
              "whole number", ""},
        Wrong{"Sexagesimal", "    timeout: 1:30\n", "", "", 8, "targets.second_crm.timeout", "expected a duration",
              "1h30m"},
        Wrong{"ImplicitBoolean", "    http2: yes\n", "", "", 8, "targets.second_crm.http2",
              "expected true or false, found `yes`", "true or false"},
        Wrong{"BooleanForText", "    proxy: true\n", "", "", 8, "targets.second_crm.proxy",
              "expected text, found a boolean", "\"true\""},
        Wrong{"NumberForText", "    proxy: 8080\n", "", "", 8, "targets.second_crm.proxy",
              "expected text, found a number", "\"8080\""},
        Wrong{"ListForMapping", "    auth: [a]\n", "", "", 8, "targets.second_crm.auth",
              "expected a mapping, found a list", ""},
        Wrong{"EmptyValue", "    proxy:\n", "", "", 8, "targets.second_crm.proxy", "has no value", "remove the key"},
        Wrong{"SizeWithoutUnit", "    memory: 1000000\n", "", "", 8, "targets.second_crm.memory", "expected a size",
              "1MiB"},
        Wrong{"UnsetVariable", "    auth: { bearer: \"${NO_TOKEN}\" }\n", "", "", 8, "targets.second_crm.auth.bearer",
              "NO_TOKEN is not set", "export NO_TOKEN"},
        Wrong{"EmptySecret", "    auth: { bearer: \"${EMPTY}\" }\n", "", "", 8, "targets.second_crm.auth.bearer",
              "is empty", "set it"},
        Wrong{"MalformedVariable", "    proxy: \"${A-B}\"\n", "", "", 8, "targets.second_crm.proxy",
              "malformed variable ${A-B}", "${NAME}"},
        Wrong{"TwoWaysToAuthenticate", "    auth: { bearer: abc, header: { name: X-Key, value: v } }\n", "", "", 8,
              "targets.second_crm.auth", "several ways", "keep one"},
        Wrong{"SecretTwice", "    auth: { bearer: abc, bearer_file: f }\n", "", "", 8,
              "targets.second_crm.auth.bearer_file", "both `bearer` and `bearer_file`", "keep one"},
        Wrong{"SecretFileMissing", "    auth: { bearer_file: /no/such/file }\n", "", "", 8,
              "targets.second_crm.auth.bearer_file", "cannot read /no/such/file", "name a file"},
        Wrong{"HeaderWithLineEnd", "    headers: { X-A: \"a\\r\\nb\" }\n", "", "", 8, "targets.second_crm.headers.X-A",
              "line end", "remove"},
        Wrong{"UnknownTarget", "", "      - { target: second_cmr, request_type: x, operations: [delete] }\n", "", 13,
              "watches.account.routes[1].target", "no target `second_cmr`", "did you mean `second_crm`?"},
        Wrong{"Collision", "", "      - { target: second_crm }\n", "", 13, "watches.account.routes[1]",
              "collides with the route in line 12", "own request_type"},
        Wrong{"UnknownChoice", "", "        body: lates\n", "", 13, "watches.account.routes[0].body",
              "`lates` is not one", "did you mean `latest`?"},
        Wrong{"UnknownOperation", "", "        operations: [upsert]\n", "", 13, "watches.account.routes[0].operations",
              "unknown operation `upsert`", "create, update, delete"},
        Wrong{"BadPercent", "", "        rollout: 10\n", "", 13, "watches.account.routes[0].rollout",
              "expected a percentage", "10%"},
        Wrong{"DanglingRef", "", "        fields: { owner: { to: Owner, ref: user } }\n", "", 13,
              "watches.account.routes[0].fields.owner", "refers to `user`", "account"},
        Wrong{"TwoFieldsOneName", "", "        fields: { a: X, b: X }\n", "", 13, "watches.account.routes[0]",
              "two fields write `X`", "its own name"},
        Wrong{"AmbiguousValue", "", "        constants: { Flag: no }\n", "", 13,
              "watches.account.routes[0].constants.Flag", "read in two ways", "quotes"},
        Wrong{"UnknownPlaceholder", "", "        requests: { upsert: { path: \"/x/{objectid}\" } }\n", "", 13,
              "watches.account.routes[0].requests.upsert.path", "unknown placeholder {objectid}",
              "did you mean `object_id`?"},
        Wrong{"BadPointer", "", "        requests: { upsert: { remote_id: id } }\n", "", 13,
              "watches.account.routes[0].requests.upsert.remote_id", "not a JSON pointer", "/data/id"},
        Wrong{"WrapIsNotJson", "", "        requests: { upsert: { wrap: \"{data: {body}}\" } }\n", "", 13,
              "watches.account.routes[0].requests.upsert.wrap", "not JSON", "single quotes"},
        Wrong{"PolledByNothing", "", "", "  lead: { table: lead, mode: poll, routes: [ { target: second_crm } ] }\n",
              13, "watches.lead", "does not say which column", "poll: { updated"},
        Wrong{"PolledWithoutTime", "", "",
              "  lead: { table: lead, mode: poll, poll: { deleted: gone }, routes: [ { target: second_crm } ] }\n", 13,
              "watches.lead.poll", "`updated` is missing", "name the column"},
        Wrong{"PollOfATrigger", "", "",
              "  lead: { table: lead, poll: { updated: at }, routes: [ { target: second_crm } ] }\n", 13,
              "watches.lead.poll", "for watches of mode poll", "mode: poll"},
        Wrong{"PolledColumns", "", "",
              "  lead: { table: lead, mode: poll, poll: { updated: at }, routes: [ { target: second_crm, columns: [a] "
              "} ] "
              "}\n",
              13, "watches.lead.routes[0].columns", "does not see which columns", "trigger or wal"},
        Wrong{
            "PolledChanged", "", "",
            "  lead: { table: lead, mode: poll, poll: { updated: at }, routes: [ { target: second_crm, changed: true } "
            "] }\n",
            13, "watches.lead.routes[0].changed", "does not see which columns", "trigger or wal"},
        Wrong{"PolledTruncate", "", "",
              "  lead: { table: lead, mode: poll, poll: { updated: at }, routes: [ { target: second_crm, on_truncate: "
              "alert } ] }\n",
              13, "watches.lead.routes[0].on_truncate", "rows that are gone", "mode: trigger"},
        Wrong{"WatchWithoutRoutes", "", "", "  lead: { table: lead }\n", 13, "watches.lead", "has no routes",
              "- target"},
        Wrong{"TouchesAnUnknownWatch", "", "", "  line: { table: line, touches: { watch: acount, by: account_id } }\n",
              13, "watches.line.touches", "no watch `acount`", "did you mean `account`?"},
        Wrong{"TouchesWithoutColumn", "", "", "  line: { table: line, touches: { watch: account } }\n", 13,
              "watches.line.touches", "`by` is missing", "object's key"},
        Wrong{"TouchesFromTheLog", "", "",
              "  line: { table: line, mode: wal, touches: [ { watch: account, by: [account_id] } ] }\n", 13,
              "watches.line.touches", "`line` is captured from the log", "mode: trigger"},
        Wrong{"TouchesWhatSendsNoUpdates", "", "        operations: [create]\n",
              "  line: { table: line, touches: { watch: account, by: account_id } }\n", 14, "watches.line.touches",
              "no route of `account` sends updates", "remove touches"},
        Wrong{"NobodyConfirms", "", "        settle_on: confirmed\n", "", 13, "watches.account.routes[0].settle_on",
              "no source brings confirmations of `second_crm`", "add confirmations"},
        Wrong{"ConfirmWithinAlone", "", "        confirm_within: 1m\n", "", 13,
              "watches.account.routes[0].confirm_within", "wait for a confirmation", "settle_on: confirmed"},
        Wrong{"WritesBothIntoOneColumn", "", "        write_back: { remote_id: crm, status: crm }\n", "", 13,
              "watches.account.routes[0].write_back.status", "the column of `remote_id` as well", "another column"},
        Wrong{"WritesBackWhatNobodyTells", "",
              "        requests: { upsert: false, create: { method: POST, path: /x }, update: { method: PUT, path: /x "
              "} }\n        write_back: { remote_id: crm_id }\n",
              "", 14, "watches.account.routes[0].write_back.remote_id", "never learned", "add remote_id"},
        Wrong{"FollowUpWithoutRequest", "", "        then: { body: { action: start } }\n", "", 13,
              "watches.account.routes[0].then", "no `call` request", "requests.call"},
        Wrong{"FollowUpOfNothingApplied", "",
              "        requests: { call: { method: POST, path: /x } }\n        then: { on: [applied] }\n", "", 14,
              "watches.account.routes[0].then", "nothing is applied", "on: [delivered]"},
        Wrong{"ListenOpenToAll", "", "", "http: { listen: \"0.0.0.0:7400\" }\n", 13, "http.listen",
              "no token protects it", "127.0.0.1"},
        Wrong{"ListenNonsense", "", "", "http: { listen: \"7400\" }\n", 13, "http.listen", "not an address and port",
              "127.0.0.1:7400"},
        Wrong{"RetentionUpsideDown", "", "", "retention: { done: 30d, failed: 10d }\n", 13, "retention.failed",
              "shorter than `done`", "as long"}),
    [](const auto& wrong) { return std::string(wrong.param.name); });

/// What the loader has against one Kafka target and its route.
std::string told_of_kafka(std::string_view target, std::string_view route = "") {
  return told(load(
      "database: { url: \"postgresql://c@db/crm\" }\ntargets:\n  events:\n    type: kafka\n" + std::string(target) +
      "watches:\n  account:\n    table: account\n    routes:\n      - target: events\n" + std::string(route)));
}

TEST(Load, SaysWhatIsWrongWithAKafkaTarget) {
  const std::string good = "    brokers: [\"k:9092\"]\n    topic: \"crm.{request_type}\"\n";
  EXPECT_EQ(told_of_kafka(good), "");
  EXPECT_THAT(told_of_kafka("    topic: t\n"), HasSubstr("tandem.yaml:4: targets.events: `brokers` is missing"));
  EXPECT_THAT(told_of_kafka("    topic: t\n    brokers: [\"k\"]\n"), HasSubstr("`k` is not HOST:PORT"));
  EXPECT_THAT(told_of_kafka("    topic: t\n    brokers: [\"k:99999\"]\n"), HasSubstr("`k:99999` is not HOST:PORT"));
  EXPECT_THAT(told_of_kafka(good + "    url: http://x\n"), HasSubstr("tandem.yaml:7: targets.events.url: unknown key"));
  EXPECT_THAT(told_of_kafka(good + "    properties: { acks: \"1\" }\n"),
              HasSubstr("targets.events.properties.acks: is not yours to set"));
  EXPECT_THAT(told_of_kafka(good + "    properties: { test.mock.num.brokers: \"1\" }\n"),
              HasSubstr("not yours to set"));
  EXPECT_THAT(told_of_kafka(good + "    properties: { sasl.password_file: /no/such/file }\n"),
              HasSubstr("cannot read /no/such/file"));
  EXPECT_THAT(told_of_kafka(good + "    properties: { a.b: c, a.b_file: d }\n"), HasSubstr("`a.b` is given twice"));
  EXPECT_THAT(told_of_kafka("    brokers: [\"k:9092\"]\n"), HasSubstr("watches.account.routes[0]: has no topic"));
  EXPECT_THAT(told_of_kafka(good, "        topic: \"{operation}\"\n"),
              HasSubstr("unknown placeholder in `{operation}`"));
  EXPECT_THAT(told_of_kafka(good, "        topic: \"a b\"\n"), HasSubstr("`a b` is not a topic's name"));
  EXPECT_THAT(told_of_kafka(good, "        requests: { lookup: { method: GET, path: /x, remote_id: /id } }\n"),
              HasSubstr("a target of type kafka has none"));
  EXPECT_THAT(told(load(minimal("", "        topic: t\n"))), HasSubstr("is for targets of type kafka"));
}

TEST(Load, RefusesWhatYamlHides) {
  EXPECT_THAT(told(load("a: &x 1\nb: *x\n")), HasSubstr("anchor"));
  EXPECT_THAT(told(load("a: 1\n---\nb: 2\n")), HasSubstr("more than one document"));
  EXPECT_THAT(told(load("a: !!binary aGk=\n")), HasSubstr("tag"));
  EXPECT_THAT(told(load("a: [1\nb: 2\n")), HasSubstr("not valid YAML"));
  EXPECT_THAT(told(load("")), HasSubstr("empty"));
  EXPECT_THAT(told(load(std::string((1 << 20) + 1, '#'))), HasSubstr("larger than 1 MiB"));
  EXPECT_THAT(told(load(std::string("a: b\0c", 6))), HasSubstr("NUL"));
  EXPECT_THAT(told(load("- a\n- b\n")), HasSubstr("expected a mapping, found a list"));
  std::string deep;
  for (int i = 0; i < 2000; ++i) deep += "[";
  EXPECT_FALSE(load(deep).ok());
}

TEST(Load, MissingFileIsAProblemLikeAnyOther) {
  const Loaded loaded = load_settings("/no/such/tandem.yaml", tokens);
  ASSERT_EQ(loaded.problems.size(), 1U);
  EXPECT_EQ(loaded.problems[0].file, "/no/such/tandem.yaml");
  EXPECT_THAT(loaded.problems[0].remedy, HasSubstr("--config"));
}

TEST(Load, ReadsSecretsFromFilesBesideTheConfiguration) {
  const auto folder = std::filesystem::temp_directory_path() / ("tandem_load_test_" + std::to_string(::getpid()));
  std::filesystem::create_directory(folder);
  std::ofstream(folder / "token") << "from-a-file\n";
  std::ofstream(folder / "tandem.yaml") << minimal("    auth: { bearer_file: token }\n");
  const Loaded loaded = load_settings((folder / "tandem.yaml").string(), tokens);
  std::filesystem::remove_all(folder);
  ASSERT_TRUE(loaded.ok()) << told(loaded);
  EXPECT_EQ(loaded.settings.targets[0].auth.token.reveal(), "from-a-file");
}

TEST(Load, KeepsThePlaceOfARefreshTokenToWriteARotatedOneBack) {
  const auto folder = std::filesystem::temp_directory_path() / ("tandem_load_refresh_" + std::to_string(::getpid()));
  std::filesystem::create_directory(folder);
  std::ofstream(folder / "refresh") << "first\n";
  std::ofstream(folder / "tandem.yaml") << minimal(
      "    auth: { oauth2: { grant: refresh_token, token_url: \"https://x/token\", client_id: c, refresh_token_file: "
      "refresh } }\n");
  const Loaded loaded = load_settings((folder / "tandem.yaml").string(), tokens);
  std::filesystem::remove_all(folder);
  ASSERT_TRUE(loaded.ok()) << told(loaded);
  EXPECT_EQ(loaded.settings.targets[0].auth.refresh_token.reveal(), "first");
  EXPECT_EQ(loaded.settings.targets[0].auth.refresh_token_file, (folder / "refresh").string());
}

TEST(Load, NeverTellsASecret) {
  const Loaded loaded = parse_settings(
      "database: { url: \"${SECRET}\" }\nretention: { done: \"${SECRET}\" }\nhttp: { tokens: { admin: \"${SECRET}\" } "
      "}\n",
      "tandem.yaml", environment({{"SECRET", "hunter2"}}));
  EXPECT_FALSE(loaded.ok());
  EXPECT_THAT(told(loaded), ::testing::Not(HasSubstr("hunter2")));
}

TEST(Load, VariablesMayStandForNumbersAndHaveDefaults) {
  const Loaded loaded =
      load(minimal("    concurrency: \"${SEVEN}\"\n    proxy: \"${NO_PROXY_SET:-http://proxy:3128}\"\n"));
  ASSERT_TRUE(loaded.ok()) << told(loaded);
  EXPECT_EQ(loaded.settings.targets[0].concurrency, 7);
  EXPECT_EQ(loaded.settings.targets[0].proxy, "http://proxy:3128");
}

TEST(Load, AConflictMayBeDecidedByFieldInColumnsThatTheRouteMaps) {
  const Loaded full = load(full_example);
  ASSERT_TRUE(full.ok()) << told(full);
  const auto route = std::ranges::find_if(full.settings.routes, [](const RouteSettings& one) {
    return one.apply && one.apply->by_field.contains("email");
  });
  ASSERT_NE(route, full.settings.routes.end());
  EXPECT_EQ(route->apply->by_field.at("email"), ConflictPolicy::theirs);
  const Loaded wrong = load(minimal(
      "", "        fields: { name: Name }\n        apply: { conflict_by_field: { name: newest, tier: ours } }\n"));
  EXPECT_THAT(told(wrong), HasSubstr("is no column of this route's fields"));
  EXPECT_THAT(told(wrong), HasSubstr("compares two times"));
}

TEST(Load, LineOfFallsBackToTheNearestParent) {
  const Loaded loaded = load(minimal());
  EXPECT_EQ(loaded.line_of("watches.account.table"), 10);
  EXPECT_EQ(loaded.line_of("watches.account.routes[0].when"), 12);
  EXPECT_EQ(loaded.line_of("nowhere"), 0);
}

}  // namespace
}  // namespace tandem
