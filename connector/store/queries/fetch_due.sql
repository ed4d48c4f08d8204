-- $1 sources, $2 most objects. Objects of which only the id is known, each with its pending records that are due among the oldest 2,000, oldest first.
with oldest as materialized (
  select i.* from tandem.parked p join tandem.inbox i on i.counter = p.counter
  where p.queue = 'inbox' and p.peer = any ($1::text[]) and p.due = 'infinity' and p.reason = 'fetch' and i.request_state in (1, 2)
    and (i.next_attempt_at is null or i.next_attempt_at <= clock_timestamp())
    and not exists (select from tandem.source s where s.source = i.source and s.paused)
  order by p.counter limit 2000
)
select i.source, i.request_type, i.remote_id, i.object_id, array_agg(i.counter order by i.counter) as counters,
       array_agg(i.record_id::text order by i.counter) as record_ids, max(i.attempts) as attempts,
       (extract(epoch from clock_timestamp() - min(i.date_time)) * 1000)::bigint as age_ms
from oldest i
group by i.source, i.request_type, i.remote_id, i.object_id
order by min(i.counter) limit $2::bigint
