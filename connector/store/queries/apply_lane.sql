-- $1 target, $2 request_type, $3 object_id. What goes the other way, locked. Runs behind the lock on the object's row, so that no image of it
-- is being written. Nothing is waited for: what somebody else holds is being announced or settled. What a settlement has taught stands in
-- other rows, which apply_known reads in a snapshot of its own.
with pending as materialized (
  select o.counter from tandem.outbox o
  where hashtextextended(o.object_id, 0) = hashtextextended($3::text, 0) and o.object_id = $3::text and o.target = $1::text
    and o.request_type = $2::text and o.request_state in (1, 2) and o.operation not in ('call', 'canary')
), free as materialized (
  select o.counter, o.request_state from tandem.outbox o where o.counter = any (array(select p.counter from pending p))
  order by o.counter for update skip locked
)
select exists (select from free where request_state = 2) or exists (select from pending p where not exists (select from free f where f.counter = p.counter)) as in_flight,
       array(select counter from free where request_state = 1 order by counter) as waiting,
       pg_current_snapshot()::text as snapshot
