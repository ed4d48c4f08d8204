-- $1 target, what this transaction has applied: $2 counters of inbox records, $3 what each was; then one array each: $4 request_type, $5 operation,
-- $6 body of the calls that follow. It runs in the transaction that settles the records, behind that, so once for each.
insert into tandem.outbox (object_id, request_type, operation, target, body)
select i.object_id, i.request_type, 'call', $1::text, c.body::jsonb || jsonb_build_object('caused_by', i.record_id)
from unnest($2::bigint[], $3::text[]) as a (counter, operation)
join tandem.inbox i on i.counter = a.counter
join unnest($4::text[], $5::text[], $6::text[]) with ordinality as c (request_type, operation, body, place)
  on c.request_type = i.request_type and c.operation = a.operation
where i.object_id is not null
order by a.counter, c.place
