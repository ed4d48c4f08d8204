-- $1 counters of records that have just been settled: the rows of their objects are to be told.
insert into tandem.write_back (target, request_type, object_id)
select distinct o.target, o.request_type, o.object_id from tandem.outbox o where o.counter = any ($1::bigint[]) and o.request_state in (3, 4)
