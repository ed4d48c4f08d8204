/*
 * Output plugin "tandem": row changes as compact frames (tandem_frame.h), filtered before anything is turned into text.
 *
 * Only the callbacks of committed transactions are registered: PostgreSQL wants all or none of those for transactions in progress and
 * for two-phase commit, and version 1 has none. A prepared transaction is decoded when it is committed.
 */
#include "postgres.h"

#include "access/xact.h"
#include "fmgr.h"
#include "frame.h"
#include "libpq/pqformat.h"
#include "options.h"
#include "port/pg_bswap.h"
#include "relation_cache.h"
#include "replication/logical.h"
#include "replication/origin.h"
#include "replication/output_plugin.h"
#include "tandem_frame.h"
#include "utils/guc.h"
#include "utils/memutils.h"

PG_MODULE_MAGIC;

extern PGDLLEXPORT void _PG_output_plugin_init(OutputPluginCallbacks* callbacks);

typedef struct Session {
  PluginOptions* options;
  MemoryContext change_memory;  /* emptied after each change */
  int settings_level;           /* of pin_settings, to be undone; 0 = they stay with the session */
  int passed_over;              /* changes since something was last sent or reported */
  StringInfoData packet;        /* frames that have not been sent */
  int frame_length_at;          /* within the packet, of the frame that is being written */
  bool hello_sent;
  RepOriginId named_origin;     /* origin_name belongs to it */
  char* origin_name;            /* "" = local */
  bool origin_skipped;
} Session;

/* A packet of this size is sent. Of a long transaction there is a system call for each packet, which costs more than decoding a row. */
#define PACKET_BYTES (16 * 1024)

/* What a packet may keep allocated after a huge row. */
#define PACKET_KEPT_BYTES (1024 * 1024)

/* txn->output_plugin_private: has this transaction's begin frame gone out? */
static char begun_mark;
#define BEGUN (&begun_mark)

#if PG_VERSION_NUM >= 170000
#define NEW_TUPLE(change) ((change)->data.tp.newtuple)
#define OLD_TUPLE(change) ((change)->data.tp.oldtuple)
#else
#define NEW_TUPLE(change) ((change)->data.tp.newtuple == NULL ? NULL : &(change)->data.tp.newtuple->tuple)
#define OLD_TUPLE(change) ((change)->data.tp.oldtuple == NULL ? NULL : &(change)->data.tp.oldtuple->tuple)
#endif

/* The printed text must not depend on who reads: these settings decide how values print. A walsender that streams keeps them; in
 * pg_logical_slot_get_changes they end with the call, like the SET clauses of a function. */
static void pin_settings(Session* session) {
  static const char* const pinned[][2] = {
      {"DateStyle", "ISO, YMD"}, {"IntervalStyle", "postgres"}, {"TimeZone", "UTC"}, {"extra_float_digits", "1"}, {"bytea_output", "hex"},
      {"lc_monetary", "C"},      {"search_path", "pg_catalog"}};
  bool for_a_call = IsTransactionState();

  if (for_a_call) session->settings_level = NewGUCNestLevel();
  for (int i = 0; i < lengthof(pinned); i++)
    (void)set_config_option(pinned[i][0], pinned[i][1], PGC_USERSET, PGC_S_SESSION, for_a_call ? GUC_ACTION_SAVE : GUC_ACTION_SET, true, 0,
                            false);
}

static void tandem_startup(LogicalDecodingContext* ctx, OutputPluginOptions* plugin_options, bool is_init) {
  Session* session = palloc0(sizeof(Session));

  plugin_options->output_type = OUTPUT_PLUGIN_BINARY_OUTPUT;
  /* While a slot is made there are no options yet, and nothing passes. */
  session->options = is_init ? palloc0(sizeof(PluginOptions)) : tandem_parse_options(ctx->output_plugin_options);
  session->change_memory = AllocSetContextCreate(ctx->context, "tandem change", ALLOCSET_DEFAULT_SIZES);
  session->origin_name = "";
  initStringInfo(&session->packet);
  ctx->output_plugin_private = session;
  tandem_relation_cache_start(ctx->context, session->options);
  if (!is_init) pin_settings(session);
}

static void tandem_shutdown(LogicalDecodingContext* ctx) {
  Session* session = ctx->output_plugin_private;

  if (session != NULL && session->settings_level != 0) AtEOXact_GUC(true, session->settings_level);
}

static bool tandem_filter_by_origin(LogicalDecodingContext* ctx, RepOriginId origin) {
  const Session* session = ctx->output_plugin_private;

  return session->options->local_only && origin != InvalidRepOriginId;
}

