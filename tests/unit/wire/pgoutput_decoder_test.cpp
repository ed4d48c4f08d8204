#include "wire/pgoutput_decoder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "event_text.hpp"

namespace tandem::wire {
namespace {

using testing::HasSubstr;

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
