#pragma once
#include <memory>
#include <string>
#include <vector>

#include "config/settings.hpp"
#include "model/error.hpp"
#include "target/http_client.hpp"
#include "target/target.hpp"

namespace tandem {

/// The target of `settings.targets` with this name, speaking through `http`, answering to `answered`. `http` must
/// outlive it. Fails with every problem of its routes' requests in one message, a line each.
[[nodiscard]] Result<std::unique_ptr<Target>> make_target(const Settings& settings, const TargetSettings& target,
                                                          HttpClient& http, Answered answered);

/// What `plan` says of a target's requests before anything runs: unknown placeholders, templates that are no JSON,
/// missing calls.
struct TargetProblem {
  int line = 0;
  std::string message, hint;
};
[[nodiscard]] std::vector<TargetProblem> check_target(const Settings& settings, const TargetSettings& target);

}  // namespace tandem