/* The origin's name, looked up once for a run of transactions from it. Needs a transaction. */
static void learn_origin(LogicalDecodingContext* ctx, Session* session, RepOriginId origin) {
  char* name = NULL;
  ListCell* cell;

  if (origin == session->named_origin) return;
  session->origin_skipped = false;
  if (session->named_origin != InvalidRepOriginId) pfree(session->origin_name);
  session->named_origin = InvalidRepOriginId;
  session->origin_name = "";
  if (origin == InvalidRepOriginId) return;

  if (!replorigin_by_oid(origin, true, &name)) name = "?"; /* dropped since */
  session->origin_name = MemoryContextStrdup(ctx->context, name);
  session->named_origin = origin;
  foreach (cell, session->options->skipped_origins)
    if (strcmp(lfirst(cell), name) == 0) session->origin_skipped = true;
}

/* Frames are written between open_frame and close_frame. */
static StringInfo open_frame(LogicalDecodingContext* ctx, Session* session) {
  pq_sendint64(&session->packet, ctx->write_location);
  session->frame_length_at = session->packet.len;
  pq_sendint32(&session->packet, 0);
  return &session->packet;
}

static void close_frame(Session* session) {
  uint32 length = pg_hton32((uint32)(session->packet.len - session->frame_length_at - (int)sizeof(uint32)));

  memcpy(session->packet.data + session->frame_length_at, &length, sizeof(length));
}

static void send_packet(LogicalDecodingContext* ctx, Session* session) {
  StringInfo packet = &session->packet;

  if (packet->len == 0) return;
  OutputPluginPrepareWrite(ctx, true);
  appendBinaryStringInfo(ctx->out, packet->data, packet->len);
  OutputPluginWrite(ctx, true);
  resetStringInfo(packet);
  session->passed_over = 0;
  if (packet->maxlen <= PACKET_KEPT_BYTES) return;
  pfree(packet->data);
  packet->data = MemoryContextAlloc(ctx->context, PACKET_BYTES);
  packet->maxlen = PACKET_BYTES;
  resetStringInfo(packet);
}

static void add_hello(LogicalDecodingContext* ctx, Session* session) {
  if (session->hello_sent) return;
  tandem_write_hello(open_frame(ctx, session));
  close_frame(session);
  session->hello_sent = true;
}

/* Before the first frame of a transaction; transactions without any frame are never mentioned. */
static void add_begin(LogicalDecodingContext* ctx, Session* session, ReorderBufferTXN* txn) {
  add_hello(ctx, session);
  if (txn->output_plugin_private == BEGUN) return;
  txn->output_plugin_private = BEGUN;
  if (!session->options->boundaries) return;
  tandem_write_begin(open_frame(ctx, session), txn, session->origin_name);
  close_frame(session);
}

static void add_relation(LogicalDecodingContext* ctx, Session* session, Relation relation, RelationEntry* entry) {
  if (entry->announced) return;
  tandem_write_relation(open_frame(ctx, session), relation, entry);
  close_frame(session);
  entry->announced = true;
}

static void tandem_begin(LogicalDecodingContext* ctx, ReorderBufferTXN* txn) { txn->output_plugin_private = NULL; }

static void report_progress(LogicalDecodingContext* ctx, bool skipped_transaction) {
  Session* session = ctx->output_plugin_private;

  session->passed_over = 0;
#if PG_VERSION_NUM >= 150000
  OutputPluginUpdateProgress(ctx, skipped_transaction);
#else
  OutputPluginUpdateProgress(ctx);
#endif
}

/* In a long transaction of which nothing passes, the walsender is told now and then, as pgoutput tells it. From PostgreSQL 16 on the server
 * itself does. Before, it may not be enough: a stream over a transaction that takes longer to pass over than wal_sender_timeout can end and start
 * again, with pgoutput as well; a longer wal_sender_timeout helps. */
static void pass_over(LogicalDecodingContext* ctx) {
#if PG_VERSION_NUM < 160000
  Session* session = ctx->output_plugin_private;

  if (++session->passed_over >= 100) report_progress(ctx, false);
#endif
}

static void tandem_commit(LogicalDecodingContext* ctx, ReorderBufferTXN* txn, XLogRecPtr commit_lsn) {
  Session* session = ctx->output_plugin_private;

  report_progress(ctx, txn->output_plugin_private != BEGUN);
  if (txn->output_plugin_private != BEGUN) return;
  if (session->options->boundaries) {
    tandem_write_commit(open_frame(ctx, session), txn, commit_lsn);
    close_frame(session);
  }
  send_packet(ctx, session);
}

static int operation_of(ReorderBufferChange* change) {
  switch (change->action) {
    case REORDER_BUFFER_CHANGE_INSERT:
      return TANDEM_OPERATION_INSERT;
    case REORDER_BUFFER_CHANGE_UPDATE:
      return TANDEM_OPERATION_UPDATE;
    case REORDER_BUFFER_CHANGE_DELETE:
      return TANDEM_OPERATION_DELETE;
    default:
      return 0;
  }
}

