-- $1 counters. Confirmations of records that the settlement in this transaction has read and used.
delete from tandem.confirmation c using tandem.outbox o
where c.counter = any ($1::bigint[]) and o.counter = c.counter and o.request_state in (3, 4)
