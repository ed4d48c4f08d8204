#include "target/plain_request.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>

namespace tandem {
namespace {

HttpRequest to(std::string url, std::vector<std::string> headers = {}, std::string method = "POST") {
  HttpRequest request;
  request.method = std::move(method);
  request.url = std::move(url);
  request.headers = std::move(headers);
  return request;
}

std::string head_of(HttpRequest request) {
  std::string head = "what was there before";
  PlainRequest(1, 0, std::move(request), {}).print_head(head);
  return head;
}

TEST(PlainRequest, LeavesToLibcurlWhatIsOutOfTheOrdinary) {
  EXPECT_TRUE(PlainRequest::suits({}, to("http://crm.example:8080/a/b?c=%20d&e")));
  EXPECT_TRUE(PlainRequest::suits({}, to("http://[::1]:80")));
  EXPECT_TRUE(PlainRequest::suits({}, to("http://h/", {"Content-Type: a", "Tenant: b", "X-Host: c", ""})));
  for (const char* url : {"https://h/", "HTTP://h/", "h/", "", "http://", "http:///x", "http://user:word@h/",
                          "http://h?x=1", "http://h#x", "http://h/#x", "http://h/a b", "http://h/a\r\nX: 1",
                          "http://h/\xc3\xbc", "http://h\xc3\xbc/", "http://h\\@other/", "http://[fe80::1%25eth0]/"})
    EXPECT_FALSE(PlainRequest::suits({}, to(url))) << url;
  for (const char* line : {"Host: other", "content-LENGTH: 5", "Transfer-Encoding: chunked", "Expect: 100-continue",
                           "Connection: close", "Upgrade: h2c", "TE: trailers", "Trailer: x"})
    EXPECT_FALSE(PlainRequest::suits({}, to("http://h/", {"X: 1", line}))) << line;
  HttpPeer behind_proxy;
  behind_proxy.proxy = "http://proxy";
  EXPECT_FALSE(PlainRequest::suits(behind_proxy, to("http://h/")));
  HttpRequest head = to("http://h/", {}, "HEAD");
  EXPECT_TRUE(PlainRequest::suits({}, head));
  head.body = "x";
  EXPECT_FALSE(PlainRequest::suits({}, head));
}

TEST(PlainRequest, PrintsItsHead) {
  EXPECT_EQ(head_of(to("http://h:80", {}, "GET")), "GET / HTTP/1.1\r\nHost: h\r\nAccept: */*\r\n\r\n");
  EXPECT_EQ(head_of(to("http://h:8080/a?b", {}, "DELETE")),
            "DELETE /a?b HTTP/1.1\r\nHost: h:8080\r\nAccept: */*\r\n\r\n");
  HttpRequest put = to("http://h/x", {"ACCEPT: a", "Empty: ", "Content-Type: application/json"}, "PUT");
  EXPECT_EQ(head_of(put),
            "PUT /x HTTP/1.1\r\nHost: h\r\nACCEPT: a\r\nContent-Type: application/json\r\nContent-Length: 0\r\n\r\n");
  put.method = "DELETE";
  put.headers.clear();
  put.body = "12345";
  EXPECT_EQ(head_of(put),
            "DELETE /x HTTP/1.1\r\nHost: h\r\nAccept: */*\r\nContent-Type: application/x-www-form-urlencoded\r\n"
            "Content-Length: 5\r\n\r\n");
}

}  // namespace
}  // namespace tandem
