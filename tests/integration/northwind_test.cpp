#include <gtest/gtest.h>

#include <map>

#include "support/stand.hpp"
#include "user_data.hpp"

namespace tandem::test_support {
namespace {

/// How every row of a table is touched and ends as it was: another value, then the old one, or (where all columns are
/// the key and nobody refers to it) out and in again.
const std::map<std::string, std::string> touches = {
    {"categories",
     "update categories set description = description || '!'; update categories set description = left(description, "
     "-1)"},
    {"customer_customer_demo", "update customer_customer_demo set customer_id = customer_id"},    // has no rows
    {"customer_demographics", "update customer_demographics set customer_desc = customer_desc"},  // has no rows
    {"customers",
     "update customers set fax = 'none'; update customers c set fax = k.fax from kept_customers k where k.customer_id "
     "= c.customer_id"},
    {"employees",
     "update employees set last_name = last_name || '!'; update employees set last_name = left(last_name, -1)"},
    {"employee_territories",
     "delete from employee_territories; insert into employee_territories select * from kept_employee_territories"},
    {"order_details",
     "update order_details set quantity = quantity + 1; update order_details set quantity = quantity - 1"},
    {"orders",
     "update orders set freight = freight + 1; update orders o set freight = k.freight from kept_orders k where "
     "k.order_id = o.order_id"},
    {"products",
     "update products set discontinued = 1 - discontinued; update products set discontinued = 1 - discontinued"},
    {"region",
     "update region set region_description = region_description || '!'; update region set region_description = "
     "left(region_description, -1)"},
    {"shippers",
     "update shippers set company_name = company_name || '!'; update shippers set company_name = left(company_name, "
     "-1)"},
    {"suppliers",
     "update suppliers set fax = 'none'; update suppliers s set fax = k.fax from kept_suppliers k where k.supplier_id "
     "= s.supplier_id"},
    {"territories",
     "update territories set territory_description = territory_description || '!'; "
     "update territories set territory_description = left(territory_description, -1)"},
    {"us_states",
     "update us_states set state_region = state_region || '!'; update us_states set state_region = left(state_region, "
     "-1)"},
};

/// The rows of a table by object id, as JSON without nulls (a null there is an absent field).
std::map<std::string, std::string> rows_here(Sql& sql, const std::string& table) {
  std::map<std::string, std::string> rows;
  const auto keys = sql.rows(
      "select string_agg(quote_ident(attname), ', ' order by ordinality), count(*) from pg_index "
      "cross join lateral unnest(indkey::int[]) with ordinality as k (number, ordinality) "
      "join pg_attribute on attrelid = indrelid and attnum = number where indisprimary and indrelid = '" +
      table + "'::regclass");
  const std::string columns = keys.front()[0].value_or("");
  const std::string object_id =
      keys.front()[1] == "1" ? "(" + columns + ")::text" : "jsonb_build_array(" + columns + ")::text";
  for (const auto& row :
       sql.rows("select " + object_id + ", jsonb_strip_nulls(to_jsonb(t))::text from " + table + " t"))
    rows[row[0].value_or("")] = row[1].value_or("");
  return rows;
}

second_crm::Json parsed(const std::string& text) {
  const auto document = second_crm::parse_json(text);
  if (const auto* problem = std::get_if<second_crm::JsonProblem>(&document))
    throw std::runtime_error(problem->words + ": " + text);
  return std::get<second_crm::Json>(document);
}

/// The same fields with the same values, in whatever order.
bool same_fields(const second_crm::Json& one, const second_crm::Json& other) {
  if (one.members.size() != other.members.size()) return false;
  for (const auto& [name, value] : one.members) {
    const auto* found = other.find(name);
    if (found == nullptr || !(*found == value)) return false;
  }
  return true;
}

TEST(Northwind, EveryRowOfAllFourteenTablesArrivesAsItIs) {
  const auto script = user_data("northwind/northwind.sql");
  Stand stand;
  // Its first lines name a setting that no supported server has any more: psql reports it and goes on, as for any user.
  run_program({.arguments = {"psql", "-X", "-q", "-d", stand.postgres().url(), "-f", script.string()}});
  const auto tables = stand.sql().rows(
      "select relname from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r' order by 1");
  ASSERT_EQ(tables.size(), 14U);
  stand.sql().run(
      "create schema kept; create table kept.kept_customers as table customers; "
      "create table kept.kept_employee_territories as table employee_territories; create table kept.kept_orders as "
      "table orders; "
      "create table kept.kept_suppliers as table suppliers");
  std::string watches;
  std::map<std::string, std::map<std::string, std::string>> before;
  for (const auto& row : tables) {
    const auto table = row.front().value_or("");
    watches += "  " + table + ":\n    table: public." + table + "\n    routes:\n      - { target: second_crm }\n";
    before[table] = rows_here(stand.sql(), table);
  }
  stand.begin(watches);

  for (const auto& [table, rows] : before) {
    ASSERT_TRUE(touches.contains(table)) << table;
    stand.sql().run("set search_path = public, kept; begin; " + touches.at(table) + "; commit");
  }
  ASSERT_TRUE(stand.settles(std::chrono::seconds(120))) << stand.pending() << " records are pending";
  EXPECT_EQ(stand.sql().text("select string_agg(distinct outcome, ' ' order by outcome) from tandem.outbox where "
                             "outcome not in ('delivered', 'superseded')"),
            "")
      << stand.sql().text("select string_agg(distinct description, '; ') from tandem.outbox where request_state = 4");

  std::size_t all = 0;
  for (const auto& [table, rows] : before) {
    EXPECT_EQ(rows_here(stand.sql(), table), rows) << table;
    EXPECT_EQ(stand.living(table), rows.size()) << table;
    for (const auto& [object_id, row] : rows) {
      const auto there = stand.object(table, object_id);
      EXPECT_FALSE(there.empty()) << table << " " << object_id << " has not arrived";
      EXPECT_TRUE(there.empty() || same_fields(parsed(there), parsed(row)))
          << table << " " << object_id << "\nhere:  " << row << "\nthere: " << there;
      ++all;
    }
  }
  EXPECT_EQ(all, 3362U);
}

}  // namespace
}  // namespace tandem::test_support
