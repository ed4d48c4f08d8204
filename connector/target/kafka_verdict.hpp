#pragma once
#include <librdkafka/rdkafka.h>

#include <optional>

#include "model/state.hpp"

namespace tandem::kafka {

/// What a delivery report says, in delivery's words.
struct Verdict {
  ErrorClass error = ErrorClass::none;
  bool maybe_in_effect = false;
  /// The whole batch may have been refused for one of its messages: worth trying alone.
  bool perhaps_a_neighbour = false;
};
[[nodiscard]] Verdict judge(rd_kafka_resp_err_t error, rd_kafka_msg_status_t status);

/// What a client's error event says about all that waits in it: the cluster cannot be reached, or refuses our
/// credentials. Nothing where it says neither.
[[nodiscard]] std::optional<ErrorClass> trouble(rd_kafka_resp_err_t error);

}  // namespace tandem::kafka
