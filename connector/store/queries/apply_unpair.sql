-- $1 target, $2 request_type, $3 object_id (null: never known here), $4 remote_id. The pair has ended; what comes late for it is known as
-- such, even where it ended before it began.
with ended as (
  update tandem.identity i set state = 'deleted', remote_id = coalesce(i.remote_id, $4::text), updated_at = clock_timestamp()
  where i.target = $1::text and i.request_type = $2::text and md5(i.object_id) = md5($3::text) and i.object_id = $3::text and i.state <> 'deleted'
  returning 1
), forgotten as (
  delete from tandem.agreed a where a.target = $1::text and a.request_type = $2::text and md5(a.object_id) = md5($3::text) and a.object_id = $3::text
)
insert into tandem.identity (target, request_type, object_id, remote_id, state)
select $1::text, $2::text, '', $4::text, 'deleted' where $4::text is not null and not exists (select from ended)
