-- $1 connector, $2 epoch, then in one order: $3 counters, $4 record_ids, $5 request_states, $6 outcomes, $7 error_codes, $8 descriptions,
-- $9 object_ids (null: not known), $10 attempts; $11 the counters among them that were parked.
with fence as materialized (
  select from tandem.connector where name = $1::text and epoch = $2::bigint for key share
), settled as (
  update tandem.inbox i
  set request_state = g.request_state::smallint, outcome = g.outcome, error_code = g.error_code, description = g.description,
      need_retry = case when g.request_state = 4 then true end, object_id = coalesce(g.object_id, i.object_id), attempts = g.attempts::integer,
      next_attempt_at = null, date_time_received = coalesce(i.date_time_received, clock_timestamp()), date_time_update = clock_timestamp()
  from fence cross join (  -- row by row, where a function of several arrays would store them first
    select unnest($3::bigint[]) as counter, unnest($4::uuid[]) as record_id, unnest($5::bigint[]) as request_state, unnest($6::text[]) as outcome,
           unnest($7::text[]) as error_code, unnest($8::text[]) as description, unnest($9::text[]) as object_id, unnest($10::bigint[]) as attempts
  ) as g
  where i.counter = g.counter and i.record_id = g.record_id and i.request_state in (1, 2)
  returning i.counter, i.source, i.request_type, i.object_id, i.request_state, i.outcome, i.error_code, i.description
), unparked as (
  delete from tandem.parked p where p.queue is not distinct from 'inbox' and p.counter = any ($11::bigint[]) and exists (select from fence)
), failed as (
  insert into tandem.failed as f (queue, counter, peer, request_type, object_id, outcome, error_code, fingerprint)
  select 'inbox', s.counter, s.source, s.request_type, s.object_id, s.outcome, s.error_code,
         left(regexp_replace(s.description, '[0-9a-f]{8}-[0-9a-f-]{27}|"[^"]*"|[0-9]+', '#', 'gi'), 200)
  from settled s where s.request_state = 4
  on conflict (queue, counter) do update
    set outcome = excluded.outcome, error_code = excluded.error_code, fingerprint = excluded.fingerprint, failed_at = clock_timestamp()
)
select (select count(*) from fence) as fenced, (select count(*) from settled) as settled
