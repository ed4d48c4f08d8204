-- $1 target, $2 request_type, $3 object_id. What goes the other way, locked, and what both sides last had. Runs behind the lock on the
-- object's row, so that no image of it is being written.
with pending as materialized (
  select o.counter, o.request_state from tandem.outbox o
  where hashtextextended(o.object_id, 0) = hashtextextended($3::text, 0) and o.object_id = $3::text and o.target = $1::text
    and o.request_type = $2::text and o.request_state in (1, 2) and o.operation not in ('call', 'canary')
  order by o.counter for update
)
select exists (select from pending where request_state = 2) as in_flight,
       array(select counter from pending where request_state = 1 order by counter) as waiting,
       a.image::text as image, a.unsettled, a.version, a.counter is not null and a.updated_at > clock_timestamp() - interval '1 minute' as just_written,
       exists (
         select from tandem.conflict c
         where c.target = $1::text and c.request_type = $2::text and c.object_id = $3::text and c.resolution = 'theirs' and c.resolved_at is null) as forced
from (select) as one
left join tandem.agreed a on a.target = $1::text and a.request_type = $2::text and md5(a.object_id) = md5($3::text) and a.object_id = $3::text
