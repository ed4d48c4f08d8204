-- $1 targets. Their floors, in this order; 0 where none has been written.
select coalesce(s.counter, 0) as counter
from unnest($1::text[]) with ordinality as t (target, place)
left join tandem.settled_through s on s.queue = 'outbox' and s.peer = t.target
order by t.place
