-- $1 connector, $2 epoch, $3 counters, $4 record ids, $5 answer statuses, $6 durations in µs, by counter.
-- The narrow way for records that were delivered at the first try. A counter missing from the answer was not settled.
with fence as materialized (
  select clock_timestamp() as moment from tandem.connector where name = $1::text and epoch = $2::bigint for key share
), given as materialized (
  select g.counter, g.record_id, g.answer_status, g.duration_us * interval '1 microsecond' as duration, fence.moment
  from unnest($3::bigint[], $4::uuid[], $5::integer[], $6::bigint[]) as g (counter, record_id, answer_status, duration_us), fence
), settled as (
  update tandem.outbox o
  set request_state = 3, outcome = 'delivered', error_code = null, description = null, need_retry = null, attempts = 1,
      next_attempt_at = null, answer_status = g.answer_status, duration = g.duration,
      date_time_received = coalesce(o.date_time_received, g.moment - g.duration), date_time_update = g.moment
  from given g
  where o.counter = g.counter and o.record_id = g.record_id and o.request_state in (1, 2)
  returning o.counter
), unparked as (
  delete from tandem.parked p using settled s
  where (select exists (select from tandem.parked)) and p.queue is not distinct from 'outbox' and p.counter = s.counter
)
select pg_current_xact_id() as xid, (select count(*) from fence) as fenced, array(select counter from settled) as counters
