#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "apply/decision.hpp"
#include "apply/turn.hpp"
#include "postgres/connection.hpp"
#include "store/parked.hpp"

/// What apply writes into tandem's own tables, as statements that are sent together.
namespace tandem {

/// May a key that the CRM has just given to a row have belonged to an object of which something is left?
enum class KeysUsed : std::uint8_t { once, again };
/// Conflicts, pairs, agreed images, superseded records and the records that go back, as the steps say.
[[nodiscard]] std::vector<postgres::Statement> pairs_of(const std::string& target, std::span<const Turn> turns,
                                                        KeysUsed used);
/// These statements have failed since a key has been used again.
[[nodiscard]] bool tells_of_a_used_key(const Error& error);
/// The records' ends. Each of these answers whether the fence still stands, and how many records it has found pending.
[[nodiscard]] std::vector<postgres::Statement> ends_of(const store::Fence& fence, std::span<const Turn> turns);

/// Rows that a transaction has changed. Records that are not written under an object's row lock may have been written
/// since its lane was read, and sent with what it had before: it goes out once more.
class ChangedRows {
 public:
  void add(const Turn& turn);
  [[nodiscard]] bool empty() const { return types_.empty(); }
  [[nodiscard]] postgres::Statement sent_once_more(const std::string& target) const;

 private:
  std::vector<std::string> types_, object_ids_, snapshots_;
};

}  // namespace tandem
