-- A changed row sends the object that it belongs to (`touches`). Statements run in transactions of their own, as the CRM's do.
select plan(38);
grant all on __tcache__, __tcache___id_seq, __tresults___numb_seq to public;   -- tests are also made as other roles

create function t.touch(table_name text, touches jsonb, key text[] default null) returns integer
language plpgsql as $$
begin
  perform set_config('role', 'admin', true);
  perform tandem.apply_watch(table_name, table_name, key, definition => jsonb_build_object('touches', touches));
  return tandem.generate_capture(table_name);
end
$$;

create table quote (id bigint primary key, name text);
create table line (id integer primary key, quote_id bigint references quote on update cascade on delete cascade, n integer);
alter table quote owner to crm; alter table line owner to crm;
select t.capture('quote');
select ok(t.touch('line', '[{"watch": "quote", "by": ["quote_id"]}]') > 0, 'a watch without routes of its own');
select is_empty($$select * from tandem.drift()$$, 'no drift');
select is(has_table_privilege('tandem_mapping', 'line', 'select'), true, 'mappings may read the rows that touch');
set role crm;
insert into quote values (1, 'a'), (2, 'b');
reset role;
select t.taken() \g /dev/null

-- ---- every operation ------------------------------------------------------------------------------------------------------------------------
set role crm;
insert into line values (10, 1, 1);
select is(t.taken('name'), '{update 1=null}', 'a new row');
update line set n = 2;
select is(t.taken(), '{update 1}', 'a changed one');
update line set n = 2;
select is(t.taken(), '{}', 'not one that is as it was');
update line set quote_id = 2;
select is(t.taken(), '{update 1,update 2}', 'one that moves: both objects');
update line set quote_id = null;
select is(t.taken(), '{update 2}', 'one that leaves');
update line set n = 3;
delete from line;
select is(t.taken(), '{}', 'one that belongs to nothing');
insert into line values (10, 1, 1);
delete from line;
select is(t.taken(), '{update 1,update 1}', 'a deleted one');
reset role;
select is((select row(body is null, changed, error_code, request_state, origin)::text from tandem.outbox order by counter desc limit 1), '(t,{},,1,)',
  'an update of the object without a body, in which none of its columns has changed');

-- ---- one record for many rows of a transaction ----------------------------------------------------------------------------------------------
set role crm;
insert into line select g, 1, g from generate_series(1, 100) as g;
select is(t.taken(), '{update 1}', 'a statement over many rows');
begin; update line set n = 0 where id = 1; update line set n = 0 where id = 2; delete from line where id = 3; commit;
select is(t.taken(), '{update 1}', 'a transaction of many statements');
begin; savepoint a; update line set n = 7 where id = 1; rollback to a; update line set n = 7 where id = 2; commit;
select is(t.taken(), '{update 1}', 'a savepoint takes back both the record and that it was written');
begin; update line set n = 8 where id = 1; rollback;
update line set n = 8 where id = 2;
select is(t.taken(), '{update 1}', 'and so does a transaction');

-- ---- the object changes, too ----------------------------------------------------------------------------------------------------------------
update quote set id = 5 where id = 1;
select is(t.taken(), '{"rekey 5<1","update 1","update 5"}', 'a changed key goes before what its rows write');
delete from quote where id = 5;
select is(t.taken(), '{"delete 5","update 5"}', 'and so does a delete');
reset role;

-- ---- echoes -----------------------------------------------------------------------------------------------------------------------------------
select t.capture('quote', '{}', 'erp');
select is_empty($$select * from tandem.generate_capture('line') where generate_capture = 0$$, 'a new route of the object changes what its rows write');
set session authorization tandem_connector;
reset session authorization;
grant insert on line to tandem_connector;
set session authorization tandem_connector;
begin; set local tandem.origin = 'there'; insert into public.line values (1, 2, 1); commit;
reset session authorization;
select is(array[t.taken(null, 'there')::text, (select max(target) from tandem.outbox where counter = (select max(counter) from tandem.outbox))], '{"{}",erp}',
  'what has been applied here does not go back, but to all others');
set role crm;
set tandem.origin = 'there'; update line set n = 9; reset tandem.origin;
reset role;
select is(t.taken(), '{update 2}', 'an origin that somebody else sets does not count');

