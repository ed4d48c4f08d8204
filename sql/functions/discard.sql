-- Gives records up (state 1, 2 or 4 → 3, outcome discarded). An attempt that is under way is not called back, but its answer is no longer
-- written. Each answers how many records it discarded.
create or replace function tandem.discard_records(counters bigint[], reason text, queue text default 'outbox') returns integer
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
  gone bigint[];
begin
  if discard_records.queue = 'outbox' then
    with locked as materialized (
      select o.counter from tandem.outbox o where o.counter = any (counters) and o.request_state in (1, 2, 4) order by o.counter for update
    ), settled as (
      update tandem.outbox o set request_state = 3, outcome = 'discarded', need_retry = null, next_attempt_at = null, date_time_update = clock_timestamp()
      from locked where o.counter = locked.counter
      returning o.counter
    )
    select array_agg(counter) into gone from settled;
  else
    with locked as materialized (
      select i.counter from tandem.inbox i where i.counter = any (counters) and i.request_state in (1, 2, 4) order by i.counter for update
    ), settled as (
      update tandem.inbox i set request_state = 3, outcome = 'discarded', need_retry = null, next_attempt_at = null, date_time_update = clock_timestamp()
      from locked where i.counter = locked.counter
      returning i.counter
    )
    select array_agg(counter) into gone from settled;
  end if;
  if gone is null then
    return 0;
  end if;
  delete from tandem.parked p where p.queue = discard_records.queue and p.counter = any (gone);
  delete from tandem.failed f where f.queue = discard_records.queue and f.counter = any (gone);
  perform tandem.wake_blocked(discard_records.queue, gone);
  insert into tandem.audit (action, subject, reason)
    values ('discard', jsonb_build_object('queue', discard_records.queue, 'records', cardinality(gone), 'counters', to_jsonb(gone[1:100])), discard_records.reason);
  perform pg_logical_emit_message(true, 'tandem', jsonb_build_object('discard', cardinality(gone))::text);
  return cardinality(gone);
end
$$;

create or replace function tandem.discard(record_id uuid, reason text default null) returns integer
language sql volatile security definer set search_path = pg_catalog, pg_temp
as $$ select tandem.discard_records(array[f.counter], reason, f.queue) from tandem.find_record(record_id) as f $$;

create or replace function tandem.discard(counter bigint, reason text default null) returns integer
language sql volatile security definer set search_path = pg_catalog, pg_temp
as $$ select tandem.discard_records(array[counter], reason) $$;

-- Failed records of a group; at most `most` at once, oldest first. With queue => 'inbox' they are a source's.
drop function if exists tandem.discard(text, text, text, integer, text);
create or replace function tandem.discard(target text, request_type text default null, error_code text default null, most integer default 1000,
  reason text default null, queue text default 'outbox') returns integer
language sql volatile security definer set search_path = pg_catalog, pg_temp
as $$ select tandem.discard_records(tandem.failed_records(target, request_type, error_code, most, queue), reason, queue) $$;
