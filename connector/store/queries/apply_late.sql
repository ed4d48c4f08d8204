-- $1 target, then in one order: $2 request types, $3 object_ids, $4 snapshots in which their lanes were read. Records that are not written under
-- the object's row lock (`latest`) may have come since, and have sent the row as it was before this transaction: it goes out once more.
insert into tandem.outbox (object_id, request_type, operation, target)
select g.object_id, g.request_type, 'update', $1::text
from unnest($2::text[], $3::text[], $4::text[]) as g (request_type, object_id, snapshot)
where exists (
  select from tandem.outbox o
  where hashtextextended(o.object_id, 0) = hashtextextended(g.object_id, 0) and o.object_id = g.object_id and o.target = $1::text
    and o.request_type = g.request_type and o.operation not in ('call', 'canary') and o.xid <> pg_current_xact_id()
    and not pg_visible_in_snapshot(o.xid, g.snapshot::pg_snapshot))
