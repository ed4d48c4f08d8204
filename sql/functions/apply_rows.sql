-- What `tandem apply` writes from the configuration; each answers whether anything changed. Capture follows by generate_capture().
create or replace function tandem.apply_target(target text, definition jsonb) returns boolean
language sql volatile set search_path = pg_catalog, pg_temp
as $$
  with written as (
    insert into tandem.target as t (target, definition) values ($1, $2)
    on conflict on constraint target_pkey do update set definition = excluded.definition, updated_at = now()
      where t.definition is distinct from excluded.definition
    returning 1
  )
  select exists (select from written)
$$;

create or replace function tandem.apply_source(source text, definition jsonb) returns boolean
language sql volatile set search_path = pg_catalog, pg_temp
as $$
  with written as (
    insert into tandem.source as s (source, definition) values ($1, $2)
    on conflict on constraint source_pkey do update set definition = excluded.definition, updated_at = now()
      where s.definition is distinct from excluded.definition
    returning 1
  )
  select exists (select from written)
$$;

-- The table is looked up here, by its name as configured, and remembered by its oid. Without a key the primary key is taken.
create or replace function tandem.apply_watch(watch text, table_name text, key_columns text[] default null, mode text default 'trigger',
  definition jsonb default '{}') returns boolean
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $$
declare
  relation oid := tandem.find_table(table_name);
  key text[] := coalesce(nullif(key_columns, '{}'), tandem.primary_key(relation));
begin
  if key is null then
    raise exception 'table % has no primary key', table_name using errcode = 'invalid_table_definition', hint = 'name the columns of a unique key: key: [...]';
  end if;
  perform tandem.known_columns(relation, key);
  insert into tandem.watch as w (watch, relation, table_name, key_columns, mode, definition)
    values (apply_watch.watch, relation, apply_watch.table_name, key, apply_watch.mode, apply_watch.definition)
    on conflict on constraint watch_pkey do update
      set relation = excluded.relation, table_name = excluded.table_name, key_columns = excluded.key_columns, mode = excluded.mode,
          definition = excluded.definition, updated_at = now()
      where (w.relation, w.table_name, w.key_columns, w.mode, w.definition)
        is distinct from (excluded.relation, excluded.table_name, excluded.key_columns, excluded.mode, excluded.definition);
  return found;
end
$$;

-- Declares a route; one that unwatch() has drained captures again.
create or replace function tandem.apply_route(target text, request_type text, watch text, definition jsonb) returns boolean
language sql volatile set search_path = pg_catalog, pg_temp
as $$
  with written as (
    insert into tandem.route as r (target, request_type, watch, definition) values ($1, $2, $3, $4)
    on conflict on constraint route_is_named_by_target_and_request_type do update
      set watch = excluded.watch, definition = excluded.definition, draining = false, updated_at = now()
      where (r.watch, r.definition, r.draining) is distinct from (excluded.watch, excluded.definition, false)
    returning 1
  )
  select exists (select from written)
$$;

-- The table of a name as people write it, quoted where needed; without a schema it is looked for in public first.
create or replace function tandem.find_table(table_name text) returns oid
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
declare
  relation oid := coalesce(to_regclass(table_name), to_regclass('public.' || table_name));
  kind "char";
begin
  -- An unqualified name must not find one of PostgreSQL's own tables.
  if cardinality(parse_ident(table_name)) = 1 then
    relation := to_regclass('public.' || table_name);
  end if;
  select relkind into kind from pg_class where oid = relation;
  if kind is null then
    raise exception 'there is no table %', table_name using errcode = 'undefined_table', hint = 'write schema.table';
  elsif kind not in ('r', 'p') then
    raise exception '% is not a table', table_name using errcode = 'wrong_object_type', hint = 'views and foreign tables cannot be watched';
  end if;
  return relation;
end
$$;

create or replace function tandem.primary_key(relation oid) returns text[]
language sql stable set search_path = pg_catalog, pg_temp
as $$
  select array_agg(a.attname::text order by k.place)
  from pg_index i
  cross join lateral unnest(i.indkey::int2[]) with ordinality as k (number, place)
  join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.number
  where i.indrelid = relation and i.indisprimary and k.place <= i.indnkeyatts
  having count(*) > 0
$$;
