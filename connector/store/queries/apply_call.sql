-- $1 target, $2 counters of inbox records that this transaction has looked at, then one array each: $3 request_type, $4 operation, $5 body of the calls
-- that follow an applied change. It runs in the transaction that settles the records, behind that, so once for each.
-- A change that has made the pair is a create, whatever the notice called it: pairs have the time of their transaction.
with applied as materialized (
  select i.counter, i.record_id, i.request_type, i.object_id,
         case
           when i.operation = 'delete' then 'delete'
           when exists (
             select from tandem.identity p
             where p.target = $1::text and p.request_type = i.request_type and md5(p.object_id) = md5(i.object_id) and p.object_id = i.object_id
               and p.state = 'paired' and p.created_at = now()) then 'create'
           else 'update'
         end as operation
  from tandem.inbox i where i.counter = any ($2::bigint[]) and i.request_state = 3 and i.outcome = 'applied'
)
insert into tandem.outbox (object_id, request_type, operation, target, body)
select a.object_id, a.request_type, 'call', $1::text, c.body::jsonb || jsonb_build_object('caused_by', a.record_id)
from applied a
join unnest($3::text[], $4::text[], $5::text[]) with ordinality as c (request_type, operation, body, place)
  on c.request_type = a.request_type and c.operation = a.operation
where a.object_id is not null
order by a.counter, c.place
