#include <gtest/gtest.h>

#include <algorithm>
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
  explicit Intake(const std::string& more = {}) : stand(options(more)) {
    stand.sql().run(contact_table);
    stand.begin("  second_crm:\n    type: rest\n    url: " + stand.crm().url() + R"(
    requests:
      create: { method: POST, path: "/{request_type}", remote_id: /id }
      update: { method: PATCH, path: "/{request_type}/{remote_id}" }
      delete: { method: DELETE, path: "/{request_type}/{remote_id}" }
      fetch: { method: GET, path: "/{request_type}/{remote_id}", version: /version }
    retry: { count: 2, first: 200ms, factor: 1 }
)",
                both_ways);
  }

  static Stand::Options options(const std::string& more) {
    Stand::Options out;
    out.top = std::string("sources:\n  second_crm: { signature: { secret: ") + secret +
              " }, request_type: /type, operation: /op, max_body: 2KiB" + more + " }\n";
    return out;
  }

  HttpReply post(const std::string& id, const std::string& body, const std::string& source = "second_crm",
                 std::chrono::seconds ago = {}) {
    const auto now = std::chrono::system_clock::now() - ago;
    const auto at = std::to_string(std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count());
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
  EXPECT_EQ(stand.sql().number("select count(*) from tandem.refused where reason like '%Unicode%'"), 1);
  const auto metrics = http_call(stand.tandem().http_port(), "GET", "/metrics").body;
  EXPECT_NE(metrics.find(R"(tandem_intake_refused_total{source="second_crm",status="422"} 3)"), std::string::npos);
}

TEST_F(Intake, ASignatureIsGoodForOneMessageAndAWhile) {
  EXPECT_EQ(post("m1", contact(1), "second_crm", std::chrono::minutes(6)).status, 401) << "too long ago";
  EXPECT_EQ(post("m1", contact(1), "second_crm", -std::chrono::minutes(6)).status, 401) << "not yet";
  const std::string at = std::to_string(
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count());
  const std::string signature = sign(Secret(secret), "m1", at, contact(1));
  const auto replay = [&](const std::string& id, const std::string& body) {
    return http_call(stand.tandem().http_port(), "POST", "/v1/intake/second_crm", body,
                     {{"webhook-id", id}, {"webhook-timestamp", at}, {"webhook-signature", signature}})
        .status;
  };
  EXPECT_EQ(replay("m1", contact(2)), 401) << "for another body";
  EXPECT_EQ(replay("m2", contact(1)), 401) << "under another id";
  EXPECT_EQ(stored(), 0);
  EXPECT_EQ(replay("m1", contact(1)), 202);
  EXPECT_EQ(replay("m1", contact(1)), 202) << "the first answer may have been lost";
  EXPECT_EQ(stored(), 1);
}

TEST_F(Intake, ListsWhatItHasNotUnderstood) {
  EXPECT_EQ(post("m1", "no json").status, 422);
  EXPECT_EQ(post("m2", R"({"type":"nothing","op":"create","id":"1","data":{}})").status, 422);
  EXPECT_EQ(post("m3", R"({"type":"nothing","op":"create","id":"2","data":{}})").status, 422);
  EXPECT_TRUE(wait_for([&] { return stand.sql().number("select coalesce(sum(times), 0) from tandem.refused") == 3; },
                       std::chrono::seconds(60)));
  EXPECT_EQ(stand.sql().number("select times from tandem.refused where reason like '%of type nothing'"), 2);
  EXPECT_EQ(stand.sql().number("select refused from tandem.inbox_status where source = 'second_crm'"), 2);
}

TEST_F(Intake, FetchesTheWholeObjectForAnUpdateOfOneThatIsNotKnown) {
  stand.sql().run("alter table contact alter id add generated by default as identity");
  const auto store = [&](const std::string& email) {
    return stand.crm().ask([&](second_crm::Api& api) {
      const auto body = second_crm::Json::object({{"Email", second_crm::Json::string(email)}});
      const auto effect = api.store().create("contact", body, std::chrono::system_clock::now());
      return effect.object->id;
    });
  };
  const auto id = store("whole");
  const auto tell = [&](const std::string& message, const std::string& of) {
    return post(message, R"({"type":"contact","op":"update","id":")" + of + R"(","data":{"Email":"a part"}})").status;
  };
  ASSERT_EQ(tell("m1", id), 202);
  ASSERT_EQ(tell("m2", "nobody"), 202);
  ASSERT_TRUE(
      wait_for([&] { return stand.sql().number("select count(*) from tandem.inbox where request_state > 2") == 2; },
               std::chrono::seconds(60)));
  EXPECT_EQ(stand.sql().text("select email from contact"), "whole");
  EXPECT_EQ(stand.sql().text("select remote_id from tandem.identity where state = 'paired'"), id);
  EXPECT_EQ(stand.sql().text("select string_agg(outcome, ' ' order by counter) from tandem.inbox"), "applied rejected")
      << "what they do not have fails in the end";
  EXPECT_EQ(stand.sql().text("select error_code from tandem.inbox where outcome = 'rejected'"), "not_found");
}

