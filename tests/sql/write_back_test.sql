-- Columns of the CRM's own tables that tandem writes (`write_back`). Statements run in transactions of their own.
select plan(43);
grant all on __tcache__, __tcache___id_seq, __tresults___numb_seq to public;   -- tests are also made as other roles

create table account (id bigint primary key, name text, crm_id integer, crm_state varchar(20), touched_by text);
alter table account owner to crm;
select t.capture('account', '{"write_back": {"remote_id": "crm_id", "status": "crm_state"}, "ignores": ["crm_id", "crm_state"]}');
select t.capture('account', '{"when": "name <> ''hidden''", "ignores": ["crm_id", "crm_state"]}', 'bi');
select t.capture('account', '{"ignores": ["crm_id"]}', 'audit');
select is_empty($$select * from tandem.drift()$$, 'no drift');
select is(array[has_column_privilege('tandem_connector', 'account', 'crm_id', 'update'), has_column_privilege('tandem_connector', 'account', 'crm_state', 'update'),
  has_column_privilege('tandem_connector', 'account', 'name', 'update')], '{t,t,f}', 'the connector may write these columns and no others');
set role crm;
insert into account values (1, 'one'), (2, 'two');
reset role;
select is(t.taken(), '{create 1,create 2}', 'rows');

-- What the connector does, as its role.
create function t.step() returns text language plpgsql as $$
declare result text;
begin
  return tandem.write_back_step('{there,bi,audit}');
end $$;
create function t.pair(object_id text, remote_id text) returns void language sql as $$
  insert into tandem.identity (target, request_type, object_id, remote_id, state) values ('there', 'account', object_id, remote_id, 'paired') $$;
grant execute on all functions in schema t to public;
create function t.row(id bigint) returns text language sql as $$ select row(name, crm_id, crm_state)::text from account where account.id = row.id $$;

-- ---- a pair is told by itself, whoever makes it ------------------------------------------------------------------------------------------------
set session authorization tandem_connector;
select t.pair('1', '4711');
select is(t.step(), 'written', 'a pair that has been made');
select is(t.step(), null, 'once');
reset session authorization;
select is(t.row(1), '(one,4711,synced)', 'their id, in the type of its column, and that it has arrived');
select is(t.taken(), '{}', 'is no change for the route itself');
select is((select array_agg(target || ' ' || operation || ' ' || object_id order by counter) from tandem.outbox where operation = 'update'), '{audit update 1}',
  'but for a route that carries one of the columns');
select t.taken() \g /dev/null

-- ---- what is no change, and what is one ------------------------------------------------------------------------------------------------------------
set role crm;
update account set crm_id = 1, crm_state = 'x' where id = 1;
select is(t.taken(null, 'there'), '{}', 'the same where the CRM itself writes it');
update account set crm_id = 2, name = 'uno' where id = 1;
select is(t.taken('name', 'there'), '{update 1=uno}', 'a change of both is a change');
update account set crm_id = 3, name = 'hidden' where id = 1;
update account set name = 'uno' where id = 1;
select is(t.taken('crm_id', 'bi'), '{"create 1=3"}', 'conditions go on to count');
update account set crm_id = null where id = 1;
alter table account add column extra text;
update account set extra = 'e' where id = 1;
select is(t.taken('extra'), '{update 1=e}', 'a column that the CRM has added counts, in a session that has used the trigger before');
begin; set local tandem.nested = 'on'; update account set extra = 'f' where id = 1; commit;
select is(t.taken('extra'), '{update 1=f}', 'also where the row has to be read again');
alter table account rename crm_state to crm_status;
update account set crm_id = 9 where id = 1;
select is(t.taken(), '{update 1}', 'where a column has another name now, it may have changed');
reset role;
select isnt_empty($$select * from tandem.drift() where watch = 'account'$$, 'which is drift');
alter table account rename crm_status to crm_state;
select t.taken() \g /dev/null

-- ---- how a change has ended ------------------------------------------------------------------------------------------------------------------------
insert into tandem.failed (counter, peer, request_type, object_id, outcome) values (1, 'there', 'account', '1', 'rejected');
insert into tandem.write_back (target, request_type, object_id) values ('there', 'account', '1'), ('there', 'account', '1'), ('there', 'account', '99');
set session authorization tandem_connector;
select is(t.step(), 'written', 'a failure');
select is(t.step(), 'gone', 'a row that is gone is nobody''s problem');
select is(t.step(), null, 'several requests for one row are one');
reset session authorization;
select is(t.row(1), '(uno,4711,rejected)', 'told with its word');
delete from tandem.failed;
insert into tandem.write_back (target, request_type, object_id) values ('there', 'account', '1');
update tandem.identity set state = 'deleted' where object_id = '1';
select xmin as before from account where id = 1 \gset
select is(tandem.write_back_step('{there}'), 'written', 'a pair that has ended');
select is(t.row(1), '(uno,,synced)', 'leaves no id behind');
select xmin as before from account where id = 1 \gset
insert into tandem.write_back (target, request_type, object_id) values ('there', 'account', '1');
select is(tandem.write_back_step('{there}'), 'written', 'what stands there already');
select is((select xmin::text from account where id = 1), :'before', 'is not written again');

