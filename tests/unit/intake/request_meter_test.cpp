#include "intake/request_meter.hpp"

#include <gtest/gtest.h>

namespace tandem {
namespace {

using namespace std::chrono_literals;

const WallTime start{std::chrono::seconds(1'700'000'000)};

TEST(RequestMeter, LetsABurstInAndThenItsRate) {
  RequestMeter meter(2, 3);
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(meter.take(start)) << i;
  EXPECT_EQ(meter.take(start), 1s);
  EXPECT_FALSE(meter.take(start + 500ms));
  EXPECT_TRUE(meter.take(start + 500ms));
  EXPECT_FALSE(meter.take(start + 1h));
  EXPECT_FALSE(meter.take(start + 1h));
  EXPECT_FALSE(meter.take(start + 1h));
  EXPECT_TRUE(meter.take(start + 1h)) << "no more than the burst is saved up";
}

TEST(RequestMeter, SaysHowLongToWait) {
  RequestMeter meter(0.1, 0);
  EXPECT_FALSE(meter.take(start));
  EXPECT_EQ(meter.take(start), 10s);
  EXPECT_EQ(meter.take(start + 4s), 6s);
  EXPECT_EQ(meter.take(start - 1h), 6s) << "a clock that was set back neither fills nor empties";
}

TEST(RequestMeter, WithoutARateThereIsNoLimit) {
  RequestMeter meter(0, 0);
  for (int i = 0; i < 1000; ++i) EXPECT_FALSE(meter.take(start));
}

}  // namespace
}  // namespace tandem
