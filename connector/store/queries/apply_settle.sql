-- $1 connector, $2 epoch, $3 counter, $4 record_id, $5 request_state, $6 outcome, $7 error_code, $8 description, $9 object_id, $10 attempts.
with fence as materialized (
  select from tandem.connector where name = $1::text and epoch = $2::bigint for key share
), settled as (
  update tandem.inbox i
  set request_state = $5::smallint, outcome = $6::text, error_code = $7::text, description = $8::text,
      need_retry = case when $5::smallint = 4 then true end, object_id = coalesce($9::text, i.object_id), attempts = $10::integer,
      next_attempt_at = null, date_time_received = coalesce(i.date_time_received, clock_timestamp()), date_time_update = clock_timestamp()
  from fence where i.counter = $3::bigint and i.record_id = $4::uuid and i.request_state in (1, 2)
  returning i.counter, i.source, i.request_type, i.object_id
), unparked as (
  delete from tandem.parked p using settled s where p.queue = 'inbox' and p.counter = s.counter
), failed as (
  insert into tandem.failed as f (queue, counter, peer, request_type, object_id, outcome, error_code, fingerprint)
  select 'inbox', s.counter, s.source, s.request_type, s.object_id, $6::text, $7::text,
         left(regexp_replace($8::text, '[0-9a-f]{8}-[0-9a-f-]{27}|"[^"]*"|[0-9]+', '#', 'gi'), 200)
  from settled s where $5::smallint = 4
  on conflict (queue, counter) do update
    set outcome = excluded.outcome, error_code = excluded.error_code, fingerprint = excluded.fingerprint, failed_at = clock_timestamp()
)
select (select count(*) from fence) as fenced, (select count(*) from settled) as settled
