-- $1 connector, $2 epoch, $3 targets, $4 counters, $5 and $6 pid and start (µs since 1970) of the session that has read for them. A floor
-- never falls. One whose reader has ended is passed over: what it promises may have been lost with the server's last commits.
with fence as materialized (
  select from tandem.connector where name = $1::text and epoch = $2::bigint for key share
), written as (
  insert into tandem.settled_through as s (queue, peer, counter)
  select 'outbox', given.target, given.counter
  from unnest($3::text[], $4::bigint[], $5::bigint[], $6::bigint[]) as given (target, counter, pid, since), fence
  where exists (
    select from pg_stat_get_activity(given.pid::integer) a
    where a.pid = given.pid and (extract(epoch from a.backend_start) * 1000000)::bigint = given.since)
  on conflict (queue, peer) do update set counter = excluded.counter, updated_at = clock_timestamp() where s.counter < excluded.counter
  returning s.peer
)
select pg_current_xact_id() as xid, (select count(*) from fence) as fenced, (select count(*) from written) as written
