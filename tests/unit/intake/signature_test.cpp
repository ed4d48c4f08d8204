#include "intake/signature.hpp"

#include <gtest/gtest.h>

#include <array>

namespace tandem {
namespace {

using namespace std::chrono_literals;

// The vector that Standard Webhooks' own libraries are tested with.
const Secret secret{"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"};
const Secret other{"whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"};
constexpr std::string_view id = "msg_p5jXN8AQM9LWM0D4loKWxJek", timestamp = "1614265330",
                           body = R"({"test": 2432232314})",
                           signature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
const WallTime then{std::chrono::seconds(1614265330)};

bool accepted(const Secret& known, std::string_view signatures, WallTime now = then, std::string_view text = body,
              std::string_view at = timestamp) {
  const std::array secrets{known};
  return signed_by(secrets, {id, at, signatures, text}, now, 5min);
}

TEST(Signature, AgreesWithThePublishedVector) {
  EXPECT_EQ(sign(secret, id, timestamp, body), signature);
  EXPECT_TRUE(accepted(secret, signature));
}

TEST(Signature, RefusesAnotherBodySecretIdOrTime) {
  EXPECT_FALSE(accepted(secret, signature, then, R"({"test": 2432232315})"));
  EXPECT_FALSE(accepted(other, signature));
  EXPECT_FALSE(accepted(secret, signature, then, body, "1614265331"));
  EXPECT_FALSE(accepted(secret, ""));
  EXPECT_FALSE(accepted(secret, "v1,"));
  EXPECT_FALSE(accepted(secret, "v1a,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="));
}

TEST(Signature, HoldsOnlyInsideTheTimeWindow) {
  EXPECT_TRUE(accepted(secret, signature, then + 5min));
  EXPECT_TRUE(accepted(secret, signature, then - 5min));
  EXPECT_FALSE(accepted(secret, signature, then + 5min + 1s));
  EXPECT_FALSE(accepted(secret, signature, then - 5min - 1s));
  EXPECT_FALSE(accepted(secret, signature, then, body, "1614265330x"));
  EXPECT_FALSE(accepted(secret, signature, then, body, "99999999999999999999"));
}

TEST(Signature, MayBeMadeByAnyOfTheSecretsWhileTheyAreRotated) {
  const std::array secrets{other, secret};
  EXPECT_TRUE(signed_by(secrets, {id, timestamp, std::string("v1,aaaa ") + std::string(signature), body}, then, 5min));
}

TEST(Signature, NeedsAnId) {
  const std::array secrets{secret};
  const std::string made = sign(secret, "", timestamp, body);
  EXPECT_FALSE(signed_by(secrets, {"", timestamp, made, body}, then, 5min));
}

}  // namespace
}  // namespace tandem
