#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "config/settings.hpp"
#include "model/bounded_queue.hpp"
#include "postgres/connection.hpp"
#include "store/receive.hpp"

namespace tandem {

/// The thread `intake`: writes what webhooks have brought into tandem.inbox, many requests in one statement, and tells
/// each of them what became of it. It owns one SQL session. Nothing is acknowledged before it has committed.
class IntakeThread {
 public:
  enum class Stored : std::uint8_t {
    stored,       ///< committed, or it had come before
    refused,      ///< the database does not take this request's records; `words` say why
    unavailable,  ///< not stored, or not known to be: the sender tries again
  };
  /// One request. `done` is called once, from any thread.
  struct Post {
    std::size_t source = 0;  ///< index in Settings::sources
    std::vector<store::Incoming> records;
    std::vector<store::Refused> refused;  ///< to be counted; not work
    std::function<void(Stored, const std::string& words)> done;
  };

  /// `settings` must outlive this. `stored`: rows have been added to the inbox.
  IntakeThread(const Settings& settings, std::function<void()> stored);

  /// Takes a request, or answers it as unavailable where there is no room.
  void offer(Post post);
  /// Until stopped; what has been taken by then is still written. Never throws.
  void run(const std::stop_token& stop);

 private:
  void write(std::vector<Post> posts);
  void write_group(std::vector<Post*> posts);
  void refuse(const Post& post, const std::string& words);
  [[nodiscard]] Status open();

  const Settings& settings_;
  const std::function<void()> stored_;
  BoundedQueue<Post> queue_;
  std::optional<postgres::Connection> session_;
  std::chrono::steady_clock::time_point not_before_{};
};

}  // namespace tandem
