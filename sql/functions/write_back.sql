-- Tells one row of the CRM their id of its object and how its newest change has ended. Answers what came of it, null when nothing is due. Each call is a
-- transaction of its own, and a row that somebody holds is not waited for: it is asked again later, at most 20 times, and then it is an alert.
-- No SET clause here: the CRM's own triggers run in it, the deferred ones too (what they refuse at COMMIT would undo the try that is counted).
create or replace function tandem.write_back_step(targets text[]) returns text
language plpgsql volatile
as $$
declare
  next record;
  result text := 'gone';
begin
  select * into next from tandem.write_back_next(targets);
  if next.write_back_id is null then
    return null;
  end if;
  if next.call is not null then
    begin
      execute next.call into result using next.target, next.request_type, next.object_id, next.remote_id, next.status;
      set constraints all immediate;
    exception when others or assert_failure or query_canceled then
      result := sqlerrm;
    end;
  end if;
  return tandem.write_back_ended(next.write_back_id, result);
end
$$;

-- The row that has been due longest, locked, with what it is told and the call that tells it; nulls when nothing is due, no call when no route asks any more.
create or replace function tandem.write_back_next(targets text[], out write_back_id bigint, out target text, out request_type text, out object_id text,
  out call text, out remote_id text, out status text)
language plpgsql volatile set search_path = pg_catalog, pg_temp set enable_seqscan = off
as $$
#variable_conflict use_column
declare
  next tandem.write_back;
begin
  select q.* into next from tandem.write_back q where q.due <= clock_timestamp() and q.target = any (targets) order by q.due, q.write_back_id limit 1
    for update skip locked;
  if not found then
    return;
  end if;
  write_back_id := next.write_back_id;
  target := next.target;
  request_type := next.request_type;
  object_id := next.object_id;
  -- What else asks for this object is answered with it: what is looked up below is newer.
  delete from tandem.write_back q
    where hashtextextended(q.object_id, 0) = hashtextextended(next.object_id, 0) and q.object_id = next.object_id and q.target = next.target
      and q.request_type = next.request_type and q.write_back_id <> next.write_back_id;
  select format('select %s($1, $2, $3, $4, $5)', p.oid::regproc) into call
    from tandem.route r join pg_proc p on p.oid = to_regprocedure(format('tandem.%I(text, text, text, text, text)', tandem.capture_name('back', r.watch)))
    where r.target = next.target and r.request_type = next.request_type and r.definition ? 'write_back';
  if call is null then
    return;
  end if;
  select i.remote_id into remote_id from tandem.identity i
    where i.target = next.target and i.request_type = next.request_type and hashtextextended(i.object_id, 0) = hashtextextended(next.object_id, 0) and i.object_id = next.object_id
      and i.state = 'paired';
  select f.outcome into status from tandem.failed f
    where hashtextextended(f.object_id, 0) = hashtextextended(next.object_id, 0) and f.object_id = next.object_id
      and f.queue is not distinct from 'outbox' and f.peer is not distinct from next.target and f.request_type = next.request_type
    order by f.counter desc limit 1;
  status := coalesce(status, 'synced');
end
$$;

-- Keeps what came of telling a row that tandem.write_back_next has locked, and answers it.
create or replace function tandem.write_back_ended(write_back_id bigint, result text) returns text
language plpgsql volatile set search_path = pg_catalog, pg_temp set enable_seqscan = off
as $$
declare
  most_tries constant integer := 20;
  asked tandem.write_back;
begin
  result := left(result, 500);
  select q.* into strict asked from tandem.write_back q where q.write_back_id = write_back_ended.write_back_id;
  if result in ('written', 'gone') then
    delete from tandem.write_back q where q.write_back_id = asked.write_back_id;
  elsif asked.tries + 1 >= most_tries then
    delete from tandem.write_back q where q.write_back_id = asked.write_back_id;
    insert into tandem.alert (kind, subject, description)
      values ('write_back', asked.target || '/' || asked.request_type, format('the row of %s could not be told of it: %s', left(asked.object_id, 200), result));
  else
    update tandem.write_back q set tries = q.tries + 1, due = clock_timestamp() + least(interval '100 ms' * 2 ^ asked.tries, interval '1 min')
      where q.write_back_id = asked.write_back_id;
  end if;
  return result;
