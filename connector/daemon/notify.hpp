#pragma once
#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace tandem {

/// What systemd wants to know (sd_notify(3), without libsystemd): datagrams to $NOTIFY_SOCKET. Does nothing where there
/// is none.
class Notify {
 public:
  /// Reads NOTIFY_SOCKET and WATCHDOG_USEC.
  static Notify from_environment();
  explicit Notify(std::string socket_path = {}, std::optional<std::chrono::milliseconds> watchdog = {});

  void ready() const { send("READY=1"); }
  void stopping() const { send("STOPPING=1"); }
  void alive() const { send("WATCHDOG=1"); }
  void status(std::string_view sentence) const;
  /// How often `alive` is expected at least; nullopt = never.
  [[nodiscard]] std::optional<std::chrono::milliseconds> watchdog() const { return watchdog_; }

 private:
  void send(std::string_view message) const;
  std::string socket_path_;
  std::optional<std::chrono::milliseconds> watchdog_;
};

}  // namespace tandem
