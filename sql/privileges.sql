-- Who may do what in schema tandem. Revokes first, so that applying it again also takes back; roles are explained in docs/sql.md.
-- Whoever applied the functions and views, they belong to tandem_owner: with the owner's rights they must not run as an administrator.
do $owner$
declare
  owner oid := 'tandem_owner'::regrole;
  thing record;
begin
  for thing in
    select format('alter %s %s owner to tandem_owner', case p.prokind when 'p' then 'procedure' else 'function' end, p.oid::regprocedure) as command
    from pg_catalog.pg_proc p where p.pronamespace = 'tandem'::regnamespace and p.proowner <> owner
    union all
    select format('alter view %s owner to tandem_owner', c.oid::regclass)
    from pg_catalog.pg_class c where c.relnamespace = 'tandem'::regnamespace and c.relkind = 'v' and c.relowner <> owner
  loop
    execute thing.command;
  end loop;
end
$owner$;

set role tandem_owner;

revoke all on schema tandem from public;
revoke all on all tables in schema tandem from public, tandem_connector, tandem_mapping, tandem_operator, tandem_viewer;
revoke all on all sequences in schema tandem from public, tandem_connector, tandem_mapping, tandem_operator, tandem_viewer;
revoke all on all functions in schema tandem from public, tandem_connector, tandem_mapping, tandem_operator, tandem_viewer;
revoke all on all procedures in schema tandem from public;
alter default privileges in schema tandem revoke execute on functions from public;

grant usage on schema tandem to tandem_connector, tandem_mapping, tandem_operator, tandem_viewer;

-- The connector settles; it neither changes what is captured nor rewrites a body, a target or who did what.
grant select on all tables in schema tandem to tandem_connector;
grant usage, select on all sequences in schema tandem to tandem_connector;
grant insert on tandem.outbox, tandem.inbox, tandem.audit to tandem_connector;
grant update (request_state, outcome, error_code, description, need_retry, attempts, next_attempt_at, answer_status, duration,
  date_time_received, date_time_update) on tandem.outbox to tandem_connector;
grant update (object_id, request_state, outcome, error_code, description, need_retry, attempts, next_attempt_at, answer_status, duration,
  date_time_received, date_time_update, remote_id, version) on tandem.inbox to tandem_connector;
-- Of a record that came with an id alone, once the object has been fetched.
grant update (body) on tandem.inbox to tandem_connector;
grant insert, update, delete on tandem.settled_through, tandem.parked, tandem.failed, tandem.identity, tandem.agreed, tandem.attempt,
  tandem.refused, tandem.connector, tandem.connector_alive, tandem.conflict, tandem.snapshot, tandem.verification, tandem.difference, tandem.alert,
  tandem.minute_stat, tandem.confirmation, tandem.write_back, tandem.stream, tandem.stream_watch, tandem.poll_watch,
  tandem.captured to tandem_connector;
grant update (position) on tandem.source to tandem_connector;

grant execute on function tandem.remove_settled(text, integer, bigint, interval, interval),
  tandem.remove_old(integer, interval, interval, interval), tandem.add_minute_stat(text, text, timestamptz, jsonb), tandem.remove_drained(),
  tandem.rekey_turn(bigint, bigint, boolean), tandem.has_pending(text, text, text, bigint, bigint), tandem.rekey_away(tandem.outbox),
  tandem.rekey_ring(bigint), tandem.move_identities(text, bigint, bigint[]),
  tandem.write_back_step(text[]), tandem.write_back_next(text[]), tandem.write_back_ended(bigint, text), tandem.fetches(text, text), tandem.drift(),
  tandem.column_names(oid), tandem.capture_name(text, text), tandem.hold_fence(text, bigint),
  tandem.begin_comparison(text, text), tandem.behind(text, text[], bigint[]), tandem.wait_until_visible(bigint[]),
  tandem.stand_in_stream(text, bigint), tandem.move_stream(text, bigint, pg_lsn[], pg_lsn[], integer, integer), tandem.compare_step(text, integer), tandem.poll_step(text, integer, integer), tandem.poll_options(text), tandem.poll_problem(oid, text, text),
  tandem.poll_horizon(timestamptz[], xid8[], interval), tandem.polled_columns(text), tandem.identity_problem(oid, text[], boolean), tandem.captured_tables(oid),
  tandem.check_expression(regclass, text, regtype), tandem.row_expression(regclass, text, text, regtype),
  tandem.parse_alone(regclass, text, text),
  tandem.expression_path(regclass), tandem.counter_of(uuid) to tandem_connector;

-- Views run with their owner's rights; none of them shows a body.
grant select on tandem.outbox_status, tandem.inbox_status, tandem.failures, tandem.object_sync, tandem.unpaired, tandem.lag
  to tandem_viewer, tandem_operator;
