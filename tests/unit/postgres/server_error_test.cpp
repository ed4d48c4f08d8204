#include "postgres/server_error.hpp"

#include <gtest/gtest.h>

namespace tandem::postgres {
namespace {

TEST(ServerError, SaysWhatTheCallerCanDo) {
  EXPECT_EQ(kind_of(""), ErrorKind::unavailable);
  for (const char* away : {"08006", "53300", "57P01", "57P02", "57P03", "40001", "40P01", "55P03", "26000", "58030"})
    EXPECT_EQ(kind_of(away), ErrorKind::unavailable) << away;
  EXPECT_EQ(kind_of("57014"), ErrorKind::timeout);
  for (const char* refused : {"42501", "23505", "22P02", "42P01", "28P01", "XX000"})
    EXPECT_EQ(kind_of(refused), ErrorKind::refused) << refused;
}

TEST(ServerError, FindsTheSqlstateOfAFailedConnection) {
  const Error error = connect_error(
      "connection to server at \"10.0.0.1\", port 5432 failed: FATAL:  28P01: password authentication failed for user "
      "\"x\"\nLOCATION:  auth_failed, auth.c:335\n");
  EXPECT_EQ(error.sqlstate, "28P01");
  EXPECT_EQ(error.kind, ErrorKind::refused);
  EXPECT_EQ(
      error.message,
      "connection to server at \"10.0.0.1\", port 5432 failed: FATAL: password authentication failed for user \"x\"");
}

TEST(ServerError, AConnectionThatWasNeverMadeIsUnavailable) {
  const Error error = connect_error(
      "connection to server at \"10.0.0.1\", port 5432 failed: Connection refused\n\tIs the server running?\n");
  EXPECT_EQ(error.kind, ErrorKind::unavailable);
  EXPECT_EQ(error.sqlstate, "");
  EXPECT_EQ(error.message,
            "connection to server at \"10.0.0.1\", port 5432 failed: Connection refused Is the server running?");
}

TEST(ServerError, IsOneLine) {
  EXPECT_EQ(one_line("a\n\tb. \n"), "a b");
}

}  // namespace
}  // namespace tandem::postgres
