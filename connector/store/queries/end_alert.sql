-- $1 connector. Reading works again.
update tandem.alert a set recovered_at = clock_timestamp() where a.kind = 'reading' and a.subject = $1::text and a.recovered_at is null
