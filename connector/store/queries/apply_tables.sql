-- For each watch its table, fully qualified, and the columns of its key.
select w.watch, format('%I.%I', n.nspname, c.relname) as relation, w.key_columns
from tandem.watch w join pg_class c on c.oid = w.relation join pg_namespace n on n.oid = c.relnamespace
