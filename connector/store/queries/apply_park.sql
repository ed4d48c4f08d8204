-- $1 connector, $2 epoch, then in one order: $3 counters, $4 record_ids, $5 milliseconds to wait, $6 reasons, $7 error_codes, $8 descriptions,
-- $9 attempts, $10 places in the log and $11 hashes of rows: of those that wait for the log. One that waits for a fetch loses its body: the whole
-- object takes its place.
with fence as materialized (
  select from tandem.connector where name = $1::text and epoch = $2::bigint for key share
), noted as (
  update tandem.inbox i
  set request_state = 2, body = case when g.reason <> 'fetch' then i.body end, error_code = g.error_code, description = g.description, attempts = g.attempts::integer,
      next_attempt_at = clock_timestamp() + g.wait * interval '1 millisecond',
      date_time_received = coalesce(i.date_time_received, clock_timestamp()), date_time_update = clock_timestamp()
  from fence, unnest($3::bigint[], $4::uuid[], $5::bigint[], $6::text[], $7::text[], $8::text[], $9::bigint[],
    $10::text[]::pg_lsn[], $11::text[]::bigint[]) as g (counter, record_id, wait, reason, error_code, description, attempts, seen_at, seen_hash)
  where i.counter = g.counter and i.record_id = g.record_id and i.request_state in (1, 2)
  returning i.counter, i.source, i.request_type, i.object_id, i.next_attempt_at, g.reason, g.seen_at, g.seen_hash
), parked as (
  insert into tandem.parked as p (queue, counter, peer, request_type, object_id, due, reason, attempted, seen_at, seen_hash, seen_since)
  select 'inbox', n.counter, n.source, n.request_type, n.object_id, case when n.reason = 'fetch' then 'infinity' else n.next_attempt_at end, n.reason,
         true, n.seen_at, n.seen_hash, case when n.seen_at is not null then clock_timestamp() end
  from noted n
  on conflict (queue, counter) do update set due = excluded.due, reason = excluded.reason, seen_at = excluded.seen_at, seen_hash = excluded.seen_hash,
    seen_since = case when excluded.seen_at is not null then coalesce(p.seen_since, excluded.seen_since) end
)
select (select count(*) from fence) as fenced, (select count(*) from noted) as noted
