-- The settings on which the text of a table's values depends, as clauses of a function: only those that its types need, since each costs
-- about a microsecond a row. Types of extensions that are not text-like may print anything, so they get all that is cheap to pin.
create or replace function tandem.capture_pins(relation regclass) returns text
language sql stable set search_path = pg_catalog, pg_temp
as $$
  with recursive used (type) as (
    select atttypid from pg_attribute where attrelid = relation and attnum > 0 and not attisdropped
    union
    select part.type
    from used
    join pg_type t on t.oid = used.type
    cross join lateral (
      select t.typbasetype where t.typtype = 'd'
      union all select t.typelem where t.typelem <> 0
      union all select r.rngsubtype from pg_range r where r.rngtypid = t.oid or r.rngmultitypid = t.oid
      union all select a.atttypid from pg_attribute a where t.typtype = 'c' and a.attrelid = t.typrelid and a.attnum > 0 and not a.attisdropped
    ) as part (type)
  ), known as (
    select t.oid, t.typname, t.typtype,
           t.typtype = 'b' and t.typelem = 0 and t.typcategory <> 'S' and n.nspname <> 'pg_catalog' as foreign_text
    from used join pg_type t on t.oid = used.type join pg_namespace n on n.oid = t.typnamespace
  ), pinned (setting, value, needed) as (
    values
      ('timezone', 'UTC', (select bool_or(oid = 'timestamptz'::regtype or foreign_text) from known)),
      -- A date prints as ISO 8601 in JSON by itself, but not inside a range.
      ('datestyle', 'ISO, YMD', (select bool_or(typtype in ('r', 'm') or foreign_text) from known)),
      ('intervalstyle', 'postgres', (select bool_or(oid = 'interval'::regtype or foreign_text) from known)),
      ('bytea_output', 'hex', (select bool_or(oid = 'bytea'::regtype or foreign_text) from known)),
      ('extra_float_digits', '1', (select bool_or(foreign_text or oid in ('float4'::regtype, 'float8'::regtype, 'point'::regtype, 'line'::regtype,
        'lseg'::regtype, 'box'::regtype, 'path'::regtype, 'polygon'::regtype, 'circle'::regtype)) from known)),
      ('lc_monetary', 'C', (select bool_or(oid = 'money'::regtype) from known)))
  select coalesce(string_agg(format(E'\nset %s = %L', setting, value), '' order by setting), '') from pinned where needed
$$;
