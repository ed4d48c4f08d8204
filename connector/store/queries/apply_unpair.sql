-- $1 target, then in one order: $2 request types, $3 object_ids (null: never known here), $4 remote_ids, $5 versions (null: not told). The pairs have
-- ended by their word, which a version tells, though an empty one; what comes late for them is known as such, even where a pair ended before it began.
with given as materialized (  -- the rows by none but the indexes of objects, however few there were when the plan was made
  select g.*, (
           select x.identity_id from tandem.identity x
           where hashtextextended(x.object_id, 0) = hashtextextended(g.object_id, 0) and x.object_id = g.object_id
             and x.target is not distinct from $1::text and x.request_type is not distinct from g.request_type and x.state <> 'deleted'
           limit 1) as identity_id, (
           select x.agreed_id from tandem.agreed x
           where hashtextextended(x.object_id, 0) = hashtextextended(g.object_id, 0) and x.object_id = g.object_id
             and x.target is not distinct from $1::text and x.request_type is not distinct from g.request_type
           limit 1) as agreed_id
  from unnest($2::text[], $3::text[], $4::text[], $5::text[]) with ordinality as g (request_type, object_id, remote_id, version, place)
), ended as (
  update tandem.identity i set state = 'deleted', remote_id = coalesce(i.remote_id, g.remote_id), version = coalesce(g.version, ''), updated_at = clock_timestamp()
  from given g where i.identity_id = g.identity_id and i.state <> 'deleted'
  returning g.place
), forgotten as (
  delete from tandem.agreed a using given g where a.agreed_id = g.agreed_id
)
insert into tandem.identity (target, request_type, object_id, remote_id, state, version)
select $1::text, g.request_type, '', g.remote_id, 'deleted', coalesce(g.version, '') from given g
where g.remote_id is not null and not exists (select from ended e where e.place = g.place)
