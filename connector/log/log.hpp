#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>

#include "log/fields.hpp"
#include "model/error.hpp"
#include "model/identifiers.hpp"

/// The process's log: one line is a sentence and fields. Text on a terminal, JSON otherwise. Thread-safe; a line is one
/// write.
///
///     log::warn("the target is down; its records wait", {{field::target, "second_crm"}, {field::attempt, 3}});
///
/// info = what an operator cares about; warn = we recovered; error = someone must look. Never bodies, never secrets: a
/// Secret has no conversion to a field. The same warning or error over and over is written once in ten seconds, with
/// the number of its repeats.
namespace tandem::log {

enum class Level : std::uint8_t { debug, info, warn, error };
enum class Format : std::uint8_t { text, json };

[[nodiscard]] std::string_view word(Level level);
[[nodiscard]] Result<Level> parse_level(std::string_view text);

/// Name and value of one field, for the time of the call. Empty texts are left out of the line.
class Field {
 public:
  Field(FieldName name, std::string_view text) : name_(name.text), text_(text) {}
  Field(FieldName name, const std::string& text) : Field(name, std::string_view(text)) {}
  Field(FieldName name, const char* text) : Field(name, std::string_view(text)) {}
  Field(FieldName name, std::string&& text) : name_(name.text), own_(std::move(text)) {}
  Field(FieldName name, std::int64_t number) : name_(name.text), number_(number), is_number_(true) {}
  Field(FieldName name, std::int32_t number) : Field(name, static_cast<std::int64_t>(number)) {}
  Field(FieldName name, std::uint64_t number) : Field(name, static_cast<std::int64_t>(number)) {}
  Field(FieldName name, std::uint32_t number) : Field(name, static_cast<std::int64_t>(number)) {}
  Field(FieldName name, Counter counter) : Field(name, counter.value) {}
  Field(FieldName name, Epoch epoch) : Field(name, epoch.value) {}
  Field(FieldName name, Lsn lsn) : Field(name, to_string(lsn)) {}
  Field(FieldName name, const RecordId& id) : Field(name, to_string(id)) {}
  template <class Rep, class Period>
  Field(FieldName name, std::chrono::duration<Rep, Period> time)  ///< as whole milliseconds
      : Field(name, static_cast<std::int64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(time).count())) {}

  [[nodiscard]] std::string_view name() const { return name_; }
  [[nodiscard]] bool is_number() const { return is_number_; }
  [[nodiscard]] std::int64_t number() const { return number_; }
  [[nodiscard]] std::string_view text() const { return own_.empty() ? text_ : std::string_view(own_); }

 private:
  std::string_view name_, text_;
  std::string own_;
  std::int64_t number_ = 0;
  bool is_number_ = false;
};
using Fields = std::initializer_list<Field>;

void debug(std::string_view sentence, Fields fields = {});
void info(std::string_view sentence, Fields fields = {});
void warn(std::string_view sentence, Fields fields = {});
void error(std::string_view sentence, Fields fields = {});
/// The sentence with the error's message, hint and sqlstate as fields, and more of them.
void warn(std::string_view sentence, const Error& cause, Fields fields = {});
void error(std::string_view sentence, const Error& cause, Fields fields = {});

[[nodiscard]] bool enabled(Level level);

struct Options {
  Format format = Format::text;
  Level level = Level::info;
  std::function<void(std::string_view line)> write;  ///< empty = standard error; called by one thread at a time
};
/// At start, before there are threads.
void configure(Options options);
/// Json unless standard error is a terminal.
[[nodiscard]] Format default_format();
/// Names the calling thread, in the log's lines and in the system's lists.
void name_thread(std::string_view name);
/// Writes what is still held back as repeats. At the end of the process.
void flush();

}  // namespace tandem::log
