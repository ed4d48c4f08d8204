#include "capture/plugin_choice.hpp"

#include <cctype>

namespace tandem {
namespace {

// A list of names as the server writes it, some of them in double quotes.
bool lists(std::string_view list, std::string_view name) {
  std::string one;
  bool quoted = false;
  for (const char c : std::string(list) + ',') {
    if (c == '"')
      quoted = !quoted;
    else if (c == ',' && !quoted) {
      if (one == name) return true;
      one.clear();
    } else if (quoted || std::isspace(static_cast<unsigned char>(c)) == 0)
      one += c;
  }
  return false;
}

}  // namespace

std::string_view word(OutputPlugin plugin) {
  return plugin == OutputPlugin::tandem ? "tandem" : "pgoutput";
}

std::optional<OutputPlugin> output_plugin(std::string_view name) {
  for (const auto plugin : {OutputPlugin::pgoutput, OutputPlugin::tandem})
    if (word(plugin) == name) return plugin;
  return std::nullopt;
}

ChosenPlugin choose_plugin(PluginChoice asked, const std::optional<std::string>& allowed, std::string_view unusable) {
  if (asked == PluginChoice::pgoutput) return {OutputPlugin::pgoutput, "capture.plugin asks for it"};
  if (asked == PluginChoice::tandem) return {OutputPlugin::tandem, "capture.plugin asks for it"};
  if (allowed && !lists(*allowed, "tandem"))
    return {OutputPlugin::pgoutput, "output_plugin_libraries does not list tandem"};
  if (!unusable.empty())
    return {OutputPlugin::pgoutput, "tandem's own plugin cannot be used: " + std::string(unusable)};
  return {OutputPlugin::tandem, allowed ? "output_plugin_libraries lists it" : "the server limits no output plugin"};
}

}  // namespace tandem
