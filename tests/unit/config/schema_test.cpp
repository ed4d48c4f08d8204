#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

#include <set>

#include "config/load.hpp"
#include "unit/config/example.hpp"

/// docs/config.schema.json against the loader: in every section the same keys, at every choice the same words. The
/// loader tells what it knows when it meets something unknown.
namespace tandem {
namespace {

using Words = std::set<std::string>;

std::optional<std::string> any_variable(const std::string& name) {
  return name + "_of_the_environment";
}

/// What the loader lists after "known here: " for the problem at `key`.
Words known_at(const YAML::Node& document, const std::string& key) {
  YAML::Emitter out;
  out << document;
  const Loaded loaded = parse_settings(out.c_str(), "tandem.yaml", any_variable);
  for (const Problem& problem : loaded.problems) {
    const auto at = problem.remedy.find("known here: ");
    if (problem.key != key || at == std::string::npos) continue;
    Words words;
    std::stringstream list(problem.remedy.substr(at + 12));
    for (std::string word; std::getline(list >> std::ws, word, ',');) words.insert(word);
    return words;
  }
  ADD_FAILURE() << "the loader has nothing against " << key;
  return {};
}

class Schema : public ::testing::Test {
 protected:
  Schema() : schema_(YAML::LoadFile(TANDEM_SOURCE_DIR "/docs/config.schema.json")) {}

  /// Follows $ref, and takes the object among alternatives; between two kinds `section` decides by its type.
  YAML::Node resolved(YAML::Node node, const YAML::Node& section = {}) const {
    while (node["$ref"] || node["if"]) {
      if (node["if"]) {
        const bool is_then =
            section.IsMap() && section["type"] &&
            section["type"].as<std::string>() == node["if"]["properties"]["type"]["const"].as<std::string>();
        node.reset(node[is_then ? "then" : "else"]);
        continue;
      }
      const auto path = node["$ref"].as<std::string>();
      node.reset(schema_["$defs"][path.substr(path.rfind('/') + 1)]);
    }
    for (const auto& alternative : node["oneOf"]) {
      const YAML::Node candidate = resolved(alternative);
      if (candidate["properties"]) return candidate;
    }
    return node;
  }

  void compare(const YAML::Node& document, YAML::Node section, const YAML::Node& schema, const std::string& path) {
    const YAML::Node here = resolved(schema, section);
    if (section.IsSequence() && here["items"]) {
      for (std::size_t i = 0; i < section.size(); ++i)
        compare(document, section[i], here["items"], path + "[" + std::to_string(i) + "]");
      return;
    }
    if (!section.IsMap()) return;
    const std::string prefix = path.empty() ? "" : path + ".";
    if (here["properties"]) {
      ++compared_;
      Words promised;
      for (const auto& property : here["properties"]) promised.insert(property.first.as<std::string>());
      YAML::Node changed = YAML::Clone(document);
      find(changed, path)["zzz_unknown"] = 1;
      EXPECT_EQ(known_at(changed, prefix + "zzz_unknown"), promised)
          << "keys of " << (path.empty() ? "the file" : path);
    }
    for (auto entry : section) {
      const auto key = entry.first.as<std::string>();
      const YAML::Node below = here["properties"] ? here["properties"][key] : here["additionalProperties"];
      if (!below || !below.IsMap()) continue;
      choices(document, resolved(below, entry.second), prefix + key);
      compare(document, entry.second, below, prefix + key);
    }
  }

  void choices(const YAML::Node& document, const YAML::Node& schema, const std::string& path) {
    if (!schema["enum"] || path.ends_with("match_by")) return;
    Words promised;
    for (const auto& word : schema["enum"]) promised.insert(word.as<std::string>());
    YAML::Node changed = YAML::Clone(document);
    const auto dot = path.rfind('.');
    find(changed, path.substr(0, dot))[path.substr(dot + 1)] = "zzz_unknown";
    EXPECT_EQ(known_at(changed, path), promised) << "words of " << path;
  }

  /// The node at a path as problems write it: targets.x.auth, routes[0].
  static YAML::Node find(YAML::Node node, const std::string& path) {
    std::stringstream steps(path);
    for (std::string step; std::getline(steps, step, '.');) {
      const auto bracket = step.find('[');
      node.reset(node[step.substr(0, bracket)]);
      if (bracket != std::string::npos) node.reset(node[std::stoul(step.substr(bracket + 1))]);
    }
    return node;
  }

  YAML::Node schema_;
  int compared_ = 0;
};

TEST_F(Schema, HasTheKeysAndWordsOfTheLoader) {
  const YAML::Node document = YAML::Load(std::string(full_example));
  compare(document, document, schema_, "");
  EXPECT_GE(compared_, 25);
}

TEST_F(Schema, HasTheKeysOfEveryWayToAuthenticate) {
  for (const char* auth :
       {"basic: { username: u, password: p }", "header: { name: X-Key, value: v }",
        "oauth2: { grant: password, token_url: http://x/t, client_id: c, username: u, password: p }"}) {
    YAML::Node document = YAML::Load(std::string(full_example));
    document["targets"]["second_crm"]["auth"] = YAML::Load(auth);
    compared_ = 0;
    compare(document, document["targets"]["second_crm"]["auth"], schema_["$defs"]["auth"], "targets.second_crm.auth");
    EXPECT_EQ(compared_, 2) << auth;
  }
}

TEST_F(Schema, AllowsNoOtherKeys) {
  const std::function<void(const YAML::Node&, const std::string&)> closed = [&](const YAML::Node& node,
                                                                                const std::string& path) {
    if (!node.IsMap()) return;
    if (node["properties"] && node["type"] && node["type"].IsScalar()) {
      EXPECT_TRUE(node["additionalProperties"] && node["additionalProperties"].IsScalar()) << path;
    }
    for (const auto& entry : node) closed(entry.second, path + "/" + entry.first.as<std::string>());
  };
  closed(schema_, "");
}

}  // namespace
}  // namespace tandem
