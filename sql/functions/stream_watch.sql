-- What a stream needs of its tables, and how watches come to it and leave it.

-- Null, or why the rows of a watch would not say enough, with the remedy. Keys of old rows are needed always; old rows where a route asks what
-- a change left behind.
create or replace function tandem.identity_problem(watch text) returns text
language sql stable set search_path = pg_catalog, pg_temp
as $$
  select tandem.identity_problem(w.relation, w.key_columns, (
      select bool_or(nullif(btrim(r.definition ->> 'when'), '') is not null or r.definition ? 'columns' or (r.definition ->> 'changed')::boolean)
      from tandem.route r where r.watch = w.watch and not r.draining))
  from tandem.watch w where w.watch = $1
$$;
create or replace function tandem.identity_problem(relation oid, key_columns text[], whole_rows boolean) returns text
language sql stable set search_path = pg_catalog, pg_temp
as $$
  with tables as (
    select t.oid, c.relreplident,
           array(select a.attname::text
             from pg_index i cross join lateral unnest(i.indkey::int2[]) with ordinality as k (number, place)
             join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.number
             where i.indrelid = t.oid and k.place <= i.indnkeyatts
               and case c.relreplident when 'd' then i.indisprimary when 'i' then i.indisreplident else false end) as identity
    from tandem.captured_tables($1) as t join pg_class c on c.oid = t.oid
    where t.relkind = 'r' or $3   -- a stream of partitions may come under the name and identity of the partitioned table
  )
  select case
      when $3 and t.relreplident <> 'f' then
        format('`when`, `columns` and `changed` need rows before their change, and the log of %1$s holds only keys of them: alter table %1$s replica identity full', t.oid::regclass)
      else format('the log of %1$s does not hold the key of changed and deleted rows: alter table %1$s replica identity %2$s', t.oid::regclass,
        coalesce('using index ' || (
          select quote_ident(c.relname) from pg_index i join pg_class c on c.oid = i.indexrelid
          where i.indrelid = t.oid and i.indisunique and i.indpred is null and i.indexprs is null and i.indimmediate and not i.indisprimary
            and (select array_agg(a.attname::text) from unnest(i.indkey::int2[]) as k (number) join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.number where a.attnotnull) @> $2
          limit 1), 'full'))
    end
  from tables t
  where t.relreplident <> 'f' and (coalesce($3, false) or not t.identity @> $2)
  order by t.oid::regclass::text limit 1
$$;

-- To be called in the transaction that has just changed the capture of a watch. Its triggers are made or gone by then, which has locked its
-- table against writers: this is the place in the log where one capture ends and the other begins. Where the stream ends here it must have
-- come so far, or its older changes would be recorded behind newer ones; SQLSTATE 55P03 = it has not within `patience`: nothing has happened,
-- try again.
create or replace function tandem.switch_stream(watch text, connector text, patience interval default '1 second') returns boolean
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  wanted boolean;
  present tandem.stream_watch;
  place pg_lsn;
  deadline timestamptz := clock_timestamp() + patience;
begin
  select w.mode = 'wal' and exists (select from tandem.route r where r.watch = w.watch and not r.draining)
    into wanted from tandem.watch w where w.watch = $1;
  select * into present from tandem.stream_watch s where s.watch = $1;
  if wanted and present.watch is null then
    if tandem.identity_problem($1) is not null then
      raise exception '%', tandem.identity_problem($1) using errcode = 'object_not_in_prerequisite_state';
    end if;
    perform from tandem.stream s where s.connector = $2 for update;
    if not found then
      raise exception 'connector % has no stream yet', $2 using errcode = 'object_not_in_prerequisite_state', hint = 'run tandem apply';
    end if;
    insert into tandem.stream_watch (watch, connector, since) values ($1, $2, pg_current_wal_insert_lsn());
  elsif present.watch is not null and (wanted is not true or present.connector <> $2) then
    if wanted then   -- from one stream to another, without a trigger in between
      perform tandem.lock_against_writers((select w.relation from tandem.watch w where w.watch = $1));
    end if;
    -- The mark is not part of this transaction: it is decoded as soon as it is in the log.
    place := pg_current_wal_insert_lsn();
    perform pg_logical_emit_message(false, 'tandem.stream', 'mark');
    while exists (select from tandem.stream s where s.connector = present.connector and s.through < place) loop
      if clock_timestamp() > deadline then
        raise exception 'the stream of connector % has not come so far yet', present.connector
          using errcode = 'lock_not_available', hint = 'it must run: tandem run';
      end if;
      perform pg_sleep(0.01);
    end loop;
    if wanted then   -- everything before is captured, and what was captured stays so
      update tandem.stream_watch s set connector = $2, since = place, pass = 1, after = null where s.watch = $1;
    else
      delete from tandem.stream_watch s where s.watch = $1;
    end if;
  else
    return false;
  end if;
  -- The stream reads its watches again when it comes here, once it can see what this transaction wrote.
  perform pg_logical_emit_message(true, 'tandem.stream', pg_current_xact_id()::text);
  return true;
end
$$;

-- Keeps a connector that has been taken over from writing: the first statement of each of a stream's transactions. SQLSTATE TD002.
create or replace function tandem.hold_fence(connector text, epoch bigint) returns void
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
  perform from tandem.connector c where c.name = $1 and c.epoch = $2 for share;
  if not found then
    raise exception 'another connector has taken over from %', $1 using errcode = 'TD002';
  end if;
