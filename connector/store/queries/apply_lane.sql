-- $1 target, then in one order: $2 request types, $3 object_ids. What goes the other way, locked, in that order. Runs behind the locks on the objects'
-- rows, so that no image of them is being written. Nothing is waited for: what somebody else holds is being announced or settled. What a
-- settlement has taught stands in other rows, which apply_known reads in a snapshot of its own.
with given as materialized (
  select * from unnest($2::text[], $3::text[]) with ordinality as g (request_type, object_id, place)
), pending as materialized (
  select g.place, p.counter from given g cross join lateral (
    select o.counter from tandem.outbox o
    where hashtextextended(o.object_id, 0) = hashtextextended(g.object_id, 0) and o.object_id = g.object_id and o.target = $1::text
      and o.request_type = g.request_type and o.request_state in (1, 2) and o.operation not in ('call', 'canary')
    offset 0
  ) as p
), free as materialized (
  select o.counter, o.request_state from tandem.outbox o where o.counter = any (array(select p.counter from pending p))
  order by o.counter for update skip locked
)
select bool_or(p.counter is not null and (f.counter is null or f.request_state = 2)) as in_flight,
       coalesce(array_agg(f.counter order by f.counter) filter (where f.request_state = 1), '{}') as waiting,
       pg_current_snapshot()::text as snapshot
from given g left join pending p on p.place = g.place left join free f on f.counter = p.counter
group by g.place order by g.place
