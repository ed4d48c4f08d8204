-- Sends failed records again (state 4 → 1). State and parked row are written in one transaction, so the feed finds them below its floor; the
-- logical message only rings. A record keeps its record_id; its attempts count from 0 again. One that has been overtaken in its lane is
-- never sent with its older image: delivery settles it and, where needed, writes a `latest` record. Each answers how many records it sent back.
create or replace function tandem.retry_records(counters bigint[], queue text, reason text) returns integer
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
  sent bigint[];
begin
  if retry_records.queue = 'outbox' then
    with locked as materialized (
      select o.counter, o.outcome from tandem.outbox o where o.counter = any (counters) and o.request_state = 4 order by o.counter for update
    ), back as (
      update tandem.outbox o
      set request_state = 1, outcome = null, error_code = null, description = null, need_retry = null, attempts = 0,
          next_attempt_at = null, date_time_update = clock_timestamp()
      from locked where o.counter = locked.counter
      returning o.counter, o.target, o.request_type, o.object_id, locked.outcome as failed_with
    ), closed as (  -- attempts that no start has seen the end of: they would fail it again
      update tandem.attempt a set duration = interval '0', counted = false
      from back where a.queue = 'outbox' and a.counter = back.counter and a.duration is null
    ), unpaired as (  -- whoever sends it again says that it is not there
      update tandem.identity i set state = 'deleted', updated_at = clock_timestamp()
      from back where back.failed_with = 'outcome_unknown' and i.state = 'pending' and i.target = back.target
        and i.request_type = back.request_type and hashtextextended(i.object_id, 0) = hashtextextended(back.object_id, 0) and i.object_id = back.object_id
    ), parked as (
      insert into tandem.parked as p (queue, counter, peer, request_type, object_id, reason, retried)
      select 'outbox', counter, target, request_type, object_id, 'person', true from back
      on conflict on constraint parked_record_is_parked_once do update set due = now(), reason = 'person', retried = true
    )
    select array_agg(counter) into sent from back;
  else
    -- What newer records of the object have said stands: the object is fetched anew, where that can be; else the record says what they did
    -- not, and nothing where one of them was a delete.
    with locked as materialized (
      select i.counter, i.source, i.request_type, i.operation <> 'delete' and tandem.fetches(i.source, i.request_type) as can_fetch,
             coalesce(i.object_id, (
               select x.object_id from tandem.identity x
               where hashtextextended(x.remote_id, 0) = hashtextextended(i.remote_id, 0) and x.remote_id = i.remote_id and x.request_type = i.request_type and x.state <> 'deleted'
                 and x.target is not distinct from (select s.definition ->> 'target' from tandem.source s where s.source = i.source)
               limit 1)) as object_id,
             i.object_id is null and exists (   -- it has never been here, and was deleted there since
               select from tandem.identity x
               where hashtextextended(x.remote_id, 0) = hashtextextended(i.remote_id, 0) and x.remote_id = i.remote_id and x.request_type = i.request_type and x.state = 'deleted'
                 and x.version is not null and x.updated_at > i.date_time
                 and x.target is not distinct from (select s.definition ->> 'target' from tandem.source s where s.source = i.source)) as ended
      from tandem.inbox i where i.counter = any (counters) and i.request_state = 4 order by i.counter for update
    ), later as materialized (   -- in one pass from the oldest of them on: no index holds the objects of settled records
      select n.counter, n.object_id, n.source, n.request_type, n.operation from tandem.inbox n
      where n.counter > (select min(o.counter) from locked o where o.object_id is not null)
        and (n.object_id in (select o.object_id from locked o)) is true and n.request_state in (1, 2, 3)
        and n.outcome is distinct from 'discarded' and n.outcome is distinct from 'filtered'
    ), newer as materialized (
      select l.counter, bool_or(n.operation = 'delete') as deleted,
             array(select distinct k from tandem.inbox m
                   cross join lateral jsonb_object_keys(case when jsonb_typeof(m.body) = 'object' then m.body end) as k
                   where m.counter = any (array_agg(n.counter))) as told
      from locked l join later n on n.object_id = l.object_id and n.source = l.source and n.request_type = l.request_type and n.counter > l.counter
      group by l.counter
    ), again as materialized (
      select l.counter, l.can_fetch, n.counter is not null or l.ended as overtaken,
             case when n.counter is null and not l.ended and (r.answer_status is null or not l.can_fetch) then r.body
                  when not l.can_fetch then r.body - coalesce(n.told, '{}') end as body,
             (n.counter is not null or l.ended) and not l.can_fetch
               and (l.ended or n.deleted or r.operation = 'delete' or r.body - n.told = '{}') is not false as nothing
      from locked l join tandem.inbox r on r.counter = l.counter left join newer n on n.counter = l.counter
    ), back as (
      update tandem.inbox i
      set request_state = case when a.nothing then 3 else 1 end, outcome = case when a.nothing then 'superseded' end, error_code = null,
          description = case when a.nothing then 'newer records of the object have said all of it' end, need_retry = null, attempts = 0,
          body = case when a.nothing then i.body else a.body end, answer_status = case when a.body is not null then i.answer_status end,
          object_hash = hashtextextended(i.object_id, 0), version = case when a.overtaken then null else i.version end, next_attempt_at = null, date_time_update = clock_timestamp()
      from again a where i.counter = a.counter
      returning i.counter, i.source, i.request_type, i.object_id, a.nothing, i.body is null and a.can_fetch as fetched
    ), parked as (
      insert into tandem.parked as p (queue, counter, peer, request_type, object_id, due, reason, retried)
      select 'inbox', counter, source, request_type, object_id, case when fetched then 'infinity' else now() end,
             case when fetched then 'fetch' else 'person' end, true
      from back where not nothing
      on conflict on constraint parked_record_is_parked_once do update set due = excluded.due, reason = excluded.reason, retried = true
    )
    select array_agg(counter) into sent from back;
  end if;
  if sent is null then
    return 0;
  end if;
  delete from tandem.failed f where f.queue = retry_records.queue and f.counter = any (sent);
  perform tandem.wake_blocked(retry_records.queue, sent);
  insert into tandem.audit (action, subject, reason)
    values ('retry', jsonb_build_object('queue', retry_records.queue, 'records', cardinality(sent), 'counters', to_jsonb(sent[1:100])), retry_records.reason);
  perform pg_logical_emit_message(true, 'tandem', jsonb_build_object('retry', cardinality(sent))::text);
  return cardinality(sent);
end
$$;

create or replace function tandem.retry(record_id uuid, reason text default null) returns integer
language sql volatile security definer set search_path = pg_catalog, pg_temp
as $$ select tandem.retry_records(array[f.counter], f.queue, reason) from tandem.find_record(record_id) as f $$;

create or replace function tandem.retry(counter bigint, reason text default null) returns integer
language sql volatile security definer set search_path = pg_catalog, pg_temp
as $$ select tandem.retry_records(array[counter], 'outbox', reason) $$;

-- A group, as tandem.failures shows it; at most `most` at once, oldest first. With queue => 'inbox' it is a source's.
drop function if exists tandem.retry(text, text, text, integer, text);
create or replace function tandem.retry(target text, request_type text default null, error_code text default null, most integer default 1000,
  reason text default null, queue text default 'outbox') returns integer
language sql volatile security definer set search_path = pg_catalog, pg_temp
as $$ select tandem.retry_records(tandem.failed_records(target, request_type, error_code, most, queue), queue, reason) $$;
