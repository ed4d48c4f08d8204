-- Has this object arrived, and if not, why not? One row per target that has ever had a record of it.
create or replace function tandem.object_status(request_type text, object_id text)
returns table (target text, in_sync boolean, request_state smallint, outcome text, error_code text, description text, operation text, record_id uuid,
  counter bigint, attempts integer, next_attempt_at timestamptz, date_time timestamptz, date_time_update timestamptz, remote_id text, paused boolean)
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select t.target, o.request_state = 3, o.request_state, o.outcome, o.error_code, o.description, o.operation, o.record_id,
         o.counter, o.attempts, o.next_attempt_at, o.date_time, o.date_time_update, i.remote_id,
         t.paused or coalesce(r.paused, false)
  from tandem.target t
  cross join lateral (
    select * from tandem.outbox n
    where hashtextextended(n.object_id, 0) = hashtextextended($2, 0) and n.object_id = $2 and n.request_type = $1 and n.target = t.target
    order by hashtextextended(n.object_id, 0) desc, n.counter desc
    limit 1
  ) as o
  left join tandem.route r on r.target = t.target and r.request_type = $1
  left join tandem.identity i on i.target = t.target and i.request_type = $1 and hashtextextended(i.object_id, 0) = hashtextextended($2, 0) and i.object_id = $2 and i.state = 'paired'
  order by t.target
$$;
