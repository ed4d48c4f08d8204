-- Small steps that retry() and discard() share.

-- The counter that a record_id carries in its first 48 bits.
create or replace function tandem.counter_of(record_id uuid) returns bigint
language sql immutable set search_path = pg_catalog, pg_temp
as $$
  select ('x' || lpad(left(replace(record_id::text, '-', ''), 12), 16, '0'))::bit(64)::bigint
$$;

-- Where a record is: its queue and counter; an error where it is not.
create or replace function tandem.find_record(record_id uuid, out queue text, out counter bigint)
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
begin
  counter := tandem.counter_of(record_id);
  if exists (select from tandem.outbox o where o.counter = find_record.counter and o.record_id = find_record.record_id) then
    queue := 'outbox';
  elsif exists (select from tandem.inbox i where i.counter = find_record.counter and i.record_id = find_record.record_id) then
    queue := 'inbox';
  else
    raise exception 'there is no record %', record_id using errcode = 'no_data_found', hint = 'retention may have removed it';
  end if;
end
$$;

-- Failed records of a group, oldest first, of a target or, of the inbox, of a source. Null stands for any.
drop function if exists tandem.failed_records(text, text, text, integer);
create or replace function tandem.failed_records(peer text, request_type text, error_code text, most integer, queue text) returns bigint[]
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
begin
  if queue is null or queue not in ('outbox', 'inbox') then
    raise exception 'queue is %, it must be outbox or inbox', queue using errcode = 'invalid_parameter_value';
  end if;
  if queue = 'outbox' and not exists (select from tandem.target t where t.target = peer) then
    raise exception 'there is no target %', peer using errcode = 'undefined_object', hint = 'for one record write record_id => ''…'' or counter => …';
  end if;
  if queue = 'inbox' and not exists (select from tandem.source s where s.source = peer) then
    raise exception 'there is no source %', peer using errcode = 'undefined_object', hint = 'for one record write record_id => ''…''';
  end if;
  if most is null or most < 1 then
    raise exception 'most is %, it must be at least 1', most using errcode = 'invalid_parameter_value';
  end if;
  return array(
    select f.counter from tandem.failed f
    where f.queue = failed_records.queue and f.peer = failed_records.peer
      and (failed_records.request_type is null or f.request_type = failed_records.request_type)
      and (failed_records.error_code is null or f.error_code = failed_records.error_code)
    order by f.counter limit most);
end
$$;

-- Wakes what waits behind these records in their lanes: on_failure: block, and followers that nothing parked stands before any more.
create or replace function tandem.wake_blocked(queue text, counters bigint[]) returns void
language sql volatile set search_path = pg_catalog, pg_temp
as $$
  update tandem.parked p set due = now()
  from (
    select distinct o.target as peer, o.request_type, o.object_id from tandem.outbox o where $1 = 'outbox' and o.counter = any (counters)
    union all
    select distinct i.source, i.request_type, i.object_id from tandem.inbox i where $1 = 'inbox' and i.counter = any (counters)
  ) as lane
  where p.queue is not distinct from $1 and p.peer is not distinct from lane.peer and hashtextextended(p.object_id, 0) = hashtextextended(lane.object_id, 0)
    and p.object_id = lane.object_id and p.request_type = lane.request_type and p.due > now()
    and (p.reason = 'blocked' or (p.reason = 'lane' and not exists (
      select from tandem.parked o
      where o.queue is not distinct from p.queue and o.peer is not distinct from p.peer and hashtextextended(o.object_id, 0) = hashtextextended(p.object_id, 0)
        and o.object_id = p.object_id and o.request_type = p.request_type and o.reason <> 'lane')))
$$;
