#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/identifiers.hpp"

namespace tandem::postgres {

/// One parameter of a statement. Scalars travel as text and take whatever type the SQL gives them. Arrays travel in the
/// binary format, encoded once, with their type declared (bigint[], integer[], smallint[], boolean[], uuid[], text[]):
/// another type is a cast in the SQL, `$1::text[]::date[]`.
class Param {
 public:
  Param() = default;  ///< null
  Param(std::string_view text);
  Param(const std::string& text) : Param(std::string_view(text)) {}
  Param(const char* text) : Param(std::string_view(text)) {}
  Param(std::int64_t number);
  Param(std::int32_t number) : Param(static_cast<std::int64_t>(number)) {}
  Param(bool flag);
  Param(Counter counter) : Param(counter.value) {}
  Param(Epoch epoch) : Param(epoch.value) {}
  Param(const RecordId& id) : Param(to_string(id)) {}
  [[nodiscard]] static Param array(std::span<const std::int64_t> values);
  [[nodiscard]] static Param array(std::span<const std::int32_t> values);
  [[nodiscard]] static Param array(std::span<const std::int16_t> values);
  [[nodiscard]] static Param array(const std::vector<bool>& values);
  [[nodiscard]] static Param array(std::span<const Counter> values);
  [[nodiscard]] static Param array(std::span<const RecordId> values);
  [[nodiscard]] static Param array(std::span<const std::string> values);
  [[nodiscard]] static Param array(std::span<const std::string_view> values);
  [[nodiscard]] static Param nullable_array(std::span<const std::string> values);  ///< an empty string becomes null
  [[nodiscard]] static Param nullable_array(std::span<const std::string_view> values);
  [[nodiscard]] static Param nullable_array(std::span<const std::optional<std::int64_t>> values);  ///< bigint[]
  [[nodiscard]] static Param nullable_array(std::span<const std::optional<std::string>> values);   ///< text[]

  std::string bytes;
  std::uint32_t oid = 0;  ///< 0 = let the server decide
  bool binary = false, null = true;
};

}  // namespace tandem::postgres
