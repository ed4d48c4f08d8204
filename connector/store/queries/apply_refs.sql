-- $1 target, then in one order: $2 request types, $3 their ids. Our ids of these objects; null where there is no pair.
select (
  select i.object_id from tandem.identity i
  where i.target = $1::text and i.request_type = g.request_type and md5(i.remote_id) = md5(g.remote_id) and i.remote_id = g.remote_id
    and i.state = 'paired') as object_id
from unnest($2::text[], $3::text[]) with ordinality as g (request_type, remote_id, place) order by g.place
