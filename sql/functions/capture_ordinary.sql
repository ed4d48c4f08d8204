-- The short way through the row trigger, which nearly every change takes: at the top of a statement, without an origin, with its key
-- unchanged, and with values that JSON can hold. An expression of PL/pgSQL is prepared again in every transaction, so the short way has as
-- few as possible, and anything else leaves it (`exit ordinary`) having done nothing: the general way then starts from the row itself.
-- The branches are cut out for one operation; one that is not there goes the general way.
create or replace function tandem.capture_ordinary(watch text) returns text
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $function$
declare
  w tandem.watch;
  declarations text;
  branches text;
begin
  select * into strict w from tandem.watch where tandem.watch.watch = capture_ordinary.watch;
  select string_agg(format(E'    operation_%s text;\n', r.n) || case when r.ignores is null then '' else format(E'    hit_%s boolean;\n', r.n) end, '' order by r.n)
      || case when bool_or(r.ignores is not null) then E'    rest record;\n' else '' end
    into declarations from tandem.capture_routes(w.watch) as r;
  select string_agg(format(E'    %s tg_op = %L then\n%s', case when place = 1 then 'if' else 'elsif' end, event, body), '' order by place) into branches
  from (
    select event, body, row_number() over (order by preference) as place
    from (values ('UPDATE', 1), ('INSERT', 2), ('DELETE', 3)) as e (event, preference),
      lateral tandem.capture_ordinary_branch(w.watch, event) as body
    where body is not null) as branch;
  if branches is null then
    return '';
  end if;
  return tandem.fill_template($source$  <<ordinary>>
  declare
    object_id text;
    image jsonb;
{{declarations}}  begin
    if current_setting('tandem.origin', true) <> '' or pg_trigger_depth() > 1 or current_setting('tandem.nested', true) = 'on'{{elsewhere}} then
{{echo}}      exit ordinary;
    end if;
{{branches}}    end if;
  end;
$source$, jsonb_build_object(
    'declarations', declarations,
    'elsewhere', ' or ' || tandem.capture_elsewhere(w.relation),
    'echo', tandem.capture_echo(w.watch),
    'branches', branches));
end
$function$;

-- Behind the question whether a change is ordinary: one that tandem has applied from the only target of the watch leaves no record. Others that
-- are not ordinary go the general way.
create or replace function tandem.capture_echo(watch text) returns text
language sql volatile set search_path = pg_catalog, pg_temp
as $$
  select coalesce((
    select format($e$      if pg_trigger_depth() = 1 and session_user = 'tandem_connector' and current_setting('tandem.origin', true) = %L then
        return null;
      end if;
$e$, min(r.target))
    from tandem.capture_routes($1) r having count(distinct r.target) = 1), '')
$$;

