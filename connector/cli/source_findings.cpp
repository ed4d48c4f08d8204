#include <algorithm>

#include "cli/findings.hpp"
#include "target/kafka_reach.hpp"

namespace tandem::cli {

void look_at_sources(const Settings& settings, Findings& findings) {
  for (const SourceSettings& source : settings.sources) {
    if (!source.topics) continue;
    const std::string area = "source " + source.name;
    const auto reached = kafka::reach(source.topics->cluster, std::chrono::seconds(10));
    if (!reached) {
      findings.push_back({area, Severity::error, "cannot be reached: " + reached.error().message,
                          "check brokers, name service, firewall and the security properties"});
      continue;
    }
    findings.push_back({area, Severity::ok, "answers; " + std::to_string(reached->brokers) + " brokers", {}});
    for (const std::string& topic : source.topics->topics)
      if (std::ranges::count(reached->topics, topic) == 0)
        findings.push_back({area, Severity::warning, "has no topic " + topic + " that these credentials may see",
                            "create it, or allow them to describe and read it; it is read as soon as it is there"});
  }
}

}  // namespace tandem::cli
