-- tandem 0001: roles, the ledger, the tables of the SQL contract.
--
-- outbox: one row is one change of one object for one other system (a record). `counter` is the order of insertion and, for row
-- images of one object, the commit order. request_state: 1 created, 2 received, 3 done, 4 failed; outcome says how it was settled.
-- inbox: the same for changes that come from another system. Pending rows are found above settled_through, or in parked.
-- Nothing in here is indexed by a column that changes, so settling stays a heap-only update.
-- Every statement works as a role that is not a superuser: it needs CREATEROLE (or the five roles made beforehand) and CREATE on
-- the database. docs/sql.md has the meaning of every table and column.

-- Cluster-wide, hence created only where they are missing, and left alone by the way down.
do $roles$
declare
  wanted record;
begin
  for wanted in
    select * from (values
      ('tandem_owner', 'nologin'), ('tandem_connector', 'login'), ('tandem_mapping', 'nologin'),
      ('tandem_operator', 'nologin'), ('tandem_viewer', 'nologin')) as role (name, attribute)
  loop
    if not exists (select from pg_catalog.pg_roles where rolname = wanted.name) then
      execute format('create role %I %s', wanted.name, wanted.attribute);
    end if;
  end loop;
  if not (select rolreplication from pg_catalog.pg_roles where rolname = 'tandem_connector') then
    begin
      alter role tandem_connector replication;
    exception when insufficient_privilege then
      raise warning 'tandem_connector may not replicate: it will poll'
        using hint = 'have an administrator run: alter role tandem_connector replication (on a managed server grant its replication role)';
    end;
  end if;
  -- Objects are made as tandem_owner. Before PostgreSQL 16 membership is enough; from 16 on CREATEROLE gives the ADMIN OPTION for it.
  if not pg_catalog.pg_has_role(current_user, 'tandem_owner', 'usage') then
    execute format('grant tandem_owner to %I', current_user);
  end if;
  -- The connector becomes tandem_mapping to evaluate `sql` mappings.
  if not pg_catalog.pg_has_role('tandem_connector', 'tandem_mapping', 'member') then
    grant tandem_mapping to tandem_connector;
  end if;
  execute format('grant connect, temporary on database %I to tandem_owner, tandem_connector, tandem_mapping', current_database());
  execute format('grant connect on database %I to tandem_operator, tandem_viewer', current_database());
exception when insufficient_privilege then
  raise exception 'the roles of tandem are missing and % may not create them', current_user
    using hint = 'grant CREATEROLE, or have an administrator create tandem_owner, tandem_connector (login replication), tandem_mapping, tandem_operator and tandem_viewer, and grant tandem_owner to the role that installs';
end
$roles$;

create schema tandem authorization tandem_owner;
set role tandem_owner;

-- The ledger. Each file ends by recording itself, whoever applies it; `tandem migrate` fills in the checksum (sha256 of the file) and
-- from then on refuses a file that has changed. psql leaves the checksum null.
create table tandem.schema_version (
  version    integer not null,
  name       text not null,
  checksum   text,
  applied_at timestamptz not null default now(),
  applied_by text not null default session_user,
  constraint schema_version_is_applied_once primary key (version)
);
create function tandem.record_migration(version integer, name text) returns void
language sql set search_path = pg_catalog, pg_temp
as $$ insert into tandem.schema_version (version, name) values ($1, $2) $$;

-- What refuses an update of a record that would leave the states of docs/states.md. A trigger on updates and not a check: PostgreSQL reads the
-- text of a check again in every statement, 44,000 instructions (a sixth of a capture) that the CRM's own statements would pay.
create function tandem.refuse_state() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  raise exception 'record % of tandem.% cannot become state %, outcome %, operation % (it was in state %)',
    old.counter, tg_table_name, new.request_state, coalesce(new.outcome, 'null'), new.operation, old.request_state
    using errcode = 'check_violation', hint = 'tandem.retry() and tandem.discard() move a record as its states allow';
end
$$;

