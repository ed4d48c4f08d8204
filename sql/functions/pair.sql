-- Pairs that a person makes and ends: two systems that were filled before, a create whose answer never came, a pair that joins the wrong objects.

-- Makes the pair of our object and theirs; a pending one becomes it. Each of the two must be free. What they have of the object is not known yet, so it is
-- sent whole with its next record. Answers whether that changed anything.
create or replace function tandem.pair(target text, request_type text, object_id text, remote_id text, reason text default null) returns boolean
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
  own tandem.identity;
  in_the_way tandem.identity;
begin
  if not exists (select from tandem.route r where r.target = pair.target and r.request_type = pair.request_type) then
    raise exception 'there is no route of % to %', request_type, target using errcode = 'undefined_object';
  end if;
  if coalesce(object_id, '') = '' or coalesce(remote_id, '') = '' then
    raise exception '% is missing', case when coalesce(object_id, '') = '' then 'object_id' else 'remote_id' end using errcode = 'invalid_parameter_value';
  end if;
  perform tandem.hold_object(target, request_type, object_id);
  select * into own from tandem.identity i
    where hashtextextended(i.object_id, 0) = hashtextextended(pair.object_id, 0) and i.object_id = pair.object_id and i.target = pair.target and i.request_type = pair.request_type
      and i.state <> 'deleted' for update;
  if own.remote_id is distinct from pair.remote_id then
    in_the_way := case when own.remote_id is not null then own end;
    if in_the_way.identity_id is null then
      select * into in_the_way from tandem.identity i
        where hashtextextended(i.remote_id, 0) = hashtextextended(pair.remote_id, 0) and i.remote_id = pair.remote_id and i.target = pair.target and i.request_type = pair.request_type
          and i.state <> 'deleted';
    end if;
    if in_the_way.identity_id is not null then
      raise exception '% % is the pair of % at % already', request_type, left(in_the_way.object_id, 200), left(in_the_way.remote_id, 200), target
        using errcode = 'unique_violation',
        hint = format('if that is wrong, end it first: tandem.unpair(%L, %L, %L)', target, request_type, left(in_the_way.object_id, 200));
    end if;
  elsif own.state = 'paired' then
    return false;
  end if;
  if own.identity_id is null then
    insert into tandem.identity (target, request_type, object_id, remote_id, state) values (target, request_type, object_id, remote_id, 'paired');
  else
    update tandem.identity i set remote_id = pair.remote_id, state = 'paired', updated_at = clock_timestamp() where i.identity_id = own.identity_id;
  end if;
  perform tandem.forget_agreed(target, request_type, object_id);
  update tandem.parked p set due = clock_timestamp()  -- what refers to this object has waited for its pair
    where p.queue is not distinct from 'outbox' and p.peer is not distinct from pair.target and (p.due > clock_timestamp()) is true
      and hashtextextended(p.waits_for, 0) = hashtextextended(jsonb_build_array(pair.request_type, pair.object_id)::text, 0)
      and p.waits_for = jsonb_build_array(pair.request_type, pair.object_id)::text;
  perform tandem.note_pairing('pair', target, request_type, object_id, remote_id, reason);
  return true;
end
$$;

-- Ends a pair as if it had never been: neither object has been deleted by that, so nothing remembers it, and records of theirs are applied as those of an
-- unknown object. Answers their id.
create or replace function tandem.unpair(target text, request_type text, object_id text, reason text default null) returns text
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
  ended tandem.identity;
begin
  perform tandem.hold_object(target, request_type, object_id);
  delete from tandem.identity i
    where hashtextextended(i.object_id, 0) = hashtextextended(unpair.object_id, 0) and i.object_id = unpair.object_id and i.target = unpair.target
      and i.request_type = unpair.request_type and i.state <> 'deleted'
    returning * into ended;
  if not found then
    raise exception '% % has no pair at %', request_type, left(object_id, 200), target using errcode = 'no_data_found';
  end if;
  perform tandem.forget_agreed(target, request_type, object_id);
  perform tandem.note_pairing('unpair', target, request_type, object_id, ended.remote_id, reason);
  return ended.remote_id;
end
$$;

-- Locks what is pending of an object, in the order of a settlement. An error while an attempt may be under way: it was planned by what the pair was before,
-- and its answer would write that again. Parked rows are in nobody's hand; a record that is not parked may be, while a connector runs.
create or replace function tandem.hold_object(target text, request_type text, object_id text) returns void
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $$
declare
  pending bigint[];
  under_way bigint;
begin
  with locked as materialized (
    select o.counter from tandem.outbox o
    where o.request_state in (1, 2) and o.counter = any (array(
      select n.counter from tandem.outbox n
      where hashtextextended(n.object_id, 0) = hashtextextended(hold_object.object_id, 0) and n.object_id = hold_object.object_id
        and n.target = hold_object.target and n.request_type = hold_object.request_type and n.request_state in (1, 2)
        and n.operation not in ('call', 'canary')
      union all
      select n.counter from tandem.outbox n  -- its key has changed
      where n.old_object_id is not null and hashtextextended(n.old_object_id, 0) = hashtextextended(hold_object.object_id, 0)
        and n.old_object_id = hold_object.object_id and n.target = hold_object.target and n.request_type = hold_object.request_type
        and n.request_state in (1, 2)))
    order by o.counter for update
  )
  select array_agg(counter) into pending from locked;
  perform from tandem.parked p where p.queue = 'outbox' and p.counter = any (pending) order by p.counter for update;
  select o.counter into under_way
  from tandem.outbox o left join tandem.parked p on p.queue = 'outbox' and p.counter = o.counter
  where o.counter = any (pending) and case
    when p.counter is not null then p.reason in ('taken up', 'confirmation')
    else o.request_state = 2 or exists (select from tandem.connector c where hold_object.target = any (c.targets) and not c.clean_stop)
  end
  order by o.counter limit 1;
  if under_way is not null then
    raise exception 'record % of % % is on its way to %', under_way, request_type, left(object_id, 200), target
      using errcode = 'object_not_in_prerequisite_state',
      hint = format('try again when it is settled, or parked: tandem.pause(%L, %L) parks what waits', target, request_type);
  end if;
end
$$;

-- What they were known to have of an object.
create or replace function tandem.forget_agreed(target text, request_type text, object_id text) returns void
language sql volatile set search_path = pg_catalog, pg_temp
as $$
  delete from tandem.agreed a
  where hashtextextended(a.object_id, 0) = hashtextextended($3, 0) and a.object_id = $3 and a.target = $1 and a.request_type = $2
$$;

create or replace function tandem.note_pairing(action text, target text, request_type text, object_id text, remote_id text, reason text) returns void
language sql volatile set search_path = pg_catalog, pg_temp
as $$
  insert into tandem.audit (action, subject, reason)
    values ($1, jsonb_build_object('target', $2, 'request_type', $3, 'object_id', left($4, 200), 'remote_id', left($5, 200)), $6);
  select pg_logical_emit_message(true, 'tandem', jsonb_build_object($1, $2)::text);
$$;
