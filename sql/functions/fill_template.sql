-- A text with each {{name}} replaced by its part, in one pass: a part that holds {{ }} itself stays as it is.
create or replace function tandem.fill_template(template text, parts jsonb) returns text
language sql immutable set search_path = pg_catalog, pg_temp
as $$
  select string_agg(case when place % 2 = 1 then piece else parts ->> piece end, '' order by place)
  from unnest(string_to_array(replace(template, '}}', '{{'), '{{')) with ordinality as p (piece, place)
$$;