-- ---- it cannot fail the CRM --------------------------------------------------------------------------------------------------------------------
create table tag (id text primary key, v text);
create table tagging (id integer primary key, tag_id integer, a text);
alter table tag owner to crm; alter table tagging owner to crm;
create table typed (id integer primary key);
create table refers (id integer primary key, typed_id text);
alter table typed owner to crm; alter table refers owner to crm;
select t.capture('tag'), t.capture('typed');
select t.touch('tagging', '[{"watch": "tag", "by": ["tag_id"]}]'), t.touch('refers', '[{"watch": "typed", "by": ["typed_id"]}]');
set role crm;
insert into tagging values (1, 7, 'x');
select is(t.taken(), '{update 7}', 'the key as text of its own type');
insert into refers values (1, '007'), (2, 'no number');
select is(t.taken(), '{"update 7","update no number"}', 'a key that is none is sent as it is: its object is not there');
alter table tagging rename tag_id to label_id;
update tagging set a = 'y';
select is(t.taken(), '{update 7}', 'a renamed column is found by its number');
alter table tagging alter label_id type text;
update tagging set a = 'z';
select is(t.taken(), '{update 7}', 'a retyped one, too');
alter table tagging drop label_id;
update tagging set a = 'q';
select is(t.taken(), '{"update !mapping"}', 'a dropped one is an error of the record');
reset role;
select is((select problem from tandem.drift() where watch = 'tagging'), 'route refers to what is gone', 'and drift');
set role crm;
select lives_ok('drop table tagging', 'the table may go');
reset role;

-- ---- composite keys, partitions, truncate, two objects of one kind ------------------------------------------------------------------------------
create table place (country text, code integer, primary key (country, code));
create table visit (id integer, day date, country text, code integer, primary key (id, day)) partition by range (day);
create table visit_1 partition of visit for values from ('2026-01-01') to ('2026-02-01');
create table transfer (id integer primary key, giver bigint, taker bigint);
alter table place owner to crm; alter table visit owner to crm; alter table visit_1 owner to crm; alter table transfer owner to crm;
select t.capture('place');
select t.touch('visit', '[{"watch": "place", "by": ["country", "code"]}]');
select t.touch('transfer', '[{"watch": "quote", "by": ["giver"]}, {"watch": "quote", "by": ["taker"]}]');
set role crm;
insert into place values ('CH', 1);
insert into visit values (1, '2026-01-02', 'CH', 1);
insert into visit_1 values (2, '2026-01-03', 'CH', null);
select is(t.taken(), '{"create [\"CH\", 1]","update [\"CH\", 1]"}', 'a key of two columns, through a partition');
truncate visit;
select is((t.taken())[1], 'update ["CH", 1]', 'truncate');
reset role;
create table entry (id integer primary key, quote_id bigint);
insert into entry select n, 1 + n % 2 from generate_series(1, 100001) as n;
alter table entry owner to crm;
select t.touch('entry', '[{"watch": "quote", "by": ["quote_id"]}]');
select t.taken() \g /dev/null
set role crm; truncate entry; reset role;
select is(t.taken(), '{}', 'too many rows to read while everybody waits');
select matches((select description from tandem.alert where kind = 'truncate'), 'it had more than 100000 rows', 'are an alert');
alter table entry disable trigger user;
insert into entry select n, 1 + n % 2 from generate_series(1, 100000) as n;
alter table entry enable trigger user;
alter table entry enable always trigger "!tandem_touch_truncate";
set role crm; truncate entry; reset role;
select is((select array_agg(x order by x) from unnest(t.taken()) as x), '{update 1,update 2}', 'as many as are read');
set role crm;
insert into transfer values (1, 2, 3);
select is((select array_agg(x order by x) from unnest(t.taken()) as x), '{update 2,update 3}', 'two objects of one kind');
update transfer set giver = 3;
select is((select array_agg(x order by x) from unnest(t.taken()) as x), '{update 2,update 3}', 'of which one stays');
reset role;
select throws_like($$select t.touch('transfer', '[{"watch": "place", "by": ["giver"]}]')$$, '%has 2 columns, and `by` names 1', 'as many columns as the key has');

-- ---- the end ------------------------------------------------------------------------------------------------------------------------------------
set role admin;
select tandem.unwatch('quote', drain => false) \g /dev/null
reset role;
set role crm; update transfer set taker = 9; insert into line values (77, 2, 2); reset role;
select is(t.taken(), '{}', 'without a route of the object nothing is written');
select is_empty($$select tgname from pg_trigger where tgrelid in ('line'::regclass, 'transfer'::regclass) and tgname like '!tandem%'$$, 'and the triggers are gone');
set role admin;
select tandem.unwatch('visit', drain => false) \g /dev/null
select tandem.remove_drained() \g /dev/null
reset role;
select is_empty($$select from tandem.watch where watch = 'visit'$$, 'a watch that only touched is forgotten');
select * from finish();
