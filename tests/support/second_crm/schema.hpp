#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "support/second_crm/json.hpp"

/// What the second CRM takes: its types of objects and their fields, under its own names.
namespace second_crm {

enum class FieldKind : std::uint8_t { text, number, integer, boolean, date, timestamp, choice, reference, json };

struct Field {
  std::string name;
  FieldKind kind = FieldKind::text;
  bool required = false;
  std::size_t longest = 255;  ///< characters of a text
  std::vector<std::string> choices{};
  std::string parent{};  ///< reference: the type whose ids it holds
};

struct ObjectType {
  std::string name;
  std::string prefix{};  ///< of its ids
  std::vector<Field> fields{};
  bool open = false;  ///< takes fields of any name and kind

  [[nodiscard]] const Field* field(std::string_view name) const;
};

struct Schema {
  std::vector<ObjectType> types;
  bool any_type = false;  ///< a type that is not listed is an open one
};

/// The field that holds the caller's own id, in every type: unique among the living, at most 12,000 characters.
inline constexpr std::string_view external_id_field = "ExternalId";

/// user, account, contact, product, opportunity, order, order_line.
[[nodiscard]] Schema crm_schema();

/// Why a value does not fit its field, in words; empty = it fits. Whether a reference exists is the store's business.
[[nodiscard]] std::string misfit(const Field& field, const Json& value);

}  // namespace second_crm
