#include "daemon/lease.hpp"

#include <ctime>

namespace tandem {

std::chrono::milliseconds Lease::now() {
  timespec time{};
  ::clock_gettime(CLOCK_BOOTTIME, &time);
  return std::chrono::seconds(time.tv_sec) + std::chrono::milliseconds(time.tv_nsec / 1'000'000);
}

}  // namespace tandem
