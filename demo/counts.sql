-- Our side of the table that the demo draws: objects that should be there, and what tandem says of them.
select json_build_object(
  'ours', json_build_object(
    'user', (select count(*) from users), 'account', (select count(*) from account), 'contact', (select count(*) from contact),
    'product', (select count(*) from product), 'opportunity', (select count(*) from opportunity where stage <> 'draft'),
    'order', (select count(*) from "order"), 'order_line', (select count(*) from order_line)),
  'queue', (select coalesce(json_object_agg(request_type, json_build_object('waiting', waiting, 'failed', failed)), '{}')
            from (select request_type, count(*) filter (where request_state in (1, 2)) as waiting,
                         count(*) filter (where request_state = 4) as failed
                  from tandem.outbox group by request_type) as queue));
