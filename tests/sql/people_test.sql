-- What people call and look at: retry, discard, pause, resume, enqueue, status, trace, watch, unwatch, retention.
select plan(90);
grant all on __tcache__, __tcache___id_seq, __tresults___numb_seq to public;

create role person login; grant tandem_operator to person;
create table opportunity (id integer primary key, v integer);
alter table opportunity owner to crm;
select t.capture('opportunity') \g /dev/null
insert into opportunity select g, g from generate_series(1, 6) as g;
select pg_create_logical_replication_slot('bell', 'test_decoding') \g /dev/null

-- Settles a record as the connector does.
create function settle(id text, state smallint, outcome text, error text default null, words text default null) returns void language sql as $$
  with settled as (
    update tandem.outbox o set request_state = state, outcome = settle.outcome, error_code = error, description = words, attempts = 4, need_retry = state = 4, date_time_update = now()
    where o.object_id = id and o.request_state in (1, 2) returning o.*)
  insert into tandem.failed (counter, peer, request_type, object_id, outcome, error_code, fingerprint)
  select counter, target, request_type, object_id, settle.outcome, error, words from settled where state = 4 $$;
select settle('1', 4::smallint, 'rejected', 'rejected', 'no such stage'), settle('2', 4::smallint, 'rejected', 'rejected', 'no such stage'),
       settle('3', 4::smallint, 'exhausted', 'unavailable', 'HTTP 503'), settle('4', 3::smallint, 'delivered') \g /dev/null
insert into tandem.parked (counter, peer, request_type, object_id, due, reason)
  select counter, target, request_type, object_id, 'infinity', 'blocked' from tandem.outbox where object_id = '5';

select results_eq('select request_type, error_code, records, example from tandem.failures order by records desc',
  $$values ('opportunity', 'rejected', 2::bigint, 'no such stage'), ('opportunity', 'unavailable', 1, 'HTTP 503')$$, 'failures are grouped');
select results_eq('select created, received, parked, failed, capped from tandem.outbox_status', 'values (2::bigint, 0::bigint, 1::bigint, 3::bigint, false)', 'outbox_status counts');

-- retry
set session authorization person;
select is(tandem.retry((select record_id from tandem.outbox where object_id = '1'), 'stage exists now'), 1, 'retry of a record by its record_id');
reset session authorization;
select results_eq($$select request_state, outcome, error_code, attempts, need_retry from tandem.outbox where object_id = '1'$$, 'values (1::smallint, null::text, null::text, 0, null::boolean)', 'puts it into state 1');
select results_eq($$select reason, retried, due <= now() from tandem.parked where object_id = '1'$$, $$values ('person', true, true)$$, 'parks it, due now');
select is_empty($$select from tandem.failed where object_id = '1'$$, 'takes it off the list of failed records');
select results_eq($$select who, action, reason from tandem.audit$$, $$values ('person', 'retry', 'stage exists now')$$, 'says who and why');
select is((select count(*) from pg_logical_slot_get_changes('bell', null, null) where data like 'message: transactional: 1 prefix: tandem,%'), 1::bigint, 'and rings once, by a transactional message');
select is(tandem.retry((select record_id from tandem.outbox where object_id = '1')), 0, 'a record that has not failed is not sent back');
select throws_ok($$select tandem.retry(gen_random_uuid())$$, 'P0002', null, 'an unknown record is an error');
begin;
select tandem.retry((select counter from tandem.outbox where object_id = '2')) \g /dev/null
rollback;
select is_empty($$select from pg_logical_slot_get_changes('bell', null, null) where data like 'message:%'$$, 'what is rolled back does not ring');
select is(tandem.retry((select counter from tandem.outbox where object_id = '2')), 1, 'by counter');
select settle('1', 4::smallint, 'rejected', 'rejected', 'x'), settle('2', 4::smallint, 'rejected', 'rejected', 'x') \g /dev/null
delete from tandem.parked where reason = 'person';
select is(tandem.retry('there', 'opportunity', 'rejected', 1), 1, 'a group, bounded');
select is((select array_agg(object_id order by counter) from tandem.failed), '{2,3}', 'oldest first');
select is(tandem.retry('there'), 2, 'a whole target');
select throws_ok($$select tandem.retry('nowhere')$$, '42704', 'there is no target nowhere', 'an unknown target is an error');
select throws_ok($$select tandem.retry('there', most => 0)$$, '22023', null, 'a bound below 1 is an error');

