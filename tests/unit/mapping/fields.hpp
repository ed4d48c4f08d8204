#pragma once
#include <string>
#include <utility>

#include "config/settings.hpp"

namespace tandem {

inline FieldSettings renamed(std::string column, std::string to) {
  FieldSettings field;
  field.column = std::move(column);
  field.to = std::move(to);
  return field;
}
inline FieldSettings constant(std::string to, std::string json) {
  FieldSettings field;
  field.kind = FieldKind::constant;
  field.to = std::move(to);
  field.constant = std::move(json);
  return field;
}
inline FieldSettings computed(std::string to, std::string expression) {
  FieldSettings field;
  field.kind = FieldKind::sql;
  field.to = std::move(to);
  field.sql = std::move(expression);
  return field;
}
inline FieldSettings reference(std::string column, std::string to, std::string request_type) {
  FieldSettings field = renamed(std::move(column), std::move(to));
  field.ref = std::move(request_type);
  return field;
}
inline RouteSettings route_with(std::vector<FieldSettings> fields) {
  RouteSettings route;
  route.fields = std::move(fields);
  return route;
}

}  // namespace tandem
