-- $1 connector, $2 epoch that we have seen (0: no row), $3 version, $4 host, $5 pid, $6 targets, $7 milliseconds to be quiet, $8 and $9 names and
-- epochs of the rivals that we have seen dead. No row: another was quicker. Runs behind lock_connectors and lock_connector. Raising a rival's epoch
-- fences it, should it wake.
with rivals as (
  select c.name, c.epoch from tandem.connector c where c.name <> $1::text and c.targets && $6::text[] and not c.clean_stop
), ours as (
  insert into tandem.connector as c (name, epoch, clean_stop, version, started_at, targets, quiet_until)
  select $1::text, 1, false, $3::text, clock_timestamp(), $6::text[], clock_timestamp() + $7::bigint * interval '1 millisecond'
  where not exists (
    select from rivals r where (r.name, r.epoch) not in (select k.name, k.epoch from unnest($8::text[], $9::bigint[]) as k (name, epoch)))
  on conflict (name) do update set epoch = c.epoch + 1, clean_stop = false, version = excluded.version, started_at = excluded.started_at,
      targets = excluded.targets, quiet_until = excluded.quiet_until
    where c.epoch = $2::bigint
  returning c.name, c.epoch
), fenced as (
  update tandem.connector as c
  set epoch = c.epoch + 1, targets = array(select t from unnest(c.targets) as t where t <> all ($6::text[]))
  from rivals r, ours
  where c.name = r.name
), alive as (
  insert into tandem.connector_alive (name, epoch, alive_at, host, pid)
  select o.name, o.epoch, clock_timestamp(), $4::text, $5::integer from ours o
  on conflict (name) do update set epoch = excluded.epoch, alive_at = excluded.alive_at, host = excluded.host, pid = excluded.pid
)
select epoch from ours
