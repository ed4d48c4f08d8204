-- $1 connector, $2 through, $3 commit, $4 change, $5 ordinal: of the transaction behind it, 0/0 where none is captured in part.
update tandem.stream
set through = $2::pg_lsn, commit_lsn = nullif($3::pg_lsn, '0/0'), change_lsn = nullif($4::pg_lsn, '0/0'), ordinal = $5::integer, updated_at = now()
where connector = $1::text
