-- $1 connector, $2 epoch, $3 counters. Records of changed keys: the identity and the agreed image move from the old key to the new.
select tandem.move_identities($1::text, $2::bigint, $3::bigint[])
