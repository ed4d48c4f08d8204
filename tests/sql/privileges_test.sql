-- Who may do what.
select plan(34);
grant all on __tcache__, __tcache___id_seq, __tresults___numb_seq to public;
create role operator login; grant tandem_operator to operator;
create role viewer login; grant tandem_viewer to viewer;
create role stranger login;
create table opportunity (id integer primary key, v integer); alter table opportunity owner to crm;
select t.capture('opportunity') \g /dev/null
insert into opportunity values (1, 1);
select record_id as id from tandem.outbox \gset

select is((select rolsuper or rolcreaterole or rolcreatedb or rolbypassrls or rolcanlogin from pg_roles where rolname = 'tandem_owner'), false, 'tandem_owner has no attribute');
select is((select count(*) from pg_class where relnamespace = 'tandem'::regnamespace and relowner <> 'tandem_owner'::regrole), 0::bigint, 'tables, views and sequences belong to tandem_owner');
select is((select count(*) from pg_proc where pronamespace = 'tandem'::regnamespace and proowner <> 'tandem_owner'::regrole), 0::bigint, 'functions, too');
select is_empty($$select proname from pg_proc where pronamespace = 'tandem'::regnamespace and prosecdef and not exists (select from unnest(proconfig) c where c like 'search_path=pg_catalog, pg_temp')$$,
  'with the owner''s rights only under a pinned search_path');
select is_empty($$select proname from pg_proc where pronamespace = 'tandem'::regnamespace and has_function_privilege('public', oid, 'execute') and proname <> 'capture_opportunity'$$,
  'nothing is executable by everybody but the trigger function, which records nothing for another table');
select is_empty($$select relname from pg_class where relnamespace = 'tandem'::regnamespace and relkind in ('r', 'v', 'S') and has_table_privilege('stranger', oid, 'select, insert, update, delete')$$, 'nothing is readable by everybody');

set role stranger;
select throws_ok('select * from tandem.outbox_status', '42501', null, 'a stranger sees nothing');
create temp table forged (id integer primary key);
select throws_ok('create trigger t after insert on forged for each row execute function tandem.capture_opportunity()', '42501', null, 'and cannot forge records');
set role viewer;
select lives_ok($$select o.counter, t.paused, r.paused, p.counter, f.counter from tandem.outbox o, tandem.target t, tandem.route r, tandem.parked p, tandem.failed f, tandem.connector, tandem.connector_alive$$,
  'a viewer sees what `tandem status` asks');
select lives_ok('select * from tandem.outbox_status, tandem.lag, tandem.failures, tandem.unpaired, tandem.object_sync, tandem.inbox_status', 'a viewer sees the views');
select lives_ok(format('select * from tandem.trace(%L)', :'id'), 'and traces');
select throws_ok('select body from tandem.outbox', '42501', null, 'but no bodies');
select throws_ok(format('select tandem.retry(%L::uuid)', :'id'), '42501', null, 'and changes nothing');
create temp table forged_again (id integer primary key);
create trigger t after insert on forged_again for each row execute function tandem.capture_opportunity();
insert into forged_again values (4711);
select is_empty('select from tandem.outbox where object_id = ''4711''', 'nor forges records');
set role operator;
select lives_ok('select body from tandem.outbox', 'an operator sees bodies');
select lives_ok(format('select tandem.discard(%L::uuid)', :'id'), 'discards');
select lives_ok($$select tandem.pause('there'), tandem.resume('there'), tandem.enqueue('there', 'opportunity', '1')$$, 'pauses, resumes, enqueues');
select throws_ok('update tandem.outbox set request_state = 3', '42501', null, 'but writes no states by hand');
select throws_ok('select tandem.wake_blocked(''outbox'', ''{1}'')', '42501', null, 'nor calls what is behind the functions');
set role tandem_mapping;
select lives_ok('select * from opportunity', 'tandem_mapping reads watched tables');
select lives_ok('select * from tandem.live_opportunity(''1'')', 'and live rows');
select throws_ok('update opportunity set v = 2', '42501', null, 'writes none');
select throws_ok('select * from tandem.outbox', '42501', null, 'and sees nothing of tandem');
select throws_ok('insert into tandem.parked values (1)', '42501', null, 'nor settles');
set role tandem_connector;
select lives_ok($$update tandem.outbox set request_state = 2, description = 'x' where counter = -1$$, 'the connector settles');
select lives_ok($$insert into tandem.outbox (object_id, request_type, operation, target) values ('1', 'opportunity', 'update', 'there')$$, 'and writes `latest` records');
select throws_ok('update tandem.outbox set body = ''{}''', '42501', null, 'but rewrites no body');
select throws_ok('delete from tandem.outbox', '42501', null, 'deletes no record');
select throws_ok('update tandem.route set definition = ''{}''', '42501', null, 'changes no route');
select throws_ok('update opportunity set v = 2', '42501', null, 'and no table of the CRM');
select lives_ok('select * from tandem.remove_settled(''outbox''), tandem.drift(), tandem.remove_drained()', 'runs retention and looks for drift');
select is(tandem.check_expression('opportunity', 'v + nothing'), 'column "nothing" does not exist', 'checks expressions');
select lives_ok('set role tandem_mapping', 'becomes tandem_mapping to evaluate expressions');
reset role;
select lives_ok($$select pg_catalog.set_config('role', 'admin', false); select * from tandem.plan_capture('opportunity')$$, 'whoever installs plans');
reset role;
select * from finish();
