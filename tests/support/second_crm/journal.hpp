#pragma once
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "support/second_crm/store.hpp"

/// Everything that the second CRM was asked, in the order it was asked: what tests hold tandem's promises against.
namespace second_crm {

enum class Operation : std::uint8_t { create, update, replace, upsert, remove, read, lookup, list, token, unknown };
[[nodiscard]] std::string_view word(Operation operation);

/// One record of one request (a batch has several).
struct Entry {
  std::uint64_t number = 0;  ///< 1, 2, 3, …
  Time at;
  Operation operation = Operation::unknown;
  std::string method, path, type;
  std::string id, external_id;  ///< of the object, as far as the request or the store told
  std::string idempotency_key;  ///< also a batch record's own id
  std::string traceparent;
  std::string body;           ///< as sent
  int status = 0;             ///< answered (or that would have been, where the answer was cut or withheld)
  bool in_effect = false;     ///< this very request changed the store
  bool changed = false;       ///< and something is different now
  bool repeated = false;      ///< answered from an earlier request with the same key
  std::uint64_t version = 0;  ///< of the object afterwards
};

class Journal {
 public:
  explicit Journal(std::size_t limit) : limit_(limit) {}

  void add(Entry entry);
  void clear() { entries_.clear(); }

  [[nodiscard]] std::uint64_t last() const { return last_; }
  [[nodiscard]] const std::deque<Entry>& entries() const { return entries_; }  ///< the newest `limit`
  [[nodiscard]] std::vector<Entry> after(std::uint64_t number, std::size_t limit) const;
  /// What was asked for one object, in order; reads and lookups left out.
  [[nodiscard]] std::vector<Entry> writes_of(std::string_view type, std::string_view external_id) const;

 private:
  std::size_t limit_;
  std::uint64_t last_ = 0;
  std::deque<Entry> entries_;
};

[[nodiscard]] std::string print(const Entry& entry);  ///< one JSON object

}  // namespace second_crm
