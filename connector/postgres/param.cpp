#include "postgres/param.hpp"

#include <algorithm>

#include "postgres/type_oids.hpp"

namespace tandem::postgres {
namespace {

void put(std::string& out, std::uint64_t value, int width) {
  for (int shift = (width - 1) * 8; shift >= 0; shift -= 8) out += static_cast<char>((value >> shift) & 0xff);
}

struct ElementType {
  std::uint32_t element, array;
};

// The binary form of a one-dimensional array: dimensions, has-nulls flag, element type, length, lower bound, then each
// element as its length (-1 for null) and bytes. An empty array has no dimension.
class ArrayWriter {
 public:
  ArrayWriter(ElementType type, std::size_t count, bool has_nulls, std::size_t bytes_each) : type_(type) {
    bytes_.reserve(20 + count * (4 + bytes_each));
    put(bytes_, count == 0 ? 0 : 1, 4);
    put(bytes_, has_nulls ? 1 : 0, 4);
    put(bytes_, type.element, 4);
    if (count == 0) return;
    put(bytes_, count, 4);
    put(bytes_, 1, 4);
  }
  void number(std::uint64_t value, int width) {
    put(bytes_, static_cast<std::uint64_t>(width), 4);
    put(bytes_, value, width);
  }
  void raw(const void* data, std::size_t size) {
    put(bytes_, size, 4);
    bytes_.append(static_cast<const char*>(data), size);
  }
  void null() { put(bytes_, 0xffffffffU, 4); }

  Param param() && {
    Param out;
    out.bytes = std::move(bytes_);
    out.oid = type_.array;
    out.binary = true;
    out.null = false;
    return out;
  }

 private:
  ElementType type_;
  std::string bytes_;
};

template <class Integer>
Param integers(std::span<const Integer> values, ElementType type) {
  ArrayWriter writer(type, values.size(), false, sizeof(Integer));
  for (const Integer value : values) writer.number(static_cast<std::uint64_t>(value), sizeof(Integer));
  return std::move(writer).param();
}

template <class Text>
Param texts(std::span<const Text> values) {
  ArrayWriter writer({oid::text, oid::text_array}, values.size(), false, 16);
  for (const Text& value : values) writer.raw(value.data(), value.size());
  return std::move(writer).param();
}

/// An empty one becomes null.
template <class Text>
Param nullable_texts(std::span<const Text> values) {
  const bool has_nulls = std::any_of(values.begin(), values.end(), [](const Text& value) { return value.empty(); });
  std::size_t bytes = 0;
  for (const Text& value : values) bytes += value.size();
  ArrayWriter writer({oid::text, oid::text_array}, values.size(), has_nulls,
                     bytes / std::max<std::size_t>(values.size(), 1) + 1);
  for (const Text& value : values) {
    if (value.empty())
      writer.null();
    else
      writer.raw(value.data(), value.size());
  }
  return std::move(writer).param();
}

}  // namespace

Param::Param(std::string_view text) : bytes(text), null(false) {}
Param::Param(std::int64_t number) : bytes(std::to_string(number)), null(false) {}
Param::Param(bool flag) : bytes(flag ? "t" : "f"), null(false) {}

Param Param::array(std::span<const std::int64_t> values) {
  return integers(values, {oid::int8, oid::int8_array});
}
Param Param::array(std::span<const std::int32_t> values) {
  return integers(values, {oid::int4, oid::int4_array});
}
Param Param::array(std::span<const std::int16_t> values) {
  return integers(values, {oid::int2, oid::int2_array});
}

Param Param::array(const std::vector<bool>& values) {
  ArrayWriter writer({oid::boolean, oid::boolean_array}, values.size(), false, 1);
  for (const bool value : values) writer.number(value ? 1 : 0, 1);
  return std::move(writer).param();
}

Param Param::array(std::span<const Counter> values) {
  ArrayWriter writer({oid::int8, oid::int8_array}, values.size(), false, 8);
  for (const Counter value : values) writer.number(static_cast<std::uint64_t>(value.value), 8);
  return std::move(writer).param();
}

Param Param::array(std::span<const RecordId> values) {
  ArrayWriter writer({oid::uuid, oid::uuid_array}, values.size(), false, 16);
  for (const RecordId& value : values) writer.raw(value.bytes.data(), value.bytes.size());
  return std::move(writer).param();
}

Param Param::array(std::span<const std::string> values) {
  return texts(values);
}
Param Param::array(std::span<const std::string_view> values) {
  return texts(values);
}

Param Param::nullable_array(std::span<const std::string> values) {
  return nullable_texts(values);
}
Param Param::nullable_array(std::span<const std::string_view> values) {
  return nullable_texts(values);
}

Param Param::nullable_array(std::span<const std::optional<std::int64_t>> values) {
  const bool has_nulls = std::any_of(values.begin(), values.end(), [](const auto& value) { return !value; });
  ArrayWriter writer({oid::int8, oid::int8_array}, values.size(), has_nulls, 8);
  for (const auto& value : values) {
    if (value)
      writer.number(static_cast<std::uint64_t>(*value), 8);
    else
      writer.null();
  }
  return std::move(writer).param();
}

Param Param::nullable_array(std::span<const std::optional<std::string>> values) {
  const bool has_nulls = std::any_of(values.begin(), values.end(), [](const auto& value) { return !value; });
  ArrayWriter writer({oid::text, oid::text_array}, values.size(), has_nulls, 16);
  for (const auto& value : values) {
    if (value)
      writer.raw(value->data(), value->size());
    else
      writer.null();
  }
  return std::move(writer).param();
}

}  // namespace tandem::postgres
