#include "apply/apply_transaction.hpp"

#include <array>

#include "apply/crm_writes.hpp"

namespace tandem {

ApplyTransaction::~ApplyTransaction() {
  if (open_ && session_.usable()) [[maybe_unused]]
    const auto undone = session_.script("rollback");
}

Status ApplyTransaction::begin(const std::string& origin) {
  std::string script =
      "begin; select pg_catalog.set_config('tandem.origin', " + session_.quoted_literal(origin) + ", true)";
  for (const auto& statement : planned_as(Plans::ours)) script.append("; ").append(statement.query.text);
  script += "; set local lock_timeout = '200ms'";
  auto begun = session_.script(script);
  if (!begun) return tl::unexpected(std::move(begun.error()));
  open_ = true;
  begun_ = std::chrono::steady_clock::now();
  return {};
}

Status ApplyTransaction::commit() {
  if (last_)
    if (auto ran = session_.run(std::array{*last_}); !ran) return tl::unexpected(std::move(ran.error()));
  open_ = false;
  auto done = session_.script("commit");
  if (!done) return tl::unexpected(std::move(done.error()));
  return {};
}

}  // namespace tandem
