-- $1 counters, $2 record ids, $3 xids, in one order; $4 target. What an attempt needs beside the window: row, live row, identity,
-- agreed image, in one snapshot. store/bodies.cpp puts a join of the live row for {live} and look-ups of other objects' identities
-- for {refs}, once for each route.
-- found: 0 pending, 1 settled, 2 gone, 3 ask again: its transaction still runs, a changed key waits for records of the old one, or a change
-- of the other side is about to be applied to the object.
with low as materialized (
  select coalesce((select s.counter from tandem.settled_through s where s.queue = 'outbox' and s.peer = $4::text), 0) as floor,
         array(select s.source from tandem.source s where s.definition ->> 'target' = $4::text and not s.paused) as sources
)
select case
         when o.request_state in (1, 2) then
           case when o.operation = 'rekey' and exists (
             select from tandem.outbox n
             where hashtextextended(n.object_id, 0) = hashtextextended(o.old_object_id, 0) and n.object_id = o.old_object_id
               and n.counter > low.floor and n.counter < o.counter and n.target = o.target and n.request_type = o.request_type
               and n.request_state in (1, 2)
             union all
             select from tandem.parked w
             where w.queue = 'outbox' and w.peer = o.target and hashtextextended(w.object_id, 0) = hashtextextended(o.old_object_id, 0)
               and w.object_id = o.old_object_id and w.request_type = o.request_type and w.counter < o.counter) then 3
             when o.request_state = 1 and low.sources <> '{}' and exists (
               select from tandem.inbox n
               where hashtextextended(n.object_id, 0) = hashtextextended(o.object_id, 0) and n.object_id = o.object_id
                 and n.request_type = o.request_type and n.request_state in (1, 2) and n.source = any (low.sources)
                 and not exists (select from tandem.parked p where p.queue = 'inbox' and p.counter = n.counter)) then 3
             else 0 end
         when o.counter is not null then 1
         when due.xid::text::xid8 >= pg_current_xact_id() then 2  -- the server has not got that far again
         when pg_xact_status(due.xid::text::xid8) = 'in progress' then 3
         else 2
       end as found,
       o.attempts, image.body::text as body, o.body is null and live.found is false as live_row_gone,
       coalesce(p.retried, false) and exists (
         select from tandem.outbox n
         where hashtextextended(n.object_id, 0) = hashtextextended(o.object_id, 0) and n.object_id = o.object_id
           and n.counter > o.counter and n.target = o.target and n.request_type = o.request_type
         union all
         select from tandem.outbox n
         where n.old_object_id is not null and hashtextextended(n.old_object_id, 0) = hashtextextended(o.object_id, 0)
           and n.old_object_id = o.object_id and n.counter > o.counter and n.target = o.target and n.request_type = o.request_type) as overtaken,
       o.body is null and exists (
         select from tandem.outbox n
         where hashtextextended(n.object_id, 0) = hashtextextended(o.object_id, 0) and n.object_id = o.object_id
           and n.counter > low.floor and n.counter <> o.counter and n.target = o.target and n.request_type = o.request_type
           and n.body is not null and n.request_state in (1, 2)) as image_pending,
       i.remote_id, i.state = 'pending' as identity_pending,
       a.image::text as agreed_image, a.unsettled as agreed_unsettled, live.error as live_error,
       exists (
         select from tandem.failed f
         where hashtextextended(f.object_id, 0) = hashtextextended(o.object_id, 0) and f.object_id = o.object_id and f.queue = 'outbox'
           and f.peer = o.target and f.request_type = o.request_type and f.counter < o.counter) as behind_failed,
       (select count(*) from tandem.attempt t
        where t.queue = 'outbox' and t.counter = o.counter and t.duration is null)::integer as unanswered,
       i.identity_id is null and o.operation = 'rekey' and o.request_state in (1, 2) and exists (
         select from tandem.identity old
         where old.target = o.target and old.request_type = o.request_type and md5(old.object_id) = md5(o.old_object_id)
           and old.object_id = o.old_object_id and old.state <> 'deleted') as moves{refs}
from unnest($1::bigint[], $2::uuid[], $3::bigint[]) with ordinality as due (counter, record_id, xid, place)
cross join low
left join tandem.outbox o on o.counter = due.counter and o.record_id = due.record_id
left join tandem.parked p on p.queue = 'outbox' and p.counter = o.counter
left join lateral {live} as live on true
left join lateral (select coalesce(o.body, live.image) as body offset 0) as image on true
left join tandem.identity i on i.target = o.target and i.request_type = o.request_type and md5(i.object_id) = md5(o.object_id)
  and i.object_id = o.object_id and i.state <> 'deleted'
left join tandem.agreed a on a.target = o.target and a.request_type = o.request_type and md5(a.object_id) = md5(o.object_id)
  and a.object_id = o.object_id
order by due.place