end
$$;

-- A batch holds its number until its transaction has ended: the one behind it waits for that in tandem.move_stream. The lock is the server's, so that it
-- sees who waits for whom.
create or replace function tandem.stand_in_stream(connector text, number bigint) returns void
language sql volatile set search_path = pg_catalog, pg_temp set lock_timeout = 0
as $$
  select pg_advisory_xact_lock(hashtextextended('tandem stream ' || $1, $2))
$$;

-- The last statement of a batch: the stream moves from where the batch before has left it, and from nowhere else. So a batch whose predecessor has failed
-- is taken back, and one of a session that was given up cannot be captured twice.
--   $2 behind   number of the batch before while that is in flight, or null: it has ended when the lock is free, committed or not
--   $3 was, $4 becomes   through, commit and change as tandem.stream has them; 0/0 where no transaction is captured in part. $5, $6 ordinals
create or replace function tandem.move_stream(connector text, behind bigint, was pg_lsn[], becomes pg_lsn[], ordinal_was integer, ordinal_becomes integer)
returns void
language plpgsql volatile set search_path = pg_catalog, pg_temp set lock_timeout = 0
as $$
#variable_conflict use_column
begin
  if behind is not null then
    perform pg_advisory_xact_lock(hashtextextended('tandem stream ' || $1, $2));
  end if;
  perform set_config('lock_timeout', '5s', true);   -- whoever else holds the stream's row is no reason to wait for long
  update tandem.stream s
    set through = $4[1], commit_lsn = nullif($4[2], '0/0'), change_lsn = nullif($4[3], '0/0'), ordinal = $6, updated_at = now()
    where s.connector = $1 and s.through = $3[1] and coalesce(s.commit_lsn, '0/0') = $3[2] and coalesce(s.change_lsn, '0/0') = $3[3]
      and coalesce(s.ordinal, 0) = $5;
  if not found then
    raise exception 'the stream of connector % is not where the batch before has left it', $1 using errcode = 'object_not_in_prerequisite_state';
  end if;
end
$$;

-- A commit is in the log before it is visible: for a moment, or, where a synchronous standby is waited for, for long. Nobody may be told of rows that he
-- cannot see yet: a record without a body would be read as it was before. Transactions as the log numbers them, without their epoch. SQLSTATE 55P03 = not now.
create or replace function tandem.wait_until_visible(transactions bigint[]) returns void
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  deadline timestamptz := clock_timestamp() + interval '1 second';
begin
  while exists (
    select from (select s, pg_snapshot_xmax(s)::text::bigint as next from pg_current_snapshot() as s) as now
    cross join unnest($1) as t (xid)
    cross join lateral (select (((t.xid - now.next) % 4294967296 + 6442450944) % 4294967296) - 2147483648 as distance) as d
    where not pg_visible_in_snapshot((now.next + d.distance)::text::xid8, now.s))
  loop
    if clock_timestamp() > deadline then
      raise exception 'what the log tells of is not visible yet' using errcode = 'lock_not_available', hint = 'is a synchronous standby waited for?';
    end if;
    perform pg_sleep(0.001);
  end loop;
end
$$;

-- The stream has lost changes: all of its watches are to be compared with what was captured of them. Answers which.
create or replace function tandem.begin_comparison(connector text, reason text) returns text[]
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  watches text[];
begin
  with begun as (
    update tandem.stream_watch s set state = 'comparing', pass = 1, after = null, told = 0, reason = $2, updated_at = now()
    where s.connector = $1
    returning s.watch
  )
  select array_agg(watch order by watch) into watches from begun;
  insert into tandem.alert (kind, subject, description)
    select 'stream', w, format('changes of watch %s may have been lost (%s): its table is being compared with what was captured', w, $2) from unnest(watches) as w
    where not exists (select from tandem.alert a where a.kind = 'stream' and a.subject = w and a.recovered_at is null);
  return watches;
end
$$;

-- One stretch of a watch that is new or being compared. Answers its state afterwards and how many records the comparison has written so far.
create or replace function tandem.compare_step(watch text, most integer default 5000, out state text, out told bigint)
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  s tandem.stream_watch;
  ended text;
  written bigint;
begin
  select * into strict s from tandem.stream_watch x where x.watch = $1 for update;
  execute format('select c.* from tandem.%I($1, $2, $3, $4) as c (ended, told)', tandem.capture_name('compare', $1))
    into ended, written using s.after, s.pass, most, s.state = 'comparing';
  s.told := s.told + written;
  s.after := ended;
  if ended is null and s.pass = 1 then
    s.pass := 2;
  elsif ended is null then
    if s.state = 'comparing' then
      s.latest_through := pg_current_wal_insert_lsn();
      update tandem.alert a set recovered_at = now(), description = a.description || format('; done, it differed in %s records', s.told)
        where a.kind = 'stream' and a.subject = $1 and a.recovered_at is null;
    else
      s.listed_through := pg_current_wal_insert_lsn();
    end if;
    s.state := 'current';
    s.pass := 1;
  end if;
  update tandem.stream_watch x set state = s.state, pass = s.pass, after = s.after, told = s.told, latest_through = s.latest_through, listed_through = s.listed_through, updated_at = now()
    where x.watch = $1;
  state := s.state;
  told := s.told;
end
$$;
