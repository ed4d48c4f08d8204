#pragma once
#include <string>
#include <string_view>

#include "config/section.hpp"

/// The parts of the file, each read by its own source file. Inside config/ only.
namespace tandem {

struct NameRule {
  std::string_view first, rest;  ///< allowed characters
  std::size_t longest;
  std::string_view sentence;
};
extern const NameRule connector_name, object_name;
/// Reports a name that breaks the rule.
bool valid_name(const NameRule& rule, std::string_view name, Reading& reading, int line, const std::string& path);

/// http(s) URL with a host and without credentials, query or fragment; reported otherwise.
void read_url(Section& section, std::string_view key, std::string& out);

void read_targets(Reading& reading, const yaml::Value* targets, Settings& settings);
/// Targets must have been read; those that callers may reach are told so.
void read_proxy(Reading& reading, const yaml::Value* proxy, Settings& settings);
/// Targets must have been read.
void read_sources(Reading& reading, const yaml::Value* sources, Settings& settings);
/// Also fills Settings::routes; targets must have been read.
void read_watches(Reading& reading, const yaml::Value* watches, Settings& settings);
/// `requests` of a target or a route; what is there already is the default.
void read_requests(Section& parent, RestSettings& rest);
void read_headers(Section& parent, std::vector<std::pair<std::string, std::string>>& headers);

/// `brokers` and `properties` of a Kafka cluster.
void read_kafka_connection(Section& section, KafkaConnection& cluster);
/// What a `kafka` source reads, and where its messages say what. Targets must have been read.
void read_topics(Section& section, const Settings& settings, SourceSettings& source);
/// The lists of a `poll` source, the tables of a `postgres` source.
void read_poll(Section& section, const Settings& settings, SourceSettings& source);
void read_foreign(Section& section, SourceSettings& source);
/// Where a notification says what; places of a topic's message where `source` reads topics.
void read_notification(Section& section, SourceSettings& source);

/// `topic`, `value`, `deletes`; what is there already is the default.
void read_kafka(Section& section, KafkaSettings& kafka);
/// The topic's name for one route. Empty after a report where the template cannot name one.
std::string topic_of(Section& section, const std::string& text, const std::string& target,
                     const std::string& request_type);
/// `settle_on`, `write_back` and `then` of a route.
void read_after_delivery(Section& parent, RouteSettings& route);
/// `apply` of a route.
void read_apply(Section& parent, RouteSettings& route);

/// Collisions, dangling names, and what each route needs beside its row.
void check_settings(Reading& reading, Settings& settings);

}  // namespace tandem