class LimitedIntake : public Intake {
 protected:
  LimitedIntake() : Intake(", rate: { per_second: 0.01, burst: 3 }") {}
};

TEST_F(LimitedIntake, AnswersMoreThanItsRateWith429) {
  for (int i = 0; i < 3; ++i) EXPECT_EQ(post("m" + std::to_string(i), contact(i)).status, 202);
  const auto late = post("m3", contact(3));
  EXPECT_EQ(late.status, 429);
  EXPECT_NE(late.head.find("Retry-After: "), std::string::npos) << late.head;
  EXPECT_NE(late.head.find("application/problem+json"), std::string::npos);
  EXPECT_EQ(stored(), 3);
}

/// Notices with an id alone.
class Fetch : public Intake {
 protected:
  std::string create(const std::string& email) {
    return stand.crm().ask([&](second_crm::Api& api) {
      auto body = std::get<second_crm::Json>(second_crm::parse_json(R"({"Email":")" + email + R"("})"));
      return api.store().create("contact", body, std::chrono::system_clock::now()).object->id;
    });
  }
  static std::string notice(const std::string& id, const std::string& operation = "update") {
    return R"({"type":"contact","op":")" + operation + R"(","id":")" + id + R"("})";
  }
  std::string rows() {
    return stand.sql().text("select coalesce(string_agg(email, ',' order by email), '') from contact");
  }
  std::string outcomes() {
    return stand.sql().text(
        "select coalesce(string_agg(coalesce(outcome, 'pending'), ',' order by counter), '') from tandem.inbox");
  }
  std::size_t reads() {
    return stand.crm().ask([](second_crm::Api& api) {
      return static_cast<std::size_t>(std::ranges::count_if(
          api.journal().entries(), [](const auto& entry) { return entry.operation == second_crm::Operation::read; }));
    });
  }
};

TEST_F(Fetch, ReadsTheObjectBeforeItIsApplied) {
  stand.sql().run("alter table contact alter column id add generated by default as identity");
  const std::string id = create("a@x");
  EXPECT_EQ(post("m1", "[" + notice(id, "create") + "," + notice(id) + "," + notice(id) + "]").status, 202);
  EXPECT_TRUE(wait_for([&] { return rows() == "a@x"; }, std::chrono::seconds(60))) << outcomes();
  EXPECT_TRUE(wait_for([&] { return outcomes().find("pending") == std::string::npos; }, std::chrono::seconds(60)));
  EXPECT_EQ(outcomes(), "applied,superseded,stale")
      << "the create carries the object, since an update would wait for it, and so does the newest";
  EXPECT_EQ(reads(), 1U) << "three notices that came together are one request";
}

TEST_F(Fetch, AnObjectThatIsThereAgainUnderItsIdLives) {
  stand.sql().run("alter table contact alter column id add generated by default as identity");
  const std::string id = create("a@x");
  EXPECT_EQ(
      post("m1", "[" + notice(id, "create") + "," + notice(id, "delete") + "," + notice(id, "create") + "]").status,
      202);
  EXPECT_TRUE(wait_for([&] { return outcomes().find("pending") == std::string::npos; }, std::chrono::seconds(60)))
      << outcomes();
  EXPECT_EQ(rows(), "a@x") << outcomes();
  EXPECT_EQ(stand.sql().text("select string_agg(remote_id, ' ') from tandem.identity where state = 'paired'"), id);
}

TEST_F(Fetch, AnOutageCostsNothingAndWhatIsNotThereFails) {
  stand.sql().run("alter table contact alter column id add generated by default as identity");
  stand.set_faults(R"([{"kind": "status", "status": 503, "times": 2, "method": "GET"}])");
  const std::string id = create("a@x");
  EXPECT_EQ(post("m1", notice(id, "create")).status, 202);
  EXPECT_TRUE(wait_for([&] { return rows() == "a@x"; }, std::chrono::seconds(60))) << outcomes();
  EXPECT_EQ(post("m2", notice("nobody", "create")).status, 202);
  EXPECT_TRUE(wait_for([&] { return outcomes() == "applied,rejected"; }, std::chrono::seconds(60))) << outcomes();
  EXPECT_EQ(stand.sql().text("select error_code || ' ' || attempts from tandem.inbox where outcome = 'rejected'"),
            "not_found 3");
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
