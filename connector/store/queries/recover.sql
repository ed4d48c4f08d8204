-- $1 connector, $2 epoch, $3 target, $4 greatest age in seconds, $5 most records. Records that the target's faults have exhausted are
-- sent again, as by retry(): the state and the parked row in one statement (docs/protocol.md, rule 11).
with fence as materialized (
  select from tandem.connector where name = $1::text and epoch = $2::bigint for key share
), due as materialized (
  select f.counter, f.request_type, f.object_id
  from tandem.failed f
  join tandem.outbox o on o.counter = f.counter and o.request_state = 4, fence
  where f.queue = 'outbox' and f.peer = $3::text and f.outcome = 'exhausted'
    and o.date_time > clock_timestamp() - $4::bigint * interval '1 second'
  order by f.counter limit $5::bigint
), again as (
  update tandem.outbox o
  set request_state = 1, outcome = null, error_code = null, description = null, need_retry = null, attempts = 0, next_attempt_at = null, date_time_update = clock_timestamp()
  from due where o.counter = due.counter and o.request_state = 4
  returning o.counter
), parked as (
  insert into tandem.parked as p (queue, counter, peer, request_type, object_id, reason, retried)
  select 'outbox', due.counter, $3::text, due.request_type, due.object_id, 'retry', true from due join again on again.counter = due.counter
  on conflict (queue, counter) do update set due = clock_timestamp(), reason = excluded.reason, retried = true
), unlisted as (
  delete from tandem.failed f using again where f.queue is not distinct from 'outbox' and f.counter = again.counter
)
select count(*) as records from again
