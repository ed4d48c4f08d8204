-- $1 connector, $2 epoch, then one array each, by counter: $3 counters, $4 record ids, $5 due in ms (null: until an event), $6 reason,
-- $7 parent's request_type and $8 object_id, $9 error_code, $10 description, $11 attempts, $12 answer_status, $13 duration µs,
-- $14 attempt (null: no attempt row), $15 its start (µs since 1970), $16 counted, $17 agreed unsettled, $18 attempt phase (whole, opened, closed),
-- $19 write a record of the parent if nothing is known of it, $20 may have been sent.
-- Runs behind settle in one transaction, so a parent that has just got its identity is seen. A counter missing from the answer was not parked.
with fence as materialized (
  select clock_timestamp() as moment from tandem.connector where name = $1::text and epoch = $2::bigint for key share
), given as materialized (
  select g.*, fence.moment,
         coalesce(fence.moment + g.due_ms * interval '1 millisecond', 'infinity') as due,
         jsonb_build_array(g.parent_type, g.parent_object_id)::text as parent
  from unnest($3::bigint[], $4::uuid[], $5::bigint[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[], $11::integer[],
              $12::integer[], $13::bigint[], $14::bigint[], $15::bigint[], $16::boolean[], $17::boolean[], $18::text[], $19::boolean[],
              $20::boolean[])
    as g (counter, record_id, due_ms, reason, parent_type, parent_object_id, error_code, description, attempts, answer_status,
          duration_us, attempt, attempt_started, counted, agreed_unsettled, attempt_phase, ensure_parent, attempted), fence
), held as (
  update tandem.outbox o
  set request_state = 2, attempts = g.attempts,  -- capture's own error stays
      error_code = case when o.body is null and o.error_code = 'mapping' then o.error_code else g.error_code end,
      description = case when o.body is null and o.error_code = 'mapping' then o.description else g.description end,
      next_attempt_at = case when isfinite(g.due) then g.due end,
      answer_status = coalesce(nullif(g.answer_status, 0), o.answer_status),
      duration = case when g.duration_us > 0 then g.duration_us * interval '1 microsecond' else o.duration end,
      date_time_received = coalesce(o.date_time_received, g.moment - g.duration_us * interval '1 microsecond'), date_time_update = g.moment
  from given g
  where o.counter = g.counter and o.record_id = g.record_id and o.request_state in (1, 2)
  returning o.target, o.request_type, o.object_id, g.*  -- a join of the two would be a nested loop over both
), change as materialized (
  select * from held
), parked as (
  insert into tandem.parked as p (queue, counter, peer, request_type, object_id, attempted, due, reason, waits_for)
  select 'outbox', c.counter, c.target, c.request_type, c.object_id, c.attempted,
         case
           when exists (select from tandem.identity i
                        where i.target = c.target and i.request_type = c.parent_type and hashtextextended(i.object_id, 0) = hashtextextended(c.parent_object_id, 0)
                          and i.object_id = c.parent_object_id and i.state <> 'deleted' and i.state = 'paired') then c.moment
           -- What it waits for is over already: a source has confirmed it, a person has resumed the route or discarded the record in front.
           when c.reason = 'pause' and not exists (
             select from tandem.route r where r.target = c.target and r.request_type = c.request_type and r.paused) then c.moment
           when c.reason = 'confirmation' and exists (select from tandem.confirmation n where n.counter = c.counter) then c.moment
           when c.reason = 'lane' and (c.target, c.request_type, c.object_id) not in (
               select h.target, h.request_type, h.object_id from change h where h.reason <> 'lane' and h.object_id is not null)
             and not exists (
               select from tandem.parked h
               where hashtextextended(h.object_id, 0) = hashtextextended(c.object_id, 0) and h.object_id = c.object_id
                 and h.queue is not distinct from 'outbox' and h.peer is not distinct from c.target and h.request_type = c.request_type and h.reason <> 'lane' and h.counter <> c.counter)
             then c.moment
           else c.due
         end,
         c.reason, case when c.parent_type is not null then c.parent end
  from change c
  on conflict (queue, counter) do update
    set due = excluded.due, reason = excluded.reason, waits_for = excluded.waits_for,
        attempted = p.attempted or excluded.attempted,
        since = case when p.waits_for is not distinct from excluded.waits_for then p.since else clock_timestamp() end
), tried as (
  insert into tandem.attempt (queue, counter, attempt, epoch, started_at, duration, counted, error_code, answer_status, description)
  select 'outbox', c.counter, c.attempt, $2::bigint, timestamptz 'epoch' + c.attempt_started * interval '1 microsecond',
         case when c.attempt_phase <> 'opened' then c.duration_us * interval '1 microsecond' end, c.counted, c.error_code,
         nullif(c.answer_status, 0), c.description
  from change c
  where c.attempt is not null
    and not (c.attempt_phase = 'closed' and exists (
      select from tandem.attempt a
      where a.queue is not distinct from 'outbox' and a.counter = c.counter and a.attempt = c.attempt and a.epoch = $2::bigint and a.duration is null))
    and not exists (  -- written by a flush whose answer was cut off
      select from tandem.attempt a
      where a.queue is not distinct from 'outbox' and a.counter = c.counter
        and a.started_at = timestamptz 'epoch' + c.attempt_started * interval '1 microsecond')
), answered as (
  update tandem.attempt a
  set duration = c.duration_us * interval '1 microsecond', counted = c.counted, error_code = c.error_code,
      answer_status = nullif(c.answer_status, 0), description = c.description
  from change c
  where c.attempt_phase = 'closed' and a.queue is not distinct from 'outbox' and a.counter = c.counter and a.attempt = c.attempt and a.epoch = $2::bigint
    and a.duration is null
), parents as (
  insert into tandem.outbox (object_id, request_type, operation, target)
  select distinct c.parent_object_id, c.parent_type, 'snapshot', c.target
  from change c
  where c.ensure_parent and c.parent_object_id is not null
    and not exists (
      select from tandem.identity i
      where i.target = c.target and i.request_type = c.parent_type and hashtextextended(i.object_id, 0) = hashtextextended(c.parent_object_id, 0)
        and i.object_id = c.parent_object_id and i.state <> 'deleted')
    and not exists (
      select from tandem.outbox n
      where hashtextextended(n.object_id, 0) = hashtextextended(c.parent_object_id, 0) and n.object_id = c.parent_object_id
        and n.target = c.target and n.request_type = c.parent_type)
), unsettled as (
  insert into tandem.agreed as a (target, request_type, object_id, counter, unsettled)
  select distinct on (c.target, c.request_type, c.object_id) c.target, c.request_type, c.object_id, c.counter, true
  from change c where c.agreed_unsettled
  order by c.target, c.request_type, c.object_id, c.counter desc
  on conflict (target, request_type, hashtextextended(object_id, 0), hashtextextended(object_id, 1)) do update set unsettled = true, updated_at = clock_timestamp()
)
select pg_current_xact_id() as xid, (select count(*) from fence) as fenced, array(select counter from held) as counters
