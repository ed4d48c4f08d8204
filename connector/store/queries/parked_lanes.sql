-- $1 targets, $2 after, $3 most rows. Lanes that have parked rows, by counter and in pages: they start blocked.
select array_position($1::text[], p.peer) - 1 as target, p.request_type, p.object_id, p.counter
from tandem.parked p
where p.queue = 'outbox' and p.peer = any ($1::text[]) and p.counter > $2::bigint
order by p.counter limit $3::bigint
