-- $1 targets by index (null: not asked for), $2 after, $3 most rows, $4 and $5 gaps (first, last), $6 through, $7 most bytes of a body,
-- $8 the only target whose rows are looked at (null: all rows are).
-- A longer one is neither printed nor fetched: its stored size decides, and of what is stored compressed an eighth may stand for the whole.
-- One statement, hence one snapshot: the first $3 rows by counter of the gaps and of ($2, $6], each with what it holds if it is a
-- pending, unparked record of a target asked for. The header row, with the snapshot's xmin, comes first. `offset 0` keeps a body from being
-- printed twice or for nothing, and the parked rows from being hashed as a whole.
with late as (
  select o.* from unnest($4::bigint[], $5::bigint[]) as gap (first, last)
  cross join lateral (
    select l.counter, l.xid, l.record_id, l.object_id, l.request_type, l.operation, l.target, l.request_state, l.error_code, l.attempts,
           l.date_time, l.body, l.description, l.trace_context
    from tandem.outbox l
    where l.counter between gap.first and gap.last and ($8::text is null or l.target = $8::text)
    order by l.counter limit $3::bigint
  ) o
), fresh as (
  select f.counter, f.xid, f.record_id, f.object_id, f.request_type, f.operation, f.target, f.request_state, f.error_code, f.attempts,
         f.date_time, f.body, f.description, f.trace_context
  from tandem.outbox f
  where f.counter > $2::bigint and f.counter <= $6::bigint and ($8::text is null or f.target = $8::text)
  order by f.counter limit $3::bigint
), seen as (
  select * from late union all select * from fresh order by counter limit $3::bigint
)
select null::bigint as counter, pg_snapshot_xmin(pg_current_snapshot()) as xid, null::integer as target, null::uuid as record_id,
       null::text as request_type, null::text as object_id, null::text as operation, null::smallint as request_state,
       null::text as error_code, null::integer as attempts, null::timestamptz as date_time, null::boolean as has_body,
       null::text as body, null::text as description, null::text as trace_context
union all
select s.counter, own.xid, own.target, own.record_id, own.request_type, own.object_id, own.operation, own.request_state,
       own.error_code, own.attempts, own.date_time, own.has_body, own.body, own.description, own.trace_context
from seen s
left join lateral (
  select s.xid, array_position($1::text[], s.target) - 1 as target, s.record_id, s.request_type, s.object_id, s.operation,
         s.request_state, s.error_code, s.attempts, s.date_time, s.body is not null as has_body,
         case when octet_length(printed.body) <= $7::integer then printed.body end as body,
         case when s.error_code is not null then s.description end as description, s.trace_context
  from (select case when s.request_state in (1, 2) and s.target = any ($1::text[])
                       and pg_column_size(s.body) <= case when pg_column_compression(s.body) is null then $7::integer else $7::integer / 8 end
                     then s.body::text end as body offset 0) as printed
  where s.request_state in (1, 2) and s.target = any ($1::text[])
    and not exists (select from tandem.parked p where p.queue is not distinct from 'outbox' and p.counter = s.counter offset 0)
) own on true