create table tandem.outbox (
  xid                xid8 not null default pg_current_xact_id(),   -- first: drawn before the counter
  counter            bigint generated always as identity (cache 1 no cycle),
  -- A version 8 UUID (RFC 9562): the counter in its first 48 bits, so that it needs no index of its own, and in the last 62 the transaction's
  -- time in microseconds, so that a counter which a fail-over draws twice still makes two records. Cheaper than a random one.
  record_id          uuid not null
    default encode(int8send((currval('tandem.outbox_counter_seq') << 16) | 32768) || set_bit(timestamptz_send(now()), 7, 1), 'hex')::uuid,
  object_id          text not null,
  request_type       text not null,
  operation          text not null,
  target             text not null,
  body               jsonb,
  changed            text[],
  request_state      smallint not null default 1,
  outcome            text,
  error_code         text,
  description        text,
  need_retry         boolean,
  attempts           integer not null default 0,
  next_attempt_at    timestamptz,
  answer_status      integer,
  duration           interval,
  date_time          timestamptz not null default now(),
  date_time_received timestamptz,
  date_time_update   timestamptz,
  origin             text,
  trace_context      text,
  old_object_id      text,                             -- rekey: the key that the object had before
  constraint outbox_counter_identifies_a_record primary key (counter)
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05);
-- By hash: a key of any length fits (a btree entry holds at most 2,704 bytes, and a key must never fail the CRM). Ask for
-- hashtextextended(object_id, 0) = hashtextextended($1, 0) and object_id = $1.
create index outbox_object on tandem.outbox (hashtextextended(object_id, 0), counter);
create trigger outbox_state_and_outcome_agree after update on tandem.outbox for each row when ((
  (new.operation = old.operation or new.operation in ('create', 'update', 'delete', 'rekey', 'snapshot', 'call', 'canary'))
  and (old.request_state <> 3 or new.request_state = 3) and (
    (new.request_state in (1, 2) and new.outcome is null)
    or (new.request_state = 3 and new.outcome in ('delivered', 'unchanged', 'superseded', 'filtered', 'discarded'))
    or (new.request_state = 4 and new.outcome in ('rejected', 'exhausted', 'expired', 'outcome_unknown', 'conflict', 'internal')))) is not true)
  execute function tandem.refuse_state();
create index outbox_old_object on tandem.outbox (hashtextextended(old_object_id, 0), counter) where old_object_id is not null;

create table tandem.inbox (
  xid                xid8 not null default pg_current_xact_id(),
  counter            bigint generated always as identity (cache 1 no cycle),
  record_id          uuid not null
    default encode(int8send((currval('tandem.inbox_counter_seq') << 16) | 32768) || set_bit(timestamptz_send(now()), 7, 1), 'hex')::uuid,
  object_id          text,
  object_hash        bigint,                             -- of object_id where it was known on arrival or at a retry: a settlement leaves it alone
  request_type       text not null,
  operation          text not null,
  source             text not null,
  body               jsonb,
  changed            text[],
  request_state      smallint not null default 1,
  outcome            text,
  error_code         text,
  description        text,
  need_retry         boolean,
  attempts           integer not null default 0,
  next_attempt_at    timestamptz,
  answer_status      integer,
  duration           interval,
  date_time          timestamptz not null default now(),
  date_time_received timestamptz,
  date_time_update   timestamptz,
  origin             text,
  trace_context      text,
  remote_id          text,
  source_record_id   text collate "C" not null,
  version            text,
  constraint inbox_counter_identifies_a_record primary key (counter),
  constraint inbox_source_record_arrives_once unique (source_record_id, source)  -- what tells rows apart comes first: one comparison
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05);
-- For delivery, which asks what is pending of an object. Not by object_id, which is often known only when the record is settled: a settlement that changes
-- what an index holds adds to all three.
create index inbox_object on tandem.inbox (object_hash, counter) where object_hash is not null;
create trigger inbox_state_and_outcome_agree after update on tandem.inbox for each row when ((
  (new.operation = old.operation or new.operation in ('create', 'update', 'delete', 'rekey', 'snapshot', 'call', 'canary'))
  and (old.request_state <> 3 or new.request_state = 3) and (
    (new.request_state in (1, 2) and new.outcome is null)
    or (new.request_state = 3 and new.outcome in ('applied', 'unchanged', 'superseded', 'filtered', 'discarded', 'stale'))
    or (new.request_state = 4 and new.outcome in ('rejected', 'exhausted', 'expired', 'outcome_unknown', 'conflict', 'internal')))) is not true)
  execute function tandem.refuse_state();

