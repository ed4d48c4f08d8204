#pragma once
#include <string>

#include "postgres/connection.hpp"
#include "store/parked.hpp"

namespace tandem::store {

/// Tells people, in tandem.alert, that this connector cannot read; once, until it works again.
[[nodiscard]] Status raise_alert(postgres::Connection& session, const Fence& fence, const std::string& description);
[[nodiscard]] Status end_alert(postgres::Connection& session, const Fence& fence);

}  // namespace tandem::store
