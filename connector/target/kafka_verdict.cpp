#include "target/kafka_verdict.hpp"

namespace tandem::kafka {
namespace {

ErrorClass class_of(rd_kafka_resp_err_t error) {
  switch (error) {
    case RD_KAFKA_RESP_ERR_NO_ERROR:
      return ErrorClass::none;
    case RD_KAFKA_RESP_ERR__MSG_TIMED_OUT:
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
    case RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE:
    case RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT:
      return ErrorClass::timeout;
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
    case RD_KAFKA_RESP_ERR__RESOLVE:
    case RD_KAFKA_RESP_ERR__SSL:
    case RD_KAFKA_RESP_ERR__PURGE_QUEUE:
    case RD_KAFKA_RESP_ERR__PURGE_INFLIGHT:
    case RD_KAFKA_RESP_ERR_NETWORK_EXCEPTION:
      return ErrorClass::network;
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
    case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
    case RD_KAFKA_RESP_ERR_UNSUPPORTED_SASL_MECHANISM:
    case RD_KAFKA_RESP_ERR_ILLEGAL_SASL_STATE:
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_SECURITY_DISABLED:
      return ErrorClass::auth;
    case RD_KAFKA_RESP_ERR__QUEUE_FULL:
    case RD_KAFKA_RESP_ERR_THROTTLING_QUOTA_EXCEEDED:
      return ErrorClass::throttled;
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE:
      return ErrorClass::too_large;
    case RD_KAFKA_RESP_ERR_INVALID_RECORD:
    case RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP:
    case RD_KAFKA_RESP_ERR_POLICY_VIOLATION:
    case RD_KAFKA_RESP_ERR_UNSUPPORTED_FOR_MESSAGE_FORMAT:
    case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
    case RD_KAFKA_RESP_ERR__INVALID_ARG:
      return ErrorClass::rejected;
    default:
      // Leaders that move, replicas that lag, topics that do not exist yet: it heals or somebody mends it.
      return ErrorClass::unavailable;
  }
}

}  // namespace

Verdict judge(rd_kafka_resp_err_t error, rd_kafka_msg_status_t status) {
  // A duplicate that the broker recognised: it has the message.
  if (status == RD_KAFKA_MSG_STATUS_PERSISTED || error == RD_KAFKA_RESP_ERR_DUPLICATE_SEQUENCE_NUMBER) return {};
  Verdict verdict;
  verdict.error = class_of(error);
  verdict.maybe_in_effect = verdict.error != ErrorClass::none && status == RD_KAFKA_MSG_STATUS_POSSIBLY_PERSISTED;
  verdict.perhaps_a_neighbour = verdict.error == ErrorClass::too_large || verdict.error == ErrorClass::rejected;
  return verdict;
}

std::optional<ErrorClass> trouble(rd_kafka_resp_err_t error) {
  const ErrorClass found = class_of(error);
  if (found == ErrorClass::auth || found == ErrorClass::network) return found;
  return std::nullopt;
}

}  // namespace tandem::kafka
