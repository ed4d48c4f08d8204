#include "log/line.hpp"

#include <cstdio>
#include <ctime>

#include "json/text.hpp"

namespace tandem::log {
namespace {

// 2026-11-22T01:02:03.456Z
std::string timestamp(std::chrono::system_clock::time_point time) {
  const auto millis = std::chrono::floor<std::chrono::milliseconds>(time);
  const std::time_t seconds = std::chrono::system_clock::to_time_t(std::chrono::floor<std::chrono::seconds>(millis));
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char text[48];
  const std::size_t length = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
  const auto fraction = static_cast<unsigned>(millis.time_since_epoch().count() % 1000);
  std::snprintf(text + length, sizeof text - length, ".%03uZ", fraction);
  return text;
}

bool shown(const Field& field) {
  return field.is_number() || !field.text().empty();
}

// Text that a shell and an eye can take apart: bare where it is plain, else as a JSON string.
void append_value(std::string& out, const Field& field) {
  if (field.is_number()) {
    out += std::to_string(field.number());
    return;
  }
  for (const char c : field.text()) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte <= ' ' || byte == '"' || byte == '=' || byte == '\\' || byte >= 0x7f)
      return json::append_quoted(out, field.text());
  }
  out += field.text();
}

}  // namespace

std::string as_json(const Line& line) {
  std::string out =
      R"({"time":")" + timestamp(line.time) + R"(","level":")" + std::string(word(line.level)) + R"(","message":)";
  json::append_quoted(out, line.sentence);
  if (!line.thread.empty()) {
    out += R"(,"thread":)";
    json::append_quoted(out, line.thread);
  }
  for (const Field& field : line.fields) {
    if (!shown(field)) continue;
    out += ",\"";
    out += field.name();
    out += "\":";
    if (field.is_number())
      out += std::to_string(field.number());
    else
      json::append_quoted(out, field.text());
  }
  return out + "}\n";
}

std::string as_text(const Line& line) {
  std::string level(word(line.level));
  level.resize(5, ' ');
  std::string out = timestamp(line.time) + " " + level + " ";
  for (const char c : line.sentence) out += static_cast<unsigned char>(c) < ' ' ? ' ' : c;
  for (const Field& field : line.fields) {
    if (!shown(field)) continue;
    out += ' ';
    out += field.name();
    out += '=';
    append_value(out, field);
  }
  return out + "\n";
}

std::string with_count(std::string_view line, Format format, std::uint64_t count) {
  const std::string_view end = format == Format::json ? "}\n" : "\n";
  std::string out(line.substr(0, line.size() - end.size()));
  out += (format == Format::json ? ",\"repeated\":" : " repeated=") + std::to_string(count);
  return out.append(end);
}

}  // namespace tandem::log
