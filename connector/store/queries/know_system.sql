-- $1 connector, $2 epoch, $3 system id, $4 timeline, $5 pending records up to this counter may have been attempted (0: nothing new).
-- Answers the highest such counter of all starts: what a later, clean stop says does not make older records untouched.
update tandem.connector
set system_id = $3::text, timeline = $4::integer, attempted_through = greatest(attempted_through, $5::bigint)
where name = $1::text and epoch = $2::bigint
returning attempted_through
