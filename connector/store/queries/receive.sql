-- $1 source, then one array each, in the order of arrival: $2 request_type, $3 operation, $4 remote_id, $5 object_id, $6 body, $7 version,
-- $8 source_record_id, $9 trace_context; $10 the source's next position (null: it has none), $11 the one that it is reached from; $12 places and
-- $13 reasons of what cannot be taken. Records that have come before are passed over. Where another position is stored than the one it is reached
-- from, somebody else has read on, or a person has moved it: then nothing is stored. All of it is one statement, hence one transaction.
-- What stands in /*drawn: */ is for records whose counters, $14, this transaction has drawn behind its xid; record_id is the column's own default.
-- The object is known by its identity where the record names only their id. A record that carries an id alone waits until the object has been
-- fetched, where its route can.
with moved as (
  update tandem.source set position = $10::jsonb
  where source = $1::text and $10::jsonb is not null and position is not distinct from $11::jsonb
  returning source
), mine as materialized (
  select $10::jsonb is null or exists (select from moved) as taken,
         (select s.definition ->> 'target' from tandem.source s where s.source = $1::text) as target
), arrived as (
  insert into tandem.inbox (/*drawn: counter, record_id, */object_id, object_hash, request_type, operation, source, body, remote_id, source_record_id, version, trace_context, origin)
  /*drawn: overriding system value */select
         /*drawn: g.counter, encode(int8send((g.counter << 16) | 32768) || set_bit(timestamptz_send(now()), 7, 1), 'hex')::uuid, */
         coalesce(i.object_id, g.object_id), hashtextextended(coalesce(i.object_id, g.object_id), 0), g.request_type, g.operation, $1::text, g.body::jsonb, g.remote_id, g.source_record_id, g.version,
         g.trace_context, $1::text
  from (  -- unnested side by side they come in order, and without a store for each row
    select /*drawn: unnest($14::bigint[]) as counter, */unnest($2::text[]) as request_type, unnest($3::text[]) as operation, unnest($4::text[]) as remote_id, unnest($5::text[]) as object_id,
           unnest($6::text[]) as body, unnest($7::text[]) as version, unnest($8::text[]) as source_record_id, unnest($9::text[]) as trace_context
  ) as g
  left join lateral (  -- by none but the remote ids' index, however few pairs there were when the plan was made
    select x.object_id from tandem.identity x
    where hashtextextended(x.remote_id, 0) = hashtextextended(g.remote_id, 0) and x.remote_id = g.remote_id and x.target is not distinct from (select target from mine)
      and x.request_type is not distinct from g.request_type and x.state <> 'deleted'
    limit 1
  ) as i on true
  where (select taken from mine)
  on conflict on constraint inbox_source_record_arrives_once do nothing
  returning counter, request_type, operation, object_id, body is null as bare
), parked as (
  insert into tandem.parked (queue, counter, peer, request_type, object_id, due, reason)
  select 'inbox', a.counter, $1::text, a.request_type, a.object_id, 'infinity', 'fetch'
  from arrived a
  where a.bare and a.operation <> 'delete' and tandem.fetches($1::text, a.request_type)
), refused as (
  insert into tandem.refused as r (source, place, reason, times)
  select $1::text, t.place, t.reason, count(*)
  from mine, unnest($12::text[], $13::text[]) as t (place, reason) where mine.taken
  group by t.place, t.reason
  on conflict (source, place, md5(reason)) do update set times = r.times + excluded.times, last_at = clock_timestamp()
)
select (select count(*) from arrived) as fresh, (select count(*) from moved) as moved
