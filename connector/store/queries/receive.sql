-- $1 source, then one array each, in the order of arrival: $2 request_type, $3 operation, $4 remote_id, $5 object_id, $6 body, $7 version,
-- $8 source_record_id, $9 trace_context; $10 position of the source (null: it has none). Records that have come before are passed over.
-- The object is known by its identity where the record names only their id. Position and records are one statement, hence one transaction.
with given as materialized (
  select g.*, s.definition ->> 'target' as target
  from unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[]) with ordinality
    as g (request_type, operation, remote_id, object_id, body, version, source_record_id, trace_context, place)
  left join tandem.source s on s.source = $1::text
), arrived as (
  insert into tandem.inbox (object_id, request_type, operation, source, body, remote_id, source_record_id, version, trace_context, origin)
  select coalesce(i.object_id, g.object_id), g.request_type, g.operation, $1::text, g.body::jsonb, g.remote_id, g.source_record_id, g.version,
         g.trace_context, $1::text
  from given g
  left join tandem.identity i on i.target = g.target and i.request_type = g.request_type and md5(i.remote_id) = md5(g.remote_id)
    and i.remote_id = g.remote_id and i.state <> 'deleted'
  order by g.place
  on conflict on constraint inbox_source_record_arrives_once do nothing
  returning counter
), moved as (
  update tandem.source set position = $10::jsonb where source = $1::text and $10::jsonb is not null
)
select count(*) from arrived
