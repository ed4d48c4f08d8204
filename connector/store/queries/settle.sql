-- $1 connector, $2 epoch, then one array each, by counter: $3 counters, $4 record ids, $5 request_state, $6 outcome, $7 error_code,
-- $8 description, $9 need_retry, $10 attempts, $11 answer_status, $12 duration µs, $13 attempt (null: no attempt row), $14 its start (µs
-- since 1970), $15 counted, $16 identity (pending, paired, removed, replaced: paired, and
-- the one at the old key removed), $17 remote_id, $18 version, $19 agreed (image, unsettled, removed),
-- $20 agreed image, $21 follow with a `latest` record, $22 attempt phase (whole, opened, closed), $23 supersedes failed ones,
-- $24 the bodies of calls that follow (a JSON array).
-- Outcomes, and notes about records that are held (state 2). A counter missing from the answer was not settled.
with fence as materialized (
  select clock_timestamp() as moment from tandem.connector where name = $1::text and epoch = $2::bigint for key share
), given as materialized (
  select g.*, fence.moment
  from unnest($3::bigint[], $4::uuid[], $5::smallint[], $6::text[], $7::text[], $8::text[], $9::boolean[], $10::integer[],
              $11::integer[], $12::bigint[], $13::bigint[], $14::bigint[], $15::boolean[], $16::text[], $17::text[], $18::text[],
              $19::text[], $20::text[], $21::boolean[], $22::text[], $23::boolean[], $24::text[])
    as g (counter, record_id, request_state, outcome, error_code, description, need_retry, attempts, answer_status, duration_us, attempt,
          attempt_started, counted, identity, remote_id, version, agreed, agreed_image, follow, attempt_phase, supersedes, calls), fence
), settled as (
  update tandem.outbox o
  set request_state = g.request_state, outcome = g.outcome,
      error_code = case when g.request_state = 2 and o.body is null and o.error_code = 'mapping' then o.error_code else g.error_code end,
      description = case when g.request_state = 2 and o.body is null and o.error_code = 'mapping' then o.description else g.description end,
      need_retry = case when g.request_state = 4 then g.need_retry end, attempts = g.attempts, next_attempt_at = null,
      answer_status = coalesce(nullif(g.answer_status, 0), o.answer_status),
      duration = case when g.duration_us > 0 then g.duration_us * interval '1 microsecond' else o.duration end,
      date_time_received = coalesce(o.date_time_received, g.moment - g.duration_us * interval '1 microsecond'), date_time_update = g.moment
  from given g
  where o.counter = g.counter and o.record_id = g.record_id and o.request_state in (1, 2)
  returning o.target, o.request_type, o.object_id, o.old_object_id, g.*  -- a join of the two would be a nested loop over both
), change as materialized (
  select * from settled
), unparked as (
  delete from tandem.parked p using change c
  where (select exists (select from tandem.parked)) and p.queue is not distinct from 'outbox' and p.counter = c.counter and c.request_state in (3, 4)
), failed as (
  insert into tandem.failed as f (queue, counter, peer, request_type, object_id, outcome, error_code, fingerprint, failed_at)
  select 'outbox', c.counter, c.target, c.request_type, c.object_id, c.outcome, c.error_code,
         left(regexp_replace(c.description, '[0-9a-f]{8}-[0-9a-f-]{27}|"[^"]*"|[0-9]+', '#', 'gi'), 200), c.moment
  from change c where c.request_state = 4
  on conflict (queue, counter) do update
    set outcome = excluded.outcome, error_code = excluded.error_code, fingerprint = excluded.fingerprint, failed_at = excluded.failed_at
), overtaken as materialized (
  select f.counter
  from change c
  join tandem.failed f on hashtextextended(f.object_id, 0) = hashtextextended(c.object_id, 0) and f.object_id = c.object_id
    and f.queue is not distinct from 'outbox' and f.peer is not distinct from c.target
    and f.request_type is not distinct from c.request_type and f.counter < c.counter  -- as in `woken`
  where c.supersedes and c.request_state = 3
), superseded as (
  update tandem.outbox o
  set request_state = 3, outcome = 'superseded', need_retry = null, date_time_update = clock_timestamp()
  from overtaken v where o.counter = v.counter and o.request_state = 4 and o.operation <> 'call'  -- a later change does not make it
  returning o.counter
), unlisted as (  -- after its record, as retry() and discard() lock them: nobody deadlocks, and what a person has just sent back stays
  delete from tandem.failed f using superseded v where f.queue is not distinct from 'outbox' and f.counter = v.counter
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
), followed as (
  insert into tandem.outbox (object_id, request_type, operation, target)
  select c.object_id, c.request_type, 'update', c.target from change c where c.follow
), called as (  -- once: only what has just been settled has a row here
  insert into tandem.outbox (object_id, request_type, operation, target, body)
  select c.object_id, c.request_type, 'call', c.target, e.body || jsonb_build_object('caused_by', c.record_id)
  from change c cross join lateral jsonb_array_elements(c.calls::jsonb) with ordinality as e (body, place)
  where c.calls is not null
  order by c.counter, e.place
), told as materialized (  -- what an answer has taught stands, even where a person has discarded its record meanwhile
  select * from change
  union all
  select o.target, o.request_type, o.object_id, o.old_object_id, g.*
  from given g join tandem.outbox o on o.counter = g.counter and o.record_id = g.record_id
  where (g.identity is not null or g.agreed is not null) and o.request_state = 3 and o.outcome = 'discarded'
), pair as materialized (
  select distinct on (c.target, c.request_type, c.object_id) c.target, c.request_type, c.object_id, c.old_object_id,
         c.identity, c.remote_id, c.version
  from told c where c.identity is not null
  order by c.target, c.request_type, c.object_id, c.counter desc
), unpaired as (
  update tandem.identity i set state = 'deleted', version = null, updated_at = clock_timestamp() from pair  -- by our word
  where pair.identity in ('removed', 'replaced') and i.target = pair.target and i.request_type = pair.request_type
    and hashtextextended(i.object_id, 0) = hashtextextended(case when pair.identity = 'removed' then pair.object_id else pair.old_object_id end, 0)
    and i.object_id = case when pair.identity = 'removed' then pair.object_id else pair.old_object_id end and i.state <> 'deleted'
), paired as (
  insert into tandem.identity as i (target, request_type, object_id, remote_id, state, version)
  select pair.target, pair.request_type, pair.object_id, pair.remote_id,
         case when pair.identity = 'replaced' then 'paired' else pair.identity end, pair.version
  from pair where pair.identity <> 'removed'
  on conflict (target, request_type, hashtextextended(object_id, 0), hashtextextended(object_id, 1)) where state <> 'deleted' do update
    set remote_id = coalesce(excluded.remote_id, i.remote_id), version = coalesce(excluded.version, i.version),
        state = case when i.state = 'paired' then i.state else excluded.state end, updated_at = clock_timestamp()
  returning i.target, i.request_type, i.object_id, i.state
), known as materialized (
  select distinct on (c.target, c.request_type, c.object_id) c.target, c.request_type, c.object_id, c.agreed, c.agreed_image, c.counter,
         c.version
  from told c where c.agreed is not null
  order by c.target, c.request_type, c.object_id, c.counter desc
), forgotten as (
  delete from tandem.agreed a using known
  where known.agreed = 'removed' and a.target = known.target and a.request_type = known.request_type and hashtextextended(a.object_id, 0) = hashtextextended(known.object_id, 0)
    and a.object_id = known.object_id
), agreed as (
  insert into tandem.agreed as a (target, request_type, object_id, image, counter, version, unsettled)
  select known.target, known.request_type, known.object_id, known.agreed_image::json, known.counter, known.version,
         known.agreed = 'unsettled'
  from known where known.agreed <> 'removed'
  on conflict (target, request_type, hashtextextended(object_id, 0), hashtextextended(object_id, 1)) do update
    set image = case when excluded.unsettled then a.image else excluded.image end, unsettled = excluded.unsettled,
        counter = excluded.counter, updated_at = clock_timestamp()  -- version: the last of theirs that was applied here
), woken as (  -- `is not distinct from` leaves the planner one index, that of waits_for: by any other, all that is parked is read for each pair
  update tandem.parked p set due = clock_timestamp() from paired
  where p.queue is not distinct from 'outbox' and p.peer is not distinct from paired.target and paired.state = 'paired'
    and (p.due > clock_timestamp()) is true
    and hashtextextended(p.waits_for, 0) = hashtextextended(jsonb_build_array(paired.request_type, paired.object_id)::text, 0)
    and p.waits_for = jsonb_build_array(paired.request_type, paired.object_id)::text
  returning p.peer
)
select pg_current_xact_id() as xid, (select count(*) from fence) as fenced, array(select counter from settled) as counters,
       array(select distinct peer from woken) as woken
