#pragma once
#include <chrono>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "config/settings.hpp"
#include "postgres/connection.hpp"
#include "postgres/replication_stream.hpp"
#include "store/stream.hpp"

namespace tandem {

/// Why changes may have been lost between the stream's position and its slot; empty where they have not.
[[nodiscard]] std::string gap_of(const store::StreamPlan& plan, const store::StreamSlot& slot);

/// What the plugin of a stream is asked for: the rows of its watches, and who changed them.
[[nodiscard]] std::vector<postgres::PluginOption> wal_plugin_options(const postgres::Connection& session,
                                                                     const store::StreamPlan& plan);

/// The slot whose log is the only copy of changes of `wal` watches. It is persistent, and never given up because it
/// keeps much log; one that is gone or has lost changes is made anew, after its watches have been marked for
/// comparison.
class WalSlot {
 public:
  explicit WalSlot(const Settings& settings);

  /// Name of a stream's slot.
  [[nodiscard]] static std::string name(const Settings& settings);

  /// Ends an earlier session of ours, closes a gap by making the slot anew. Waits for writing transactions then, until
  /// stopped. `plan` follows what it has changed.
  [[nodiscard]] Status make_ready(postgres::Connection& sql, store::StreamPlan& plan, Epoch epoch,
                                  const std::stop_token& stop);
  /// A session to stream with.
  [[nodiscard]] Result<postgres::Connection> replication();
  /// Drops a slot, if it is there; ends a session of ours on it.
  [[nodiscard]] Status drop(postgres::Connection& sql, const std::string& slot);
  void close();

 private:
  [[nodiscard]] Status end_holder(postgres::Connection& sql, const std::string& slot);
  [[nodiscard]] Status begin_anew(postgres::Connection& sql, store::StreamPlan& plan, const std::string& reason,
                                  bool exists, Epoch epoch, const std::stop_token& stop);
  [[nodiscard]] Status create(postgres::Connection& sql, const store::StreamPlan& plan, const std::stop_token& stop);

  const Settings& settings_;
  const std::string application_;
  std::optional<postgres::Connection> replication_;
};

}  // namespace tandem
