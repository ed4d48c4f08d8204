#pragma once
#include <string>

#include "support/stand.hpp"

namespace tandem::test_support {

constexpr const char* account_table =
    "create table account (nr bigint primary key, name text not null, round int not null default 0)";
constexpr const char* watch_account = R"(
  account:
    table: public.account
    routes:
      - { target: second_crm }
)";

/// A few hundred committed changes: creates, several updates of each object, some deletes, in many small transactions.
inline void make_changes(Sql& sql, int first, int last) {
  const auto range = std::to_string(first) + " and " + std::to_string(last);
  for (int begin = first; begin <= last; begin += 20)
    sql.run("insert into account select n, 'account ' || n from generate_series(" + std::to_string(begin) + ", " +
            std::to_string(std::min(begin + 19, last)) + ") n");
  for (int round = 1; round <= 4; ++round)
    for (int part = 0; part < 5; ++part)
      sql.run("update account set round = round + 1, name = name || '.' where nr between " + range +
              " and nr % 5 = " + std::to_string(part));
  sql.run("delete from account where nr between " + range + " and nr % 10 = 3");
}

}  // namespace tandem::test_support
