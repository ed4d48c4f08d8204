#include "target/http_client.hpp"

#include <gmock/gmock.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdint>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "support/http_fake.hpp"

namespace tandem {
namespace {

using namespace std::chrono_literals;
using namespace test_support;
using testing::HasSubstr;

HttpRequest post(const std::string& url, std::string body = "{\"a\":1}") {
  HttpRequest request;
  request.method = "POST";
  request.url = url;
  request.headers = {"Content-Type: application/json"};
  request.body = std::move(body);
  return request;
}

/// Turns until `done` or ten seconds have passed.
template <class Condition>
void turn_until(HttpClient& http, Condition done) {
  const auto end = std::chrono::steady_clock::now() + 10s;
  while (!done() && std::chrono::steady_clock::now() < end) http.turn(50ms);
  ASSERT_TRUE(done());
}

HttpAnswer call(HttpClient& http, HttpClient::PeerId peer, HttpRequest request) {
  std::optional<HttpAnswer> answer;
  http.send(peer, std::move(request), [&](HttpAnswer a) { answer = std::move(a); });
  EXPECT_FALSE(answer) << "never from within send";
  turn_until(http, [&] { return answer.has_value(); });
  return answer.value_or(HttpAnswer{});
}

HttpPeer impatient() {
  HttpPeer peer;
  peer.timeout = 300ms;
  peer.connect_timeout = 200ms;
  return peer;
}

enum class Way : std::uint8_t { plain, libcurl };

/// What must be the same over a connection of our own and through libcurl.
class HttpClientWays : public testing::TestWithParam<Way> {
 public:
  /// Sends the request the way that is tested: a header that frames the message goes through libcurl.
  static HttpRequest this_way(HttpRequest request) {
    if (GetParam() == Way::libcurl) request.headers.emplace_back("Expect:");
    return request;
  }
  static HttpRequest post(const std::string& url, std::string body = "{\"a\":1}") {
    return this_way(tandem::post(url, std::move(body)));
  }
  static HttpAnswer call_once(FakeAnswer scripted, const HttpPeer& peer = {}) {
    const HttpFake fake({std::move(scripted)});
    HttpClient http;
    return call(http, http.add_peer(peer), post(fake.url("/x")));
  }
};
INSTANTIATE_TEST_SUITE_P(HttpClient, HttpClientWays, testing::Values(Way::plain, Way::libcurl),
                         [](const auto& way) { return way.param == Way::plain ? "Plain" : "Libcurl"; });

TEST_P(HttpClientWays, SendsAndReadsAnAnswer) {
  HttpFake fake({answer_with(201, "{\"id\":7}", {{"ETag", "\"v1\""}, {"X-Empty", ""}})});
  HttpClient http;
  const HttpAnswer answer = call(http, http.add_peer({}), post(fake.url("/api/x?y=1"), std::string(450, 'z')));
  EXPECT_EQ(answer.failure, HttpFailure::none);
  EXPECT_TRUE(answer.sent);
  EXPECT_EQ(answer.status, 201);
  EXPECT_EQ(answer.body, "{\"id\":7}");
  EXPECT_EQ(answer.header("etag"), "\"v1\"");
  EXPECT_EQ(answer.header("X-EMPTY"), "");
  EXPECT_EQ(answer.header("none"), "");
  EXPECT_GT(answer.duration.count(), 0);
  const auto request = fake.requests().at(0);
  EXPECT_EQ(request.method, "POST");
  EXPECT_EQ(request.target, "/api/x?y=1");
  EXPECT_EQ(request.body, std::string(450, 'z'));
  EXPECT_EQ(request.header("content-type"), "application/json");
  EXPECT_EQ(request.header("expect"), "");
}

TEST_P(HttpClientWays, KeepsNothingOfOneRequestInTheNext) {
  HttpFake fake;
  HttpClient http;
  const auto peer = http.add_peer({});
  call(http, peer, post(fake.url("/1")));
  HttpRequest get;
  get.url = fake.url("/2");
  get.headers = {"X-Two: 2"};
  call(http, peer, this_way(get));
  HttpRequest remove;
  remove.method = "DELETE";
  remove.url = fake.url("/3");
  call(http, peer, this_way(remove));
  HttpRequest patch = post(fake.url("/4"), "");
  patch.method = "PATCH";
  call(http, peer, patch);
  call(http, peer, post(fake.url("/5")));

  const auto requests = fake.requests();
  ASSERT_EQ(requests.size(), 5U);
  EXPECT_EQ(requests[1].method, "GET");
  EXPECT_EQ(requests[1].body, "");
  EXPECT_EQ(requests[1].header("content-type"), "");
  EXPECT_EQ(requests[1].header("x-two"), "2");
  EXPECT_EQ(requests[2].method, "DELETE");
  EXPECT_EQ(requests[2].header("content-length"), "");
  EXPECT_EQ(requests[2].header("x-two"), "");
  EXPECT_EQ(requests[3].method, "PATCH");
  EXPECT_EQ(requests[3].header("content-length"), "0");
  EXPECT_EQ(requests[4].method, "POST");
  EXPECT_EQ(fake.connections(), 1) << "kept alive";
}

TEST_P(HttpClientWays, AnAnswerToHeadHasNoBodyWhateverItsLength) {
  HttpFake fake(
      {raw_answer("HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\n"), answer_with(204), answer_with(200, "{}")});
  HttpClient http;
  const auto peer = http.add_peer({});
  HttpRequest head;
  head.method = "HEAD";
  head.url = fake.url("/1");
  const HttpAnswer answer = call(http, peer, this_way(head));
  EXPECT_EQ(answer.failure, HttpFailure::none);
  EXPECT_EQ(answer.header("content-length"), "2000");
  EXPECT_EQ(call(http, peer, post(fake.url("/2"))).status, 204);
  EXPECT_EQ(call(http, peer, post(fake.url("/3"))).body, "{}");
  EXPECT_EQ(fake.connections(), 1);
}

TEST_P(HttpClientWays, ABodyLargerThanTheSocketTakesGoesOutInPieces) {
  HttpFake fake([](const FakeRequest& request) { return answer_with(200, std::to_string(request.body.size())); });
  HttpClient http;
  const auto peer = http.add_peer({});
  const std::string body(20'000'000, 'b');
  EXPECT_EQ(call(http, peer, post(fake.url("/1"), body)).body, "20000000");
  EXPECT_EQ(fake.requests().at(0).body, body);
  EXPECT_EQ(call(http, peer, post(fake.url("/2"), "x")).body, "1");
  EXPECT_EQ(fake.connections(), 1);
}

TEST_P(HttpClientWays, KeepsConnectionsApartByAuthority) {
  HttpFake one([](const FakeRequest&) { return answer_with(200, "one"); });
  HttpFake two([](const FakeRequest&) { return answer_with(200, "two"); });
  HttpClient http;
  const auto peer = http.add_peer({});
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(call(http, peer, post(one.url("/"))).body, "one");
    EXPECT_EQ(call(http, peer, post(two.url("/"))).body, "two");
  }
  EXPECT_EQ(one.connections() + two.connections(), 2);
}

TEST_P(HttpClientWays, CarriesManyAtOnce) {
  HttpFake fake([](const FakeRequest& request) { return answer_with(200, request.body); });
  HttpClient http;
  const auto peer = http.add_peer({});
  int right = 0;
  for (int i = 0; i < 200; ++i)
    http.send(peer, post(fake.url("/" + std::to_string(i)), std::to_string(i)),
              [&right, i](const HttpAnswer& a) { right += a.body == std::to_string(i); });
  turn_until(http, [&] { return right == 200; });
  EXPECT_EQ(http.in_flight(), 0U);
}

TEST_P(HttpClientWays, ARefusedConnectionWasNotSent) {
  std::string url;
  {
    const HttpFake fake;
    url = fake.url("/");
  }
  HttpClient http;
  const HttpAnswer answer = call(http, http.add_peer({}), post(url));
  EXPECT_EQ(answer.failure, HttpFailure::connect);
  EXPECT_FALSE(answer.sent);
  EXPECT_FALSE(answer.error.empty());
}

TEST_P(HttpClientWays, WrongAddressesWereNotSent) {
  HttpClient http;
  const auto peer = http.add_peer(impatient());
  for (const char* url : {"http://no-such-host.invalid/", "ftp://127.0.0.1/x", "file:///etc/passwd", "http://",
                          "http://127.0.0.1:99999/", "nonsense://x", ""}) {
    const HttpAnswer answer = call(http, peer, post(url));
    EXPECT_NE(answer.failure, HttpFailure::none) << url;
    EXPECT_FALSE(answer.sent) << url;
  }
}

TEST_P(HttpClientWays, NoAnswerInTimeWasSent) {
  for (const FakeAnswer& slow : {no_answer(), cut_answer(answer_with(200, "{}"), 10)}) {
    FakeAnswer scripted = slow;
    scripted.hold = true;
    scripted.cut_after.reset();
    if (slow.cut_after) scripted.bytes.resize(*slow.cut_after);
    const HttpAnswer answer = call_once(scripted, impatient());
    EXPECT_EQ(answer.failure, HttpFailure::timeout);
    EXPECT_TRUE(answer.sent);
    EXPECT_EQ(answer.status, 0);
  }
}

TEST_P(HttpClientWays, AnAnswerThatTricklesTooSlowlyTimesOut) {
  FakeAnswer scripted = answer_with(200, std::string(100, 'x'));
  scripted.byte_delay = 20ms;
  const HttpAnswer answer = call_once(scripted, impatient());
  EXPECT_EQ(answer.failure, HttpFailure::timeout);
  EXPECT_TRUE(answer.sent);
}

TEST_P(HttpClientWays, ACutAnswerIsNoAnswerWhereverItIsCut) {
  const FakeAnswer whole = answer_with(200, "{\"id\":7}");
  for (std::size_t after = 0; after < whole.bytes.size(); ++after) {
    const HttpAnswer answer = call_once(cut_answer(whole, after));
    EXPECT_EQ(answer.failure, HttpFailure::cut) << after;
    EXPECT_TRUE(answer.sent) << after;
  }
  EXPECT_EQ(call_once(whole).failure, HttpFailure::none);
}

TEST_P(HttpClientWays, AResetConnectionWasSent) {
  FakeAnswer scripted;
  scripted.reset = true;
  const HttpAnswer answer = call_once(scripted);
  EXPECT_EQ(answer.failure, HttpFailure::cut);
  EXPECT_TRUE(answer.sent);
}

TEST_P(HttpClientWays, GarbageIsNoAnswer) {
  for (const char* bytes : {"garbage\r\n\r\n", "SSH-2.0-OpenSSH_9\r\n", "HTTP/1.1 abc\r\n\r\n",
                            "HTTP/9.9 200 OK\r\n\r\n", "\r\n\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
                            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"}) {
    FakeAnswer scripted = raw_answer(bytes);
    scripted.close = true;
    const HttpAnswer answer = call_once(scripted);
    EXPECT_EQ(answer.failure, HttpFailure::cut) << bytes;
    EXPECT_TRUE(answer.sent) << bytes;
  }
  FakeAnswer zeros = raw_answer(std::string(5000, '\0'));
  zeros.close = true;
  EXPECT_EQ(call_once(zeros).failure, HttpFailure::cut);
}

TEST_P(HttpClientWays, ReadsPastInterimAnswers) {
  const HttpAnswer answer =
      call_once(raw_answer("HTTP/1.1 100 Continue\r\nX-Interim: 1\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: "
                           "x\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 2\r\nX-Last: 1\r\n\r\n{}"));
  EXPECT_EQ(answer.failure, HttpFailure::none);
  EXPECT_EQ(answer.status, 201);
  EXPECT_EQ(answer.header("x-interim"), "");
  EXPECT_EQ(answer.header("x-last"), "1");
}

TEST_P(HttpClientWays, OnlyInterimAnswersAreNoAnswer) {
  FakeAnswer scripted = raw_answer("HTTP/1.1 100 Continue\r\n\r\n");
  scripted.close = true;
  const HttpAnswer answer = call_once(scripted);
  EXPECT_NE(answer.failure, HttpFailure::none);
  EXPECT_EQ(answer.status, 0);
  EXPECT_TRUE(answer.sent);
}

TEST_P(HttpClientWays, FollowsNoRedirect) {
  HttpFake elsewhere;
  HttpFake fake({answer_with(302, "", {{"Location", elsewhere.url("/steal")}})});
  HttpClient http;
  const HttpAnswer answer = call(http, http.add_peer({}), post(fake.url("/x")));
  EXPECT_EQ(answer.status, 302);
  EXPECT_EQ(answer.header("location"), elsewhere.url("/steal"));
  EXPECT_TRUE(elsewhere.requests().empty());
}

TEST_P(HttpClientWays, GiantAnswersAreGivenUp) {
  HttpPeer peer;
  peer.max_answer_bytes = 10'000;
  const HttpAnswer body = call_once(answer_with(200, std::string(1'000'000, 'x')), peer);
  EXPECT_EQ(body.failure, HttpFailure::too_large);
  EXPECT_EQ(body.status, 200);
  EXPECT_EQ(body.body.size(), 10'000U);
  std::string head = "HTTP/1.1 200 OK\r\n";
  for (int i = 0; i < 10'000; ++i) head += "X-Header-" + std::to_string(i) + ": " + std::string(60, 'x') + "\r\n";
  EXPECT_EQ(call_once(raw_answer(head + "\r\n")).failure, HttpFailure::too_large);
}

/// The server closes a kept connection at the moment when the next request arrives, unanswered.
std::vector<FakeAnswer> race() {
  return {answer_with(200, "{}"), closed_unanswered(), answer_with(200, "{\"second\":1}")};
}

TEST_P(HttpClientWays, ADeadKeptConnectionIsReplacedWhereRepeatingIsAllowed) {
  HttpFake fake(race());
  HttpClient http;
  const auto peer = http.add_peer({});
  call(http, peer, post(fake.url("/1")));
  HttpRequest again = post(fake.url("/2"));
  again.repeat = Repeat::allowed;
  const HttpAnswer answer = call(http, peer, again);
  EXPECT_EQ(answer.failure, HttpFailure::none);
  EXPECT_EQ(answer.body, "{\"second\":1}");
  EXPECT_EQ(fake.requests().size(), 3U);
}

TEST_P(HttpClientWays, ADeadKeptConnectionIsReportedWhereItIsNot) {
  HttpFake fake(race());
  HttpClient http;
  const auto peer = http.add_peer({});
  call(http, peer, post(fake.url("/1")));
  const HttpAnswer answer = call(http, peer, post(fake.url("/2")));
  EXPECT_EQ(answer.failure, HttpFailure::cut);
  EXPECT_TRUE(answer.sent);
  EXPECT_EQ(fake.requests().size(), 2U) << "never sent twice by itself";
}

TEST_P(HttpClientWays, OneDeadlineHoldsOverARepeatToo) {
  HttpFake fake({answer_with(200, "{}"), closed_unanswered(), no_answer()});
  HttpClient http;
  const auto peer = http.add_peer(impatient());
  call(http, peer, post(fake.url("/1")));
  HttpRequest again = post(fake.url("/2"));
  again.repeat = Repeat::allowed;
  const HttpAnswer answer = call(http, peer, again);
  EXPECT_EQ(answer.failure, HttpFailure::timeout);
  EXPECT_TRUE(answer.sent);
  EXPECT_EQ(fake.requests().size(), 3U);
}

TEST_P(HttpClientWays, ASpoiltAnswerDoesNotReachTheNextRequest) {
  // More bytes than Content-Length says, and a body that the next request must not mistake for its answer.
  HttpFake fake(
      {raw_answer(
           "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n{\"x\":1}"),
       answer_with(200, "{\"right\":1}")});
  HttpClient http;
  const auto peer = http.add_peer({});
  EXPECT_EQ(call(http, peer, post(fake.url("/1"))).body, "{}");
  HttpRequest second = post(fake.url("/2"));
  second.repeat = Repeat::allowed;
  EXPECT_EQ(call(http, peer, second).body, "{\"right\":1}");
}

TEST(HttpClient, AnAnswerThatNobodyAskedForIsTheNextRequestsAnswerNever) {
  // It comes in a packet of its own, behind a whole answer over a connection that is then kept. (libcurl 7.88 takes
  // it.)
  FakeAnswer two = raw_answer(
      "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n{\"wrong\":1}");
  two.byte_delay = 1ms;
  const HttpFake fake({two, answer_with(200, "{\"right\":1}")});
  HttpClient http;
  const auto peer = http.add_peer({});
  EXPECT_EQ(call(http, peer, post(fake.url("/1"))).body, "{}");
  const auto end = std::chrono::steady_clock::now() + 60s;
  while (fake.answered() < 1 && std::chrono::steady_clock::now() < end) std::this_thread::yield();
  EXPECT_EQ(call(http, peer, post(fake.url("/2"))).body, "{\"right\":1}");
  EXPECT_EQ(fake.connections(), 2);
}

TEST_P(HttpClientWays, AnIdleConnectionThatTheServerClosesCostsNothing) {
  FakeAnswer closing = answer_with(200, "{}");
  closing.close = true;
  HttpFake fake({closing, answer_with(200, "{}")});
  HttpClient http;
  const auto peer = http.add_peer({});
  call(http, peer, post(fake.url("/1")));
  // The close wakes the loop once, not over and over.
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < 3; ++i) http.turn(30ms);
  EXPECT_GE(std::chrono::steady_clock::now() - start, 30ms);
  EXPECT_EQ(call(http, peer, post(fake.url("/2"))).status, 200);
}

TEST_P(HttpClientWays, RefusesPrivateAddressesWhereToldTo) {
  const HttpFake fake;
  HttpPeer peer;
  peer.allow_private = false;
  HttpClient http;
  const auto id = http.add_peer(peer);
  for (const std::string& url :
       {fake.url("/"), "http://localhost:" + std::to_string(fake.port()) + "/",
        "http://[::1]:" + std::to_string(fake.port()) + "/", "http://2130706433:" + std::to_string(fake.port()) + "/",
        std::string("http://169.254.169.254/latest/meta-data")}) {
    const HttpAnswer answer = call(http, id, post(url));
    EXPECT_EQ(answer.failure, HttpFailure::connect) << url;
    EXPECT_FALSE(answer.sent) << url;
    EXPECT_THAT(answer.error, HasSubstr("private")) << url;
  }
  EXPECT_EQ(fake.connections(), 0);
}

TEST(HttpClient, GoesThroughAProxy) {
  HttpFake proxy({answer_with(200, "{\"by\":\"proxy\"}")});
  HttpPeer peer;
  peer.proxy = proxy.url();
  HttpClient http;
  const HttpAnswer answer = call(http, http.add_peer(peer), post("http://crm.example/api"));
  EXPECT_EQ(answer.body, "{\"by\":\"proxy\"}");
  EXPECT_EQ(proxy.requests().at(0).target, "http://crm.example/api");
}

TEST(HttpClient, TlsToSomethingElseWasNotSent) {
  HttpFake fake({raw_answer("HTTP/1.1 400 Bad Request\r\n\r\n")});
  HttpClient http;
  const HttpAnswer answer =
      call(http, http.add_peer(impatient()), post("https://127.0.0.1:" + std::to_string(fake.port()) + "/"));
  EXPECT_NE(answer.failure, HttpFailure::none);
  EXPECT_FALSE(answer.sent);
}

TEST_P(HttpClientWays, AsksBeforeEveryRequestWhetherItMayLeave) {
  HttpFake fake({answer_with(200, "{}")});
  HttpClient http;
  const auto peer = http.add_peer({});
  bool held = true;
  http.send_only_while([&] { return held; });
  EXPECT_EQ(call(http, peer, post(fake.url("/first"))).failure, HttpFailure::none);
  held = false;
  const HttpAnswer answer = call(http, peer, post(fake.url("/second")));
  EXPECT_EQ(answer.failure, HttpFailure::withheld);
  EXPECT_FALSE(answer.sent);
  EXPECT_EQ(fake.requests().size(), 1U);
  held = true;
  EXPECT_EQ(call(http, peer, post(fake.url("/third"))).failure, HttpFailure::none);
}

TEST_P(HttpClientWays, CancelAnswersAtOnce) {
  HttpFake fake({no_answer()});
  HttpClient http;
  std::optional<HttpAnswer> answer;
  const auto id = http.send(http.add_peer({}), post(fake.url("/")), [&](HttpAnswer a) { answer = std::move(a); });
  turn_until(http, [&] { return !fake.requests().empty(); });
  http.cancel(id);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->failure, HttpFailure::cancelled);
  EXPECT_TRUE(answer->sent);
  http.cancel(id);
  http.cancel(12345);
  EXPECT_EQ(http.in_flight(), 0U);
}

TEST_P(HttpClientWays, CancelsWhatIsConnectingOrWithheld) {
  HttpFake fake({answer_with(200, "{}")});
  HttpClient http;
  const auto peer = http.add_peer({});
  std::vector<HttpAnswer> answers;
  const auto keep = [&](HttpAnswer answer) { answers.push_back(std::move(answer)); };
  http.cancel(http.send(peer, post(fake.url("/connecting")), keep));
  call(http, peer, post(fake.url("/")));
  http.send_only_while([] { return false; });
  http.cancel(http.send(peer, post(fake.url("/withheld")), keep));
  ASSERT_EQ(answers.size(), 2U);
  for (const HttpAnswer& answer : answers) {
    EXPECT_EQ(answer.failure, HttpFailure::cancelled);
    EXPECT_FALSE(answer.sent);
  }
  http.turn(0ms);
  EXPECT_EQ(answers.size(), 2U);
  EXPECT_EQ(http.in_flight(), 0U);
}

TEST(HttpClient, KeepsNoMoreConnectionsThanItIsTold) {
  HttpFake fake;
  HttpClient http(2);
  const auto peer = http.add_peer({});
  int answers = 0;
  for (int round = 1; round <= 2; ++round) {
    for (int i = 0; i < 5; ++i) http.send(peer, post(fake.url("/")), [&](const HttpAnswer&) { ++answers; });
    turn_until(http, [&] { return answers == 5 * round; });
  }
  EXPECT_EQ(fake.connections(), 8);
}

TEST_P(HttpClientWays, ANewRequestMayBeSentFromWithinAnAnswer) {
  HttpFake fake;
  HttpClient http;
  const auto peer = http.add_peer({});
  int answers = 0;
  std::function<void(HttpAnswer)> next = [&](const HttpAnswer&) {
    if (++answers < 20) http.send(peer, post(fake.url("/")), next);
  };
  http.send(peer, post(fake.url("/")), next);
  turn_until(http, [&] { return answers == 20; });
  EXPECT_EQ(fake.connections(), 1);
}

TEST(HttpClient, WakesFromAnotherThread) {
  HttpClient http;
  std::thread other([&] { http.wakeup(); });
  const auto start = std::chrono::steady_clock::now();
  http.turn(10s);
  EXPECT_LT(std::chrono::steady_clock::now() - start, 5s);
  other.join();
}

TEST(HttpClient, WatchesDescriptorsAndRunsJobs) {
  HttpClient http;
  const int fd = ::eventfd(1, EFD_NONBLOCK);
  int ready = 0, jobs = 0;
  http.watch(fd, [&] {
    std::uint64_t value = 0;
    ready += ::read(fd, &value, sizeof value) == sizeof value;
  });
  http.defer([&] { ++jobs; });
  http.turn(10s);
  http.turn(0ms);
  EXPECT_EQ(ready, 1);
  EXPECT_EQ(jobs, 1);
  http.forget(fd);
  ::close(fd);
  http.turn(0ms);
}

TEST_P(HttpClientWays, MayEndWithRequestsInFlight) {
  HttpFake fake({no_answer()});
  HttpClient http;
  http.send(http.add_peer({}), post(fake.url("/")), [](const HttpAnswer&) {});
  turn_until(http, [&] { return !fake.requests().empty(); });
}

}  // namespace
}  // namespace tandem
