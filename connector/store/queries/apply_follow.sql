-- $1 target, then in one order: $2 request types, $3 object_ids: the rows as they are go to them.
insert into tandem.outbox (object_id, request_type, operation, target)
select g.object_id, g.request_type, 'update', $1::text from unnest($2::text[], $3::text[]) as g (request_type, object_id)
