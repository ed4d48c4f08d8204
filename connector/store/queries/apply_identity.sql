-- $1 connector, $2 epoch, $3 counter, $4 record_id, $5 target, $6 request_type, $7 remote_id, $8 object_id as they told it. The record,
-- locked, and the object that it is about.
with fence as materialized (
  select from tandem.connector where name = $1::text and epoch = $2::bigint for key share
), record as materialized (
  select from tandem.inbox where counter = $3::bigint and record_id = $4::uuid and request_state in (1, 2) for update
)
select (select count(*) from fence) as fenced, (select count(*) from record) as pending, i.object_id, i.remote_id,
       exists (
         select from tandem.identity d
         where d.target = $5::text and d.request_type = $6::text and md5(d.remote_id) = md5($7::text) and d.remote_id = $7::text
           and d.state = 'deleted') as deleted,
       exists (
         select from tandem.identity c
         where c.target = $5::text and c.request_type = $6::text and c.state = 'pending'
           and c.updated_at > clock_timestamp() - interval '1 minute') as creating
from (select) as one
left join lateral (
  select * from (
    select 1 as place, x.object_id, x.remote_id from tandem.identity x
    where x.target = $5::text and x.request_type = $6::text and md5(x.remote_id) = md5($7::text) and x.remote_id = $7::text and x.state <> 'deleted'
    union all
    select 2, x.object_id, x.remote_id from tandem.identity x
    where x.target = $5::text and x.request_type = $6::text and md5(x.object_id) = md5($8::text) and x.object_id = $8::text and x.state <> 'deleted'
  ) as known order by place limit 1
) as i on true
