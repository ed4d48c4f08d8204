-- Watches of mode `poll`: their tables have a column that tells when a row was changed, and tandem may do nothing there but read.

-- Null, or why a table cannot be read by these columns.
create or replace function tandem.poll_problem(relation oid, updated text, deleted text) returns text
language sql stable set search_path = pg_catalog, pg_temp
as $$
  select case
      when a.attname is null then format('table %s has no column %I', $1::regclass, c.name)
      when c.is_time then format('column %I of table %s is of type %s: the time of a change must be timestamptz, or timestamp at UTC', c.name, $1::regclass,
        format_type(a.atttypid, a.atttypmod))
      else format('column %I of table %s is of type %s: what tells that a row is deleted must be boolean', c.name, $1::regclass, format_type(a.atttypid, a.atttypmod))
    end
  from (values ($2, true), ($3, false)) as c (name, is_time)
  left join pg_attribute a on a.attrelid = $1 and a.attname = c.name and a.attnum > 0 and not a.attisdropped
  where c.name is not null and (a.attname is null or a.atttypid <> all (case when c.is_time then array['timestamptz'::regtype, 'timestamp'::regtype] else array['bool'::regtype] end))
  order by c.is_time desc limit 1
$$;

-- The columns by which a watch is polled, also while it comes to this mode or leaves it; nulls where it is not.
create or replace function tandem.polled_columns(watch text, out updated text, out deleted text, out time_type text)
language sql stable set search_path = pg_catalog, pg_temp
as $$
  select c.updated, c.deleted, case when a.atttypid = 'timestamp'::regtype then 'timestamp' else 'timestamptz' end
  from tandem.watch w
  left join tandem.poll_watch p on p.watch = w.watch
  cross join lateral (
    select case when w.mode = 'poll' then w.definition -> 'poll' ->> 'updated' else p.updated end,
           case when w.mode = 'poll' then w.definition -> 'poll' ->> 'deleted' else p.deleted end) as c (updated, deleted)
  left join pg_attribute a on a.attrelid = w.relation and a.attname = c.updated and a.attnum > 0 and not a.attisdropped
  where w.watch = $1
$$;

-- How often, and how far behind the clock. A column of whole seconds may be rounded: its times are that much less exact.
create or replace function tandem.poll_options(watch text, out every interval, out lag interval, out compare_every interval)
language sql stable set search_path = pg_catalog, pg_temp
as $$
  select coalesce(w.definition -> 'poll' ->> 'interval', '5s')::interval,
         coalesce(w.definition -> 'poll' ->> 'lag', '10s')::interval
           + make_interval(secs => 2 * 10.0 ^ -coalesce((select case when a.atttypmod >= 0 then a.atttypmod end
               from pg_attribute a where a.attrelid = w.relation and a.attname = w.definition -> 'poll' ->> 'updated'), 6)),
         coalesce(w.definition -> 'poll' ->> 'compare_every', '1d')::interval
  from tandem.watch w where w.watch = $1
$$;

-- Which moments are over. A transaction that is open at a moment may still commit rows with an earlier time; once every transaction has ended that had
-- written by then, all rows up to that time can be seen, but for those of transactions that took longer than `lag` to their first write.
-- Adds this moment, forgets those that are over; `safe` is the newest of these, null where there is none.
create or replace function tandem.poll_horizon(inout times timestamptz[], inout xids xid8[], lag interval, out safe timestamptz)
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  moment timestamptz := clock_timestamp() - lag;   -- before the snapshot is taken
  most constant integer := 1000;                   -- while one transaction stays open, every round adds one
  oldest xid8;
  next xid8;
begin
  select pg_snapshot_xmin(s), pg_snapshot_xmax(s) into oldest, next from pg_current_snapshot() as s;
  select max(m.time) filter (where m.xid <= oldest),
         coalesce(array_agg(m.time order by m.place) filter (where m.xid > oldest), '{}'),
         coalesce(array_agg(m.xid order by m.place) filter (where m.xid > oldest), '{}')
    into safe, times, xids
    from unnest($1 || moment, $2 || next) with ordinality as m (time, xid, place);
  if cardinality(times) > most then
    times := times[1 : 1] || times[3 :];
    xids := xids[1 : 1] || xids[3 :];
  end if;
