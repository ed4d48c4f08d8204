-- $1 connector. Forgets a stream that no watch needs; no row: one does.
delete from tandem.stream s where s.connector = $1::text and not exists (select from tandem.stream_watch w where w.connector = s.connector)
returning s.slot
