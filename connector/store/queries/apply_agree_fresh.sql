-- As apply_agree, of objects whose rows this transaction has inserted under keys that nobody had named. $1 target, then in one order: $2 request types,
-- $3 object_ids, $4 images, $5 versions (null: not told), $6 unsettled.
insert into tandem.agreed (target, request_type, object_id, image, version, unsettled, counter)
select $1::text, g.request_type, g.object_id, g.image::json, g.version, g.unsettled, null
from unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::boolean[]) as g (request_type, object_id, image, version, unsettled)
