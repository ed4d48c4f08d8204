-- $1 target, then in one order: $2 request types, $3 object_ids, $4 answers: it follows only because the CRM has changed what they wrote, with $5
-- description. The rows as they are go to them; of answers a few a minute, since where each side changes what the other writes, they would never end.
insert into tandem.outbox (object_id, request_type, operation, target)
select g.object_id, g.request_type, 'update', $1::text
from unnest($2::text[], $3::text[], $4::boolean[]) as g (request_type, object_id, answers)
where not g.answers or (
  select count(*) from (  -- of its newest records
    select r.request_type, r.request_state, r.description, r.date_time_update from tandem.inbox r
    where hashtextextended(r.object_id, 0) = hashtextextended(g.object_id, 0) and r.object_id = g.object_id
    order by hashtextextended(r.object_id, 0), r.counter desc limit 50) as n
  where n.request_type = g.request_type and n.request_state = 3 and n.description = $5::text
    and n.date_time_update > clock_timestamp() - interval '1 minute') < 5
