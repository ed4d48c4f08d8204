-- $1 connector. The watches of its stream, with their tables as they are now.
select s.watch, n.nspname, c.relname, tandem.column_names(w.relation), w.key_columns, c.relkind = 'p', s.since::text, s.state,
       coalesce(s.latest_through::text, '0/0'), tandem.capture_name('stream', s.watch)
from tandem.stream_watch s
join tandem.watch w on w.watch = s.watch
join pg_class c on c.oid = w.relation
join pg_namespace n on n.oid = c.relnamespace
where s.connector = $1::text
order by s.watch
