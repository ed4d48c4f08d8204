-- How watches come to a mode and leave it. A place or a moment at which nobody writes to the table parts what one capture has recorded from what the
-- next one records.

-- To be called in the transaction that has just changed the capture of a watch, by a role that may lock its table. SQLSTATE 55P03 = not now: nothing has
-- happened, try again.
create or replace function tandem.switch_capture(watch text, connector text) returns boolean
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  w tandem.watch;
  p tandem.poll_watch;
  streamed tandem.stream_watch;
  captures boolean;
  switched boolean;
  name text;
begin
  select * into strict w from tandem.watch x where x.watch = $1;
  captures := exists (select from tandem.route r where r.watch = $1 and not r.draining);
  select * into p from tandem.poll_watch x where x.watch = $1 for update;
  select * into streamed from tandem.stream_watch x where x.watch = $1;
  name := coalesce($2, streamed.connector, p.connector);
  if p.watch is not null and (w.mode <> 'poll' or not captures) then
    if p.active and p.state = 'current' and captures then   -- else it has told nothing yet, and what is there is nobody's news
      perform tandem.lock_against_writers(w.relation);   -- where a trigger has been made it is
      perform tandem.poll_rest($1, true);
    end if;
    delete from tandem.poll_watch x where x.watch = $1;
    perform tandem.switch_stream($1, name);
    perform tandem.generate_capture($1);   -- without the function that has read the rest
    return true;
  end if;
  if w.mode = 'poll' and captures and streamed.watch is not null then
    if streamed.state <> 'current' then
      raise exception 'the table of watch % is still being compared with what was captured of it', $1 using errcode = 'lock_not_available', hint = 'it must run: tandem run';
    end if;
    perform tandem.lock_against_writers(w.relation);
  end if;
  switched := tandem.switch_stream($1, name);
  if w.mode <> 'poll' or not captures then
    return switched;
  end if;
  if p.watch is null then
    perform tandem.begin_poll($1, name);
  elsif not p.active and p.state <> 'current' then
    raise exception 'what the table of watch % holds has not been written down yet', $1 using errcode = 'object_not_in_prerequisite_state', hint = 'run tandem apply';
  elsif not p.active and streamed.watch is not null then
    execute format('select tandem.%I(null, 4, null, false)', tandem.capture_name('compare', $1));
  elsif not p.active then
    perform tandem.poll_rest($1, false);   -- its triggers are gone, which has locked the table
  end if;
  update tandem.poll_watch x
    set active = true, connector = name, updated = c.updated, deleted = c.deleted, source = c.source,
        -- A comparison that is under way begins anew behind it.
        regroups = x.regroups or (x.active and x.source <> c.source),
        pass = case when x.active and x.state = 'current' and x.source <> c.source then 0 else x.pass end,
        after = case when x.active and x.state = 'current' and x.source <> c.source then null else x.after end,
        -- Other columns tell other times: everything is read again, and what has been captured is known.
        through = case when x.updated = c.updated and x.deleted is not distinct from c.deleted then x.through end,
        position = case when x.updated = c.updated and x.deleted is not distinct from c.deleted then x.position end
    from (select p.updated, p.deleted, md5(tandem.compare_source($1)) as source from tandem.polled_columns($1) as p) as c
    where x.watch = $1 and (x.active, x.connector, x.updated, x.deleted, x.source) is distinct from (true, name, c.updated, c.deleted, c.source);
  return switched or found;
end
$$;

-- Begins to write down what is there, while another mode still captures the table: tandem.poll_step does it.
create or replace function tandem.begin_poll(watch text, connector text) returns void
language sql volatile set search_path = pg_catalog, pg_temp
as $$
  insert into tandem.poll_watch (watch, connector, updated, deleted)
    select w.watch, $2, w.definition -> 'poll' ->> 'updated', w.definition -> 'poll' ->> 'deleted' from tandem.watch w where w.watch = $1
  on conflict on constraint poll_watch_pkey do update
    set connector = excluded.connector, active = false, state = 'new', updated = excluded.updated, deleted = excluded.deleted, pass = 0, after = null,
        through = null, position = null, safe = null, mark_times = '{}', mark_xids = '{}', round_at = null, polled_at = null, compared_at = null, told = 0,
        source = null, regroups = false
$$;

-- Nobody writes to the table until the transaction ends, and whoever has written to it has ended.
create or replace function tandem.lock_against_writers(relation regclass) returns void
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $$
begin
  execute format('lock table %s in share mode', relation);
end
$$;

-- Everything that has changed since the position of a watch, the table being locked against writers: the position is not needed any more, or all of it is
-- read again. What only a comparison finds (hard deletes, rows without a time) has just been looked for; in a table of ordinary size it is looked for
-- once more, in a large one the writers would wait too long for it.
create or replace function tandem.poll_rest(watch text, tell boolean) returns void
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  command text := format('select c.ended from tandem.%I($1, $2, 5000, $3) as c (ended, told)', tandem.capture_name('compare', $1));
  after text := (select jsonb_build_array(p.through)::text from tandem.poll_watch p where p.watch = $1);
  objects_compared constant bigint := 50000;
begin
  loop
    execute command into after using after, 3, tell;
    exit when (after::jsonb ->> 2)::boolean is not true;
  end loop;
  if (select count(*) from (select from tandem.captured c where c.watch = $1 limit objects_compared + 1) as few) > objects_compared then
    return;
  end if;
  for pass in 1 .. 2 loop
    after := null;
    loop
      execute command into after using after, pass, tell;
      exit when after is null;
    end loop;
  end loop;
end
$$;
