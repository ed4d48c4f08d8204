-- $1 connector, $2 epoch. At a start: what an earlier start has taken up, and lanes whose rows wait for one that is no longer parked.
with fence as materialized (
  select from tandem.connector where name = $1::text and epoch = $2::bigint for key share
)
update tandem.parked p set due = clock_timestamp(), reason = case p.reason when 'taken up' then 'start' else p.reason end
from fence
where p.queue = 'outbox' and p.due = 'infinity'
  and (p.reason = 'taken up'
    or (p.reason = 'lane' and not exists (
      select from tandem.parked o
      where hashtextextended(o.object_id, 0) = hashtextextended(p.object_id, 0)
        and o.queue is not distinct from p.queue and o.peer is not distinct from p.peer and o.request_type = p.request_type and o.object_id = p.object_id
        and o.reason not in ('lane', 'taken up'))))