-- What a source has said of a pending record that waits for it (`settle_on: confirmed`): that it has taken effect there, or why not. Here from when it
-- comes, which may be before its acceptance is written down, until the record is settled by it. What confirms nothing stands in inbox alone.
create table tandem.confirmation (
  counter     bigint not null,                         -- of the outbox's record
  record_id   uuid not null,
  failed      boolean not null default false,
  description text,                                    -- their words
  remote_id   text,
  source      text not null,
  arrived_at  timestamptz not null default now(),
  constraint confirmation_counts_once primary key (counter)
) with (fillfactor = 70);

-- What a source has said and nobody can take: each message of a topic with its place, requests in groups. Counted and shown, never work.
create table tandem.refused (
  refused_id bigint generated always as identity,
  source     text not null,
  place      text not null,                           -- TOPIC/PARTITION/OFFSET, a page of a list, or `request`
  reason     text not null,
  times      bigint not null default 1,
  first_at   timestamptz not null default now(),
  last_at    timestamptz not null default now(),
  constraint refused_row_has_an_id primary key (refused_id)
);
create unique index refused_is_told_once on tandem.refused (source, place, md5(reason));

-- The floor: every counter of this queue and peer (target or source) up to here is settled, parked or can never commit.
create table tandem.settled_through (
  queue      text not null default 'outbox',
  peer       text not null,
  counter    bigint not null default 0,
  updated_at timestamptz not null default now(),
  constraint settled_through_is_one_per_peer primary key (queue, peer),
  constraint settled_through_queue_is_known check (queue in ('outbox', 'inbox'))
) with (fillfactor = 50);

-- Pending records that are not in memory, or were sent back by a person. The only pending rows allowed at or below the floor.
create table tandem.parked (
  queue         text not null default 'outbox',
  counter       bigint not null,
  peer          text not null,
  request_type  text not null,
  object_id     text,
  due           timestamptz not null default now(),   -- 'infinity': waits for an event (a person, a parent, a pause)
  reason        text not null,                        -- retry, parent, rekey, confirmation, pause, resumed, blocked, outcome, person, log
  retried       boolean not null default false,       -- sent back by a person
  attempted     boolean not null default false,       -- possibly: it is not folded into a later record
  waits_for     text,                                 -- parent: jsonb_build_array(request_type, object_id)::text
  since         timestamptz not null default now(),
  seen_hash     bigint,                               -- inbox, log: the row as it was seen (null: it was gone) …
  seen_at       pg_lsn,                               -- … when the log had come to here
  seen_since    timestamptz,                          -- the log is waited for since then
  constraint parked_record_is_parked_once primary key (counter, queue),
  constraint parked_queue_is_known check (queue in ('outbox', 'inbox'))
);
-- A plan that is made while the table is empty takes an index by `queue = …` for as good as one by the counter, and then reads all that is parked
-- for each record. So each index begins with what tells rows apart, and whoever looks by a counter or a hash asks for queue and peer with
-- `is not distinct from`, which no index can answer.
create index parked_due on tandem.parked (peer, queue, due, counter);  -- what waits for a fetch, without end, comes by counter
create index parked_lane on tandem.parked (hashtextextended(object_id, 0), counter);
create index parked_pause on tandem.parked (peer, queue, request_type, counter) where reason = 'pause';
create index parked_parent on tandem.parked (hashtextextended(waits_for, 0)) where waits_for is not null;

-- Failed records, few: what people look at and retry. Kept by the settling statement and by retry() and discard().
create table tandem.failed (
  queue        text not null default 'outbox',
  counter      bigint not null,
  peer         text not null,
  request_type text not null,
  object_id    text,
  outcome      text not null,
  error_code   text,
  fingerprint  text,                                  -- the description without its variable parts, for grouping
  failed_at    timestamptz not null default now(),
  constraint failed_record_is_listed_once primary key (counter, queue)
);
create index failed_group on tandem.failed (peer, queue, request_type, error_code);
create index failed_object on tandem.failed (hashtextextended(object_id, 0));

