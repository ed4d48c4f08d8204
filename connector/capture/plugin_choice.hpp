#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "config/settings.hpp"

namespace tandem {

/// The output plugins that capture can read.
enum class OutputPlugin : std::uint8_t { pgoutput, tandem };

[[nodiscard]] std::string_view word(OutputPlugin plugin);  ///< as the server calls it
[[nodiscard]] std::optional<OutputPlugin> output_plugin(std::string_view word);

struct ChosenPlugin {
  OutputPlugin plugin = OutputPlugin::pgoutput;
  std::string why;  ///< half a sentence for people
};

/// Which one a new slot is made with. `allowed` is the server's output_plugin_libraries, nothing where it knows no such
/// setting. Whether the library is installed only an attempt can tell: `unusable` is the server's answer to one that
/// failed, or empty.
[[nodiscard]] ChosenPlugin choose_plugin(PluginChoice asked, const std::optional<std::string>& allowed,
                                         std::string_view unusable);

}  // namespace tandem
