#include "wire/frame_decoder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "event_text.hpp"

namespace tandem::wire {
namespace {

using namespace std::string_view_literals;
using testing::HasSubstr;

constexpr std::string_view hello = "H\1\0\2\x4a\x04UTF8\0"sv;
// Table 7, s.t of the root s.r, with the key a and nine more columns.
constexpr std::string_view wide =
    "R\0\0\0\7s\0t\0s\0r\0d\0\x0a"
    "\1a\0\0\0\0\x17\xff\xff\xff\xff"
    "\0b\0\0\0\0\x19\xff\xff\xff\xff\0c\0\0\0\0\x19\xff\xff\xff\xff\0d\0\0\0\0\x19\xff\xff\xff\xff"
    "\0e\0\0\0\0\x19\xff\xff\xff\xff\0f\0\0\0\0\x19\xff\xff\xff\xff\0g\0\0\0\0\x19\xff\xff\xff\xff"
    "\0h\0\0\0\0\x19\xff\xff\xff\xff\0i\0\0\0\0\x19\xff\xff\xff\xff\0j\0\0\0\0\x19\xff\xff\xff\xff"sv;
constexpr std::string_view narrow = "R\0\0\0\7s\0t\0s\0t\0d\0\1\1a\0\0\0\0\x17\xff\xff\xff\xff"sv;

class Frames : public testing::Test {
 protected:
  Frames() { EXPECT_EQ(said(hello), "hello version=1 server=150020 UTF8"); }
  /// Everything that a packet says, each with its place in the log.
  std::string said_together(std::string_view packet) {
    std::string all;
    const auto read = decoder_.decode_all(packet, {}, [&](const Event& event, Lsn lsn) {
      all += std::to_string(lsn.value) + " " + EventText::of(event) + "\n";
      return Status{};
    });
    return read ? all : all + read.error().message;
  }
  static std::string placed(std::uint8_t lsn, std::string_view frame) {
    std::string out("\0\0\0\0\0\0\0"sv);
    out += static_cast<char>(lsn);
    out += "\0\0\0"sv;
    out += static_cast<char>(frame.size());
    return out += frame;
  }
  std::string said(std::string_view frame) {
    const auto event = decoder_.decode(frame);
    return event ? EventText::of(*event) : event.error().message;
  }
  FrameDecoder decoder_;
};

TEST(FrameDecoder, WantsTheGreetingFirst) {
  FrameDecoder decoder;
  const auto event = decoder.decode(narrow);
  ASSERT_FALSE(event);
  EXPECT_EQ(event.error().kind, ErrorKind::protocol);
  EXPECT_THAT(event.error().message, HasSubstr("before the session's first frame"));
}

TEST(FrameDecoder, RefusesAnotherVersionAndNamesBoth) {
  FrameDecoder decoder;
  EXPECT_EQ(decoder.decode("H\2\0\2\x4a\x04UTF8\0"sv).error().message,
            "tandem message 'H' holds protocol version 2; this decoder reads protocol version 1");
  EXPECT_FALSE(decoder.decode(narrow)) << "a refused greeting is none";
}

TEST(FrameDecoder, RefusesAnotherEncoding) {
  FrameDecoder decoder;
  EXPECT_THAT(decoder.decode("H\1\0\2\x4a\x04LATIN1\0"sv).error().message, HasSubstr("text in LATIN1"));
}

TEST_F(Frames, NamesBothSidesOfAnUnknownTag) {
  EXPECT_EQ(
      said("S\0\0\0\1"sv),
      "the server's tandem sent a message with the tag 'S', which this decoder, protocol version 1, does not know");
}

TEST_F(Frames, RefusesASecondGreetingAndAnEmptyFrame) {
  EXPECT_THAT(said(hello), HasSubstr("a second greeting"));
  EXPECT_THAT(said(""), HasSubstr("an empty message"));
}

TEST_F(Frames, RefusesAChangeOfATableThatWasNotDescribed) {
  EXPECT_THAT(said("I\0\0\0\7\3x"sv), HasSubstr("a change of table 7, which the stream has not described"));
}

TEST_F(Frames, TakesANewDescriptionOfATable) {
  EXPECT_THAT(said(wide), HasSubstr("root=s.r a:23:-1:key b:25:-1 "));
  said(narrow);
  EXPECT_EQ(said("I\0\0\0\7\3x"sv), "insert 7 s.t a=x");
}

TEST_F(Frames, ADescriptionThatIsRefusedChangesNothing) {
  said(narrow);
  EXPECT_THAT(said(wide.substr(0, wide.size() - 1)), HasSubstr("holds"));
  EXPECT_EQ(said("I\0\0\0\7\0"sv), "insert 7 s.t a=null");
}

TEST_F(Frames, TellsNullUnchangedAndEmptyApart) {
  said(wide);
  EXPECT_EQ(said("I\0\0\0\7\3x\0\1\2\0\0\0\0\0\0"sv),
            "insert 7 s.t a=x b=null c=unchanged d= e=null f=null g=null h=null i=null j=null");
}

TEST_F(Frames, SpreadsChangedColumnsOverBytes) {
  said(wide);
  EXPECT_EQ(said("U\0\0\0\7\5\x82\2\3x\0\0\0\0\0\0\0\0\0\3y\0\0\0\0\0\0\0\0\0"sv),
            "update 7 s.t changed b h j old a=x b=null c=null d=null e=null f=null g=null h=null i=null j=null "
            "new a=y b=null c=null d=null e=null f=null g=null h=null i=null j=null");
  EXPECT_THAT(said("U\0\0\0\7\5\x82\4\3x\0\0\0\0\0\0\0\0\0\3y\0\0\0\0\0\0\0\0\0"sv),
              HasSubstr("changed columns behind the last one"));
}

TEST_F(Frames, RefusesUnknownPartsAndFlags) {
  said(narrow);
  EXPECT_THAT(said("U\0\0\0\7\6\3x\3y"sv), HasSubstr("unknown parts 6"));
  EXPECT_THAT(said("U\0\0\0\7\x08\3y"sv), HasSubstr("unknown parts 8"));
  EXPECT_THAT(said("D\0\0\0\7\0\3y"sv), HasSubstr("unknown parts 0"));
  EXPECT_THAT(said("T\4\0\0\0\1\0\0\0\7"sv), HasSubstr("unknown flags 4"));
  EXPECT_THAT(said("R\0\0\0\7s\0t\0s\0t\0x\0\0"sv), HasSubstr("unknown replica identity 'x'"));
}

TEST_F(Frames, RefusesLengthsThatAreTooLargeOrTooLong) {
  said(narrow);
  EXPECT_THAT(said("I\0\0\0\7\x83\0x"sv), HasSubstr("longer than it has to be"));
  EXPECT_THAT(said("I\0\0\0\7\xff\xff\xff\xff\x1fx"sv), HasSubstr("too large"));
  EXPECT_THAT(said("I\0\0\0\7\xff\xff\xff\xff\xff\1x"sv), HasSubstr("too large"));
  EXPECT_THAT(said("I\0\0\0\7\xff\xff\xff\xff\x0fx"sv), HasSubstr("a value of 4294967293 bytes where 1 are left"));
}

constexpr std::string_view mark = "M\1\0\0\0\0\0\0\0\2p\0\0\0\0\1x"sv;

TEST_F(Frames, OfAPacketComeInOrderEachWithItsPlace) {
  EXPECT_EQ(said_together(placed(1, narrow) + placed(2, "I\0\0\0\7\3x"sv) + placed(3, "I\0\0\0\7\3y"sv)),
            "1 " + said(narrow) + "\n2 insert 7 s.t a=x\n3 insert 7 s.t a=y\n");
}

TEST_F(Frames, APacketThatIsCutSaysWhatWasWhole) {
  const std::string packet = placed(1, narrow) + placed(2, "I\0\0\0\7\3x"sv);
  const std::size_t first = placed(1, narrow).size();
  for (std::size_t length = 0; length < packet.size(); ++length) {
    if (length == first) continue;
    const std::string words = said_together(std::string_view(packet).substr(0, length));
    EXPECT_THAT(words, HasSubstr("a packet that does not end with a frame")) << length;
    EXPECT_EQ(words.starts_with("1 relation"), length > first) << length;
  }
}

TEST_F(Frames, NothingFollowsAMessageInItsPacket) {
  said(narrow);
  EXPECT_EQ(said_together(placed(2, "I\0\0\0\7\3x"sv) + placed(3, mark)), "2 insert 7 s.t a=x\n3 " + said(mark) + "\n");
  EXPECT_THAT(said_together(placed(3, mark) + placed(4, "I\0\0\0\7\3x"sv)), HasSubstr("goes on behind a message"));
}

TEST_F(Frames, WhoCannotTakeAnEventEndsThePacket) {
  int taken = 0;
  const auto read = decoder_.decode_all(placed(1, narrow) + placed(2, "I\0\0\0\7\3x"sv), {}, [&](const Event&, Lsn) {
    ++taken;
    return Status(fail(ErrorKind::internal, "no"));
  });
  EXPECT_FALSE(read);
  EXPECT_EQ(taken, 1);
}

TEST_F(Frames, ACommitTellsTheTimeOfItsBegin) {
  EXPECT_EQ(said("B\0\0\0\1\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0\3there\0"sv),
            "begin xid=1 final=0/2 us=946684800000003 origin=there");
  EXPECT_EQ(said("C\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0\4"sv), "commit 0/2 end=0/4 us=946684800000003");
}

}  // namespace
}  // namespace tandem::wire