end
$$;

-- Source of the function that writes into the rows of a watch; null when no route asks for it. It runs under the CRM's own settings, so that all of its
-- names and operators are qualified.
create or replace function tandem.write_back_source(watch text) returns text
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $function$
declare
  w tandem.watch;
  r record;
  branches text := '';
  match text;
begin
  select * into strict w from tandem.watch where tandem.watch.watch = write_back_source.watch;
  for r in select * from tandem.written_back(w.watch) loop
    match := coalesce(match, tandem.capture_match(w.relation, w.key_columns, 'crm_row', 'wanted'));
    branches := branches || format($e$  if $1 operator(pg_catalog.=) %L and $2 operator(pg_catalog.=) %L then
    update %s as crm_row set %s
      from (select %s) as wanted where %s and (%s);
  end if;
$e$, r.target, r.request_type, w.relation::regclass, r.assignments, tandem.capture_key_parsed(w.relation, w.key_columns, '$3'), match, r.differs);
  end loop;
  if branches = '' then
    return null;
  end if;
  return tandem.fill_template($source$
-- Generated by tandem.plan_capture from tandem.watch and tandem.route; not edited by hand.
#variable_conflict use_column
begin
  perform from {{relation}} as crm_row join (select {{key}}) as wanted on {{match}} for no key update of crm_row skip locked;
  if not found then
    perform from {{relation}} as crm_row join (select {{key}}) as wanted on {{match}};
    return case when found then 'somebody holds it' else 'gone' end;
  end if;
{{branches}}  return 'written';
end
$source$, jsonb_build_object(
    'relation', w.relation::regclass,
    'key', tandem.capture_key_parsed(w.relation, w.key_columns, '$3'),
    'match', match,
    'branches', branches));
end
$function$;

-- Routes of a watch that write back, with their columns as SQL. An error where the table has no such column.
create or replace function tandem.written_back(watch text) returns table (target text, request_type text, columns text[], assignments text, differs text)
language sql volatile set search_path = pg_catalog, pg_temp
as $$
  select r.target, r.request_type, array_agg(c.name order by c.place),
         string_agg(format('%I = (%s)::%s', c.name, c.parameter, format_type(a.atttypid, a.atttypmod)), ', ' order by c.place),
         -- Nulls are equal, collations do not count.
         format('row(%s)::record operator(pg_catalog.*<>) row(%s)::record', string_agg(format('crm_row.%I::text', c.name), ', ' order by c.place),
           string_agg(format('(%s)::%s::text', c.parameter, format_type(a.atttypid, a.atttypmod)), ', ' order by c.place))
  from tandem.route r
  join tandem.watch w on w.watch = r.watch
  cross join lateral (values (1, r.definition -> 'write_back' ->> 'remote_id', '$4'), (2, r.definition -> 'write_back' ->> 'status', '$5'))
    as c (place, name, parameter)
  join pg_attribute a on a.attrelid = w.relation and a.attname = (tandem.known_columns(w.relation, array[c.name]))[1]
  where r.watch = $1 and not r.draining and w.mode = 'trigger' and c.name is not null
  group by r.target, r.request_type
  order by r.target, r.request_type
$$;

-- A pair that is made or broken, by whoever: its row is told. One question per statement, not one per row.
create or replace function tandem.note_pairs() returns trigger
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
begin
  insert into tandem.write_back (target, request_type, object_id)
    select distinct c.target, c.request_type, c.object_id
    from tandem.route r join changed c on c.target = r.target and c.request_type = r.request_type
    where r.definition -> 'write_back' ? 'remote_id' and c.state in ('paired', 'deleted') and c.object_id <> '';
  return null;
end
$$;
create or replace trigger identity_is_made after insert on tandem.identity referencing new table as changed
  for each statement execute function tandem.note_pairs();
create or replace trigger identity_is_changed after update on tandem.identity referencing new table as changed
  for each statement execute function tandem.note_pairs();
create or replace trigger identity_is_removed after delete on tandem.identity referencing old table as changed
  for each statement execute function tandem.note_pairs();
