#pragma once
#include <array>

#include "metrics/metrics.hpp"

/// Every metric of tandem. Base units; labels are configured names or words of the SQL contract, so their number is
/// bounded.
namespace tandem::metrics {

namespace bounds {
inline constexpr std::array<double, 14> short_times{0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02,
                                                    0.05,   0.1,    0.2,   0.5,   1,     2,    5};
inline constexpr std::array<double, 14> long_times{0.001, 0.005, 0.02, 0.05, 0.1, 0.2,  0.5,
                                                   1,     5,     20,   60,   300, 1800, 7200};
}  // namespace bounds

// The process.
inline constexpr Definition build_info{
    "tandem_build_info", "Always 1; the label is the version that runs.", Kind::gauge, {"version"}};
inline constexpr Definition start_time{"tandem_start_time_seconds", "When this process started, as a Unix time.",
                                       Kind::gauge};
inline constexpr Definition resident_memory{"tandem_resident_memory_bytes", "Memory of this process.", Kind::gauge};
inline constexpr Definition connector_epoch{"tandem_connector_epoch",
                                            "The fence of this connector; rises with each take-over.", Kind::gauge};
inline constexpr Definition sessions_lost{
    "tandem_sessions_lost_total", "Database sessions lost.", Kind::total, {"session"}};
inline constexpr Definition query_duration{"tandem_query_seconds",
                                           "Time of one statement, as the connector sees it.",
                                           Kind::histogram,
                                           {"query"},
                                           bounds::short_times};

// Capture.
inline constexpr Definition capture_phase{
    "tandem_capture_phase", "1 for the phase that capture is in, 0 for the others.", Kind::gauge, {"phase"}};
inline constexpr Definition stream_rings{"tandem_stream_rings_total", "Records announced by the replication stream.",
                                         Kind::total};
inline constexpr Definition stream_bytes{"tandem_stream_received_bytes_total",
                                         "Bytes received from the replication stream.", Kind::total};
inline constexpr Definition stream_starts{"tandem_stream_starts_total",
                                          "Times that the replication stream was started.", Kind::total};
inline constexpr Definition slot_retained{"tandem_slot_retained_wal_bytes",
                                          "WAL that our slot keeps from being removed.", Kind::gauge};

inline constexpr Definition stream_changes{"tandem_stream_changes_total",
                                           "Changes of `wal` watches taken from the stream.", Kind::total};
inline constexpr Definition poll_records{
    "tandem_poll_records_total", "Records that polling watched tables has written.", Kind::total, {"watch"}};
inline constexpr Definition poll_age{
    "tandem_poll_age_seconds", "Time since a watched table was last polled to its end.", Kind::gauge, {"watch"}};
inline constexpr Definition wal_slot_retained{
    "tandem_wal_slot_retained_bytes", "WAL that the slot of `wal` watches kept when its stream began.", Kind::gauge};

inline constexpr Definition capture_drift{
    "tandem_capture_drift", "Differences between the watched tables and the capture asked for; 0 = none.", Kind::gauge};
inline constexpr Definition open_alerts{"tandem_open_alerts", "Alerts that nobody has dealt with.", Kind::gauge};

// From commit to lane.
inline constexpr Definition windows{"tandem_windows_total", "Windows read from the outbox.", Kind::total, {"target"}};
inline constexpr Definition window_rows{"tandem_window_rows_total",
                                        "Rows that windows returned, those of other targets included.",
                                        Kind::total,
                                        {"target"}};
inline constexpr Definition gaps{
    "tandem_feed_gaps", "Ranges of counters that no window has seen yet.", Kind::gauge, {"target"}};
inline constexpr Definition floor_lag{
    "tandem_floor_lag_records", "Counters between the floor and the newest one seen.", Kind::gauge, {"target"}};
inline constexpr Definition queued_records{"tandem_queued_records", "Records in memory.", Kind::gauge, {"target"}};
inline constexpr Definition queued_bytes{
    "tandem_queued_bytes", "Memory that the records in it take.", Kind::gauge, {"target"}};
inline constexpr Definition oldest_pending{"tandem_oldest_pending_seconds",
                                           "Age of the first record that is neither done nor failed.",
                                           Kind::gauge,
                                           {"target"}};
inline constexpr Definition parked_records{
    "tandem_parked_records", "Records that wait outside memory.", Kind::gauge, {"target"}};
inline constexpr Definition failed_records{
    "tandem_failed_records", "Failed records that nobody has decided about.", Kind::gauge, {"target"}};

// Delivery.
inline constexpr Definition attempts{
    "tandem_attempts_total", "Attempts by how they ended; error none is a success.", Kind::total, {"target", "error"}};
inline constexpr Definition attempt_duration{
    "tandem_attempt_seconds", "Time of one attempt.", Kind::histogram, {"target"}, bounds::long_times};
inline constexpr Definition attempts_in_flight{
    "tandem_attempts_in_flight", "Attempts without an answer yet.", Kind::gauge, {"target"}};
inline constexpr Definition settled{"tandem_settled_total", "Records settled.", Kind::total, {"target", "outcome"}};
inline constexpr Definition parked{"tandem_parked_total", "Records parked.", Kind::total, {"target", "reason"}};
inline constexpr Definition delivery_latency{"tandem_delivery_seconds",
                                             "From the commit of a change to its settlement as delivered.",
                                             Kind::histogram,
                                             {"target"},
                                             bounds::long_times};
inline constexpr Definition breaker_open{
    "tandem_breaker_open", "1 while the target is considered down.", Kind::gauge, {"target"}};
inline constexpr Definition paused{
    "tandem_target_paused", "1 while a person has paused the target.", Kind::gauge, {"target"}};
inline constexpr Definition throttled{
    "tandem_throttled_total", "Times that the target asked us to slow down.", Kind::total, {"target"}};
inline constexpr Definition flush_rows{"tandem_settle_flush_rows_total", "Rows written by settling flushes.",
                                       Kind::total};
inline constexpr Definition flushes{"tandem_settle_flushes_total", "Settling flushes.", Kind::total};

// The way back.
inline constexpr Definition intake_records{
    "tandem_intake_records_total", "New records that a source has brought.", Kind::total, {"source"}};
inline constexpr Definition write_backs{"tandem_write_backs_total",
                                        "Rows of the CRM told of their changes: written, gone, put off.",
                                        Kind::total,
                                        {"result"}};
inline constexpr Definition intake_confirmations{"tandem_intake_confirmations_total",
                                                 "Confirmations that a source has brought: used, or surplus.",
                                                 Kind::total,
                                                 {"source", "use"}};
inline constexpr Definition intake_refused{
    "tandem_intake_refused_total", "Requests of a source that were not stored.", Kind::total, {"source", "status"}};
inline constexpr Definition proxy_requests{
    "tandem_proxy_requests_total", "Requests of callers, by the status they got.", Kind::total, {"target", "status"}};

}  // namespace tandem::metrics
