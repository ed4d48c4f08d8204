-- Captures a table for a target from now on, without a configuration file: the watch, one route and its triggers. The route's definition has
-- the keys of a route in the configuration file, e.g. '{"when": "stage <> ''draft''", "columns": ["stage"]}'. The target must be known
-- (tandem.apply_target, or `tandem apply`). To be called by a role that owns the table and is a member of tandem_owner.
create or replace function tandem.watch(table_name text, target text, request_type text default null, definition jsonb default '{}',
  key_columns text[] default null, watch text default null) returns text
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $$
declare
  name text := coalesce(watch.watch, (parse_ident(table_name))[cardinality(parse_ident(table_name))]);
begin
  perform tandem.apply_watch(name, table_name, key_columns);
  perform tandem.apply_route(target, coalesce(request_type, name), name, definition);
  perform tandem.generate_capture(name);
  insert into tandem.audit (action, subject, reason)
    values ('watch', jsonb_build_object('watch', name, 'target', target, 'request_type', coalesce(request_type, name)), null);
  return name;
end
$$;

-- Ends capture of a watch. drain: what has been captured is still delivered; otherwise it is discarded. The routes' rows stay, draining, until
-- nothing of theirs is pending; remove_drained() then deletes them. Answers how many records are still to be delivered.
create or replace function tandem.unwatch(watch text, drain boolean default true, reason text default null) returns bigint
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $$
declare
  pending bigint;
begin
  perform from tandem.watch w where w.watch = unwatch.watch;
  if not found then
    raise exception 'there is no watch %', watch using errcode = 'undefined_object';
  end if;
  update tandem.route r set draining = true, updated_at = now() where r.watch = unwatch.watch and not r.draining;
  update tandem.watch w set definition = w.definition - 'touches', updated_at = now() where w.watch = unwatch.watch and w.definition ? 'touches';
  perform tandem.generate_capture(unwatch.watch);
  perform tandem.generate_capture(w.watch) from tandem.watch w   -- whose rows have sent its objects
    where w.definition -> 'touches' @> jsonb_build_array(jsonb_build_object('watch', unwatch.watch));
  perform tandem.switch_capture(unwatch.watch, null);
  if not drain then
    perform tandem.discard_records(array(
      select p.counter from tandem.route r cross join lateral tandem.pending_records(r.target, r.request_type) as p (counter)
      where r.watch = unwatch.watch), coalesce(reason, 'unwatch ' || watch));
  end if;
  insert into tandem.audit (action, subject, reason) values ('unwatch', jsonb_build_object('watch', watch, 'drain', drain), reason);
  select count(*) into pending from tandem.route r cross join lateral tandem.pending_records(r.target, r.request_type)
    where r.watch = unwatch.watch;
  perform pg_logical_emit_message(true, 'tandem', jsonb_build_object('unwatch', watch)::text);
  return pending;
end
$$;

-- Forgets routes that have drained, and watches without routes. Answers how many routes went.
create or replace function tandem.remove_drained() returns integer
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
  removed integer;
begin
  delete from tandem.route r where r.draining and not exists (select from tandem.pending_records(r.target, r.request_type));
  get diagnostics removed = row_count;
  delete from tandem.watch w where not exists (select from tandem.route r where r.watch = w.watch) and not w.definition ? 'touches'
    and not exists (select from tandem.captured c where c.watch = w.watch)
    and not exists (
      select from pg_proc p, (values ('capture'), ('touch')) as k (kind)
      where p.oid = to_regprocedure(format('tandem.%I()', tandem.capture_name(k.kind, w.watch))));
  return removed;
end
$$;

-- Counters of the pending records of a route: above the target's floor, or parked. Reads nothing that is settled for good.
create or replace function tandem.pending_records(target text, request_type text) returns table (counter bigint)
language sql stable set search_path = pg_catalog, pg_temp
as $$
  select o.counter from tandem.outbox o
  where o.counter > tandem.floor('outbox', $1) and o.target = $1 and o.request_type = $2 and o.request_state in (1, 2)
  union
  select p.counter from tandem.parked p where p.queue = 'outbox' and p.peer = $1 and p.request_type = $2
$$;

-- The floor of a target's or source's records: everything up to here is settled, parked or can never commit.
create or replace function tandem.floor(queue text, peer text) returns bigint
language sql stable set search_path = pg_catalog, pg_temp
as $$
  select coalesce((select s.counter from tandem.settled_through s where s.queue = $1 and s.peer = $2), 0)
$$;
