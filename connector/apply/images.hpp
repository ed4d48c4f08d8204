#pragma once
#include <span>
#include <string>

#include "apply/round.hpp"
#include "postgres/connection.hpp"

/// Bodies of theirs, read backwards: values as the database prints them for our columns, references by identity.
namespace tandem {

/// What needs no question about the bodies of all undecided turns that are no deletes.
void read_bodies(std::span<Turn> turns);
/// Their values, of every undecided turn that is no delete. A body that the mapping cannot read is rejected, one whose
/// reference has no pair waits; where its parent stands earlier in the round, the round is cut before it.
[[nodiscard]] Status read_theirs(postgres::Connection& session, const std::string& target, Round& round);
/// The agreed images, where ours and theirs differ. One that cannot be read is as good as none.
[[nodiscard]] Status read_agreed(postgres::Connection& session, const std::string& target, std::span<Turn> turns);

}  // namespace tandem
