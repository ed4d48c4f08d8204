#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <thread>

#include "delivery/feed_thread.hpp"
#include "delivery/settle_thread.hpp"
#include "outbox_scene.hpp"
#include "support/wait_for.hpp"

namespace tandem {
namespace {

using test_support::OutboxScene;
using test_support::wait_for;
using namespace std::chrono_literals;

/// The threads feed and settle, and in place of the delivery loops one that delivers everything at once.
class Threads {
 public:
  explicit Threads(OutboxScene& scene, std::size_t memory = 1 << 20) : tenure_(scene.take_over()) {
    for (std::size_t target = 0; target < scene.settings.targets.size(); ++target)
      links_.push_back({inbox_, std::make_shared<Room>(memory, [this, target] {
                          feed_->inbox().push_unbounded(RoomFreed{static_cast<TargetIndex>(target)});
                        })});
    feed_ = std::make_unique<FeedThread>(
        scene.settings, tenure_.epoch, tenure_.unclean, links_,
        FeedThread::Callbacks{[this] { fenced = true; }, [this](const Error&) { refused = true; }});
    settle_ = std::make_unique<SettleThread>(
        scene.settings, tenure_.epoch, links_,
        SettleThread::Callbacks{[this] { fenced = true; }, [this] { return feed_->noted_position(); },
                                [this](XidDrawn drawn) { feed_->inbox().push_unbounded(drawn); },
                                [this](TargetIndex) { feed_->ring(std::array{Ring{}}); }});
    threads_.emplace_back([this](const std::stop_token& stop) { feed_->run(stop); });
    threads_.emplace_back([this](const std::stop_token& stop) { settle_->run(stop); });
    threads_.emplace_back([this](const std::stop_token& stop) { deliver(stop); });
  }
  ~Threads() {
    threads_[2].request_stop();
    threads_[2].join();
    threads_[0].request_stop();
    threads_[1].request_stop();
  }
  void ring(long long counter) { feed_->ring(std::array{Ring{"", Counter{counter}}}); }
  FeedThread& feed() { return *feed_; }

  std::atomic<int> arrived{0}, twice{0}, starts{0}, drops{0}, settled{0};
  std::atomic<bool> fenced{false}, refused{false}, paused{false}, hold{false};

 private:
  void deliver(const std::stop_token& stop) {
    std::map<std::int64_t, Record> held;
    std::map<TargetIndex, Counter> safe, floors;
    Reader reader;
    bool dropping = false;
    while (!stop.stop_requested()) {
      for (auto& message : inbox_->drain_for(5ms)) {
        if (auto* arrivals = std::get_if<Arrivals>(&message)) {
          for (auto& record : arrivals->records) {
            ++arrived;
            if (held.contains(record.counter.value)) ++twice;
            if (!hold) settle(arrivals->target, record);
            held.emplace(record.counter.value, std::move(record));
          }
        } else if (auto* done = std::get_if<Settled>(&message)) {
          for (const auto& counters : {done->counters, done->missing, done->lost})
            for (const auto counter : counters) {
              ++settled;
              const auto found = held.find(counter.value);
              if (found == held.end()) continue;
              links_[done->target].room->give(footprint(found->second));
              held.erase(found);
            }
        } else if (const auto* seen = std::get_if<Safe>(&message)) {
          safe[seen->target] = seen->safe;
        } else if (const auto* start = std::get_if<Start>(&message)) {
          reader = start->reader;
          ++starts;
          dropping = false;
        } else if (std::holds_alternative<Drop>(message)) {
          ++drops;
          dropping = true;
        } else if (const auto* pause = std::get_if<Pause>(&message)) {
          paused = pause->paused;
        }
      }
      if (dropping && held.empty())
        for (TargetIndex target = 0; target < links_.size(); ++target) feed_->inbox().push_unbounded(Quiet{target});
      for (const auto& [target, counter] : safe) {
        auto floor = counter;
        for (const auto& [number, record] : held) floor = std::min(floor, Counter{number - 1});
        if (floor > floors[target]) settle_->inbox().push_unbounded(Floor{target, floors[target] = floor, reader});
      }
    }
  }
  void settle(TargetIndex target, const Record& record) {
    Settlement s;
    s.target = target;
    s.counter = record.counter;
    s.record_id = record.record_id;
    s.xid = record.xid;
    s.attempts = 1;
    s.lane_waits = true;
    settle_->inbox().push_unbounded(std::move(s));
  }

