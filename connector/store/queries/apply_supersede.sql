-- $1 counters of records that were never attempted: what they carry is merged into the row, and goes out from there.
with gone as (
  update tandem.outbox o
  set request_state = 3, outcome = 'superseded', description = 'merged with a change of the other side', next_attempt_at = null, date_time_update = clock_timestamp()
  where o.counter = any ($1::bigint[]) and o.request_state = 1
  returning o.counter
), unparked as (
  delete from tandem.parked p using gone where p.queue is not distinct from 'outbox' and p.counter = gone.counter
)
select count(*) from gone
