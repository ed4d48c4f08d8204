-- The statements that are missing to capture a watch as tandem.watch and tandem.route say, in order; no rows = nothing to do. Run them as a
-- role that owns the watched table and is a member of tandem_owner. Triggers come last, since they lock the table against writers.
create or replace function tandem.plan_capture(watch text) returns table (step bigint, kind text, statement text)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  w tandem.watch;
  gone boolean;
  capture text;
begin
  select * into w from tandem.watch where tandem.watch.watch = plan_capture.watch;
  if not found then
    raise exception 'there is no watch %', plan_capture.watch using errcode = 'undefined_object';
  end if;
  gone := not exists (select from pg_class where oid = w.relation);
  if gone and tandem.is_wanted(plan_capture.watch) then
    raise exception 'the table % of watch % is gone', w.table_name, w.watch using errcode = 'undefined_table';
  end if;
  step := 0;
  for kind, statement in
    select p.kind, p.statement from tandem.plan_grants(w.relation, plan_capture.watch) as p where not gone
    union all
    select p.kind, p.statement from tandem.plan_functions(plan_capture.watch) as p where not gone
    union all
    select p.kind, p.statement from tandem.plan_triggers(plan_capture.watch) as p where not gone
    union all
    select p.kind, p.statement from tandem.plan_removal(plan_capture.watch) as p
    union all
    select p.kind, p.statement from tandem.plan_publication(plan_capture.watch) as p where not gone
  loop
    step := step + 1;
    return next;
  end loop;
end
$$;

-- Read access to the watched table: tandem_owner reads rows again in triggers, the connector and its mappings read at delivery. And everybody
-- may execute the trigger function: PostgreSQL asks for that of whoever makes or attaches a partition, also after the table has changed hands.
-- Records cannot be forged by it: it records nothing for a table that is not of its watch (tandem.capture_elsewhere).
create or replace function tandem.plan_grants(relation oid, watch text) returns table (kind text, statement text)
language sql volatile set search_path = pg_catalog, pg_temp
as $$
  select 'grant', format('grant usage on schema %I to %I', n.nspname, role.name)
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
  cross join unnest(array['tandem_owner', 'tandem_connector', 'tandem_mapping']) as role (name)
  where c.oid = relation and not has_schema_privilege(role.name, n.oid, 'usage') and tandem.is_wanted(watch)
  union all
  select 'grant', format('grant select on %s to %I', t.oid::regclass, role.name)
  from tandem.captured_tables(relation) as t
  cross join unnest(array['tandem_owner', 'tandem_connector', 'tandem_mapping']) as role (name)
  where (t.is_root or role.name = 'tandem_owner')   -- a TRUNCATE of a partition reads the partition
    and not has_table_privilege(role.name, t.oid, 'select') and tandem.is_wanted(watch)
  union all
  -- Where a route applies what a source says, the connector writes the table too, and draws from its columns' own sequences.
  select 'grant', format('grant insert, update, delete on %s to tandem_connector', relation::regclass)
  where exists (select from tandem.route r where r.watch = plan_grants.watch and not r.draining and r.definition ? 'apply')
    and not (has_table_privilege('tandem_connector', relation, 'insert') and has_table_privilege('tandem_connector', relation, 'update')
      and has_table_privilege('tandem_connector', relation, 'delete'))
  union all
  -- Where a route writes back, the connector writes these columns.
  select 'grant', format('grant update (%I) on %s to tandem_connector', c.name, relation::regclass)
  from (select distinct unnest(b.columns) from tandem.written_back(watch) as b) as c (name)
  where not has_column_privilege('tandem_connector', relation, c.name, 'update')
  union all
  select 'grant', format('grant usage on sequence %s to tandem_connector', s.oid::regclass)
  from pg_class s
  join pg_depend d on d.classid = 'pg_class'::regclass and d.objid = s.oid and d.refclassid = 'pg_class'::regclass and d.refobjid = relation
    and d.deptype in ('a', 'i')
  where case when s.relkind = 'S' then not has_sequence_privilege('tandem_connector', s.oid, 'usage') end
    and exists (select from tandem.route r where r.watch = plan_grants.watch and not r.draining and r.definition ? 'apply')
  union all
  select 'grant', format('grant execute on function tandem.%I() to public', p.proname)
  from pg_proc p
  where p.oid in (to_regprocedure(format('tandem.%I()', tandem.capture_name('capture', watch))), to_regprocedure(format('tandem.%I()', tandem.capture_name('touch', watch))))
    and not has_function_privilege('public', p.oid, 'execute') and tandem.is_wanted(watch)
$$;

-- Does a watch capture anything: for a route of its own, or for those of the objects that its rows belong to?
create or replace function tandem.is_wanted(watch text) returns boolean
language sql volatile set search_path = pg_catalog, pg_temp
as $$
  select exists (select from tandem.capture_routes($1)) or exists (select from tandem.touched_watches($1))
$$;

