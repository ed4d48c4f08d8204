-- SQL texts about the key of a watched table; `row_name` is the name under which the row is at hand.

-- The object_id: text of the one column, or a JSON array of several. Through jsonb, whose text does not follow DateStyle; a key whose plain
-- text is the same takes the short way.
create or replace function tandem.capture_key(relation regclass, key_columns text[], row_name text) returns text
language sql stable set search_path = pg_catalog, pg_temp
as $$
  select case
    when cardinality(key_columns) > 1 then
      (select 'jsonb_build_array(' || string_agg(format('%s.%I', row_name, name), ', ' order by place) || ')::text'
       from unnest(key_columns) with ordinality as k (name, place))
    when (select atttypid from pg_attribute where attrelid = relation and attname = key_columns[1])
         in ('int2'::regtype, 'int4'::regtype, 'int8'::regtype, 'text'::regtype, 'varchar'::regtype, 'uuid'::regtype) then
      format('%s.%I::text', row_name, key_columns[1])
    else format('to_jsonb(%s.%I) #>> ''{}''', row_name, key_columns[1])
  end
$$;

-- Is the key of the row after a statement another one than before, byte for byte?
create or replace function tandem.capture_key_differs(relation regclass, key_columns text[]) returns text
language sql stable set search_path = pg_catalog, pg_temp
as $$
  select case
    when cardinality(key_columns) > 1 then tandem.capture_differs(key_columns)
    when a.atttypid in ('int2'::regtype, 'int4'::regtype, 'int8'::regtype, 'uuid'::regtype) then format('new.%1$I is distinct from old.%1$I', a.attname)
    else tandem.capture_differs(key_columns)
  end
  from pg_attribute a where a.attrelid = relation and a.attname = key_columns[1]
$$;

-- A condition that finds the row of the same key in the table, with the equality that the key's index knows.
create or replace function tandem.capture_match(relation regclass, key_columns text[], row_name text, other_name text) returns text
language sql volatile set search_path = pg_catalog, pg_temp
as $$
  select string_agg(regexp_replace(
      regexp_replace(tandem.row_expression(relation, format('%I = %I', name, name), 'tandem_key_4be1'), ' = (\(*tandem_key_4be1\.)', ' operator(pg_catalog.=) \1'),
      '^(.*)tandem_key_4be1\.(.*)tandem_key_4be1\.(.*)$', format('\1%s.\2%s.\3', row_name, other_name)), ' and ' order by place)
  from unnest(key_columns) with ordinality as k (name, place)
$$;

-- The key's columns read back from an object_id.
create or replace function tandem.capture_key_parsed(relation regclass, key_columns text[], object_id text) returns text
language sql stable set search_path = pg_catalog, pg_temp
as $$
  select string_agg(
      case when t.typcategory = 'A' or t.typtype = 'c' then
        format('(pg_catalog.jsonb_populate_record(null::%s, pg_catalog.jsonb_build_object(%L, %s::jsonb%s))).%I as %I', relation, name, object_id,
          case when cardinality(key_columns) > 1 then format(' operator(pg_catalog.->) %s', place - 1) end, name, name)
      else
        format('(%s)::%s as %I', case when cardinality(key_columns) = 1 then object_id else format('%s::jsonb operator(pg_catalog.->>) %s', object_id, place - 1) end,
          format_type(a.atttypid, -1), name)
      end, ', ' order by place)
  from unnest(key_columns) with ordinality as k (name, place)
  join pg_attribute a on a.attrelid = relation and a.attname = k.name
  join pg_type t on t.oid = a.atttypid
$$;

-- The key of a row whose table has changed under the generated function: names are looked up now. Never raises; '' when nothing helps.
create or replace function tandem.recover_key(relation oid, key_attributes int2[], changed_row anyelement) returns text
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
declare
  result text;
begin
  execute 'select ' || tandem.capture_key(relation, array(
      select a.attname::text from unnest(key_attributes) with ordinality as k (number, place)
      join pg_attribute a on a.attrelid = relation and a.attnum = k.number order by k.place), '($1)')
    into result using changed_row;
  return coalesce(result, '');
exception when others or assert_failure then
  return '';
end
$$;

-- One value of a capture with a fresh plan, after the fast way has failed: `value` as text, or the error in `problem`.
create or replace function tandem.capture_value(expression text, old_row anyelement, new_row anyelement, out value text, out problem text)
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $$
begin
  execute 'select (' || expression || ')::text from (select ($1).*) as old, (select ($2).*) as new' into value using old_row, new_row;
exception when others or assert_failure then
  problem := left(sqlerrm, 500);
end
$$;