-- The pair (our object_id, their remote_id). pending: a create is about to be sent or its answer is unknown.
create table tandem.identity (
  identity_id  bigint generated always as identity,
  target       text not null,
  request_type text not null,
  object_id    text not null,
  remote_id    text,
  state        text not null,
  version      text,                                  -- their version or ETag, where they have one
  moved_by     bigint,                                -- the record of a changed key that has brought it here
  created_at   timestamptz not null default now(),
  updated_at   timestamptz not null default now(),
  constraint identity_row_has_an_id primary key (identity_id),
  constraint identity_state_is_known check (state in ('pending', 'paired', 'deleted')),
  constraint identity_is_paired_with_a_remote_id check (state <> 'paired' or remote_id is not null)
) with (fillfactor = 80);
-- Two hashes for keys of any length, unique together: `on conflict (target, request_type, hashtextextended(object_id, 0),
-- hashtextextended(object_id, 1)) where state <> 'deleted'`. A look-up compares hashtextextended(object_id, 0) = hashtextextended($1, 0) and
-- object_id = $1. The first hash comes first, so that it is enough: a look-up by remote_id says `target is not distinct from`, or a plan that was
-- made while the table was empty might take the index of object_ids for those two columns. md5 takes many times as long.
create unique index identity_object_is_paired_once on tandem.identity (hashtextextended(object_id, 0), target, request_type, hashtextextended(object_id, 1)) where state <> 'deleted';
create unique index identity_remote_is_paired_once on tandem.identity (hashtextextended(remote_id, 0), target, request_type, hashtextextended(remote_id, 1)) where state <> 'deleted' and remote_id is not null;
create index identity_remote_was_deleted on tandem.identity (hashtextextended(remote_id, 0), target, request_type) where state = 'deleted';
create index identity_is_pending on tandem.identity (target, request_type) where state = 'pending';

-- What the other side is known to have of an object: image or its hash. Only for routes that need it.
create table tandem.agreed (
  agreed_id    bigint generated always as identity,
  target       text not null,
  request_type text not null,
  object_id    text not null,
  image        json,                                  -- as text: jsonb would take it apart at each write, and put it together at each look
  hash         bytea,
  counter      bigint,                                -- the record that made it so
  version      text,
  unsettled    boolean not null default false,        -- an attempt has left its effect unknown: compare with nothing
  updated_at   timestamptz not null default now(),
  answers      smallint,                              -- to them, since the CRM changes what they write: in the minute from …
  answered_at  timestamptz,
  constraint agreed_row_has_an_id primary key (agreed_id)
) with (fillfactor = 50);  -- many objects that lie together change together, and each of them stays on its page
create unique index agreed_is_one_per_object on tandem.agreed (hashtextextended(object_id, 0), target, request_type, hashtextextended(object_id, 1));

-- Every try that failed or was not the first. A success at the first try is told by the record itself.
create table tandem.attempt (
  attempt_id    bigint generated always as identity,
  queue         text not null default 'outbox',
  counter       bigint not null,
  attempt       integer not null,                     -- 1 is the first
  epoch         bigint not null,
  started_at    timestamptz not null,
  duration      interval,
  counted       boolean not null default true,        -- false: the target's fault, not spent on the record
  error_code    text,
  answer_status integer,
  description   text,
  constraint attempt_row_has_an_id primary key (attempt_id)
);
create index attempt_of_record on tandem.attempt (counter, queue);

-- Objects whose rows in the CRM are still to be told what has become of them (`write_back` of a route). Rows are only added and taken away, so that a
-- settlement never waits here. What is written is looked up when it is written: it may be done twice, and the order does not matter.
create table tandem.write_back (
  write_back_id bigint generated always as identity,
  target        text not null,
  request_type  text not null,
  object_id     text not null,
  due           timestamptz not null default now(),
  tries         integer not null default 0,
  constraint write_back_row_has_an_id primary key (write_back_id)
);
create index write_back_due on tandem.write_back (due, write_back_id);
create index write_back_object on tandem.write_back (hashtextextended(object_id, 0));

