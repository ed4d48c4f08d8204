-- $1 connector, $2 epoch, $3 counters. Records of changed keys: the identity and the agreed image move from the old key to the new.
with fence as materialized (
  select from tandem.connector where name = $1::text and epoch = $2::bigint for key share
), moving as materialized (
  select o.target, o.request_type, o.object_id, o.old_object_id
  from unnest($3::bigint[]) as given (counter)
  join tandem.outbox o on o.counter = given.counter and o.operation = 'rekey' and o.request_state in (1, 2), fence
), agreed as (
  update tandem.agreed a set object_id = m.object_id, updated_at = clock_timestamp() from moving m
  where a.target = m.target and a.request_type = m.request_type and md5(a.object_id) = md5(m.old_object_id) and a.object_id = m.old_object_id
)
update tandem.identity i set object_id = m.object_id, updated_at = clock_timestamp() from moving m
where i.target = m.target and i.request_type = m.request_type and md5(i.object_id) = md5(m.old_object_id)
  and i.object_id = m.old_object_id and i.state <> 'deleted'
