#include "capture/stream_flights.hpp"

#include <gtest/gtest.h>

namespace tandem {
namespace {

class Flights : public testing::Test {
 protected:
  static store::StreamPosition at(std::uint64_t through) { return {Lsn{through}, {}, {}, 0}; }
  static std::deque<ChangeBatch::Group> changes(const store::StreamWatch& watch,
                                                std::initializer_list<const char*> keys, const char* kind = "UPDATE") {
    std::deque<ChangeBatch::Group> groups(1);
    groups[0].watch = &watch;
    for (const char* key : keys) {
      groups[0].kinds.emplace_back(kind);
      groups[0].newest.emplace(key, 0);
    }
    return groups;
  }
  const StreamFlights::Flight& begin(std::deque<ChangeBatch::Group> groups, std::uint64_t becomes) {
    return flights_.begin(groups, at(1), at(becomes));
  }

  store::StreamWatch account_, contact_;
  StreamFlights flights_;
};

TEST_F(Flights, ABatchAloneTakesTheFirstSessionAndWaitsForNobody) {
  EXPECT_TRUE(flights_.admits(changes(account_, {}, "TRUNCATE")));
  const auto& flight = begin(changes(account_, {"1"}), 10);
  EXPECT_EQ(flight.session, 0);
  EXPECT_EQ(flight.behind, std::nullopt);
  EXPECT_EQ(flight.was, at(1));
  EXPECT_EQ(flight.becomes, at(10));
  EXPECT_EQ(flights_.end_oldest(), at(10));
  EXPECT_TRUE(flights_.empty());
}

TEST_F(Flights, ASecondOneCommitsBehindTheFirstFromWhereThatLeavesTheStream) {
  const auto first = begin(changes(account_, {"1"}), 10);
  const auto second = begin(changes(account_, {"2"}), 20);
  EXPECT_NE(second.session, first.session);
  EXPECT_EQ(second.behind, first.number);
  EXPECT_EQ(second.was, first.becomes);
  EXPECT_EQ(flights_.oldest().number, first.number);
  EXPECT_EQ(flights_.end_oldest(), at(10));
  EXPECT_EQ(flights_.end_oldest(), at(20));
}

TEST_F(Flights, TheFreeSessionGoesOnBehindTheOneThatIsStillAtWork) {
  const auto first = begin(changes(account_, {"1"}), 10);
  const auto second = begin(changes(account_, {"2"}), 20);
  flights_.end_oldest();
  ASSERT_TRUE(flights_.admits(changes(account_, {"1"})));
  const auto third = begin(changes(account_, {"1"}), 30);
  EXPECT_EQ(third.session, first.session);
  EXPECT_EQ(third.behind, second.number);
  EXPECT_NE(third.number, first.number);  // the second one may still wait for that
}

TEST_F(Flights, NoObjectIsInTwo) {
  begin(changes(account_, {"1", "2"}), 10);
  EXPECT_FALSE(flights_.admits(changes(account_, {"3", "2"})));
  EXPECT_TRUE(flights_.admits(changes(account_, {"3"})));
  EXPECT_TRUE(flights_.admits(changes(contact_, {"2"})));
}

TEST_F(Flights, AtMostTwo) {
  begin(changes(account_, {"1"}), 10);
  begin(changes(account_, {"2"}), 20);
  EXPECT_FALSE(flights_.admits(changes(account_, {"3"})));
}

TEST_F(Flights, ATruncateStandsAlone) {
  begin(changes(account_, {"1"}), 10);
  EXPECT_FALSE(flights_.admits(changes(contact_, {""}, "TRUNCATE")));
  flights_.clear();
  begin(changes(account_, {""}, "TRUNCATE"), 10);
  EXPECT_FALSE(flights_.admits(changes(contact_, {"1"})));
}

}  // namespace
}  // namespace tandem
