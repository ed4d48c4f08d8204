-- Watches of mode `poll`: what tandem.poll_step reads, records and remembers. Each statement is a transaction of its own.
create extension if not exists dblink;
select plan(58);
grant all on __tcache__, __tcache___id_seq, __tresults___numb_seq to public;   -- tests are also made as other roles

create function t.poll(table_name text, options jsonb, definition jsonb default '{}', target text default 'there', request_type text default null) returns void
language plpgsql as $$
begin
  perform set_config('role', 'admin', true);
  perform tandem.apply_target(target, '{}');
  perform tandem.apply_watch(table_name, table_name, null, 'poll', jsonb_build_object('poll', options));
  perform tandem.apply_route(target, coalesce(request_type, table_name), table_name, definition);
  perform tandem.generate_capture(table_name);
  perform tandem.switch_capture(table_name, 'main');
end
$$;
-- Steps until there is nothing more to do at once.
create procedure t.steps(watch text, page integer default 1000, stretch integer default 5000) language plpgsql as $$
declare
  done record;
begin
  perform set_config('role', 'tandem_connector', false);
  for n in 1 .. 200 loop
    select * into done from tandem.poll_step(watch, page, stretch);
    commit;
    exit when done.wait > 0 and done.state = 'current';
    if done.wait > 0 then perform pg_sleep(0.02); end if;
  end loop;
  perform set_config('role', 'none', false);
end
$$;
-- The next round is due.
create function t.due(watch text) returns void language sql as $$
  update tandem.poll_watch p set round_at = now() - interval '1 hour', polled_at = now() - interval '1 hour' where p.watch = $1
$$;
create procedure t.round(watch text, page integer default 1000) language plpgsql as $$
begin
  perform t.due(watch);
  commit;
  call t.steps(watch, page);
end
$$;
create procedure t.compare(watch text) language plpgsql as $$
begin
  update tandem.poll_watch p set compared_at = 'epoch' where p.watch = $1;
  commit;
  call t.steps(watch);
end
$$;

create table account (id integer primary key, name text, stage text, updated_at timestamptz default clock_timestamp(), is_deleted boolean);
create index on account (updated_at, id);
alter table account owner to crm;
insert into account select n, 'old', 'open' from generate_series(1, 25) n;
select lives_ok($$select t.poll('account', '{"updated": "updated_at", "deleted": "is_deleted", "interval": "1h", "lag": "0s", "compare_every": "1d"}')$$, 'a watch without triggers');
select is_empty($$select from pg_trigger where tgrelid = 'account'::regclass and not tgisinternal$$, 'has none');
select is_empty($$select * from tandem.drift()$$, 'no drift');
select is_empty($$select * from tandem.plan_capture('account')$$, 'nothing is missing');
call t.steps('account', 10, 7);
select is(t.taken(), '{}', 'what is there is written down, not told');
select is((select count(*)::int from tandem.captured where watch = 'account'), 25, 'all of it');

-- ---- operations ---------------------------------------------------------------------------------------------------------------------------------
insert into account values (100, 'new', 'open');
call t.round('account');
select is(t.taken('name'), '{create 100=new}', 'a new row');
update account set name = 'changed', updated_at = clock_timestamp() where id = 3;
call t.round('account');
select is(t.taken('name'), '{update 3=changed}', 'a changed one');
call t.round('account');
select is(t.taken(), '{}', 'nothing twice');
update account set updated_at = updated_at where id = 3;
update account set is_deleted = true, updated_at = clock_timestamp() where id = 4;
call t.round('account');
select is(t.taken('name'), '{delete 4=old}', 'a deleted one');
update account set name = 'more', updated_at = clock_timestamp() where id = 4;
call t.round('account');
select is(t.taken(), '{}', 'that is changed further');
update account set is_deleted = false, updated_at = clock_timestamp() where id = 4;
call t.round('account');
select is(t.taken('name'), '{create 4=more}', 'and comes back');
delete from account where id = 5;
update account set name = 'silent' where id = 6;
insert into account values (101, 'timeless', 'open', null);
call t.round('account');
select is(t.taken(), '{}', 'what a round cannot see');
call t.compare('account');
select set_eq($$select unnest(t.taken('name'))$$, array['update 6=silent', 'create 101=timeless', 'delete 5=null'], 'a comparison finds');
select is((select count(*)::int from tandem.outbox where description = 'found by comparison'), 3, 'and says so');
call t.compare('account');
select is(t.taken(), '{}', 'once');
update account set is_deleted = true where id = 7;
call t.compare('account');
select is(t.taken(), '{delete 7}', 'a flag without a time, too');

