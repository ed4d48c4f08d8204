#pragma once
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>
#include <vector>

#include "config/settings.hpp"
#include "target/http_client.hpp"
#include "target/loan.hpp"
#include "target/rest_call.hpp"
#include "target/scrub.hpp"

/// What passes between a caller of the proxy and a target, and what does not. Pure.
namespace tandem {

using HeaderLines = std::vector<std::pair<std::string, std::string>>;  ///< names in lower case

/// The decoded segments of a path as it was sent; or why it could name something else for us than for the target: an
/// empty segment, `.` or `..`, also before a `;`, a slash, backslash, NUL or other control character behind an
/// encoding, something encoded twice.
[[nodiscard]] tl::expected<std::vector<std::string>, std::string> safe_segments(std::string_view path);
[[nodiscard]] bool safe_query(std::string_view query);
[[nodiscard]] bool allowed(const ProxyCaller& caller, std::string_view target, std::string_view method,
                           const std::vector<std::string>& segments);

/// The request as the target gets it: encoded anew; without what belongs to the caller's connection (hop-by-hop
/// headers) or names the caller (credentials, cookies, forwarding), and without what the target's own settings send. Or
/// the name of a header that cannot be passed on.
[[nodiscard]] tl::expected<HttpRequest, std::string> lent_request(const TargetSettings& target, std::string_view method,
                                                                  const std::vector<std::string>& segments,
                                                                  std::string_view query, const HeaderLines& headers,
                                                                  std::string body);
/// What the caller is told: their answer without hop-by-hop headers, cookies and our secrets; or, where there is none
/// that concerns the caller, a problem of ours.
[[nodiscard]] LoanAnswer loan_answer(const CallOutcome& outcome, const Scrubber& scrubber, WallTime now);

}  // namespace tandem
