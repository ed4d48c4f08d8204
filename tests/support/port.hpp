#pragma once
#include <cstdint>
#include <memory>

namespace tandem::test_support {

/// A TCP port of 127.0.0.1 that no other test takes while this lives, below the range of outgoing connections, so that
/// a server may be stopped and started again on it.
class Port {
 public:
  Port();
  [[nodiscard]] std::uint16_t number() const { return number_; }

 private:
  std::uint16_t number_ = 0;
  std::shared_ptr<const int> lock_;
};

}  // namespace tandem::test_support
