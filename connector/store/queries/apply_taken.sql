-- $1 target, then in one order: $2 request types, $3 object_ids. Places of those, from 1, that have a partner there.
select g.place
from unnest($2::text[], $3::text[]) with ordinality as g (request_type, object_id, place)
cross join lateral (
  select from tandem.identity i
  where i.target = $1::text and i.request_type = g.request_type and hashtextextended(i.object_id, 0) = hashtextextended(g.object_id, 0) and i.object_id = g.object_id
    and i.state = 'paired'
  limit 1
) as paired
