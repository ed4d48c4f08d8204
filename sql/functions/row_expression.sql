-- An SQL expression over a table's columns, named bare, as the database itself writes it: types, functions and operators resolved and
-- qualified, each column as `row_name.column`. Raises what the parser has to say about it.
-- It is parsed as a temporary view that never survives: the exception at the end takes everything back. The caller's rights count.
create or replace function tandem.row_expression(relation regclass, expression text, row_name text, wanted regtype default null)
returns text
language plpgsql volatile
set search_path = pg_catalog, pg_temp set datestyle = 'ISO, YMD' set timezone = 'UTC' set intervalstyle = 'postgres' set bytea_output = 'hex'
  set extra_float_digits = 1
as $$
declare
  token constant text := 'tandem_row_4be1';
  probe constant text := 'expression_probe_4be1';
  found_type oid;
  result text;
begin
  begin
    perform set_config('search_path', tandem.expression_path(relation), true);
    perform tandem.parse_alone(relation, expression);
    execute format(E'create view pg_temp.%I as select (%s\n) as %I from %s as %I cross join (values (1)) as tandem_other_4be1 (tandem_one_4be1)',
      probe, expression, token, relation, token);
    perform set_config('search_path', 'pg_catalog, pg_temp', true);
    select a.atttypid, pg_get_viewdef(a.attrelid) into found_type, result
      from pg_attribute a where a.attrelid = format('pg_temp.%I', probe)::regclass and a.attnum = 1;
    raise exception using errcode = 'TD000', message = 'taken back';
  exception when sqlstate 'TD000' then null;
  end;
  if wanted is not null and found_type <> wanted then
    raise exception using errcode = 'datatype_mismatch', message = format('it is of type %s, not %s', found_type::regtype, wanted);
  end if;
  result := regexp_replace(result, '^\s*SELECT\s+', '');
  result := left(result, strpos(result, ' AS ' || token) - 1);
  return replace(result, token, row_name);
end
$$;

-- Raises unless the text is one expression and nothing else: it must be one between parentheses and one after THEN. What breaks out of the
-- one is an error in the other. A cursor takes a single statement, and one of EXPLAIN that nobody fetches from is analysed, but neither
-- planned nor run. Nothing after the expression holds a quote, so none that it opens can be closed.
create or replace function tandem.parse_alone(relation regclass, expression text, row_name text default 'tandem_row_4be1') returns void
language plpgsql volatile
as $$
declare
  around text[];
  statement pg_catalog.refcursor;
begin
  foreach around slice 1 in array array[['(', ')'], ['case when true then ', ' end']] loop
    open statement for execute pg_catalog.format(E'explain select from %s as %I cross join lateral (select %s%s\n%s) as tandem_one_4be1',
      relation, row_name, around[1], expression, around[2]);
    close statement;
  end loop;
exception when invalid_cursor_definition then
  raise exception 'it is more than one expression' using errcode = 'syntax_error';
end
$$;

-- Where the names of an expression are looked up: the table's schema, its types' schemas, public.
create or replace function tandem.expression_path(relation regclass) returns text
language sql stable set search_path = pg_catalog, pg_temp
as $$
  select string_agg(quote_ident(nspname), ', ' order by place, nspname) || ', pg_temp'
  from (
    select n.nspname, min(s.place) as place
    from (
      select c.relnamespace as namespace, 1 as place from pg_class c where c.oid = relation
      union all
      select t.typnamespace, 2 from pg_attribute a join pg_type t on t.oid = a.atttypid
        where a.attrelid = relation and a.attnum > 0 and not a.attisdropped
      union all
      select oid, 3 from pg_namespace where nspname = 'public') as s
    join pg_namespace n on n.oid = s.namespace
    where n.nspname <> 'pg_catalog'
    group by n.nspname) as path
$$;

-- Null, or what is wrong with the expression: for `plan`, which reports every problem at once. `wanted` is given of conditions, which become part of a
-- trigger; fields are evaluated at delivery, and may call the row by its table's name.
create or replace function tandem.check_expression(relation regclass, expression text, wanted regtype default null) returns text
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $$
begin
  if wanted is null then
    perform set_config('search_path', tandem.expression_path(relation), true);
    perform tandem.parse_alone(relation, expression, (select c.relname::text from pg_class c where c.oid = relation));
  else
    perform tandem.row_expression(relation, expression, 'new', wanted);
  end if;
  return null;
exception when others or assert_failure then
  return sqlerrm;
end
$$;
