-- $1 counters. About how many bytes of text each record's body and its object's agreed image are, in the order of the counters, from the
-- stored sizes: nothing is fetched. What is stored compressed may be many times as long. A null body: the live row is read instead.
select pg_column_size(o.body)::bigint * case pg_column_compression(o.body) when 'pglz' then 96 when 'lz4' then 255 else 1 end as body,
       coalesce(pg_column_size(a.image)::bigint * case pg_column_compression(a.image) when 'pglz' then 96 when 'lz4' then 255 else 1 end, 0) as agreed
from unnest($1::bigint[]) with ordinality as due (counter, place)
left join tandem.outbox o on o.counter = due.counter
left join tandem.agreed a on a.target = o.target and a.request_type = o.request_type and hashtextextended(a.object_id, 0) = hashtextextended(o.object_id, 0)
  and a.object_id = o.object_id
order by due.place
