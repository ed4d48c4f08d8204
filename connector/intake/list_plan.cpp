#include "intake/list_plan.hpp"

#include <algorithm>
#include <charconv>

#include "intake/digest.hpp"
#include "intake/moment.hpp"
#include "json/scan.hpp"
#include "json/text.hpp"
#include "json/writer.hpp"
#include "target/request_template.hpp"

namespace tandem {
namespace {

constexpr std::string_view header_place = "header:";

std::string text_at(std::string_view json, const std::string& pointer) {
  const auto found = json::at(json, pointer);
  if (!found || !*found || **found == "null" || **found == "false") return {};
  return json::scalar_text(**found).value_or("");
}

/// Everything between < and > of the part that says rel="next" (RFC 8288); another header is the value itself.
std::string link_of(std::string_view header) {
  if (header.find('<') == std::string_view::npos) return std::string(header);
  while (!header.empty()) {
    const auto open = header.find('<'), close = header.find('>', open);
    if (open == std::string_view::npos || close == std::string_view::npos) return {};
    const auto end = std::min(header.find(',', close), header.size());
    const std::string_view parameters = header.substr(close, end - close);
    if (parameters.find("rel=\"next\"") != std::string_view::npos ||
        parameters.find("rel=next") != std::string_view::npos)
      return std::string(header.substr(open + 1, close - open - 1));
    header.remove_prefix(std::min(end + 1, header.size()));
  }
  return {};
}

std::string value_of(std::string_view placeholder, const ListSettings& list, const ListPosition& position,
                     std::chrono::milliseconds overlap) {
  if (placeholder == "since") {
    if (position.complete || position.since.empty()) return {};
    const auto moment = Moment::parse(position.since);
    return moment ? moment->before(overlap) : position.since;
  }
  if (placeholder == "page" && list.pages == Pages::number)
    return position.next.empty() ? std::to_string(list.first_page) : position.next;
  if (placeholder == "cursor" && list.pages == Pages::cursor) return position.next;
  return {};
}

/// A parameter's text; nothing where a placeholder of it stands for nothing.
std::optional<std::string> filled(std::string_view text, const ListSettings& list, const ListPosition& position,
                                  std::chrono::milliseconds overlap) {
  std::string out;
  while (!text.empty()) {
    const auto open = std::min(text.find('{'), text.size());
    out += text.substr(0, open);
    const auto close = text.find('}', open);
    if (close == std::string_view::npos) break;
    const std::string value = value_of(text.substr(open + 1, close - open - 1), list, position, overlap);
    if (value.empty()) return std::nullopt;
    out += value;
    text.remove_prefix(close + 1);
  }
  return out;
}

void read_record(const ListSettings& list, const NotificationReader& notification, std::string_view record,
                 std::size_t place, Page& page) {
  const auto refuse = [&](std::string reason) {
    page.refused.push_back({list.path + " record " + std::to_string(place), std::move(reason)});
  };
  if (json::kind_of(record) != json::Kind::object) return refuse("not a JSON object");
  auto one = notification.read({record, {}, {}, list.request_type, {}});
  if (!one) return refuse(std::move(one.error()));
  if (!one->remote_id.empty()) page.ids.insert(one->remote_id);
  const std::string updated = text_at(record, list.updated);
  const auto moment = Moment::parse(updated);
  if (!moment) return refuse("no time at " + list.updated);
  const auto newest = Moment::parse(page.position.newest);
  if (!newest || *newest < *moment) page.position.newest = updated;
  // The same state comes again and again, in overlaps and complete rounds: it is stored once.
  if (one->source_record_id.empty())
    one->source_record_id = digest({list.request_type, one->remote_id, one->object_id, updated, record});
  one->place = list.path + " " + (one->remote_id.empty() ? one->object_id : one->remote_id);
  page.records.push_back(std::move(*one));
}

void end_round(ListPosition& position) {
  const auto newest = Moment::parse(position.newest), since = Moment::parse(position.since);
  if (newest && (!since || *since < *newest)) position.since = position.newest;
  position.newest.clear();
  position.complete = false;
}

}  // namespace

Result<ListPositions> parse_positions(std::string_view position) {
  ListPositions out;
  if (position.empty()) return out;
  const auto lists = json::members(position);
  if (!lists)
    return fail(ErrorKind::protocol,
                "the stored position is no position of lists: " + std::string(position.substr(0, 200)),
                "write null into tandem.source.position to read everything again");
  for (const auto& list : *lists) {
    auto name = json::unquote('"' + std::string(list.key) + '"');
    if (!name) return tl::unexpected(std::move(name.error()));
    out[*name] = {text_at(list.value, "/since"), text_at(list.value, "/newest"), text_at(list.value, "/next"),
                  text_at(list.value, "/complete") == "true"};
  }
  return out;
}

std::string text_of(const ListPositions& positions) {
  json::Writer w;
  w.open_object();
  for (const auto& [name, position] : positions) {
    w.key(name).open_object();
    for (const auto& [key, value] : {std::pair("since", &position.since), std::pair("newest", &position.newest),
                                     std::pair("next", &position.next)})
      if (!value->empty()) w.key(key).string(*value);
    if (position.complete) w.key("complete").boolean(true);
    w.close_object();
  }
  w.close_object();
  return w.take();
}

std::string request_path(const ListSettings& list, const ListPosition& position, std::chrono::milliseconds overlap) {
  if (list.pages == Pages::link && !position.next.empty()) return position.next;
  std::string out = list.path;
  char between = out.find('?') == std::string::npos ? '?' : '&';
  for (const auto& [name, text] : list.query) {
    const auto value = filled(text, list, position, overlap);
    if (!value) continue;
    out += std::exchange(between, '&');
    append_percent_encoded(out, name);
    out += '=';
    append_percent_encoded(out, *value);
  }
  return out;
}

Result<Page> read_page(const ListSettings& list, const NotificationReader& notification, const ListPosition& position,
                       std::string_view answer, std::string_view header) {
  if (auto valid = json::validate(answer, 200); !valid)
    return fail(ErrorKind::protocol, "the list " + list.path + " is not JSON: " + valid.error().message);
  const auto array = json::at(answer, list.records);
  const auto elements = array && *array ? json::elements(**array) : json::elements({});
  if (!elements) return fail(ErrorKind::protocol, "the list " + list.path + " has no array at `" + list.records + "`");
  Page page;
  page.position = position;
  for (std::size_t place = 0; place < elements->size(); ++place)
    read_record(list, notification, (*elements)[place], place, page);

  std::string next;
  if (list.pages == Pages::number && !elements->empty()) {
    std::int64_t number = list.first_page;
    std::from_chars(position.next.data(), position.next.data() + position.next.size(), number);
    next = std::to_string(number + 1);
  } else if (list.pages == Pages::link || list.pages == Pages::cursor) {
    next = list.next.starts_with(header_place) ? link_of(header) : text_at(answer, list.next);
  }
  if (!next.empty() && next == position.next)
    return fail(ErrorKind::protocol, "the list " + list.path + " names the same page as the next one, again");
  page.last = next.empty();
  page.position.next = next;
  if (page.last) end_round(page.position);
  return page;
}

Result<std::string> path_below(std::string_view base_url, std::string_view list_path, std::string_view link) {
  while (base_url.ends_with('/')) base_url.remove_suffix(1);
  const auto scheme = base_url.find("://");
  const auto host_end =
      std::min(base_url.find('/', scheme == std::string_view::npos ? 0 : scheme + 3), base_url.size());
  if (link.starts_with('?')) return std::string(list_path.substr(0, list_path.find('?'))) + std::string(link);
  std::string absolute(link);
  if (link.starts_with('/')) absolute = std::string(base_url.substr(0, host_end)) + absolute;
  const bool below =
      absolute.starts_with(base_url) && absolute.size() > base_url.size() && absolute[base_url.size()] == '/';
  const std::string path = below ? absolute.substr(base_url.size()) : std::string();
  const bool climbs = path.find("/../") != std::string::npos || path.ends_with("/..");
  const bool clean = path.find_first_of(" \t\r\n") == std::string::npos;
  if (below && clean && !climbs) return path;
  return fail(ErrorKind::protocol, "the next page of " + std::string(list_path) + " is not below the target's url",
              "tandem does not follow it, since it would get our credentials");
}

}  // namespace tandem