-- what an attempt without an end has left behind must not fail it again
select settle('1', 4::smallint, 'outcome_unknown', 'outcome_unknown', 'no answer') \g /dev/null
insert into tandem.attempt (counter, attempt, epoch, started_at) select counter, 1, 1, now() from tandem.outbox where object_id = '1';
insert into tandem.identity (target, request_type, object_id, state) values ('there', 'opportunity', '1', 'pending');
select tandem.retry((select counter from tandem.outbox where object_id = '1')) \g /dev/null
select is_empty('select from tandem.attempt where duration is null', 'retry closes open attempts');
select is_empty($$select from tandem.identity where state = 'pending'$$, 'and takes back the identity of a create of unknown outcome');
delete from tandem.attempt;

-- a retried record that has been overtaken
update opportunity set v = 10 where id = 1;
select is((select array_agg(o.operation order by o.counter) from tandem.outbox o where o.object_id = '1'), '{create,update}', 'a retried record may have a newer one in its lane');
select is((select exists (select from tandem.outbox n where hashtextextended(n.object_id, 0) = hashtextextended('1', 0) and n.object_id = '1' and n.counter > p.counter
  and n.target = p.peer and n.request_type = p.request_type) from tandem.parked p where p.object_id = '1' and p.retried), true, 'which the feed can tell');

-- discard
select settle('3', 4::smallint, 'exhausted', 'unavailable', 'HTTP 503') \g /dev/null
update tandem.parked set reason = 'blocked', due = 'infinity' where object_id = '5';
select is(tandem.discard((select record_id from tandem.outbox where object_id = '3'), 'sold'), 1, 'discard');
select results_eq($$select request_state, outcome from tandem.outbox where object_id = '3'$$, $$values (3::smallint, 'discarded')$$, 'settles');
select is_empty($$select from tandem.failed where object_id = '3' union all select from tandem.parked where object_id = '3'$$, 'and leaves no trace in the lists');
select is(tandem.discard((select counter from tandem.outbox where object_id = '4')), 0, 'a record that is done is not discarded');
select settle('6', 4::smallint, 'rejected', 'rejected', 'x') \g /dev/null
insert into tandem.parked (counter, peer, request_type, object_id, due, reason) select max(counter) + 1000, 'there', 'opportunity', '6', 'infinity', 'blocked' from tandem.outbox;
select is(tandem.discard('there', error_code => 'rejected'), 1, 'a group of failed records');
select ok((select due <= now() from tandem.parked where object_id = '6'), 'wakes what was blocked behind it');
select ok((select due = 'infinity' from tandem.parked where object_id = '5'), 'and nothing else');
delete from tandem.parked where object_id = '6';

select tandem.enqueue('there', 'opportunity', '6') \g /dev/null
insert into tandem.parked (counter, peer, request_type, object_id, due, reason)
  select counter, 'there', 'opportunity', '6', now() + interval '1 hour', 'retry' from tandem.outbox where object_id = '6' and counter = (select max(counter) from tandem.outbox where object_id = '6');
insert into tandem.parked (counter, peer, request_type, object_id, due, reason) select max(counter) + 1001, 'there', 'opportunity', '6', 'infinity', 'lane' from tandem.outbox;
update tandem.outbox set request_state = 2 where object_id = '6' and request_state = 1;
select tandem.wake_blocked('outbox', array(select counter from tandem.outbox where object_id = '6')) \g /dev/null
select ok((select due = 'infinity' from tandem.parked where object_id = '6' and reason = 'lane'), 'what stands behind a parked record waits for it');
select is(tandem.discard((select max(counter) from tandem.outbox where object_id = '6')), 1, 'discard of a parked record');
select ok((select due <= now() from tandem.parked where object_id = '6' and reason = 'lane'), 'wakes what stood behind it');
delete from tandem.parked where object_id = '6';

-- groups of the inbox
insert into tandem.source (source, definition) values ('second', '{"target": "there"}'), ('third', '{}');
insert into tandem.inbox (request_type, operation, source, source_record_id, body, request_state, outcome, error_code)
  select 'opportunity', 'update', case when g < 5 then 'second' else 'third' end, g, '{}', 4, 'rejected', case when g < 4 then 'rejected' else 'mapping' end
  from generate_series(1, 5) g;
