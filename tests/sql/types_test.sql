-- Values travel as exact text that no session's settings change, whatever the type; keys are found again.
select plan(12);

create type mood as enum ('sad', 'ok');
create type pair as (a timestamptz, b bytea);
create domain positive as numeric check (value > 0);
create domain moment as timestamptz;
create type span_of_moments as range (subtype = moment, multirange_type_name = spans_of_moments);

create table sample (n integer generated always as identity, type text, value text);
insert into sample (type, value) values
  ('bool', 'true'), ('int2', '-32768'), ('int4', '-2147483648'), ('int8', '9223372036854775807'), ('oid', '4294967295'),
  ('numeric', '9007199254740993.000000000000000000001'), ('numeric', 'NaN'), ('numeric', '-Infinity'), ('numeric(12,3)', '1.500'), ('numeric', '1e300'),
  ('float4', '0.1'), ('float4', 'NaN'), ('float8', '0.1'), ('float8', '1e308'), ('float8', '-Infinity'), ('float8', '5e-324'), ('money', '-1234.56'),
  ('text', E'tab\t "quote" \\ ü 💾 \u0001'), ('varchar(40)', 'v'), ('char(5)', 'ab'), ('"char"', 'c'), ('name', 'n'), ('bytea', '\x00ff10'), ('citext', 'MiXed'),
  ('date', '2026-01-31'), ('date', 'infinity'), ('date', '0044-03-15 BC'), ('time', '12:34:56.789'), ('timetz', '12:34:56+05:30'),
  ('timestamp', '2026-01-31 12:34:56.789012'), ('timestamptz', '2026-01-31 12:34:56.789012+00'), ('timestamptz', '-infinity'), ('timestamptz', '1890-01-01 00:00+00'),
  ('interval', '1 year 2 mons -3 days 04:05:06.7'), ('moment', '2026-01-31 12:34:56+00'),
  ('uuid', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'), ('inet', '10.0.0.1/8'), ('cidr', '10.0.0.0/8'), ('macaddr', '08:00:2b:01:02:03'), ('macaddr8', '08:00:2b:01:02:03:04:05'),
  ('bit(3)', '101'), ('varbit', '1011'), ('json', '{"b": 1.10, "a": [null, 9007199254740993], "b": 2}'), ('jsonb', '{"b": 1.10, "a": {}}'), ('jsonpath', '$.a[*]'), ('xml', '<a>1</a>'),
  ('point', '(0.1,2)'), ('line', '{1,2,0.3}'), ('lseg', '[(0.1,0),(1,1)]'), ('box', '(1,1),(0,0.1)'), ('path', '[(0.1,0),(1,1)]'), ('polygon', '((0.1,0),(1,1))'), ('circle', '<(0.1,0),1>'),
  ('int4range', '[1,10)'), ('int8range', 'empty'), ('numrange', '(,1.50]'), ('daterange', '[2026-01-01,2026-02-01)'), ('tsrange', '[2026-01-01 00:00,2026-01-02 00:00)'),
  ('tstzrange', '[2026-01-01 00:00+00,2026-01-02 00:00+00)'), ('int4multirange', '{[1,2),[5,6)}'), ('int8multirange', '{}'), ('nummultirange', '{[1.5,2)}'),
  ('datemultirange', '{[2026-01-01,2026-02-01)}'), ('tsmultirange', '{[2026-01-01,2026-02-01)}'), ('tstzmultirange', '{[2026-01-01 00:00+00,2026-02-01 00:00+00)}'),
  ('span_of_moments', '[2026-01-01 00:00+00,2026-02-01 00:00+00)'),
  ('tsvector', '''a'':1 ''b'''), ('tsquery', '''a'' & ''b'''), ('pg_lsn', '16/B374D848'), ('pg_snapshot', '10:20:10,14'), ('txid_snapshot', '10:20:10,14'), ('xid', '7'), ('xid8', '7'), ('cid', '7'), ('tid', '(1,2)'),
  ('regclass', 'pg_class'), ('regclass', 'sample'), ('regtype', 'int4'), ('regproc', 'now'), ('regprocedure', 'lower(text)'), ('regoper', '||/'), ('regoperator', '+(int4,int4)'), ('regrole', 'crm'),
  ('regnamespace', 'tandem'), ('regconfig', 'english'), ('regdictionary', 'simple'), ('regcollation', '"C"'), ('refcursor', 'c'), ('oidvector', '1 2'), ('int2vector', '1 2'), ('aclitem', 'crm=r/crm'),
  ('mood', 'ok'), ('positive', '1.0'), ('pair', '("2026-01-31 12:34:56+00","\\x00ff")'), ('timestamptz[]', '{"2026-01-31 12:00:00+00",NULL}'), ('float8[]', '{0.1,NaN}'),
  ('interval[]', '{"1 day"}'), ('bytea[]', '{"\\x00"}'), ('pair[]', '{"(\"2026-01-31 12:34:56+00\",\"\\\\x00ff\")"}'), ('text[]', '{{a,b},{c,d}}'), ('money[]', '{1.50}'), ('date[]', '{2026-01-31}');

select is_empty($$
  select t.typname from pg_type t
  where t.typnamespace = 'pg_catalog'::regnamespace and t.typtype in ('b', 'r', 'm') and t.typcategory not in ('A', 'Z') and t.typrelid = 0
    and not exists (select from sample s where s.type::regtype = t.oid)
    and t.typname not in ('pg_node_tree', 'pg_ndistinct', 'pg_dependencies', 'pg_mcv_list', 'pg_brin_bloom_summary', 'pg_brin_minmax_multi_summary', 'gtsvector')$$,
  'every built-in type that a table of people may hold is tried');

-- Two kinds of sessions.
create function plain_session() returns void language sql as $$
  select set_config(s, v, false) from (values ('timezone', 'UTC'), ('datestyle', 'ISO, YMD'), ('intervalstyle', 'postgres'), ('bytea_output', 'hex'), ('extra_float_digits', '1'),
    ('lc_monetary', 'C'), ('search_path', '"$user", public'), ('xmlbinary', 'base64'), ('xmloption', 'content'), ('quote_all_identifiers', 'off')) as x (s, v) $$;
create function odd_session() returns void language sql as $$
  select set_config(s, v, false) from (values ('timezone', 'Asia/Kolkata'), ('datestyle', 'German, DMY'), ('intervalstyle', 'sql_standard'), ('bytea_output', 'escape'), ('extra_float_digits', '-4'),
    ('lc_monetary', 'C.UTF-8'), ('search_path', 'pg_catalog, public, tandem'), ('xmlbinary', 'hex'), ('xmloption', 'document')) as x (s, v) $$;

select plain_session() \g /dev/null
select format('create table wide (id integer primary key, %s); alter table wide owner to crm;', string_agg(format('c%s %s', n, type), ', ' order by n)) from sample \gexec
select t.capture('wide') \g /dev/null
select t.forbid_recovery() \g /dev/null
select format('insert into wide values (1, %s)', string_agg(format('%L', value), ', ' order by n)) from sample \gexec
create table public.plain as select body from tandem.outbox order by counter desc limit 1;
select odd_session() \g /dev/null
update wide set id = 2;
create table public.odd as select body from tandem.outbox order by counter desc limit 1;
select is_empty($$
  select s.type, p.value as plain, o.value as odd
  from sample s, plain, odd, jsonb_each_text(plain.body) as p, jsonb_each_text(odd.body) as o
  where p.key = 'c' || s.n and o.key = p.key and p.value is distinct from o.value$$, 'the session changes no value');
select is((select image from tandem.live_wide('2')), (select body from odd), 'read live, the text is the same');
select plain_session() \g /dev/null
select is((select image from tandem.live_wide('2')), (select body from odd), 'in any session');
create function value_of(type_name text, nth integer default 1) returns text language sql as $$
  select plain.body ->> ('c' || s.n) from plain, (select n from sample where type = type_name order by n offset nth - 1 limit 1) as s $$;
select is(value_of('numeric'), '9007199254740993.000000000000000000001', 'numerics keep every digit');
select is((select array[value_of('numeric', 2), value_of('float8', 3), value_of('float8', 4)::float8::text]), '{NaN,-Infinity,5e-324}', 'what JSON has no number for is a string; floats keep their value');
select is(value_of('timestamptz'), '2026-01-31T12:34:56.789012+00:00', 'timestamps are UTC');
select is(value_of('bytea'), '\x00ff10', 'bytea is hex');
select is(value_of('json'), '{"a": [null, 9007199254740993], "b": 2}', 'json is kept as jsonb keeps it');

-- Keys: the same text from any session, one lane, and the row is found by it.
create table key_result (type text, plain text, odd text, found boolean);
do $$
declare
  s record;
  captured text[];
begin
  for s in
    select distinct on (type) type, value, n from sample
    where type not in ('json', 'xml', 'point', 'line', 'lseg', 'box', 'path', 'polygon', 'circle', 'jsonpath', 'pg_snapshot', 'txid_snapshot', 'xid', 'cid', 'aclitem', 'int2vector', 'oidvector',
      'refcursor', 'tid') and type not like 'reg%'
    order by type, n
  loop
    execute format('create table key_%s (k %s primary key, v integer)', s.n, s.type);
    execute format('alter table key_%s owner to crm', s.n);
    perform t.capture(format('key_%s', s.n));
    perform set_config('role', 'none', true);
    perform plain_session();
    execute format('insert into key_%s values (%L, 1)', s.n, s.value);
    perform odd_session();
    execute format('update key_%s set v = 2', s.n);
    captured := array(select object_id from tandem.outbox order by counter desc limit 2);
    execute format('insert into key_result select %L, %L, %L, found from tandem.live_key_%s(%L)', s.type, captured[2], captured[1], s.n, captured[1]);
    perform plain_session();
  end loop;
end $$;
select cmp_ok((select count(*) from key_result), '>', 50::bigint, 'every type that can be a key');
select is_empty('select * from key_result where plain is distinct from odd', 'has one text in every session');
select is_empty('select * from key_result where found is not true', 'by which the row is found');
select * from finish();
