#include "intake/source_kinds.hpp"

#include "intake/foreign_reader.hpp"
#include "intake/kafka_reader.hpp"
#include "intake/poll_reader.hpp"

namespace tandem {

std::unique_ptr<SourceReader> make_reader(const Settings& settings, const SourceSettings& source) {
  if (source.topics) return std::make_unique<KafkaReader>(settings, source);
  if (source.poll) return std::make_unique<PollReader>(settings, source);
  if (source.foreign) return std::make_unique<ForeignReader>(settings, source);
  return nullptr;
}

std::vector<SourceProblem> check_source(const SourceSettings& source) {
  std::vector<SourceProblem> problems;
  if (!source.topics) return problems;
  for (const auto& problem : KafkaReader::check(source))
    problems.push_back({problem.line != 0 ? problem.line : source.line,
                        (problem.name.empty() ? "" : "property " + problem.name + ": ") + problem.message,
                        "properties are librdkafka's; see docs/kafka.md"});
  return problems;
}

}  // namespace tandem
