-- Name of a generated function: capture_opportunity, or a digest where that is too long for an identifier.
create or replace function tandem.capture_name(kind text, watch text) returns text
language sql immutable set search_path = pg_catalog, pg_temp
as $$
  select case when octet_length(kind || '_' || watch) <= 63 then kind || '_' || watch else kind || '_' || md5(watch) end
$$;
