#pragma once
#include <atomic>
#include <string>
#include <thread>
#include <vector>

namespace tandem::stress {

/// Objects 1 to 9 belong to target alpha, 10 to 12 to beta, 13 and 14 to one that nobody reads.
constexpr int objects = 14;
[[nodiscard]] std::string target_of(int object);

/// Sessions that change objects and write images of them under their row lock, in every kind of transaction: several
/// objects, savepoints, rollbacks, prepared ones, long ones, asynchronous commits. A session that is lost is opened
/// again.
class Writers {
 public:
  Writers(std::string url, int sessions, unsigned seed);
  /// Stops them, and rolls back what a crash has left prepared.
  void stop();

 private:
  void write(const std::stop_token& stop, int number, unsigned seed) const;

  std::string url_;
  std::vector<std::jthread> threads_;
};

}  // namespace tandem::stress
