-- $1 connector, $2 epoch, $3 targets. Records that have been confirmed, or refused, while they were waiting are made due. What somebody holds comes the next time.
with fence as materialized (
  select from tandem.connector where name = $1::text and epoch = $2::bigint for key share
), waiting as materialized (
  select p.counter from tandem.confirmation c
  join tandem.parked p on p.queue is not distinct from 'outbox' and p.counter = c.counter
  where (p.peer = any ($3::text[])) is true and p.reason in ('confirmation', 'retry', 'outcome') and p.due > clock_timestamp()
  for no key update of p skip locked
), woken as (
  update tandem.parked p set due = clock_timestamp() from fence
  where p.queue is not distinct from 'outbox' and p.counter = any (array(select w.counter from waiting w))
  returning p.counter
)
select count(*) from woken
