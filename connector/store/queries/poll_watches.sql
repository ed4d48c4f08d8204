-- $1 connector. The watches that it polls; whether they are new; seconds since their newest round ended.
select p.watch, p.state = 'new', extract(epoch from clock_timestamp() - p.polled_at)::bigint
from tandem.poll_watch p
where p.connector = $1::text and p.active
order by p.watch
