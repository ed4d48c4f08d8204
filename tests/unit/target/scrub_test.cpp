#include "target/scrub.hpp"

#include <gmock/gmock.h>

#include <string>

#include "json/scan.hpp"

namespace tandem {
namespace {

TEST(Scrubber, HidesSecretsInEveryForm) {
  Scrubber scrubber;
  scrubber.add("s3cr\"t/+");
  scrubber.add("");
  for (const char* text : {"token s3cr\"t/+ refused", "token s3cr\\\"t/+ refused", "token s3cr%22t%2F%2B refused"})
    EXPECT_EQ(scrubber.clean(text), "token *** refused") << text;
  EXPECT_EQ(scrubber.clean("Basic " + base64("s3cr\"t/+")), "Basic ***");
}

TEST(Scrubber, HidesTheLongerOfTwoSecretsWhole) {
  Scrubber scrubber;
  scrubber.add("abc");
  scrubber.add("abcdef");
  EXPECT_EQ(scrubber.clean("abcdef abc"), "*** ***");
}

TEST(Scrubber, HidesCredentialsOfAddresses) {
  const Scrubber scrubber;
  EXPECT_EQ(scrubber.clean("cannot reach https://user:pass@host/x?y=a@b"), "cannot reach https://***@host/x?y=a@b");
  EXPECT_EQ(scrubber.clean("https://u:p@@host and http://host/a@b"), "https://***@host and http://host/a@b");
  EXPECT_EQ(scrubber.clean("postgresql://me:pw@db"), "postgresql://***@db");
}

TEST(Scrubber, MakesAnyBytesFitForATable) {
  const Scrubber scrubber;
  EXPECT_EQ(scrubber.clean(std::string("a\0b\r\nc\x7f", 7)), "a b  c ");
  EXPECT_EQ(scrubber.clean("x\xFFy"), "x\xEF\xBF\xBDy");
  std::string cut;
  for (int i = 0; i < 600; ++i) cut += "\xC3\xA4";
  const std::string clean = scrubber.clean("x" + cut);
  EXPECT_LE(clean.size(), 1000U);
  EXPECT_TRUE(json::valid_utf8(clean));
  EXPECT_LE(scrubber.clean(std::string(1'000'000, '\xFF')).size(), 1000U);
}

TEST(Base64, PadsAsRfc4648) {
  EXPECT_EQ(base64(""), "");
  EXPECT_EQ(base64("f"), "Zg==");
  EXPECT_EQ(base64("fo"), "Zm8=");
  EXPECT_EQ(base64("foo"), "Zm9v");
  EXPECT_EQ(base64("user:pass\xFF"), "dXNlcjpwYXNz/w==");
}

}  // namespace
}  // namespace tandem
