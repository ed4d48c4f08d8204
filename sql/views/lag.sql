-- How far each target is behind: in counters and, by the first record that waits, in time. Looks at no more than 10,000 rows above the floor.
create or replace view tandem.lag as
select t.target,
       tandem.floor('outbox', t.target) as floor,
       newest.counter as newest,
       greatest(newest.counter - tandem.floor('outbox', t.target), 0) as counters_behind,
       now() - least(oldest.date_time, parked.since) as behind,
       parked.since as parked_since,
       parked.next_due
from tandem.target t
left join lateral (select o.counter from tandem.outbox o order by o.counter desc limit 1) as newest on true
left join lateral (
  select w.date_time
  from (
    select o.counter, o.date_time, o.target, o.request_state
    from tandem.outbox o where o.counter > tandem.floor('outbox', t.target) order by o.counter limit 10000
  ) as w
  where w.target = t.target and w.request_state in (1, 2)
  order by w.counter limit 1
) as oldest on true
left join lateral (
  select min(p.since) as since, min(p.due) as next_due from tandem.parked p where p.queue = 'outbox' and p.peer = t.target
) as parked on true;
