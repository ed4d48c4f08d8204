-- Adds counts to the minute's row of a target or source: numbers of the same name are summed, those named max_… keep the larger. Called at
-- most once a second and row.
create or replace function tandem.add_minute_stat(queue text, peer text, minute timestamptz, counts jsonb) returns void
language sql volatile security definer set search_path = pg_catalog, pg_temp
as $$
  insert into tandem.minute_stat as s (queue, peer, minute, counts) values ($1, $2, date_trunc('minute', $3), $4)
  on conflict on constraint minute_stat_pkey do update set counts = (
    select jsonb_object_agg(key, case when key like 'max\_%' then greatest((s.counts ->> key)::numeric, (excluded.counts ->> key)::numeric)
      else coalesce((s.counts ->> key)::numeric, 0) + coalesce((excluded.counts ->> key)::numeric, 0) end)
    from jsonb_object_keys(s.counts || excluded.counts) as key)
$$;
