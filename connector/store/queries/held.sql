-- $1 counters. Records that somebody else holds locked: a person's open transaction, another connector's flush.
with free as materialized (
  select o.counter from tandem.outbox o where o.counter = any ($1::bigint[]) for no key update skip locked
)
select o.counter from tandem.outbox o
where o.counter = any ($1::bigint[]) and not exists (select from free f where f.counter = o.counter)
