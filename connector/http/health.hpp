#pragma once
#include <functional>
#include <string>
#include <vector>

#include "http/router.hpp"

namespace tandem::http {

/// One thing that must hold for records to flow.
struct Check {
  std::string name;  ///< database, capture, threads, lease
  bool ok = true;
  bool required = true;  ///< false: told, but the process is ready nevertheless
  std::string detail;
};

/// GET /livez: the process turns. GET /readyz: `checks` all hold (200) or not (503), told as JSON. GET /metrics:
/// Prometheus text from `metrics`; it asks for the role viewer where there are tokens.
void add_health(Router& router, std::function<std::vector<Check>()> checks, std::function<std::string()> metrics);

}  // namespace tandem::http
