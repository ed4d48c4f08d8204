-- $1 connector. Its stream: slot, plugin, and how far it is in the outbox. No row: there is none.
select slot, plugin, coalesce(system_id, ''), through::text, coalesce(commit_lsn::text, '0/0'), coalesce(change_lsn::text, '0/0'), coalesce(ordinal, 0),
       updated_at < now() - interval '10 minutes'
from tandem.stream where connector = $1::text
