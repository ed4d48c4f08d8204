-- $1 connector. Who ran before us, how long ago it said that it lives, and for how long it still waited itself.
select c.epoch, c.clean_stop, (extract(epoch from clock_timestamp() - a.alive_at) * 1000)::bigint as alive_ago_ms, a.host, a.pid,
       greatest((extract(epoch from c.quiet_until - clock_timestamp()) * 1000)::bigint, 0) as quiet_ms
from tandem.connector c
left join tandem.connector_alive a on a.name = c.name
where c.name = $1::text
