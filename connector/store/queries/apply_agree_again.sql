-- As apply_agree, of images that apply_known has found: $1 their agreed_ids, then in one order: $2 images, $3 versions (null: not told), $4 unsettled. One
-- whose pair has ended meanwhile is left alone.
update tandem.agreed a
set image = g.image::json, version = coalesce(g.version, a.version), unsettled = g.unsettled, counter = null, updated_at = clock_timestamp()
from unnest($1::bigint[], $2::text[], $3::text[], $4::boolean[]) as g (agreed_id, image, version, unsettled)
where a.agreed_id = g.agreed_id
