#pragma once
#include <functional>
#include <memory>
#include <stop_token>
#include <string>

#include "config/settings.hpp"
#include "model/identifiers.hpp"

namespace tandem {

/// The thread `poll`: captures the watches of mode `poll`. Owns one SQL session. What is read, compared and recorded is
/// a function of the database (tandem.poll_step), one bounded step in one transaction with the position of the watch
/// and the connector's fence; this says when. Which watches there are says the database, so that `tandem apply` changes
/// them while this runs.
class PollThread {
 public:
  PollThread(const Settings& settings, Epoch epoch, std::function<void()> fenced);
  ~PollThread();

  /// Until stopped. Never throws; answers a stop when the step in flight has ended.
  void run(const std::stop_token& stop);

  /// For readyz: why a watch cannot be read now; empty while all can, or there is none. From any thread.
  [[nodiscard]] std::string trouble() const;
  /// There are such watches. From any thread.
  [[nodiscard]] bool wanted() const;

 private:
  class Session;
  std::unique_ptr<Session> session_;
};

}  // namespace tandem
