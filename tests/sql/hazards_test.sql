-- Sequences that break simpler triggers. Statements run in transactions of their own, as the CRM's do.
select plan(69);
grant all on __tcache__, __tcache___id_seq, __tresults___numb_seq to public;   -- tests are also made as other roles

-- ---- data that JSON or a condition cannot take never fails the CRM ------------------------------------------------------------------
create table doc (id integer primary key, payload json, n integer);
alter table doc owner to crm;
select t.capture('doc', '{"when": "10 / n > 0"}');
select t.capture('doc', '{"body": "latest"}', 'erp');
select t.capture('doc', '{}', 'bi');
set role crm;
insert into doc values (1, '"\u0000"', 1), (2, '1e400000', 1), (3, '{}', 0), (4, '{"a": 1}', 1);
update doc set n = 2 where id = 1;
delete from doc where id in (1, 3);
reset role;
select is(t.taken('n', 'there'),
  '{create 1=null!mapping,create 2=null!mapping,create 3=null!mapping,create 4=1,update 1=null!mapping,delete 1=null,delete 3=null!mapping}',
  'a record with an error stands for what cannot be computed');
select is((select array_agg(operation || ' ' || object_id || coalesce('!' || error_code, '') order by counter) from tandem.outbox where target = 'bi'),
  '{create 1!mapping,create 2!mapping,create 3,create 4,update 1!mapping,delete 1,delete 3}', 'only what is broken is missing: no condition, no error');
select is((select count(*) from tandem.outbox where target = 'erp' and error_code is not null), 0::bigint, 'a route without bodies does not care');
select is((select description from tandem.outbox where target = 'there' and object_id = '3' and operation = 'create'), 'when: division by zero', 'the description says which part failed and why');
select is((select array[found::text, error] from tandem.live_doc('2')), array[null, 'value overflows numeric format'], 'read live, the same row is an error of its own');
select is((select array[found::text, (error is null)::text] from tandem.live_doc('77')), '{false,true}', 'a missing row is not');
select ok((select found is null and error is not null from tandem.live_doc('no number')), 'a key that is none is');
create table nokey (id integer unique, v text);
alter table nokey owner to crm;
select t.capture('nokey', key => '{id}');
set role crm;
insert into nokey values (null, 'x');
update nokey set id = 1;
reset role;
select is(t.taken(), '{"create !mapping","rekey 1"}', 'a null key');
create table longkey (id text primary key);
alter table longkey owner to crm;
select t.capture('longkey');
set role crm;
insert into longkey select left(string_agg(md5(g::text), ''), 2500) from generate_series(1, 80) as g;
reset role;
alter table longkey drop constraint longkey_pkey;
set role crm;
insert into longkey select left(string_agg(md5(g::text), ''), 10000) from generate_series(1, 400) as g;
reset role;
select is((select array_agg(length(object_id) order by counter) from tandem.outbox where request_type = 'longkey'), '{2500,10000}', 'keys of 10,000 characters');
select ok((select in_sync is false from tandem.object_status('longkey', (select max(id) from longkey where length(id) = 10000))), 'which are found again');
select t.taken() \g /dev/null

-- ---- the CRM's own migrations -----------------------------------------------------------------------------------------------------------
create table deal (id integer primary key, stage text, amount numeric, extra text);
alter table deal owner to crm;
select t.capture('deal', '{"when": "stage <> ''draft''", "columns": ["amount", "stage"]}');
set role crm;
insert into deal values (1, 'open', 1, 'x');
update deal set amount = 2;
select is(t.taken('amount'), '{create 1=1,update 1=2}', 'before');
alter table deal alter amount type text using amount::text, alter id type bigint;
update deal set amount = '3';
insert into deal values (2, 'draft', '1', null);
select is(t.taken('amount'), '{update 1=3}', 'a retyped column, key included, in a session that has used the trigger before');
alter table deal drop column extra;
update deal set amount = '4';
select is((t.taken('amount'))[1], 'update 1=4', 'a dropped column that nothing names');
alter table deal rename column amount to value;
update deal set value = '5' where id = 1;
select is(t.taken('value'), '{update 1=5}', 'a renamed watched column: taken for changed');
alter table deal rename column stage to phase;
update deal set value = '6' where id = 1;
select is(t.taken('value'), '{update 1=null!mapping}', 'a renamed column of the condition: an error record');
alter table deal rename column phase to stage;
alter table deal rename column value to amount;
alter table deal rename column id to deal_id;
update deal set amount = '7' where deal_id = 1;
select is(t.taken('amount'), '{update 1=7}', 'a renamed key is found by its number');
reset role;
select is((select array_agg(problem) from tandem.drift() where watch = 'deal'), '{key column gone}', 'and is drift');
set role crm;
alter table deal rename column deal_id to id;
alter table deal rename column stage to phase;
reset role;
select is((select array[problem, description] from tandem.drift() where watch = 'deal'),
  '{route refers to what is gone,"column \"stage\" does not exist"}'::text[], 'a route that names what is gone is drift');
