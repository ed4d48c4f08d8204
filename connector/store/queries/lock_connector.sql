-- $1 connector, $2 targets. Waits for a settling flush of those that we take over from: it holds their row in share mode until it has committed.
select epoch, clean_stop from tandem.connector
where name = $1::text or (targets && $2::text[] and not clean_stop)
order by name
for update
