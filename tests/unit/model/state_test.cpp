#include "model/state.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace tandem {
namespace {

constexpr State states[] = {State::created, State::received, State::done, State::failed};
constexpr Outcome outcomes[] = {Outcome::delivered, Outcome::unchanged, Outcome::superseded,      Outcome::filtered,
                                Outcome::discarded, Outcome::applied,   Outcome::stale,           Outcome::rejected,
                                Outcome::exhausted, Outcome::expired,   Outcome::outcome_unknown, Outcome::conflict,
                                Outcome::internal};

std::string text_of(const std::filesystem::path& file) {
  std::ifstream in(std::filesystem::path(TANDEM_SOURCE) / file);
  std::stringstream text;
  text << in.rdbuf();
  if (!in) throw std::runtime_error("cannot read " + file.string());
  return text.str();
}

// Rows of the table in docs/states.md whose heading has these columns.
std::vector<std::vector<std::string>> table(const std::vector<std::string>& heading) {
  std::istringstream lines(text_of("docs/states.md"));
  std::vector<std::vector<std::string>> rows;
  bool inside = false;
  for (std::string line; std::getline(lines, line);) {
    std::vector<std::string> cells;
    std::istringstream parts(line);
    for (std::string cell; std::getline(parts, cell, '|');) {
      const auto begin = cell.find_first_not_of(' '), end = cell.find_last_not_of(' ');
      if (begin != std::string::npos) cells.push_back(cell.substr(begin, end - begin + 1));
    }
    if (cells == heading)
      inside = true;
    else if (cells.empty())
      inside = false;
    else if (inside && cells[0] != "---")
      rows.push_back(cells);
  }
  return rows;
}

TEST(States, MoveOnlyAlongTheContract) {
  std::string picture;
  for (const State from : states)
    for (const State to : states)
      if (may_move(from, to))
        picture += std::to_string(static_cast<int>(from)) + std::to_string(static_cast<int>(to)) + " ";
  EXPECT_EQ(picture, "12 13 14 23 24 41 43 ");
}

TEST(States, AreDocumentedMoveByMove) {
  std::vector<std::vector<std::string>> expected;
  for (const Move& move : moves())
    expected.push_back({std::string(word(move.from)), std::string(word(move.to)), std::string(move.sentence)});
  EXPECT_EQ(table({"from", "to", "when"}), expected);
}

TEST(States, AreDocumentedWithTheirNumbers) {
  const auto rows = table({"state", "number", "means"});
  ASSERT_EQ(rows.size(), 4U);
  for (const auto& row : rows) EXPECT_EQ(parse_state(row[0]), static_cast<State>(std::stoi(row[1])));
}

TEST(Outcomes, AreDocumentedWithTheirState) {
  const auto rows = table({"outcome", "state", "means"});
  ASSERT_EQ(rows.size(), std::size(outcomes));
  for (std::size_t i = 0; i < rows.size(); ++i) {
    EXPECT_EQ(rows[i][0], word(outcomes[i]));
    EXPECT_EQ(rows[i][1], word(state_of(outcomes[i])));
  }
}

// The outcomes that the trigger of one SQL table allows in one state.
std::set<std::string> allowed(const std::string& queue, int state) {
  const std::regex clause("create trigger " + queue + R"(_state_and_outcome_agree[^;]*?new\.request_state = )" +
                          std::to_string(state) + R"( and new\.outcome in \(([^)]*)\))");
  const std::string sql = text_of("sql/migrations/0001_schema.up.sql");
  std::smatch found;
  if (!std::regex_search(sql, found, clause))
    throw std::runtime_error("no rule for state " + std::to_string(state) + " of " + queue);
  const std::string list = found[1];
  const std::regex quoted("'([a-z_]+)'");
  std::set<std::string> out;
  for (auto it = std::sregex_iterator(list.begin(), list.end(), quoted); it != std::sregex_iterator(); ++it)
    out.insert((*it)[1]);
  return out;
}

TEST(Outcomes, AreWhatTheSqlTriggersAllow) {
  std::set<std::string> done, failed;
  for (const Outcome outcome : outcomes)
    (state_of(outcome) == State::done ? done : failed).insert(std::string(word(outcome)));
  EXPECT_EQ(allowed("outbox", 4), failed);
  EXPECT_EQ(allowed("inbox", 4), failed);
  std::set<std::string> both = allowed("outbox", 3);
  both.merge(allowed("inbox", 3));
  EXPECT_EQ(both, done);
}

template <class Enum>
void expect_words_to_be_read_back(std::initializer_list<Enum> values, std::optional<Enum> (*parse)(std::string_view)) {
  std::set<std::string_view> seen;
  for (const Enum value : values) {
    EXPECT_EQ(parse(word(value)), value);
    EXPECT_TRUE(seen.insert(word(value)).second);
  }
  EXPECT_EQ(parse("nonsense"), std::nullopt);
  EXPECT_EQ(parse(""), std::nullopt);
}

TEST(Words, AreReadBack) {
  expect_words_to_be_read_back({State::created, State::received, State::done, State::failed}, &parse_state);
  expect_words_to_be_read_back({Outcome::delivered, Outcome::stale, Outcome::rejected, Outcome::internal},
                               &parse_outcome);
  expect_words_to_be_read_back({Operation::create, Operation::update, Operation::remove, Operation::rekey,
                                Operation::snapshot, Operation::call, Operation::canary},
                               &parse_operation);
  expect_words_to_be_read_back({ErrorClass::none, ErrorClass::network, ErrorClass::timeout, ErrorClass::unavailable,
                                ErrorClass::throttled, ErrorClass::auth, ErrorClass::rejected, ErrorClass::not_found,
                                ErrorClass::conflict, ErrorClass::lock, ErrorClass::mapping, ErrorClass::dependency,
                                ErrorClass::too_large, ErrorClass::outcome_unknown, ErrorClass::internal},
                               &parse_error_class);
  EXPECT_EQ(word(Operation::remove), "delete");
}

}  // namespace
}  // namespace tandem
