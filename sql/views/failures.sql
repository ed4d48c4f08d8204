-- Failed records, grouped by what went wrong; reads the list of failed records only. One of each group is named, for tandem.trace().
create or replace view tandem.failures as
select g.queue, g.peer, g.request_type, g.outcome, g.error_code, g.records, g.objects, g.first_failed, g.last_failed,
       coalesce(o.description, i.description) as example,
       coalesce(o.record_id, i.record_id) as example_record_id,
       coalesce(o.object_id, i.object_id) as example_object_id,
       coalesce(o.need_retry, i.need_retry) as need_retry
from (
  select f.queue, f.peer, f.request_type, f.outcome, f.error_code, f.fingerprint, count(*) as records, count(distinct f.object_id) as objects,
         min(f.failed_at) as first_failed, max(f.failed_at) as last_failed, max(f.counter) as example_counter
  from tandem.failed f
  group by f.queue, f.peer, f.request_type, f.outcome, f.error_code, f.fingerprint
) as g
left join tandem.outbox o on g.queue = 'outbox' and o.counter = g.example_counter
left join tandem.inbox i on g.queue = 'inbox' and i.counter = g.example_counter;