static void add_change(LogicalDecodingContext* ctx, Session* session, Relation relation, RelationEntry* entry, ReorderBufferChange* change) {
  StringInfo out = open_frame(ctx, session);

  if (change->action == REORDER_BUFFER_CHANGE_INSERT)
    tandem_write_insert(out, relation, entry, NEW_TUPLE(change));
  else if (change->action == REORDER_BUFFER_CHANGE_UPDATE)
    tandem_write_update(out, relation, entry, OLD_TUPLE(change), NEW_TUPLE(change));
  else
    tandem_write_delete(out, relation, entry, OLD_TUPLE(change));
  close_frame(session);
  if (session->packet.len >= PACKET_BYTES) send_packet(ctx, session);
}

static void tandem_change(LogicalDecodingContext* ctx, ReorderBufferTXN* txn, Relation relation, ReorderBufferChange* change) {
  Session* session = ctx->output_plugin_private;
  MemoryContext before = MemoryContextSwitchTo(session->change_memory);
  RelationEntry* entry;

  learn_origin(ctx, session, txn->origin_id);
  entry = tandem_relation_entry(relation);

  /* Without a replica identity a delete says nothing; an insert or update always has its new tuple, save for rows of catalogs. */
  if (!session->origin_skipped && (entry->operations & operation_of(change)) != 0 &&
      (change->action == REORDER_BUFFER_CHANGE_DELETE ? OLD_TUPLE(change) : NEW_TUPLE(change)) != NULL) {
    add_begin(ctx, session, txn);
    add_relation(ctx, session, relation, entry);
    add_change(ctx, session, relation, entry, change);
  } else {
    pass_over(ctx);
  }

  MemoryContextSwitchTo(before);
  MemoryContextReset(session->change_memory);
}

static void tandem_truncate(LogicalDecodingContext* ctx, ReorderBufferTXN* txn, int count, Relation relations[], ReorderBufferChange* change) {
  Session* session = ctx->output_plugin_private;
  MemoryContext before = MemoryContextSwitchTo(session->change_memory);
  Oid* passing = palloc(sizeof(Oid) * (Size)count);
  int passing_count = 0;

  learn_origin(ctx, session, txn->origin_id);
  for (int i = 0; i < count && !session->origin_skipped; i++) {
    RelationEntry* entry = tandem_relation_entry(relations[i]);

    if ((entry->operations & TANDEM_OPERATION_TRUNCATE) == 0) continue;
    add_begin(ctx, session, txn);
    add_relation(ctx, session, relations[i], entry);
    passing[passing_count++] = entry->relation_id;
  }
  if (passing_count > 0) {
    int flags = (change->data.truncate.cascade ? TANDEM_TRUNCATE_CASCADE : 0) |
                (change->data.truncate.restart_seqs ? TANDEM_TRUNCATE_RESTART : 0);

    tandem_write_truncate(open_frame(ctx, session), flags, passing_count, passing);
    close_frame(session);
  }

  MemoryContextSwitchTo(before);
  MemoryContextReset(session->change_memory);
}

static void tandem_message(LogicalDecodingContext* ctx, ReorderBufferTXN* txn, XLogRecPtr lsn, bool transactional, const char* prefix,
                    Size length, const char* content) {
  Session* session = ctx->output_plugin_private;
  bool wanted = false;
  ListCell* cell;
  MemoryContext before;

  foreach (cell, session->options->message_prefixes)
    if (strcmp(lfirst(cell), prefix) == 0) wanted = true;
  if (!wanted) {
    if (transactional) pass_over(ctx);
    return;
  }

  before = MemoryContextSwitchTo(session->change_memory);
  if (transactional) learn_origin(ctx, session, txn->origin_id);
  if (!transactional || !session->origin_skipped) {
    if (transactional)
      add_begin(ctx, session, txn);
    else
      add_hello(ctx, session);
    tandem_write_message(open_frame(ctx, session), transactional, lsn, prefix, length, content);
    close_frame(session);
    send_packet(ctx, session); /* what a message means, its reader knows before anything behind it has come */
  }
  MemoryContextSwitchTo(before);
  MemoryContextReset(session->change_memory);
}

void _PG_output_plugin_init(OutputPluginCallbacks* callbacks) {
  callbacks->startup_cb = tandem_startup;
  callbacks->begin_cb = tandem_begin;
  callbacks->change_cb = tandem_change;
  callbacks->truncate_cb = tandem_truncate;
  callbacks->commit_cb = tandem_commit;
  callbacks->message_cb = tandem_message;
  callbacks->shutdown_cb = tandem_shutdown;
  callbacks->filter_by_origin_cb = tandem_filter_by_origin;
}