insert into tandem.failed (queue, counter, peer, request_type, outcome, error_code) select 'inbox', counter, source, request_type, outcome, error_code from tandem.inbox;
set session authorization person;
select is(tandem.retry('second', error_code => 'rejected', most => 1, queue => 'inbox', reason => 'a column was missing'), 1, 'a group of a source is sent back, bounded');
select is(tandem.retry('second', 'nothing', queue => 'inbox'), 0, 'of the type that was named');
select is(tandem.discard('second', 'opportunity', 'rejected', queue => 'inbox'), 2, 'or given up');
reset session authorization;
select is((select array_agg(concat_ws(' ', source_record_id, request_state, outcome) order by counter) from tandem.inbox), '{1 1,"2 3 discarded","3 3 discarded","4 4 rejected","5 4 rejected"}',
  'and no other');
select is((select array_agg(counter::text order by counter) from tandem.failed where queue = 'inbox'), '{4,5}', 'they leave the list');
select is((select reason from tandem.audit order by audit_id desc offset 1 limit 1), 'a column was missing', 'why is kept');
select throws_ok($$select tandem.retry('there', queue => 'inbox')$$, '42704', 'there is no source there', 'an unknown source is an error');
select throws_ok($$select tandem.discard('second')$$, '42704', 'there is no target second', 'a source is no target');
select throws_ok($$select tandem.retry('second', queue => 'in')$$, '22023', 'queue is in, it must be outbox or inbox', 'nor is there another queue');
delete from tandem.parked where queue = 'inbox';
delete from tandem.failed where queue = 'inbox';

-- pause
update tandem.parked set reason = 'pause' where object_id = '5';
select is(tandem.pause('there', reason => 'maintenance'), true, 'pause');
select is(tandem.pause('there'), false, 'twice changes nothing');
select results_eq('select paused, paused_reason from tandem.target', $$values (true, 'maintenance')$$, 'leaves a row');
select is(tandem.resume('there'), true, 'resume');
select is((select reason from tandem.parked where object_id = '5'), 'pause', 'leaves what the pause has parked to the connector');
select is(tandem.pause('there', 'opportunity'), true, 'one route');
select ok((select paused from tandem.object_status('opportunity', '1')), 'which object_status shows');
select is(tandem.resume('there', 'opportunity'), true, 'and back');
select throws_ok($$select tandem.pause('there', 'nothing')$$, '42704', 'there is no route of nothing to there', 'an unknown route is an error');

-- enqueue, status, trace
select throws_ok($$select tandem.enqueue('there', 'nothing', '1')$$, '42704', null, 'enqueue needs a route');
select throws_ok($$select tandem.enqueue('there', 'opportunity', '1', body => '{}')$$, '22023', null, 'and takes no image');
select tandem.enqueue('there', 'opportunity', '4') as enqueued \gset
select results_eq(format('select operation, body, request_state from tandem.outbox where record_id = %L', :'enqueued'), $$values ('update', null::jsonb, 1::smallint)$$, 'it writes a record without a body');
select results_eq($$select target, in_sync, request_state from tandem.object_status('opportunity', '3')$$, $$values ('there', true, 3::smallint)$$, 'object_status of one in sync');
select results_eq($$select in_sync, counter from tandem.object_status('opportunity', '4')$$, format('values (false, %s::bigint)', (select max(counter) from tandem.outbox)), 'and of one that waits: the newest record');
select is_empty($$select * from tandem.object_status('opportunity', '99')$$, 'an object without records has no status');
insert into tandem.attempt (counter, attempt, epoch, started_at, error_code, answer_status, description) select counter, 1, 1, date_time, 'rejected', 422, 'no such stage' from tandem.outbox where object_id = '1' and operation = 'create';
select ok((select array_agg(step) @> '{created,"attempt 1",retry,parked}' from tandem.trace((select record_id from tandem.outbox where object_id = '1' and operation = 'create'))), 'trace tells the life of a record');
select is((select detail ->> 'description' from tandem.trace((select record_id from tandem.outbox where object_id = '1' and operation = 'create')) where step = 'attempt 1'), 'no such stage', 'with its attempts');
select results_eq($$select target, floor, counters_behind > 0, behind is not null from tandem.lag$$, $$values ('there', 0::bigint, true, true)$$, 'lag');
select results_eq($$select in_sync from tandem.object_sync where object_hash = hashtextextended('3', 0) and object_id = '3'$$, 'values (true)', 'object_sync');
insert into tandem.identity (target, request_type, object_id, state) values ('there', 'opportunity', '9', 'pending');
select results_eq('select object_id from tandem.unpaired', $$values ('9')$$, 'unpaired');

