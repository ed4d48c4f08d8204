-- Sends an object again as it is now, without a change in the CRM: a record without a body (`latest`), since it is not written under the
-- object's row lock. Only a `call` or `canary` carries a body of its own. Answers the record_id.
create or replace function tandem.enqueue(target text, request_type text, object_id text, operation text default 'update', body jsonb default null,
  reason text default null) returns uuid
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
  result uuid;
begin
  if not exists (select from tandem.route r where r.target = enqueue.target and r.request_type = enqueue.request_type) then
    raise exception 'there is no route of % to %', request_type, target using errcode = 'undefined_object';
  end if;
  if operation not in ('create', 'update', 'delete', 'snapshot', 'call', 'canary') then
    raise exception 'operation % cannot be enqueued', operation using errcode = 'invalid_parameter_value';
  end if;
  if body is not null and operation not in ('call', 'canary') then
    raise exception 'a record of operation % takes no body: the newest row is read when it is sent', operation using errcode = 'invalid_parameter_value';
  end if;
  if coalesce(object_id, '') = '' then
    raise exception 'object_id is missing' using errcode = 'invalid_parameter_value';
  end if;
  insert into tandem.outbox (object_id, request_type, operation, target, body) values (object_id, request_type, operation, target, body)
    returning record_id into result;
  insert into tandem.audit (action, subject, reason)
    values ('enqueue', jsonb_build_object('target', target, 'request_type', request_type, 'object_id', left(object_id, 200), 'operation', operation, 'record_id', result), enqueue.reason);
  return result;
end
$$;
