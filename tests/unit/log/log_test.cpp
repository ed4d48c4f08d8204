#include "log/log.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace tandem {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// The process's log, with its lines kept.
class Log : public testing::Test {
 protected:
  void use(log::Format format, log::Level level) {
    log::configure({format, level, [this](std::string_view line) { lines_.emplace_back(line); }});
  }
  ~Log() override {
    log::flush();
    log::configure({log::default_format(), log::Level::info, {}});
  }
  std::vector<std::string> lines_;
};

TEST_F(Log, LeavesOutWhatIsBelowItsLevel) {
  use(log::Format::text, log::Level::warn);
  log::info("a");
  log::warn("b");
  log::error("c");
  EXPECT_THAT(lines_, ElementsAre(HasSubstr("warn  b"), HasSubstr("error c")));
  EXPECT_FALSE(log::enabled(log::Level::info));
}

TEST_F(Log, CarriesAnErrorWithItsHint) {
  use(log::Format::json, log::Level::info);
  log::error("the window could not be read", Error{ErrorKind::refused, "permission denied", "grant select", "42501"},
             {{field::target, "crm"}});
  ASSERT_EQ(lines_.size(), 1U);
  EXPECT_THAT(lines_[0],
              HasSubstr(R"("target":"crm","error":"permission denied","hint":"grant select","sqlstate":"42501"})"));
}

TEST_F(Log, HoldsRepeatsBackUntilTheyAreAskedFor) {
  use(log::Format::json, log::Level::info);
  for (int i = 0; i < 5; ++i) log::warn("again", {{field::target, "crm"}, {field::counter, i}});
  log::warn("again", {{field::target, "other"}});
  log::flush();
  EXPECT_THAT(lines_, ElementsAre(HasSubstr("\"counter\":0"), HasSubstr("other"),
                                  testing::AllOf(HasSubstr("\"counter\":4"), HasSubstr("\"repeated\":4"))));
}

TEST_F(Log, TakesLinesOfManyThreads) {
  use(log::Format::text, log::Level::info);
  std::vector<std::jthread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([] {
      for (int i = 0; i < 100; ++i) log::info("line");
    });
  threads.clear();
  EXPECT_EQ(lines_.size(), 400U);
  EXPECT_THAT(lines_, testing::Each(testing::EndsWith("line\n")));
}

TEST(LogLevel, IsReadAndRefused) {
  EXPECT_EQ(log::parse_level("error"), log::Level::error);
  EXPECT_EQ(log::parse_level("loud").error().kind, ErrorKind::config);
}

}  // namespace
}  // namespace tandem
