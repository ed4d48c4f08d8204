#include <gtest/gtest.h>

#include "support/stand.hpp"
#include "user_data.hpp"

namespace tandem::test_support {
namespace {

/// As an import leaves it: no foreign keys, dates as text in their own order, an empty value is null.
constexpr const char* tables = R"(
create table account (account text primary key, sector text, year_established int, revenue numeric, employees int,
  office_location text, subsidiary_of text);
create table product (product text primary key, series text, sales_price numeric);
create table agent (sales_agent text primary key, manager text, regional_office text);
create table opportunity (opportunity_id text primary key, sales_agent text, product text, account text, deal_stage text,
  engage_date text, close_date text, close_value numeric, engage_quarter text, close_quarter text);
)";

constexpr const char* watches = R"yaml(
  account:
    table: public.account
    routes:
      - target: second_crm
        fields:
          account: Name
          revenue: AnnualRevenue
          employees: Employees
          subsidiary_of: { to: ParentId, ref: account }
          sector: { to: Industry, values: { technolgy: Software, software: Software, retail: Retail, services: Services }, default: Other }
  product:
    table: public.product
    routes:
      - target: second_crm
        fields: { product: Name, sales_price: Price }
        sql: { Code: "replace(upper(product), ' ', '-')" }
  user:
    table: public.agent
    routes:
      - target: second_crm
        fields: { sales_agent: Name }
        sql: { Email: "lower(replace(sales_agent, ' ', '.')) || '@example.com'" }
        constants: { Active: true }
  opportunity:
    table: public.opportunity
    routes:
      - target: second_crm
        max_wait: 20s
        fields:
          opportunity_id: Name
          account: { to: AccountId, ref: account }
          sales_agent: { to: OwnerId, ref: user }
          product: { to: ProductId, ref: product }
          deal_stage: { to: Stage, values: { Prospecting: Prospecting, Engaging: Engaging, Won: Closed Won, Lost: Closed Lost } }
          close_value: Amount
        sql: { CloseDate: "to_date(close_date, 'DD-MM-YY')" }
        constants: { Source: import }
)yaml";

void import(Sql& sql, const std::string& table, const std::string& file) {
  sql.copy_in("copy " + table + " from stdin with (format csv, header true)",
              read_file(user_data("crm-sales/" + file)));
}

TEST(CrmSales, AllOfItArrivesAsUncleanAsItIsParentsFirst) {
  // The strict schema refuses a reference to an object that is not there: what arrives came after its
  // parents.
  Stand stand({.crm = {}});
  stand.sql().run(tables);
  stand.begin(watches);
  // Children before parents, so that order alone cannot be what makes it work.
  stand.sql().run("begin");
  import(stand.sql(), "opportunity", "sales_pipeline.csv");
  import(stand.sql(), "agent", "sales_teams.csv");
  import(stand.sql(), "product", "products.csv");
  import(stand.sql(), "account", "accounts.csv");
  stand.sql().run("commit");

  ASSERT_TRUE(stand.settles(std::chrono::seconds(120))) << stand.pending() << " records are pending";
  EXPECT_EQ(stand.living("account"), 85U);
  EXPECT_EQ(stand.living("product"), 7U);
  EXPECT_EQ(stand.living("user"), 35U);
  // One product is spelled two ways: no product of that name will ever come, and each of its opportunities
  // says so.
  EXPECT_EQ(stand.living("opportunity"), 8800U - 1480U);
  EXPECT_EQ(stand.sql().number("select count(*) from tandem.outbox where request_state = 4"), 1480);
  EXPECT_EQ(stand.sql().number(
                "select count(*) from tandem.outbox o join opportunity p on p.opportunity_id = o.object_id where "
                "o.request_state = 4 and o.error_code = 'dependency' and o.description like '%product%GTXPro%' and "
                "p.product = 'GTXPro'"),
            1480)
      << stand.sql().text(
             "select string_agg(distinct error_code || ': ' || description, '; ') from tandem.outbox where "
             "request_state = 4");

  // The remedy is in the CRM.
  stand.sql().run("update opportunity set product = 'GTX Pro' where product = 'GTXPro'");
  ASSERT_TRUE(stand.settles(std::chrono::seconds(60)));
  EXPECT_EQ(stand.living("opportunity"), 8800U);

  const auto without_account = stand.crm().ask([](second_crm::Api& api) {
    std::size_t count = 0;
    for (const auto* object : api.store().changed_after("opportunity", 0, 100'000)) {
      bool has_account = false;
      for (const auto& [name, value] : object->fields) has_account = has_account || name == "AccountId";
      if (!object->deleted && !has_account) ++count;
    }
    return count;
  });
  EXPECT_EQ(without_account, 1425U);

  // Every field of every opportunity, against what the CRM says.
  std::size_t differing = 0;
  for (const auto& row : stand.sql().rows("select opportunity_id, close_value::text, to_date(close_date, "
                                          "'DD-MM-YY')::text, deal_stage, account, "
                                          "sales_agent from opportunity")) {
    const auto there = [&](const char* name) { return stand.field("opportunity", *row[0], name); };
    const auto id_of = [&](const char* type, const std::string& ours) {
      return stand.crm().ask([&](second_crm::Api& api) {
        const auto* object = api.store().find(type, ours);
        return object == nullptr ? std::string("missing") : object->id;
      });
    };
    const bool same = there("Name") == *row[0] && there("Amount") == row[1].value_or("") &&
                      there("CloseDate") == row[2].value_or("") && there("Stage").ends_with(*row[3]) &&
                      there("AccountId") == (row[4] ? id_of("account", *row[4]) : "") &&
                      there("OwnerId") == id_of("user", *row[5]) && there("Source") == "import";
    if (!same && ++differing < 5) ADD_FAILURE() << *row[0] << " differs: " << stand.object("opportunity", *row[0]);
  }
  EXPECT_EQ(differing, 0U);
}

}  // namespace
}  // namespace tandem::test_support
