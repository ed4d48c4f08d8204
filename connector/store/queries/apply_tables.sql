-- For each watch its table, fully qualified, the columns of its key, all columns and their types (null: a domain, or another whose values may be
-- refused), whether triggers of the CRM, on the table or below it, can change a row behind its write, and whether several rows may be written by
-- one statement: nothing of the CRM's could tell it from one statement each. Last, whether the delete of a row changes rows of other tables.
select w.watch, format('%I.%I', n.nspname, c.relname) as relation, w.key_columns,
       array(select a.attname::text from pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped order by a.attnum) as columns,
       array(
         select case when t.typtype = 'b' then format_type(a.atttypid, a.atttypmod) end
         from pg_attribute a join pg_type t on t.oid = a.atttypid
         where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped order by a.attnum) as types,
       c.relhassubclass or own.triggers as changes_rows,
       c.relkind = 'r' and not c.relhassubclass and not c.relhasrules and not own.triggers as in_sets,
       exists (select from pg_constraint k where k.confrelid = c.oid and k.contype = 'f' and k.confdeltype in ('c', 'n', 'd')) as deletes_reach_further
from tandem.watch w join pg_class c on c.oid = w.relation join pg_namespace n on n.oid = c.relnamespace
cross join lateral (
  select exists (
    select from pg_trigger g join pg_proc p on p.oid = g.tgfoid
    where g.tgrelid = c.oid and not g.tgisinternal and p.pronamespace <> 'tandem'::regnamespace) as triggers
) as own
