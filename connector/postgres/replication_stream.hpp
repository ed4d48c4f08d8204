#pragma once
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "model/error.hpp"
#include "model/identifiers.hpp"
#include "postgres/connection.hpp"

namespace tandem::postgres {

/// Where a walsender says it is.
struct SystemIdentity {
  std::string system_id;
  std::int32_t timeline = 0;
  Lsn wal_end;
  bool operator==(const SystemIdentity&) const = default;
};
[[nodiscard]] Result<SystemIdentity> identify_system(Connection& replication);

enum class SlotKind : std::uint8_t { temporary, persistent };
/// The command that makes a logical slot. It waits for every transaction that is writing now, so send it
/// (Connection::send_script) and look in now and then; to give up, cancel the session's backend from another one.
[[nodiscard]] std::string create_slot_command(const Connection& replication, std::string_view slot,
                                              std::string_view plugin, SlotKind kind);

/// What a plugin is told at the start.
struct PluginOption {
  std::string name, value;
};

/// Logical replication as a stream of a plugin's messages, over COPY both. Not thread-safe. Nothing blocks longer than
/// it is told.
class ReplicationStream {
 public:
  /// Streams from where the slot was last confirmed. `replication` must be a replication session.
  [[nodiscard]] static Result<ReplicationStream> start(Connection replication, std::string_view slot,
                                                       std::span<const PluginOption> options);

  /// One message of the plugin. `payload` lives until the next call of `read`.
  struct Change {
    Lsn lsn;
    std::string_view payload;
  };
  struct Keepalive {
    Lsn end;  ///< everything committed before has been sent
    bool reply_requested = false;
  };
  using Message = std::variant<Change, Keepalive>;
  /// The next message, or nothing when none came in `timeout` (0 = only look). An error means that the stream has
  /// ended.
  [[nodiscard]] Result<std::optional<Message>> read(std::chrono::milliseconds timeout);

  enum class Reply : std::uint8_t { not_needed, wanted };
  /// Standby status update: everything up to `received` may be forgotten by the server. With Reply::wanted the server
  /// answers with a keepalive, which proves that it lives. Never waits: what the socket does not take goes with the
  /// next call.
  [[nodiscard]] Status confirm(Lsn received, Reply reply = Reply::not_needed);

 private:
  explicit ReplicationStream(Connection connection) : connection_(std::move(connection)) {}
  [[nodiscard]] Result<Message> parse(std::string_view bytes) const;
  [[nodiscard]] Error ended();

  struct FreeMemory {
    void operator()(char* buffer) const;
  };
  Connection connection_;
  std::unique_ptr<char, FreeMemory> buffer_;
};

}  // namespace tandem::postgres
