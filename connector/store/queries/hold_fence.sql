-- $1 connector, $2 epoch. Fails with TD002 where another connector has taken over.
select tandem.hold_fence($1::text, $2::bigint)