grant select on tandem.schema_version, tandem.connector, tandem.connector_alive, tandem.minute_stat, tandem.settled_through, tandem.alert,
  tandem.refused to tandem_viewer, tandem_operator;
-- What `tandem status` and `tandem list` ask: no body, no definition.
grant select (xid, counter, record_id, object_id, request_type, operation, target, request_state, outcome, error_code, description, need_retry,
  attempts, next_attempt_at, answer_status, duration, date_time, date_time_received, date_time_update, origin, old_object_id)
  on tandem.outbox to tandem_viewer;
grant select (xid, counter, record_id, object_id, request_type, operation, source, request_state, outcome, error_code, description, need_retry,
  attempts, next_attempt_at, answer_status, duration, date_time, date_time_received, date_time_update, origin, remote_id, source_record_id, version)
  on tandem.inbox to tandem_viewer;
grant select (target, paused, paused_reason) on tandem.target to tandem_viewer;
grant select (target, request_type, watch, paused, paused_reason, draining) on tandem.route to tandem_viewer;
grant select on tandem.parked, tandem.failed to tandem_viewer;
grant execute on function tandem.drift() to tandem_viewer, tandem_operator;
grant update (recovered_at) on tandem.alert to tandem_operator;
grant execute on function tandem.object_status(text, text), tandem.trace(uuid), tandem.counter_of(uuid), tandem.floor(text, text)
  to tandem_viewer, tandem_operator, tandem_connector;

grant select on tandem.outbox, tandem.inbox, tandem.parked, tandem.failed, tandem.identity, tandem.agreed, tandem.attempt, tandem.target,
  tandem.source, tandem.watch, tandem.route, tandem.conflict, tandem.snapshot, tandem.verification, tandem.difference, tandem.audit
  to tandem_operator;
grant execute on function
  tandem.retry(uuid, text), tandem.retry(bigint, text), tandem.retry(text, text, text, integer, text, text),
  tandem.discard(uuid, text), tandem.discard(bigint, text), tandem.discard(text, text, text, integer, text, text),
  tandem.retry_records(bigint[], text, text), tandem.discard_records(bigint[], text, text),
  tandem.pause(text, text, text), tandem.resume(text, text, text), tandem.enqueue(text, text, text, text, jsonb, text),
  tandem.resolve(bigint, text, text), tandem.pair(text, text, text, text, text), tandem.unpair(text, text, text, text)
  to tandem_operator, tandem_connector;

-- tandem_mapping evaluates `sql` mappings: it reads watched tables (granted by capture) and nothing of tandem's.
do $functions$
declare
  f record;
begin
  -- Generated readers of live rows.
  for f in
    select p.oid::regprocedure as name from pg_catalog.pg_proc p
    where p.pronamespace = 'tandem'::regnamespace and exists (select from tandem.watch w where w.live_function = format('tandem.%I', p.proname))
  loop
    execute format('grant execute on function %s to tandem_connector, tandem_mapping', f.name);
  end loop;
  -- Generated trigger functions, as tandem.plan_grants says.
  for f in
    select p.oid::regprocedure as name from tandem.watch w
    join pg_catalog.pg_proc p on p.oid in (to_regprocedure(format('tandem.%I()', tandem.capture_name('capture', w.watch))),
      to_regprocedure(format('tandem.%I()', tandem.capture_name('touch', w.watch))))
  loop
    execute format('grant execute on function %s to public', f.name);
  end loop;
  -- Generated functions that write into the CRM's rows.
  for f in
    select p.oid::regprocedure as name from tandem.watch w
    join pg_catalog.pg_proc p on p.oid = to_regprocedure(format('tandem.%I(text, text, text, text, text)', tandem.capture_name('back', w.watch)))
  loop
    execute format('grant execute on function %s to tandem_connector', f.name);
  end loop;
  -- Generated functions of streams.
  for f in
    select p.oid::regprocedure as name from tandem.watch w
    join pg_catalog.pg_proc p on p.proname in (tandem.capture_name('stream', w.watch), tandem.capture_name('behind', w.watch), tandem.capture_name('compare', w.watch))
      and p.pronamespace = 'tandem'::regnamespace
    where w.mode in ('wal', 'poll') or exists (select from tandem.poll_watch x where x.watch = w.watch)
  loop
    execute format('grant execute on function %s to tandem_connector', f.name);
  end loop;
end
$functions$;

reset role;

-- Without it the connector cannot see since when other sessions' transactions have been open; `tandem doctor` says so where nobody may grant it here.
do $statistics$
begin
  if not pg_catalog.pg_has_role('tandem_connector', 'pg_read_all_stats', 'usage') then
    grant pg_read_all_stats to tandem_connector;
  end if;
exception when insufficient_privilege then
  null;
end
$statistics$;
