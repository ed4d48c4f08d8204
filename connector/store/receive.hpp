#pragma once
#include <cstddef>
#include <optional>
#include <span>
#include <string>

#include "model/error.hpp"
#include "postgres/connection.hpp"

namespace tandem::store {

/// One change that a source tells of, as it goes into tandem.inbox.
struct Incoming {
  std::string request_type;      ///< the route's word
  std::string operation;         ///< create, update or delete
  std::string remote_id;         ///< theirs; empty = not told
  std::string object_id;         ///< ours; empty = not told
  std::string body;              ///< JSON object; empty = only the id is known
  std::string version;           ///< theirs; empty = not told
  std::string source_record_id;  ///< unique at the source: a second one is passed over
  std::string trace_context;     ///< W3C traceparent, or empty
};

/// Writes records and the source's position (JSON) in one transaction; returns how many of them were new. `refused`:
/// one of them cannot be stored, for example a body with a NUL character, and nothing was.
[[nodiscard]] Result<std::size_t> receive(postgres::Connection& session, const std::string& source,
                                          std::span<const Incoming> records,
                                          const std::optional<std::string>& position = std::nullopt);

}  // namespace tandem::store
