-- $1 connector, $2 epoch, $3 targets. Now and then: parked rows that nothing would wake any more, since what they wait for ended while they
-- were being parked: the lane's other record was settled by a person.
with fence as materialized (
  select from tandem.connector where name = $1::text and epoch = $2::bigint for key share
)
update tandem.parked p set due = clock_timestamp()
from fence
where p.queue = 'outbox' and p.peer = any ($3::text[]) and p.due > clock_timestamp()
  and p.reason = 'lane' and not exists (
    select from tandem.parked o
    where hashtextextended(o.object_id, 0) = hashtextextended(p.object_id, 0)
      and o.queue is not distinct from p.queue and o.peer is not distinct from p.peer and o.request_type = p.request_type and o.object_id = p.object_id and o.reason <> 'lane')