set role crm;
alter table deal rename column phase to stage;
alter table deal rename to bargain;
set tandem.nested = 'on';
update bargain set amount = '8' where id = 1;
reset tandem.nested;
reset role;
select is(t.taken('amount'), '{update 1=null}', 'a renamed table that has to be read again: the record is read at delivery');
select is((select array_agg(distinct problem order by problem) from tandem.drift() where watch = 'deal'), '{function differs,table renamed}', 'a renamed table is drift');
set role crm; alter table bargain rename to deal; alter table deal drop column amount; reset role;
select is((select description from tandem.drift() where watch = 'deal'), 'table public.deal has no column amount', 'so is a dropped watched column');
set role crm; alter table deal drop column stage; insert into deal values (9); reset role;
select is(t.taken('id'), '{create 9=null!mapping}', 'every column may go');
select lives_ok('drop table deal', 'and the table');
select is((select problem from tandem.drift() where watch = 'deal'), 'table gone', 'which is drift');

-- ---- a restored dump: the table, its rows and its triggers are there, under another OID --------------------------------------------------
create table restored (id integer primary key, v text);
alter table restored owner to crm;
select t.capture('public.restored');
drop table restored;
create table restored (id integer primary key, v text);
alter table restored owner to crm;
grant select on restored to tandem_owner;
create trigger "!tandem_row" after insert or delete on restored for each row execute function tandem.capture_restored();
create trigger "!tandem_update" after update on restored for each row execute function tandem.capture_restored();
alter table restored enable always trigger "!tandem_row", enable always trigger "!tandem_update";
select is((select array[problem, description] from tandem.drift() where watch = 'restored'),
  '{table replaced,"the OID of table public.restored has changed, as a restored dump changes it: run apply"}'::text[], 'a changed OID is drift');
set role crm;
insert into restored values (1, 'a');
update restored set v = 'b';
update restored set id = 2;
delete from restored;
reset role;
select is(t.taken('v'), '{create 1=a,update 1=b,rekey 2<1=b,delete 2=b}', 'and every change is captured all the same');
set role admin;
select tandem.apply_watch('restored', 'public.restored');
select tandem.generate_capture('restored');
reset role;
select is_empty($$select * from tandem.drift() where watch = 'restored'$$, 'until apply mends it');
alter table restored rename to moved_away;
create table restored (id integer primary key, v text);
create trigger "!tandem_row" after insert or delete on restored for each row execute function tandem.capture_restored();
insert into restored values (4711, 'forged');
select is(t.taken('v'), '{}', 'a table that has only taken the name is somebody else''s');
drop table moved_away, restored;

-- ---- a stated limit: a statement inside an expression writes at trigger depth 1 (docs/sql.md, "Images are final") ---------------------------
create table bumped (id integer primary key, x integer, y integer default 0);
alter table bumped owner to crm;
select t.capture('public.bumped');
create function bump(i integer) returns integer language plpgsql as $$ begin update bumped set y = 99 where id = i - 1; return i; end $$;
insert into bumped values (1), (2);
select t.taken();
update bumped set x = bump(id);
select is(t.taken('y'), '{"update 1=99","update 1=0","update 2=0"}', 'the image of the outer statement comes last, and it is the older one');
drop table bumped;

-- ---- images are final --------------------------------------------------------------------------------------------------------------------
create table orders (id integer primary key, parent integer, total integer, version integer default 1);
alter table orders owner to crm;
select t.capture('orders');
set role crm;
create function raise_total() returns trigger language plpgsql as $$
begin
  if new.total is null then update orders set total = 1, version = version + 1 where id = new.id; end if;
  return null;