end
$$;

-- One bounded step of a watch: waits for the transactions that are older than its beginning, a stretch of what is there (for other routes, too), a page of a
-- round, a stretch of a comparison, or nothing. Answers its state (null: it is not polled any more), in how many milliseconds there is more to do, the number of records
-- written, and how many a comparison has written that has just ended.
create or replace function tandem.poll_step(watch text, page integer default 1000, stretch integer default 5000,
  out state text, out wait bigint, out written bigint, out compared bigint)
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  s tandem.poll_watch;
  o record;
  command text := format('select c.* from tandem.%I($1, $2, $3, $4) as c (ended, told)', tandem.capture_name('compare', $1));
  now timestamptz := clock_timestamp();
  next_round timestamptz;
  ended text;
  newest timestamptz;
begin
  written := 0;
  select * into s from tandem.poll_watch x where x.watch = $1 for update;
  if not found then
    return;
  end if;
  select * into o from tandem.poll_options($1);
  -- A round that takes long is followed by as long a rest.
  next_round := greatest(s.round_at + o.every, s.polled_at + (s.polled_at - s.round_at));
  if s.state = 'new' and s.pass = 0 then
    select h.times, h.xids, h.safe into s.mark_times, s.mark_xids, s.through from tandem.poll_horizon(s.mark_times, s.mark_xids, o.lag) as h;
    if s.through is not null and exists (select from tandem.stream_watch x where x.watch = $1) then
      s.state := 'current';   -- the stream has written down what there is
      s.compared_at := now;
    elsif s.through is not null then
      s.pass := 1;
    end if;
  elsif s.state = 'current' and not s.regroups and (s.position is not null or next_round is null or next_round <= now) then
    if s.position is null then
      select h.times, h.xids, h.safe into s.mark_times, s.mark_xids, s.safe from tandem.poll_horizon(s.mark_times, s.mark_xids, o.lag) as h;
      s.position := jsonb_build_array(s.through)::text;
      s.round_at := now;
    end if;
    execute command into ended, written using s.position, 3, page, s.active;
    if (ended::jsonb ->> 2)::boolean then
      s.position := ended;
    else
      newest := (coalesce(ended, s.position)::jsonb ->> 0)::timestamptz;
      s.through := greatest(s.through, case when s.safe is not null and newest is not null then least(newest, s.safe) end);
      s.position := null;
      s.polled_at := clock_timestamp();
    end if;
  elsif s.regroups then
    execute command into ended, written using s.after, 1, stretch, null::boolean;
    s.after := ended;
    s.regroups := ended is not null;
  elsif s.pass > 0 or (s.state = 'current' and s.active and s.compared_at + o.compare_every <= now) then
    if s.pass = 0 then
      s.pass := 1;
      s.told := 0;
    end if;
    execute command into ended, written using s.after, s.pass, stretch, s.state <> 'new';
    s.told := s.told + written;
    s.after := ended;
    if ended is null and s.pass = 1 then
      s.pass := 2;
    elsif ended is null then
      if s.state = 'current' then
        compared := s.told;
      end if;
      s.pass := 0;
      s.state := 'current';
      s.compared_at := clock_timestamp();
    end if;
  end if;
  update tandem.poll_watch x
    set state = s.state, pass = s.pass, after = s.after, through = s.through, position = s.position, safe = s.safe, mark_times = s.mark_times,
        mark_xids = s.mark_xids, regroups = s.regroups, round_at = s.round_at, polled_at = s.polled_at, compared_at = s.compared_at, told = s.told
    where x.watch = $1;
  state := s.state;
  next_round := greatest(s.round_at + o.every, s.polled_at + (s.polled_at - s.round_at));
  wait := case
    when s.state = 'new' and s.pass = 0 then 200
    when s.position is not null or s.pass > 0 or s.regroups or s.polled_at is null then 0
    else greatest(0, ceil(1000 * extract(epoch from least(next_round, s.compared_at + o.compare_every) - clock_timestamp())))
  end;
end
$$;
