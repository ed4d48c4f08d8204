#include "support/second_crm/schema.hpp"

#include <algorithm>
#include <charconv>

namespace second_crm {
namespace {

std::size_t characters(std::string_view utf8) {
  return static_cast<std::size_t>(
      std::ranges::count_if(utf8, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

bool matches(std::string_view text, std::string_view picture) {
  if (text.size() != picture.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (picture[i] == '0' ? text[i] < '0' || text[i] > '9' : text[i] != picture[i]) return false;
  }
  return true;
}

int number_in(std::string_view text) {
  int value = -1;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

bool is_date(std::string_view text) {
  if (!matches(text, "0000-00-00")) return false;
  const int year = number_in(text.substr(0, 4)), month = number_in(text.substr(5, 2)),
            day = number_in(text.substr(8, 2));
  if (month < 1 || month > 12 || day < 1) return false;
  const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  constexpr int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return day <= days[month - 1] + (month == 2 && leap ? 1 : 0);
}

bool is_offset(std::string_view text) {
  return text == "Z" || ((text.starts_with('+') || text.starts_with('-')) && matches(text.substr(1), "00:00"));
}

/// RFC 3339, the offset included: a time without one is ambiguous and refused.
bool is_timestamp(std::string_view text) {
  if (text.size() < 20 || !is_date(text.substr(0, 10)) || text[10] != 'T' || !matches(text.substr(11, 8), "00:00:00"))
    return false;
  if (number_in(text.substr(11, 2)) > 23 || number_in(text.substr(14, 2)) > 59 || number_in(text.substr(17, 2)) > 59)
    return false;
  text.remove_prefix(19);
  if (text.starts_with('.')) {
    const auto end = text.find_first_not_of("0123456789", 1);
    if (end == std::string_view::npos || end == 1) return false;
    text.remove_prefix(end);
  }
  return is_offset(text);
}

bool is_integer(std::string_view digits) {
  return digits.find_first_of(".eE") == std::string_view::npos;
}

Field text(std::string name, std::size_t longest = 255) {
  return {.name = std::move(name), .longest = longest};
}
Field number(std::string name) {
  return {.name = std::move(name), .kind = FieldKind::number};
}
Field integer(std::string name) {
  return {.name = std::move(name), .kind = FieldKind::integer};
}
Field boolean(std::string name) {
  return {.name = std::move(name), .kind = FieldKind::boolean};
}
Field date(std::string name) {
  return {.name = std::move(name), .kind = FieldKind::date};
}
Field timestamp(std::string name) {
  return {.name = std::move(name), .kind = FieldKind::timestamp};
}
Field json(std::string name) {
  return {.name = std::move(name), .kind = FieldKind::json};
}
Field choice(std::string name, std::vector<std::string> choices) {
  return {.name = std::move(name), .kind = FieldKind::choice, .choices = std::move(choices)};
}
Field reference(std::string name, std::string parent) {
  return {.name = std::move(name), .kind = FieldKind::reference, .parent = std::move(parent)};
}
Field required(Field field) {
  field.required = true;
  return field;
}

}  // namespace

const Field* ObjectType::field(std::string_view wanted) const {
  const auto found = std::ranges::find(fields, wanted, &Field::name);
  return found == fields.end() ? nullptr : &*found;
}

Schema crm_schema() {
  return {
      .types = {
          {.name = "user",
           .prefix = "usr",
           .fields = {required(text("Name", 120)), required(text("Email", 254)), boolean("Active"),
                      reference("ManagerId", "user")}},
          {.name = "account",
           .prefix = "acc",
           .fields = {required(text("Name", 120)),
                      choice("Industry", {"Agriculture", "Manufacturing", "Retail", "Services", "Software", "Other"}),
                      number("AnnualRevenue"), integer("Employees"), text("Website"), boolean("Active"),
                      reference("ParentId", "account"), reference("OwnerId", "user"), json("Attributes")}},
          {.name = "contact",
           .prefix = "con",
           .fields = {required(reference("AccountId", "account")), text("FirstName", 80),
                      required(text("LastName", 80)), text("Email", 254), text("Phone", 40), date("BirthDate")}},
          {.name = "product",
           .prefix = "prd",
           .fields = {required(text("Code", 40)), required(text("Name", 120)), number("Price"), number("Weight"),
                      boolean("Active")}},
          {.name = "opportunity",
           .prefix = "opp",
           .fields = {required(text("Name", 200)), reference("AccountId", "account"), reference("OwnerId", "user"),
                      reference("ProductId", "product"),
                      required(choice("Stage", {"Prospecting", "Engaging", "Closed Won", "Closed Lost"})),
                      number("Amount"), number("AmountWithTax"), number("Score"), date("CloseDate"),
                      text("Source", 40)}},
          {.name = "order",
           .prefix = "ord",
           .fields = {required(text("Number", 40)), required(reference("AccountId", "account")),
                      reference("OpportunityId", "opportunity"),
                      required(choice("Status", {"Open", "Shipped", "Paid", "Cancelled"})), text("Currency", 3),
                      number("Total"), timestamp("OrderedAt"), text("Notes", 32'000)}},
          {.name = "order_line",
           .prefix = "orl",
           .fields = {required(reference("OrderId", "order")), required(reference("ProductId", "product")),
                      required(integer("Position")), required(number("Quantity")), number("UnitPrice"),
                      number("Discount")}},
      }};
}

std::string misfit(const Field& field, const Json& value) {
  const auto is = [&value](Json::Kind kind) { return value.kind == kind; };
  if (is(Json::Kind::null)) return field.required ? "must not be null" : "";
  switch (field.kind) {
    case FieldKind::text:
      if (!is(Json::Kind::string)) return "must be a string";
      if (field.required && value.text.empty()) return "must not be empty";
      if (characters(value.text) > field.longest) return "longer than " + std::to_string(field.longest) + " characters";
      return "";
    case FieldKind::number:
      return is(Json::Kind::number) ? "" : "must be a number";
    case FieldKind::integer:
      return is(Json::Kind::number) && is_integer(value.text) ? "" : "must be an integer";
    case FieldKind::boolean:
      return is(Json::Kind::boolean) ? "" : "must be true or false";
    case FieldKind::date:
      return is(Json::Kind::string) && is_date(value.text) ? "" : "must be a date, YYYY-MM-DD";
    case FieldKind::timestamp:
      return is(Json::Kind::string) && is_timestamp(value.text)
                 ? ""
                 : "must be a time with offset, YYYY-MM-DDThh:mm:ss+00:00";
    case FieldKind::choice:
      return is(Json::Kind::string) && std::ranges::find(field.choices, value.text) != field.choices.end()
                 ? ""
                 : "must be one of its choices";
    case FieldKind::reference:
      return is(Json::Kind::string) ? "" : "must be the id of a " + field.parent;
    case FieldKind::json:
      return "";
  }
  return "";
}

}  // namespace second_crm
