#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "config/settings.hpp"
#include "target/target.hpp"

namespace tandem::kafka {

/// What the messages of one route have in common.
struct Messages {
  std::string topic, request_type;
  KafkaValue value = KafkaValue::json;
  KafkaDelete deletes = KafkaDelete::tombstone;
  std::string event_source;
};

/// create, update, delete or call, as a reader of the topic understands it.
[[nodiscard]] std::string_view operation_word(Operation operation);
/// The value of one attempt's message, which lies in the attempt or, made for it, in `made`; nothing = a tombstone.
[[nodiscard]] std::optional<std::string_view> value_of(const Messages& route, const Attempt& attempt,
                                                       std::string& made);
[[nodiscard]] std::string_view content_type(const Messages& route);

}  // namespace tandem::kafka
