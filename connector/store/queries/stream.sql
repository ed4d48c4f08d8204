-- $1 connector. Its stream: slot, plugin, how far it is in the outbox, and the mark of what apply writes. No row: there is none.
select slot, plugin, coalesce(system_id, ''), through::text, coalesce(commit_lsn::text, '0/0'), coalesce(change_lsn::text, '0/0'), coalesce(ordinal, 0),
       updated_at < now() - interval '10 minutes', mark
from tandem.stream where connector = $1::text
