-- What people have paused. request_type is null for a whole target.
select t.target, null::text as request_type from tandem.target t where t.paused
union all
select r.target, r.request_type from tandem.route r where r.paused
