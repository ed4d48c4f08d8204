-- Whether an object of which this source has told the id alone can be fetched: its route has a `fetch` request.
create or replace function tandem.fetches(source text, request_type text) returns boolean
language sql stable set search_path = pg_catalog, pg_temp
as $$
  select exists (
    select from tandem.source s join tandem.route r on r.target = s.definition ->> 'target' and r.request_type = fetches.request_type
    where s.source = fetches.source and r.definition -> 'requests' ? 'fetch')
$$;
