-- $1 target, then in one order: $2 request types, $3 object_ids. What both sides last had, the version that our last write got there, whether a
-- person has decided for theirs, whether the pair stands, and where the image is, in that order. Runs behind the locks on the lanes (apply_lane).
with forced as materialized (
  select distinct c.request_type, c.object_id from tandem.conflict c
  where c.target = $1::text and c.request_type = any ($2::text[]) and c.resolution = 'theirs' and c.resolved_at is null
)
select a.image::text as image, a.unsettled, a.version, a.counter is not null and a.updated_at > clock_timestamp() - interval '1 minute' as just_written,
       f.object_id is not null as forced, i.version as written, i.state = 'paired' as paired,
       a.agreed_id
from unnest($2::text[], $3::text[]) with ordinality as g (request_type, object_id, place)
left join lateral (
  select x.agreed_id, x.image, x.unsettled, x.version, x.counter, x.updated_at from tandem.agreed x
  where x.target = $1::text and x.request_type = g.request_type and hashtextextended(x.object_id, 0) = hashtextextended(g.object_id, 0) and x.object_id = g.object_id
  limit 1
) as a on true
left join lateral (
  select x.version, x.state from tandem.identity x
  where x.target = $1::text and x.request_type = g.request_type and hashtextextended(x.object_id, 0) = hashtextextended(g.object_id, 0) and x.object_id = g.object_id
    and x.state <> 'deleted'
  limit 1
) as i on true
left join forced f on f.request_type = g.request_type and f.object_id = g.object_id
order by g.place
