#pragma once
#include <functional>

#include "config/settings.hpp"
#include "http/router.hpp"
#include "model/record.hpp"
#include "target/http_client.hpp"
#include "target/loan.hpp"

namespace tandem {

/// Makes a request at a target with our access, or answers that it cannot be made now. From the http thread; must not
/// wait.
using Lend = std::function<void(TargetIndex target, HttpRequest request, LoanDone done)>;

/// `/v1/proxy/{target}/…`: a caller's request becomes one of the target's, where the caller's token and the rules of
/// the file allow it.
void add_proxy(http::Router& router, const Settings& settings, Lend lend);

}  // namespace tandem