-- Generated functions that are missing or differ. A function is replaced without touching the table.
create or replace function tandem.plan_functions(watch text) returns table (kind text, statement text)
language sql volatile set search_path = pg_catalog, pg_temp
as $$
  with wanted (name, signature, arguments, result, security, source, callers) as (
    select tandem.capture_name('capture', w.watch), '()', '', 'trigger', 'security definer', tandem.capture_source(w.watch), 'public'
    from tandem.watch w where w.watch = $1
    union all
    select tandem.capture_name('truncate', w.watch), '()', '', 'trigger', 'security definer', tandem.truncate_source(w.watch), null
    from tandem.watch w where w.watch = $1
    union all
    select tandem.capture_name('touch', w.watch), '()', '', 'trigger', 'security definer', tandem.touch_source(w.watch), 'public'
    from tandem.watch w where w.watch = $1
    union all
    select tandem.capture_name('back', w.watch), '(text, text, text, text, text)', 'text, text, text, text, text', 'text', 'security invoker',
           tandem.write_back_source(w.watch), 'tandem_connector'
    from tandem.watch w where w.watch = $1
    union all
    select tandem.capture_name('live', w.watch), '(text)', 'object_id text, out found boolean, out image jsonb, out error text', 'record',
           E'security invoker\nset row_security = off', tandem.live_source(w.watch), 'tandem_connector, tandem_mapping'
    from tandem.watch w where w.watch = $1 and exists (select from tandem.capture_routes($1))
    union all
    select tandem.capture_name('stream', w.watch), '(text[], text[], text[], text[], boolean[], text[], bigint[], text[], boolean, boolean, boolean[], boolean[])',
           'text[], text[], text[], text[], boolean[], text[], bigint[], text[], boolean, boolean, boolean[], boolean[]', 'void', E'security definer\nset row_security = off',
           tandem.stream_source(w.watch), 'tandem_connector'
    from tandem.watch w where w.watch = $1
    union all
    select tandem.capture_name('behind', w.watch), '(text[])',
           'object_ids text[], out place bigint, out row_hash bigint, out captured boolean, out captured_hash bigint, out has_left boolean, out is_own boolean', 'setof record', E'security definer\nset row_security = off',
           tandem.behind_source(w.watch), 'tandem_connector'
    from tandem.watch w where w.watch = $1
    union all
    select tandem.capture_name('compare', w.watch), '(text, integer, bigint, boolean)', 'text, integer, bigint, boolean, out text, out bigint', 'record',
           E'security definer\nset row_security = off', tandem.compare_source(w.watch), 'tandem_connector'
    from tandem.watch w where w.watch = $1
  ), described as (
    select wanted.*,
           format(E'create or replace function tandem.%I(%s) returns %s\nlanguage plpgsql volatile %s%s\nas %s', name, arguments, result, security,
             -- The CRM's own triggers run in what writes back: under the CRM's settings.
             case when name <> tandem.capture_name('back', $1) then E'\nset search_path = pg_catalog, pg_temp' || tandem.capture_pins(w.relation) end,
             tandem.dollar_quoted(source)) as definition
    from wanted, tandem.watch w where w.watch = $1 and source is not null
  )
  select step.kind, step.statement
  from described d
  left join pg_proc p on p.oid = to_regprocedure(format('tandem.%I%s', d.name, d.signature))
  cross join lateral (
    values
      (1, 'function', d.definition),
      (2, 'function', format('alter function tandem.%I%s owner to tandem_owner', d.name, d.signature)),
      (3, 'function', format('revoke all on function tandem.%I%s from public', d.name, d.signature)),
      (4, 'function', 'grant execute on function ' || format('tandem.%I%s', d.name, d.signature) || ' to ' || d.callers),
      (5, 'function', format('comment on function tandem.%I%s is %L', d.name, d.signature, md5(d.definition)))) as step (place, kind, statement)
  where step.statement is not null
    and (obj_description(p.oid, 'pg_proc') is distinct from md5(d.definition) or p.prosrc is distinct from d.source)
  order by d.name, step.place
$$;

-- The tables whose rows a watch captures: the watched one, its partitions and child tables.
create or replace function tandem.captured_tables(relation oid) returns table (oid oid, relkind "char", is_partition boolean, is_root boolean)
language sql stable set search_path = pg_catalog, pg_temp
as $$
  with recursive tree (oid) as (
    select relation
    union
    select i.inhrelid from tree join pg_inherits i on i.inhparent = tree.oid where not i.inhdetachpending
  )
  select c.oid, c.relkind, c.relispartition, c.oid = relation from tree join pg_class c on c.oid = tree.oid
$$;

