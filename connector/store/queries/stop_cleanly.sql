-- $1 connector, $2 epoch. No row: another connector has taken over.
update tandem.connector set clean_stop = true where name = $1::text and epoch = $2::bigint returning epoch
