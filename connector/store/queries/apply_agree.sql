-- $1 target, $2 request_type, $3 object_id, $4 image, $5 version (null: not told), $6 unsettled: what they have is not known for sure.
insert into tandem.agreed as a (target, request_type, object_id, image, version, unsettled, counter)
values ($1::text, $2::text, $3::text, $4::jsonb, $5::text, $6::boolean, null)
on conflict (target, request_type, md5(object_id)) do update
  set image = excluded.image, version = coalesce(excluded.version, a.version), unsettled = excluded.unsettled, counter = null,
      updated_at = clock_timestamp()
