#include "json/writer.hpp"

#include "json/text.hpp"

namespace tandem::json {

void Writer::before_value() {
  if (after_key_) {
    after_key_ = false;
    return;
  }
  if (filled_.empty()) return;
  if (filled_.back()) out_ += ',';
  filled_.back() = true;
}

Writer& Writer::open_object() {
  before_value();
  out_ += '{';
  filled_.push_back(false);
  return *this;
}

Writer& Writer::close_object() {
  out_ += '}';
  if (!filled_.empty()) filled_.pop_back();
  return *this;
}

Writer& Writer::open_array() {
  before_value();
  out_ += '[';
  filled_.push_back(false);
  return *this;
}

Writer& Writer::close_array() {
  out_ += ']';
  if (!filled_.empty()) filled_.pop_back();
  return *this;
}

Writer& Writer::key(std::string_view name) {
  before_value();
  append_quoted(out_, name);
  out_ += ':';
  after_key_ = true;
  return *this;
}

Writer& Writer::string(std::string_view text) {
  before_value();
  append_quoted(out_, text);
  return *this;
}

Writer& Writer::number(std::int64_t value) {
  return raw(std::to_string(value));
}
Writer& Writer::boolean(bool value) {
  return raw(value ? "true" : "false");
}
Writer& Writer::null() {
  return raw("null");
}

Writer& Writer::raw(std::string_view token) {
  before_value();
  out_ += token;
  return *this;
}

std::string Writer::take() {
  std::string text;
  text.swap(out_);
  filled_.clear();
  after_key_ = false;
  return text;
}

}  // namespace tandem::json
