#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "support/stand.hpp"

namespace tandem::test_support {
namespace {

struct Value {
  const char* name;
  const char* type;
  const char* sql;       ///< literal of the value
  const char* expected;  ///< as JSON at the other side
};

/// jsonb holds a float as a numeric and prints it without an exponent: the same value, written out.
const std::string smallest_double = "0." + std::string(323, '0') + "5";

/// Every value on its own row; all of them in one scene, since a scene costs a server.
const std::vector<Value> values = {
    {"bigint_min", "bigint", "-9223372036854775808", "-9223372036854775808"},
    {"bigint_max", "bigint", "9223372036854775807", "9223372036854775807"},
    {"beyond_double", "bigint", "9007199254740993", "9007199254740993"},
    {"numeric_scale", "numeric", "10.10", "10.10"},
    {"numeric_zeroes", "numeric(12,4)", "5", "5.0000"},
    {"numeric_long", "numeric", "123456789012345678901234567890.123456789012345678901234567890",
     "123456789012345678901234567890.123456789012345678901234567890"},
    {"numeric_1e400", "numeric", "1e400::numeric", nullptr},  // filled in below: 1 and 400 zeroes
    {"numeric_nan", "numeric", "'NaN'", "\"NaN\""},
    {"numeric_infinity", "numeric", "'-Infinity'", "\"-Infinity\""},
    {"double_nan", "double precision", "'NaN'", "\"NaN\""},
    {"double_infinity", "double precision", "'Infinity'", "\"Infinity\""},
    {"double_tiny", "double precision", "5e-324", smallest_double.c_str()},
    {"double_third", "double precision", "1.0/3.0", "0.3333333333333333"},
    {"real_tenth", "real", "0.1", "0.1"},
    {"text_empty", "text", "''", "\"\""},
    {"text_controls", "text", "E'\\x01\\t\\n\\r\\x7f'", "\"\\u0001\\t\\n\\r\x7f\""},
    {"text_quotes", "text", "E'a\"b\\\\c/d'", "\"a\\\"b\\\\c/d\""},
    {"text_beyond_bmp", "text", "'𝄞 👩‍👩‍👧 ﷺ'", "\"𝄞 👩‍👩‍👧 ﷺ\""},
    {"text_like_nul", "text", "'\\u0000'", "\"\\\\u0000\""},
    {"text_separators", "text", "E'\\u2028\\u2029'", "\"\u2028\u2029\""},
    {"bytes", "bytea", "'\\x00ff10'", "\"\\\\x00ff10\""},
    {"time_with_zone", "timestamptz", "'2026-03-29 01:30:00.123456+00'", "\"2026-03-29T01:30:00.123456+00:00\""},
    {"time_infinite", "timestamptz", "'infinity'", "\"infinity\""},
    {"time_bc", "date", "'0044-03-15 BC'", "\"0044-03-15 BC\""},
    {"span", "interval", "'1 year 2 mons 3 days 04:05:06.7'", "\"1 year 2 mons 3 days 04:05:06.7\""},
    {"identifier", "uuid", "'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'", "\"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11\""},
    {"list", "int[]", "'{1,null,3}'", "[1,null,3]"},
    {"array_of_text", "text[]", "array['a,b', '', null]", "[\"a,b\",\"\",null]"},
    {"span_of_numbers", "int4range", "'[1,5)'", "\"[1,5)\""},
    {"json_digits", "json", "'{\"n\": 1.10, \"big\": 123456789012345678901234567890}'",
     "{\"n\":1.10,\"big\":123456789012345678901234567890}"},
    {"flag", "boolean", "false", "false"},
    {"address", "inet", "'2001:db8::1/64'", "\"2001:db8::1/64\""},
    {"bits", "bit(4)", "B'1010'", "\"1010\""},
    {"money", "numeric(4,2)", "-0.01", "-0.01"},
};

/// One column for each value, so that each keeps its own type.
TEST(ExactValues, ArriveAsTheDatabasePrintsThem) {
  Stand stand;
  std::string columns, row;
  for (const auto& value : values) {
    columns += std::string(", ") + value.name + " " + value.type;
    row += std::string(", ") + value.sql;
  }
  stand.sql().run("create table thing (nr text primary key" + columns + ")");
  stand.begin("\n  thing:\n    table: public.thing\n    routes:\n      - { target: second_crm }\n");
  // The session's own settings must not show in what arrives.
  stand.sql().run(
      "set datestyle = 'German, DMY'; set timezone = 'Asia/Kathmandu'; set intervalstyle = 'iso_8601'; set "
      "bytea_output = 'escape'; "
      "set extra_float_digits = 0; insert into thing values ('t'" +
      row + "); reset all");
  ASSERT_TRUE(stand.settles());
  EXPECT_EQ(stand.outcome_of("t", "thing"), "delivered") << stand.sql().text("select description from tandem.outbox");
  const auto there = stand.crm().ask([](second_crm::Api& api) {
    const auto* found = api.store().find("thing", "t");
    return found == nullptr ? std::vector<std::pair<std::string, second_crm::Json>>{} : found->fields;
  });
  for (const auto& value : values) {
    const std::string expected = value.expected != nullptr ? value.expected : "1" + std::string(400, '0');
    const auto wanted = second_crm::parse_json(expected);
    ASSERT_TRUE(std::holds_alternative<second_crm::Json>(wanted)) << expected;
    const second_crm::Json* arrived = nullptr;
    for (const auto& [name, field] : there)
      if (name == value.name) arrived = &field;
    ASSERT_NE(arrived, nullptr) << value.name << " did not arrive";
    EXPECT_EQ(second_crm::print(*arrived), second_crm::print(std::get<second_crm::Json>(wanted))) << value.name;
  }
}

struct Hostile {
  const char* what;
  const char* id;      ///< SQL expression
  const char* column;  ///< that holds the value
  const char* value;   ///< SQL expression
  enum class Fate { arrives, may_fail, fails } fate;
};

/// The CRM's own transaction passes whatever the row holds, and the row beside it arrives.
TEST(HostileRows, ArriveExactlyOrFailWithTheirReasonAndNeverHurtTheCrm) {
  using enum Hostile::Fate;
  const std::vector<Hostile> rows = {
      {"a json column with an escaped NUL", "'nul'", "j", R"('"\u0000"')", fails},
      {"a json number beyond numeric", "'huge number'", "j", "'1e400000'", fails},
      {"deep nesting", "'deep'", "j", "(repeat('[', 5000) || repeat(']', 5000))::json", may_fail},
      {"a very large text", "'large'", "t", "repeat('0123456789', 600000)", fails},
      {"a key of 10,000 characters", "repeat('k', 10000)", "t", "'long key'", arrives},
      {"a key of one dot", "'.'", "t", "'dot'", fails},
      {"a key of two dots", "'..'", "t", "'dots'", fails},
      {"an empty key", "''", "t", "'empty'", fails},
      {"a key with slashes and dots", "'a/b/../c'", "t", "'slash'", arrives},
      {"a key with reserved characters", R"('?x=1&y=%2F#frag ü"''\')", "t", "'reserved'", arrives},
      {"a key with line ends", R"(E'a\r\nX-Evil: 1')", "t", "'lines'", arrives},
  };
  Stand stand;
  stand.sql().run("create table thing (nr text primary key, t text, j json)");
  stand.begin("\n  thing:\n    table: public.thing\n    routes:\n      - { target: second_crm }\n");
  for (const auto& row : rows)
    stand.sql().run(std::string("begin; insert into thing (nr, ") + row.column + ") values (" + row.id + ", " +
                    row.value +
                    "); insert into thing (nr, t) values ('beside ' || (select count(*) from thing), 'fine'); commit");
  ASSERT_TRUE(stand.settles(std::chrono::seconds(60))) << stand.pending() << " records are pending";
  EXPECT_TRUE(stand.tandem().running());

  for (const auto& row : rows) {
    const auto id = stand.sql().text(std::string("select ") + row.id);
    const auto found =
        stand.sql().rows("select outcome, error_code, description from tandem.outbox where object_id = $1", {id});
    ASSERT_EQ(found.size(), 1U) << row.what;
    const auto outcome = found[0][0].value_or(""), error = found[0][1].value_or(""),
               description = found[0][2].value_or("");
    if (outcome == "delivered") {
      EXPECT_NE(row.fate, fails) << row.what;
      EXPECT_NE(stand.object("thing", id), "") << row.what;
      continue;
    }
    EXPECT_NE(row.fate, arrives) << row.what << ": " << error << ", " << description;
    EXPECT_TRUE(error == "mapping" || error == "too_large" || error == "rejected")
        << row.what << ": " << error << ", " << description;
    EXPECT_FALSE(description.empty()) << row.what;
    EXPECT_EQ(stand.object("thing", id), "") << row.what;
  }
  EXPECT_EQ(stand.sql().number(
                "select count(*) from tandem.outbox where object_id like 'beside %' and outcome = 'delivered'"),
            static_cast<long long>(rows.size()));
  // A path is never squashed into another one: nothing but these objects was asked for there.
  EXPECT_EQ(stand.crm().ask([](second_crm::Api& api) { return api.store().type_names().size(); }), 1U);
}

}  // namespace
}  // namespace tandem::test_support
