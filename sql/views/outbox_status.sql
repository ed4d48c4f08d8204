-- Where each target's records stand. Reads the rows above the floor, at most 100,000 (`capped` says so), the parked and the failed ones, and
-- the statistics of the last hour; never what is settled for good.
create or replace view tandem.outbox_status as
select t.target,
       t.paused,
       waiting.created,
       waiting.received,
       coalesce(parked.count, 0) as parked,
       coalesce(failed.count, 0) as failed,
       coalesce(hour.delivered, 0) as delivered_last_hour,
       least(waiting.oldest, parked.oldest) as oldest_pending,
       waiting.looked_at = 100000 as capped
from tandem.target t
cross join lateral (
  select count(*) filter (where w.target = t.target and w.request_state = 1) as created,
         count(*) filter (where w.target = t.target and w.request_state = 2) as received,
         min(w.date_time) filter (where w.target = t.target and w.request_state in (1, 2)) as oldest,
         count(*) as looked_at
  from (
    select o.target, o.request_state, o.date_time from tandem.outbox o where o.counter > tandem.floor('outbox', t.target) order by o.counter limit 100000
  ) as w
) as waiting
left join lateral (
  select count(*) as count, min(p.since) as oldest from tandem.parked p where p.queue = 'outbox' and p.peer = t.target
) as parked on true
left join lateral (
  select count(*) as count from tandem.failed f where f.queue = 'outbox' and f.peer = t.target
) as failed on true
left join lateral (
  select sum((m.counts ->> 'delivered')::numeric) as delivered from tandem.minute_stat m
  where m.queue = 'outbox' and m.peer = t.target and m.minute > now() - interval '1 hour'
) as hour on true;
