#pragma once

namespace tandem::test_support {

inline constexpr const char* account_table =
    "create table account (nr bigint primary key, name text not null, revenue numeric(20,4), active boolean)";
inline constexpr const char* watch_account = R"(
  account:
    table: public.account
    routes:
      - { target: second_crm }
)";
/// A target without upsert: creates are told apart from updates by the identity, and looked up where their outcome is
/// unknown.
inline constexpr const char* create_and_update = R"(
    requests:
      create: { method: POST, path: "/{request_type}", remote_id: /id }
      update: { method: PATCH, path: "/{request_type}/{remote_id}" }
      delete: { method: DELETE, path: "/{request_type}/{remote_id}" }
      lookup: { method: GET, path: "/{request_type}?external_id={object_id}", remote_id: /items/0/id }
)";

}  // namespace tandem::test_support
