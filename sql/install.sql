-- The whole of tandem's SQL with psql alone, all or nothing: `psql -f sql/install.sql`. On a database that has it already, everything
-- that is re-applied is applied again; `tandem migrate` does the same.
\set ON_ERROR_STOP on
begin;
select to_regclass('tandem.schema_version') is null as "fresh" \gset
\if :fresh
  \ir migrations/0001_schema.up.sql
\endif
set local check_function_bodies = off;
-- Files of a folder in alphabetical order, as `tandem migrate` takes them.
\ir functions/add_minute_stat.sql
\ir functions/apply_rows.sql
\ir functions/behind_source.sql
\ir functions/capture_key.sql
\ir functions/capture_name.sql
\ir functions/capture_ordinary.sql
\ir functions/capture_parts.sql
\ir functions/capture_pins.sql
\ir functions/capture_routes.sql
\ir functions/capture_source.sql
\ir functions/compare_source.sql
\ir functions/discard.sql
\ir functions/drift.sql
\ir functions/enqueue.sql
\ir functions/fetches.sql
\ir functions/fill_template.sql
\ir functions/generate_capture.sql
\ir functions/live_source.sql
\ir functions/object_status.sql
\ir functions/pair.sql
\ir functions/pause.sql
\ir functions/plan_capture.sql
\ir functions/poll_watch.sql
\ir functions/records.sql
\ir functions/rekey.sql
\ir functions/remove_settled.sql
\ir functions/resolve.sql
\ir functions/retry.sql
\ir functions/row_expression.sql
\ir functions/stream_source.sql
\ir functions/stream_watch.sql
\ir functions/switch_capture.sql
\ir functions/touch_source.sql
\ir functions/trace.sql
\ir functions/truncate_source.sql
\ir functions/watch.sql
\ir functions/write_back.sql
\ir views/failures.sql
\ir views/inbox_status.sql
\ir views/lag.sql
\ir views/object_sync.sql
\ir views/outbox_status.sql
\ir views/unpaired.sql
\ir privileges.sql
commit;
