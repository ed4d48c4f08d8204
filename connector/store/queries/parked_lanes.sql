-- $1 targets. Every lane that has parked rows: it starts blocked.
select distinct array_position($1::text[], p.peer) - 1 as target, p.request_type, p.object_id
from tandem.parked p
where p.queue = 'outbox' and p.peer = any ($1::text[])
