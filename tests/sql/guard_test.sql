-- What keeps the CRM going, and others out, whatever the CRM and the configuration do.
select plan(35);
grant all on __tcache__, __tcache___id_seq, __tresults___numb_seq to public;

-- ---- a failed ASSERT, which `when others` does not catch --------------------------------------------------------------------------------
set role crm;
create function must_be_small(n integer) returns boolean language plpgsql as $$ begin assert n < 10, 'too large'; return true; end $$;
create table measure (id integer primary key, n integer);
reset role;
select t.capture('measure', '{"when": "public.must_be_small(n)"}') \g /dev/null
set role crm;
select lives_ok('insert into measure values (1, 5), (2, 50)', 'a failed ASSERT in a condition does not fail an insert');
select lives_ok('update measure set n = n + 1', 'nor an update');
select lives_ok('delete from measure where id = 1', 'nor a delete');
select lives_ok('truncate measure', 'nor a TRUNCATE');
reset role;
select is(t.taken(), '{create 1,create 2!mapping,update 1,update 2!mapping,delete 1,delete 2!mapping}', 'it is the record''s error');
select is_empty($$select p.proname from pg_proc p where p.pronamespace = 'tandem'::regnamespace and p.prosrc ~ 'exception\s+when others then'$$,
  'no handler forgets it');

-- ---- who owns the table, and whose trigger it is -----------------------------------------------------------------------------------------
create role heir login;
grant create on schema public to heir;
create table part (id integer, region text, primary key (id, region)) partition by list (region);
alter table part owner to crm;
select t.capture('part', key => '{id}') \g /dev/null
alter table part owner to heir;
set role heir;
select lives_ok($$create table part_eu partition of part for values in ('eu')$$, 'a new owner makes a partition');
create table part_us (like part including all);
select lives_ok($$alter table part attach partition part_us for values in ('us')$$, 'and attaches one');
insert into part values (1, 'eu'), (2, 'us');
update part set id = 3 where id = 2;
delete from part where id = 1;
reset role;
select is(t.taken(), '{create 1,create 2,rekey 3<2,delete 1}', 'which are captured');
alter table part detach partition part_us;
set role heir; insert into part_us values (4, 'us'); reset role;
select is(t.taken(), '{}', 'until they are detached');
select is_empty('select * from tandem.plan_capture(''part'') where statement like ''grant execute%''', 'no right is missing for that');
create role thief login; grant tandem_viewer to thief;
set role thief;
create temp table loot (id integer, region text);
select lives_ok('create trigger t after insert or update or delete on loot for each row execute function tandem.capture_part()', 'a trigger on a table of one''s own');
insert into loot values (5, 'eu');
set tandem.nested = 'on';
update loot set id = 6;
set tandem.nested = 'off';
delete from loot;
create temp table loot_of_measure (id integer, n integer);
create trigger t after insert or update or delete on loot_of_measure for each row execute function tandem.capture_measure();
insert into loot_of_measure values (5, 1), (6, 11);
reset role;
select is(t.taken(), '{}', 'records nothing');
\set ECHO none
set role admin; \i :sql/privileges.sql
reset role;
set role heir;
select lives_ok($$create table part_cn partition of part for values in ('cn')$$, 'renewed privileges change nothing about it');
reset role;

-- ---- expressions are checked without being run, and are one expression --------------------------------------------------------------------
create sequence trace_seq;
create function public.leave_a_trace() returns integer language sql immutable as $$ select nextval('public.trace_seq')::integer $$;
create table "Quo ""ted" (id integer primary key, n integer, "a""b" text);
select is(tandem.check_expression('"Quo ""ted"', 'n > 0 and "a""b" <> '')'' -- a comment', 'boolean'), null, 'an expression');
select is(tandem.check_expression('"Quo ""ted"', 'exists (select from public.measure m where m.id = n)', 'boolean'), null, 'a subquery in parentheses is one');
select is(tandem.check_expression('"Quo ""ted"', 'case when n > 0 then 1 end'), null, 'so is a CASE');
select is(tandem.check_expression('"Quo ""ted"', 'public.leave_a_trace() > 0', 'boolean'), null, 'a call is one');
select is((select is_called from trace_seq), false, 'and is not made');
select isnt(tandem.check_expression('"Quo ""ted"', malformed), null, malformed) from unnest(array[
  '1) from pg_class; select (1', '1) from pg_class where (true', '1) as x; drop table public.measure; create view pg_temp.v as select (1',
  'n, id', 'select 1', '1) union select (2', '1 end) from pg_class where (case when true then 1', '1 else 2', 'n) as c /*', '1, "', '']) as malformed;
select is((select count(*) from pg_class where relname = 'measure'), 1::bigint, 'nothing of them has been run');

-- ---- TRUNCATE is bounded ------------------------------------------------------------------------------------------------------------------
select t.capture('measure', '{"when": "n >= 0", "truncate_most": 3}') \g /dev/null
insert into measure select g, g - 1 from generate_series(0, 3) as g;
select t.taken() \g /dev/null
truncate measure;
select is((select count(*) from unnest(t.taken()) as r where r like 'delete%'), 3::bigint, 'as many rows as the route allows are deletes');
insert into measure select g, g from generate_series(1, 4) as g;
select t.taken() \g /dev/null
truncate measure;
select is(t.taken(), '{}', 'more are not');
select is((select description from tandem.alert order by alert_id desc limit 1),
  'table public.measure was truncated and its deletes could not be recorded: it had more than 3 rows', 'but an alert');

-- ---- replica identity: another's `for all tables` must not make our updates fail ---------------------------------------------------------
select is_empty($$select c.relname from pg_class c where c.relnamespace = 'tandem'::regnamespace and c.relkind in ('r', 'p')
  and not exists (select from pg_index i where i.indrelid = c.oid and i.indisprimary)$$, 'every table of tandem has a primary key');
select * from finish();
