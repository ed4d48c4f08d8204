#include "capture/standing.hpp"

#include <array>

namespace tandem {
namespace {

struct Words {
  std::string_view word, sentence;
};
constexpr std::array<Words, 6> phases{{
    {"off", "there is no stream by configuration; windows poll"},
    {"connecting", "capture opens a replication session; windows poll"},
    {"creating_slot", "the slot is being made, which waits for transactions that write now; windows poll"},
    {"streaming", "the replication stream rings for each new record"},
    {"polling", "there can be no stream for a while; windows poll, nothing is lost"},
    {"stopped", "capture has ended"},
}};

}  // namespace

std::string_view word(CapturePhase phase) {
  return phases[static_cast<std::size_t>(phase)].word;
}
std::string_view sentence(CapturePhase phase) {
  return phases[static_cast<std::size_t>(phase)].sentence;
}

}  // namespace tandem