  store::Tenure tenure_;
  std::shared_ptr<BoundedQueue<ToDelivery>> inbox_ = std::make_shared<BoundedQueue<ToDelivery>>(1 << 20);
  std::vector<TargetLink> links_;
  std::unique_ptr<FeedThread> feed_;
  std::unique_ptr<SettleThread> settle_;
  std::vector<std::jthread> threads_;
};

class FeedAndSettle : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { shared.emplace(); }
  static void TearDownTestSuite() { shared.reset(); }
  void SetUp() override { scene.clear(); }
  long long pending() {
    return scene.admin->number("select count(*) from tandem.outbox where request_state in (1, 2)");
  }
  void insert(int count, const std::string& target = "alpha") {
    scene.admin->run(
        "insert into tandem.outbox (object_id, request_type, operation, target, body) select i, 'account', 'update', "
        "'" +
        target + "', jsonb_build_object('n', i) from generate_series(1, " + std::to_string(count) + ") i");
  }
  long long floor(const std::string& target) {
    return scene.admin->number("select coalesce((select counter from tandem.settled_through where peer = '" + target +
                               "'), 0)");
  }

  inline static std::optional<OutboxScene> shared;
  OutboxScene& scene = *shared;
};

TEST_F(FeedAndSettle, DrainABacklogAndRaiseTheFloor) {
  insert(5'000);
  Threads threads(scene);
  EXPECT_TRUE(wait_for([&] { return pending() == 0; }, 30s));
  EXPECT_TRUE(wait_for([&] { return floor("alpha") == 5'000 && floor("beta") == 5'000; }, 10s))
      << floor("alpha") << " " << floor("beta");
  EXPECT_EQ(threads.twice, 0);
  EXPECT_EQ(threads.arrived, 5'000);
}

TEST_F(FeedAndSettle, ARungRecordIsReadWithAStreamAndWithoutOne) {
  Threads threads(scene);
  EXPECT_TRUE(wait_for([&] { return threads.starts == 2; }, 10s));
  insert(1);
  EXPECT_TRUE(wait_for([&] { return threads.settled == 1; }, 10s)) << "polled";
  threads.feed().inbox().push_unbounded(StreamState{true});
  threads.ring(scene.insert("x"));
  EXPECT_TRUE(wait_for([&] { return threads.settled == 2; }, 10s));
}

TEST_F(FeedAndSettle, ATargetWithoutRoomDoesNotHoldUpTheOther) {
  insert(3'000, "alpha");
  insert(3'000, "beta");
  Threads threads(scene, 100'000);
  EXPECT_TRUE(wait_for([&] { return pending() == 0; }, 60s));
  EXPECT_EQ(threads.twice, 0);
  EXPECT_EQ(threads.arrived, 6'000);
}

TEST_F(FeedAndSettle, AServerCrashIsAStart) {
  insert(2'000);
  Threads threads(scene);
  EXPECT_TRUE(wait_for([&] { return threads.settled > 0; }, 10s));
  scene.postgres.restart(test_support::PrivatePostgres::Shutdown::immediate);
  scene.admin.emplace(scene.postgres.url());
  insert(100);
  EXPECT_TRUE(wait_for([&] { return pending() == 0; }, 60s));
  EXPECT_GE(threads.drops, 1);
  EXPECT_GE(threads.starts, 4);
  EXPECT_EQ(threads.twice, 0);
}

TEST_F(FeedAndSettle, ARecordThatSomebodyHoldsStallsNobodyElse) {
  insert(50);
  test_support::Sql person(scene.postgres.url());
  person.run("begin; select from tandem.outbox where object_id = '7' for update");
  Threads threads(scene);
  EXPECT_TRUE(wait_for([&] { return pending() == 1; }, 10s)) << pending();
  insert(50, "beta");
  EXPECT_TRUE(wait_for([&] { return pending() == 1; }, 3s)) << "later flushes do not even wait";
  person.run("commit");
  EXPECT_TRUE(wait_for([&] { return pending() == 0; }, 10s));
}

TEST_F(FeedAndSettle, AFlushThatTheDatabaseCannotWriteInTimeIsWrittenInSmallerOnes) {
  scene.admin->run(
      "create function busy() returns trigger language plpgsql as $$ begin if (select count(*) from settled) > 100 "
      "then "
      "raise exception 'canceling statement due to statement timeout' using errcode = '57014'; end if; return null; "
      "end "
      "$$; create trigger busy after update on tandem.outbox referencing new table as settled for each statement "
      "execute "
      "function busy()");
  insert(3'000);
  {
    Threads threads(scene);
    EXPECT_TRUE(wait_for([&] { return pending() == 0; }, 60s)) << pending();
    EXPECT_EQ(threads.twice, 0);
  }
  scene.admin->run("drop function busy() cascade");
}

TEST_F(FeedAndSettle, ATakeOverEndsTheOlderOne) {
  Threads threads(scene);
  EXPECT_TRUE(wait_for([&] { return threads.starts == 2; }, 10s));
  scene.take_over();
  insert(1);
  EXPECT_TRUE(wait_for([&] { return threads.fenced.load(); }, 10s));
  EXPECT_EQ(pending(), 1);
}

TEST_F(FeedAndSettle, ASequenceThatWasSetBackIsRefused) {
  insert(10);
  scene.admin->run("select setval('tandem.outbox_counter_seq', 3)");
  Threads threads(scene);
  EXPECT_TRUE(wait_for([&] { return threads.refused.load(); }, 10s));
  EXPECT_EQ(threads.arrived, 0);
}

TEST_F(FeedAndSettle, PausesAreTold) {
  scene.admin->run("select tandem.apply_target('alpha', '{}')");
  Threads threads(scene);
  EXPECT_TRUE(wait_for([&] { return threads.starts == 2; }, 10s));
  scene.admin->run("select tandem.pause('alpha')");
  EXPECT_TRUE(wait_for([&] { return threads.paused.load(); }, 10s));
  scene.admin->run("select tandem.resume('alpha')");
  EXPECT_TRUE(wait_for([&] { return !threads.paused.load(); }, 10s));
}

TEST_F(FeedAndSettle, WhatIsParkedWhileItsRouteIsResumedIsSoonTakenUp) {
  scene.admin->run(
      "insert into tandem.target (target, definition) values ('alpha', '{}');"
      "insert into tandem.watch (watch, relation, table_name, key_columns, definition) "
      "values ('account', 0, 'account', '{id}', '{}');"
      "insert into tandem.route (target, request_type, watch, definition) values ('alpha', 'account', 'account', "
      "'{}')");
  Threads threads(scene);
  EXPECT_TRUE(wait_for([&] { return threads.starts == 2; }, 10s));
  // In one transaction: a window that saw the record alone would deliver it, and then nothing is parked.
  scene.admin->run(
      "insert into tandem.outbox (object_id, request_type, operation, target, request_state) "
      "values ('1', 'account', 'update', 'alpha', 2);"
      "insert into tandem.parked (counter, peer, request_type, object_id, reason, due) "
      "select counter, target, request_type, object_id, 'pause', 'infinity' from tandem.outbox");
  EXPECT_TRUE(wait_for([&] { return scene.admin->text("select reason from tandem.parked") == "taken up"; }, 20s));
}

TEST_F(FeedAndSettle, PeopleLearnThatNothingIsRead) {
  const auto alerts = [this](const std::string& which) {
    return scene.admin->number("select count(*) from tandem.alert where kind = 'reading' and recovered_at is " + which);
  };
  Threads threads(scene);
  EXPECT_TRUE(wait_for([&] { return threads.starts == 2; }, 10s));
  scene.admin->run("revoke select on tandem.outbox from tandem_connector");
  EXPECT_TRUE(wait_for([&] { return alerts("null") == 1; }, 60s));
  EXPECT_GE(threads.feed().failing_for(), 10s);
  scene.admin->run("grant select on tandem.outbox to tandem_connector");
  EXPECT_TRUE(wait_for([&] { return alerts("not null") == 1; }, 30s));
  EXPECT_EQ(threads.feed().failing_for(), 0s);
}

}  // namespace
}  // namespace tandem
