-- $1 sources, $2 most rows, $3 floor as far as it is known, $4 counters of records that are being applied. Pending records but these, by counter: those
-- above the floor, and parked ones that are due, each in order; of an object nothing that stands behind a parked record which is not, at one moment for both. The header row,
-- with the snapshot's xmin, the newest counter, the lowest pending one, the sources that are not paused (the floor is theirs alone) and whether a parked
-- record waits, comes first.
with awake as materialized (
  select array_agg(n.source order by n.source) as sources from unnest($1::text[]) as n (source)
  where not exists (select from tandem.source s where s.source = n.source and s.paused)
), low as materialized (
  select greatest(min(coalesce(t.counter, 0)), $3::bigint) as floor
  from awake cross join unnest(awake.sources) as n (source) left join tandem.settled_through t on t.queue = 'inbox' and t.peer = n.source
), held as materialized (  -- objects of which a parked record waits
  select p.peer, p.counter, p.reason, e.request_type, coalesce(e.remote_id, e.object_id) as object
  from tandem.parked p join tandem.inbox e on e.counter = p.counter
  where p.queue = 'inbox' and p.peer = any ($1::text[]) and p.due > statement_timestamp() and e.request_state in (1, 2)
), due as materialized (
  select i.counter, i.record_id, i.source, i.request_type, i.operation, i.remote_id, i.object_id, i.version, i.body, i.attempts,
         i.date_time, i.answer_status
  from tandem.parked p join tandem.inbox i on i.counter = p.counter
  where p.queue = 'inbox' and p.peer = any ((select sources from awake)::text[]) and p.due <= statement_timestamp() and i.request_state in (1, 2)
    and i.counter <> all ($4::bigint[])
    and not exists (
      select from held h
      where h.peer = i.source and h.request_type = i.request_type and h.object = coalesce(i.remote_id, i.object_id) and h.counter < i.counter
        and not (h.reason = 'object' and i.operation = 'create'))
  order by i.counter limit $2::bigint
), fresh as materialized (
  select i.* from low join awake on awake.sources is not null cross join lateral (
    select r.counter, r.record_id, r.source, r.request_type, r.operation, r.remote_id, r.object_id, r.version, r.body, r.attempts,
           r.date_time, r.answer_status
    from tandem.inbox r
    where (select count(*) from due) < $2::bigint  -- or what is behind the cut could be overtaken
      and r.counter > low.floor and r.request_state in (1, 2) and r.source = any (awake.sources)
      and r.counter not in (select w.counter from unnest($4::bigint[]) as w (counter))  -- hashed, where an array is searched from its front
      and not exists (select from tandem.parked p where p.queue is not distinct from 'inbox' and p.counter = r.counter)
      and not exists (
        select from held h
        where h.peer = r.source and h.request_type = r.request_type and h.object = coalesce(r.remote_id, r.object_id) and h.counter < r.counter
          and not (h.reason = 'object' and r.operation = 'create'))  -- that is what it waits for
    order by r.counter limit $2::bigint
  ) i
), pending as (
  select *, false as was_parked from fresh
  union all
  select *, true from due d  -- nor what is behind the cut here
  where (select count(*) from fresh) < $2::bigint or d.counter <= (select max(f.counter) from fresh f)
)
select null::bigint as counter, pg_snapshot_xmin(pg_current_snapshot()) as xmin, coalesce((select max(i.counter) from tandem.inbox i), 0) as newest,
       (select l.counter from low join awake on awake.sources is not null cross join lateral (
          select r.counter from tandem.inbox r
          where r.counter > low.floor and r.request_state in (1, 2) and r.source = any (awake.sources)
            and not exists (select from tandem.parked p where p.queue is not distinct from 'inbox' and p.counter = r.counter)
          order by r.counter limit 1) l) as lowest, null::uuid as record_id, (select sources::text from awake) as source, null::text as request_type,
       null::text as operation, null::text as remote_id, null::text as object_id, null::text as version, null::text as body,
       null::integer as attempts, null::bigint as age_ms, null::boolean as fetched, exists (select from held) as was_parked
union all
select r.counter, null, null, null, r.record_id, r.source, r.request_type, r.operation, r.remote_id, r.object_id, r.version, r.body::text,
       r.attempts, (date_part('epoch', clock_timestamp() - r.date_time) * 1000)::bigint, r.answer_status is not null, r.was_parked
from pending r
