-- Filters: tables, columns, operations, messages, partitions, origins.
create table a (id int primary key, name text, secret text);
create table b (id int primary key);
create schema "Sälé""s";
create table "Sälé""s"."Order" ("select" int primary key, "größe" text);
create table measured (id int, part int, value text, primary key (id, part)) partition by list (part);
create table measured_1 partition of measured for values in (1);
create table measured_2 (value text, part int not null, gone int, id int not null);
alter table measured_2 drop column gone;
alter table measured attach partition measured_2 for values in (2);

insert into a values (1, 'one', 'hidden');
update a set name = 'uno' where id = 1;
delete from a where id = 1;
insert into b values (1);
insert into "Sälé""s"."Order" values (1, 'groß');
insert into measured values (1, 1, 'x'), (1, 2, 'y');
truncate a, b;
truncate measured;
select * from frames('regress', 'table', 'public.a (id, name)', 'table', '"Sälé""s"."Order"', 'table', 'public.measured');

insert into a values (2, 'two', 'hidden');
update a set name = 'due' where id = 2;
delete from a where id = 2;
truncate a;
select * from frames('regress', 'table', 'public.a (name) insert truncate', 'boundaries', 'off');

-- A column that is no longer there is simply not sent; whoever needs it looks at the relation frame.
insert into a values (3, 'three', 'hidden');
select * from frames('regress', 'table', 'public.a (id, nothing)', 'boundaries', 'off');

select 1 from pg_logical_emit_message(true, 'tandem', 'ring');
select 1 from pg_logical_emit_message(false, 'tandem', 'now');
select 1 from pg_logical_emit_message(true, 'other', 'no');
begin;
select 1 from pg_logical_emit_message(true, 'tandem', 'rolled back');
rollback;
select * from frames('regress', 'message_prefix', 'tandem');

-- Origins: all, none but local, all but one.
select 1 from pg_replication_origin_create('there');
select 1 from pg_replication_origin_create('elsewhere');
insert into b values (10);
select pg_replication_origin_session_setup('there');
insert into b values (11);
select pg_replication_origin_session_reset();
select pg_replication_origin_session_setup('elsewhere');
insert into b values (12);
select pg_replication_origin_session_reset();
select show_frame(frame) from pg_logical_slot_peek_binary_changes('regress', null, null, 'protocol_version', '1', 'tables', 'all', 'origin', 'none'), frames_of(data) as frame;
select show_frame(frame) from pg_logical_slot_peek_binary_changes('regress', null, null, 'protocol_version', '1', 'tables', 'all', 'skip_origin', 'there'), frames_of(data) as frame;
select show_frame(frame) from pg_logical_slot_get_binary_changes('regress', null, null, 'protocol_version', '1', 'tables', 'all'), frames_of(data) as frame;
select pg_replication_origin_drop('there'), pg_replication_origin_drop('elsewhere');
drop table a, b, measured, "Sälé""s"."Order";

-- What comes together: a transaction, up to 16 KiB and up to a message.
create table packed (id int primary key, value text);
begin;
insert into packed select n, 'x' from generate_series(1, 3) as n;
select 'sent' from pg_logical_emit_message(true, 'one', '');
insert into packed values (4, 'behind it');
commit;
insert into packed values (5, 'another transaction');
select (select string_agg(chr(get_byte(frame, 0)), '') from frames_of(data) as frame) as tags
from pg_logical_slot_get_binary_changes('regress', null, null, 'protocol_version', '1', 'table', 'public.packed', 'message_prefix', 'one');
insert into packed select n, repeat('x', 1000) from generate_series(11, 60) as n;
select (select count(*) from frames_of(data)) as frames, length(data) between 16384 and 18000 as full
from pg_logical_slot_get_binary_changes('regress', null, null, 'protocol_version', '1', 'table', 'public.packed', 'boundaries', 'off');
drop table packed;
