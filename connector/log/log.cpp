#include "log/log.hpp"

#include <pthread.h>
#include <unistd.h>

#include <atomic>
#include <mutex>
#include <vector>

#include "log/line.hpp"
#include "log/repeats.hpp"

namespace tandem::log {
namespace {

constexpr std::string_view words[] = {"debug", "info", "warn", "error"};

void write_to_standard_error(std::string_view line) {
  while (!line.empty()) {
    const ssize_t written = ::write(STDERR_FILENO, line.data(), line.size());
    if (written <= 0) return;  // nobody listens: a log must not stop the work
    line.remove_prefix(static_cast<std::size_t>(written));
  }
}

struct Log {
  Options options;
  std::atomic<Level> level{Level::info};
  std::mutex mutex;  // the threads share one output, which a queue and one more thread would only delay
  Repeats repeats;

  std::string render(const Line& line) const { return options.format == Format::json ? as_json(line) : as_text(line); }
  void write(std::string_view line) const {
    if (options.write)
      options.write(line);
    else
      write_to_standard_error(line);
  }
  void write_held(const Repeats::Held& held) const {
    write(held.count < 2 ? held.line : with_count(held.line, options.format, held.count));
  }
};

Log& process_log() {
  static Log log{{default_format(), Level::info, {}}, Level::info, {}, {}};
  return log;
}

thread_local std::string thread_name;

// What makes two lines the same: the sentence and its words, not its numbers or the record it is about.
std::string repeat_key(std::string_view sentence, std::span<const Field> fields) {
  std::string key(sentence);
  for (const Field& field : fields) {
    if (field.is_number() || field.name() == field::object_id.text || field.name() == field::record_id.text ||
        field.name() == field::lsn.text)
      continue;
    key += '\0';
    key += field.text();
  }
  return key;
}

void say(Level level, std::string_view sentence, std::span<const Field> fields) {
  Log& log = process_log();
  if (level < log.level.load(std::memory_order_relaxed)) return;
  const std::string line = log.render({std::chrono::system_clock::now(), level, thread_name, sentence, fields});
  const auto now = Repeats::Clock::now();
  const std::lock_guard lock(log.mutex);
  for (const Repeats::Held& held : log.repeats.due(now)) log.write_held(held);
  if (level < Level::warn || log.repeats.write_now(repeat_key(sentence, fields), line, now)) log.write(line);
}

void say(Level level, std::string_view sentence, const Error& cause, Fields fields) {
  std::vector<Field> all(fields);
  all.emplace_back(field::error, cause.message);
  all.emplace_back(field::hint, cause.hint);
  all.emplace_back(field::sqlstate, cause.sqlstate);
  say(level, sentence, all);
}

}  // namespace

std::string_view word(Level level) {
  return words[static_cast<std::size_t>(level)];
}

Result<Level> parse_level(std::string_view text) {
  for (std::size_t i = 0; i < std::size(words); ++i)
    if (words[i] == text) return static_cast<Level>(i);
  return fail(ErrorKind::config, "unknown log level \"" + std::string(text) + "\"", "use debug, info, warn or error");
}

void debug(std::string_view sentence, Fields fields) {
  say(Level::debug, sentence, std::span(fields.begin(), fields.size()));
}
void info(std::string_view sentence, Fields fields) {
  say(Level::info, sentence, std::span(fields.begin(), fields.size()));
}
void warn(std::string_view sentence, Fields fields) {
  say(Level::warn, sentence, std::span(fields.begin(), fields.size()));
}
void error(std::string_view sentence, Fields fields) {
  say(Level::error, sentence, std::span(fields.begin(), fields.size()));
}
void warn(std::string_view sentence, const Error& cause, Fields fields) {
  say(Level::warn, sentence, cause, fields);
}
void error(std::string_view sentence, const Error& cause, Fields fields) {
  say(Level::error, sentence, cause, fields);
}

bool enabled(Level level) {
  return level >= process_log().level.load(std::memory_order_relaxed);
}

void configure(Options options) {
  Log& log = process_log();
  const std::lock_guard lock(log.mutex);
  log.level.store(options.level, std::memory_order_relaxed);
  log.options = std::move(options);
}

Format default_format() {
  return ::isatty(STDERR_FILENO) == 1 ? Format::text : Format::json;
}

void name_thread(std::string_view name) {
  thread_name = name;
  ::pthread_setname_np(::pthread_self(), std::string(name.substr(0, 15)).c_str());
}

void flush() {
  Log& log = process_log();
  const std::lock_guard lock(log.mutex);
  for (const Repeats::Held& held : log.repeats.all()) log.write_held(held);
}

}  // namespace tandem::log
