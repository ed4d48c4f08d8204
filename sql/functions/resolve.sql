-- Decides a conflict that a person was left with (`conflict: manual`). ours: the row as it is goes to the other side. theirs: their newest
-- failed record of the object is applied as it is.
create or replace function tandem.resolve(conflict_id bigint, resolution text, reason text default null) returns void
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
  c tandem.conflict;
  failed bigint;
begin
  if resolution is null or resolution not in ('ours', 'theirs') then
    raise exception 'resolution is %, it must be ours or theirs', resolution using errcode = 'invalid_parameter_value';
  end if;
  select * into c from tandem.conflict f where f.conflict_id = resolve.conflict_id and f.resolution is null for update;
  if not found then
    raise exception 'there is no open conflict %', conflict_id using errcode = 'no_data_found';
  end if;
  select f.counter into failed
  from tandem.failed f join tandem.source s on s.source = f.peer and s.definition ->> 'target' = c.target
  where f.queue = 'inbox' and f.request_type = c.request_type and f.object_id = c.object_id and f.outcome = 'conflict'
  order by f.counter desc limit 1;
  if resolution = 'theirs' and failed is null then
    raise exception 'their record of this conflict is not there any more' using errcode = 'no_data_found', hint = 'resolve it as ours';
  end if;
  update tandem.conflict f
  set resolution = resolve.resolution, resolved_by = session_user, resolved_at = case when resolve.resolution = 'ours' then clock_timestamp() end
  where f.conflict_id = resolve.conflict_id;
  if resolution = 'theirs' then
    perform tandem.retry_records(array[failed], 'inbox', reason);
  else
    perform tandem.discard_records(array(
      select f.counter from tandem.failed f join tandem.source s on s.source = f.peer and s.definition ->> 'target' = c.target
      where f.queue = 'inbox' and f.request_type = c.request_type and f.object_id = c.object_id and f.outcome = 'conflict'), reason, 'inbox');
    perform tandem.enqueue(c.target, c.request_type, c.object_id, 'update', null, reason);
  end if;
  insert into tandem.audit (action, subject, reason)
    values ('resolve', jsonb_build_object('conflict_id', conflict_id, 'resolution', resolution, 'target', c.target, 'request_type', c.request_type,
      'object_id', left(c.object_id, 200)), resolve.reason);
end
$$;
