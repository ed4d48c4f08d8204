#include "support/second_crm/server.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "support/http_call.hpp"

namespace second_crm {
namespace {

using tandem::test_support::http_call;
using testing::HasSubstr;

const std::vector<std::pair<std::string, std::string>> json{{"Content-Type", "application/json"}};

TEST(SecondCrmServer, AnswersOverHttp) {
  Server server;
  const auto reply = http_call(server.port(), "POST", "/api/account", R"({"Name":"Acme"})", json);
  EXPECT_EQ(reply.status, 201);
  EXPECT_THAT(reply.body, HasSubstr("Acme"));
  EXPECT_EQ(server.ask([](Api& api) { return api.store().living("account"); }), 1U);
}

TEST(SecondCrmServer, RefusesConnectionsWhileDownAndComesBackOnItsPort) {
  Server server;
  const auto port = server.port();
  server.go_down();
  EXPECT_EQ(http_call(port, "GET", "/api/account?after=0").status, 0);
  EXPECT_EQ(http_call(server.admin_port(), "GET", "/admin/counts").status, 200);
  server.come_up();
  EXPECT_EQ(server.port(), port);
  EXPECT_EQ(http_call(port, "GET", "/api/account?after=0").status, 200);
}

TEST(SecondCrmServer, EndsWithConnectionsOpen) {
  auto server = std::make_unique<Server>();
  server->ask([](Api& api) {
    api.faults().set({{.kind = FaultKind::hang}});
    return 0;
  });
  std::thread caller([port = server->port()] { EXPECT_EQ(http_call(port, "GET", "/api/account?after=0").status, 0); });
  while (server->ask([](Api& api) { return api.journal().last(); }) == 0) std::this_thread::yield();
  server.reset();
  caller.join();
}

TEST(SecondCrmServer, CutsAnAnswerShort) {
  Server server;
  server.ask([](Api& api) {
    api.faults().set({{.kind = FaultKind::cut, .moment = Moment::after_effect, .bytes = 20}});
    return 0;
  });
  const auto reply = http_call(server.port(), "POST", "/api/account", R"({"Name":"Acme"})", json);
  EXPECT_LE(reply.head.size() + reply.body.size(), 20U);
  EXPECT_EQ(server.ask([](Api& api) { return api.store().living("account"); }), 1U);
}

TEST(SecondCrmServer, IsAdministeredOverHttp) {
  Server server;
  EXPECT_EQ(http_call(server.admin_port(), "PUT", "/admin/faults",
                      R"({"faults":[{"kind":"status","status":429,"retry_after":1,"times":1}]})")
                .status,
            204);
  EXPECT_THAT(http_call(server.port(), "GET", "/api/account?after=0").head, HasSubstr("Retry-After: 1"));
  EXPECT_EQ(http_call(server.admin_port(), "PUT", "/admin/faults", R"({"faults":[{"knd":"status"}]})").status, 422);
  EXPECT_EQ(http_call(server.port(), "PUT", "/api/account/external/7", R"({"Name":"Acme"})", json).status, 201);
  EXPECT_THAT(http_call(server.admin_port(), "GET", "/admin/counts").body, HasSubstr(R"("account":1)"));
  EXPECT_THAT(http_call(server.admin_port(), "GET", "/admin/objects/account").body, HasSubstr(R"("ExternalId":"7")"));
  EXPECT_THAT(http_call(server.admin_port(), "GET", "/admin/journal").body, HasSubstr(R"("operation":"upsert")"));
}

}  // namespace
}  // namespace second_crm