end $$;
create trigger "AAA" after insert or update on orders for each row execute function raise_total();
insert into orders values (1, null, null);
reset role;
select is(t.taken('version'), '{create 1=1,update 1=2}', 'a trigger that updates the same row comes after us');
set role crm;
create function touch_sibling() returns trigger language plpgsql as $$
begin
  update orders set version = version + 10 where parent = new.id and version < 20;
  return null;
end $$;
create trigger "BBB" after update on orders for each row execute function touch_sibling();
alter table orders disable trigger "AAA";
insert into orders values (10, null, 1), (11, 10, 1);
select t.taken() \g /dev/null
update orders set version = version + 1 where id in (10, 11);
reset role;
select is((select array_agg(r order by r) from unnest((t.taken('version'))[3:3]) as r), '{update 11=12}',
  'a statement over siblings whose trigger writes one that is still to come: the last image is the newest');
set role crm;
drop trigger "BBB" on orders;
create function kill_sibling() returns trigger language plpgsql as $$ begin delete from orders where parent = new.id; return null; end $$;
create trigger "BBB" after update on orders for each row execute function kill_sibling();
insert into orders values (20, null, 1), (21, 20, 1);
select t.taken() \g /dev/null
update orders set version = 5 where id in (20, 21);
reset role;
select is(t.taken('version'), '{update 20=5,delete 21=5}', 'a row that a nested statement has deleted gets no image after its delete');
set role crm;
drop trigger "BBB" on orders;
create function revive() returns trigger language plpgsql as $$ begin
  insert into orders values (old.id + 1, 0, 0) on conflict (id) do nothing; return null; end $$;
create trigger "BBB" after delete on orders for each row when (old.parent is null) execute function revive();
delete from orders;
insert into orders values (30, null, 1), (31, 30, 1);
select t.taken() \g /dev/null
delete from orders where id in (30, 31);
reset role;
select is(t.taken('parent'), '{"delete 30=null","create 31=0","update 31=0"}', 'nor a row that was made anew its delete after its create');
create table k (id integer primary key deferrable initially deferred, v text);
alter table k owner to crm;
select t.capture('k');
set role crm;
insert into k values (4, 'a'), (5, 'b');
select t.taken() \g /dev/null
update k set id = id + 1;
reset role;
select is(t.taken('v'), '{rekey 5<4=a,rekey 6<5=b}', 'shifted keys are rekeys, no object disappears');

-- ---- partitions, inheritance, TRUNCATE, replica sessions ----------------------------------------------------------------------------------
create table part (id integer, region text, v integer, primary key (id, region)) partition by list (region);
create table part_eu partition of part for values in ('eu');
alter table part owner to crm; alter table part_eu owner to crm;
select t.capture('part', key => '{id}');
set role crm;
create table part_us (v integer, region text not null, id integer not null);
alter table part attach partition part_us for values in ('us');
insert into part values (1, 'eu', 1), (2, 'us', 1);
update part_us set v = 2;
reset role;
select is(t.taken('v'), '{create 1=1,create 2=1,update 2=2}', 'partitions, one attached later and with its columns in another order');
set role crm; update part set region = 'us', v = 3 where id = 1; reset role;
select is(t.taken('v'), '{update 1=3,create 1=3}', 'a row that moves to another partition is not deleted there');
select is((select description from tandem.drift() where watch = 'part' and problem = 'trigger missing or disabled' limit 1),
  'create or replace trigger "!tandem_truncate" before truncate on public.part_us for each statement execute function tandem.truncate_part()',
  'a new partition lacks its trigger for TRUNCATE until the next apply');
