-- The life of one record, in order of time, without its body.
create or replace function tandem.trace(record_id uuid)
returns table (at timestamptz, step text, detail jsonb)
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  with record as (
    select 'outbox' as queue, o.counter, o.target as peer, o.request_type, o.object_id, o.operation, o.request_state, o.outcome, o.error_code, o.description,
           o.attempts, o.next_attempt_at, o.answer_status, o.duration, o.date_time, o.date_time_received, o.date_time_update, o.origin, o.trace_context
    from tandem.outbox o where o.counter = tandem.counter_of($1) and o.record_id = $1
    union all
    select 'inbox', i.counter, i.source, i.request_type, i.object_id, i.operation, i.request_state, i.outcome, i.error_code, i.description,
           i.attempts, i.next_attempt_at, i.answer_status, i.duration, i.date_time, i.date_time_received, i.date_time_update, i.origin, i.trace_context
    from tandem.inbox i where i.counter = tandem.counter_of($1) and i.record_id = $1
  ), step (at, place, step, detail) as (
    select r.date_time, 1, 'created', jsonb_strip_nulls(jsonb_build_object('queue', r.queue, 'counter', r.counter, 'peer', r.peer, 'request_type', r.request_type,
             'object_id', r.object_id, 'operation', r.operation, 'origin', r.origin, 'trace_context', r.trace_context))
    from record r
    union all
    select r.date_time_received, 2, 'received', null from record r where r.date_time_received is not null
    union all
    select a.started_at, 3, 'attempt ' || a.attempt, jsonb_strip_nulls(jsonb_build_object('error_code', a.error_code, 'answer_status', a.answer_status,
             'description', a.description, 'duration', a.duration, 'counted', a.counted))
    from record r join tandem.attempt a on a.queue = r.queue and a.counter = r.counter
    union all
    select p.since, 4, 'parked', jsonb_strip_nulls(jsonb_build_object('reason', p.reason, 'due', p.due, 'waits_for', p.waits_for, 'retried', nullif(p.retried, false)))
    from record r join tandem.parked p on p.queue = r.queue and p.counter = r.counter
    union all
    select u.at, 5, u.action, jsonb_strip_nulls(jsonb_build_object('who', u.who, 'reason', u.reason))
    from record r join tandem.audit u on u.at >= r.date_time and u.subject ->> 'queue' = r.queue and u.subject -> 'counters' @> to_jsonb(r.counter)
    union all
    select coalesce(r.date_time_update, r.date_time), 6,
           case r.request_state when 1 then 'waiting to be read' when 2 then 'held' when 3 then 'done' else 'failed' end,
           jsonb_strip_nulls(jsonb_build_object('request_state', r.request_state, 'outcome', r.outcome, 'error_code', r.error_code, 'description', r.description,
             'attempts', r.attempts, 'next_attempt_at', r.next_attempt_at, 'answer_status', r.answer_status, 'duration', r.duration))
    from record r
  )
  select at, step, detail from step order by at, place
$$;
