#include "config/yaml_tree.hpp"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <optional>
#include <sstream>

namespace tandem::yaml {
namespace {

/// Builds the tree from the parser's events. After a fault the rest of the document is passed over.
class Builder final : public YAML::EventHandler {
 public:
  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    reject_anchor(mark, anchor);
    place(scalar(mark, Kind::null, {}, false));
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    refuse(mark, "an alias (*name) is not supported", "write the value out");
    place(scalar(mark, Kind::null, {}, false));
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& text) override {
    reject_anchor(mark, anchor);
    if (tag != "?" && tag != "!" && !tag.empty())
      refuse(mark, "the tag " + tag + " is not supported", "leave the tag out");
    const bool quoted = tag == "!";
    const bool null = !quoted && (text == "~" || text == "null" || text.empty());
    place(scalar(mark, null ? Kind::null : Kind::scalar, text, quoted));
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, Kind::sequence);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, Kind::mapping);
  }
  void OnMapEnd() override { close(); }

  Value root;
  std::optional<Fault> fault;

 private:
  /// A collection that is being filled, and the key that waits for its value.
  struct Open {
    Value value;
    std::optional<Value> key;
  };

  static int line_of(const YAML::Mark& mark) { return mark.line + 1; }
  static Value scalar(const YAML::Mark& mark, Kind kind, const std::string& text, bool quoted) {
    Value value;
    value.kind = kind;
    value.line = line_of(mark);
    value.text = text;
    value.quoted = quoted;
    return value;
  }
  void refuse(const YAML::Mark& mark, std::string message, std::string remedy) {
    if (!fault) fault = Fault{line_of(mark), std::move(message), std::move(remedy)};
  }
  void reject_anchor(const YAML::Mark& mark, YAML::anchor_t anchor) {
    if (anchor != 0)
      refuse(mark, "an anchor (&name) is not supported", "leave the anchor out and write each value out");
  }
  void open(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, Kind kind) {
    reject_anchor(mark, anchor);
    if (tag != "?" && tag != "!" && !tag.empty())
      refuse(mark, "the tag " + tag + " is not supported", "leave the tag out");
    open_.push_back(Open{scalar(mark, kind, {}, false), std::nullopt});
  }
  void close() {
    Value value = std::move(open_.back().value);
    open_.pop_back();
    place(std::move(value));
  }
  void place(Value value) {
    if (open_.empty()) {
      root = std::move(value);
      return;
    }
    Open& parent = open_.back();
    if (parent.value.kind == Kind::sequence) {
      parent.value.items.push_back(std::move(value));
    } else if (!parent.key) {
      if (value.kind == Kind::sequence || value.kind == Kind::mapping) {
        if (!fault) fault = Fault{value.line, "a key must be a plain word", "quote the key"};
      }
      if (!value.quoted && value.text == "<<" && !fault)
        fault = Fault{value.line, "a merge key (<<) is not supported", "write the values out"};
      parent.key = std::move(value);
    } else {
      parent.value.entries.push_back({parent.key->text, parent.key->quoted, parent.key->line, std::move(value)});
      parent.key.reset();
    }
  }

  std::vector<Open> open_;
};

}  // namespace

const Value* Value::find(std::string_view key) const {
  for (const Entry& entry : entries)
    if (entry.key == key) return &entry.value;
  return nullptr;
}

tl::expected<Value, Fault> parse(std::string_view text) {
  if (text.size() > size_cap)
    return tl::unexpected(
        Fault{0, "the file is larger than 1 MiB", "a configuration this large is a mistake: check the path"});
  if (const auto nul = text.find('\0'); nul != std::string_view::npos)
    return tl::unexpected(Fault{0, "the file holds a NUL byte", "save it as plain UTF-8 text"});
  std::istringstream input{std::string(text)};
  Builder builder;
  try {
    YAML::Parser parser(input);
    if (!parser.HandleNextDocument(builder)) return builder.root;
    if (builder.fault) return tl::unexpected(*builder.fault);
    Builder second;
    if (parser.HandleNextDocument(second))
      return tl::unexpected(
          Fault{second.root.line, "the file holds more than one document", "remove the line --- and what follows it"});
  } catch (const YAML::Exception& e) {
    return tl::unexpected(Fault{e.mark.is_null() ? 0 : e.mark.line + 1, "not valid YAML: " + e.msg,
                                "check the indentation and quotes around this line"});
  }
  return std::move(builder.root);
}

}  // namespace tandem::yaml
