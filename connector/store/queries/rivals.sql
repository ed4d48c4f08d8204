-- $1 connector, $2 targets. Connectors of other names that have not ended cleanly and serve one of these targets.
select c.epoch, c.clean_stop, (extract(epoch from clock_timestamp() - a.alive_at) * 1000)::bigint as alive_ago_ms, a.host, a.pid,
       greatest((extract(epoch from c.quiet_until - clock_timestamp()) * 1000)::bigint, 0) as quiet_ms,
       c.name, (select string_agg(t, ', ' order by t) from unnest(c.targets) as t where t = any ($2::text[])) as shared
from tandem.connector c
left join tandem.connector_alive a on a.name = c.name
where c.name <> $1::text and c.targets && $2::text[] and not c.clean_stop
order by c.name
