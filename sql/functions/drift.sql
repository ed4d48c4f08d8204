-- What differs between the watched tables and the capture that their rows ask for; no rows = none. `tandem apply` mends all of it except
-- columns that a route names and the CRM no longer has: there the configuration has to follow.
create or replace function tandem.drift() returns table (watch text, problem text, description text)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
  w tandem.watch;
  missing text;
begin
  for w in
    select * from tandem.watch x
    where exists (select from tandem.route r where r.watch = x.watch and not r.draining) or x.definition ? 'touches' order by x.watch
  loop
    watch := w.watch;
    if tandem.find_table_or_null(w.table_name) is not null
       and not exists (select from pg_class where oid = w.relation and w.mode <> 'trigger')
       and not exists (select from pg_trigger t where t.tgrelid = w.relation and t.tgname like '!tandem%') then
      if tandem.find_table_or_null(w.table_name) <> w.relation then
        problem := 'table replaced';
        description := format('the OID of table %s has changed, as a restored dump changes it: run apply', w.table_name);
        return next;
        continue;
      end if;
    elsif not exists (select from pg_class where oid = w.relation) then
      problem := 'table gone';
      description := format('table %s does not exist any more', w.table_name);
      return next;
      continue;
    end if;
    if tandem.find_table_or_null(w.table_name) is distinct from w.relation then
      problem := 'table renamed';
      description := format('the table watched as %s is called %s now', w.table_name, w.relation::regclass);
      return next;
    end if;
    select string_agg(quote_ident(k), ', ') into missing from unnest(w.key_columns) as k
      where not exists (select from pg_attribute a where a.attrelid = w.relation and a.attname = k and a.attnum > 0 and not a.attisdropped);
    if missing is not null then
      problem := 'key column gone';
      description := format('table %s has no column %s, which the key names', w.relation::regclass, missing);
      return next;
      continue;
    end if;
    problem := 'replica identity';
    description := case when w.mode = 'wal' then tandem.identity_problem(w.watch) end;
    if description is not null then
      return next;
    end if;
    problem := 'column of the time';
    description := case when w.mode = 'poll' then tandem.poll_problem(w.relation, w.definition -> 'poll' ->> 'updated', w.definition -> 'poll' ->> 'deleted') end;
    if description is not null then
      return next;
      continue;
    end if;
    begin
      for problem, description in
        select case p.kind when 'grant' then 'privilege missing' when 'function' then 'function differs' when 'publication' then 'publication differs' else 'trigger missing or disabled' end,
               case p.kind when 'function' then 'the generated functions are not those of the routes' else p.statement end
        from (select distinct on (s.kind, case when s.kind <> 'function' then s.statement end) * from tandem.plan_capture(w.watch) as s) as p
        order by p.step
      loop
        return next;
      end loop;
    exception when others or assert_failure then
      problem := 'route refers to what is gone';
      description := sqlerrm;
      return next;
    end;
  end loop;
end
$$;

create or replace function tandem.find_table_or_null(table_name text) returns oid
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
begin
  return tandem.find_table(table_name);
exception when others or assert_failure then
  return null;
end
$$;
