#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <map>
#include <random>
#include <set>

#include "both_ways.hpp"

namespace tandem::test_support {
namespace {

/// Both sides create, change and delete at random; notices come late, twice and in the wrong order; the connector is
/// stopped and started in between. At rest both sides say the same, and every object has one partner.
class Random {
 public:
  Random(BothWays& both, unsigned seed) : both_(both), random_(seed) {}

  void run(int steps) {
    for (int step = 0; step < steps; ++step) {
      act();
      while (!notices_.empty() && chance(50)) tell_one();
      if (chance(2)) {
        both_.stand().tandem().stop();
        both_.stand().tandem().start_ready();
      }
    }
    while (!notices_.empty()) tell_one();
  }

  int acts = 0;

 private:
  bool chance(unsigned percent) { return random_() % 100 < percent; }
  std::string number() { return std::to_string(random_() % 90); }
  template <class Values>
  auto pick(const Values& values) {
    return values[random_() % values.size()];
  }

  void note(const std::string& type, const std::string& operation, const std::string& id) {
    notices_.push_back(both_.notice(type, operation, id));
  }
  void tell_one() {
    const auto at = random_() % std::min<std::size_t>(notices_.size(), 4);
    const auto notice = notices_[at];
    if (!chance(20)) notices_.erase(notices_.begin() + static_cast<std::ptrdiff_t>(at));
    ASSERT_EQ(both_.tell(notice), 202);
  }

  void act() {
    ++acts;
    auto& sql = both_.sql();
    switch (random_() % 9) {
      case 0:
        return sql.run("insert into account (name, tier) values ('o" + number() + "', " + number() + ")");
      case 1:
        return sql.run("update account set " + (chance(50) ? "tier = " + number() : "name = 'o" + number() + "'") +
                       " where id = (select id from account order by hashint8(id + " + number() + ") limit 1)");
      case 2:
        return sql.run("insert into contact (email, account_id) select 'o" + number() +
                       "', (select id from account order by hashint8(id + " + number() + ") limit 1)");
      case 3:
        return sql.run("update contact set email = 'o" + number() +
                       "' where id = (select id from contact order by hashint8(id + " + number() + ") limit 1)");
      case 4:
        return sql.run("delete from contact where id = (select id from contact order by hashint8(id + " + number() +
                       ") limit 1)");
      case 5: {
        accounts_.push_back(both_.create("account", R"({"Name":"t)" + number() + R"(","Tier":)" + number() + "}"));
        return note("account", "create", accounts_.back());
      }
      case 6: {
        const auto id = known("account");
        if (id.empty()) return;
        const auto body = chance(50) ? R"({"Tier":)" + number() + "}" : R"({"Name":"t)" + number() + R"("})";
        if (both_.update("account", id, body) < 300) note("account", "update", id);
        return;
      }
      case 7: {
        const auto account = known("account");
        if (account.empty()) return;
        contacts_.push_back(
            both_.create("contact", R"({"Email":"t)" + number() + R"(","AccountId":")" + account + R"("})"));
        return note("contact", "create", contacts_.back());
      }
      default: {
        const auto id = known("contact");
        if (id.empty()) return;
        if (chance(30)) {
          if (both_.remove("contact", id) < 300) note("contact", "delete", id);
        } else if (both_.update("contact", id, R"({"Email":"t)" + number() + R"("})") < 300) {
          note("contact", "update", id);
        }
      }
    }
  }
  /// One of their objects, whoever made it.
  std::string known(const std::string& type) {
    const auto& made = type == "account" ? accounts_ : contacts_;
    auto ids = both_.stand().crm().ask([&](second_crm::Api& api) {
      std::vector<std::string> out;
      for (const auto* object : api.store().changed_after(type, 0, 1'000'000))
        if (!object->deleted) out.push_back(object->id);
      return out;
    });
    if (ids.empty()) return made.empty() ? std::string() : made.front();
    return pick(ids);
  }

