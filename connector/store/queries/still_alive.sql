-- $1 connector, $2 epoch, $3 host, $4 pid. No row: another connector has taken over.
insert into tandem.connector_alive as a (name, epoch, alive_at, host, pid)
select c.name, c.epoch, clock_timestamp(), $3::text, $4::integer from tandem.connector c where c.name = $1::text and c.epoch = $2::bigint
on conflict (name) do update set epoch = excluded.epoch, alive_at = excluded.alive_at, host = excluded.host, pid = excluded.pid
  where a.epoch <= excluded.epoch
returning a.epoch
