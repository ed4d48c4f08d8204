#include "http/message.hpp"

#include "json/writer.hpp"

namespace tandem::http {
namespace {

int hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

std::string_view Request::header(std::string_view name) const {
  for (const auto& [header_name, value] : headers)
    if (header_name == name) return value;
  return {};
}

Response problem(int status, std::string_view title, std::string_view detail) {
  json::Writer w;
  w.open_object().key("type").string("about:blank").key("title").string(title).key("status").number(status);
  if (!detail.empty()) w.key("detail").string(detail);
  w.close_object();
  Response response;
  response.status = status;
  response.content_type = "application/problem+json";
  response.body = w.take();
  return response;
}

std::optional<std::string> percent_decoded(std::string_view text, char plus) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+') {
      out += plus;
    } else if (text[i] != '%') {
      out += text[i];
    } else {
      if (i + 2 >= text.size()) return std::nullopt;
      const int high = hex(text[i + 1]), low = hex(text[i + 2]);
      if (high < 0 || low < 0 || (high == 0 && low == 0)) return std::nullopt;
      out += static_cast<char>(high * 16 + low);
      i += 2;
    }
  }
  return out;
}

bool split_target(std::string_view target, Request& request) {
  const auto question = target.find('?');
  request.path = std::string(target.substr(0, question));
  if (!request.path.starts_with('/')) return false;
  if (question == std::string_view::npos) return true;
  std::string_view rest = target.substr(question + 1);
  request.query_text = rest;
  while (!rest.empty()) {
    const auto end = std::min(rest.find('&'), rest.size());
    const auto pair = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (pair.empty()) continue;
    const auto equals = pair.find('=');
    auto name = percent_decoded(pair.substr(0, equals), ' ');
    auto value = percent_decoded(equals == std::string_view::npos ? std::string_view() : pair.substr(equals + 1), ' ');
    if (!name || !value) return false;
    request.query.insert_or_assign(std::move(*name), std::move(*value));
  }
  return true;
}

}  // namespace tandem::http
