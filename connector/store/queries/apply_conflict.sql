-- $1 target, $2 request_type, $3 object_id, $4 remote_id, $5 agreed, $6 ours, $7 theirs, $8 fields, $9 policy, $10 resolution (null: a person
-- decides).
insert into tandem.conflict (target, request_type, object_id, remote_id, agreed_image, our_image, their_image, fields, policy, resolution, resolved_by,
  resolved_at)
values ($1::text, $2::text, $3::text, $4::text, $5::jsonb, $6::jsonb, $7::jsonb, $8::text[], $9::text, $10::text,
  case when $10::text is not null then 'policy' end, case when $10::text is not null then clock_timestamp() end)
