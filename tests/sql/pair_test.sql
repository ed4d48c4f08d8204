-- Pairs that a person makes and ends.
select plan(37);
grant all on __tcache__, __tcache___id_seq, __tresults___numb_seq to public;

create role pairing_person login; grant tandem_operator to pairing_person;
create role pairing_viewer login; grant tandem_viewer to pairing_viewer;
create table account (id integer primary key, name text, crm2_id text);
alter table account owner to crm;
select t.capture('account', '{"write_back": {"remote_id": "crm2_id"}}') \g /dev/null
create table contact (id integer primary key);
alter table contact owner to crm;
select t.capture('contact') \g /dev/null
select pg_create_logical_replication_slot('pairing_bell', 'test_decoding') \g /dev/null

-- Settles or parks what is pending of an account, as the connector does.
create function settled(id text) returns void language sql as $$
  with gone as (delete from tandem.parked where object_id = id)
  update tandem.outbox set request_state = 3, outcome = 'delivered' where object_id = id and request_state in (1, 2) $$;
create function parked(id text, reason text, waits_for text default null, type text default 'account') returns void language sql as $$
  update tandem.outbox set request_state = 2 where object_id = id and request_type = type and request_state = 1;
  insert into tandem.parked (counter, peer, request_type, object_id, due, reason, waits_for)
    select counter, target, request_type, object_id, 'infinity', parked.reason, parked.waits_for from tandem.outbox
    where object_id = id and request_type = type and request_state = 2
  on conflict on constraint parked_record_is_parked_once do update set due = 'infinity', reason = excluded.reason $$;
create function pairs() returns text[] language sql as $$
  select array_agg(object_id || '=' || coalesce(remote_id, '') || ' ' || state order by object_id, remote_id) from tandem.identity $$;
create function told() returns text[] language sql as $$
  with gone as (delete from tandem.write_back returning object_id) select array_agg(object_id order by object_id) from gone $$;

insert into account (id) select generate_series(1, 6);
select settled(id::text) from account \g /dev/null

-- joined by hand
set session authorization pairing_person;
select is(tandem.pair('there', 'account', '1', 'A1', 'same VAT number'), true, 'an operator pairs two objects');
reset session authorization;
select is(pairs(), '{"1=A1 paired"}', 'which are a pair then');
select is(told(), '{1}', 'the row is told its id there');
select results_eq('select who, action, subject, reason from tandem.audit',
  $$values ('pairing_person', 'pair', '{"target": "there", "request_type": "account", "object_id": "1", "remote_id": "A1"}'::jsonb, 'same VAT number')$$, 'who and why is kept');
select is((select count(*) from pg_logical_slot_get_changes('pairing_bell', null, null) where data like 'message: transactional: 1 prefix: tandem,%'), 1::bigint, 'the connector is rung for');
select is(tandem.pair('there', 'account', '1', 'A1'), false, 'a pair that there is changes nothing');
select is((select count(*) from tandem.audit), 1::bigint, 'and is not noted');
select throws_ok($$select tandem.pair('there', 'account', '1', 'A2')$$, '23505', 'account 1 is the pair of A1 at there already', 'our object is paired once');
select throws_ok($$select tandem.pair('there', 'account', '2', 'A1')$$, '23505', 'account 1 is the pair of A1 at there already', 'so is theirs');
select throws_ok($$select tandem.pair('there', 'nothing', '1', 'A1')$$, '42704', 'there is no route of nothing to there', 'an unknown route is an error');
select throws_ok($$select tandem.pair('there', 'account', '1', '')$$, '22023', 'remote_id is missing', 'so is an id that is missing');
select is(tandem.pair('there', 'contact', '1', 'A1'), true, 'types have ids of their own');

-- what tandem.unpaired lists
insert into tandem.identity (target, request_type, object_id, state) values ('there', 'account', '2', 'pending'), ('there', 'account', '3', 'pending');
update tandem.identity set remote_id = 'A3' where object_id = '3';
select is(tandem.pair('there', 'account', '2', 'A2'), true, 'a create that was never answered is paired');
select throws_ok($$select tandem.pair('there', 'account', '3', 'A4')$$, '23505', 'account 3 is the pair of A3 at there already', 'one whose id is known keeps it');
select is(tandem.pair('there', 'account', '3', 'A3'), true, 'and is paired by it');
select is_empty('select from tandem.unpaired', 'nothing is unpaired then');

