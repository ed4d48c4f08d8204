-- $1 counters, $2 record ids, $3 xids, in one order; $4 target, $5 it addresses
-- objects by our key. What an attempt needs beside the window: row, live row, identity,
-- agreed image, in one snapshot. store/bodies.cpp puts a join of the live row for {live} and look-ups of other objects' identities
-- for {refs}, once for each route; {confirmation} reads what a source has said of the record; {gone} asks whether no row has the old key of a rekey.
-- found: 0 pending, 1 settled, 2 gone, 3 ask again: its transaction still runs, or a change of the
-- other side is about to be applied to the object, 4 it waits: for a changed key that has to leave
-- its key first, or, itself one, as tandem.rekey_turn says.
with low as materialized (
  select coalesce((select s.counter from tandem.settled_through s where s.queue = 'outbox' and s.peer = $4::text), 0) as floor,
         array(select s.source from tandem.source s where s.definition ->> 'target' = $4::text and not s.paused) as sources
)
select case
         when o.request_state in (1, 2) then
           case when turn.word = 'wait' or exists (
             select from tandem.outbox r
             where r.old_object_id is not null and hashtextextended(r.old_object_id, 0) = hashtextextended(o.object_id, 0)
               and r.old_object_id = o.object_id and r.counter < o.counter and r.target = o.target and r.request_type = o.request_type
               and r.request_state in (1, 2)) then 4
             when o.request_state = 1 and low.sources <> '{}' and exists (
               select from tandem.inbox n
               where n.object_hash = hashtextextended(o.object_id, 0) and n.object_id = o.object_id
                 and n.request_type = o.request_type and n.request_state in (1, 2) and n.source = any (low.sources)
                 and not exists (
                   select from tandem.parked p
                   where p.queue is not distinct from 'inbox' and p.counter = n.counter and p.reason <> 'log'   -- that is merged with what the log brings
                     and (n.error_code is distinct from 'lock' or n.date_time < statement_timestamp() - interval '2 seconds'))) then 3
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
           and n.counter > o.counter and n.target = o.target and n.request_type = o.request_type and n.operation <> 'call'
         union all
         select from tandem.outbox n
         where n.old_object_id is not null and hashtextextended(n.old_object_id, 0) = hashtextextended(o.object_id, 0)
           and n.old_object_id = o.object_id and n.counter > o.counter and n.target = o.target and n.request_type = o.request_type) as overtaken,
       o.body is null and exists (
         select from tandem.outbox n
         where hashtextextended(n.object_id, 0) = hashtextextended(o.object_id, 0) and n.object_id = o.object_id
           and n.counter > low.floor and n.counter <> o.counter and n.target = o.target and n.request_type = o.request_type
           and n.body is not null and n.request_state in (1, 2) and n.operation <> 'call') as image_pending,
       i.remote_id, i.state = 'pending' as identity_pending,
       a.image::text as agreed_image, a.unsettled as agreed_unsettled, live.error as live_error,
       exists (
         select from tandem.failed f
         where hashtextextended(f.object_id, 0) = hashtextextended(o.object_id, 0) and f.object_id = o.object_id
           and f.queue is not distinct from 'outbox' and f.peer is not distinct from o.target
           and f.request_type is not distinct from o.request_type and f.counter < o.counter) as behind_failed,
       (select count(*) from tandem.attempt t
        where t.queue is not distinct from 'outbox' and t.counter = o.counter and t.duration is null)::integer as unanswered,
       turn.word as turn, former.object_id as old_object_id, former.remote_id as old_remote_id,
       turn.word is not distinct from 'go' and $5::boolean and {gone} and not exists (  -- false, not null: and then asks no further
         select from tandem.outbox n
         where hashtextextended(n.object_id, 0) = hashtextextended(o.old_object_id, 0) and n.object_id = o.old_object_id
           and n.counter > o.counter and n.target = o.target and n.request_type = o.request_type
           and n.changed is distinct from '{}') as old_key_is_free,  -- rows that have belonged to the object do not make it one
       o.body is null as latest, {confirmation} as confirmation{refs}
from unnest($1::bigint[], $2::uuid[], $3::bigint[]) with ordinality as due (counter, record_id, xid, place)
cross join low
left join tandem.outbox o on o.counter = due.counter and o.record_id = due.record_id
left join tandem.parked p on p.queue is not distinct from 'outbox' and p.counter = o.counter
left join lateral {live} as live on true
left join lateral (select coalesce(o.body, live.image) as body offset 0) as image on true
left join tandem.identity i on i.target = o.target and i.request_type = o.request_type and hashtextextended(i.object_id, 0) = hashtextextended(o.object_id, 0)
  and i.object_id = o.object_id and i.state <> 'deleted'
left join tandem.agreed a on a.target = o.target and a.request_type = o.request_type and hashtextextended(a.object_id, 0) = hashtextextended(o.object_id, 0)
  and a.object_id = o.object_id
left join lateral (
  select case when o.operation = 'rekey' and o.request_state in (1, 2) then tandem.rekey_turn(o.counter, low.floor, $5::boolean) end as word
  offset 0) as turn on true
left join lateral (
  select o.old_object_id as object_id, (
    select i.remote_id from tandem.identity i
    where i.target = o.target and i.request_type = o.request_type and hashtextextended(i.object_id, 0) = hashtextextended(o.old_object_id, 0)
      and i.object_id = o.old_object_id and i.state <> 'deleted') as remote_id
  where o.operation = 'rekey') as former on true
order by due.place
