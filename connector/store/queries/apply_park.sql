-- $1 connector, $2 epoch, $3 counter, $4 record_id, $5 milliseconds to wait, $6 reason, $7 error_code, $8 description, $9 attempts.
with fence as materialized (
  select from tandem.connector where name = $1::text and epoch = $2::bigint for key share
), noted as (
  update tandem.inbox i
  set request_state = 2, error_code = $7::text, description = $8::text, attempts = $9::integer,
      next_attempt_at = clock_timestamp() + $5::bigint * interval '1 millisecond',
      date_time_received = coalesce(i.date_time_received, clock_timestamp()), date_time_update = clock_timestamp()
  from fence where i.counter = $3::bigint and i.record_id = $4::uuid and i.request_state in (1, 2)
  returning i.counter, i.source, i.request_type, i.object_id
), parked as (
  insert into tandem.parked as p (queue, counter, peer, request_type, object_id, due, reason, attempted)
  select 'inbox', n.counter, n.source, n.request_type, n.object_id, clock_timestamp() + $5::bigint * interval '1 millisecond', $6::text, true
  from noted n
  on conflict (queue, counter) do update set due = excluded.due, reason = excluded.reason
)
select (select count(*) from fence) as fenced
