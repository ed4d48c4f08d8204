-- What is captured, in ordinary use: operations, conditions, watched columns, several routes, bodies.
begin;
select plan(37);

create table opportunity (id integer primary key, stage text, amount numeric(12, 2), note text);
alter table opportunity owner to crm;
select t.capture('public.opportunity');
select is_empty('select * from tandem.plan_capture(''opportunity'')', 'a captured table needs nothing more');
select is_empty('select * from tandem.drift()', 'and shows no drift');
select t.forbid_recovery();

set role crm;
insert into opportunity values (1, 'draft', 10.50, null), (2, 'open', null, 'x');
reset role;
select is(t.taken('amount'), '{create 1=10.50,create 2=null}', 'one create per inserted row, numbers as printed');
set role crm;
update opportunity set amount = 11 where id = 1;
update opportunity set amount = 11 where id = 1;
update opportunity set id = 7 where id = 2;
delete from opportunity where id = 7;
reset role;
select is(t.taken('amount'), '{update 1=11.00,rekey 7<2=null,delete 7=null}', 'an update that changes nothing is no record; a changed key is a rekey; a delete has its old image');
set role crm;
insert into opportunity values (1, 'x', 1, '') on conflict (id) do update set stage = 'upserted';
copy opportunity from stdin;
3	open	5	copied
\.
with moved as (update opportunity set note = 'cte' where id = 1 returning id) insert into opportunity select id + 10 from moved;
reset role;
select is(t.taken('stage'), '{update 1=upserted,create 3=open,update 1=upserted,create 11=null}'::text[], 'upsert, COPY and data-modifying CTEs');
set role crm;
truncate opportunity;
reset role;
select is((select array_agg(x order by x) from unnest(t.taken()) as x), '{delete 1,delete 11,delete 3}', 'TRUNCATE is a delete of every row');

-- condition
select t.capture('public.opportunity', '{"when": "stage <> ''draft'' and coalesce(amount, 0) >= 0", "on_leave": "ignore"}');
set role crm;
insert into opportunity values (1, 'draft', 1, null), (2, 'open', 1, null);
reset role;
select is(t.taken(), '{create 2}', 'rows outside the condition are not captured');
set role crm;
update opportunity set stage = 'open' where id = 1;
update opportunity set note = 'a' where id = 1;
update opportunity set amount = -1 where id = 1;
update opportunity set note = 'b' where id = 1;
delete from opportunity where id = 1;
delete from opportunity where id = 2;
reset role;
select is(t.taken(), '{create 1,update 1,delete 2}', 'entering is a create, leaving is ignored where the route says so');
select t.capture('public.opportunity', '{"when": "stage <> ''draft''", "on_leave": "delete"}');
set role crm;
insert into opportunity values (1, 'open', 1, 'a');
update opportunity set stage = 'draft', note = 'b' where id = 1;
update opportunity set stage = null where id = 1;
reset role;
select is(t.taken('note'), '{create 1=a,delete 1=a}', 'leaving is a delete with the image before');
select t.capture('public.opportunity', '{"when": "stage <> ''draft''", "on_leave": "update"}');
set role crm;
update opportunity set stage = 'open' where id = 1;
update opportunity set stage = 'draft', note = 'c' where id = 1;
truncate opportunity;
reset role;
select is(t.taken('note'), '{create 1=b,update 1=c}', 'leaving is an update with the image after; a TRUNCATE deletes what the route has sent');

-- watched columns, operations, changed
select t.capture('public.opportunity', '{"columns": ["stage", "amount"], "changed": true}');
set role crm;
insert into opportunity values (1, 'open', 1, 'a');
update opportunity set note = 'b' where id = 1;
update opportunity set note = 'c', stage = 'won', amount = 1.00 where id = 1;
reset role;
select is(t.taken('note'), '{create 1=a,update 1=c}', 'a change in other columns is not captured, and travels with the next one');
select is((select changed from tandem.outbox order by counter desc limit 1), '{note,stage}', 'changed names what this statement changed');
select t.capture('public.opportunity', '{"operations": ["create", "delete"]}');
set role crm;
update opportunity set note = 'd' where id = 1;
update opportunity set id = 2 where id = 1;
delete from opportunity;
insert into opportunity values (1, 'open', 1, 'a');
reset role;
select is(t.taken(), '{delete 2,create 1}', 'only the operations that the route names');

-- fan-out
select t.capture('public.opportunity', '{"body": "latest"}');
select t.capture('public.opportunity', '{"when": "amount > 100"}', 'erp');
select t.capture('public.opportunity', '{"columns": ["note"]}', 'bi', 'deal');
set role crm;
insert into opportunity values (5, 'open', 200, 'n');
update opportunity set amount = 201 where id = 5;
reset role;
select is((select array_agg(concat_ws(' ', target, request_type, operation, object_id, body is null) order by outbox.counter) from tandem.outbox, t.seen where outbox.counter > seen.counter),
  '{bi deal create 5 f,erp opportunity create 5 f,there opportunity create 5 t,erp opportunity update 5 f,there opportunity update 5 t}',
  'several routes; `latest` writes no body');
select is((select array_agg(distinct outbox.xmin::text) from tandem.outbox where operation <> 'delete'), array[pg_current_xact_id()::xid::text], 'no capture takes a subtransaction id');
select t.taken() \g /dev/null

