-- Our side of the table that the demo draws: objects that should be on both sides, and what tandem says of them.
select json_build_object(
  'ours', json_build_object(
    'user', (select count(*) from users), 'account', (select count(*) from account), 'contact', (select count(*) from contact),
    'product', (select count(*) from product), 'opportunity', (select count(*) from opportunity where stage <> 'draft'),
    'order', (select count(*) from "order"), 'order_line', (select count(*) from order_line)),
  'queue', (select coalesce(json_object_agg(request_type, json_build_object('out', going_out, 'in', coming_in, 'failed', failed)), '{}')
            from (select request_type, count(*) filter (where going_out) as going_out, count(*) filter (where coming_in) as coming_in,
                         count(*) filter (where request_state = 4) as failed
                  from (select request_type, request_state, request_state in (1, 2) as going_out, false as coming_in from tandem.outbox
                        union all
                        select request_type, request_state, false, request_state in (1, 2) from tandem.inbox) as record
                  group by request_type) as queue));
