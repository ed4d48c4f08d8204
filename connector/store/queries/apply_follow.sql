-- $1 target, then in one order: $2 request types, $3 object_ids, $4 answers: it follows only because the CRM has changed what they wrote. The rows as
-- they are go to them; of answers five a minute, since where each side changes what the other writes, they would never end.
with given as materialized (
  select * from unnest($2::text[], $3::text[], $4::boolean[]) as g (request_type, object_id, answers)
), counted as (
  update tandem.agreed a
  set answers = case when a.answered_at > clock_timestamp() - interval '1 minute' then a.answers + 1 else 1 end,
      answered_at = case when a.answered_at > clock_timestamp() - interval '1 minute' then a.answered_at else clock_timestamp() end
  from given g
  where g.answers and a.target = $1::text and a.request_type = g.request_type and hashtextextended(a.object_id, 0) = hashtextextended(g.object_id, 0)
    and a.object_id = g.object_id
  returning a.request_type, a.object_id, a.answers
)
insert into tandem.outbox (object_id, request_type, operation, target)
select g.object_id, g.request_type, 'update', $1::text
from given g left join counted c on c.request_type = g.request_type and c.object_id = g.object_id
where not g.answers or coalesce(c.answers, 1) <= 5
