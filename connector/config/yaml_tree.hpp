#pragma once
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>
#include <vector>

/// YAML without its traps: a tree that keeps lines, order, duplicate keys and whether a scalar was quoted, and guesses
/// no types. Anchors, aliases, tags, merge keys, several documents and anything beyond the size cap are refused. The
/// only user of yaml-cpp.
namespace tandem::yaml {

enum class Kind { null, scalar, sequence, mapping };

struct Value {
  Kind kind = Kind::null;
  int line = 0;
  bool quoted = false;       ///< quoted or a block scalar: always text
  std::string text;          ///< of a scalar
  std::vector<Value> items;  ///< of a sequence
  struct Entry;
  std::vector<Entry> entries;  ///< of a mapping, duplicates included

  [[nodiscard]] const Value* find(std::string_view key) const;
};
struct Value::Entry {
  std::string key;
  bool key_quoted = false;
  int line = 0;
  Value value;
};

struct Fault {
  int line = 0;
  std::string message, remedy;
};

constexpr std::size_t size_cap = 1 << 20;

[[nodiscard]] tl::expected<Value, Fault> parse(std::string_view text);

}  // namespace tandem::yaml
