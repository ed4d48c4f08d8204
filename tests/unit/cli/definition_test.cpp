#include "cli/definition.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/load.hpp"
#include "json/scan.hpp"
#include "unit/config/example.hpp"

namespace tandem::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Settings example() {
  Loaded loaded = parse_settings(full_example, "tandem.yaml",
                                 [](const std::string&) { return std::optional<std::string>("s3cret-s3cret-s3cret"); });
  EXPECT_TRUE(loaded.ok());
  return loaded.settings;
}

TEST(Definition, IsJsonWithoutSecrets) {
  Settings settings = example();
  settings.targets[0].headers.emplace_back("X-Api-Key", "k3y");
  for (const std::string& text :
       {definition(settings.targets[0]), definition(settings.targets[1]), definition(settings.routes[2]),
        definition(settings.watches[1]), definition(settings.routes[1])}) {
    EXPECT_TRUE(json::validate(text).has_value()) << text;
    EXPECT_THAT(text, Not(HasSubstr("s3cret")));
    EXPECT_THAT(text, Not(HasSubstr("k3y")));
  }
}

TEST(Definition, HidesWhatTheEnvironmentPutsInAndNothingThatCaptureNeeds) {
  const std::string key = R"(k3y-"quoted"-k3y)";
  const Loaded loaded = parse_settings(R"(database: { url: "postgresql://c@db/crm" }
targets:
  there:
    url: http://127.0.0.1:9090/${KEY_OF_URL}
    requests:
      upsert: { method: PUT, path: "/${KEY_OF_URL}/{object_id}", wrap: '{"key": "${KEY_OF_URL}", "data": {body}}' }
watches:
  account:
    table: public.account
    routes:
      - target: there
        when: "stage <> 'production'"
        operations: [create, update]
        constants: { Key: "${KEY}", Place: "${STAGE}" }
)",
                                       "tandem.yaml", [&](const std::string& name) -> std::optional<std::string> {
                                         return name == "KEY" ? key : name == "STAGE" ? "production" : "s3cret-path";
                                       });
  for (const auto& problem : loaded.problems) ADD_FAILURE() << to_string(problem);
  const std::string route = definition(loaded.settings.routes.at(0));
  for (const std::string& text : {definition(loaded.settings.targets.at(0)), route}) {
    EXPECT_TRUE(json::validate(text).has_value()) << text;
    EXPECT_THAT(text, Not(HasSubstr("s3cret")));
    EXPECT_THAT(text, Not(HasSubstr("k3y")));
  }
  EXPECT_THAT(route, HasSubstr(R"("when":"stage <> 'production'")"));
  EXPECT_THAT(route, HasSubstr(R"("Key":"***")"));
}

TEST(Definition, HoldsWhatCaptureIsGeneratedFrom) {
  const std::string text = definition(example().routes[1]);
  EXPECT_THAT(text, HasSubstr(R"("when":"stage <> 'draft'")"));
  EXPECT_THAT(text, HasSubstr(R"("columns":["name","stage","amount"])"));
  EXPECT_THAT(text, HasSubstr(R"("operations":["create","update","delete"])"));
  EXPECT_THAT(text, HasSubstr(R"("on_leave":"ignore")"));
}

}  // namespace
}  // namespace tandem::cli
