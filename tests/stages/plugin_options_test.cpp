#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <map>
#include <random>

#include "slot_answer.hpp"
#include "support/private_postgres.hpp"
#include "wire/frame_decoder.hpp"

namespace tandem::test_support {
namespace {

/// Lists of options: valid ones, and what becomes of them when pieces are cut, repeated, mixed up or drowned.
class RandomOptions {
 public:
  explicit RandomOptions(unsigned seed) : random_(seed) {}

  /// As text of a text[], names and values in turn.
  std::string next() {
    list_.clear();
    if (!chance(5)) add("protocol_version", chance(4) ? value() : "1");
    const auto count = chance(1) ? 1'000U : below(6);
    for (unsigned i = 0; i < count; ++i) add(name(), {});
    for (auto& element : list_)
      if (chance(4)) spoil(element);
    if (chance(10)) std::shuffle(list_.begin(), list_.end(), random_);
    if (chance(10) && !list_.empty()) list_.insert(list_.end(), list_.begin(), list_.begin() + 2);
    if (chance(4) && !list_.empty()) list_.pop_back();
    std::vector<const std::string*> elements;
    for (const auto& element : list_) elements.push_back(below(1'000) == 0 ? nullptr : &element);
    return array_text(elements);
  }

 private:
  unsigned below(unsigned bound) { return static_cast<unsigned>(random_() % bound); }
  bool chance(unsigned percent) { return below(100) < percent; }
  std::string pick(const std::vector<std::string>& words) { return words[below(static_cast<unsigned>(words.size()))]; }

  std::string name() {
    if (chance(3)) return value();
    return pick({"table", "table", "table", "table", "tables", "origin", "skip_origin", "skip_origin", "message_prefix",
                 "message_prefix", "boundaries"});
  }
  void add(const std::string& name, const std::string& given) {
    list_.push_back(name);
    list_.push_back(given.empty() && !chance(1) ? value_of(name) : given);
  }
  std::string value_of(const std::string& name) {
    if (chance(4)) return value();
    if (name == "table") return table();
    if (name == "tables") return "all";
    if (name == "origin") return pick({"any", "none"});
    if (name == "skip_origin") return pick({"elsewhere", "nowhere", "", "\xc3\xbc\"'"});
    if (name == "message_prefix") return pick({"one", "two", "", "tandem", "\xe2\x82\xac"});
    if (name == "boundaries") return pick({"on", "off", "true", "0", "OFF"});
    return value();
  }
  std::string identifier() {
    return pick({"id", "name", "\"Name\"", "\"a \"\"b\"\"\"", "raw", "RAW", "doc", "ctid", "xmin", "gone", "$1", "_",
                 "\xc3\xbc", "\"\xe2\x82\xac\"", std::string(63, 'x'), std::string(64, 'x'), "1"});
  }
  std::string space() { return pick({"", "", " ", "  ", "\t", "\n", "\r\n"}); }
  std::string table() {
    std::string out = pick({"public.item", "public.item", "PUBLIC.Item", "public.\"It\"\"em\"", "public . parted",
                            "public.parted_1", "pg_catalog.pg_class", "public.absent", "pg_toast.pg_toast_1",
                            "public." + identifier(), identifier() + "." + identifier()});
    if (chance(50)) {
      out += space() + "(";
      const auto count = 1 + below(chance(2) ? 3'000 : 5);
      for (unsigned i = 0; i < count; ++i) out += (i == 0 ? "" : ",") + space() + identifier() + space();
      out += ")";
    }
    const auto operations = chance(50) ? 0U : 1 + below(6);
    for (unsigned i = 0; i < operations; ++i)
      out += " " + pick({"insert", "update", "delete", "TRUNCATE", "\"insert\""});
    return out + space();
  }
  /// Anything.
  std::string value() {
    switch (below(5)) {
      case 0:
        return pick({"",
                     "1",
                     "2",
                     "-1",
                     "01",
                     "1 ",
                     "99999999999999999999",
                     "on",
                     "all",
                     "none",
                     "null",
                     "\"",
                     "\\",
                     "'",
                     "(",
                     ")",
                     ".",
                     ",",
                     "%s%n%d",
                     "public.",
                     ".item",
                     "public.item(",
                     "public.item)",
                     "public.item()"});
      case 1:
        return bytes(1 + below(20));
      case 2:
        return std::string(1 + below(5'000), pick({"\"", "(", ".", "a", "\\", " ", "%"}).front());
      case 3:
        return chance(4) ? std::string(1 + below(2'000'000), 'a') : identifier();
      default:
        return table() + table();
    }
  }
  std::string bytes(unsigned count) {
    std::string out;
    for (unsigned i = 0; i < count; ++i) out += static_cast<char>(1 + below(255));
    return out;
  }
  void spoil(std::string& text) {
    const auto at = below(static_cast<unsigned>(text.size()) + 1);
    switch (below(6)) {
      case 0:
        return text.resize(at);
      case 1:
        text.insert(at, bytes(1));
        return;
      case 2:
        text.insert(at, pick({"\"", "(", ")", ",", ".", " ", "'", "\\", "\xe2\x82\xac", "\xe2\x82"}));
        return;
      case 3:
        text += text;
        return;
      case 4:
        if (!text.empty()) text.erase(at % text.size(), 1);
        return;
      default:
        if (!text.empty()) text[at % text.size()] = static_cast<char>(1 + below(255));
    }
  }

  std::mt19937 random_;
  std::vector<std::string> list_;
};

/// A table, one whose names need quotes, a partitioned one, messages and a foreign origin; and a slot that has seen it.
void arrange(Sql& sql, const std::string& slot) {
  sql.run("select pg_create_logical_replication_slot('" + slot + "', 'tandem')");
  sql.run(R"(
create table item (id int primary key, name text, "Name" text, "a ""b""" numeric, raw bytea, doc jsonb, at timestamptz);
create table "It""em" (id int primary key, name text, raw bytea);
alter table "It""em" replica identity full;
create table parted (id int primary key, name text) partition by range (id);
create table parted_1 partition of parted for values from (minvalue) to (10);
create table parted_2 partition of parted for values from (10) to (maxvalue))");
  for (const char* statement :
       {R"(insert into item values (1, 'ü€', '"', 'NaN', '\x00ff', '{"a": [1, null]}', 'infinity'))",
        "insert into item (id, name) select 3, string_agg(md5(n::text), '') from generate_series(1, 1000) n",
        "update item set id = id + 10", "update item set doc = '1'", "delete from item where id = 11",
        R"(insert into "It""em" values (1, 'a', '\xdead'); update "It""em" set name = null; delete from "It""em")",
        "insert into parted values (1, 'a'), (20, 'b'); update parted set id = id + 10",
        "truncate item, parted cascade",
        "select pg_logical_emit_message(true, 'one', 'm'), pg_logical_emit_message(false, 'two', '')"})
    sql.run(statement);
}

void replay_from_elsewhere(Sql& sql) {
  sql.run("select pg_replication_origin_create('elsewhere')");
  sql.run("select pg_replication_origin_session_setup('elsewhere')");
  sql.run("insert into item values (100, 'from elsewhere')");
  sql.run("select pg_replication_origin_session_reset()");
}

std::string problem_of(const SlotAnswer& answer) {
  wire::FrameDecoder decoder;
  const auto pass = [](const wire::Event&, Lsn) { return Status{}; };
  for (const auto& message : answer.messages)
    if (const auto read = decoder.decode_all(message, {}, pass); !read) return read.error().message;
  return {};
}

std::string beginning(const std::string& text) {
  return text.size() < 2'000 ? text : text.substr(0, 2'000) + "…";
}

TEST(PluginOptions, NoListOfOptionsBringsTheServerDown) {
  PrivatePostgres postgres({.output_plugin = true});
  Sql sql = postgres.connect();
  arrange(sql, "characters");
  replay_from_elsewhere(sql);
  // In this database no encoding is checked before the plugin: any byte comes to it.
  sql.run("create database bytes template template0 encoding 'SQL_ASCII' locale 'C'");
  Sql bytes(postgres.url("postgres", "bytes"));
  arrange(bytes, "bytes");
  bytes.run("set client_encoding = sql_ascii");
  const auto identity = [](Sql& session) {
    return session.text("select pg_backend_pid() || ' in ' || pg_postmaster_start_time()");
  };
  const std::string session = identity(sql), bytes_session = identity(bytes);

  const char* given = std::getenv("TANDEM_SEED");
  const unsigned seed = given != nullptr ? static_cast<unsigned>(std::atoi(given)) : 1;
  std::cout << "TANDEM_SEED=" << seed << std::endl;
  RandomOptions options(seed);
  std::map<std::string, int> answers;
  for (int i = 0; i < 3'000; ++i) {
    const bool any_byte = i % 2 != 0;
    const auto list = options.next();
    const auto answer = read_slot(any_byte ? bytes : sql, any_byte ? "bytes" : "characters", list, SlotReading::peek);
    ++answers[answer.sqlstate.empty() ? "rows" : answer.sqlstate];
    ASSERT_NE(answer.sqlstate, "lost") << answer.words << beginning(list);
    if (!any_byte) {
      ASSERT_EQ(problem_of(answer), "") << beginning(list);
    }
  }

  EXPECT_EQ(identity(sql), session);
  EXPECT_EQ(identity(bytes), bytes_session);
  for (const char* word : {"terminated by signal", "PANIC", "TRAP", "crash of another server process"})
    EXPECT_EQ(postgres.log().find(word), std::string::npos) << word;
  // Bad values, bad lists, another version, too long; and by the server, ahead of the plugin: null, not of the
  // encoding.
  const std::map<std::string, int> expected = {{"rows", 300}, {"22023", 300}, {"42601", 300},
                                               {"0A000", 10}, {"54000", 0},   {"22021", 10}};
  for (const auto& [state, count] : answers) {
    std::cout << state << ": " << count << '\n';
    EXPECT_TRUE(expected.contains(state)) << state;
  }
  for (const auto& [state, least] : expected) EXPECT_GE(answers[state], least) << state;
}

}  // namespace
}  // namespace tandem::test_support
