#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// The pass over the bytes that scan.cpp is made of: moves over one value at a time and checks its grammar. UTF-8 is
/// checked elsewhere, for the whole text at once.
namespace tandem::json {

class Scanner {
 public:
  explicit Scanner(std::string_view text, std::size_t depth_limit)
      : begin_(text.data()), at_(begin_), end_(begin_ + text.size()), depth_limit_(depth_limit) {}

  /// Moves past blanks and then `c`, if it stands there.
  bool take(char c);
  /// Moves past a whole value, nested ones included; blanks before it are passed over. False on an error.
  bool skip_value();
  /// Like skip_value, and tells what was passed.
  bool read_value(std::string_view& token);
  /// A string token with its colon: `"key" :`.
  bool read_key(std::string_view& key);
  /// Only blanks are left.
  bool finish();

  /// What is wrong and where; of the first false answer.
  [[nodiscard]] std::string error() const;
  bool wrong(const char* what);

 private:
  void skip_blanks();
  bool skip_string();
  bool skip_number();
  bool skip_word(std::string_view word);
  bool skip_scalar();

  const char *begin_, *at_, *end_;
  std::size_t depth_limit_;
  std::vector<bool> open_;  ///< per level that is open: true = object
  const char* what_ = nullptr;
  const char* where_ = nullptr;
};

}  // namespace tandem::json
