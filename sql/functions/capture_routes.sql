-- The routes for which a watch captures, with their definitions as SQL: `n` numbers them in the generated function.
create or replace function tandem.capture_routes(watch text)
returns table (n bigint, target text, request_type text, image boolean, operations text[], condition text, condition_new text, condition_old text,
  columns text[], columns_differ text, on_leave text, on_truncate text, truncate_most bigint, changed boolean, ignores text[])
language sql volatile
set search_path = pg_catalog, pg_temp
as $$
  select row_number() over (order by r.target, r.request_type), r.target, r.request_type,
         -- What a stream brings comes late: what a source says may have been applied behind it, and must not be overwritten.
         coalesce(r.definition ->> 'body', 'image') = 'image' and not (w.mode = 'wal' and r.definition ? 'apply'),
         coalesce(tandem.text_list(r.definition -> 'operations'), array['create', 'update', 'delete']),
         d.condition,
         case when d.condition is not null then tandem.row_expression(w.relation, d.condition, 'new', 'boolean') end,
         case when d.condition is not null then tandem.row_expression(w.relation, d.condition, 'old', 'boolean') end,
         d.columns, tandem.capture_differs(d.columns),
         coalesce(r.definition ->> 'on_leave', 'ignore'), coalesce(r.definition ->> 'on_truncate', 'delete'),
         coalesce((r.definition ->> 'truncate_most')::bigint, 100000),
         coalesce((r.definition ->> 'changed')::boolean, false),
         case when d.columns is null then tandem.known_columns(w.relation, tandem.text_list(r.definition -> 'ignores')) end
  from tandem.route r
  join tandem.watch w on w.watch = r.watch
  cross join lateral (
    select nullif(btrim(r.definition ->> 'when'), ''), tandem.known_columns(w.relation, tandem.text_list(r.definition -> 'columns'))
  ) as d (condition, columns)
  where r.watch = $1 and not r.draining
  order by 1
$$;

-- A JSON list of texts as an array; null when it is missing or empty.
create or replace function tandem.text_list(list jsonb) returns text[]
language sql immutable set search_path = pg_catalog, pg_temp
as $$
  select nullif(array(select element from jsonb_array_elements_text(case jsonb_typeof(list) when 'array' then list else '[]' end)
    with ordinality as e (element, place) order by place), '{}')
$$;

-- The columns as given; an error where the table has no such column.
create or replace function tandem.known_columns(relation oid, columns text[]) returns text[]
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
declare
  unknown text;
begin
  select string_agg(quote_ident(name), ', ') into unknown from unnest(columns) as c (name)
    where not exists (select from pg_attribute a where a.attrelid = relation and a.attname = name and a.attnum > 0 and not a.attisdropped);
  if unknown is not null then
    raise exception 'table % has no column %', relation::regclass, unknown using errcode = 'undefined_column';
  end if;
  return columns;
end
$$;