-- ---- pages --------------------------------------------------------------------------------------------------------------------------------------
update account set name = 'same time', updated_at = timestamptz '2100-01-01' where id between 8 and 22;
call t.round('account', 4);
select is((select array_agg(o order by o) from unnest(t.taken()) as o), (select array_agg('update ' || n order by 'update ' || n) from generate_series(8, 22) n),
  'rows of one time, over the ends of pages');
update account set name = 'again' where id between 8 and 22;
call t.round('account', 4);
select is(cardinality(t.taken()), 15, 'times in the future are read again');
update account set updated_at = clock_timestamp() where id between 8 and 22;
call t.round('account');
select t.taken() \g /dev/null
update account set name = 'paged', updated_at = clock_timestamp() where id between 8 and 22;
select t.due('account') \g /dev/null
select tandem.poll_step('account', 4) \g /dev/null
select is(cardinality(t.taken()), 4, 'a page');
select tandem.poll_step('account', 4) \g /dev/null
select is(cardinality(t.taken()), 4, 'and the next one');
begin;
select tandem.poll_step('account', 4) \g /dev/null
rollback;
call t.steps('account', 4);
select is(cardinality(t.taken()), 7, 'of a round that goes on where it was');

-- ---- the horizon --------------------------------------------------------------------------------------------------------------------------------
select dblink_connect('late', format('host=%s dbname=%s user=postgres', split_part(current_setting('unix_socket_directories'), ',', 1), current_database())) \g /dev/null
select dblink_exec('late', 'begin') \g /dev/null
select dblink_exec('late', $$update account set name = 'late', updated_at = now() where id = 1$$) \g /dev/null
insert into account values (200, 'newer', 'open');
call t.round('account');
call t.round('account');
select is(t.taken(), '{create 200}', 'a transaction that is open is not seen');
select ok((select p.through < a.updated_at from tandem.poll_watch p, account a where a.id = 200), 'what is newer is not read for good');
select cmp_ok((select cardinality(mark_times) from tandem.poll_watch), '>', 0, 'moments wait for it');
select dblink_exec('late', 'commit') \g /dev/null
select ok((select a.updated_at < b.updated_at from account a, account b where a.id = 1 and b.id = 200), 'its time lies before what has been read');
call t.round('account');
select is(t.taken('name'), '{update 1=late}', 'and it is not missed');
call t.round('account');
select is((select p.through from tandem.poll_watch p), (select max(updated_at) from account), 'then everything is read for good');
select is((select cardinality(mark_times) from tandem.poll_watch), 0, 'and nothing waits');
select is((select max(n) from (select cardinality(h.times) as n from generate_series(1, 1) cross join lateral tandem.poll_horizon(
  array_fill(now(), array[1000]), array_fill('9000000000000000000'::xid8, array[1000]), '0') as h) x), 1000, 'moments are bounded');

-- ---- conditions, fan-out ------------------------------------------------------------------------------------------------------------------------
create table deal (region text, nr integer, stage text, size integer, changed timestamp(0) default timezone('UTC', clock_timestamp()), primary key (region, nr));
alter table deal owner to crm;
insert into deal values ('a', 1, 'open', 1), ('a', 2, 'draft', 1), ('a', 3, 'open', 0);
select t.poll('deal', '{"updated": "changed", "interval": "1h", "lag": "1h", "compare_every": "1d"}',
  '{"when": "10 / size > 0 and stage <> ''draft''", "on_leave": "delete"}') \g /dev/null
select t.poll('deal', '{"updated": "changed", "interval": "1h", "lag": "1h", "compare_every": "1d"}', '{"body": "latest"}', 'elsewhere') \g /dev/null
reset role;
call t.steps('deal');
select is(t.taken(), '{}', 'conditional rows are written down, those whose values fail as well');
select t.taken(target => 'elsewhere') \g /dev/null
update deal set stage = 'won', changed = timezone('UTC', clock_timestamp()) where nr = 2;
call t.round('deal', 2);
select is((select array_agg(target || ' ' || operation || ' ' || object_id || coalesce(' ' || (body ->> 'stage'), '') order by target) from tandem.outbox, t.seen where outbox.counter > seen.counter),
  array['elsewhere update ["a", 2]', 'there create ["a", 2] won'], 'one that enters is a create, without a condition it is an update; bodies as each route wants');
select t.taken() \g /dev/null
update deal set stage = 'draft', changed = timezone('UTC', clock_timestamp()) where nr = 2;
call t.round('deal', 2);
select is(t.taken(), '{"delete [\"a\", 2]"}', 'one that leaves');
update deal set stage = 'still broken' where nr = 3;
call t.round('deal', 2);
select is(t.taken(), '{"update [\"a\", 3]!mapping"}', 'a row whose values fail, fails its own record');
call t.round('deal', 2);
select is(t.taken(), '{}', 'once, however often it is read');
update deal set size = 5 where nr = 3;
call t.round('deal', 2);
select is(t.taken('stage'), '{"create [\"a\", 3]=still broken"}', 'and is well again');
delete from deal where nr = 1;
delete from deal where nr = 2;
call t.compare('deal');
select is(t.taken(), '{"delete [\"a\", 1]"}', 'a delete goes where the object was');
select t.taken(target => 'elsewhere') \g /dev/null

