#pragma once
#include <string>

#include "config/settings.hpp"

/// The configuration as `apply` writes it into tandem.target, watch and route: JSON in the file's own words, without
/// secrets. Two files that mean the same give the same JSON.
namespace tandem::cli {

[[nodiscard]] std::string definition(const TargetSettings& target);
[[nodiscard]] std::string definition(const SourceSettings& source);
[[nodiscard]] std::string definition(const WatchSettings& watch);
[[nodiscard]] std::string definition(const RouteSettings& route);

[[nodiscard]] std::string_view word(WatchMode mode);

}  // namespace tandem::cli