set role crm; truncate part; reset role;
select is((select array_agg(r order by r) from unnest(t.taken()) as r), '{delete 1,delete 2}', 'until then a TRUNCATE of the whole covers it');
select t.capture('part', key => '{id}');
select is_empty('select * from tandem.drift() where watch = ''part''', 'after it there is none');
set role crm; insert into part values (1, 'eu', 1), (2, 'us', 1); truncate part_us; reset role;
select is(t.taken(), '{create 1,create 2,delete 2}', 'TRUNCATE of one partition');
set role crm; delete from part; reset role;
select is(t.taken('v'), '{delete 1=1}', 'a delete in a partition');
create table base (id integer primary key, v integer);
create table child (more text) inherits (base);
alter table base owner to crm; alter table child owner to crm;
select t.capture('base');
set role crm;
insert into base values (1, 1); insert into child values (2, 1, 'x');
update base set v = 2;
truncate child;
reset role;
select is(t.taken('more'), '{create 1=null,create 2=null,update 1=null,update 2=null,delete 2=x}', 'child tables');
create table gone_by_truncate (id integer primary key, j json);
alter table gone_by_truncate owner to crm;
select t.capture('gone_by_truncate', '{"on_truncate": "alert"}');
set role crm; insert into gone_by_truncate values (1, '"\u0000"'); truncate gone_by_truncate; reset role;
select is(t.taken(), '{create 1!mapping}', 'on_truncate: alert writes no records');
select is((select array[kind, subject] from tandem.alert), '{truncate,there/gone_by_truncate}', 'but an alert');
select t.capture('gone_by_truncate', '{"when": "id > 0"}');
set role crm; insert into gone_by_truncate values (1, '"\u0000"'), (2, '1'); reset role;
select t.taken() \g /dev/null
set role crm; truncate gone_by_truncate; reset role;
select is((select array_agg(r order by r) from unnest(t.taken()) as r), '{delete 1,delete 2}', 'rows that JSON cannot hold are deleted without an image');
set session_replication_role = replica;
insert into base values (50, 1);
set session_replication_role = origin;
select is(t.taken(), '{create 50}', 'sessions that apply replicated rows are captured, too');
alter table base disable trigger "!tandem_update";
select is((select array_agg(problem) from tandem.drift() where watch = 'base'), '{trigger missing or disabled}', 'a disabled trigger is drift');
drop trigger "!tandem_row" on base;
select is((select count(*) from tandem.drift() where watch = 'base'), 3::bigint, 'so is a dropped one');
select t.capture('base');
select is_empty('select * from tandem.drift() where watch = ''base''', 'which apply mends');

-- ---- where a change comes from ---------------------------------------------------------------------------------------------------------------
create table contact (id integer primary key, name text, hits integer default 0);
create table phone (contact_id integer);
alter table contact owner to crm; alter table phone owner to crm;
grant all on contact, phone to tandem_connector;
set role crm;
create function count_hits() returns trigger language plpgsql security definer as $$
begin update contact set hits = hits + 1 where id = new.contact_id; return null; end $$;
create trigger count_hits after insert on phone for each row execute function count_hits();
reset role;
select t.capture('contact', '{}', 'there');
select t.capture('contact', '{}', 'erp');
set session authorization tandem_connector;
begin; set local tandem.origin = 'there'; insert into contact values (1, 'x'); insert into phone values (1); commit;
insert into contact values (2, 'no origin any more');
reset session authorization;
select is(t.taken('hits', 'there'), '{update 1=1,create 2=0}', 'an echo does not go back; what the CRM''s own trigger adds does, and so does the next transaction');
select is((select array_agg(concat_ws(' ', operation, object_id, origin) order by counter) from tandem.outbox where target = 'erp' and request_type = 'contact'),
  '{create 1 there,update 1,create 2}', 'other targets get every change, with its origin');
