#pragma once
#include <span>
#include <string>

#include "apply/turn.hpp"
#include "postgres/connection.hpp"
#include "store/parked.hpp"

/// What is read about the records of a round before it is decided what becomes of them: each of these is a fixed number
/// of statements for all of them. Turns that are decided already are passed over.
namespace tandem {

/// Asks whether the records are pending, and which pairs they are about: the answer is taken by take_pairs, and nothing
/// else may be run in between.
[[nodiscard]] Status ask_pairs(postgres::Connection& session, const store::Fence& fence, const std::string& target,
                               std::span<const Turn> turns);
/// Fails where another connector has taken over.
[[nodiscard]] Status take_pairs(postgres::Connection& session, std::span<Turn> turns);
/// Objects of ours that nobody has paired: by their key, where they tell it, else by the natural key.
[[nodiscard]] Status find_objects(postgres::Connection& session, const std::string& target, std::span<Turn> turns);
/// The objects' rows and then the lanes, locked; then what stands in other tables, in a snapshot that is taken behind
/// these locks. A record whose row a session of the CRM holds waits for it, and so does one whose row has changed since
/// a stream has captured it.
[[nodiscard]] Status lock_lanes(postgres::Connection& session, const std::string& target, std::span<Turn> turns);
/// Which side is newer, where the route decides by times.
[[nodiscard]] Status compare_times(postgres::Connection& session, std::span<Turn> turns);

}  // namespace tandem
