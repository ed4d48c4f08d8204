#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <csignal>
#include <future>

#include "daemon/lease.hpp"
#include "daemon/notify.hpp"
#include "daemon/settled_counts.hpp"
#include "daemon/signals.hpp"
#include "daemon/supervisor.hpp"
#include "daemon/take_turn.hpp"
#include "metrics/names.hpp"

namespace tandem {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;

TEST(Supervisor, NoticesAThreadThatEndsByItself) {
  std::promise<void> told;
  Supervisor supervisor([&] { told.set_value(); });
  supervisor.start("feed", [](const std::stop_token&) {});
  ASSERT_EQ(told.get_future().wait_for(10s), std::future_status::ready);
  EXPECT_EQ(supervisor.died(), "feed");
}

TEST(Supervisor, NoticesAThreadThatThrows) {
  std::promise<void> told;
  Supervisor supervisor([&] { told.set_value(); });
  supervisor.start("loop 0", [](const std::stop_token&) { throw std::runtime_error("a bug"); });
  ASSERT_EQ(told.get_future().wait_for(10s), std::future_status::ready);
  EXPECT_EQ(supervisor.died(), "loop 0");
}

TEST(Supervisor, StoppingIsNotDying) {
  Supervisor supervisor([] { FAIL() << "no thread has died"; });
  std::promise<void> ended;
  supervisor.start("settle", [&](const std::stop_token& stop) {
    std::promise<void> stopped;
    const std::stop_callback on_stop(stop, [&] { stopped.set_value(); });
    stopped.get_future().wait();
    ended.set_value();
  });
  EXPECT_FALSE(supervisor.finished("settle"));
  supervisor.stop("settle");
  EXPECT_TRUE(supervisor.finished("settle"));
  EXPECT_EQ(ended.get_future().wait_for(0s), std::future_status::ready);
  EXPECT_EQ(supervisor.died(), "");
}

TEST(Signals, ArriveAsEvents) {
  Signals signals;
  ::kill(::getpid(), SIGTERM);
  EXPECT_EQ(signals.wait_for(10s), SIGTERM);
  EXPECT_EQ(signals.wait_for(0ms), std::nullopt);
}

TEST(Signals, WakeEndsAWait) {
  Signals signals;
  signals.wake();
  const auto before = std::chrono::steady_clock::now();
  EXPECT_EQ(signals.wait_for(60s), std::nullopt);
  EXPECT_LT(std::chrono::steady_clock::now() - before, 30s);
}

TEST(Lease, IsNotHeldBeforeItWasGivenNorAfterItHasLapsed) {
  Lease lease(10s);
  const auto now = Lease::now();
  lease.renewed(now - 11s);
  EXPECT_FALSE(lease.held());
  lease.renewed(now);
  EXPECT_TRUE(lease.held());
}

TEST(TakeTurn, LongestRequestIsThatOfTheSlowestTarget) {
  Settings settings;
  EXPECT_EQ(longest_request(settings), 0ms);
  settings.targets.resize(2);
  settings.targets[1].timeout = 90s;
  EXPECT_EQ(longest_request(settings), 90s);
}

TEST(SettledCounts, TellsWhatHasRisenOnce) {
  metrics::Registry registry;
  Settings settings;
  settings.targets.resize(2);
  settings.targets[0].name = "a";
  settings.targets[1].name = "b";
  SettledCounts counts(settings, registry);
  EXPECT_TRUE(counts.take().empty());
  registry.total(metrics::settled, {"b", "delivered"}).add(5);
  registry.total(metrics::attempts, {"b", "none"}).add(5);
  registry.total(metrics::attempts, {"b", "timeout"}).add(2);
  const auto risen = counts.take();
  ASSERT_EQ(risen.size(), 1U);
  EXPECT_EQ(risen[0].target, "b");
  EXPECT_EQ(risen[0].counts, R"({"delivered":5,"attempts":7})");
  EXPECT_TRUE(counts.take().empty());
}

/// A socket such as systemd listens on.
class NotifySocket : public ::testing::Test {
 protected:
  NotifySocket()
      : path_("/tmp/tandem_notify_test_" + std::to_string(::getpid())), fd_(::socket(AF_UNIX, SOCK_DGRAM, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::ranges::copy(path_, address.sun_path);
    EXPECT_EQ(::bind(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  }
  ~NotifySocket() override {
    ::close(fd_);
    ::unlink(path_.c_str());
  }
  std::string next() const {
    char text[256];
    const auto length = ::recv(fd_, text, sizeof text, MSG_DONTWAIT);
    return length < 0 ? "" : std::string(text, static_cast<std::size_t>(length));
  }
  std::string path_;
  int fd_;
};

TEST_F(NotifySocket, IsToldOfLife) {
  const Notify notify(path_, 30s);
  notify.ready();
  notify.alive();
  notify.status("two\nlines");
  EXPECT_EQ(next(), "READY=1");
  EXPECT_EQ(next(), "WATCHDOG=1");
  EXPECT_EQ(next(), "STATUS=two lines");
  EXPECT_EQ(notify.watchdog(), 30s);
}

TEST(Notify, DoesNothingWithoutASocket) {
  const Notify notify;
  notify.ready();
  EXPECT_EQ(notify.watchdog(), std::nullopt);
}

}  // namespace
}  // namespace tandem
