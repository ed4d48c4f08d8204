#include <cstddef>
#include <cstdint>
#include <string_view>

#include "wire/frame_decoder.hpp"

/// The input is a sequence of packets, each after its length in two bytes, so that tables can be described and then
/// changed.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  tandem::wire::FrameDecoder decoder;
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  while (rest.size() >= 2) {
    const std::size_t length =
        static_cast<std::size_t>(static_cast<std::uint8_t>(rest[0])) * 256 + static_cast<std::uint8_t>(rest[1]);
    rest.remove_prefix(2);
    const std::string_view message = rest.substr(0, length);
    rest.remove_prefix(message.size());
    const auto pass = [](const tandem::wire::Event&, tandem::Lsn) { return tandem::Status{}; };
    if (!decoder.decode_all(message, {}, pass)) return 0;
  }
  return 0;
}
