#include "wire/pgoutput_decoder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "event_text.hpp"
#include "golden.hpp"

namespace tandem::wire {
namespace {

using testing::HasSubstr;

class GoldenFile : public testing::TestWithParam<const char*> {};

TEST_P(GoldenFile, SaysWhatItsTwinSays) {
  PgoutputDecoder decoder;
  const auto messages = golden::read(GetParam());
  ASSERT_GT(messages.size(), 20U);
  for (const auto& message : messages) {
    const auto event = decoder.decode(message.bytes);
    ASSERT_TRUE(event) << event.error().message << " in: " << message.text;
    EXPECT_EQ(EventText::of(*event), message.text);
  }
}

// A message cut anywhere is an error: never a crash, never an event with less in it.
TEST_P(GoldenFile, RefusesEveryCutOfEveryMessage) {
  const auto messages = golden::read(GetParam());
  PgoutputDecoder decoder;
  for (const auto& message : messages) {
    for (std::size_t length = 0; length < message.bytes.size(); ++length) {
      PgoutputDecoder copy = decoder;
      const auto event = copy.decode(std::string_view(message.bytes).substr(0, length));
      ASSERT_FALSE(event) << length << " bytes of: " << message.text;
      ASSERT_EQ(event.error().kind, ErrorKind::protocol);
    }
    ASSERT_FALSE(PgoutputDecoder(decoder).decode(message.bytes + '\0')) << "one byte too many: " << message.text;
    ASSERT_TRUE(decoder.decode(message.bytes));
  }
}

TEST_P(GoldenFile, SurvivesWhateverBytes) {
  const auto messages = golden::read(GetParam());
  std::mt19937 random(20261122);
  PgoutputDecoder described;
  for (const auto& message : messages) {
    if (message.bytes[0] == 'R') {
      ASSERT_TRUE(described.decode(message.bytes));
    }
  }
  std::size_t events = 0;
  for (int round = 0; round < 100; ++round) {
    PgoutputDecoder decoder = described;
    for (const auto& message : messages) {
      std::string bytes = message.bytes.substr(0, 300);
      for (int flips = static_cast<int>(random() % 4); flips >= 0; --flips)
        bytes[random() % bytes.size()] = static_cast<char>(random());
      if (const auto event = decoder.decode(bytes)) events += EventText::of(*event).empty() ? 0U : 1U;
    }
  }
  EXPECT_GT(events, 0U);
}

INSTANTIATE_TEST_SUITE_P(Pgoutput, GoldenFile, testing::Values("pgoutput_text.txt", "pgoutput_binary.txt"),
                         [](const auto& name) { return std::string(name.index == 0 ? "text" : "binary"); });

TEST(PgoutputDecoder, NamesBothSidesOfAnUnknownTag) {
  PgoutputDecoder decoder;
  const auto event = decoder.decode(std::string_view("S\0\0\0\1\1", 6));
  ASSERT_FALSE(event);
  EXPECT_EQ(event.error().kind, ErrorKind::protocol);
  EXPECT_EQ(
      event.error().message,
      "the server's pgoutput sent a message with the tag 'S', which this decoder, protocol version 1, does not know");
  EXPECT_THAT(decoder.decode(std::string_view("\x01", 1)).error().message, HasSubstr("0x01"));
}

TEST(PgoutputDecoder, RefusesAnEmptyMessage) {
  EXPECT_FALSE(PgoutputDecoder{}.decode(""));
}

TEST(PgoutputDecoder, RefusesAChangeOfATableThatWasNotDescribed) {
  PgoutputDecoder decoder;
  const auto event = decoder.decode(std::string_view("I\0\0\0\7N\0\0", 8));
  ASSERT_FALSE(event);
  EXPECT_THAT(event.error().message, HasSubstr("a change of table 7, which the stream has not described"));
}

TEST(PgoutputDecoder, TakesANewDescriptionOfATable) {
  PgoutputDecoder decoder;
  ASSERT_TRUE(decoder.decode(std::string_view("R\0\0\0\7s\0t\0d\0\1\1a\0\0\0\0\x17\xff\xff\xff\xff", 23)));
  ASSERT_TRUE(decoder.decode(
      std::string_view("R\0\0\0\7s\0u\0d\0\2\1a\0\0\0\0\x17\xff\xff\xff\xff\0b\0\0\0\0\x19\xff\xff\xff\xff", 34)));
  const auto narrow = decoder.decode(std::string_view("I\0\0\0\7N\0\1n", 9));
  ASSERT_FALSE(narrow);
  EXPECT_THAT(narrow.error().message, HasSubstr("1 values for the 2 columns of u"));
  const auto event = decoder.decode(std::string_view("I\0\0\0\7N\0\2nt\0\0\0\1x", 15));
  ASSERT_TRUE(event) << event.error().message;
  EXPECT_EQ(EventText::of(*event), "insert 7 s.u a=null b=x");
}

}  // namespace
}  // namespace tandem::wire
