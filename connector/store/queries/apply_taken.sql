-- $1 target, $2 request_type, $3 object_id. A row: the object has a partner there.
select 1 from tandem.identity i
where i.target = $1::text and i.request_type = $2::text and md5(i.object_id) = md5($3::text) and i.object_id = $3::text and i.state = 'paired'
