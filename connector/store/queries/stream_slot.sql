-- $1 slot, $2 application name of our sessions. What the server says about the stream's slot; no row: there is none.
select s.plugin, s.database is distinct from current_database(), s.active, coalesce(a.application_name = $2::text, false),
       coalesce(s.wal_status = 'lost', false), coalesce(s.confirmed_flush_lsn::text, '0/0'),
       coalesce(pg_wal_lsn_diff(pg_current_wal_lsn(), s.restart_lsn), 0)::bigint
from pg_replication_slots s
left join pg_stat_activity a on a.pid = s.active_pid
where s.slot_name = $1::text