-- what waits for the pair
insert into contact values (7), (8);
select parked('7', 'parent', '["account", "4"]', 'contact'), parked('8', 'parent', '["account", "5"]', 'contact') \g /dev/null
insert into tandem.agreed (target, request_type, object_id, image) values ('there', 'account', '4', '{"name": "old"}'), ('there', 'contact', '4', '{}');
select tandem.pair('there', 'account', '4', 'A4') \g /dev/null
select is((select array_agg(object_id) from tandem.parked where due <= clock_timestamp()), '{7}', 'what refers to the object is woken, and nothing else');
select is((select array_agg(request_type) from tandem.agreed), '{contact}', 'what they have of the object is not known');

-- ended
insert into tandem.agreed (target, request_type, object_id, image) values ('there', 'account', '4', '{"name": "new"}');
select told() \g /dev/null
select is(tandem.unpair('there', 'account', '4', 'another firm of that name'), 'A4', 'unpair answers their id');
select is_empty($$select from tandem.identity where remote_id = 'A4'$$, 'and leaves no deleted pair behind: records of theirs are not stale');
select is((select array_agg(request_type) from tandem.agreed), '{contact}', 'nor the agreed image');
select is(told(), '{4}', 'the row is told');
select is((select reason from tandem.audit order by audit_id desc limit 1), 'another firm of that name', 'why is kept');
select throws_ok($$select tandem.unpair('there', 'account', '4')$$, 'P0002', 'account 4 has no pair at there', 'what is no pair cannot end');
insert into tandem.identity (target, request_type, object_id, remote_id, state) values ('there', 'account', '9', 'A9', 'deleted');
select throws_ok($$select tandem.unpair('there', 'account', '9')$$, 'P0002', null, 'nor what has been deleted');
select is(tandem.pair('there', 'account', '9', 'A9'), true, 'though it may be paired anew');
begin;
select tandem.unpair('there', 'account', '1'), tandem.unpair('there', 'account', '2') \g /dev/null
select tandem.pair('there', 'account', '1', 'A2'), tandem.pair('there', 'account', '2', 'A1') \g /dev/null
commit;
select is((select array_agg(object_id || remote_id order by object_id) from tandem.identity where request_type = 'account' and object_id in ('1', '2')), '{1A2,2A1}',
  'two wrong pairs are exchanged in one transaction');

-- attempts under way
update account set name = 'x' where id = 1;
select lives_ok($$select tandem.unpair('there', 'account', '1')$$, 'what waits is in nobody''s hand while no connector runs');
insert into tandem.connector (name, targets, clean_stop) values ('c', '{elsewhere}', false);
select lives_ok($$select tandem.pair('there', 'account', '1', 'A2')$$, 'nor while one runs that serves others');
update tandem.connector set targets = '{there}';
select throws_like($$select tandem.unpair('there', 'account', '1')$$, 'record % of account 1 is on its way to there', 'it may be while one runs');
select parked('1', 'pause') \g /dev/null
select is(tandem.unpair('there', 'account', '1'), 'A2', 'unless it is parked');
select parked('1', 'taken up') \g /dev/null
select throws_ok($$select tandem.pair('there', 'account', '1', 'A2')$$, '55000', null, 'and not taken up again');
update tandem.connector set clean_stop = true;
delete from tandem.parked where object_id = '1';
select throws_ok($$select tandem.pair('there', 'account', '1', 'A2')$$, '55000', null, 'an attempt whose answer nobody knows counts without a connector, too');
select settled('1') \g /dev/null
select is(tandem.pair('there', 'account', '1', 'A2'), true, 'until it is settled');
insert into tandem.outbox (object_id, old_object_id, request_type, operation, target, request_state) values ('10', '1', 'account', 'rekey', 'there', 2);
select throws_ok($$select tandem.unpair('there', 'account', '1')$$, '55000', null, 'a key that is changing holds its pair');

set session authorization pairing_viewer;
select throws_ok($$select tandem.pair('there', 'account', '5', 'A5')$$, '42501', null, 'a viewer pairs nothing');
select throws_ok($$select tandem.unpair('there', 'account', '2')$$, '42501', null, 'and ends no pair');
reset session authorization;
select * from finish();
