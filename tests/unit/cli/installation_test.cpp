#include "cli/installation.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tandem::cli {
namespace {

using ::testing::HasSubstr;

Ledger ledger(std::vector<std::pair<int, std::string>> entries) {
  Ledger out;
  out.installed = true;
  for (auto& [version, checksum] : entries) out.entries.push_back({version, "name", checksum});
  return out;
}

TEST(Installation, CarriesMigrationsBothWaysWithoutHoles) {
  const auto all = migrations();
  ASSERT_FALSE(all.empty());
  for (std::size_t i = 0; i < all.size(); ++i) {
    EXPECT_EQ(all[i].version, static_cast<int>(i) + 1);
    EXPECT_FALSE(all[i].up.empty()) << all[i].name;
    EXPECT_FALSE(all[i].down.empty()) << all[i].name;
  }
}

TEST(Installation, PrivilegesComeLast) {
  const auto files = repeatable_files();
  ASSERT_FALSE(files.empty());
  EXPECT_EQ(files.back().name, "privileges");
}

TEST(Installation, AcceptsTheSameFilesAndThoseAppliedByPsql) {
  EXPECT_TRUE(check_ledger(ledger({{1, "a"}, {2, ""}}), {"a", "b"}).has_value());
  EXPECT_TRUE(check_ledger(ledger({{1, "a"}}), {"a", "b"}).has_value());
}

TEST(Installation, RefusesChangedUnknownAndMissingMigrations) {
  EXPECT_THAT(check_ledger(ledger({{1, "x"}}), {"a"}).error().message, HasSubstr("another file"));
  EXPECT_THAT(check_ledger(ledger({{1, "a"}, {2, "b"}}), {"a"}).error().message, HasSubstr("does not know"));
  EXPECT_THAT(check_ledger(ledger({{2, "b"}}), {"a", "b"}).error().message, HasSubstr("lacks migration 1"));
}

}  // namespace
}  // namespace tandem::cli
