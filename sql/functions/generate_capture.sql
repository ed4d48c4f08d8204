-- Makes capture of a watch what its rows say: tandem.plan_capture, run here and now, in the caller's transaction. Waits for a lock no longer
-- than `patience`, and then fails with SQLSTATE 55P03 and nothing changed: try again, as `tandem apply` and install_capture() do. Answers
-- the number of statements.
create or replace function tandem.generate_capture(watch text, patience interval default '2 seconds') returns integer
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  s record;
  statements integer := 0;
  waited text := current_setting('lock_timeout');
begin
  perform set_config('lock_timeout', (extract(epoch from patience) * 1000)::bigint::text, true);
  -- One generation at a time: two would race for the same functions.
  perform pg_advisory_xact_lock(hashtextextended('tandem capture', 0));
  for s in select * from tandem.plan_capture(generate_capture.watch) order by step loop
    execute s.statement;
    statements := statements + 1;
  end loop;
  update tandem.watch as w
    set capture_hash = md5(coalesce(tandem.capture_source(w.watch), '') || coalesce(tandem.truncate_source(w.watch), '') || coalesce(tandem.stream_source(w.watch), '')
          || coalesce(tandem.touch_source(w.watch), '')),
        live_function = case when to_regprocedure(format('tandem.%I(text)', tandem.capture_name('live', w.watch))) is not null
          then format('tandem.%I', tandem.capture_name('live', w.watch)) end,
        updated_at = now()
    where w.watch = generate_capture.watch
      and (statements > 0 or w.capture_hash is null);
  perform set_config('lock_timeout', waited, true);
  return statements;
end
$$;

-- The same for people at a psql prompt: `call tandem.install_capture('opportunity')` tries again while the table is busy, each try in a
-- transaction of its own, so that writers never queue behind it for longer than `patience`.
create or replace procedure tandem.install_capture(watch text, tries integer default 30, patience interval default '1 second')
language plpgsql
as $$
begin
  for try in 1 .. tries loop
    begin
      perform tandem.generate_capture(watch, patience);
      return;
    exception when lock_not_available then
      if try = tries then
        raise exception 'the table of watch % was busy in each of % tries', watch, tries
          using errcode = 'lock_not_available', hint = 'try again when no long transaction writes to it';
      end if;
    end;
    rollback;
    perform pg_catalog.pg_sleep(0.2 + pg_catalog.random());
  end loop;
end
$$;
