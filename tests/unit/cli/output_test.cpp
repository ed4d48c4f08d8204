#include "cli/output.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

namespace tandem::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

struct Spoken {
  std::ostringstream out, err;
};

const Problems two{{"tandem.yaml", 3, "targets.a.url", "is wrong", "write another"},
                   {"tandem.yaml", 9, "watches.b", "has no routes", "add one"}};

TEST(Output, TellsEveryProblemToPeople) {
  Spoken spoken;
  EXPECT_EQ(Output(Form::text, spoken.out, spoken.err).failed(two), ExitCode::failed);
  EXPECT_THAT(spoken.out.str(), IsEmpty());
  EXPECT_EQ(spoken.err.str(),
            "tandem.yaml:3: targets.a.url: is wrong\n  write another\n"
            "tandem.yaml:9: watches.b: has no routes\n  add one\n"
            "2 problems; nothing was changed\n");
}

TEST(Output, TellsEveryProblemToPrograms) {
  Spoken spoken;
  EXPECT_EQ(Output(Form::json, spoken.out, spoken.err).failed(two), ExitCode::failed);
  EXPECT_THAT(spoken.err.str(), IsEmpty());
  EXPECT_THAT(
      spoken.out.str(),
      HasSubstr(
          R"({"file":"tandem.yaml","line":3,"key":"targets.a.url","message":"is wrong","remedy":"write another"})"));
}

TEST(Output, UsageHasItsOwnExitCode) {
  Spoken spoken;
  Output output(Form::text, spoken.out, spoken.err);
  EXPECT_EQ(output.failed(Error{ErrorKind::usage, "which records?", "give one", {}}), ExitCode::usage);
  EXPECT_EQ(spoken.err.str(), "tandem: which records?\n  give one\n");
  EXPECT_EQ(output.failed(Error{ErrorKind::unavailable, "gone", {}, {}}), ExitCode::failed);
}

TEST(Output, ProgressIsForPeopleAlone) {
  Spoken text, json;
  Output(Form::text, text.out, text.err).progress("applied 0001_schema");
  Output(Form::json, json.out, json.err).progress("applied 0001_schema");
  EXPECT_EQ(text.err.str(), "applied 0001_schema\n");
  EXPECT_THAT(json.out.str() + json.err.str(), IsEmpty());
}

}  // namespace
}  // namespace tandem::cli
