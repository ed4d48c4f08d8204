#pragma once
#include <atomic>
#include <string>
#include <thread>

#include "arrivals.hpp"

namespace tandem::bench {

/// The limit: a bare pgoutput stream of tandem.outbox that notes when an object's insert arrives on its socket. One
/// thread, a temporary slot, a publication of its own.
class ChangeStream {
 public:
  ChangeStream(const std::string& database, Arrivals& arrivals);
  ~ChangeStream();
  ChangeStream(const ChangeStream&) = delete;
  ChangeStream& operator=(const ChangeStream&) = delete;

 private:
  void follow();

  std::string database_;
  Arrivals& arrivals_;
  std::atomic<bool> started_{false}, stop_{false};
  std::thread thread_;
};

}  // namespace tandem::bench
