-- $1 connector, $2 epoch, $3 counters, $4 record_ids, $5 body, $6 version (null: not told), $7 status of the answer. One object's records: one of them gets the
-- body, and with the status the mark that it tells of the whole object, and may be applied now, the others are superseded by it. That is the create, if there is one,
-- since an update waits for its object; each create, if there are several, and the newest as well, since a delete may lie between them.
with fence as materialized (
  select from tandem.connector where name = $1::text and epoch = $2::bigint for key share
), given as materialized (
  select g.counter, g.record_id,
         i.operation = 'create' or g.counter = max(g.counter) over () as carries,
         last_value(i.version) over (order by g.counter rows between unbounded preceding and unbounded following) as version
  from unnest($3::bigint[], $4::text[]::uuid[]) as g (counter, record_id)
  join tandem.inbox i on i.counter = g.counter and i.record_id = g.record_id
), filled as (
  update tandem.inbox i
  set body = $5::jsonb, version = coalesce($6::text, g.version), error_code = null, description = null, attempts = 0, next_attempt_at = null,
      answer_status = $7::integer, date_time_update = clock_timestamp()
  from fence, given g where g.carries and i.counter = g.counter and i.record_id = g.record_id and i.request_state in (1, 2) and i.body is null
  returning i.counter
), freed as (
  update tandem.parked p set due = clock_timestamp(), reason = 'fetched' from filled f where p.queue is not distinct from 'inbox' and p.counter = f.counter
), superseded as (
  update tandem.inbox i
  set request_state = 3, outcome = 'superseded', error_code = null, description = 'the object was fetched for a newer notice', next_attempt_at = null,
      date_time_received = coalesce(i.date_time_received, clock_timestamp()), date_time_update = clock_timestamp()
  from given g where exists (select from filled) and not g.carries and i.counter = g.counter and i.record_id = g.record_id and i.request_state in (1, 2)
  returning i.counter
), unparked as (
  delete from tandem.parked p using superseded s where p.queue is not distinct from 'inbox' and p.counter = s.counter
)
select (select count(*) from fence) as fenced, (select count(*) from filled) as filled
