-- Retention, one bounded step: looks at the oldest `most` records of a queue and deletes those that are settled for longer than allowed and lie
-- at or below the floor of their target or source; nothing above any floor is looked at. `after` goes on where the last step ended, past rows
-- that must stay; it starts from 0 again when the step answers null. Answers the counter that it has looked through to.
create or replace function tandem.remove_settled(queue text, most integer default 1000, after bigint default 0, keep_done interval default '30 days',
  keep_failed interval default '90 days', out removed integer, out looked_through bigint)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
  counters bigint[];
begin
  if remove_settled.queue not in ('outbox', 'inbox') then
    raise exception 'there is no queue %', queue using errcode = 'invalid_parameter_value';
  end if;
  -- The youngest row that is looked at bounds the step, so that recent rows are never read.
  execute format($q$
    with looked as materialized (
      select q.counter, q.%2$I as peer, q.request_state, coalesce(q.date_time_update, q.date_time) as at
      from tandem.%1$I q where q.counter > $1 and q.counter <= (select max(s.counter) from tandem.settled_through s where s.queue = %1$L)
      order by q.counter limit $2
    ), gone as (
      delete from tandem.%1$I q using looked l, tandem.settled_through s
      where q.counter = l.counter and s.queue = %1$L and s.peer = l.peer and l.counter <= s.counter
        and q.request_state in (3, 4) and l.at < now() - case q.request_state when 3 then $3 else $4 end
        and not exists (select from tandem.parked p where p.queue = %1$L and p.counter = l.counter)
        -- A failed record that is sent again must find the newer ones of its object, or it would take their place.
        and not exists (
          select from tandem.failed f
          where f.queue is not distinct from %1$L and f.peer is not distinct from l.peer and hashtextextended(f.object_id, 0) = hashtextextended(q.object_id, 0)
            and f.object_id = q.object_id and f.request_type = q.request_type and f.counter < q.counter)
        and not exists (
          select from tandem.parked p
          where p.queue is not distinct from %1$L and p.peer is not distinct from l.peer and hashtextextended(p.object_id, 0) = hashtextextended(q.object_id, 0)
            and p.object_id = q.object_id and p.request_type = q.request_type and p.counter < q.counter)
      returning q.counter
    )
    select array(select counter from gone), (select case when count(*) = $2 and min(at) < now() - least($3, $4) then max(counter) end from looked)$q$,
    queue, case queue when 'outbox' then 'target' else 'source' end)
    into counters, looked_through using after, most, keep_done, keep_failed;
  delete from tandem.failed f where f.queue = remove_settled.queue and f.counter = any (counters);
  delete from tandem.attempt a where a.queue = remove_settled.queue and a.counter = any (counters);
  removed := cardinality(counters);
end
$$;

-- Rows of tables that only grow, oldest first, a bounded number each. Answers how many went.
create or replace function tandem.remove_old(most integer default 1000, keep_attempts interval default '14 days', keep_statistics interval default '90 days',
  keep_audit interval default '365 days') returns integer
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
  removed integer := 0;
  n integer;
begin
  delete from tandem.attempt where attempt_id in (
    select attempt_id from (select attempt_id, started_at from tandem.attempt order by attempt_id limit most) as oldest where started_at < now() - keep_attempts);
  get diagnostics n = row_count;
  removed := removed + n;
  delete from tandem.refused where refused_id in (
    select refused_id from (select refused_id, last_at from tandem.refused order by refused_id limit most) as oldest where last_at < now() - keep_statistics);
  get diagnostics n = row_count;
  removed := removed + n;
  delete from tandem.confirmation where counter in (
    select counter from (select counter, arrived_at from tandem.confirmation order by counter limit most) as oldest where arrived_at < now() - keep_attempts);
  get diagnostics n = row_count;
  removed := removed + n;
  -- Of targets that nobody serves any more.
  delete from tandem.write_back where write_back_id in (
    select write_back_id from (select write_back_id, due from tandem.write_back order by write_back_id limit most) as oldest where due < now() - keep_attempts);
  get diagnostics n = row_count;
  removed := removed + n;
  delete from tandem.minute_stat s using (
    select queue, peer, minute from tandem.minute_stat where minute < now() - keep_statistics limit most) as oldest
    where (s.queue, s.peer, s.minute) = (oldest.queue, oldest.peer, oldest.minute);
  get diagnostics n = row_count;
  removed := removed + n;
  delete from tandem.audit where audit_id in (
    select audit_id from (select audit_id, at from tandem.audit order by audit_id limit most) as oldest where at < now() - keep_audit);
  get diagnostics n = row_count;
  removed := removed + n;
  -- Of watches that neither a stream nor a poll captures any more.
  delete from tandem.captured where ctid = any (array(
    select c.ctid from tandem.watch w join tandem.captured c on c.watch = w.watch
    where not exists (select from tandem.stream_watch s where s.watch = w.watch) and not exists (select from tandem.poll_watch p where p.watch = w.watch)
    limit most));
  get diagnostics n = row_count;
  return removed + n;
end
$$;
