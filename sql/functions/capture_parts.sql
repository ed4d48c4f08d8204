-- Parts of the generated row trigger. Variables with a number belong to the route of that number (tandem.capture_routes).

-- Do any of these columns differ between old and new, byte for byte? Works for types without an equality operator, too.
create or replace function tandem.capture_differs(columns text[]) returns text
language sql immutable set search_path = pg_catalog, pg_temp
as $$
  select format('record_image_ne(row(%s), row(%s))',
    string_agg(format('new.%I', name), ', ' order by place), string_agg(format('old.%I', name), ', ' order by place))
  from unnest(columns) with ordinality as c (name, place)
$$;

-- When the row must be read again although nothing nested has been seen: a delete in a partition may be half of a move to another one, and a
-- child table has columns that the watched one has not. Where row-level security would hide rows from tandem_owner, the trigger's own
-- row has to do.
create or replace function tandem.capture_reread_rule(relation regclass) returns text
language sql stable set search_path = pg_catalog, pg_temp
as $$
  select case
      when c.relkind = 'p' then E'  reread := reread or tg_op = ''DELETE'';\n'
      when c.relhassubclass then format(E'  reread := reread or tg_relid <> %s::oid;\n', c.oid)
      else '' end
    || format(E'  if reread then\n    reread := not row_security_active(%s::oid);\n  end if;\n', c.oid)
  from pg_class c where c.oid = relation
$$;

-- Anybody may execute the trigger function (tandem.plan_grants), so it has to know whose trigger it is: one on a table that is not the
-- watched one, one of its partitions or children records nothing. This is the question of the short way, an expression without a query
-- wherever that is possible; child tables leave the short way in any case.
create or replace function tandem.capture_elsewhere(relation regclass) returns text
language sql stable set search_path = pg_catalog, pg_temp
as $$
  select case
    when c.relkind <> 'p' then format('tg_relid <> %s::oid', c.oid)
    when c.relispartition then format('not exists (select from pg_partition_ancestors(tg_relid) as a (oid) where a.oid = %s::oid)', c.oid)
    else format('pg_partition_root(tg_relid) is distinct from pg_partition_root(%s::oid)', c.oid) end
  from pg_class c where c.oid = relation
$$;

-- Is the table, on which the trigger function has been called, the watched one, one of its partitions or children? Where OIDs have changed
-- underneath (a restored dump), it is known by the name that the watched table had, unless the table that has the OID now still carries
-- the trigger: then it was renamed, and whoever has taken its name is somebody else.
create or replace function tandem.is_captured(called_on oid, trigger_name name, relation oid, table_name text) returns boolean
language sql stable set search_path = pg_catalog, pg_temp
as $$
  select exists (select from tandem.captured_tables(relation) as t where t.oid = called_on)
    or (not exists (
          select from pg_trigger ours join pg_trigger t on t.tgfoid = ours.tgfoid
          where ours.tgrelid = called_on and ours.tgname = trigger_name and t.tgrelid = relation)
        and exists (select from tandem.captured_tables(to_regclass(table_name)) as t where t.oid = called_on))
$$;

-- Which operation a route records, as an expression: entering its condition is a create, leaving it what on_leave says. An echo of what tandem
-- itself has just applied does not go back to where it came from. Names in it: origin, kind, rekeyed, is_N, was_N, hit_N.
create or replace function tandem.capture_operation(n bigint, target text, operations text[], conditional boolean, selective boolean, on_leave text)
returns text
language sql immutable set search_path = pg_catalog, pg_temp
as $$
  with word as (
    select quote_nullable(case when 'create' = any(operations) then 'create' end) as entered,
           quote_nullable(case when 'delete' = any(operations) then 'delete' end) as deleted,
           quote_nullable(case when 'update' = any(operations) then 'update' end) as updated,
           quote_nullable(case when 'update' = any(operations) then 'rekey' end) as rekeyed,
           quote_nullable(case when on_leave <> 'ignore' and on_leave = any(operations) then on_leave end) as leaving
  ), update as (
    select format('case when rekeyed then %s %s %s end', rekeyed, case when selective then format('when hit_%s then', n) else 'else' end, updated) as kept
    from word
  )
  select case when conditional then format($e$case
      when origin = %2$L then null
      when kind = 'INSERT' then case when is_%1$s then %3$s end
      when kind = 'DELETE' then case when was_%1$s then %4$s end
      when is_%1$s and was_%1$s then %5$s
      when is_%1$s then %3$s
      when was_%1$s then %6$s
    end$e$, n, target, entered, deleted, kept, leaving)
  else format($e$case
      when origin = %2$L then null
      when kind = 'INSERT' then %3$s
      when kind = 'DELETE' then %4$s
      else %5$s
    end$e$, n, target, entered, deleted, kept)
  end
  from word, update
$$;

-- A route's record as a row of VALUES; its columns are those of tandem.capture_insert.
create or replace function tandem.capture_record(n bigint, target text, request_type text, image boolean, changed boolean) returns text
language sql immutable set search_path = pg_catalog, pg_temp
as $$
  select format($e$case when operation_%1$s = 'delete' then coalesce(old_object_id, object_id) else object_id end, %2$L, operation_%1$s, %3$L,
        %4$s, %5$s,
        case when problem_%1$s is not null then 'mapping' end, problem_%1$s, case when operation_%1$s = 'rekey' then old_object_id end$e$,
    n, request_type, target,
    case when image then format('case when problem_%1$s is null then case when operation_%1$s = ''delete'' then old_image else image end end', n)
         else 'null::jsonb' end,
    case when changed then format('case when operation_%1$s in (''update'', ''rekey'') then changed end', n) else 'null::text[]' end)
$$;

-- Statements that find whether anything has changed but the columns that tandem writes itself; the whole row is compared without them, so that a column
-- which the CRM adds counts.
create or replace function tandem.capture_rest_differs(n bigint, ignores text[]) returns text
language sql immutable set search_path = pg_catalog, pg_temp
as $$
  select format('rest := new; %s hit_%s := old operator(pg_catalog.*<>) rest;', string_agg(format('rest.%1$I := old.%1$I;', name), ' '), n)
  from unnest(ignores) as c (name)
$$;

-- The one insert for all routes.
create or replace function tandem.capture_insert(records text[]) returns text
language sql immutable set search_path = pg_catalog, pg_temp
as $$
  select format(case when cardinality(records) = 1 then $e$  if %1$s is not null then
    insert into tandem.outbox (origin, trace_context, object_id, request_type, operation, target, body, changed, error_code, description, old_object_id)
    values (origin, left(nullif(current_setting('tandem.trace_context', true), ''), 200),
        %2$s);
  end if;
$e$ else $e$  if coalesce(%1$s) is not null then
    insert into tandem.outbox (origin, trace_context, object_id, request_type, operation, target, body, changed, error_code, description, old_object_id)
    select origin, left(nullif(current_setting('tandem.trace_context', true), ''), 200), captured.*
    from (values
      (%2$s)) as captured (object_id, request_type, operation, target, body, changed, error_code, description, old_object_id)
    where captured.operation is not null;
  end if;
$e$ end,
    (select string_agg('operation_' || n, ', ' order by n) from generate_series(1, cardinality(records)) as n),
    array_to_string(records, E'),\n      ('))
$$;
