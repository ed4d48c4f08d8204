-- $1 transaction whose effects must be visible (0: none). Does another session's log wait for being flushed?
select $1::text = '0' or pg_visible_in_snapshot($1::text::xid8, pg_current_snapshot()),
       pg_current_wal_insert_lsn() > pg_current_wal_flush_lsn()
