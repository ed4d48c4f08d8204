#include "config/sections.hpp"
#include "config/template_check.hpp"

namespace tandem {
namespace {

using namespace std::chrono_literals;

void read_query(Section& parent, ListSettings& list) {
  const yaml::Value* value = parent.take("query");
  if (value == nullptr) return;
  Section section(parent.reading(), value, parent.path_of("query"));
  for (const auto* entry : section.take_names()) {
    const auto text = section.scalar(entry->value, section.path_of(entry->key));
    if (!text) continue;
    for (auto open = text->text.find('{'); open != std::string::npos; open = text->text.find('{', open + 1)) {
      const auto word = text->text.substr(open, text->text.find('}', open) - open + 1);
      if (word != "{since}" && word != "{cursor}" && word != "{page}")
        section.problem(entry->key, "unknown placeholder in `" + text->text + "`",
                        "known here: {since}, {cursor}, {page}");
    }
    list.query.emplace_back(entry->key, text->text);
  }
}

bool asks_for(const ListSettings& list, std::string_view placeholder) {
  for (const auto& [name, text] : list.query)
    if (uses(text, placeholder)) return true;
  return false;
}

void check_pages(Section& section, const ListSettings& list) {
  const bool follows = list.pages == Pages::link || list.pages == Pages::cursor;
  if (follows && list.next.empty())
    section.problem_here("does not say where an answer names the next page",
                         "add next: a JSON pointer or header:NAME, e.g. /next or header:Link");
  if (list.pages == Pages::cursor && !asks_for(list, "cursor"))
    section.problem_here("pages by cursor need {cursor} in `query`", "add e.g. query: { cursor: \"{cursor}\" }");
  if (list.pages == Pages::number && !asks_for(list, "page"))
    section.problem_here("pages by number need {page} in `query`", "add e.g. query: { page: \"{page}\" }");
  if (!asks_for(list, "since"))
    section.problem_here("would list everything each time", "add {since} to `query`, e.g. updated_since: \"{since}\"");
}

void read_list(Reading& reading, const yaml::Value& value, const std::string& path, ListSettings& list) {
  Section section(reading, &value, path);
  section.text("path", list.path);
  if (section.present() && !list.path.starts_with('/'))
    section.problem("path", "must begin with /", "write the path below the target's url, e.g. /accounts");
  read_query(section, list);
  for (const auto& [key, place] : {std::pair("records", &list.records), std::pair("updated", &list.updated)})
    if (section.text_or_empty(key, *place) && !place->empty())
      if (const auto fault = check_pointer(*place, PointerPlace::answer))
        section.problem(key, fault->message, fault->remedy);
  section.choice("pages", list.pages,
                 {{"none", Pages::none}, {"link", Pages::link}, {"cursor", Pages::cursor}, {"number", Pages::number}});
  if (section.text("next", list.next))
    if (const auto fault = check_pointer(list.next, PointerPlace::answer_or_header))
      section.problem("next", fault->message, fault->remedy);
  section.integer("first_page", list.first_page, std::int64_t{0}, std::int64_t{1'000'000});
  section.flag("compare", list.compare);
  if (list.updated.empty())
    section.problem_here("does not say when a record was changed", "add updated: a JSON pointer, e.g. /updated_at");
  check_pages(section, list);
}

}  // namespace

void read_poll(Section& section, const Settings& settings, SourceSettings& source) {
  PollSettings poll;
  section.duration("interval", poll.interval, 100ms, 24h);
  section.duration("overlap", poll.overlap, 0ms, 24h);
  section.duration("compare_every", poll.compare_every, 1s, 720h);
  section.share("most_missing", poll.most_missing);
  Section lists(section.reading(), section.take("lists"), section.path_of("lists"));
  for (const auto* entry : lists.take_names()) {
    ListSettings list;
    list.request_type = entry->key;
    list.line = entry->line;
    read_list(section.reading(), entry->value, lists.path_of(entry->key), list);
    poll.lists.push_back(std::move(list));
  }
  if (section.present() && poll.lists.empty())
    section.problem_here("`lists` is missing", "name a list for each type of object");
  const TargetSettings* target = settings.target(source.target);
  if (target != nullptr && target->type != "rest")
    section.problem_here("is asked through its target, which is none of type rest", "name another target");
  source.notification.body = "";
  source.poll = std::move(poll);
}

void read_foreign(Section& section, SourceSettings& source) {
  ForeignSettings foreign;
  if (!section.secret("url", foreign.url))
    section.problem_here("`url` is missing", "add url or url_file, a libpq address of the foreign database");
  section.duration("interval", foreign.interval, 10ms, 24h);
  section.duration("lag", foreign.lag, 0ms, 24h);
  Section tables(section.reading(), section.take("tables"), section.path_of("tables"));
  for (const auto* entry : tables.take_names()) {
    ForeignTableSettings table;
    table.request_type = entry->key;
    table.line = entry->line;
    Section one(section.reading(), &entry->value, tables.path_of(entry->key));
    if (!one.text("table", table.table)) one.problem_here("`table` is missing", "add it, e.g. public.account");
    if (!one.names("key", table.key)) one.problem_here("`key` is missing", "name the columns that identify a row");
    if (!one.text("updated", table.updated))
      one.problem_here("`updated` is missing", "name the column that tells when a row was changed");
    foreign.tables.push_back(std::move(table));
  }
  if (section.present() && foreign.tables.empty())
    section.problem_here("`tables` is missing", "name a table for each type of object");
  source.notification.id = "key";
  source.notification.body = "";
  source.foreign = std::move(foreign);
}

}  // namespace tandem