-- What `tandem apply` made of the configuration: capture is generated from these rows, and `run` refuses drift against them.
create table tandem.target (
  target        text primary key,
  definition    jsonb not null,                       -- without secrets
  paused        boolean not null default false,
  paused_reason text,
  updated_at    timestamptz not null default now()
);
create table tandem.source (
  source        text primary key,
  definition    jsonb not null,
  position      jsonb,
  paused        boolean not null default false,
  paused_reason text,
  updated_at    timestamptz not null default now()
);
create table tandem.watch (
  watch         text primary key,
  relation      oid not null,                         -- of the watched table; survives renames
  table_name    text not null,                        -- as configured, for messages
  key_columns   text[] not null,
  mode          text not null default 'trigger',
  definition    jsonb not null,
  live_function text,                                 -- generated, callable text: reads the newest image of one object
  capture_hash  text,                                 -- of what was generated: drift is a difference
  updated_at    timestamptz not null default now(),
  constraint watch_mode_is_known check (mode in ('trigger', 'wal', 'poll'))
);
create table tandem.route (
  target        text not null references tandem.target,
  request_type  text not null,
  watch         text not null references tandem.watch,
  definition    jsonb not null,
  paused        boolean not null default false,
  paused_reason text,
  draining      boolean not null default false,       -- unwatch(): capture has ended, delivery goes on
  updated_at    timestamptz not null default now(),
  constraint route_is_named_by_target_and_request_type primary key (target, request_type)
);

-- The stream of a connector whose watches are captured from the log (mode `wal`), and how far it is in the outbox: rows and position commit
-- together. The slot is never confirmed past `through`, so one that is further has been made or moved by somebody else: a gap.
create table tandem.stream (
  connector     text primary key,
  slot          text not null,
  plugin        text not null,                        -- that the slot is made with
  mark          text not null default gen_random_uuid()::text,   -- by which apply's own changes are known; nobody else can write it
  system_id     text,
  timeline      integer,
  through       pg_lsn not null,                      -- everything that committed before is captured
  commit_lsn    pg_lsn,                               -- the transaction behind it, where that is captured in part …
  change_lsn    pg_lsn,                               -- … up to this place in the log …
  ordinal       integer,                              -- … and this many of its rows there
  updated_at    timestamptz not null default now()
) with (fillfactor = 50);
-- A watch of a stream. new: what is there is being written down; comparing: a gap is being closed; current.
create table tandem.stream_watch (
  watch         text primary key references tandem.watch on delete cascade,
  connector     text not null,
  since         pg_lsn not null,                      -- what committed before was not its own: a trigger had it
  state         text not null default 'new',
  pass          integer not null default 1,           -- 1: rows of the table, 2: captured objects
  after         text,                                 -- how far the pass is
  listed_through pg_lsn,                              -- what a new watch's rows were has been written down by here: `captured` runs ahead of the stream before
  latest_through pg_lsn,                              -- what committed up to here is recorded without a body: newer states have been, too
  reason        text,                                 -- why it is compared
  told          bigint not null default 0,            -- records that the comparison wrote
  updated_at    timestamptz not null default now(),
  constraint stream_watch_state_is_known check (state in ('new', 'comparing', 'current'))
) with (fillfactor = 50);
-- A watch of mode `poll`, and how far its table is read: rows and position commit together. new: what is there is being written down; current. A
-- comparison (hard deletes, rows without a time) goes on beside the rounds: pass and after are its own.
create table tandem.poll_watch (
  watch         text primary key references tandem.watch on delete cascade,
  connector     text not null,
  active        boolean not null default false,       -- false: triggers or a stream still capture the table
  state         text not null default 'new',
  updated       text not null,                        -- columns that the position is about
  deleted       text,
  pass          integer not null default 0,           -- 0: none; as tandem.compare_source says
  after         text,                                 -- how far the pass is
  through       timestamptz,                          -- rows with a time up to here are read for good; null: none
  position      text,                                 -- the round that runs: [time, key, is there more] of the row that was read last; null: none runs
  safe          timestamptz,                          -- as far as that round may get: every transaction with an earlier time had ended
  mark_times    timestamptz[] not null default '{}',  -- moments at which transactions were open that have not ended yet …
  mark_xids     xid8[] not null default '{}',         -- … all of which are older than these
  round_at      timestamptz,                          -- the newest round began
  polled_at     timestamptz,                          -- and ended, so far
  compared_at   timestamptz,                          -- the newest comparison ended
  told          bigint not null default 0,            -- records that the comparison has written
  source        text,                                 -- of the function that reads it: another one has other routes …
  regroups      boolean not null default false,       -- … in which what has been captured is written down, without telling
  constraint poll_watch_state_is_known check (state in ('new', 'current'))
) with (fillfactor = 50);
-- What a stream or a poll has captured of each object, for the comparison that closes a gap.
create table tandem.captured (
  captured_id   bigint generated always as identity primary key,   -- for nobody: without a key, another's publication of all tables would refuse our updates
  watch         text not null,
  object_id     text not null,
  hash          bigint,                               -- of the row as text; null: not known
  routes        text[]                                -- routes with a condition that the object is in, as target/request_type
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05);   -- rows that lie together change together, and each stays on its page
create index captured_object on tandem.captured (watch, hashtextextended(object_id, 0));

