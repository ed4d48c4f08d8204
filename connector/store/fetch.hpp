#pragma once
#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "model/error.hpp"
#include "postgres/connection.hpp"
#include "store/parked.hpp"

/// Objects of which a source has told the id alone: from tandem.inbox and back.
namespace tandem::store {

struct FetchDue {
  std::string source, request_type, remote_id, object_id;
  std::vector<std::int64_t> counters;  ///< all its records that wait for it, oldest first
  std::vector<std::string> record_ids;
  int attempts = 0;
  std::chrono::milliseconds age{0};
};
[[nodiscard]] Result<std::vector<FetchDue>> fetches_due(postgres::Connection& session,
                                                        std::span<const std::string> sources, std::int64_t most);

struct FetchedObject {
  std::string body, version;  ///< version: "" where it is not told
  int status = 0;             ///< of the answer
};
/// One record gets the body, the create if there is one; the others are superseded by it. From here on it tells of the
/// whole object.
[[nodiscard]] Status fetched(postgres::Connection& session, const Fence& fence, const FetchDue& object,
                             const FetchedObject& what);

struct Missed {
  std::optional<std::chrono::milliseconds> again;  ///< nothing: given up with `outcome`
  std::string outcome, error_code, description;
  int attempts = 0;
};
[[nodiscard]] Status fetch_missed(postgres::Connection& session, const Fence& fence, const FetchDue& object,
                                  const Missed& missed);

}  // namespace tandem::store
