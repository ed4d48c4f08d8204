-- What the tests share, in schema `t` of the template database.
create schema t;
grant usage on schema t to public;

-- Captures a table of the CRM as the installing role would, which is no superuser.
create function t.capture(table_name text, definition jsonb default '{}', target text default 'there', request_type text default null, key text[] default null)
returns integer
language plpgsql as $$
declare
  name text := (parse_ident(table_name))[cardinality(parse_ident(table_name))];
begin
  perform set_config('role', 'admin', true);
  perform tandem.apply_target(target, '{}');
  perform tandem.apply_watch(name, table_name, key);
  perform tandem.apply_route(target, coalesce(request_type, name), name, definition);
  return tandem.generate_capture(name);
end
$$;

create table t.seen (counter bigint not null);
insert into t.seen values (0);

-- The records since the last call, by counter: "operation object_id", with "=value" of a field of the body, "!" and the error, and
-- "<" and the old key of a rekey.
create function t.taken(field text default null, target text default 'there') returns text[]
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  result text[];
begin
  select array_agg(o.operation || ' ' || o.object_id || coalesce('<' || o.old_object_id, '')
      || case when field is not null then '=' || coalesce(o.body ->> field, 'null') else '' end
      || coalesce('!' || o.error_code, '') order by o.counter)
    into result from tandem.outbox o, t.seen s where o.counter > s.counter and o.target = taken.target;
  update t.seen set counter = coalesce((select max(o.counter) from tandem.outbox o), 0);
  return coalesce(result, '{}');
end
$$;

-- Takes the slow way out, so that a test sees whether the fast one was enough.
create function t.forbid_recovery() returns void
language sql as $$ alter function tandem.capture_value(text, anyelement, anyelement) rename to forbidden $$;
create function t.allow_recovery() returns void
language sql as $$ alter function tandem.forbidden(text, anyelement, anyelement) rename to capture_value $$;
