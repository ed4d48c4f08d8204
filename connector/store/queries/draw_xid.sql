-- A transaction id of our own, which raises `safe` when nothing else is written (docs/protocol.md).
select pg_current_xact_id() as xid
