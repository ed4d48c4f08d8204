#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tandem::json {

/// Writes one JSON value in order; commas, colons and quotes are its business, calling in a sensible order is the
/// caller's.
///
///     Writer w;
///     w.open_object().key("counter").number(7).key("body").raw(body).close_object();
///     std::string text = w.take();
class Writer {
 public:
  Writer& open_object();
  Writer& close_object();
  Writer& open_array();
  Writer& close_array();
  Writer& key(std::string_view name);
  Writer& string(std::string_view text);
  Writer& number(std::int64_t value);
  Writer& boolean(bool value);
  Writer& null();
  /// A token that is JSON already, copied as it is.
  Writer& raw(std::string_view token);

  [[nodiscard]] const std::string& text() const { return out_; }
  /// The text; the writer is empty again.
  [[nodiscard]] std::string take();

 private:
  void before_value();
  std::string out_;
  std::vector<bool> filled_;  ///< per open object or array: whether it has a member yet
  bool after_key_ = false;
};

}  // namespace tandem::json
