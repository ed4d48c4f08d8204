-- $1 target, then in one order: $2 request types, $3 object_ids, $4 answers: it follows only because the CRM has changed what they wrote. The rows as
-- they are go to them; of answers five a minute, since where each side changes what the other writes, they would never end.
with given as materialized (
  select g.*, case when g.answers then (  -- by none but the index of objects, however few there were when the plan was made
           select x.agreed_id from tandem.agreed x
           where hashtextextended(x.object_id, 0) = hashtextextended(g.object_id, 0) and x.object_id = g.object_id
             and x.target is not distinct from $1::text and x.request_type is not distinct from g.request_type
           limit 1) end as agreed_id
  from unnest($2::text[], $3::text[], $4::boolean[]) as g (request_type, object_id, answers)
), counted as (
  update tandem.agreed a
  set answers = case when a.answered_at > clock_timestamp() - interval '1 minute' then least(a.answers + 1, 1000) else 1 end,
      answered_at = case when a.answered_at > clock_timestamp() - interval '1 minute' then a.answered_at else clock_timestamp() end
  from given g where a.agreed_id = g.agreed_id
  returning a.agreed_id, a.answers
)
insert into tandem.outbox (object_id, request_type, operation, target)
select g.object_id, g.request_type, 'update', $1::text
from given g left join counted c on c.agreed_id = g.agreed_id
where not g.answers or coalesce(c.answers, 1) <= 5
