-- As apply_pair, of objects whose rows this transaction has inserted under keys that nobody had named: none has a pair yet. A speculative insert would
-- look for it, and write a record more of WAL. $1 target, then in one order: $2 request types, $3 object_ids, $4 remote_ids.
insert into tandem.identity (target, request_type, object_id, remote_id, state)
select $1::text, g.request_type, g.object_id, g.remote_id, 'paired'
from unnest($2::text[], $3::text[], $4::text[]) as g (request_type, object_id, remote_id)
