#include <gtest/gtest.h>

#include <string>

#include "accounts.hpp"
#include "support/stand.hpp"
#include "support/wait_for.hpp"

namespace tandem::test_support {
namespace {

std::string indented_auth(const std::string& auth) {
  return "    auth: { " + auth + " }\n";
}

TEST(Access, ABearerTokenComesFromTheEnvironmentAndShowsNowhere) {
  auto settings = Stand::open_crm();
  settings.access.token = "very-secret-token";
  Stand stand({.crm = settings});
  stand.sql().run(account_table);
  const auto secret_file = stand.tandem().configuration_file().parent_path() / "token";
  write_file(secret_file, "very-secret-token\n");
  stand.begin(stand.target(indented_auth("bearer_file: " + secret_file.string())), watch_account);
  stand.sql().run("insert into account values (1, 'n', 1, true)");
  ASSERT_TRUE(stand.settles());
  EXPECT_EQ(stand.outcome_of("1", "account"), "delivered");
  EXPECT_FALSE(stand.tandem().logged("very-secret-token"));
  EXPECT_EQ(stand.sql().number("select count(*) from tandem.target where definition::text like '%very-secret-token%'"),
            0);
}

TEST(Access, RefusedCredentialsHoldTheTargetAndSpendNoAttempt) {
  auto settings = Stand::open_crm();
  settings.access.token = "right";
  Stand stand({.crm = settings});
  stand.sql().run(account_table);
  stand.begin(stand.target(indented_auth("bearer: wrong")), watch_account);
  stand.sql().run("insert into account select n, 'n', 1, true from generate_series(1, 30) n");
  EXPECT_FALSE(stand.settles(std::chrono::seconds(3)));
  EXPECT_EQ(stand.sql().number("select count(*) from tandem.outbox where request_state = 4"), 0);
  EXPECT_EQ(stand.sql().number("select max(attempts) from tandem.outbox"), 0);
  stand.crm().ask([](second_crm::Api& api) {
    api.access().set_token("wrong");
    return true;
  });
  ASSERT_TRUE(stand.settles(std::chrono::seconds(90)));
  EXPECT_EQ(stand.living("account"), 30U);
}

TEST(Access, OAuthTokensAreCachedAndRenewed) {
  auto settings = Stand::open_crm();
  settings.access.client_id = "tandem";
  settings.access.client_secret = "very-secret";
  Stand stand({.crm = settings});
  stand.sql().run(account_table);
  const auto root = stand.crm().url().substr(0, stand.crm().url().rfind("/api"));
  stand.begin(stand.target(indented_auth("oauth2: { grant: client_credentials, token_url: \"" + root +
                                         "/oauth/token\", client_id: tandem, client_secret: very-secret }")),
              watch_account);
  stand.sql().run("insert into account select n, 'n', 1, true from generate_series(1, 200) n");
  ASSERT_TRUE(stand.settles());
  EXPECT_EQ(stand.living("account"), 200U);
  const auto tokens = [&] {
    return stand.crm().ask([](second_crm::Api& api) {
      int count = 0;
      for (const auto& entry : api.journal().entries())
        count += entry.operation == second_crm::Operation::token ? 1 : 0;
      return count;
    });
  };
  EXPECT_EQ(tokens(), 1);
  stand.crm().ask([](second_crm::Api& api) {
    api.access().revoke();
    return true;
  });
  stand.sql().run("insert into account select n, 'n', 1, true from generate_series(201, 300) n");
  ASSERT_TRUE(stand.settles());
  EXPECT_EQ(stand.living("account"), 300U);
  EXPECT_EQ(tokens(), 2);
  EXPECT_EQ(stand.sql().number("select count(*) from tandem.outbox where attempts > 1"), 0)
      << "a renewed token is no attempt of a record's";
  EXPECT_FALSE(stand.tandem().logged("very-secret"));
}

TEST(Rate, IsKept) {
  Stand stand;
  stand.sql().run(account_table);
  stand.begin(stand.target("    rate: { per_second: 50, burst: 10 }\n"), watch_account);
  stand.sql().run("insert into account select n, 'n', 1, true from generate_series(1, 110) n");
  ASSERT_TRUE(stand.settles(std::chrono::seconds(30)));
  const auto span = stand.crm().ask(
      [](second_crm::Api& api) { return api.journal().entries().back().at - api.journal().entries().front().at; });
  EXPECT_GE(span, std::chrono::milliseconds(1'900));  // 100 beyond the burst at 50 a second
}

TEST(RetryAfter, HoldsTheWholeTargetAndCostsNoAttempt) {
  Stand stand;
  stand.sql().run(account_table);
  stand.begin(watch_account);
  stand.set_faults(R"([{"kind": "status", "status": 429, "retry_after": 2, "times": 1}])");
  stand.sql().run("insert into account values (1, 'n', 1, true)");
  ASSERT_TRUE(wait_for([&] { return stand.crm().ask([](second_crm::Api& api) { return api.faults().hits(); }) == 1; }));
  stand.sql().run("insert into account select n, 'n', 1, true from generate_series(2, 20) n");
  ASSERT_TRUE(stand.settles());
  const auto waited = stand.crm().ask([](second_crm::Api& api) {
    const auto& entries = api.journal().entries();
    return entries[1].at - entries[0].at;
  });
  EXPECT_GE(waited, std::chrono::milliseconds(1'900));
  EXPECT_EQ(stand.sql().number("select max(attempts) from tandem.outbox"), 1);
}

}  // namespace
}  // namespace tandem::test_support
