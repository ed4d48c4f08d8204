#pragma once
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "config/settings.hpp"

/// Rows and images as JSON tokens by name, exactly as they were printed. Pure.
namespace tandem {

using Columns = std::map<std::string, std::string, std::less<>>;

/// Equality of two values of sound tokens, as json::equal.
[[nodiscard]] bool same_value(std::string_view a, std::string_view b);

/// The members of a JSON object; none where it is no object.
[[nodiscard]] Columns columns_of(std::string_view object);
[[nodiscard]] std::string object_of(const Columns& columns);

/// What they are known to have after a record that need not name every field: `theirs` over `before`, the route's
/// fields alone. A name may come twice where it is written in two ways: the later one counts, as in jsonb.
[[nodiscard]] std::string overlay(const RouteSettings& route, const std::string& before, const std::string& theirs);

/// The object_id of a row: the text of a single key, the JSON array of a composite one.
[[nodiscard]] std::string key_of(const std::vector<std::string>& key, const Columns& row);
/// {"id": "7"} for an object_id: the database reads each value as its column's type.
[[nodiscard]] std::string key_object(const std::vector<std::string>& key, const std::string& object_id);

}  // namespace tandem
