#pragma once
#include <string>
#include <variant>

#include "wire/event.hpp"

namespace tandem::wire {

/// An event as one line for people: the twin of its bytes. Long values are told by their length.
class EventText {
 public:
  static std::string of(const Event& event) { return std::visit(EventText{}, event); }

  std::string operator()(const Hello& e) const {
    return "hello version=" + std::to_string(e.version) + " server=" + std::to_string(e.server_version) + " " +
           std::string(e.encoding);
  }
  std::string operator()(const Begin& e) const {
    return "begin xid=" + std::to_string(e.xid) + " final=" + to_string(e.final_lsn) + at(e.committed) +
           (e.origin.empty() ? "" : " origin=" + std::string(e.origin));
  }
  std::string operator()(const Commit& e) const {
    return "commit " + to_string(e.commit_lsn) + " end=" + to_string(e.end_lsn) + at(e.committed);
  }
  std::string operator()(const Relation* e) const {
    std::string text = "relation " + table(e) + " identity=" + e->identity;
    if (!e->root_name.empty()) text += " root=" + e->root_schema + "." + e->root_name;
    for (const Column& c : e->columns)
      text += " " + c.name + ":" + std::to_string(c.type) + ":" + std::to_string(c.modifier) + (c.key ? ":key" : "");
    return text;
  }
  std::string operator()(const Insert& e) const { return "insert " + table(e.relation) + row(e.relation, e.row); }
  std::string operator()(const Update& e) const {
    std::string changed = e.changed.empty() ? "" : " changed";
    for (std::size_t i = 0; i < e.changed.size(); ++i)
      if (e.changed[i] != 0) changed += " " + e.relation->columns[i].name;
    return "update " + table(e.relation) + changed + old(e.relation, e.old_kind, e.old_row) + " new" +
           row(e.relation, e.row);
  }
  std::string operator()(const Delete& e) const {
    return "delete " + table(e.relation) + old(e.relation, e.old_kind, e.old_row);
  }
  std::string operator()(const Truncate& e) const {
    std::string text = "truncate";
    for (const Relation* relation : e.relations) text += " " + table(relation);
    return text + (e.cascade ? " cascade" : "") + (e.restart_identity ? " restart_identity" : "");
  }
  std::string operator()(const Message& e) const {
    return std::string("message ") + (e.transactional ? "transactional " : "") + to_string(e.lsn) + " " +
           std::string(e.prefix) + "=" + std::string(e.content);
  }
  std::string operator()(const Origin& e) const { return "origin " + std::string(e.name) + " " + to_string(e.lsn); }
  std::string operator()(const TypeName& e) const {
    return "type " + std::to_string(e.id) + " " + std::string(e.schema) + "." + std::string(e.name);
  }

 private:
  static std::string at(Time time) { return " us=" + std::to_string(time.time_since_epoch().count()); }
  static std::string table(const Relation* relation) {
    return std::to_string(relation->id) + " " + relation->schema + "." + relation->name;
  }
  static std::string old(const Relation* relation, OldRow kind, Tuple row_values) {
    if (kind == OldRow::none) return "";
    return (kind == OldRow::key ? " key" : " old") + row(relation, row_values);
  }
  static std::string row(const Relation* relation, Tuple values) {
    std::string text;
    for (std::size_t i = 0; i < values.size(); ++i) text += " " + relation->columns[i].name + "=" + value(values[i]);
    return text;
  }
  static std::string value(const Value& value) {
    const bool is_long = value.bytes.size() > 40;
    switch (value.kind) {
      case ValueKind::null:
        return "null";
      case ValueKind::unchanged:
        return "unchanged";
      case ValueKind::text:
        return is_long ? "(" + std::to_string(value.bytes.size()) + " bytes)" : std::string(value.bytes);
      case ValueKind::binary:
        return "(" + std::to_string(value.bytes.size()) + " bytes, binary)";
    }
    return "?";
  }
};

}  // namespace tandem::wire
