#pragma once
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "config/secret.hpp"

/// The configuration as the rest of tandem sees it: plain values with their defaults in place. Filled from one YAML
/// file by config/load.hpp, which reports every problem with line and key. `line` members point back into that file.
namespace tandem {

using Milliseconds = std::chrono::milliseconds;

struct DatabaseSettings {
  Secret url;        ///< libpq URL or key=value text of the connector's role; may hold a password, hence secret
  Secret admin_url;  ///< for migrate and apply; empty = url
};

enum class PluginChoice { automatic, pgoutput, tandem };

struct CaptureSettings {
  bool stream = true;  ///< false: no slot at all, windows poll
  std::string slot;    ///< empty = tandem_<connector>
  std::string publication = "tandem";
  PluginChoice plugin = PluginChoice::automatic;
  std::uint64_t wal_budget_bytes = std::uint64_t{1} << 30;  ///< past it the slot is given up and windows poll
  Milliseconds poll_interval{5};                            ///< between windows while there is no stream
};

struct ApplyingSettings {
  int sessions = 2;  ///< that write into the CRM's tables side by side
};

struct HttpSettings {
  std::string listen = "127.0.0.1:7400";               ///< empty = no HTTP
  std::vector<std::pair<std::string, Secret>> tokens;  ///< role (viewer, operator, admin) and token
};

/// One kind of request that a caller of the proxy may make at a target.
struct ProxyRule {
  std::string target, method;
  std::vector<std::string> segments;  ///< of the path below the target's url; `*` = any one, `**` at the end = any
};
struct ProxyCaller {
  std::string name;
  Secret token;
  std::vector<ProxyRule> allow;
};
struct ProxySettings {
  std::vector<ProxyCaller> callers;  ///< empty = there is no proxy
  double share = 0.25;               ///< of a target's limits that callers may use
  Milliseconds timeout{30'000};
  std::uint64_t max_body_bytes = 1 << 20, max_answer_bytes = 1 << 20;
};

enum class LogFormat { automatic, text, json };  ///< automatic: text on a terminal, else json
struct LogSettings {
  LogFormat format = LogFormat::automatic;
  std::string level = "info";
};

struct RetentionSettings {
  std::chrono::hours done{30 * 24}, failed{90 * 24}, attempts{14 * 24};
};

struct RetrySettings {
  int count = 3;  ///< retries after the first attempt
  Milliseconds first{10'000};
  double factor = 2.0;
  double jitter = 0.1;  ///< share of the delay, either way
  std::chrono::hours max_age{72};
};

struct BreakerSettings {
  int consecutive_failures = 10;  ///< of different lanes
  double failure_share = 0.5;     ///< of at least `minimum` attempts in `window`
  int minimum = 20;
  Milliseconds window{10'000};
  Milliseconds open_first{1'000}, open_longest{15'000};  ///< between probes, doubling
};

struct RateSettings {
  double per_second = 0;  ///< 0 = no limit
  double burst = 0;       ///< 0 = per_second
  std::int64_t per_day = 0;
  double reserve = 0.05;  ///< share of per_day kept for people and probes
};

enum class AuthKind { none, basic, bearer, header, oauth2 };
enum class OAuthGrant { client_credentials, password, refresh_token };
struct AuthSettings {
  AuthKind kind = AuthKind::none;
  std::string username, header_name, client_id, scope, token_url;
  Secret password, token, client_secret, refresh_token;  ///< token: bearer token or value of the header
  OAuthGrant grant = OAuthGrant::client_credentials;
  std::string refresh_token_file;  ///< where a rotated refresh token is written back to; empty = kept in memory only
};

/// One kind of call of a `rest` target. Path and header templates: {object_id} {remote_id} {request_type} {record_id}
/// {operation} {key.COLUMN} {body.FIELD}; each value becomes one percent-encoded segment. Pointers are RFC 6901.
struct CallSettings {
  std::string method, path;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string wrap;       ///< body template with one {body}, e.g. {"data": {body}}; empty = the mapped object itself
  std::string remote_id;  ///< where the answer holds their id: JSON pointer, or `header:NAME`
  std::vector<int> ok;    ///< statuses that mean success; empty = 2xx
  std::string error_at;  ///< JSON pointer in a 2xx answer: present and not null/false/empty = an error hides in the 200
  std::string version_at;  ///< JSON pointer or `header:ETag`: their version
  std::string body_at;     ///< of fetch: where the answer holds the object; empty = the answer is it
  int line = 0;
};

struct BatchSettings {
  CallSettings call;  ///< {body} of `wrap` is the comma-separated list of records
  std::string each;   ///< template of one record: {body} {object_id} {remote_id} {record_id} {operation} as JSON values
  std::size_t max_records = 100;
  std::uint64_t max_bytes = 1 << 20;
  Milliseconds linger{0};
  std::string answers_at;  ///< pointer to the array of answers
  std::string match;  ///< pointer in an answer to the record_id or object_id sent; empty = by position, and then the
                      ///< counts must agree
  std::string match_by = "record_id";                    ///< record_id or object_id
  std::string status_at, ok_at, error_at, remote_id_at;  ///< pointers in one answer
  std::vector<std::string> operations{"create", "update"};
};

/// How a `rest` target is spoken to, per route (target-level settings are the defaults of its routes).
struct RestSettings {
  std::optional<CallSettings> create, update, remove, upsert, lookup, call;
  std::optional<CallSettings> fetch;  ///< reads an object of which a source has told the id alone
  std::optional<BatchSettings> batch;
  bool idempotency_key = false;  ///< the target honours Idempotency-Key: a create may be sent again
};

enum class KafkaValue { json, cloudevents };
enum class KafkaDelete { tombstone, message };

/// How a `kafka` target is spoken to, per route (target-level settings are the defaults of its routes).
struct KafkaSettings {
  std::string topic;  ///< of a target: a template with {target} and {request_type}; of a route: the topic's name
  KafkaValue value = KafkaValue::json;
  KafkaDelete deletes = KafkaDelete::tombstone;
};

/// A setting of librdkafka as the file gives it. Any may be a secret.
struct KafkaProperty {
  std::string name;
  Secret value;
  int line = 0;
};
/// How a Kafka cluster is reached.
struct KafkaConnection {
  std::vector<std::string> brokers;  ///< HOST:PORT
  std::vector<KafkaProperty> properties;
};

struct TargetSettings {
  std::string name, type = "rest", url;
  KafkaConnection cluster;   ///< of a `kafka` target
  KafkaSettings kafka;       ///< defaults for routes
  std::string event_source;  ///< `source` of CloudEvents; empty = tandem/CONNECTOR
  AuthSettings auth;
  std::vector<std::pair<std::string, std::string>> headers;
  RestSettings rest;  ///< defaults for routes
  int concurrency = 16;
  RateSettings rate;
  RetrySettings retry;
  BreakerSettings breaker;
  Milliseconds timeout{30'000}, connect_timeout{5'000};
  std::uint64_t max_body_bytes = 5 << 20, max_answer_bytes = 1 << 20;
  Milliseconds retry_after_cap{3'600'000};
  std::string proxy, ca_file;
  bool http2 = false;
  bool allow_private = true;  ///< addresses of private networks may be called
  std::string probe_path;     ///< GET that tells whether the target is back; empty = a waiting record is the probe
  std::string idempotency_header = "Idempotency-Key";
  std::uint64_t memory_bytes = 16 << 20;  ///< room for records held in memory
  std::vector<Secret> secrets;            ///< Settings::secrets, to be kept out of what is written about it
  std::optional<ProxySettings> lends;     ///< Settings::proxy, where a caller may reach it
  int line = 0;
};

enum class FieldKind { column, constant, sql };
/// One field of the body there. column: ours → theirs, by rename, value table, default, or the identity of another
/// object.
struct FieldSettings {
  FieldKind kind = FieldKind::column;
  std::string column;    ///< ours; empty for constant and sql
  std::string to;        ///< theirs: name, or dotted path for nested objects
  std::string constant;  ///< JSON text
  std::string sql;       ///< expression over the row's columns, evaluated by the database
  std::vector<std::pair<std::string, std::string>> values;  ///< JSON text ours → JSON text theirs
  std::optional<std::string> fallback;                      ///< JSON text for null or a value missing in `values`
  std::string ref;  ///< request_type whose identity at this target replaces the value
  bool omit_null = false;
  int line = 0;
};

/// Where tandem reads something in a notification: RFC 6901 pointers into one notification; of a topic's message also
/// `key`, `topic` and `header:NAME`. Empty = it is not told.
struct NotificationSettings {
  std::string records;  ///< pointer into the whole request to its array of notifications; empty: the request is one
                        ///< notification, or an array of them
  std::string id = "/id", object_id, request_type, operation, version, event, body = "/data";
  std::string deleted;                ///< anything there but null, false, 0 and "" says that the object is gone
  std::string type;                   ///< request_type of every notification, where none tells
  bool type_tells_operation = false;  ///< the type is TYPE.OPERATION, as in a CloudEvent
  std::vector<std::pair<std::string, std::string>> types, operations;  ///< their words → ours
};

/// Where a notification says that one of our records has taken effect there, or not. Places as in NotificationSettings.
struct ConfirmationSettings {
  std::string record_id;  ///< a notification that has something here confirms, and is no change of an object
  std::string failed;     ///< anything there but null, false, 0 and "" says that it could not take effect
  std::string error;      ///< and why
  std::string remote_id;  ///< the id that the object has there
};

/// The topics that a `kafka` source reads, all their partitions.
struct TopicsSettings {
  KafkaConnection cluster;
  std::vector<std::string> topics;
  bool from_start = true;  ///< where no position is stored yet; false: only what comes from now on
  std::string group;       ///< positions are told to the cluster under this name, for those who watch; empty = not
};

/// How a list is handed out in pages: all at once, by an address that each answer names, by a cursor that it names, or
/// by number.
enum class Pages { none, link, cursor, number };
/// The objects of one type, as a `poll` source lists them.
struct ListSettings {
  std::string request_type, path;  ///< path below the target's url
  /// Values with {since}, {cursor} and {page}; one whose placeholder stands for nothing yet is left out.
  std::vector<std::pair<std::string, std::string>> query;
  std::string records;  ///< pointer to the array; empty = the answer is the array
  std::string updated;  ///< pointer into a record: when it was changed last
  Pages pages = Pages::none;
  std::string next;  ///< link, cursor: where the answer names the next page: pointer, or header:NAME
  std::int64_t first_page = 1;
  bool compare = false;  ///< what a complete list does not hold has been deleted
  int line = 0;
};
struct PollSettings {
  Milliseconds interval{30'000};
  Milliseconds overlap{60'000};            ///< read again before the newest time seen: changes that became visible late
  Milliseconds compare_every{21'600'000};  ///< between complete lists
  double most_missing = 0.1;               ///< more of a type's objects than this share are never taken for deleted
  std::vector<ListSettings> lists;
};

/// A table of a `postgres` source.
struct ForeignTableSettings {
  std::string request_type, table, updated;
  std::vector<std::string> key;
  int line = 0;
};
struct ForeignSettings {
  Secret url;
  Milliseconds interval{5'000};
  Milliseconds lag{60'000};  ///< how long a transaction may have run before its first write
  std::vector<ForeignTableSettings> tables;
};

/// Another system that tells us of its changes.
struct SourceSettings {
  std::string name, type = "webhook";
  std::string target;           ///< whose routes, identities, agreed images and lanes it shares
  std::vector<Secret> signing;  ///< Standard Webhooks (whsec_…); any of them may have signed
  Milliseconds tolerance{300'000};
  std::string header_name, username;
  Secret header_value, password;
  std::uint64_t max_body_bytes = 1 << 20;
  NotificationSettings notification;
  std::optional<ConfirmationSettings> confirmations;
  RateSettings rate;                       ///< of a webhook's requests; per second and burst alone
  std::optional<TopicsSettings> topics;    ///< of a `kafka` source
  std::optional<PollSettings> poll;        ///< of a `poll` source
  std::optional<ForeignSettings> foreign;  ///< of a `postgres` source
  int line = 0;
};

enum class BodyKind { image, latest };
enum class OnLeave { ignore, remove, update };
enum class OnFailure { supersede, block, skip };
enum class OnMissing { fail, recreate };
enum class OnTruncate { remove, alert };
enum class SettleOn { accepted, confirmed };
enum class OnTheirDelete { remove, ignore, soft };
enum class ConflictPolicy { ours, theirs, newest, merge, manual };

/// How what a source says of this route's objects is written into the watched table.
struct ApplySettings {
  std::vector<std::string> operations{"create", "update", "delete"};
  OnTheirDelete on_delete = OnTheirDelete::remove;
  std::vector<std::pair<std::string, std::string>> soft_delete;  ///< column → JSON text
  ConflictPolicy conflict = ConflictPolicy::merge;
  std::map<std::string, ConflictPolicy, std::less<>> by_field;  ///< by column: for a conflict in it alone
  std::string our_time, their_time;                             ///< newest: our column, and a pointer into their body
  std::vector<std::string> natural_key;  ///< columns that find an object which nobody has paired yet
};

/// Columns of the watched table that tandem itself writes.
struct WriteBackSettings {
  std::string remote_id;  ///< their id of the object
  std::string status;     ///< how its newest change ended
};

/// A call that follows a change: a record of its own, behind it in its lane.
struct FollowUpSettings {
  std::vector<std::string> after{"create"};  ///< operations, as they were there
  bool on_delivered = true, on_applied = false;
  std::vector<std::pair<std::string, std::string>> body;  ///< name → JSON text
  int line = 0;
};

struct RouteSettings {
  std::string target, request_type, watch;
  std::string place;                 ///< key path in the file, e.g. watches.opportunity.routes[0]
  std::string when;                  ///< SQL condition over the row's columns; empty = every row
  std::vector<std::string> columns;  ///< a change in other columns is not captured; empty = all
  std::vector<std::string> operations{"create", "update", "delete"};
  BodyKind body = BodyKind::image;
  bool changed = false;  ///< fill outbox.changed
  OnLeave on_leave = OnLeave::ignore;
  OnTruncate on_truncate = OnTruncate::remove;
  OnFailure on_failure = OnFailure::supersede;
  OnMissing on_missing = OnMissing::fail;
  SettleOn settle_on = SettleOn::accepted;
  Milliseconds confirm_within{300'000};  ///< from being accepted; then the record is sent again
  bool coalesce = true;
  bool skip_unchanged = false;         ///< needs the agreed image
  bool only_changed = false;           ///< send the difference to the agreed image
  Milliseconds max_wait{3'600'000};    ///< for a parent's identity
  std::vector<FieldSettings> fields;   ///< empty = every column under its own name
  bool all_columns = false;            ///< columns not named in `fields` travel under their own names
  RestSettings rest;                   ///< complete: target defaults are merged in by the loader
  std::optional<KafkaSettings> kafka;  ///< complete as well; only where the target is one
  int rollout_percent = 100;
  std::optional<ApplySettings> apply;  ///< nothing: the route goes one way
  WriteBackSettings write_back;
  std::vector<FollowUpSettings> then;
  int line = 0;

  /// Filled by the loader: what delivery must read beside the row.
  bool needs_identity = false, needs_agreed = false, needs_sql = false, needs_refs = false;
  std::vector<std::string> ignores;  ///< columns that tandem writes itself and this route does not carry
  bool touched = false;  ///< rows of another watch send its objects: whether one is in the route is seen at delivery
  std::vector<Secret> secrets;  ///< Settings::secrets, to be kept out of its definition

  [[nodiscard]] bool writes_back() const { return !write_back.remote_id.empty() || !write_back.status.empty(); }
  /// There is a way to delete an object there.
  [[nodiscard]] bool sends_deletes() const {
    if (kafka || rest.remove) return true;
    return rest.batch && std::ranges::find(rest.batch->operations, "delete") != rest.batch->operations.end();
  }
};

enum class WatchMode { trigger, wal, poll };
/// A changed row of the watch sends the object of another watch that it belongs to.
struct TouchSettings {
  std::string watch;
  std::vector<std::string> by;  ///< columns that hold the object's key, in its order
  int line = 0;
};
/// How the table of a watch of mode `poll` is read.
struct WatchPollSettings {
  std::string updated, deleted;  ///< columns: when a row was changed, that it counts as deleted (may be empty)
  Milliseconds interval{5'000};
  Milliseconds lag{10'000};                ///< how long a transaction may have run before its first write
  Milliseconds compare_every{86'400'000};  ///< between comparisons of the whole table
};
struct WatchSettings {
  std::string name, table;       ///< table as written: [schema.]name, quoted where needed
  std::vector<std::string> key;  ///< empty = the primary key
  WatchMode mode = WatchMode::trigger;
  std::optional<WatchPollSettings> poll;  ///< of mode `poll`, and of no other
  std::vector<TouchSettings> touches;
  int line = 0;
};

struct Settings {
  std::string connector = "main", file;
  DatabaseSettings database;
  CaptureSettings capture;
  ApplyingSettings applying;
  HttpSettings http;
  ProxySettings proxy;
  LogSettings log;
  RetentionSettings retention;
  std::vector<TargetSettings> targets;
  std::vector<SourceSettings> sources;
  std::vector<WatchSettings> watches;
  std::vector<RouteSettings> routes;  ///< (target, request_type) is unique
  std::vector<Secret> secrets;        ///< what the environment and secret files have put in, wherever it stands

  /// Remembers a value of at least six characters: shorter ones are words, not secrets.
  void remember(const std::string& secret) {
    if (secret.size() < 6) return;
    for (const auto& known : secrets)
      if (known.reveal() == secret) return;
    secrets.emplace_back(secret);
  }

  [[nodiscard]] const TargetSettings* target(const std::string& name) const {
    for (const auto& t : targets)
      if (t.name == name) return &t;
    return nullptr;
  }
  [[nodiscard]] const SourceSettings* source(const std::string& name) const {
    for (const auto& s : sources)
      if (s.name == name) return &s;
    return nullptr;
  }
  [[nodiscard]] const WatchSettings* watch(const std::string& name) const {
    for (const auto& w : watches)
      if (w.name == name) return &w;
    return nullptr;
  }
};

}  // namespace tandem
