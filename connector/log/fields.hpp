#pragma once
#include <string_view>

/// Every name that a log line may use, beside time, level, message, thread and repeated. The words are the design's:
/// the same in SQL and metrics.
namespace tandem {

namespace log {
struct FieldName {
  std::string_view text;
};
}  // namespace log

namespace field {

constexpr log::FieldName target{"target"}, source{"source"}, watch{"watch"}, route{"route"},
    request_type{"request_type"}, object_id{"object_id"}, record_id{"record_id"}, counter{"counter"},
    operation{"operation"};
constexpr log::FieldName attempt{"attempt"}, state{"state"}, outcome{"outcome"}, reason{"reason"}, status{"status"},
    delay_ms{"delay_ms"}, elapsed_ms{"elapsed_ms"};
constexpr log::FieldName error{"error"}, error_code{"error_code"}, hint{"hint"}, sqlstate{"sqlstate"};
constexpr log::FieldName lsn{"lsn"}, slot{"slot"}, plugin{"plugin"}, publication{"publication"}, system_id{"system_id"},
    timeline{"timeline"}, bytes{"bytes"};
constexpr log::FieldName connector{"connector"}, epoch{"epoch"}, version{"version"}, pid{"pid"}, signal{"signal"},
    file{"file"}, line{"line"}, url{"url"}, address{"address"}, query{"query"}, records{"records"}, lanes{"lanes"},
    targets{"targets"}, gaps{"gaps"}, floor{"floor"}, position{"position"}, name{"name"}, count{"count"};

}  // namespace field
}  // namespace tandem
