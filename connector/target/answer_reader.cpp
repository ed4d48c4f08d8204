#include "target/answer_reader.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

namespace tandem {
namespace {

constexpr std::size_t max_head_bytes = std::size_t{256} * 1024;

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}

bool is(std::string_view text, std::string_view lower_word) {
  return text.size() == lower_word.size() &&
         std::equal(text.begin(), text.end(), lower_word.begin(), [](char a, char b) { return lower(a) == b; });
}

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  return first == std::string_view::npos ? std::string_view{}
                                         : text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

/// Without the end of the line.
std::string_view chopped(std::string_view line) {
  if (line.ends_with('\n')) line.remove_suffix(1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

/// Letters that have no place in a header line, and by which two readers could understand it in two ways.
bool odd(char c) {
  return (c >= 0 && c < ' ' && c != '\t') || c == 127;
}

/// Whether a comma-separated list holds a word.
bool holds(std::string_view list, std::string_view lower_word) {
  while (!list.empty()) {
    const std::string_view one = list.substr(0, list.find(','));
    if (is(trimmed(one), lower_word)) return true;
    list.remove_prefix(std::min(one.size() + 1, list.size()));
  }
  return false;
}

bool number(std::string_view text, std::uint64_t& value, int base) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  return error == std::errc{} && end == text.data() + text.size() && !text.empty();
}

}  // namespace

void AnswerReader::begin(bool to_head_request) {
  part_ = Part::status_line;
  to_head_request_ = to_head_request;
  nothing_came_ = keeps_ = true;
  head_ended_ = chunked_ = has_length_ = false;
  status_ = 0;
  left_ = head_bytes_ = 0;
  head.clear();
  body.clear();
  line_.clear();
  error_.clear();
}

AnswerReader::Progress AnswerReader::fail(std::string error) {
  error_ = std::move(error);
  keeps_ = false;
  return Progress::malformed;
}

AnswerReader::Progress AnswerReader::read(std::string_view bytes) {
  if (!bytes.empty()) nothing_came_ = false;
  while (!bytes.empty()) {
    if (part_ == Part::done) {
      keeps_ = false;
      return Progress::whole;
    }
    if (part_ == Part::body_to_length || part_ == Part::body_to_end || part_ == Part::chunk) {
      const std::size_t size = part_ == Part::body_to_end
                                   ? bytes.size()
                                   : static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), left_));
      if (const Progress taken = take_body(bytes.substr(0, size)); taken != Progress::more) return taken;
      bytes.remove_prefix(size);
      if (part_ == Part::body_to_end) continue;
      left_ -= size;
      if (left_ > 0) continue;
      part_ = part_ == Part::chunk ? Part::chunk_end : Part::done;
      continue;
    }
    const std::size_t end = bytes.find('\n');
    const std::string_view piece = bytes.substr(0, end == std::string_view::npos ? bytes.size() : end + 1);
    head_bytes_ += piece.size();
    if (head_bytes_ > max_head_bytes) {
      keeps_ = false;
      return Progress::too_large;
    }
    line_ += piece;
    bytes.remove_prefix(piece.size());
    if (part_ == Part::status_line && !std::string_view("HTTP/1.").starts_with(std::string_view(line_).substr(0, 7)))
      return fail("the answer is not HTTP");
    if (end == std::string_view::npos) break;
    if (const Progress progress = line_ended(); progress == Progress::malformed) return progress;
    line_.clear();
  }
  return part_ == Part::done ? Progress::whole : Progress::more;
}

AnswerReader::Progress AnswerReader::line_ended() {
  const std::string_view line = chopped(line_);
  switch (part_) {
    case Part::status_line:
      return status_line(line);
    case Part::head:
      return line.empty() ? head_ended() : header(line);
    case Part::chunk_size:
      if (!number(trimmed(line.substr(0, line.find(';'))), left_, 16)) return fail("a chunk of the answer has no size");
      head_bytes_ = 0;
      part_ = left_ > 0 ? Part::chunk : Part::trailer;
      return Progress::more;
    case Part::chunk_end:
      if (!line.empty()) return fail("a chunk of the answer is longer than its size");
      part_ = Part::chunk_size;
      return Progress::more;
    case Part::trailer:
      if (line.empty()) part_ = Part::done;
      return Progress::more;
    default:
      return Progress::more;
  }
}

AnswerReader::Progress AnswerReader::status_line(std::string_view line) {
  std::uint64_t status = 0;
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  if (line.size() < 12 || !digit(line[7]) || line[8] != ' ' || !number(line.substr(9, 3), status, 10) || status < 100 ||
      (line.size() > 12 && line[12] != ' '))
    return fail("the answer is not HTTP");
  status_ = static_cast<int>(status);
  old_ = line[7] == '0';
  keeps_ = !old_;
  chunked_ = has_length_ = false;
  head.clear();
  part_ = Part::head;
  return Progress::more;
}

/// Strict where two readers could disagree on where the answer ends.
AnswerReader::Progress AnswerReader::header(std::string_view line) {
  const std::size_t colon = line.find(':');
  const std::string_view name = line.substr(0, colon);
  if (colon == std::string_view::npos || name.empty() || name.find_first_of(" \t") != std::string_view::npos ||
      std::any_of(line.begin(), line.end(), odd))
    return fail("a header line of the answer is malformed");
  head += line_;
  const std::string_view value = trimmed(line.substr(colon + 1));
  if (is(name, "content-length")) {
    std::uint64_t length = 0;
    if (!number(value, length, 10) || (has_length_ && length != left_))
      return fail("the answer's Content-Length is no length");
    has_length_ = true;
    left_ = length;
  } else if (is(name, "transfer-encoding")) {
    if (!is(value, "chunked") || chunked_) return fail("the answer's Transfer-Encoding is unknown");
    chunked_ = true;
  } else if (is(name, "connection")) {
    if (holds(value, "close")) keeps_ = false;
  }
  return Progress::more;
}

AnswerReader::Progress AnswerReader::head_ended() {
  if (status_ < 200) {  // an interim answer: the real one follows
    if (status_ == 101) return fail("the answer changes to a protocol that was not asked for");
    part_ = Part::status_line;
    return Progress::more;
  }
  head_ended_ = true;
  if (to_head_request_ || status_ == 204 || status_ == 304) {
    part_ = Part::done;
  } else if (chunked_) {
    if (has_length_ || old_) keeps_ = false;  // one of them lies
    head_bytes_ = 0;
    part_ = Part::chunk_size;
  } else if (has_length_) {
    part_ = left_ > 0 ? Part::body_to_length : Part::done;
  } else {
    keeps_ = false;
    part_ = Part::body_to_end;
  }
  return Progress::more;
}

AnswerReader::Progress AnswerReader::take_body(std::string_view bytes) {
  if (body.size() + bytes.size() <= max_body_) {
    body += bytes;
    return Progress::more;
  }
  body += bytes.substr(0, max_body_ - body.size());
  keeps_ = false;
  return Progress::too_large;
}

AnswerReader::Progress AnswerReader::ended(bool orderly) {
  keeps_ = false;
  if (part_ == Part::body_to_end && orderly) return Progress::whole;
  if (nothing_came_) return fail("connection closed before an answer");
  return fail(head_ended_ ? "connection closed within an answer" : "connection closed within the head of an answer");
}

}  // namespace tandem
