#include "target/answer_reader.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>

namespace tandem {
namespace {

using Progress = AnswerReader::Progress;

/// Reads an answer in pieces of so many bytes; what is left is not read once it has ended.
Progress read_in_pieces(AnswerReader& reader, std::string_view bytes, std::size_t size) {
  Progress progress = Progress::more;
  for (; !bytes.empty() && progress == Progress::more; bytes.remove_prefix(std::min(size, bytes.size())))
    progress = reader.read(bytes.substr(0, size));
  return progress;
}

TEST(AnswerReader, ReadsAnAnswerWhateverItsPieces) {
  constexpr std::string_view answer =
      "HTTP/1.1 100 Continue\r\nX: 1\r\n\r\nHTTP/1.1 201 Created\r\nLocation: /a/17\r\nContent-Length: 5\r\n\r\nhello";
  AnswerReader reader(100);
  for (std::size_t size = 1; size <= answer.size(); ++size) {
    reader.begin(false);
    EXPECT_EQ(read_in_pieces(reader, answer, size), Progress::whole) << size;
    EXPECT_EQ(reader.status(), 201);
    EXPECT_EQ(reader.head, "Location: /a/17\r\nContent-Length: 5\r\n");
    EXPECT_EQ(reader.body, "hello");
    EXPECT_TRUE(reader.keeps());
  }
}

TEST(AnswerReader, ReadsChunksWithExtensionsAndTrailers) {
  constexpr std::string_view answer =
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=1\r\nabc\r\nA\r\n0123456789\r\n0\r\nSum: 1\r\n\r\n";
  AnswerReader reader(100);
  for (std::size_t size = 1; size <= answer.size(); ++size) {
    reader.begin(false);
    EXPECT_EQ(read_in_pieces(reader, answer, size), Progress::whole) << size;
    EXPECT_EQ(reader.body, "abc0123456789");
    EXPECT_TRUE(reader.keeps());
  }
}

TEST(AnswerReader, EveryPrefixIsNoAnswer) {
  for (const std::string_view answer : {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc",
                                        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n"})
    for (std::size_t size = 0; size < answer.size(); ++size) {
      AnswerReader reader(100);
      reader.begin(false);
      EXPECT_EQ(reader.read(answer.substr(0, size)), Progress::more);
      EXPECT_EQ(reader.nothing_came(), size == 0);
      EXPECT_EQ(reader.ended(), Progress::malformed);
      EXPECT_FALSE(reader.keeps());
    }
}

TEST(AnswerReader, ABodyWithoutALengthEndsWithTheConnection) {
  AnswerReader reader(100);
  reader.begin(false);
  EXPECT_EQ(reader.read("HTTP/1.0 200 OK\r\n\r\nabc"), Progress::more);
  EXPECT_EQ(reader.ended(), Progress::whole);
  EXPECT_EQ(reader.body, "abc");
  EXPECT_FALSE(reader.keeps());
}

TEST(AnswerReader, ABodyWithoutALengthIsNotWholeWhereTheConnectionBreaks) {
  AnswerReader reader(100);
  reader.begin(false);
  EXPECT_EQ(reader.read("HTTP/1.0 200 OK\r\n\r\nabc"), Progress::more);
  EXPECT_EQ(reader.ended(false), Progress::malformed);
  EXPECT_EQ(reader.error(), "connection closed within an answer");
}

TEST(AnswerReader, SomeAnswersHaveNoBody) {
  AnswerReader reader(100);
  for (const bool head : {true, false}) {
    reader.begin(head);
    EXPECT_EQ(reader.read(head ? "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n" : "HTTP/1.1 204 No Content\r\n\r\n"),
              Progress::whole);
    EXPECT_TRUE(reader.keeps());
  }
}

TEST(AnswerReader, KeepsTheConnectionOnlyWhereNothingSpeaksAgainstIt) {
  for (const std::string_view answer :
       {"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK\r\n",
        "HTTP/1.1 200 OK\r\nConnection: x, Close\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "HTTP/1.1 204 No Content\r\n\r\nbody",
        "HTTP/1.1 200 OK\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"}) {
    AnswerReader reader(100);
    reader.begin(false);
    EXPECT_EQ(reader.read(answer), Progress::whole) << answer;
    EXPECT_FALSE(reader.keeps()) << answer;
  }
}

TEST(AnswerReader, RefusesWhatIsNoHttp) {
  for (const std::string_view answer :
       {"SSH-2.0-OpenSSH\r\n", "HTTP/2 200\r\n", "HTTP/1.1 2x0 OK\r\n", "HTTP/1.1 099 OK\r\n", "HTTP/1.1 2000\r\n",
        "HTTP/1.1 101 Switching\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n"}) {
    AnswerReader reader(100);
    reader.begin(false);
    EXPECT_EQ(reader.read(answer), Progress::malformed) << answer;
    EXPECT_FALSE(reader.error().empty());
  }
}

TEST(AnswerReader, RefusesHeadsThatTwoReadersUnderstandInTwoWays) {
  for (const std::string& line : {
           std::string("Content-Length : 5"),
           std::string(" Content-Length: 5"),
           std::string("X: 1\r\n Content-Length: 5"),
           std::string("\tfolded"),
           std::string("no colon"),
           std::string(": no name"),
           std::string("X: a\rContent-Length: 5"),
           std::string("X: a\0b", 6),
           std::string("Content-Length: +5"),
           std::string("Content-Length: 0x5"),
           std::string("Content-Length: 5, 5"),
           std::string("Content-Length:"),
           std::string("Content-Length: 18446744073709551616"),
           std::string("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"),
           std::string("Transfer-Encoding: identity"),
           std::string("Transfer-Encoding: chunked, identity"),
       }) {
    AnswerReader reader(100);
    reader.begin(false);
    EXPECT_EQ(reader.read("HTTP/1.1 200 OK\r\n" + line + "\r\n\r\nhello"), Progress::malformed) << line;
    EXPECT_FALSE(reader.keeps());
  }
}

TEST(AnswerReader, InterimAnswersAreBoundedToo) {
  AnswerReader reader(100);
  reader.begin(false);
  Progress progress = Progress::more;
  for (int i = 0; i < 100'000 && progress == Progress::more; ++i)
    progress = reader.read("HTTP/1.1 102 Processing\r\n\r\n");
  EXPECT_EQ(progress, Progress::too_large);
}

TEST(AnswerReader, BoundsHeadAndBody) {
  AnswerReader reader(4);
  reader.begin(false);
  EXPECT_EQ(reader.read("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabcde"), Progress::too_large);
  EXPECT_EQ(reader.body, "abcd");
  EXPECT_EQ(reader.status(), 200);
  reader.begin(false);
  EXPECT_EQ(reader.read("HTTP/1.1 200 OK\r\nX: " + std::string(300'000, 'x')), Progress::too_large);
}

}  // namespace
}  // namespace tandem
