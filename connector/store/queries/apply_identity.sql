-- $1 connector, $2 epoch, $3 target, then in one order: $4 counters, $5 record_ids, $6 request types, $7 remote_ids and $8 object_ids as they told
-- them (null: not told). Of each record in that order: is it pending, and the pair that it is about.
with fence as materialized (
  select from tandem.connector where name = $1::text and epoch = $2::bigint for key share
), creating as materialized (
  -- Creates of ours whose outcome is unknown: the object that a record tells of may be the work of one that was announced before it came.
  select c.request_type, min(c.created_at) as since from tandem.identity c
  where c.target = $3::text and c.request_type = any ($6::text[]) and c.state = 'pending' and exists (
    select from tandem.outbox n
    where hashtextextended(n.object_id, 0) = hashtextextended(c.object_id, 0) and n.object_id = c.object_id and n.target = c.target
      and n.request_type = c.request_type and n.request_state in (1, 2))
  group by c.request_type
)
select (select count(*) from fence) as fenced, r.pending is not null as pending, coalesce(t.object_id, o.object_id) as object_id,
       case when t.object_id is null then o.remote_id else t.remote_id end as remote_id, d.deleted is not null as deleted,
       d.version is not null as deleted_there, d.version as deleted_version,
       exists (select from creating c where c.request_type = g.request_type and c.since <= r.date_time) as creating
from unnest($4::bigint[], $5::uuid[], $6::text[], $7::text[], $8::text[]) with ordinality
  as g (counter, record_id, request_type, remote_id, object_id, place)
left join lateral (  -- by the indexes, however few rows there were when the plan was made
  select true as pending, i.date_time from tandem.inbox i where i.counter = g.counter and i.record_id = g.record_id and i.request_state in (1, 2) limit 1
) as r on true
left join lateral (  -- and by none but the remote ids' index
  select x.object_id, x.remote_id from tandem.identity x
  where hashtextextended(x.remote_id, 0) = hashtextextended(g.remote_id, 0) and x.remote_id = g.remote_id and x.target is not distinct from $3::text
    and x.request_type is not distinct from g.request_type and x.state <> 'deleted'
  limit 1
) as t on true
left join lateral (
  select x.object_id, x.remote_id from tandem.identity x
  where t.object_id is null and x.target = $3::text and x.request_type = g.request_type and hashtextextended(x.object_id, 0) = hashtextextended(g.object_id, 0)
    and x.object_id = g.object_id and x.state <> 'deleted'
  limit 1
) as o on true
left join lateral (
  select true as deleted, x.version from tandem.identity x
  where t.object_id is null and x.target = $3::text and x.request_type = g.request_type and hashtextextended(x.remote_id, 0) = hashtextextended(g.remote_id, 0)
    and x.remote_id = g.remote_id and x.state = 'deleted'
    and x.updated_at = (  -- the last one: to sort what is hardly ever there would cost as much as all the look-ups
      select max(y.updated_at) from tandem.identity y
      where y.target = $3::text and y.request_type = g.request_type and hashtextextended(y.remote_id, 0) = hashtextextended(g.remote_id, 0)
        and y.remote_id = g.remote_id and y.state = 'deleted')
  limit 1
) as d on true
order by g.place
