#include "cli/command_line.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/context.hpp"
#include "cli/selection.hpp"

namespace tandem::cli {
namespace {

using ::testing::HasSubstr;

struct Ended {
  int status;
  std::string out, err;
};

Ended tandem(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "tandem");
  std::vector<char*> argv;
  for (auto& argument : arguments) argv.push_back(argument.data());
  ::testing::internal::CaptureStdout();
  ::testing::internal::CaptureStderr();
  const int status = run_command_line(static_cast<int>(argv.size()), argv.data());
  return {status, ::testing::internal::GetCapturedStdout(), ::testing::internal::GetCapturedStderr()};
}

TEST(CommandLine, WrongUsageEndsWithTwoAndPointsToHelp) {
  for (const std::vector<std::string>& arguments : {std::vector<std::string>{},
                                                    {"nonsense"},
                                                    {"list", "--limit", "many"},
                                                    {"list", "--state", "lost"},
                                                    {"pause"},
                                                    {"trace"},
                                                    {"retry", "--queue", "in"},
                                                    {"retry", "--source", "erp", "--target", "erp"},
                                                    {"retry", "--target", "erp", "--queue", "inbox"},
                                                    {"retry", "x"}}) {
    const Ended ended = tandem(arguments);
    EXPECT_EQ(ended.status, 2) << ended.err;
    EXPECT_THAT(ended.err, HasSubstr("--help"));
  }
}

TEST(CommandLine, AWordThatIsNoCommandIsTold) {
  EXPECT_THAT(tandem({"statsu", "--json"}).err, HasSubstr("there is no command statsu"));
  EXPECT_THAT(tandem({"--jsno"}).err, HasSubstr("there is no option --jsno"));
}

TEST(CommandLine, HelpEndsWithZero) {
  const Ended ended = tandem({"migrate", "--help"});
  EXPECT_EQ(ended.status, 0);
  EXPECT_THAT(ended.out, HasSubstr("--down-to"));
}

TEST(CommandLine, VersionIsOneJsonDocument) {
  const Ended ended = tandem({"version", "--json"});
  EXPECT_EQ(ended.status, 0);
  EXPECT_THAT(ended.out, HasSubstr(R"("schema_version":)"));
  EXPECT_EQ(tandem({"--json", "version"}).out, ended.out);
}

TEST(CommandLine, PasswordsDoNotBelongThere) {
  const Ended ended = tandem({"status", "--database", "postgresql://u:hunter2@db/crm"});
  EXPECT_EQ(ended.status, 2);
  EXPECT_THAT(ended.err, HasSubstr("PGPASSWORD"));
  EXPECT_THAT(ended.err, ::testing::Not(HasSubstr("hunter2")));
  EXPECT_TRUE(holds_password("host=db password=x"));
  EXPECT_TRUE(holds_password("postgresql://db/crm?password=x"));
  EXPECT_FALSE(holds_password("postgresql://u@db:5432/crm"));
}

TEST(CommandLine, MissingConfigurationIsTold) {
  const Ended ended = tandem({"plan", "--config", "/no/such/tandem.yaml"});
  EXPECT_EQ(ended.status, 1);
  EXPECT_THAT(ended.err, HasSubstr("/no/such/tandem.yaml"));
  EXPECT_THAT(ended.err, HasSubstr("--config"));
}

TEST(CommandLine, NamingNoRecordsIsWrongUsage) {
  const Ended ended = tandem({"discard"});
  EXPECT_EQ(ended.status, 2);
  EXPECT_THAT(ended.err, HasSubstr("--all"));
}

TEST(Selection, ValuesTravelAsParameters) {
  Selection selection;
  selection.target = "x'; drop table y; --";
  selection.object_id = "7";
  selection.state = "failed";
  const Condition condition = condition_of(selection);
  EXPECT_EQ(condition.params.size(), 3U);
  EXPECT_THAT(condition.sql, ::testing::Not(HasSubstr("drop")));
  EXPECT_THAT(condition.sql, HasSubstr("tandem.failed"));
}

TEST(Selection, OfASourceIsOfTheInbox) {
  Selection selection;
  EXPECT_EQ(queue_of(selection).table, "tandem.outbox");
  EXPECT_TRUE(selection.empty());
  selection.source = "erp";
  selection.state = "failed";
  EXPECT_FALSE(selection.empty());
  EXPECT_EQ(queue_of(selection).table, "tandem.inbox");
  const Condition condition = condition_of(selection);
  EXPECT_EQ(condition.params.size(), 1U);
  EXPECT_THAT(condition.sql, HasSubstr("o.source = $1"));
  EXPECT_THAT(condition.sql, HasSubstr("f.queue = 'inbox'"));
}

}  // namespace
}  // namespace tandem::cli
