#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "intake/signature.hpp"
#include "support/http_call.hpp"
#include "support/stand.hpp"
#include "support/wait_for.hpp"

namespace tandem::test_support {
namespace {

constexpr const char* contact_table = "create table contact (id bigint primary key, email text)";
constexpr const char* secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
constexpr const char* both_ways = R"(
  contact:
    table: public.contact
    routes:
      - target: second_crm
        fields: { email: Email }
        apply: {}
)";

/// A stand whose second CRM may tell of contacts, signed.
class Intake : public ::testing::Test {
 protected:
  Intake() : stand(options()) {
    stand.sql().run(contact_table);
    stand.begin("  second_crm:\n    type: rest\n    url: " + stand.crm().url() + R"(
    requests:
      create: { method: POST, path: "/{request_type}", remote_id: /id }
      update: { method: PATCH, path: "/{request_type}/{remote_id}" }
      delete: { method: DELETE, path: "/{request_type}/{remote_id}" }
)",
                both_ways);
  }

  static Stand::Options options() {
    Stand::Options out;
    out.top = std::string("sources:\n  second_crm: { signature: { secret: ") + secret +
              " }, request_type: /type, operation: /op, max_body: 2KiB }\n";
    return out;
  }

  HttpReply post(const std::string& id, const std::string& body, const std::string& source = "second_crm") {
    const auto at = std::to_string(
        std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count());
    return http_call(
        stand.tandem().http_port(), "POST", "/v1/intake/" + source, body,
        {{"webhook-id", id}, {"webhook-timestamp", at}, {"webhook-signature", sign(Secret(secret), id, at, body)}});
  }
  long long stored() { return stand.sql().number("select count(*) from tandem.inbox"); }

  Stand stand;
};

std::string contact(int id) {
  return R"({"type":"contact","op":"create","id":"r)" + std::to_string(id) + R"(","data":{"Email":"x"}})";
}

TEST_F(Intake, StoresFirstThenAnswers202AndEachRecordOnce) {
  const auto reply = post("m1", contact(1));
  EXPECT_EQ(reply.status, 202) << reply.body;
  EXPECT_EQ(stored(), 1);
  EXPECT_EQ(post("m1", contact(1)).status, 202);
  EXPECT_EQ(stored(), 1);
  EXPECT_EQ(post("m2", "[" + contact(2) + "," + contact(3) + "]").status, 202);
  EXPECT_EQ(stored(), 3);
}

TEST_F(Intake, RefusesBadInputWithoutStoringIt) {
  const auto plain = http_call(stand.tandem().http_port(), "POST", "/v1/intake/second_crm", contact(1));
  EXPECT_EQ(plain.status, 401);
  EXPECT_EQ(post("m", contact(1), "nobody").status, 404);
  const auto unknown = post("m", R"({"type":"nothing","op":"create","id":"1","data":{}})");
  EXPECT_EQ(unknown.status, 422);
  EXPECT_NE(unknown.head.find("application/problem+json"), std::string::npos);
  EXPECT_EQ(post("m", "no json").status, 422);
  EXPECT_EQ(post("m", R"({"type":"contact","op":"create","id":"1","data":{"Email":"\u0000"}})").status, 422)
      << "the database cannot hold it";
  EXPECT_EQ(post("m", std::string(3 << 10, ' ')).status, 413);
  EXPECT_EQ(post("m", std::string(40 << 10, ' ')).status, 413);
  EXPECT_EQ(stored(), 0);
  const auto metrics = http_call(stand.tandem().http_port(), "GET", "/metrics").body;
  EXPECT_NE(metrics.find(R"(tandem_intake_refused_total{source="second_crm",status="422"} 3)"), std::string::npos);
}

TEST_F(Intake, OneUnstorableRequestDoesNotHurtItsNeighbours) {
  std::vector<std::jthread> senders;
  std::array<int, 12> status{};
  for (std::size_t i = 0; i < status.size(); ++i)
    senders.emplace_back([&, i] {
      status[i] = post("n" + std::to_string(i),
                       i % 4 == 0 ? R"({"type":"contact","op":"create","id":"1","data":{"Email":"\u0000"}})"
                                  : contact(static_cast<int>(i)))
                      .status;
    });
  senders.clear();
  for (std::size_t i = 0; i < status.size(); ++i) EXPECT_EQ(status[i], i % 4 == 0 ? 422 : 202) << i;
  EXPECT_EQ(stored(), 9);
}

TEST_F(Intake, AcknowledgesNothingWhileTheDatabaseIsAway) {
  EXPECT_EQ(post("m1", contact(1)).status, 202);
  stand.postgres().stop(PrivatePostgres::Shutdown::immediate);
  const auto away = post("m2", contact(2));
  EXPECT_EQ(away.status, 503);
  EXPECT_NE(away.head.find("Retry-After"), std::string::npos);
  stand.postgres().start();
  EXPECT_TRUE(wait_for([&] { return post("m2", contact(2)).status == 202; }, std::chrono::seconds(20)));
  stand.reconnect();
  EXPECT_EQ(stored(), 2);
}

}  // namespace
}  // namespace tandem::test_support