select t.poll('deal', '{"updated": "changed", "interval": "1h", "lag": "1h", "compare_every": "1d"}', '{"when": "size < 100", "on_leave": "delete"}') \g /dev/null
reset role;
insert into deal values ('b', 1, 'open', 1, null), ('b', 2, 'open', 1000, null);
update deal set stage = 'changed' where nr = 3;
update tandem.poll_watch p set polled_at = now(), round_at = now() where watch = 'deal';
call t.steps('deal', 2);
select is(t.taken(), '{}', 'another condition tells nothing of what is there');
call t.compare('deal');
select set_eq($$select unnest(t.taken())$$, array['create ["b", 1]', 'update ["a", 3]'], 'what has changed is told as ever');
select t.taken() \g /dev/null

-- ---- what cannot be polled ----------------------------------------------------------------------------------------------------------------------
select is(tandem.poll_problem('deal'::regclass, 'changed', null), null, 'a time without a zone, of whole seconds');
select matches(tandem.poll_problem('deal'::regclass, 'stage', null), 'column stage of table public.deal is of type text: the time', 'a text is no time');
select matches(tandem.poll_problem('deal'::regclass, 'changed', 'size'), 'column size of table public.deal is of type integer: .* boolean', 'a number is no flag');
select matches(tandem.poll_problem('deal'::regclass, 'x', null), 'table public.deal has no column x', 'no such column');
alter table deal rename column changed to moved;
select is((select problem from tandem.drift() where watch = 'deal'), 'column of the time', 'drift tells of a renamed column');
alter table deal rename column moved to changed;
select ok((select lag from tandem.poll_options('deal')) = interval '1 hour 2 seconds', 'whole seconds are less exact');
select is((select row(every, compare_every)::text from tandem.poll_options('deal')), '(01:00:00,"1 day")', 'options');

-- ---- other columns, other modes -----------------------------------------------------------------------------------------------------------------
alter table deal add other timestamptz default clock_timestamp();
select t.poll('deal', '{"updated": "other", "interval": "1h", "lag": "1h", "compare_every": "1d"}', '{"body": "latest"}', 'elsewhere') \g /dev/null
reset role;
select is((select row(updated, through)::text from tandem.poll_watch where watch = 'deal'), '(other,)', 'another column of time: everything is read again');
call t.round('deal', 1);
select set_eq($$select unnest(t.taken())$$, array['update ["a", 3]', 'update ["b", 1]'], 'and told where it differs: the row has a column more');
update deal set stage = 'last', other = clock_timestamp() where nr = 3;
select tandem.apply_watch('deal', 'deal', null, 'trigger', '{}'), tandem.generate_capture('deal'), tandem.switch_capture('deal', 'main') \g /dev/null
select is(t.taken('stage'), array['update ["a", 3]=last'], 'leaving for triggers reads the rest');
select is((select count(*)::int from pg_trigger where tgrelid = 'deal'::regclass and not tgisinternal), 3, 'which are there');
select is_empty($$select * from tandem.plan_capture('deal')$$, 'nothing is left over');
update deal set stage = 'by trigger' where nr = 3;
select is(t.taken('stage'), array['update ["a", 3]=by trigger'], 'and capture');

update tandem.watch set definition = '{"poll": {"updated": "other", "interval": "1h", "lag": "0s", "compare_every": "1d"}}' where watch = 'deal';
select tandem.begin_poll('deal', 'main'), tandem.generate_capture('deal') \g /dev/null
call t.steps('deal');
update deal set stage = 'trigger again', other = clock_timestamp() where nr = 3;
select is(t.taken('stage'), array['update ["a", 3]=trigger again'], 'while what is there is written down, triggers capture');
select tandem.apply_watch('deal', 'deal', null, 'poll', definition), tandem.generate_capture('deal'), tandem.switch_capture('deal', 'main') from tandem.watch where watch = 'deal' \g /dev/null
call t.round('deal');
select is(t.taken(), '{}', 'what they have captured does not come again');
call t.compare('deal');
select is(t.taken(), '{}', 'not by comparison either');
update deal set stage = 'polled', other = clock_timestamp() where nr = 3;
call t.round('deal');
select is(t.taken('stage'), array['update ["a", 3]=polled'], 'what is newer does');
select is(tandem.unwatch('deal') >= 0, true, 'it ends');
select is_empty($$select * from tandem.poll_watch where watch = 'deal'$$, 'and is forgotten');
select * from finish();
