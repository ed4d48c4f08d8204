-- The newest state of an object at a target, for showing inside the CRM. Ask for object_hash as well, which the index knows:
--   left join tandem.object_sync s on s.object_hash = hashtextextended(o.id::text, 0) and s.object_id = o.id::text and s.request_type = '…'
-- Without it every record is read; tandem.object_status() asks for one object.
create or replace view tandem.object_sync as
select hashtextextended(o.object_id, 0) as object_hash,
       o.object_id, o.request_type, o.target,
       o.request_state = 3 as in_sync,
       o.request_state, o.outcome, o.error_code, o.description, o.operation, o.record_id, o.counter, o.attempts, o.next_attempt_at,
       o.date_time, o.date_time_update
from tandem.outbox o
where not exists (
  select from tandem.outbox n
  where hashtextextended(n.object_id, 0) = hashtextextended(o.object_id, 0) and n.object_id = o.object_id
    and n.counter > o.counter and n.target = o.target and n.request_type = o.request_type);
