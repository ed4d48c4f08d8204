-- $1 target, then in one order: $2 request types, $3 object_ids, $4 remote_ids.
insert into tandem.identity as i (target, request_type, object_id, remote_id, state)
select $1::text, g.request_type, g.object_id, g.remote_id, 'paired'
from unnest($2::text[], $3::text[], $4::text[]) as g (request_type, object_id, remote_id)
on conflict (target, request_type, hashtextextended(object_id, 0), hashtextextended(object_id, 1)) where state <> 'deleted' do update
  set remote_id = coalesce(i.remote_id, excluded.remote_id), state = 'paired', updated_at = clock_timestamp()
  where i.state <> 'paired'
