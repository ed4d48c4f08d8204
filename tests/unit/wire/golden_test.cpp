#include "golden.hpp"

#include <gtest/gtest.h>

#include <random>

#include "event_text.hpp"
#include "wire/frame_decoder.hpp"
#include "wire/pgoutput_decoder.hpp"

namespace tandem::wire {
namespace {

struct PgoutputText {
  using Decoder = PgoutputDecoder;
  static constexpr const char* file = "pgoutput_text.txt";
};
struct PgoutputBinary {
  using Decoder = PgoutputDecoder;
  static constexpr const char* file = "pgoutput_binary.txt";
};
struct Frames {
  using Decoder = FrameDecoder;
  static constexpr const char* file = "frames.txt";
};
struct Name {
  template <class Case>
  static std::string GetName(int) {
    return std::string(Case::file).substr(0, std::string_view(Case::file).find('.'));
  }
};

template <class Case>
class GoldenFile : public testing::Test {
 protected:
  using Decoder = typename Case::Decoder;
  const std::vector<golden::Message> messages_ = golden::read(Case::file);
};
using Cases = testing::Types<PgoutputText, PgoutputBinary, Frames>;
TYPED_TEST_SUITE(GoldenFile, Cases, Name);

TYPED_TEST(GoldenFile, SaysWhatItsTwinSays) {
  typename TypeParam::Decoder decoder;
  ASSERT_GT(this->messages_.size(), 20U);
  for (const auto& message : this->messages_) {
    const auto event = decoder.decode(message.bytes);
    ASSERT_TRUE(event) << event.error().message << " in: " << message.text;
    EXPECT_EQ(EventText::of(*event), message.text);
  }
}

// A message cut anywhere is an error: never a crash, never an event with less in it.
TYPED_TEST(GoldenFile, RefusesEveryCutOfEveryMessage) {
  typename TypeParam::Decoder decoder;
  for (const auto& message : this->messages_) {
    for (std::size_t length = 0; length < message.bytes.size(); ++length) {
      auto copy = decoder;
      const auto event = copy.decode(std::string_view(message.bytes).substr(0, length));
      ASSERT_FALSE(event) << length << " bytes of: " << message.text;
      ASSERT_EQ(event.error().kind, ErrorKind::protocol);
    }
    auto copy = decoder;
    ASSERT_FALSE(copy.decode(message.bytes + '\0')) << "one byte too many: " << message.text;
    ASSERT_TRUE(decoder.decode(message.bytes));
  }
}

TYPED_TEST(GoldenFile, SurvivesWhateverBytes) {
  std::mt19937 random(20261122);
  typename TypeParam::Decoder described;
  for (const auto& message : this->messages_) {
    if (message.bytes[0] == 'R' || message.bytes[0] == 'H') {
      ASSERT_TRUE(described.decode(message.bytes));
    }
  }
  std::size_t events = 0;
  for (int round = 0; round < 100; ++round) {
    auto decoder = described;
    for (const auto& message : this->messages_) {
      std::string bytes = message.bytes.substr(0, 300);
      for (int flips = static_cast<int>(random() % 4); flips >= 0; --flips)
        bytes[random() % bytes.size()] = static_cast<char>(random());
      if (const auto event = decoder.decode(bytes)) events += EventText::of(*event).empty() ? 0U : 1U;
    }
  }
  EXPECT_GT(events, 0U);
}

}  // namespace
}  // namespace tandem::wire
