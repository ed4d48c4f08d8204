-- $1 connector, $2 epoch, $3 sources, $4 counter: nothing of these sources is pending up to there, parked records aside. Never falls.
with fence as materialized (
  select from tandem.connector where name = $1::text and epoch = $2::bigint for key share
), written as (
  insert into tandem.settled_through as s (queue, peer, counter)
  select 'inbox', given.source, $4::bigint from unnest($3::text[]) as given (source), fence
  on conflict (queue, peer) do update set counter = excluded.counter, updated_at = clock_timestamp() where s.counter < excluded.counter
)
select pg_current_xact_id() as xid, (select count(*) from fence) as fenced
