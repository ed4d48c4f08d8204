#include "intake/moment.hpp"

#include <array>
#include <charconv>
#include <cstdio>

namespace tandem {
namespace {

constexpr std::int64_t second = 1'000'000;
constexpr std::int64_t first_milliseconds = 100'000'000'000;  // as seconds this would be the year 5138

/// Reads a fixed form from left to right.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : text_(text) {}
  bool number(std::size_t digits, int& out) {
    if (text_.size() < digits) return false;
    const auto [end, error] = std::from_chars(text_.data(), text_.data() + digits, out);
    if (error != std::errc{} || end != text_.data() + digits || out < 0) return false;
    text_.remove_prefix(digits);
    return true;
  }
  bool is(char c) {
    if (text_.empty() || text_.front() != c) return false;
    text_.remove_prefix(1);
    return true;
  }
  char any() {
    const char c = text_.empty() ? '\0' : text_.front();
    if (c != '\0') text_.remove_prefix(1);
    return c;
  }
  /// Digits behind the point, as microseconds.
  bool fraction(std::int64_t& micros) {
    std::int64_t scale = second / 10;
    std::size_t digits = 0;
    while (!text_.empty() && text_.front() >= '0' && text_.front() <= '9') {
      micros += (text_.front() - '0') * scale;
      scale /= 10;
      ++digits;
      text_.remove_prefix(1);
    }
    return digits > 0;
  }
  [[nodiscard]] bool ended() const { return text_.empty(); }

 private:
  std::string_view text_;
};

}  // namespace

std::optional<Moment> Moment::parse(std::string_view text) {
  Moment out;
  if (!text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos) {
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || end != text.data() + text.size() || number > first_milliseconds * 1000)
      return std::nullopt;
    const bool seconds = number < first_milliseconds;
    out.writing_ = seconds ? Writing::seconds : Writing::milliseconds;
    out.micros_ = number * (seconds ? second : second / 1000);
    return out;
  }
  Cursor in(text);
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, sec = 0;
  if (!in.number(4, year) || !in.is('-') || !in.number(2, month) || !in.is('-') || !in.number(2, day))
    return std::nullopt;
  out.between_ = in.any();
  if (out.between_ != 'T' && out.between_ != 't' && out.between_ != ' ') return std::nullopt;
  if (!in.number(2, hour) || !in.is(':') || !in.number(2, minute) || !in.is(':') || !in.number(2, sec))
    return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok() || hour > 23 || minute > 59 || sec > 60) return std::nullopt;
  out.micros_ = std::chrono::sys_days(date).time_since_epoch().count() * std::int64_t{86'400} * second +
                ((std::int64_t{hour} * 60 + minute) * 60 + sec) * second;
  if (in.is('.') && !in.fraction(out.micros_)) return std::nullopt;
  if (in.ended()) {
    out.writing_ = Writing::bare;
    return out;
  }
  const char zone = in.any();
  if ((zone == 'Z' || zone == 'z') && in.ended()) return out;
  int zone_hours = 0, zone_minutes = 0;
  if ((zone != '+' && zone != '-') || !in.number(2, zone_hours)) return std::nullopt;
  if (in.is(':') || !in.ended())
    if (!in.number(2, zone_minutes)) return std::nullopt;
  if (!in.ended() || zone_hours > 23 || zone_minutes > 59) return std::nullopt;
  const std::int64_t offset = (std::int64_t{zone_hours} * 60 + zone_minutes) * 60 * second;
  out.micros_ += zone == '+' ? -offset : offset;
  return out;
}

std::string Moment::before(std::chrono::milliseconds by) const {
  const std::int64_t micros = std::max<std::int64_t>(micros_ - by.count() * 1000, 0);
  if (writing_ == Writing::seconds) return std::to_string(micros / second);
  if (writing_ == Writing::milliseconds) return std::to_string(micros / 1000);
  const std::chrono::sys_seconds whole{std::chrono::seconds(micros / second)};
  const auto days = std::chrono::floor<std::chrono::days>(whole);
  const std::chrono::year_month_day date(days);
  const std::chrono::hh_mm_ss time(whole - days);
  std::array<char, 40> text{};
  std::snprintf(text.data(), text.size(), "%04d-%02u-%02u%c%02d:%02d:%02d%s", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), between_,
                static_cast<int>(time.hours().count()), static_cast<int>(time.minutes().count()),
                static_cast<int>(time.seconds().count()), writing_ == Writing::zoned ? "Z" : "");
  return text.data();
}

}  // namespace tandem