-- The fence. epoch changes only at take-over, of its own name or of one of its targets by another; `alive` is written at most once a second, in a
-- row of its own.
create table tandem.connector (
  name          text primary key,
  epoch         bigint not null default 0,
  targets       text[] not null default '{}',         -- served since the last start: no two that live serve the same
  quiet_until   timestamptz,                          -- requests of the one before may run until then: nothing is sent earlier
  clean_stop    boolean not null default true,        -- false while one runs: a start that finds false is careful
  attempted_through bigint not null default 0,        -- pending records up to here may have been attempted before an unclean end
  system_id     text,
  timeline      integer,
  version       text,
  started_at    timestamptz
);
create table tandem.connector_alive (
  name          text primary key references tandem.connector,
  epoch         bigint not null,
  alive_at      timestamptz not null,
  host          text,
  pid           integer
) with (fillfactor = 50);

create table tandem.conflict (
  conflict_id  bigint generated always as identity primary key,
  target       text not null,
  request_type text not null,
  object_id    text,
  remote_id    text,
  agreed_image jsonb,
  our_image    jsonb,
  their_image  jsonb,
  fields       text[],
  policy       text not null,
  resolution   text,
  resolved_by  text,
  created_at   timestamptz not null default now(),
  resolved_at  timestamptz
);
create table tandem.snapshot (
  snapshot_id  bigint generated always as identity primary key,
  target       text not null,
  request_type text not null,
  state        text not null default 'running',
  through_key  text,
  rows_done    bigint not null default 0,
  rows_total   bigint,
  started_at   timestamptz not null default now(),
  finished_at  timestamptz
);
create table tandem.verification (
  verification_id  bigint generated always as identity primary key,
  target           text not null,
  request_type     text not null,
  state            text not null default 'running',
  compared         bigint not null default 0,
  differing        bigint not null default 0,
  verified_through timestamptz,
  started_at       timestamptz not null default now(),
  finished_at      timestamptz
);
create table tandem.difference (
  verification_id bigint not null references tandem.verification on delete cascade,
  object_id       text not null,
  remote_id       text,
  kind            text not null,
  fields          text[],
  primary key (verification_id, object_id)
);
create table tandem.alert (
  alert_id     bigint generated always as identity primary key,
  kind         text not null,
  subject      text not null,
  description  text not null,
  raised_at    timestamptz not null default now(),
  sent_at      timestamptz,
  recovered_at timestamptz
);
create table tandem.audit (
  audit_id  bigint generated always as identity primary key,
  at        timestamptz not null default now(),
  who       text not null default session_user,
  action    text not null,
  subject   jsonb not null,
  reason    text
);
-- Roll-ups for pages and views, so that nothing counts the outbox. One row a minute and peer.
create table tandem.minute_stat (
  queue    text not null default 'outbox',
  peer     text not null,
  minute   timestamptz not null,
  counts   jsonb not null,                            -- {"delivered": n, "rejected": n, …, "attempts": n, "p99_ms": n}
  primary key (queue, peer, minute)
);

-- The doorbell of the stream: inserts only, nothing else of tandem's writes is worth decoding. Made by the installing role, which
-- needs CREATE on the database; it exists before any slot, or decoding would fail on older WAL.
reset role;
create publication tandem for table tandem.outbox, tandem.inbox with (publish = 'insert');

select tandem.record_migration(1, 'schema');
