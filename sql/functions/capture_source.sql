-- Source of the row trigger of a watch, from its routes; null when no route wants anything, or no trigger. What it promises and why is in docs/sql.md
-- ("Capture"). In short: values are computed in a block that writes nothing, so an error costs no subtransaction id and never fails the
-- CRM, and after an error each value is computed once more by itself, with a fresh plan, so that only what is broken is missing; where a
-- statement inside a trigger has written in this transaction (tandem.nested) the row is read again by key, so images are final; one
-- insert writes the records of all routes.
create or replace function tandem.capture_source(watch text) returns text
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $function$
declare
  w tandem.watch;
  r record;
  declarations text := '';
  old_values text := '';        -- assignments about the row before
  new_values text := '';        -- and after
  hits text := '';              -- did a column change that the route watches
  read_values text[] := '{}';   -- new_values and hits as a select list over the table
  read_into text[] := '{}';
  decisions text := '';         -- which operation each route gets
  recoveries text := '';        -- after an error: each value by itself
  problems text := '';
  null_key text := '';
  leaves text[] := '{}';        -- routes whose leaving row is sent as a delete with its old image
  records text[] := '{}';
  any_image boolean := false;
  any_changed boolean := false;
begin
  select * into strict w from tandem.watch where tandem.watch.watch = capture_source.watch;
  if w.mode <> 'trigger' then
    return null;
  end if;

  for r in select * from tandem.capture_routes(capture_source.watch) loop
    any_image := any_image or r.image;
    any_changed := any_changed or r.changed;
    declarations := declarations || format(E'  operation_%1$s text;\n  problem_%1$s text;\n', r.n);
    if r.condition is not null then
      declarations := declarations || format(E'  was_%1$s boolean;\n  is_%1$s boolean;\n', r.n);
      old_values := old_values || format(E'      was_%s := %s;\n', r.n, r.condition_old);
      new_values := new_values || format(E'      is_%s := %s;\n', r.n, r.condition_new);
      read_values := read_values || r.condition_new;
      read_into := read_into || format('is_%s', r.n);
      recoveries := recoveries || format($e$
    if tg_op <> 'INSERT' then
      select v.value::boolean, 'when: ' || v.problem into was_%1$s, problem_%1$s from tandem.capture_value(%2$L, old, old) as v;
    end if;
    if problem_%1$s is null and kind <> 'DELETE' then
      select v.value::boolean, 'when: ' || v.problem into is_%1$s, problem_%1$s from tandem.capture_value(%3$L, new_row, new_row) as v;
    end if;
    if problem_%1$s is not null then
      was_%1$s := true;
      is_%1$s := true;
    end if;$e$, r.n, r.condition_old, r.condition_new);
    end if;
    if r.columns is not null then
      declarations := declarations || format(E'  hit_%s boolean;\n', r.n);
      hits := hits || format(E'        hit_%s := %s;\n', r.n, r.columns_differ);
      read_values := read_values || r.columns_differ;
      read_into := read_into || format('hit_%s', r.n);
      -- A column that cannot be compared any more, since the CRM has dropped or renamed it, may have changed.
      recoveries := recoveries || format($e$
    if kind = 'UPDATE' then
      select coalesce(v.value::boolean, true) into hit_%1$s from tandem.capture_value(%2$L, old, new_row) as v;
    end if;$e$, r.n, r.columns_differ);
    end if;
    if r.ignores is not null then
      declarations := declarations || format(E'  hit_%s boolean := true;\n', r.n);   -- also where the row has to be read again
      hits := hits || '        ' || tandem.capture_rest_differs(r.n, r.ignores) || E'\n';
      recoveries := recoveries || format(E'\n    hit_%s := true;', r.n);
    end if;
    decisions := decisions || format(E'    operation_%s := %s;\n', r.n,
      tandem.capture_operation(r.n, r.target, r.operations, r.condition is not null, coalesce(r.columns, r.ignores) is not null, r.on_leave));
    if r.image then   -- a delete can do without its image
      problems := problems || format(E'    problem_%1$s := coalesce(problem_%1$s, case when operation_%1$s <> ''delete'' then problem end);\n', r.n);
    end if;
    null_key := null_key || format(E'    problem_%s := ''key: it is null or empty'';\n', r.n);
    if r.image and r.condition is not null and r.on_leave = 'delete' then
      leaves := leaves || format('operation_%s = ''delete''', r.n);
    end if;
    records := records || tandem.capture_record(r.n, r.target, r.request_type, r.image, r.changed);
  end loop;
  if records = '{}' then
    return null;
  end if;

  if any_image or any_changed then
    new_values := E'      image := to_jsonb(new.*);\n' || new_values;
    read_values := array['to_jsonb(new.*)'] || read_values;
    read_into := array['image'] || read_into;
    old_values := old_values || case
      when any_changed then E'      old_image := to_jsonb(old.*);\n'
      else E'      if tg_op = ''DELETE'' then old_image := to_jsonb(old.*); end if;\n' end;
    recoveries := $e$
    image := null;
    old_image := null;
    select v.value::jsonb, 'body: ' || v.problem into image, problem from tandem.capture_value('to_jsonb(new.*)', new_row, new_row) as v;
    if tg_op <> 'INSERT' and problem is null then
      select v.value::jsonb, 'body: ' || v.problem into old_image, problem from tandem.capture_value('to_jsonb(old.*)', old, old) as v;
    end if;
    if reread then
      image := null;
    end if;$e$ || recoveries;
  end if;

  return tandem.fill_template($source$
-- Generated by tandem.plan_capture from tandem.watch and tandem.route; not edited by hand.
#variable_conflict use_column
begin
{{ordinary}}declare
  kind text := tg_op;   -- what happened to the object; not always what happened to the row
  origin text := nullif(current_setting('tandem.origin', true), '');
  reread boolean := coalesce(current_setting('tandem.nested', true) = 'on', false);
  rekeyed boolean := false;
  failed boolean := false;
  object_id text;
  old_object_id text;
  image jsonb;
  old_image jsonb;
  changed text[];
  problem text;
  new_row record;
{{rest}}{{declarations}}begin
  if tg_relid <> {{relation_oid}} and not tandem.is_captured(tg_relid, tg_name, {{relation_oid}}, {{relation_name}}) then
    return null;   -- a trigger on somebody's own table: forged
  end if;
  if tg_op = 'UPDATE' and old operator(pg_catalog.*=) new then
    return null;
  end if;
  if origin is not null and (session_user <> 'tandem_connector' or pg_trigger_depth() > 1) then
    origin := null;
  end if;
  if pg_trigger_depth() > 1 and not reread then
    perform set_config('tandem.nested', 'on', true);
  end if;
{{reread_rule}}  begin
{{old_values}}    if reread then
      if tg_op = 'DELETE' then new_row := old; else new_row := new; end if;
      select {{read_values}}
        into {{read_into}}
        from {{relation}} as new where {{match}};
      if found then
        if tg_op = 'DELETE' then kind := 'UPDATE'; end if;
      elsif tg_op <> 'DELETE' then
        return null;   -- gone, and recorded by whoever removed it
      end if;
    elsif tg_op <> 'DELETE' then
      object_id := {{key_new}};
{{new_values}}      if tg_op = 'UPDATE' then
        rekeyed := {{key_differs}};
{{hits}}      end if;
    end if;
    if kind = 'DELETE' then
      object_id := {{key_old}};
    elsif kind = 'UPDATE' and rekeyed then
      old_object_id := {{key_old}};
    end if;
{{decisions}}{{last_values}}  exception when others or assert_failure then
    failed := true;
  end;
  if failed then
    kind := tg_op;
    if tg_op = 'DELETE' then new_row := old; else new_row := new; end if;
    if tg_op = 'DELETE' and reread and (select v.value::boolean from tandem.capture_value({{still_there}}, new_row, new_row) as v) then
      kind := 'UPDATE';
    end if;
    select v.value into object_id from tandem.capture_value({{key_text}}, new_row, new_row) as v;
    object_id := coalesce(object_id, tandem.recover_key({{relation_oid}}, {{key_attributes}}, new_row));
    if tg_op = 'UPDATE' then
      select v.value into old_object_id from tandem.capture_value({{key_text}}, old, old) as v;
      old_object_id := coalesce(old_object_id, tandem.recover_key({{relation_oid}}, {{key_attributes}}, old));
    end if;
    rekeyed := coalesce(tg_op = 'UPDATE' and old_object_id <> object_id, false);{{recoveries}}
{{decisions}}{{problems}}  end if;
  if object_id is null or object_id = '' then
    object_id := '';
{{null_key}}  end if;
{{insert}}  return null;
end;
end
$source$, jsonb_build_object(
    'ordinary', tandem.capture_ordinary(w.watch),
    'declarations', declarations,
    'rest', case when hits like '%rest := new%' then E'  rest record;\n' else '' end,
    'reread_rule', tandem.capture_reread_rule(w.relation),
    'old_values', case when old_values = '' then '' else E'    if tg_op <> ''INSERT'' then\n' || old_values || E'    end if;\n' end,
    'new_values', new_values,
    'hits', hits,
    'read_values', array_to_string(array[tandem.capture_key(w.relation, w.key_columns, 'new'), tandem.capture_differs(w.key_columns)] || read_values, E',\n             '),
    'read_into', array_to_string(array['object_id', 'rekeyed'] || read_into, ', '),
    'relation', w.relation::regclass,
    'match', tandem.capture_match(w.relation, w.key_columns, 'new', 'new_row'),
    'key_new', tandem.capture_key(w.relation, w.key_columns, 'new'),
    'key_old', tandem.capture_key(w.relation, w.key_columns, 'old'),
    'key_differs', tandem.capture_differs(w.key_columns),
    'decisions', decisions,
    'last_values', case when leaves = '{}' then '' else
        format(E'    if old_image is null and (%s) then\n      old_image := to_jsonb(old.*);\n    end if;\n', array_to_string(leaves, ' or ')) end
      || case when not any_changed then '' else $e$    if kind = 'UPDATE' then
      changed := array(select n.key from jsonb_each_text(image) as n where n.value is distinct from old_image ->> n.key order by n.key);
    end if;
$e$ end,
    'still_there', quote_literal(format('exists (select from %s as new_row where %s)', w.relation::regclass,
      tandem.capture_match(w.relation, w.key_columns, 'new_row', 'new'))),
    'key_text', quote_literal(tandem.capture_key(w.relation, w.key_columns, 'new')),
    'relation_oid', w.relation::text || '::oid',
    'relation_name', quote_literal(w.relation::regclass),
    'key_attributes', quote_literal(array(
      select a.attnum from unnest(w.key_columns) with ordinality as k (name, place)
      join pg_attribute a on a.attrelid = w.relation and a.attname = k.name order by k.place)::text) || '::int2[]',
    'recoveries', recoveries,
    'problems', problems,
    'null_key', null_key,
    'insert', tandem.capture_insert(records)));
end
$function$;
