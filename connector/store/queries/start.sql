-- $1 connector, $2 epoch. What a start must know of the database; no row: another connector has taken over.
-- drawn is the last counter that the sequence has given away. Whatever it says now, no counter up to it can be new later.
select (select case when is_called then last_value else 0 end from tandem.outbox_counter_seq) as drawn,
       coalesce((select max(counter) from tandem.outbox), 0) as highest,
       (select system_identifier from pg_control_system())::text as system_id,
       (select timeline_id from pg_control_checkpoint())::integer as timeline,
       c.system_id as known_system_id, c.timeline as known_timeline,
       reader.pid as reader, (extract(epoch from reader.backend_start) * 1000000)::bigint as reader_since
from tandem.connector c, pg_stat_get_activity(pg_backend_pid()) as reader
where c.name = $1::text and c.epoch = $2::bigint