  BothWays& both_;
  std::mt19937 random_;
  std::vector<std::string> notices_, accounts_, contacts_;
};

using Table = std::map<std::string, std::string>;

/// Living objects there, by their id: the fields that travel.
Table theirs(BothWays& both, const std::string& type, const std::vector<std::string>& fields) {
  return both.stand().crm().ask([&](second_crm::Api& api) {
    Table out;
    for (const auto* object : api.store().changed_after(type, 0, 1'000'000)) {
      if (object->deleted) continue;
      auto& value = out[object->id];
      for (const auto& wanted : fields) {
        const auto found = std::ranges::find(object->fields, wanted, &std::pair<std::string, second_crm::Json>::first);
        if (found != object->fields.end())
          value += found->second.kind == second_crm::Json::Kind::string ? found->second.text
                                                                        : second_crm::print(found->second);
        value += "|";
      }
    }
    return out;
  });
}
/// Rows here, by their partner's id.
Table ours(BothWays& both, const std::string& query) {
  Table out;
  for (const auto& row : both.sql().rows(query)) {
    auto& value = out[row[0].value_or("unpaired")];
    for (std::size_t i = 1; i < row.size(); ++i) value += row[i].value_or("") + "|";
  }
  return out;
}

/// The objects that the sides do not say the same of, and what became of them; empty = the sides are equal.
std::string differences(BothWays& both, const std::string& type, const Table& theirs, const Table& ours) {
  std::string out;
  const auto said = [](const Table& table, const std::string& id) {
    const auto found = table.find(id);
    return found == table.end() ? std::string("nothing") : found->second;
  };
  std::set<std::string> ids;
  for (const auto* table : {&theirs, &ours})
    for (const auto& [id, value] : *table) ids.insert(id);
  for (const auto& id : ids) {
    if (said(theirs, id) == said(ours, id)) continue;
    out += type + " " + id + ": theirs " + said(theirs, id) + " ours " + said(ours, id) + "\n" + both.story(type, id);
  }
  if (!out.empty()) out += both.failures();
  return out;
}

/// Whatever the sides do not agree on; empty = they are equal, and every object has one partner.
std::string differences(BothWays& both) {
  return differences(both, "account", theirs(both, "account", {"Name", "Tier"}), ours(both, R"(
           select i.remote_id, a.name, a.tier from account a left join tandem.identity i
             on i.request_type = 'account' and i.object_id = a.id::text and i.state = 'paired')")) +
         differences(both, "contact", theirs(both, "contact", {"Email", "AccountId"}), ours(both, R"(
           select i.remote_id, c.email, p.remote_id from contact c
           left join tandem.identity i on i.request_type = 'contact' and i.object_id = c.id::text and i.state = 'paired'
           left join tandem.identity p
             on p.request_type = 'account' and p.object_id = c.account_id::text and p.state = 'paired')"));
}

using Capture = BothWays::Capture;

class BothWaysRandom : public testing::TestWithParam<Capture> {};
INSTANTIATE_TEST_SUITE_P(Over, BothWaysRandom, testing::Values(Capture::trigger, Capture::pgoutput, Capture::tandem),
                         [](const auto& one) {
                           return one.param == Capture::trigger  ? "trigger"
                                  : one.param == Capture::tandem ? "tandem"
                                                                 : "pgoutput";
                         });

/// All seeds share one scene: each begins with what the ones before have left.
TEST_P(BothWaysRandom, BothSidesAreEqualAtRestWhateverHappened) {
  BothWays both(BothWays::Parts{.capture = GetParam()});
  const char* given = std::getenv("TANDEM_SEED");
  const unsigned first = given != nullptr ? static_cast<unsigned>(std::atoi(given)) : 1;
  const unsigned last = given != nullptr ? first : GetParam() == Capture::trigger ? 200 : 80;
  int acts = 0;
  for (unsigned seed = first; seed <= last; ++seed) {
    SCOPED_TRACE("TANDEM_SEED=" + std::to_string(seed));
    Random random(both, seed);
    random.run(12);
    acts += random.acts;
    ASSERT_TRUE(both.rests(std::chrono::seconds(60)))
        << both.failures()
        << both.sql().text("select string_agg(o::text, E'\\n') from tandem.outbox o where request_state in (1, 2)")
        << both.sql().text("select string_agg(o::text, E'\\n') from tandem.inbox o where request_state in (1, 2)");
    ASSERT_EQ(differences(both), "");
  }
  EXPECT_LE(both.writes(), static_cast<std::size_t>(3 * acts)) << "calls are bounded by what people did";
  std::cout << "seeds " << first << " to " << last << '\n';
}

TEST_P(BothWaysRandom, TenThousandEditsOnBothSidesComeToRestWithoutAnEcho) {
  BothWays both(BothWays::Parts{.capture = GetParam()});
  both.sql().run("insert into account (name, tier) select 'a' || n, 0 from generate_series(1, 300) as n");
  ASSERT_TRUE(both.rests(std::chrono::seconds(60)));
  std::vector<std::string> ids;
  for (const auto& row : both.sql().rows("select remote_id from tandem.identity order by object_id::bigint"))
    ids.push_back(row.front().value_or(""));
  ASSERT_EQ(ids.size(), 300U);
  const auto created = both.writes();

  // They edit the first two hundred, we the last two hundred, a hundred each at a time.
  for (int round = 0; round < 50; ++round) {
    std::string notices;
    for (int i = 0; i < 100; ++i) {
      const auto& id = ids[static_cast<std::size_t>(2 * i + round % 2)];
      ASSERT_LT(both.update("account", id, R"({"Tier":)" + std::to_string((round + i) % 90) + "}"), 300);
      notices += (notices.empty() ? "" : ",") + both.notice("account", "update", id);
    }
    ASSERT_EQ(both.tell("[" + notices + "]"), 202);
    both.sql().run("update account set name = 'n" + std::to_string(round) +
                   "-' || id where id > 100 and id % 2 = " + std::to_string(round % 2));
  }
  ASSERT_TRUE(both.rests(std::chrono::seconds(120)));
  EXPECT_EQ(differences(both), "");
  EXPECT_EQ(both.sql().number("select count(*) from tandem.inbox"), 5'000);
  EXPECT_GE(both.sql().number("select count(*) from tandem.outbox"), 5'300);
  EXPECT_LE(both.writes() - created, 10'000U) << "a finite number of calls";
  const std::set<std::string> only_theirs(ids.begin(), ids.begin() + 100);
  const auto echoes = both.stand().crm().ask([&](second_crm::Api& api) {
    return std::ranges::count_if(api.journal().entries(), [&](const second_crm::Entry& entry) {
      return entry.operation == second_crm::Operation::update && only_theirs.contains(entry.id);
    });
  });
  EXPECT_EQ(echoes, 0) << "what only they have changed never goes back";
}

}  // namespace
}  // namespace tandem::test_support
