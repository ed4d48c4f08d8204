-- $1 target, then in one order: $2 request types, $3 their ids. Our ids of these objects; null where there is no pair.
select i.object_id
from unnest($2::text[], $3::text[]) with ordinality as g (request_type, remote_id, place)
left join lateral (  -- by none but the remote ids' index, whatever the table's size was when the plan was made
  select x.object_id from tandem.identity x
  where hashtextextended(x.remote_id, 0) = hashtextextended(g.remote_id, 0) and x.remote_id = g.remote_id and x.target is not distinct from $1::text
    and x.request_type is not distinct from g.request_type and x.state = 'paired'
  limit 1
) as i on true
order by g.place
