#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "model/record.hpp"
#include "store/found_body.hpp"
#include "store/parked_record.hpp"
#include "target/target.hpp"

namespace tandem {

struct Lane;

/// A record in memory, with its place in its lane and what its turn has come to. Owned by the LaneBook.
struct Held {
  Record record;
  Held* before = nullptr;  ///< neighbours in the lane, by counter
  Held* after = nullptr;
  Lane* lane = nullptr;
  std::size_t charged = 0;  ///< bytes of room, as the feed has taken them
  std::uint32_t slot = 0;   ///< its route's place in the Bulkhead
  SteadyTime read_at{};     ///< when the window that brought it was read

  /// The write that Settled will answer.
  enum class Write : std::uint8_t { none, outcome, park, intent } write = Write::none;
  bool untouched = true;  ///< never attempted, nor possibly by an earlier process
  bool retried = false;   ///< sent back by a person
  bool folded = false;    ///< stands for records before it: not folded again
  bool asked = false;     ///< its body is being read
  bool flying = false;
  bool blocks = false;           ///< its parking blocks its lane
  bool intended = false;         ///< identity `pending` is written by us for this attempt, which is not sent yet
  bool recreated = false;        ///< the object was missing there, its identity has been removed
  bool without_parents = false;  ///< one of a cycle: sent without its references first
  bool careful = false;          ///< its attempt row is durable and open
  bool pending = false;          ///< its create goes out under an identity `pending`
  bool creates = false;          ///< what was sent last was a create
  bool delivered = false;
  bool awaits = false;               ///< a confirmation, until `confirm_by`
  bool removes_old = false;          ///< in flight for a changed key: the removal of the object with the old one
  bool old_removed = false;          ///< and it has been answered
  int asks = 0;                      ///< in a row, for a changed key that has to leave its key first
  Operation as = Operation::update;  ///< what is sent, after folding
  Doubt doubt = Doubt::none;
  int tries = 0;  ///< consecutive attempts that did not count
  std::uint32_t shipment = 0;
  SteadyTime sent_at{}, postponed_at{};
  SteadyTime confirm_by{};
  SteadyTime may_run_until{};  ///< a create without an answer may still be running there
  WallTime sent_wall{};
  std::chrono::milliseconds waited{0};      ///< for a parent, before this stay in memory
  std::unique_ptr<FoundBody> found;         ///< read again for this turn
  std::unique_ptr<ParkedRecord> sent_back;  ///< came while its outcome was being written: it begins anew
  std::size_t found_bytes = 0;              ///< of room, for what was read, and until its outcome is written
  SteadyTime found_at{};
  std::string agreed;  ///< the whole body as it was sent, where the route keeps the agreed image
};

}  // namespace tandem
