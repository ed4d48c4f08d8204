#include "http/server.hpp"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thread>

#include "http/health.hpp"

namespace tandem::http {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

/// Sends bytes and reads until the server closes.
std::string converse(std::uint16_t port, const std::string& bytes) {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  timeval patience{10, 0};
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  std::string answer;
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
    std::size_t sent = 0;
    while (sent < bytes.size()) {
      const ssize_t n = ::send(fd, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
      if (n <= 0) break;
      sent += static_cast<std::size_t>(n);
    }
    char part[4096];
    for (ssize_t n = 0; (n = ::recv(fd, part, sizeof part, 0)) > 0;) answer.append(part, static_cast<std::size_t>(n));
  }
  ::close(fd);
  return answer;
}

class HttpServer : public ::testing::Test {
 protected:
  HttpServer() {
    Router router{Access({})};
    add_health(
        router, [this] { return checks_; }, [] { return std::string("tandem_build_info 1\n"); });
    router.add("GET", "/throws", Role::anyone, [](const Request&) -> Response { throw std::runtime_error("a bug"); });
    router.add("GET", "/headers/{which}", Role::anyone, [](const Request& request) {
      Response response;
      response.content_type.clear();
      if (request.parameters.at("which") == "long") response.headers = {{"X-Long", std::string(70'000, 'x')}};
      if (request.parameters.at("which") == "equal")
        response.headers = {{"Link", "<1>"}, {"Link", "<2>"}, {"Cache-Control", "max-age=5"}};
      return response;
    });
    auto server =
        Server::open("127.0.0.1:0", std::move(router), {.connections = 4, .header_bytes = 1024, .body_bytes = 1024});
    EXPECT_TRUE(server.has_value());
    port_ = server->port();
    thread_ = std::jthread([server = std::move(*server)](const std::stop_token& stop) mutable { server.run(stop); });
  }
  std::string get(const std::string& path) {
    return converse(port_, "GET " + path + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  }

  std::vector<Check> checks_{{"database", true, true, ""}, {"capture", false, false, "polling"}};
  std::uint16_t port_ = 0;
  std::jthread thread_;
};

TEST_F(HttpServer, TellsThatItLivesAndWhetherItIsReady) {
  EXPECT_THAT(get("/livez"), StartsWith("HTTP/1.1 200 OK"));
  EXPECT_THAT(get("/readyz"), HasSubstr(R"("ready":true)"));
  EXPECT_THAT(get("/metrics"), HasSubstr("tandem_build_info 1"));
}

TEST_F(HttpServer, AnswersSeveralRequestsOnOneConnection) {
  const std::string answers = converse(
      port_, "GET /livez HTTP/1.1\r\nHost: x\r\n\r\nGET /nothing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(answers, HasSubstr("200 OK"));
  EXPECT_THAT(answers, HasSubstr("404 Not Found"));
}

TEST_F(HttpServer, AHeaderThatIsTooLongIsAProblemOfThatAnswerAlone) {
  const std::string answer = get("/headers/long");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 502 Bad Gateway"));
  EXPECT_THAT(answer, HasSubstr("application/problem+json"));
  EXPECT_THAT(get("/livez"), StartsWith("HTTP/1.1 200 OK"));
}

TEST_F(HttpServer, EqualHeadersAreAllTold) {
  const std::string answer = get("/headers/equal");
  EXPECT_THAT(answer, HasSubstr("Link: <1>\r\n"));
  EXPECT_THAT(answer, HasSubstr("Link: <2>\r\n"));
  EXPECT_THAT(answer, HasSubstr("Cache-Control: max-age=5\r\n"));
  EXPECT_THAT(answer, Not(HasSubstr("no-store")));
  EXPECT_THAT(answer, Not(HasSubstr("\r\nContent-Type")));
}

TEST_F(HttpServer, HeadHasALengthAndNoBody) {
  const std::string answer = converse(port_, "HEAD /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(answer, HasSubstr("Content-Length: 3"));
  EXPECT_TRUE(answer.ends_with("\r\n\r\n"));
}

TEST_F(HttpServer, RefusesWhatIsMalformedOrTooLarge) {
  EXPECT_THAT(converse(port_, "nonsense\r\n\r\n"), StartsWith("HTTP/1.1 400"));
  EXPECT_THAT(converse(port_, "GET / HTTP/1.1\r\nX: " + std::string(4000, 'x') + "\r\n\r\n"),
              StartsWith("HTTP/1.1 431"));
  EXPECT_THAT(converse(port_, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n\r\n"),
              StartsWith("HTTP/1.1 413"));
}

TEST_F(HttpServer, SurvivesAHandlersException) {
  EXPECT_THAT(get("/throws"), StartsWith("HTTP/1.1 500"));
  EXPECT_THAT(get("/livez"), StartsWith("HTTP/1.1 200"));
}

TEST_F(HttpServer, TakenPortIsAnErrorThatSaysWhatToDo) {
  const auto second = Server::open("127.0.0.1:" + std::to_string(port_), Router{Access({})});
  ASSERT_FALSE(second.has_value());
  EXPECT_THAT(second.error().message, HasSubstr("cannot listen on 127.0.0.1:" + std::to_string(port_)));
  EXPECT_THAT(second.error().hint, HasSubstr("http.listen"));
}

TEST(HttpHealth, NotReadyWhenARequiredCheckFails) {
  Router router{Access({})};
  add_health(
      router,
      [] {
        return std::vector<Check>{{"database", false, true, "unreachable"}};
      },
      [] { return std::string(); });
  Request request;
  request.method = "GET";
  request.path = "/readyz";
  const Response response = router.respond(request);
  EXPECT_EQ(response.status, 503);
  EXPECT_THAT(response.body, HasSubstr("unreachable"));
}

}  // namespace
}  // namespace tandem::http
