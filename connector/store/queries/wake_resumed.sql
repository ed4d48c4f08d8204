-- $1 connector, $2 epoch, $3 targets, $4 most rows of a route. What the pause of a route has parked, once it is resumed, is made due: in steps, so that
-- resuming is one small write for the person who does it. Runs each second, so a row that was parked while the route was being resumed waits no longer.
with fence as materialized (
  select from tandem.connector where name = $1::text and epoch = $2::bigint for key share
), resumed as materialized (
  select p.counter from tandem.route r
  cross join lateral (
    select q.counter from tandem.parked q
    where q.queue = 'outbox' and q.peer = r.target and q.request_type = r.request_type and q.reason = 'pause'
    order by q.counter limit $4::bigint
  ) p
  where r.target = any ($3::text[]) and not r.paused
), woken as (
  update tandem.parked p set due = clock_timestamp(), reason = 'resumed' from fence
  where p.queue is not distinct from 'outbox' and p.counter = any (array(select r.counter from resumed r)) and p.reason = 'pause'
  returning p.counter
)
select count(*) from woken