-- nothing that people look at reads what is settled
insert into tandem.outbox (object_id, request_type, operation, target, request_state, outcome) select 'x' || g, 'opportunity', 'update', 'there', 3, 'delivered' from generate_series(1, 20000) g;
insert into tandem.settled_through values ('outbox', 'there', (select max(counter) from tandem.outbox));
analyze tandem.outbox;
create function reads(query text) returns bigint language plpgsql as $$
declare plan jsonb;
begin
  execute 'explain (analyze, buffers, timing off, format json) ' || query into plan;
  return (plan #>> '{0,Plan,Shared Hit Blocks}')::bigint + (plan #>> '{0,Plan,Shared Read Blocks}')::bigint;
end $$;
select cmp_ok(reads('select * from tandem.outbox_status'), '<', 100::bigint, 'outbox_status reads little with 20,000 settled records');
select cmp_ok(reads('select * from tandem.lag'), '<', 100::bigint, 'so does lag');
select cmp_ok(reads('select * from tandem.failures'), '<', 100::bigint, 'failures');
select cmp_ok(reads($$select * from tandem.object_status('opportunity', 'x77')$$), '<', 100::bigint, 'object_status');
select cmp_ok(reads($$select * from tandem.object_sync where object_hash = hashtextextended('x77', 0) and object_id = 'x77'$$), '<', 100::bigint, 'object_sync by object_hash');

-- retention
update tandem.outbox set date_time_update = now() - interval '40 days', date_time = now() - interval '40 days' where object_id like 'x%';
update tandem.settled_through set counter = (select counter from tandem.outbox where object_id = 'x500');
select is((select count(*) from tandem.outbox where request_state in (1, 2)), 5::bigint, 'five records are pending, three of them parked');
select results_eq($$select removed, looked_through is not null from tandem.remove_settled('outbox', 100, (select counter - 1 from tandem.outbox where object_id = 'x1'))$$, 'values (100, true)', 'one step is bounded');
select results_eq($$select removed, looked_through from tandem.remove_settled('outbox', 1000, 0)$$, 'values (400, null::bigint)', 'nothing above the floor goes');
select is((select min(counter) from tandem.outbox where object_id like 'x%'), (select counter + 1 from tandem.settled_through), 'not even the next');
select is((select count(*) from tandem.outbox where request_state in (1, 2)), 5::bigint, 'nor anything pending below it');
select is((select removed from tandem.remove_settled('outbox', 1000, keep_done => '0', keep_failed => '0')), 4, 'what is settled goes when it is old enough');
select tandem.add_minute_stat('outbox', 'there', now(), '{"delivered": 3, "max_ms": 5}'), tandem.add_minute_stat('outbox', 'there', now(), '{"delivered": 4, "max_ms": 2, "rejected": 1}') \g /dev/null
select is((select counts from tandem.minute_stat), '{"delivered": 7, "max_ms": 5, "rejected": 1}', 'minute_stat sums');

-- watch, unwatch
create table lead (id integer primary key); alter table lead owner to crm;
set role admin;
select is(tandem.watch('lead', 'there', definition => '{"body": "latest"}'), 'lead', 'watch');
reset role;
insert into lead values (1), (2);
set role admin;
select is(tandem.unwatch('lead'), 2::bigint, 'unwatch says what is still to be delivered');
reset role;
insert into lead values (3);
select is((select array_agg(object_id order by counter) from tandem.outbox where request_type = 'lead'), '{1,2}', 'and nothing is captured any more');
select is_empty($$select from pg_trigger where tgrelid = 'lead'::regclass$$, 'without triggers');
select is(tandem.remove_drained(), 0, 'the route stays while it drains');
set role admin;
select is(tandem.unwatch('lead', false, 'no more leads'), 0::bigint, 'or its records are discarded');
reset role;
select is(tandem.remove_drained(), 1, 'then it goes');
select is_empty($$select from tandem.watch where watch = 'lead'$$, 'and the watch with it');

-- retry of what a source has told: newer records of the object stand
create table account (id integer primary key, name text);
alter table account owner to crm;
insert into tandem.source (source, definition) values ('theirs', '{"target": "there"}');
insert into tandem.identity (target, request_type, object_id, remote_id, state) values ('there', 'account', '1', 'r1', 'paired');
create function told(id text, state smallint, outcome text, operation text, body jsonb, object text default '1') returns bigint language sql as $$
  with told as (
    insert into tandem.inbox (object_id, request_type, operation, source, remote_id, source_record_id, version, body, request_state, outcome)
    values (object, 'account', told.operation, 'theirs', 'r1', id, '1', told.body, state, told.outcome) returning *), failed as (
    insert into tandem.failed (queue, counter, peer, request_type, object_id, outcome, error_code, fingerprint)
    select 'inbox', counter, source, request_type, coalesce(object_id, ''), told.outcome, 'rejected', '' from told where state = 4)
  select counter from told $$;
create function sent_back(id text) returns text language sql as $$
  select concat_ws(' ', request_state, outcome, body, version) from tandem.inbox where source_record_id = id $$;
select told('10', 4::smallint, 'rejected', 'update', '{"name": "old", "tier": 1}', null), told('11', 3::smallint, 'applied', 'update', '{"name": "new"}') \g /dev/null
select is(tandem.retry((select record_id from tandem.inbox where source_record_id = '10')), 1, 'a record of the inbox is sent back');
select is(sent_back('10'), '1 {"tier": 1}', 'without what a newer record of the object has said, found by its pair');
select told('12', 4::smallint, 'rejected', 'update', '{"name": "older"}'), told('13', 3::smallint, 'applied', 'update', '{"name": "newer"}') \g /dev/null
select tandem.retry((select record_id from tandem.inbox where source_record_id = '12')) \g /dev/null
select is(sent_back('12'), '3 superseded {"name": "older"}', 'and not at all where that is everything');
select told('14', 4::smallint, 'rejected', 'update', '{"other": 1}'), told('15', 3::smallint, 'applied', 'delete', null) \g /dev/null
select tandem.retry((select record_id from tandem.inbox where source_record_id = '14')) \g /dev/null
select is(left(sent_back('14'), 12), '3 superseded', 'or where it was a delete');
select told('16', 4::smallint, 'rejected', 'update', '{"name": "last"}') \g /dev/null
select tandem.retry((select record_id from tandem.inbox where source_record_id = '16')) \g /dev/null
select is(sent_back('16'), '1 {"name": "last"} 1', 'the newest comes as it is');
insert into tandem.inbox (object_id, request_type, operation, source, source_record_id, body, request_state, outcome)
  values ('1', 'account', 'update', 'theirs', '18', '{"name": "by our id"}', 3, 'applied');
update tandem.inbox set request_state = 4, outcome = 'rejected' where source_record_id = '16';
insert into tandem.failed (queue, counter, peer, request_type, object_id, outcome, error_code, fingerprint)
  select 'inbox', counter, source, request_type, object_id, outcome, 'rejected', '' from tandem.inbox where source_record_id = '16';
select tandem.retry((select record_id from tandem.inbox where source_record_id = '16')) \g /dev/null
select is(left(sent_back('16'), 12), '3 superseded', 'a newer one may name the object by our id');
insert into tandem.inbox (object_id, request_type, operation, source, source_record_id, body, request_state, outcome)
  values ('1', 'account', 'update', 'theirs', '19', '{"name": "by ours"}', 4, 'rejected');
insert into tandem.failed (queue, counter, peer, request_type, object_id, outcome, error_code, fingerprint)
  select 'inbox', counter, source, request_type, object_id, outcome, 'rejected', '' from tandem.inbox where source_record_id = '19';
select told('20', 3::smallint, 'applied', 'update', '{"name": "by theirs"}') \g /dev/null
select tandem.retry((select record_id from tandem.inbox where source_record_id = '19')) \g /dev/null
select is(left(sent_back('19'), 12), '3 superseded', 'or the older one does');
select is_empty($$select from pg_index x join pg_attribute a on a.attrelid = x.indrelid where x.indrelid = 'tandem.inbox'::regclass
  and a.attname in ('object_id', 'request_state', 'outcome', 'date_time_update')
  and (a.attnum = any (x.indkey::int2[]) or pg_get_indexdef(x.indexrelid) ~ ('\m' || a.attname || '\M'))$$, 'no index holds what a settlement writes');
insert into tandem.inbox (request_type, operation, source, remote_id, source_record_id, body, request_state, outcome, date_time)
  values ('account', 'create', 'theirs', 'r2', '17', '{"name": "never here"}', 4, 'rejected', now() - interval '1 hour');
insert into tandem.identity (target, request_type, object_id, remote_id, state, version) values ('there', 'account', '', 'r2', 'deleted', '');
select tandem.retry((select record_id from tandem.inbox where source_record_id = '17')) \g /dev/null
select is(left(sent_back('17'), 12), '3 superseded', 'what was deleted there since is not made here');
select is((select array_agg(i.source_record_id order by i.counter) from tandem.parked p join tandem.inbox i using (counter) where p.queue = 'inbox'), '{10,16}', 'and is parked, due now');
select * from finish();
