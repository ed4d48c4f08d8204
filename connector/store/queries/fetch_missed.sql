-- $1 connector, $2 epoch, $3 counters, $4 record_ids, $5 milliseconds until the next attempt (null: there is none), $6 outcome where there is none,
-- $7 error_code, $8 description, $9 attempts. One object's records, which could not be fetched.
with fence as materialized (
  select from tandem.connector where name = $1::text and epoch = $2::bigint for key share
), missed as (
  update tandem.inbox i
  set request_state = case when $5::bigint is null then 4 else 2 end, outcome = case when $5::bigint is null then $6::text end, error_code = $7::text,
      description = $8::text, need_retry = case when $5::bigint is null then true end, attempts = $9::integer,
      next_attempt_at = clock_timestamp() + $5::bigint * interval '1 millisecond',
      date_time_received = coalesce(i.date_time_received, clock_timestamp()), date_time_update = clock_timestamp()
  from fence, unnest($3::bigint[], $4::text[]::uuid[]) as g (counter, record_id)
  where i.counter = g.counter and i.record_id = g.record_id and i.request_state in (1, 2) and i.body is null
  returning i.counter, i.source, i.request_type, i.object_id
), unparked as (
  delete from tandem.parked p using missed m where $5::bigint is null and p.queue is not distinct from 'inbox' and p.counter = m.counter
), failed as (
  insert into tandem.failed as f (queue, counter, peer, request_type, object_id, outcome, error_code, fingerprint)
  select 'inbox', m.counter, m.source, m.request_type, m.object_id, $6::text, $7::text,
         left(regexp_replace($8::text, '[0-9a-f]{8}-[0-9a-f-]{27}|"[^"]*"|[0-9]+', '#', 'gi'), 200)
  from missed m where $5::bigint is null
  on conflict (queue, counter) do update
    set outcome = excluded.outcome, error_code = excluded.error_code, fingerprint = excluded.fingerprint, failed_at = clock_timestamp()
)
select (select count(*) from fence) as fenced
