-- $1 target, $2 request_type, $3 object_id. What both sides last had, the version that our last write got there, and whether a person has
-- decided for theirs. Runs behind the lock on the lane (apply_lane).
select a.image::text as image, a.unsettled, a.version, a.counter is not null and a.updated_at > clock_timestamp() - interval '1 minute' as just_written,
       exists (
         select from tandem.conflict c
         where c.target = $1::text and c.request_type = $2::text and c.object_id = $3::text and c.resolution = 'theirs' and c.resolved_at is null) as forced,
       i.version as written
from (select) as one
left join tandem.agreed a on a.target = $1::text and a.request_type = $2::text and md5(a.object_id) = md5($3::text) and a.object_id = $3::text
left join tandem.identity i on i.target = $1::text and i.request_type = $2::text and md5(i.object_id) = md5($3::text) and i.object_id = $3::text
  and i.state <> 'deleted'
