-- $1 connector, $2 epoch, $3 targets by index (null: no room).
-- All waiting rows of the lanes of the first 200 rows that are due at each target, by lane and counter. They stay parked until they are
-- settled; nobody takes them twice. The 200 is no parameter, and rows are looked up lane by lane (`offset 0`): a generic plan that does not
-- know how few lanes there are hashes all that is parked.
with fence as materialized (
  select from tandem.connector where name = $1::text and epoch = $2::bigint for key share
), lane as materialized (
  select distinct d.peer, d.request_type, d.object_id
  from (
    select p.peer, p.request_type, p.object_id from unnest($3::text[]) as t (target)
    cross join lateral (
      select q.peer, q.request_type, q.object_id from tandem.parked q
      where q.queue = 'outbox' and q.peer = t.target and q.due <= now() order by q.due limit 200
    ) p
  ) d
), waiting as materialized (
  select l.peer, l.request_type, l.object_id, p.counter, p.retried, p.attempted, p.reason, case when p.waits_for is null then 0 else (extract(epoch from clock_timestamp() - p.since) * 1000)::bigint end as waited_ms,
         case when p.due > now() and isfinite(p.due) then (extract(epoch from p.due - now()) * 1000)::bigint else 0 end as early_ms
  from lane l
  cross join lateral (
    select q.counter, q.retried, q.attempted, q.reason, q.waits_for, q.since, q.due from tandem.parked q
    where hashtextextended(q.object_id, 0) = hashtextextended(l.object_id, 0) and q.object_id = l.object_id
      and q.queue is not distinct from 'outbox' and q.peer is not distinct from l.peer and q.request_type = l.request_type
      and q.reason <> 'taken up'
    offset 0
  ) p
), free as materialized (
  select p.counter from tandem.parked p
  where p.queue is not distinct from 'outbox' and p.counter = any (array(select w.counter from waiting w)) for no key update skip locked
), held as materialized (  -- lanes of which somebody holds a row: they come whole, later
  select w.peer, w.request_type, w.object_id from waiting w where not exists (select from free f where f.counter = w.counter)
), taken as (
  update tandem.parked p set due = 'infinity', reason = 'taken up' from waiting w, fence
  where p.queue is not distinct from 'outbox' and p.counter = w.counter
    and not exists (
      select from held h where h.peer = w.peer and h.request_type = w.request_type and h.object_id = w.object_id)
  returning p.counter
)
select array_position($3::text[], o.target) - 1 as target, o.counter, o.xid, o.record_id, o.request_type, o.object_id, o.operation,
       o.request_state, o.error_code, o.attempts, o.date_time, o.body is not null as has_body,
       case when o.error_code = 'mapping' then o.description end as description, w.retried, w.reason, w.waited_ms,
       w.retried and exists (
         select from tandem.outbox n
         where hashtextextended(n.object_id, 0) = hashtextextended(o.object_id, 0) and n.object_id = o.object_id and n.counter > o.counter
           and n.target = o.target and n.request_type = o.request_type and n.operation <> 'call'
         union all
         select from tandem.outbox n
         where n.old_object_id is not null and hashtextextended(n.old_object_id, 0) = hashtextextended(o.object_id, 0)
           and n.old_object_id = o.object_id and n.counter > o.counter and n.target = o.target and n.request_type = o.request_type) as overtaken,
       w.early_ms, w.attempted, o.trace_context
from taken k
join waiting w on w.counter = k.counter
join tandem.outbox o on o.counter = k.counter
where o.request_state in (1, 2)
order by o.target, o.request_type, o.object_id, o.counter
