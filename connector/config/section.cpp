#include "config/section.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "config/environment.hpp"
#include "config/json_text.hpp"
#include "config/quantity.hpp"
#include "config/suggest.hpp"

namespace tandem {
namespace {

std::string_view word(yaml::Kind kind) {
  switch (kind) {
    case yaml::Kind::null:
      return "nothing";
    case yaml::Kind::scalar:
      return "a single value";
    case yaml::Kind::sequence:
      return "a list";
    case yaml::Kind::mapping:
      return "a mapping";
  }
  return "nothing";
}

/// Relative paths begin at the configuration file.
std::filesystem::path place_of(const std::string& path, const std::string& config_file) {
  const std::filesystem::path place(path);
  return place.is_relative() ? std::filesystem::path(config_file).parent_path() / place : place;
}

/// The content of a secret file without its last line end.
tl::expected<std::string, std::string> read_secret_file(const std::filesystem::path& place) {
  constexpr std::size_t largest = 64 << 10;
  std::ifstream in(place, std::ios::binary);
  if (!in) return tl::unexpected("cannot read " + place.string());
  std::string text(largest + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (text.size() > largest) return tl::unexpected(place.string() + " is larger than 64 KiB");
  if (text.ends_with('\n')) text.pop_back();
  if (text.ends_with('\r')) text.pop_back();
  if (text.empty()) return tl::unexpected(place.string() + " is empty");
  if (text.find('\0') != std::string::npos) return tl::unexpected(place.string() + " holds a NUL byte");
  return text;
}

template <class Amount>
std::string range_text(Amount least, Amount most) {
  std::ostringstream text;
  text << "between " << least << " and " << most;
  return text.str();
}

}  // namespace

void Reading::problem(int line, std::string key, std::string message, std::string remedy) {
  loaded.problems.push_back({file, line, std::move(key), std::move(message), std::move(remedy)});
}

Section::Section(Reading& reading, const yaml::Value* value, std::string path, int line_if_absent)
    : reading_(reading), value_(value), path_(std::move(path)), line_(value == nullptr ? line_if_absent : value->line) {
  if (value_ == nullptr) return;
  if (value_->kind != yaml::Kind::mapping) {
    problem_here("expected a mapping, found " + std::string(word(value_->kind)),
                 "write `key: value` lines below it, indented");
    value_ = nullptr;
    return;
  }
  std::map<std::string_view, int> first;
  for (const auto& entry : value_->entries) {
    const auto [seen, fresh] = first.emplace(entry.key, entry.line);
    if (fresh)
      reading_.loaded.lines.emplace(path_of(entry.key), entry.line);
    else
      reading_.problem(entry.line, path_of(entry.key),
                       "duplicate key, first written in line " + std::to_string(seen->second), "keep one of them");
  }
}

Section::~Section() {
  if (value_ == nullptr || open_ended_) return;
  std::set<std::string_view> told;
  for (const auto& entry : value_->entries)
    if (std::ranges::find(known_, entry.key) == known_.end() && told.insert(entry.key).second)
      reading_.problem(entry.line, path_of(entry.key), "unknown key", suggest(entry.key, known_));
}

std::string Section::path_of(std::string_view key) const {
  return path_.empty() ? std::string(key) : path_ + "." + std::string(key);
}

const yaml::Value* Section::take_nullable(std::string_view key) {
  known_.emplace_back(key);
  return value_ == nullptr ? nullptr : value_->find(key);
}

const yaml::Value* Section::take(std::string_view key) {
  const yaml::Value* value = take_nullable(key);
  if (value == nullptr || value->kind != yaml::Kind::null) return value;
  problem(key, "has no value", "give it a value, or remove the key");
  return nullptr;
}

std::vector<const yaml::Value::Entry*> Section::take_names() {
  std::vector<const yaml::Value::Entry*> entries;
  open_ended_ = true;
  if (value_ == nullptr) return entries;
  std::set<std::string_view> seen(known_.begin(), known_.end());
  for (const auto& entry : value_->entries)
    if (seen.insert(entry.key).second) entries.push_back(&entry);
  return entries;
}

bool Section::has(std::string_view key) {
  return take_nullable(key) != nullptr;
}

void Section::problem(std::string_view key, std::string message, std::string remedy) {
  const yaml::Value* value = value_ == nullptr ? nullptr : value_->find(key);
  int line = value == nullptr ? line_ : value->line;
  if (const auto at = reading_.loaded.lines.find(path_of(key)); at != reading_.loaded.lines.end()) line = at->second;
  reading_.problem(line, path_of(key), std::move(message), std::move(remedy));
}

void Section::problem_here(std::string message, std::string remedy) {
  reading_.problem(line_, path_, std::move(message), std::move(remedy));
}

std::optional<Section::Scalar> Section::scalar(const yaml::Value& value, const std::string& path) {
  if (value.kind != yaml::Kind::scalar) {
    reading_.problem(value.line, path, "expected a single value, found " + std::string(word(value.kind)),
                     "write one value after the colon");
    return std::nullopt;
  }
  Expanded expanded = expand(value.text, reading_.environment);
  if (!expanded.malformed.empty()) {
    reading_.problem(value.line, path, "malformed variable " + expanded.malformed,
                     "write ${NAME} or ${NAME:-default}; for a literal ${ write $${");
    return std::nullopt;
  }
  for (const auto& name : expanded.unset)
    reading_.problem(value.line, path, "the environment variable " + name + " is not set",
                     "export " + name + ", or write ${" + name + ":-default}");
  if (!expanded.unset.empty()) return std::nullopt;
  for (const auto& put_in : expanded.values) reading_.loaded.settings.remember(put_in);
  Scalar out{std::move(expanded.text), !value.quoted || expanded.changed, expanded.changed, value.text};
  if (out.text.find('\0') != std::string::npos) {
    reading_.problem(value.line, path, "holds a NUL character", "remove it");
    return std::nullopt;
  }
  return out;
}

std::optional<std::string> Section::text_of(const yaml::Value& value, const std::string& path) {
  auto read = scalar(value, path);
  if (!read) return std::nullopt;
  if (read->plain && !read->replaced) {
    const PlainForm form = plain_form(read->text);
    if (form == PlainForm::number || form == PlainForm::boolean) {
      reading_.problem(value.line, path,
                       std::string("expected text, found a ") + (form == PlainForm::number ? "number" : "boolean"),
                       "put it in quotes: \"" + read->text + "\"");
      return std::nullopt;
    }
  }
  return std::move(read->text);
}

bool Section::text_or_empty(std::string_view key, std::string& out) {
  const yaml::Value* value = take(key);
  if (value == nullptr) return false;
  auto text = text_of(*value, path_of(key));
  if (!text) return false;
  out = std::move(*text);
  return true;
}

bool Section::text(std::string_view key, std::string& out) {
  std::string read;
  if (!text_or_empty(key, read)) return false;
  if (read.empty()) {
    problem(key, "is empty", "give it a value, or remove the key");
    return false;
  }
  out = std::move(read);
  return true;
}

void Section::flag(std::string_view key, bool& out) {
  const yaml::Value* value = take(key);
  if (value == nullptr) return;
  const auto read = scalar(*value, path_of(key));
  if (!read) return;
  if (read->plain && read->text == "true")
    out = true;
  else if (read->plain && read->text == "false")
    out = false;
  else
    problem(key, "expected true or false, found `" + read->shown + "`", "write true or false, without quotes");
}

template <class Number, class Parse>
void Section::number(std::string_view key, Number& out, Number least, Number most, Parse parse, std::string_view what) {
  const yaml::Value* value = take(key);
  if (value == nullptr) return;
  const auto read = scalar(*value, path_of(key));
  if (!read) return;
  const auto parsed = parse(read->text);
  if (!read->plain || !parsed)
    problem(key, "expected " + std::string(what) + ", found `" + read->shown + "`",
            "write it in decimal, without quotes, blanks or leading zeros");
  else if (static_cast<Number>(*parsed) < least || static_cast<Number>(*parsed) > most)
    problem(key, "`" + read->shown + "` is out of range", "write a value " + range_text(least, most));
  else
    out = static_cast<Number>(*parsed);
}

void Section::integer(std::string_view key, int& out, int least, int most) {
  std::int64_t wide = out;
  integer(key, wide, least, most);
  out = static_cast<int>(wide);
}

void Section::integer(std::string_view key, std::int64_t& out, std::int64_t least, std::int64_t most) {
  number(
      key, out, least, most, [](std::string_view text) { return parse_integer(text); }, "a whole number");
}

void Section::decimal(std::string_view key, double& out, double least, double most) {
  number(
      key, out, least, most, [](std::string_view text) { return parse_decimal(text); }, "a number");
}

void Section::share(std::string_view key, double& out) {
  const auto parse = [](std::string_view text) {
    if (const auto percent = parse_percent(text)) return std::optional<double>(*percent / 100);
    return parse_decimal(text);
  };
  number(key, out, 0.0, 1.0, parse, "a share such as 0.05 or 5%");
}

void Section::percent(std::string_view key, int& out) {
  const yaml::Value* value = take(key);
  if (value == nullptr) return;
  const auto read = scalar(*value, path_of(key));
  if (!read) return;
  const auto parsed = parse_percent(read->text);
  if (!parsed || *parsed < 0 || *parsed > 100 || *parsed != static_cast<int>(*parsed))
    problem(key, "expected a percentage, found `" + read->shown + "`",
            "write a whole percentage between 0% and 100%, e.g. 10%");
  else
    out = static_cast<int>(*parsed);
}

void Section::duration(std::string_view key, std::chrono::milliseconds& out, std::chrono::milliseconds least,
                       std::chrono::milliseconds most) {
  const yaml::Value* value = take(key);
  if (value == nullptr) return;
  const auto read = scalar(*value, path_of(key));
  if (!read) return;
  const auto parsed = parse_duration(read->text);
  if (!parsed) {
    std::string remedy = "write an amount with its unit (ms, s, m, h, d), e.g. 250ms, 30s, 1h30m";
    if (const auto bare = parse_integer(read->text); bare && !read->replaced)
      remedy += "; did you mean " + read->text + "s?";
    problem(key, "expected a duration, found `" + read->shown + "`", remedy);
  } else if (*parsed < least || *parsed > most) {
    problem(key, "`" + read->shown + "` is out of range",
            "write a duration between " + format_duration(least) + " and " + format_duration(most));
  } else {
    out = *parsed;
  }
}

void Section::duration(std::string_view key, std::chrono::hours& out, std::chrono::hours least,
                       std::chrono::hours most) {
  std::chrono::milliseconds fine = out;
  duration(key, fine, least, most);
  if (fine % std::chrono::hours(1) != std::chrono::milliseconds(0))
    problem(key, "must be whole hours", "write e.g. 72h or 30d");
  else
    out = std::chrono::duration_cast<std::chrono::hours>(fine);
}

void Section::size(std::string_view key, std::uint64_t& out, std::uint64_t least, std::uint64_t most) {
  const yaml::Value* value = take(key);
  if (value == nullptr) return;
  const auto read = scalar(*value, path_of(key));
  if (!read) return;
  const auto parsed = parse_size(read->text);
  if (!parsed)
    problem(key, "expected a size, found `" + read->shown + "`",
            "write a whole amount with its unit (B, KiB, MiB, GiB), e.g. 1MiB");
  else if (*parsed < least || *parsed > most)
    problem(key, "`" + read->shown + "` is out of range",
            "write a size between " + format_size(least) + " and " + format_size(most));
  else
    out = *parsed;
}

bool Section::secret(std::string_view key, Secret& out, std::string* file) {
  const std::string file_key = std::string(key) + "_file";
  const yaml::Value* from_file = take(file_key);
  const yaml::Value* inline_value = take(key);
  if (inline_value != nullptr && from_file != nullptr) {
    problem(file_key, "both `" + std::string(key) + "` and `" + file_key + "` are given", "keep one of them");
    return true;
  }
  if (from_file != nullptr) {
    const auto path = text_of(*from_file, path_of(file_key));
    if (!path) return true;
    const std::filesystem::path place = place_of(*path, reading_.file);
    if (file != nullptr) *file = place.string();
    auto content = read_secret_file(place);
    if (content) {
      reading_.loaded.settings.remember(*content);
      out = Secret(std::move(*content));
    } else {
      problem(file_key, content.error(), "name a file that tandem may read and that holds the secret alone");
    }
    return true;
  }
  if (inline_value == nullptr) return false;
  const auto read = scalar(*inline_value, path_of(key));
  if (!read) return true;
  if (read->text.empty())
    problem(key, "is empty", "set it, e.g. \"${NAME}\" for the environment variable NAME");
  else
    out = Secret(read->text);
  return true;
}

bool Section::names(std::string_view key, std::vector<std::string>& out) {
  const yaml::Value* value = take(key);
  if (value == nullptr) return false;
  if (value->kind != yaml::Kind::sequence) {
    problem(key, "expected a list, found " + std::string(word(value->kind)), "write [a, b], also for a single one");
    return false;
  }
  std::vector<std::string> read;
  for (std::size_t i = 0; i < value->items.size(); ++i) {
    const auto& item = value->items[i];
    const std::string path = path_of(key) + "[" + std::to_string(i) + "]";
    reading_.loaded.lines.emplace(path, item.line);
    auto text = text_of(item, path);
    if (!text) continue;
    if (text->empty())
      reading_.problem(item.line, path, "is empty", "remove it");
    else if (std::ranges::find(read, *text) != read.end())
      reading_.problem(item.line, path, "`" + *text + "` is listed twice", "remove one of them");
    else
      read.push_back(std::move(*text));
  }
  if (value->items.empty()) problem(key, "the list is empty", "name at least one, or remove the key");
  out = std::move(read);
  return true;
}

bool Section::chosen(std::string_view key, std::string& out, std::span<const std::string> known) {
  const yaml::Value* value = take(key);
  if (value == nullptr) return false;
  const auto read = scalar(*value, path_of(key));
  if (!read) return false;
  if (std::ranges::find(known, read->text) == known.end()) {
    problem(key, "`" + read->shown + "` is not one of its values", suggest(read->shown, known));
    return false;
  }
  out = read->text;
  return true;
}

std::optional<std::string> Section::json_of(const yaml::Value& value, const std::string& path) {
  switch (value.kind) {
    case yaml::Kind::null:
      return "null";
    case yaml::Kind::scalar: {
      const auto read = scalar(value, path);
      if (!read) return std::nullopt;
      if (!read->plain || read->replaced) return json_quoted(read->text);
      switch (plain_form(read->text)) {
        case PlainForm::number:
        case PlainForm::boolean:
          return read->text;
        case PlainForm::text:
          return json_quoted(read->text);
        case PlainForm::ambiguous:
          break;
      }
      reading_.problem(
          value.line, path, "`" + read->text + "` can be read in two ways",
          "put text in quotes (\"" + read->text + "\"); write booleans as true or false and numbers in decimal");
      return std::nullopt;
    }
    case yaml::Kind::sequence: {
      std::string out = "[";
      for (std::size_t i = 0; i < value.items.size(); ++i) {
        const auto item = json_of(value.items[i], path + "[" + std::to_string(i) + "]");
        if (!item) return std::nullopt;
        out.append(i == 0 ? "" : ",").append(*item);
      }
      return out + "]";
    }
    case yaml::Kind::mapping: {
      std::string out = "{";
      std::set<std::string_view> seen;
      for (const auto& entry : value.entries) {
        const std::string place = path + "." + entry.key;
        if (!seen.insert(entry.key).second) {
          reading_.problem(entry.line, place, "duplicate key", "keep one of them");
          return std::nullopt;
        }
        const auto item = json_of(entry.value, place);
        if (!item) return std::nullopt;
        out.append(out.size() == 1 ? "" : ",").append(json_quoted(entry.key)).append(":").append(*item);
      }
      return out + "}";
    }
  }
  return std::nullopt;
}

}  // namespace tandem
