-- $1 counters, $2 record ids, $3 xids, in one order. Why a write about these records found no pending row:
-- pending: it is there after all; settled; running: the transaction that wrote it has not ended for us; lost.
select case
    when o.request_state in (1, 2) then 'pending'
    when o.counter is not null then 'settled'
    when given.xid::text::xid8 >= pg_current_xact_id() then 'lost'  -- the server has not got that far again
    when pg_xact_status(given.xid::text::xid8) = 'in progress' then 'running'
    else 'lost'
  end as verdict
from unnest($1::bigint[], $2::uuid[], $3::bigint[]) with ordinality as given (counter, record_id, xid, place)
left join tandem.outbox o on o.counter = given.counter and o.record_id = given.record_id
order by given.place
