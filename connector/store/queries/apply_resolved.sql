-- $1 target, $2 request_type, $3 object_id: a person's decision for their image has taken effect.
update tandem.conflict c set resolved_at = clock_timestamp()
where c.target = $1::text and c.request_type = $2::text and c.object_id = $3::text and c.resolution = 'theirs' and c.resolved_at is null
