-- $1 connector, $2 number of the batch before that is in flight or null; through, commit, change and ordinal (0/0 and 0 where no transaction is captured in
-- part): $3 to $6 where that leaves the stream, $7 to $10 where this one does.
select tandem.move_stream($1::text, $2::bigint, array[$3::pg_lsn, $4::pg_lsn, $5::pg_lsn], array[$7::pg_lsn, $8::pg_lsn, $9::pg_lsn], $6::integer, $10::integer)
