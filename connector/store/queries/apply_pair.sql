-- $1 target, $2 request_type, $3 object_id, $4 remote_id.
insert into tandem.identity as i (target, request_type, object_id, remote_id, state) values ($1::text, $2::text, $3::text, $4::text, 'paired')
on conflict (target, request_type, md5(object_id)) where state <> 'deleted' do update
  set remote_id = coalesce(i.remote_id, excluded.remote_id), state = 'paired', updated_at = clock_timestamp()
  where i.state <> 'paired'