-- The triggers that a watch needs. A partition gets its row triggers from the partitioned table, the one for TRUNCATE must be its own.
create or replace function tandem.wanted_triggers(watch text)
returns table (relation oid, name text, type int2, function text, inherited boolean, definition text)
language sql stable set search_path = pg_catalog, pg_temp
as $$
  select t.oid, trigger.name, trigger.type, trigger.function, t.is_partition and not t.is_root and trigger.level = 'row',
         format('create or replace trigger %I %s on %s for each %s execute function tandem.%I()', trigger.name, trigger.event, t.oid::regclass, trigger.level, trigger.function)
  from tandem.watch w
  cross join lateral tandem.captured_tables(w.relation) as t
  cross join lateral (values
    -- Sorted first by name, so that it sees the row before the CRM's own triggers change it further. Types are pg_trigger.tgtype.
    ('!tandem_row', 13::int2, 'after insert or delete', 'row', tandem.capture_name('capture', w.watch)),
    -- Without WHEN, which would be prepared anew for every statement; the function itself leaves out rows that have not changed.
    ('!tandem_update', 17::int2, 'after update', 'row', tandem.capture_name('capture', w.watch)),
    ('!tandem_truncate', 34::int2, 'before truncate', 'statement', tandem.capture_name('truncate', w.watch)),
    ('!tandem_touch', 29::int2, 'after insert or update or delete', 'row', tandem.capture_name('touch', w.watch)),
    ('!tandem_touch_truncate', 34::int2, 'before truncate', 'statement', tandem.capture_name('touch', w.watch))
  ) as trigger (name, type, event, level, function)
  where w.watch = $1
$$;

-- Triggers that are missing, call something else or are not enabled for every session (replica sessions included).
create or replace function tandem.plan_triggers(watch text) returns table (kind text, statement text)
language sql volatile set search_path = pg_catalog, pg_temp
as $$
  with source (function, text) as (
    select tandem.capture_name('capture', $1), tandem.capture_source($1)
    union all select tandem.capture_name('truncate', $1), tandem.truncate_source($1)
    union all select tandem.capture_name('touch', $1), tandem.touch_source($1)
  ), wanted as (
    select t.*, p.oid as trigger_oid, p.tgenabled,
           p.tgfoid = to_regprocedure(format('tandem.%I()', t.function)) and p.tgtype = t.type and p.tgqual is null as fits
    from tandem.wanted_triggers($1) as t
    join source s on s.function = t.function and s.text is not null
    left join pg_trigger p on p.tgrelid = t.relation and p.tgname = t.name
  )
  select 'trigger', step.statement
  from wanted w
  cross join lateral (values
    (1, case when fits is not true and not inherited then definition end),
    (2, case when fits is not true or tgenabled <> 'A' then format('alter table %s enable always trigger %I', w.relation::regclass, w.name) end)
  ) as step (place, statement)
  where step.statement is not null
  order by w.inherited, w.relation::regclass::text, w.name, step.place
$$;

-- What is left of a capture that no route wants any more, or that has another mode now.
create or replace function tandem.plan_removal(watch text) returns table (kind text, statement text)
language sql volatile set search_path = pg_catalog, pg_temp
as $$
  with unwanted (name) as (
    select tandem.capture_name('capture', $1) where tandem.capture_source($1) is null
    union all select tandem.capture_name('truncate', $1) where tandem.truncate_source($1) is null
    union all select tandem.capture_name('touch', $1) where tandem.touch_source($1) is null
    union all select tandem.capture_name('back', $1) where tandem.write_back_source($1) is null
    union all select tandem.capture_name('stream', $1) where tandem.stream_source($1) is null
    union all select tandem.capture_name('behind', $1) where tandem.behind_source($1) is null
    union all select tandem.capture_name('compare', $1) where tandem.compare_source($1) is null
  ), function as (
    select p.oid, p.oid::regprocedure::text as name from unwanted u
    join pg_proc p on p.proname = u.name and p.pronamespace = 'tandem'::regnamespace
    where p.prosrc like E'\n-- Generated by tandem.plan_capture%'   -- a watch may be called `source`
  )
  select 'trigger', format('drop trigger %I on %s', t.tgname, t.tgrelid::regclass)
  from function f join pg_trigger t on t.tgfoid = f.oid
  where t.tgparentid = 0
  union all
  select 'function', format('drop function %s', f.name) from function f
$$;

-- Where a stream is decoded by pgoutput, its publication names the tables whose rows it needs. One without a replica identity is refused, since
-- its own updates would fail then.
create or replace function tandem.plan_publication(watch text) returns table (kind text, statement text)
language sql stable set search_path = pg_catalog, pg_temp
as $$
  with state as (
    select w.relation, p.oid as publication,
           w.mode = 'wal' and exists (select from tandem.route r where r.watch = w.watch and not r.draining)
             and coalesce((select bool_or(s.plugin = 'pgoutput') from tandem.stream s), true) as wanted,
           exists (select from pg_publication_rel m where m.prpubid = p.oid and m.prrelid = w.relation) as present
    from tandem.watch w left join pg_publication p on p.pubname = 'tandem_stream' where w.watch = $1
  )
  select 'publication', 'create publication tandem_stream with (publish_via_partition_root = true)' from state where wanted and publication is null
  union all
  select 'publication', format('alter publication tandem_stream add table only %s', relation::regclass) from state where wanted and not present
  union all
  select 'publication', format('alter publication tandem_stream drop table only %s', relation::regclass) from state where not wanted and present
$$;

create or replace function tandem.dollar_quoted(source text) returns text
language sql immutable set search_path = pg_catalog, pg_temp
as $$
  select tag || source || tag from (values ('$tandem$'), ('$tandem_' || md5(source) || '$')) as t (tag) where strpos(source, tag) = 0 limit 1
$$;
