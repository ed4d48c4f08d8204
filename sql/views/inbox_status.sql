-- The same for changes that come in: see outbox_status.
create or replace view tandem.inbox_status as
select s.source,
       s.paused,
       waiting.created,
       waiting.received,
       coalesce(parked.count, 0) as parked,
       coalesce(failed.count, 0) as failed,
       coalesce(hour.applied, 0) as applied_last_hour,
       least(waiting.oldest, parked.oldest) as oldest_pending,
       waiting.looked_at = 100000 as capped,
       (select count(*) from (select from tandem.refused r where r.source = s.source limit 10000) as capped) as refused,
       s.position
from tandem.source s
cross join lateral (
  select count(*) filter (where w.source = s.source and w.request_state = 1) as created,
         count(*) filter (where w.source = s.source and w.request_state = 2) as received,
         min(w.date_time) filter (where w.source = s.source and w.request_state in (1, 2)) as oldest,
         count(*) as looked_at
  from (
    select i.source, i.request_state, i.date_time from tandem.inbox i where i.counter > tandem.floor('inbox', s.source) order by i.counter limit 100000
  ) as w
) as waiting
left join lateral (
  select count(*) as count, min(p.since) as oldest from tandem.parked p where p.queue = 'inbox' and p.peer = s.source
) as parked on true
left join lateral (
  select count(*) as count from tandem.failed f where f.queue = 'inbox' and f.peer = s.source
) as failed on true
left join lateral (
  select sum((m.counts ->> 'applied')::numeric) as applied from tandem.minute_stat m
  where m.queue = 'inbox' and m.peer = s.source and m.minute > now() - interval '1 hour'
) as hour on true;
