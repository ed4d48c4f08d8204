-- $1 source, then one array each, in the order of arrival: $2 record ids, $3 failed, $4 their words, $5 remote_id, $6 source_record_id,
-- $7 trace_context; $8 the position that the source has moved to with them (null: it has none).
-- What becomes of each stands in inbox, done at once: `applied` where a pending record of the source's target waits for it, else `discarded`.
-- Runs behind receive in one transaction: where that has not moved the position, nothing is stored here either. The message rings for the feed.
with mine as materialized (
  select s.definition ->> 'target' as target from tandem.source s
  where s.source = $1::text and ($8::jsonb is null or s.position is not distinct from $8::jsonb)
), given as materialized (
  select g.*, o.counter, o.object_id, o.request_type, o.operation, o.request_state, r.definition ->> 'settle_on' as settle_on,
         exists (select from tandem.confirmation c where c.counter = o.counter) or row_number() over (partition by g.record_id order by g.place) > 1
           as told
  from mine cross join unnest($2::text[]::uuid[], $3::boolean[], $4::text[], $5::text[], $6::text[], $7::text[]) with ordinality
    as g (record_id, failed, description, remote_id, source_record_id, trace_context, place)
  left join tandem.outbox o on o.counter = tandem.counter_of(g.record_id) and o.record_id = g.record_id and o.target = mine.target
  left join tandem.route r on r.target = o.target and r.request_type = o.request_type
), judged as (
  select g.*,
         case
           when g.counter is null then 'confirms a record that is not known'
           when g.settle_on is distinct from 'confirmed' or g.operation = 'call' then 'confirms a record whose route waits for nothing'
           when g.request_state not in (1, 2) then 'confirms a record that is settled already'
           when g.told then 'confirms a record once more'
         end as surplus
  from given g
), arrived as (
  insert into tandem.inbox (object_id, request_type, operation, source, remote_id, source_record_id, trace_context, origin, request_state, outcome,
    description, date_time_received, date_time_update)
  select j.object_id, coalesce(j.request_type, 'confirmation'), 'call', $1::text, j.remote_id, j.source_record_id, j.trace_context, $1::text, 3,
         case when j.surplus is null then 'applied' else 'discarded' end, left(coalesce(j.surplus, 'confirms') || ': ' || j.record_id, 500),
         clock_timestamp(), clock_timestamp()
  from judged j order by j.place
  on conflict on constraint inbox_source_record_arrives_once do nothing
  returning source_record_id, outcome
), heard as (
  insert into tandem.confirmation (counter, record_id, failed, description, remote_id, source)
  select j.counter, j.record_id, j.failed, j.description, j.remote_id, $1::text
  from judged j join arrived a on a.source_record_id = j.source_record_id
  where j.surplus is null
  on conflict on constraint confirmation_counts_once do nothing
  returning counter
), rung as (
  select pg_logical_emit_message(true, 'tandem', '{"confirmed": true}') as lsn from heard limit 1
)
select (select count(*) from heard) as heard, (select count(*) from arrived where outcome = 'discarded') as surplus, (select count(lsn) from rung) as rung
