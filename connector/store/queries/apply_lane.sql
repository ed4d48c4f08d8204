-- $1 target, $2 request_type, $3 object_id. What goes the other way, locked. Runs behind the lock on the object's row, so that no image of it
-- is being written. It may wait here for a settlement; what that has taught stands in other rows, which apply_known reads in a snapshot
-- taken afterwards.
with pending as materialized (
  select o.counter, o.request_state from tandem.outbox o
  where hashtextextended(o.object_id, 0) = hashtextextended($3::text, 0) and o.object_id = $3::text and o.target = $1::text
    and o.request_type = $2::text and o.request_state in (1, 2) and o.operation not in ('call', 'canary')
  order by o.counter for update
)
select exists (select from pending where request_state = 2) as in_flight,
       array(select counter from pending where request_state = 1 order by counter) as waiting