set session authorization crm;
begin; set local tandem.origin = 'there'; insert into contact values (3, 'forged'); commit;
reset session authorization;
select is(t.taken(), '{create 3}', 'only the connector''s sessions may say where a change comes from');
-- A watch with one target alone: its echo takes the short way.
create table fax (id integer primary key, v integer);
alter table fax owner to crm;
grant all on fax to tandem_connector;
set role crm;
create function copy_fax() returns trigger language plpgsql security definer as $$
begin if new.v = 7 then insert into fax values (new.id + 100, 1); update fax set v = 8 where id = new.id; end if; return null; end $$;
create trigger copy_fax after insert on fax for each row execute function copy_fax();
reset role;
select t.capture('fax', '{}', 'there');
set session authorization tandem_connector;
begin; set local tandem.origin = 'there'; insert into fax values (1, 1); update fax set v = 2; delete from fax; insert into fax values (2, 1); commit;
select is(t.taken(), '{}', 'nothing of an echo is recorded');
begin; set local tandem.origin = 'there'; insert into fax values (3, 7); update fax set v = 4 where id = 2; commit;
begin; set local tandem.origin = 'elsewhere'; update fax set v = 5 where id = 2; commit;
reset session authorization;
set session authorization crm;
begin; set local tandem.origin = 'there'; update fax set v = 6 where id = 2; commit;
reset session authorization;
select is(t.taken('v'), '{create 103=1,update 3=8,update 2=5,update 2=6}', 'the CRM''s own triggers, other sources and forged origins are');
create table branch_fax () inherits (fax);
alter table branch_fax owner to crm;
grant all on branch_fax to tandem_connector;
select t.capture('fax', '{}', 'there');
set session authorization tandem_connector;
begin; set local tandem.origin = 'there'; insert into branch_fax values (9, 1); update fax set v = 2 where id = 9; commit;
update branch_fax set v = 3;
reset session authorization;
select is(t.taken('v'), '{update 9=3}', 'an echo in a child table is one, too');

-- ---- row-level security -----------------------------------------------------------------------------------------------------------------------
create table secret (id integer primary key, owner text, v integer);
alter table secret owner to crm;
alter table secret enable row level security;
alter table secret force row level security;
create policy own on secret using (owner = current_user);
select t.capture('secret');
set role crm;
insert into secret values (1, 'crm', 1);
set tandem.nested = 'on'; update secret set v = 2; reset tandem.nested;
delete from secret;
reset role;
select is(t.taken('v'), '{create 1=1,update 1=2,delete 1=2}', 'a policy hides nothing from capture');
insert into secret values (2, 'other', 1);
set role tandem_connector;
select is((select array[found::text, error] from tandem.live_secret('2')), array[null, 'query would be affected by row-level security policy for table "secret"'],
  'read live, a policy is an error and never looks like a delete');
reset role;

-- ---- counters ------------------------------------------------------------------------------------------------------------------------------------
select t.taken() \g /dev/null
select ok(tandem.enqueue('there', 'contact', '1') is not null, 'enqueue');
select is((select array[operation, object_id, body::text] from tandem.outbox order by counter desc limit 1), array['update', '1', null], 'writes a record without a body');
select is((select attname::text from pg_attribute where attrelid = 'tandem.outbox'::regclass and attnum = 1), 'xid', 'the transaction id is drawn before the counter');
select throws_ok('update tandem.outbox set request_state = 3', '23514', null, 'no record is done without an outcome');
select throws_ok('update tandem.outbox set outcome = ''delivered''', '23514', null, 'nor has one while it is pending');
select throws_ok('update tandem.outbox set request_state = 4, outcome = ''delivered''', '23514', null, 'nor one of another state');
select throws_ok('update tandem.outbox set operation = ''changed''', '23514', null, 'and every operation is known');
insert into tandem.outbox (object_id, request_type, operation, target) values ('by hand', 'contact', 'upsert', 'there');
insert into tandem.inbox (object_id, request_type, operation, source, source_record_id) values ('by hand', 'contact', 'upsert', 'there', 'by hand');
select lives_ok('update tandem.outbox set request_state = 4, outcome = ''rejected'' where object_id = ''by hand''', 'one that somebody has inserted can be settled');
select lives_ok('update tandem.inbox set request_state = 4, outcome = ''rejected'' where object_id = ''by hand''', 'in both queues');
delete from tandem.outbox where object_id = 'by hand'; delete from tandem.inbox where object_id = 'by hand';
update tandem.outbox set request_state = 3, outcome = 'delivered';
select throws_ok('update tandem.outbox set request_state = 1, outcome = null', '23514', null, 'what is done stays done');
select ok((select bool_and(tandem.counter_of(record_id) = counter and substr(record_id::text, 15, 1) = '8') from tandem.outbox), 'record_id carries its counter');
create temp table before as select counter, record_id from tandem.outbox order by counter desc limit 1;
begin; select tandem.enqueue('there', 'contact', '1'); rollback;
select setval('tandem.outbox_counter_seq', (select counter from before));
select tandem.enqueue('there', 'contact', '2');
select isnt((select record_id from tandem.outbox order by counter desc limit 1), (select record_id from before), 'and differs from record to record');
select * from finish();