-- ---- it neither waits for the CRM nor fails it ----------------------------------------------------------------------------------------------------------
select dblink_connect('person', format('dbname=%s host=%s', current_database(), current_setting('unix_socket_directories')));
select dblink_exec('person', 'begin; update account set name = ''held'' where id = 2') \g /dev/null
set session authorization tandem_connector;
set lock_timeout = '1ms';
select t.pair('2', '5');
select is(t.step(), 'somebody holds it', 'a row that somebody holds is not waited for');
select is(t.step(), null, 'and comes again later');
reset session authorization;
reset lock_timeout;
select is((select row(tries, due > now())::text from tandem.write_back), '(1,t)', 'after a while that grows');
select dblink_exec('person', 'commit') \g /dev/null
update tandem.write_back set due = now();
select is(tandem.write_back_step('{there}'), 'written', 'when it is free');
select is(t.row(2), '(held,5,synced)', 'the person''s change stays');
create function refuse() returns trigger language plpgsql as $$ begin raise exception 'not on a Sunday'; end $$;
create trigger refuse before update on account for each row execute function refuse();
insert into tandem.write_back (target, request_type, object_id, tries) values ('there', 'account', '2', 18);
update tandem.identity set remote_id = '6' where object_id = '2';
delete from tandem.write_back where tries = 0;
select is(tandem.write_back_step('{there}'), 'not on a Sunday', 'the CRM''s own trigger may refuse it');
update tandem.write_back set due = now();
select is(tandem.write_back_step('{there}'), 'not on a Sunday', 'for a while');
select is((select row(kind, subject, description)::text from tandem.alert), '(write_back,there/account,"the row of 2 could not be told of it: not on a Sunday")',
  'then it is an alert');
select is_empty('select from tandem.write_back', 'and no more');
drop trigger refuse on account;

-- ---- the CRM's own triggers run under its own settings, the deferred ones too ------------------------------------------------------------------------------
select is((select proconfig from pg_proc where oid = 'tandem.write_back_step(text[])'::regprocedure), null, 'no settings of ours');
create table audit_log (id bigint, at text, path text);
grant insert on audit_log to public;
create function audit() returns trigger language plpgsql as $$
begin
  insert into audit_log values (new.id, timestamptz '2026-01-31 12:00+00', current_setting('search_path'));
  return null;
end $$;
create trigger audit after update on account for each row execute function audit();
insert into tandem.write_back (target, request_type, object_id) values ('there', 'account', '2');
set session authorization tandem_connector;
set datestyle = 'German'; set timezone = 'UTC';
select is(t.step(), 'written', 'a trigger that names its table without a schema');
reset session authorization; reset datestyle; reset timezone;
select is((select row(id, at, path)::text from audit_log), '(2,"31.01.2026 12:00:00 UTC","""$user"", public")', 'and formats as the CRM does');
drop trigger audit on account;
update account set crm_state = null where id in (1, 2);
create constraint trigger refuse after update on account deferrable initially deferred for each row when (new.id = 1) execute function refuse();
insert into tandem.write_back (target, request_type, object_id, due)
  values ('there', 'account', '1', now() - interval '1 min'), ('there', 'account', '2', now());
select is(tandem.write_back_step('{there}'), 'not on a Sunday', 'a trigger that refuses at COMMIT');
select is((select row(object_id, tries)::text from tandem.write_back where due > now()), '(1,1)', 'is a try that counts');
select is(tandem.write_back_step('{there}'), 'written', 'and what is behind it goes on');
drop trigger refuse on account;
delete from tandem.write_back;

-- ---- a backlog costs nothing --------------------------------------------------------------------------------------------------------------------------------
insert into tandem.write_back (target, request_type, object_id, due)
  select 'there', 'account', 1000000 + n, now() + interval '1 h' from generate_series(1, 2000) as n
  union all select 'there', 'account', 2000000 + n, now() from generate_series(1, 2000) as n;
analyze tandem.write_back;
begin;
select seq_tup_read + idx_tup_fetch as before from pg_stat_xact_user_tables where relid = 'tandem.write_back'::regclass \gset
select is(tandem.write_back_step('{there}'), 'gone', 'one of many');
select cmp_ok((select seq_tup_read + idx_tup_fetch - :before from pg_stat_xact_user_tables where relid = 'tandem.write_back'::regclass), '<', 20::bigint,
  'neither those that are put off nor those behind it are read');
commit;
delete from tandem.write_back;

-- ---- a row that touches another object ----------------------------------------------------------------------------------------------------------------------
create table line (id integer primary key, account_id bigint, n integer, crm_id text);
alter table line owner to crm;
set role admin;
select tandem.apply_watch('line', 'line', null, definition => '{"touches": [{"watch": "account", "by": ["account_id"]}]}'),
  tandem.apply_route('there', 'line', 'line', '{"write_back": {"remote_id": "crm_id"}, "ignores": ["crm_id"]}'), tandem.generate_capture('line') \g /dev/null
reset role;
set role crm;
insert into line values (1, 2, 1);
select t.taken() \g /dev/null
update line set crm_id = 'R';
select is(t.taken(), '{}', 'does not touch it by what tandem writes');
update line set n = 2;
select is((select array_agg(x order by x) from unnest(t.taken()) as x), '{update 1,update 2}', 'but by what the CRM writes');
reset role;
select throws_like($$select t.capture('account', '{"write_back": {"status": "nothing"}}')$$, '%has no column nothing', 'a column that is not there');
select * from finish();
