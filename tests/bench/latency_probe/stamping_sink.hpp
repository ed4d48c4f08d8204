#pragma once
#include <atomic>
#include <cstdint>
#include <thread>

#include "arrivals.hpp"

namespace tandem::bench {

/// An HTTP/1.1 server on 127.0.0.1 that answers 200 to everything and notes when the request for an object came in; the
/// object's id is the last segment of the path. One thread.
class StampingSink {
 public:
  StampingSink(std::uint16_t port, Arrivals& arrivals);
  ~StampingSink();
  StampingSink(const StampingSink&) = delete;
  StampingSink& operator=(const StampingSink&) = delete;

 private:
  void serve();

  Arrivals& arrivals_;
  int listener_ = -1, poll_ = -1;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace tandem::bench
