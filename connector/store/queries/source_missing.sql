-- $1 target, $2 request_type, $3 their ids as a complete list holds them, $4 seconds since it was begun. What was paired since then, or shortly
-- before, need not be on it.
with known as materialized (
  select i.remote_id, i.updated_at from tandem.identity i where i.target = $1::text and i.request_type = $2::text and i.state = 'paired'
), listed as materialized (
  select unnest($3::text[]) as remote_id
)
select array(
         select k.remote_id from known k
         where k.updated_at < clock_timestamp() - $4::bigint * interval '1 second' - interval '1 minute'
           and not exists (select from listed l where l.remote_id = k.remote_id)
         order by k.remote_id) as missing,
       (select count(*) from known) as known
