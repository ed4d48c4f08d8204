-- $1 connector, $2 epoch, $3 sources, $4 floor, $5 most rows. Of the lowest pending records those that stand behind a parked one of their object
-- are parked as well, due at once: they come when it has gone. Or the floor would stay below them, and every window would read what has been settled above it.
with fence as materialized (
  select from tandem.connector where name = $1::text and epoch = $2::bigint for key share
), held as materialized (
  select p.peer, p.counter, p.reason, e.request_type, coalesce(e.remote_id, e.object_id) as object
  from tandem.parked p join tandem.inbox e on e.counter = p.counter
  where p.queue = 'inbox' and p.peer = any ($3::text[]) and p.due > statement_timestamp() and e.request_state in (1, 2)
), lowest as materialized (
  select r.counter, r.source, r.request_type, r.operation, r.object_id, coalesce(r.remote_id, r.object_id) as object from tandem.inbox r
  where exists (select from held) and r.counter > $4::bigint and r.request_state in (1, 2) and r.source = any ($3::text[])
    and not exists (select from tandem.parked p where p.queue is not distinct from 'inbox' and p.counter = r.counter)
  order by r.counter limit $5::bigint
), parked as (
  insert into tandem.parked (queue, counter, peer, request_type, object_id, due, reason)
  select 'inbox', l.counter, l.source, l.request_type, l.object_id, clock_timestamp(), 'lane'
  from fence, lowest l
  where exists (
    select from held h
    where h.peer = l.source and h.request_type = l.request_type and h.object = l.object and h.counter < l.counter
      and not (h.reason = 'object' and l.operation = 'create'))
  on conflict (queue, counter) do nothing
  returning 1
)
select (select count(*) from fence) as fenced, (select count(*) from parked) as parked
