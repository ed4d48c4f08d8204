-- $1 target, $2 request_type, $3 object_id: the row as it is goes to them.
insert into tandem.outbox (object_id, request_type, operation, target) values ($3::text, $2::text, 'update', $1::text)
