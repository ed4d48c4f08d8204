-- Images: replica identities, unchanged TOAST, changed columns, text that depends on nobody's settings.
create table t (id int primary key, k int not null unique, big text, small text);
alter table t alter big set storage external;
insert into t values (1, 10, repeat('b', 5000), 's');
update t set small = 'S' where id = 1;
update t set id = 2 where id = 1;
delete from t where id = 2;
alter table t replica identity full;
insert into t values (3, 30, repeat('c', 5000), null);
update t set small = 'x' where id = 3;
update t set big = repeat('d', 5000), k = 31 where id = 3;
update t set small = small where id = 3;
delete from t where id = 3;
alter table t replica identity using index t_k_key;
insert into t values (4, 40, null, null);
update t set k = 41 where id = 4;
delete from t where id = 4;
alter table t replica identity nothing;
insert into t values (5, 50, null, null);
update t set small = 'no identity' where id = 5;
delete from t where id = 5;
select * from frames('regress', 'table', 'public.t', 'boundaries', 'off');

set datestyle = 'SQL, DMY'; set timezone = 'Asia/Kathmandu'; set intervalstyle = 'sql_standard'; set bytea_output = 'escape'; set extra_float_digits = -15;
create table every (
  id int primary key, i2 smallint, i8 bigint, n numeric, n2 numeric(20, 4), f4 real, f8 double precision, m money, t text, v varchar(5), c char(5), nm name, ba bytea, ts timestamp,
  tz timestamptz, d date, ti time, tt timetz, iv interval, bo boolean, po point, ci cidr, ine inet, ma macaddr, bi bit(3), vb varbit, u uuid, x xml, j json, jb jsonb, rc regclass, ia int[], ta text[], r int4range,
  g int generated always as (i2 * 2) stored);
insert into every values (1, -32768, 9223372036854775807, 'NaN', 12345678901234.5678, 'Infinity', 0.1, 12.5, e'tab\ttext ünï', 'vvv', 'c', 'nm', '\x00ff', '2026-02-03 04:05:06.789', '2026-02-03 04:05:06.789+00',
  '2026-02-03', '01:02:03', '01:02:03+05:45', '1 year 2 days 03:04:05', true, '(1,2)', '10.0.0.0/8', '10.0.0.1/8', '08:00:2b:01:02:03', '101', '1011', '00000000-0000-0000-0000-000000000001', '<a/>',
  '{"a": 1e400}', '{"b": 1.10}', 'every', '{1,null,3}', '{"a b",null}', '[1,5)');
select unnest(string_to_array(line, ', ')) as value from frames('regress', 'table', 'public.every', 'boundaries', 'off') as line where line like 'insert%';
-- The reader keeps its own settings, in the same transaction too, also where a first attempt has failed.
begin;
do $$ begin perform frames('regress', 'table', 'public.every', 'colour', 'red'); exception when others then raise notice '%', sqlerrm; end $$;
select count(*) from frames('regress', 'table', 'public.every');
show datestyle; show search_path;
commit;
show datestyle; show bytea_output;
drop table t, every;
reset all;
