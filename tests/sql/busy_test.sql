-- Installing on a table that others are writing to: it waits briefly, gives up, leaves nothing behind, and succeeds later.
select plan(9);
create table opportunity (id integer primary key, v integer); alter table opportunity owner to crm;
insert into opportunity values (1, 1);
set role admin;
select tandem.apply_target('there', '{}'), tandem.apply_watch('opportunity', 'opportunity'), tandem.apply_route('there', 'opportunity', 'opportunity', '{}') \g /dev/null
reset role;
select dblink_connect('crm', format('host=%s port=%s dbname=%s user=crm', split_part(current_setting('unix_socket_directories'), ',', 1), current_setting('port'), current_database())) \g /dev/null
select dblink_connect('other', format('host=%s port=%s dbname=%s user=crm', split_part(current_setting('unix_socket_directories'), ',', 1), current_setting('port'), current_database())) \g /dev/null
select dblink_exec('crm', 'begin; update opportunity set v = 2 where id = 1') \g /dev/null
select throws_ok($$select tandem.generate_capture('opportunity', '200 ms')$$, '55P03', null, 'it gives up when a writer does not end');
select is((select count(*) from pg_trigger where tgrelid = 'opportunity'::regclass), 0::bigint, 'without a trigger');
select is(to_regprocedure('tandem.capture_opportunity()'), null, 'or a function');
select dblink_send_query('other', 'set statement_timeout = ''5s''; insert into opportunity values (2, 1)') \g /dev/null
select throws_ok($$select tandem.generate_capture('opportunity', '50 ms')$$, '55P03', null, 'again');
select lives_ok($$select * from dblink_get_result('other') as r (res text)$$, 'another writer was not held up');
select throws_ok($$select tandem.generate_capture('opportunity', '50 ms')$$, '55P03', null, 'still busy');
select dblink_exec('crm', 'commit') \g /dev/null
select dblink_disconnect('other') \g /dev/null
call tandem.install_capture('opportunity');
select is((select count(*) from pg_trigger where tgrelid = 'opportunity'::regclass and tgenabled = 'A'), 3::bigint, 'when the writer has ended it succeeds');
select dblink_exec('crm', 'begin; update opportunity set v = 3 where id = 1') \g /dev/null
select is(tandem.generate_capture('opportunity'), 0, 'a table that is captured already is not locked');
select t.capture('opportunity', '{"columns": ["v"]}') \g /dev/null
select dblink_exec('crm', 'commit') \g /dev/null
select is((select count(*) from tandem.outbox), 1::bigint, 'and its function is replaced beside open writers');
select dblink_disconnect('crm') \g /dev/null
select * from finish();