-- The branch of one operation; null where only the general way will do.
create or replace function tandem.capture_ordinary_branch(watch text, event text) returns text
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $function$
declare
  w tandem.watch;
  r record;
  row_name text := case event when 'DELETE' then 'old' else 'new' end;
  operation text;
  assignments text := '';
  unusual text := '(object_id <> '''') is not true';
  records text[] := '{}';
  conditional text[] := '{}';
  any_image boolean := false;
begin
  select * into strict w from tandem.watch where tandem.watch.watch = capture_ordinary_branch.watch;
  if event = 'DELETE' and exists (select from pg_class c where c.oid = w.relation and c.relkind = 'p') then
    return null;   -- it may be half of a move to another partition
  end if;
  if event = 'UPDATE' then
    unusual := unusual || ' or ' || tandem.capture_key_differs(w.relation, w.key_columns) || ' or old operator(pg_catalog.*=) new';
  end if;
  for r in select * from tandem.capture_routes(w.watch) loop
    if event = 'UPDATE' and r.changed then
      return null;
    end if;
    operation := tandem.capture_ordinary_operation(event, r.operations, r.condition_new, r.condition_old,
      case when r.columns is not null then r.columns_differ when r.ignores is not null then 'hit_' || r.n end, r.on_leave);
    continue when operation is null;
    if r.ignores is not null and event = 'UPDATE' then
      assignments := assignments || '        ' || tandem.capture_rest_differs(r.n, r.ignores) || E'\n';
    end if;
    if operation !~ '^''\w+''$' then
      assignments := assignments || format(E'        operation_%s := %s;\n', r.n, operation);
      operation := format('operation_%s', r.n);
      conditional := conditional || operation;
      if event = 'UPDATE' and r.image and r.on_leave = 'delete' and r.condition is not null then
        unusual := unusual || format(' or operation_%s = ''delete''', r.n);   -- it carries the image before
      end if;
    end if;
    any_image := any_image or r.image;
    records := records || format('object_id, %L, %s, %L, %s', r.request_type, operation, r.target, case when r.image then 'image' else 'null::jsonb' end);
  end loop;
  if records = '{}' then
    return E'      return null;\n';
  end if;
  return tandem.fill_template($source$      begin
        object_id := {{key}};
{{image}}{{assignments}}        if {{unusual}} then
          exit ordinary;
        end if;
      exception when others or assert_failure then
        exit ordinary;
      end;
{{insert}}      return null;
$source$, jsonb_build_object(
    'key', tandem.capture_key(w.relation, w.key_columns, row_name),
    'image', case when any_image then format(E'        image := to_jsonb(%s.*);\n', row_name) else '' end,
    'assignments', assignments,
    'unusual', unusual,
    'insert', tandem.capture_ordinary_insert(records, conditional)));
end
$function$;

-- The operation that a route records when nothing unusual happens, as an expression; null when it records nothing.
create or replace function tandem.capture_ordinary_operation(event text, operations text[], condition_new text, condition_old text,
  columns_differ text, on_leave text) returns text
language sql immutable set search_path = pg_catalog, pg_temp
as $$
  with word as (
    select case when 'create' = any(operations) then '''create''' end as entered,
           case when 'delete' = any(operations) then '''delete''' end as deleted,
           case when 'update' = any(operations) then coalesce('case when ' || columns_differ || ' then ''update'' end', '''update''') end as kept,
           case when on_leave <> 'ignore' and on_leave = any(operations) then quote_literal(on_leave) end as leaving
  )
  select case event
    when 'INSERT' then case when condition_new is null or entered is null then entered else format('case when %s then %s end', condition_new, entered) end
    when 'DELETE' then case when condition_old is null or deleted is null then deleted else format('case when %s then %s end', condition_old, deleted) end
    else case when condition_new is null then kept
      else format('case when %s then case when %s then %s else %s end when %s then %s end', condition_new, condition_old,
        coalesce(kept, 'null'), coalesce(entered, 'null'), case when leaving is null then 'false' else condition_old end, coalesce(leaving, 'null')) end
    end
  from word
$$;

-- The insert of the ordinary records; `conditional` are the variables that may turn out null.
create or replace function tandem.capture_ordinary_insert(records text[], conditional text[]) returns text
language sql immutable set search_path = pg_catalog, pg_temp
as $$
  select case
    when conditional = '{}' then format($e$      insert into tandem.outbox (object_id, request_type, operation, target, body, trace_context)
        values (%s);
$e$, string_agg(record || ', ' || trace, E'),\n          (' order by place))
    when cardinality(records) = 1 then format($e$      if %s is not null then
        insert into tandem.outbox (object_id, request_type, operation, target, body, trace_context)
          values (%s);
      end if;
$e$, conditional[1], min(record || ', ' || trace))
    else format($e$      insert into tandem.outbox (object_id, request_type, operation, target, body, trace_context)
        select captured.*, %s
        from (values
          (%s)) as captured (object_id, request_type, operation, target, body)
        where captured.operation is not null;
$e$, min(trace), string_agg(record, E'),\n          (' order by place))
    end
  from unnest(records) with ordinality as r (record, place),
    (values ('left(nullif(current_setting(''tandem.trace_context'', true), ''''), 200)')) as t (trace)
$$;
