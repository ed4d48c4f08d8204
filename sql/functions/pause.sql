-- Stops sending to a target, or one route of it. Capture goes on; records wait without spending attempts. What a pause has parked is woken by
-- the connector, step by step, once it sees the route resumed. Answers whether that changed anything.
create or replace function tandem.pause(target text, request_type text default null, reason text default null) returns boolean
language sql volatile security definer set search_path = pg_catalog, pg_temp
as $$ select tandem.set_paused(target, request_type, true, reason) $$;

create or replace function tandem.resume(target text, request_type text default null, reason text default null) returns boolean
language sql volatile security definer set search_path = pg_catalog, pg_temp
as $$ select tandem.set_paused(target, request_type, false, reason) $$;

create or replace function tandem.set_paused(target text, request_type text, paused boolean, reason text) returns boolean
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
  before boolean;
begin
  if set_paused.request_type is null then
    select t.paused into before from tandem.target t where t.target = set_paused.target for update;
  else
    select r.paused into before from tandem.route r where r.target = set_paused.target and r.request_type = set_paused.request_type for update;
  end if;
  if before is null then
    raise exception 'there is no %', case when set_paused.request_type is null then 'target ' || target else 'route of ' || set_paused.request_type || ' to ' || target end
      using errcode = 'undefined_object';
  elsif before = paused then
    return false;
  end if;
  if set_paused.request_type is null then
    update tandem.target t set paused = set_paused.paused, paused_reason = case when set_paused.paused then reason end, updated_at = now()
      where t.target = set_paused.target;
  else
    update tandem.route r set paused = set_paused.paused, paused_reason = case when set_paused.paused then reason end, updated_at = now()
      where r.target = set_paused.target and r.request_type = set_paused.request_type;
  end if;
  insert into tandem.audit (action, subject, reason)
    values (case when paused then 'pause' else 'resume' end,
      jsonb_strip_nulls(jsonb_build_object('target', target, 'request_type', set_paused.request_type)), set_paused.reason);
  perform pg_logical_emit_message(true, 'tandem', jsonb_build_object(case when paused then 'pause' else 'resume' end, target)::text);
  return true;
end
$$;
