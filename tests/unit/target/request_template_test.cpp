#include "target/request_template.hpp"

#include <gmock/gmock.h>

#include <string>

namespace tandem {
namespace {

struct Filling {
  Attempt attempt;
  std::string remote_id;
  std::vector<std::string> key;

  std::string operator()(std::string_view text, TemplateUse use) const {
    const auto parsed = RequestTemplate::parse(text, use);
    if (!parsed) return "no template: " + parsed.error().message;
    std::string out;
    const auto filled = parsed->fill({attempt, remote_id, "opportunity", key}, out);
    return filled ? out : "fault: " + filled.error();
  }
  std::string path(std::string_view text) const { return (*this)(text, TemplateUse::path); }
};

Filling of(std::string object_id) {
  Filling fill;
  fill.attempt.object_id = std::move(object_id);
  fill.attempt.operation = Operation::remove;
  fill.attempt.record_id = *parse_record_id("00000000-0001-7000-8000-000000000002");
  return fill;
}

TEST(RequestTemplate, AValueIsOneSegmentOfAPath) {
  EXPECT_EQ(of("a/b?c#d e%f\xC3\xA4&=\"+~-._9").path("/x/{object_id}/y"),
            "/x/a%2Fb%3Fc%23d%20e%25f%C3%A4%26%3D%22%2B~-._9/y");
  EXPECT_EQ(of("7").path("/{request_type}/{object_id}?id={object_id}&r={record_id}&o={operation}"),
            "/opportunity/7?id=7&r=00000000-0001-7000-8000-000000000002&o=delete");
  EXPECT_EQ(of("[1, \"a\"]").path("/{object_id}"), "/%5B1%2C%20%22a%22%5D");
  EXPECT_EQ(of("\r\nX: y").path("/{object_id}"), "/%0D%0AX%3A%20y");
}

TEST(RequestTemplate, RefusesValuesThatWouldNameAnotherThing) {
  EXPECT_THAT(of("").path("/api/{object_id}"), testing::StartsWith("fault: {object_id} is empty"));
  EXPECT_THAT(of(".").path("/api/{object_id}"), testing::StartsWith("fault: {object_id} is ."));
  EXPECT_THAT(of("..").path("/api/{object_id}/x"), testing::StartsWith("fault: {object_id} is .."));
  EXPECT_THAT(of("").path("/api?id={object_id}"), testing::StartsWith("fault:"));
  EXPECT_EQ(of("..").path("/api?id={object_id}"), "/api?id=..");
  EXPECT_EQ(of("...").path("/api/{object_id}"), "/api/...");
  EXPECT_THAT(of("7").path("/api/{remote_id}"), testing::StartsWith("fault: {remote_id} is empty"));
}

TEST(RequestTemplate, RefusesControlCharactersInAHeader) {
  EXPECT_EQ(of("plain \xC3\xA4").operator()("id={object_id}", TemplateUse::header), "id=plain \xC3\xA4");
  for (const char* bad : {"a\r\nEvil: 1", "a\n", "a\x01", "a\x7f"})
    EXPECT_THAT(of(bad)("id={object_id}", TemplateUse::header),
                testing::StartsWith("fault: {object_id} holds a control character"));
  EXPECT_THAT(of("x")("a\r\nb", TemplateUse::header), testing::StartsWith("no template"));
}

TEST(RequestTemplate, TakesColumnsOfTheKey) {
  Filling fill = of("[7, \"a/b\", 9007199254740993]");
  fill.key = {"order_id", "line", "big"};
  EXPECT_EQ(fill.path("/o/{key.order_id}/l/{key.line}/{key.big}"), "/o/7/l/a%2Fb/9007199254740993");
  EXPECT_THAT(fill.path("/{key.other}"), testing::StartsWith("fault: {key.other}: the key has no column other"));
  Filling single = of("[not a list");
  single.key = {"id"};
  EXPECT_EQ(single.path("/{key.id}"), "/%5Bnot%20a%20list");
  single.key = {"a", "b"};
  EXPECT_THAT(single.path("/{key.a}"),
              testing::StartsWith("fault: {key.a}: object_id does not hold the columns of the key"));
}

TEST(RequestTemplate, TakesFieldsOfTheBody) {
  Filling fill = of("7");
  fill.attempt.body = R"({"Code":"x y","Deep":{"Id":12345678901234567890.10},"None":null,"List":[1]})";
  EXPECT_EQ(fill.path("/{body.Code}/{body.Deep.Id}"), "/x%20y/12345678901234567890.10");
  for (const char* path : {"/{body.None}", "/{body.List}", "/{body.Missing}"})
    EXPECT_THAT(fill.path(path), testing::StartsWith("fault: {body.")) << path;
  fill.attempt.body.clear();
  EXPECT_EQ(fill.path("/{body.Code}"), "fault: {body.Code}: the record has no body");
}

TEST(RequestTemplate, WritesJsonValues) {
  Filling fill = of("a\"b");
  fill.attempt.body = R"({"n":1.50})";
  EXPECT_EQ(
      fill(
          R"({"id":{record_id},"op":{operation},"key":{object_id},"theirs":{remote_id},"data":{body},"n":{body.n},"{}":{}})",
          TemplateUse::json),
      R"({"id":"00000000-0001-7000-8000-000000000002","op":"delete","key":"a\"b","theirs":null,"data":{"n":1.50},"n":1.50,"{}":{}})");
  fill.remote_id = "r1";
  EXPECT_EQ(fill("[{remote_id}]", TemplateUse::json), "[\"r1\"]");
}

TEST(RequestTemplate, RefusesWhatItDoesNotKnow) {
  for (const char* path : {"/{objekt_id}", "/{object_id", "/{}", "/{body}", "/{key.}", "/a{ b }"})
    EXPECT_THAT(of("7").path(path), testing::StartsWith("no template")) << path;
  for (const char* json : {"{body", "{\"a\":{unknown}}", "{\"a\":{body},}", ""})
    EXPECT_FALSE(RequestTemplate::parse(json, TemplateUse::json)) << json;
}

TEST(RequestTemplate, KnowsWhatItUses) {
  const auto parsed = RequestTemplate::parse("/{remote_id}/{key.a}", TemplateUse::path);
  EXPECT_TRUE(parsed->uses("remote_id"));
  EXPECT_TRUE(parsed->uses("key."));
  EXPECT_FALSE(parsed->uses("object_id"));
}

}  // namespace
}  // namespace tandem
