-- $1 connector, $2 place from which its new slot streams.
update tandem.stream set through = $2::pg_lsn, commit_lsn = null, change_lsn = null, ordinal = null, updated_at = now(),
  system_id = (select system_identifier from pg_control_system())::text, timeline = (select timeline_id from pg_control_checkpoint())
where connector = $1::text
