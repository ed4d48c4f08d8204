#pragma once
#include <string_view>

namespace tandem {

/// Every key of the configuration once. Held against the loader and against docs/config.schema.json.
inline constexpr std::string_view full_example = R"yaml(connector: main
database: { url: "postgresql://tandem_connector@127.0.0.1:5432/crm", admin_url: "postgresql://postgres@127.0.0.1:5432/crm" }
capture: { stream: true, slot: tandem_main, publication: tandem, plugin: auto, wal_budget: 1GiB, poll_interval: 5ms }
apply: { sessions: 2 }
http: { listen: "127.0.0.1:7400", tokens: { operator: "${OPERATOR_TOKEN}" } }
log: { format: json, level: info }
retention: { done: 30d, failed: 90d, attempts: 14d }
targets:
  second_crm:
    type: rest
    url: http://127.0.0.1:9090/api
    auth: { bearer: "${SECOND_CRM_TOKEN}" }
    headers: { X-App: tandem }
    concurrency: 16
    rate: { per_second: 100, burst: 200, per_day: 100000, reserve: 0.05 }
    retry: { count: 3, first: 10s, factor: 2, jitter: 0.1, max_age: 72h }
    breaker: { consecutive_failures: 10, failure_share: 0.5, minimum: 20, window: 10s, open_first: 1s, open_longest: 60s }
    timeout: 30s
    connect_timeout: 5s
    max_body: 5MiB
    retry_after_cap: 1h
    proxy: http://proxy:3128
    ca_file: /etc/ssl/certs/ca.pem
    http2: false
    allow_private: true
    probe: /health
    idempotency_header: Idempotency-Key
    memory: 16MiB
    requests:
      create: { method: POST, path: "/{request_type}", headers: { X-Id: "{object_id}" }, remote_id: /id, ok: [200, 201], error: /errors, version: "header:ETag" }
      update: { method: PATCH, path: "/{request_type}/{remote_id}", wrap: '{"data": {body}}' }
      delete: { method: DELETE, path: "/{request_type}/{remote_id}" }
      lookup: { method: GET, path: "/{request_type}?external_id={object_id}", remote_id: /items/0/id }
      upsert: { method: PUT, path: "/{request_type}/external/{object_id}", remote_id: /id }
      call: { method: POST, path: "/{request_type}/run" }
      fetch: { method: GET, path: "/{request_type}/{remote_id}", body: /data }
      batch: { method: POST, path: "/batch/{request_type}", headers: { X-B: b }, wrap: '{"records":[{body}]}', each: '{"id":{record_id},"op":{operation},"data":{body}}',
               max_records: 200, max_bytes: 1MiB, linger: 0ms, answers: /results, match: /id, match_by: record_id, ok: /ok, status: /status,
               error: /error, remote_id: /remote_id, operations: [create, update] }
      idempotency_key: false
  events:
    type: kafka
    brokers: ["kafka1.example:9092", "kafka2.example:9092"]
    properties: { security.protocol: sasl_ssl, sasl.mechanisms: PLAIN, sasl.username: crm, sasl.password: "${KAFKA_PASSWORD}" }
    topic: "crm.{request_type}"
    value: json
    deletes: tombstone
    source: crm/main
    concurrency: 16
    rate: { per_second: 100000, burst: 200000, per_day: 100000, reserve: 0.05 }
    retry: { count: 3, first: 10s, factor: 2, jitter: 0.1, max_age: 72h }
    breaker: { consecutive_failures: 10, failure_share: 0.5, minimum: 20, window: 10s, open_first: 1s, open_longest: 60s }
    timeout: 30s
    max_body: 1MB
    memory: 16MiB
  partner:
    url: http://127.0.0.1:9091/api
  erp:
    url: http://127.0.0.1:9092/api
  legacy:
    url: http://127.0.0.1:9093/api
proxy:
  share: 25%
  timeout: 30s
  max_body: 1MiB
  max_answer: 1MiB
  callers:
    reports: { token: "${REPORTS_TOKEN}", allow: { second_crm: ["GET /account/*", "POST /report/**"] } }
sources:
  partner:
    type: webhook
    target: partner
    signature: { secret: whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw, previous_secret: whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSx, tolerance: 5m }
    header: { name: X-Token, value: shared-secret }
    basic: { username: u, password: p }
    max_body: 1MiB
    rate: { per_second: 50, burst: 100 }
    records: /events
    id: /id
    object_id: /external_id
    request_type: /type
    types: { Contact: contact }
    operation: /operation
    operations: { deleted: delete }
    deleted: /gone
    version: /version
    event: /event_id
    body: /data
    confirmations: { record_id: /confirms, failed: /error, error: /error/message, remote_id: /id }
  events:
    type: kafka
    target: events
    brokers: ["kafka1.example:9092"]
    properties: { security.protocol: plaintext }
    topics: [master.contact]
    start: latest
    group: tandem
    value: cloudevents
    id: key
    object_id: header:object_id
    request_type: topic
    types: { master.contact: contact }
    operation: /operation
    operations: { gone: delete }
    deleted: /gone
    version: /version
    event: /id
    body: /data
    confirmations: { record_id: "header:confirms", failed: /error, error: /error, remote_id: key }
  erp:
    type: poll
    target: erp
    interval: 30s
    overlap: 1m
    compare_every: 6h
    most_missing: 10%
    lists:
      contact:
        path: /contacts
        query: { updated_since: "{since}", cursor: "{cursor}" }
        records: /items
        updated: /updated_at
        pages: cursor
        next: /next
        first_page: 1
        compare: true
    id: /id
    object_id: /external_id
    deleted: /is_deleted
    version: /version
    body: /data
  legacy:
    type: postgres
    target: legacy
    url: "postgresql://reader@legacy/crm"
    interval: 5s
    lag: 1m
    tables:
      contact: { table: public.contact, key: [nr], updated: updated_at }
    object_id: /external_id
    deleted: /is_deleted
    version: /version
watches:
  account:
    table: public.account
    routes:
      - { target: second_crm }
  opportunity:
    table: public.opportunity
    key: [id]
    mode: trigger
    routes:
      - target: second_crm
        request_type: opportunity
        when: "stage <> 'draft'"
        columns: [name, stage, amount]
        operations: [create, update, delete]
        body: image
        changed: false
        on_leave: ignore
        on_truncate: delete
        on_failure: supersede
        on_missing: fail
        coalesce: true
        unchanged: send
        send: full
        max_wait: 1h
        rollout: 100%
        fields:
          name: Name
          stage: { to: StageName, values: { open: Open, won: "Closed Won" }, default: Open }
          account_id: { to: AccountId, ref: account }
          amount: { to: Amount, omit_null: true }
        constants: { Source: tandem }
        sql: { AmountWithTax: "amount * 1.2" }
        other_columns: false
        requests: { upsert: { path: "/Opportunity/external/{object_id}" } }
      - { target: events, topic: "{target}.{request_type}s", value: cloudevents, deletes: message }
  opportunity_line:
    table: public.opportunity_line
    touches: { watch: opportunity, by: opportunity_id }
  contact:
    table: public.contact
    routes:
      - target: partner
        apply:
          operations: [create, update, delete]
          on_delete: soft
          soft_delete: { is_deleted: true }
          conflict: newest
          newest: { ours: updated_at, theirs: /modified_at }
          conflict_by_field: { email: theirs }
          natural_key: [email]
        settle_on: confirmed
        confirm_within: 10m
        write_back: { remote_id: partner_id, status: partner_status }
        then: { after: [create, update], on: [delivered, applied], body: { action: start, count: 1 } }
        requests:
          call: { method: POST, path: "/contact/{remote_id}/{body.action}" }
          create: { method: POST, path: /contact, remote_id: /id }
          update: { method: PATCH, path: "/contact/{remote_id}" }
          delete: { method: DELETE, path: "/contact/{remote_id}" }
      - { target: events, settle_on: confirmed, apply: { conflict: theirs } }
      - target: erp
        apply: { conflict: theirs }
        requests:
          create: { method: POST, path: /contact, remote_id: /id }
          update: { method: PATCH, path: "/contact/{remote_id}" }
          delete: { method: DELETE, path: "/contact/{remote_id}" }
      - target: legacy
        apply: { conflict: theirs }
        requests:
          create: { method: POST, path: /contact, remote_id: /id }
          update: { method: PATCH, path: "/contact/{remote_id}" }
          delete: { method: DELETE, path: "/contact/{remote_id}" }
  campaign:
    table: public.campaign
    mode: poll
    poll: { updated: updated_at, deleted: is_deleted, interval: 5s, lag: 10s, compare_every: 1d }
    routes:
      - { target: second_crm }
)yaml";

}  // namespace tandem
