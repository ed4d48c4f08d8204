-- $1 targets. Every lane that has failed records.
select distinct array_position($1::text[], f.peer) - 1 as target, f.request_type, f.object_id
from tandem.failed f
where f.queue = 'outbox' and f.peer = any ($1::text[])
