#pragma once
#include <string>
#include <string_view>

/// Values that read the same before and after the database has taken them for a column of a known type: asking it would
/// answer what we have. Pure.
namespace tandem {

/// A column's type as format_type() names it. Where this is "", nothing is known about it.
using TypeName = std::string_view;

/// What to_jsonb prints for a column of this type that was given `json`; empty: only the database can tell, be it that
/// it prints the value differently or that it refuses it.
[[nodiscard]] std::string plain_value(TypeName type, std::string_view json);

}  // namespace tandem
