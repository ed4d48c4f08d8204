#include "support/private_postgres.hpp"

#include <gtest/gtest.h>
#include <signal.h>

#include "support/wait_for.hpp"

namespace tandem::test_support {
namespace {

TEST(PrivatePostgres, AnswersAndKeepsItsDataOverRestarts) {
  PrivatePostgres server;
  server.connect().run("create table kept (n int); insert into kept values (1)");
  server.restart(PrivatePostgres::Shutdown::fast);
  server.connect().run("insert into kept values (2)");
  server.restart(PrivatePostgres::Shutdown::immediate);
  EXPECT_EQ(server.connect().number("select sum(n) from kept"), 3);
}

TEST(PrivatePostgres, StandsBesideAnother) {
  const PrivatePostgres one, two;
  EXPECT_NE(one.port(), two.port());
  EXPECT_EQ(one.connect().text("show wal_level"), "logical");
}

TEST(PrivatePostgres, IsMuteWhileFrozen) {
  const PrivatePostgres server;
  auto session = server.connect();
  server.freeze();
  const auto mute =
      run_program({.arguments = {"psql", "-X", "-d", server.url() + "?connect_timeout=2", "-c", "select 1"}});
  server.thaw();
  EXPECT_NE(mute.status, 0);
  EXPECT_EQ(session.number("select 7"), 7);
}

TEST(ChildProcess, EndsWithItsExitStatusOrSignal) {
  ChildProcess seven({.arguments = {"sh", "-c", "exit 7"}});
  EXPECT_EQ(seven.wait(std::chrono::seconds(5)), 7);
  ChildProcess endless({.arguments = {"sleep", "600"}});
  EXPECT_TRUE(endless.running());
  endless.kill();
  EXPECT_EQ(endless.wait(std::chrono::seconds(0)), 128 + SIGKILL);
}

}  // namespace
}  // namespace tandem::test_support
