-- $1 target, then in one order: $2 request types, $3 object_ids, $4 images, $5 versions (null: not told), $6 unsettled: what they have is not known
-- for sure.
insert into tandem.agreed as a (target, request_type, object_id, image, version, unsettled, counter)
select $1::text, g.request_type, g.object_id, g.image::json, g.version, g.unsettled, null
from unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::boolean[]) as g (request_type, object_id, image, version, unsettled)
on conflict (target, request_type, hashtextextended(object_id, 0), hashtextextended(object_id, 1)) do update
  set image = excluded.image, version = coalesce(excluded.version, a.version), unsettled = excluded.unsettled, counter = null,
      updated_at = clock_timestamp()