-- composite and other keys
create table line (order_no text, "Pos" smallint, day date, qty numeric, primary key (order_no, "Pos", day));
alter table line owner to crm;
select t.capture('line');
set role crm; insert into line values ('A "1"', 2, '2026-01-31', 3); reset role;
select is(t.taken('qty'), array['create ["A \"1\"", 2, "2026-01-31"]=3'], 'a composite key is a JSON array');
select is((select image ->> 'qty' from tandem.live_line('["A \"1\"", 2, "2026-01-31"]')), '3', 'and is read back');
create table event (at timestamptz primary key);
alter table event owner to crm;
select t.capture('event');
set role crm; set timezone = 'Asia/Kolkata'; set datestyle = 'German';
insert into event values ('2026-01-31 12:00:00.5+00');
reset role;
select is(t.taken('at'), '{create 2026-01-31T12:00:00.5+00:00=2026-01-31T12:00:00.5+00:00}', 'a timestamp as key is UTC in every session');
select is((select found from tandem.live_event('2026-01-31T12:00:00.5+00:00')), true, 'and is found again');
reset timezone; reset datestyle;

-- names
create schema "Sch ema" authorization crm;
create table "Sch ema"."Größe ""x"" $tandem$" ("select" integer primary key, "new" text, "old" text, "Ümläut" text, "a""b" text, "kept" int, "object_id" text, "image" text, "kind" text, "record" text);
alter table "Sch ema"."Größe ""x"" $tandem$" owner to crm;
select t.capture('"Sch ema"."Größe ""x"" $tandem$"', '{"when": "\"new\" <> ''no'' and \"Ümläut\" is distinct from ''{{key_new}}''", "columns": ["a\"b", "new", "old", "select"], "changed": true}');
set role crm;
insert into "Sch ema"."Größe ""x"" $tandem$" values (1, 'n', 'o', 'ü', 'ab', 1, 'oid', 'img', 'k', 'r');
update "Sch ema"."Größe ""x"" $tandem$" set "a""b" = 'c', "new" = 'm';
reset role;
select is(t.taken('new'), '{create 1=n,update 1=m}', 'quoted, keyword and non-ASCII names');
select is((select image ->> 'kind' from tandem."live_Größe ""x"" $tandem$"('1')), 'k', 'also when read live');
create table nested_names ("new" integer primary key, "old" integer, "new_row" integer);
alter table nested_names owner to crm;
select t.capture('nested_names');
set role crm;
set tandem.nested = 'on';
insert into nested_names values (1, 2, 3);
update nested_names set "old" = 5;
reset role; reset tandem.nested;
select is(t.taken('old'), '{create 1=2,update 1=5}', 'a table whose columns are called as the rows in a trigger is read again properly');
select is((select body from tandem.outbox order by counter desc limit 1), '{"new": 1, "old": 5, "new_row": 3}', 'whole row');
create table long_name_of_a_table_that_is_as_long_as_any_identifier_may_be (id integer primary key);
alter table long_name_of_a_table_that_is_as_long_as_any_identifier_may_be owner to crm;
select lives_ok($$select t.capture('long_name_of_a_table_that_is_as_long_as_any_identifier_may_be')$$, 'a name that leaves no room for a prefix');
set role crm; insert into long_name_of_a_table_that_is_as_long_as_any_identifier_may_be values (1); reset role;
select is(t.taken(), '{create 1}', 'is captured');

-- a generated column, and a column added later
create table sum (id integer primary key, a integer, twice integer generated always as (a * 2) stored);
alter table sum owner to crm;
select t.capture('sum', '{"when": "twice > 2"}');
set role crm; insert into sum values (1, 1), (2, 2); update sum set a = 5; reset role;
select is(t.taken('twice'), '{create 2=4,create 1=10,update 2=10}', 'generated columns, also in conditions');
alter table sum add column later text default 'new';
set role crm; update sum set a = 6 where id = 1; reset role;
select is(t.taken('later'), '{update 1=new}', 'a column that the CRM adds travels at once');
select is_empty('select * from tandem.drift()', 'and is no drift');

-- settings of the session
create table trace (id integer primary key);
alter table trace owner to crm;
select t.capture('trace');
set role crm;
set tandem.trace_context = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
insert into trace values (1);
set tandem.trace_context = '';
insert into trace values (2);
reset role;
select is((select array_agg(coalesce(trace_context, 'none') order by counter) from tandem.outbox where request_type = 'trace'),
  '{00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01,none}', 'the trace context of the session');
select t.taken() \g /dev/null
set role crm;
savepoint a; insert into trace values (3); rollback to a; insert into trace values (4); release a;
reset role;
select is(t.taken(), '{create 4}', 'what is rolled back is not captured');
select lives_ok($$drop table trace$$, 'a watched table may be dropped');
-- ---- a condition, and operations that lack one ------------------------------------------------------------------------------------------------
create table part (id integer primary key, n integer);
alter table part owner to crm;
create function t.part_life(operations jsonb) returns text[] language plpgsql as $$
begin
  perform t.capture('part', jsonb_build_object('when', 'n > 0', 'operations', operations));
  perform set_config('role', 'crm', true);
  insert into part values (1, 1), (2, 0);
  update part set n = 3 where id = 1;
  update part set n = 4 where id = 2;
  delete from part;
  perform set_config('role', 'none', true);
  return t.taken();
end $$;
select is(t.part_life('["update"]'), '{update 1}', 'updates alone');
select is(t.part_life('["create", "update"]'), '{create 1,update 1,create 2}', 'no deletes');
select is(t.part_life('["delete"]'), '{delete 1,delete 2}', 'deletes alone');
select is(t.part_life('["create"]'), '{create 1,create 2}', 'creates alone');
select is(t.part_life('["update", "delete"]'), '{update 1,delete 1,delete 2}', 'no creates');
select is_empty('select * from tandem.plan_capture(''part'')', 'nothing is left to generate');
select * from finish();
rollback;
