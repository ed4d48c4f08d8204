-- Aborted, nested, prepared and empty transactions; large ones.
create table x (id int primary key, a text);
begin; insert into x values (1, 'gone'); rollback;
begin; insert into x values (2, 'kept'); savepoint s; insert into x values (3, 'gone'); rollback to s; savepoint s; insert into x values (4, 'kept too'); release s; commit;
begin; insert into x values (5, 'prepared'); prepare transaction 'p1';
begin; insert into x values (6, 'prepared and gone'); prepare transaction 'p2';
rollback prepared 'p2';
select * from frames('regress', 'table', 'public.x');
commit prepared 'p1';
select * from frames('regress', 'table', 'public.x');
begin; create temp table nothing (i int); insert into nothing values (1); commit;
select * from frames('regress', 'table', 'public.x');
set logical_decoding_work_mem = '64kB';
insert into x select i, repeat('l', 100) from generate_series(1000, 20999) i;
select left(line, 15) as line, count(*) from frames('regress', 'table', 'public.x') as line group by 1 order by 1;
drop table x, seen_relation cascade;
select pg_drop_replication_slot('regress');
