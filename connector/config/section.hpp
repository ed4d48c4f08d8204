#pragma once
#include <chrono>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/load.hpp"
#include "config/yaml_tree.hpp"

namespace tandem {

/// What all sections of one file share while it is read.
struct Reading {
  std::string file;
  const Environment& environment;
  Loaded& loaded;

  void problem(int line, std::string key, std::string message, std::string remedy);
};

/// One mapping of the file. Every key that is asked for is a known key; when the section ends, what nobody asked for is
/// reported. A value that is wrong is reported and leaves the default in place.
class Section {
 public:
  /// `value` may be null (section absent) or not a mapping (reported).
  Section(Reading& reading, const yaml::Value* value, std::string path, int line_if_absent = 0);
  Section(const Section&) = delete;
  Section& operator=(const Section&) = delete;
  ~Section();

  [[nodiscard]] bool present() const { return value_ != nullptr; }
  [[nodiscard]] int line() const { return line_; }
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::string path_of(std::string_view key) const;
  [[nodiscard]] Reading& reading() const { return reading_; }

  /// The value of a key, which is thereby known; null if absent. A key without a value is reported and null.
  const yaml::Value* take(std::string_view key);
  /// The same where `null` is a value.
  const yaml::Value* take_nullable(std::string_view key);
  /// Every entry not taken yet, as names of the user's choosing. They all are known.
  [[nodiscard]] std::vector<const yaml::Value::Entry*> take_names();
  [[nodiscard]] bool has(std::string_view key);

  void problem(std::string_view key, std::string message, std::string remedy);
  void problem_here(std::string message, std::string remedy);

  bool text(std::string_view key, std::string& out);
  bool text_or_empty(std::string_view key, std::string& out);
  void flag(std::string_view key, bool& out);
  void integer(std::string_view key, int& out, int least, int most);
  void integer(std::string_view key, std::int64_t& out, std::int64_t least, std::int64_t most);
  void decimal(std::string_view key, double& out, double least, double most);
  void share(std::string_view key, double& out);  ///< 0.05 or 5%
  void percent(std::string_view key, int& out);   ///< 10%
  void duration(std::string_view key, std::chrono::milliseconds& out, std::chrono::milliseconds least,
                std::chrono::milliseconds most);
  void duration(std::string_view key, std::chrono::hours& out, std::chrono::hours least, std::chrono::hours most);
  void size(std::string_view key, std::uint64_t& out, std::uint64_t least, std::uint64_t most);
  /// From `key`, or from the file named by `key_file`; never both. `file`, where wanted, is told the path of that file.
  bool secret(std::string_view key, Secret& out, std::string* file = nullptr);
  /// A list of texts, none twice, none empty.
  bool names(std::string_view key, std::vector<std::string>& out);

  template <class Enum, std::size_t N>
  bool choice(std::string_view key, Enum& out, const std::pair<std::string_view, Enum> (&known)[N]) {
    std::vector<std::string> words;
    for (const auto& [word, value] : known) words.emplace_back(word);
    std::string written;
    if (!chosen(key, written, words)) return false;
    for (const auto& [word, value] : known)
      if (word == written) out = value;
    return true;
  }
  /// The word written at `key`, if it is one of `known`.
  bool chosen(std::string_view key, std::string& out, std::span<const std::string> known);

  /// A scalar with its variables replaced; reports what is not one. `plain`: may be read as a number or boolean.
  struct Scalar {
    std::string text;
    bool plain = false;
    bool replaced = false;  ///< variables were replaced: the text may be secret, `shown` is as written
    std::string shown;
  };
  std::optional<Scalar> scalar(const yaml::Value& value, const std::string& path);
  /// Text; a plain number or boolean is a wrong type.
  std::optional<std::string> text_of(const yaml::Value& value, const std::string& path);
  /// Any value as JSON text; ambiguous plain forms are reported.
  std::optional<std::string> json_of(const yaml::Value& value, const std::string& path);

 private:
  template <class Number, class Parse>
  void number(std::string_view key, Number& out, Number least, Number most, Parse parse, std::string_view what);

  Reading& reading_;
  const yaml::Value* value_;
  std::string path_;
  int line_;
  std::vector<std::string> known_;
  bool open_ended_ = false;
};

}  // namespace tandem
