#include "frame.h"

#include "access/htup_details.h"
#include "access/xlog.h"
#include "libpq/pqformat.h"
#include "mb/pg_wchar.h"
#include "tandem_frame.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"

#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

/* Up to this many columns are fetched one by one; for more the whole tuple is taken apart at once. */
#define FEW_COLUMNS 4

typedef struct Image {
  Datum* values;
  bool* nulls;
} Image;

static void write_varint(StringInfo out, uint32 value) {
  enlargeStringInfo(out, 5);
  while (value >= 0x80) {
    out->data[out->len++] = (char)(value | 0x80);
    value >>= 7;
  }
  out->data[out->len++] = (char)value;
  out->data[out->len] = '\0';
}

/* `text` need not end with a zero byte. */
static void write_text(StringInfo out, const char* text, int length) {
  char* converted = pg_server_to_client(text, length);

  if (converted != text) {
    text = converted;
    length = (int)strlen(converted);
  }
  write_varint(out, (uint32)length + TANDEM_VALUE_TEXT);
  appendBinaryStringInfo(out, text, length);
}

static void write_value(StringInfo out, ColumnEntry* column, Datum value) {
  char digits[MAXINT8LEN + 1];

  if (column->is_varlena && VARATT_IS_EXTERNAL_ONDISK(DatumGetPointer(value))) {
    write_varint(out, TANDEM_VALUE_UNCHANGED);
    return;
  }
  switch (column->kind) {
    case COLUMN_INT4:
      write_text(out, digits, pg_ltoa(DatumGetInt32(value), digits));
      break;
    case COLUMN_INT8:
      write_text(out, digits, pg_lltoa(DatumGetInt64(value), digits));
      break;
    case COLUMN_TEXT: {
      text* plain = DatumGetTextPP(value);

      write_text(out, VARDATA_ANY(plain), (int)VARSIZE_ANY_EXHDR(plain));
      break;
    }
    case COLUMN_OTHER: {
      char* printed = OutputFunctionCall(&column->output, value);

      write_text(out, printed, (int)strlen(printed));
      break;
    }
  }
}

/* Takes the entry's columns out of a tuple, in the entry's order. */
static Image take_apart(HeapTuple tuple, TupleDesc descriptor, const RelationEntry* entry) {
  Image image;

  image.values = palloc(sizeof(Datum) * (Size)Max(entry->column_count, 1));
  image.nulls = palloc(sizeof(bool) * (Size)Max(entry->column_count, 1));
  if (entry->column_count <= FEW_COLUMNS) {
    for (int i = 0; i < entry->column_count; i++)
      image.values[i] = heap_getattr(tuple, entry->columns[i].attnum, descriptor, &image.nulls[i]);
  } else {
    Datum* values = palloc(sizeof(Datum) * (Size)descriptor->natts);
    bool* nulls = palloc(sizeof(bool) * (Size)descriptor->natts);

    heap_deform_tuple(tuple, descriptor, values, nulls);
    for (int i = 0; i < entry->column_count; i++) {
      image.values[i] = values[entry->columns[i].attnum - 1];
      image.nulls[i] = nulls[entry->columns[i].attnum - 1];
    }
  }
  return image;
}

static void write_image(StringInfo out, RelationEntry* entry, const Image* image, bool key_only) {
  for (int i = 0; i < entry->column_count; i++) {
    if (image->nulls[i] || (key_only && !entry->columns[i].is_key))
      write_varint(out, TANDEM_VALUE_NULL);
    else
      write_value(out, &entry->columns[i], image->values[i]);
  }
}

/* An old image comes whole only where the replica identity is full; its values are inline then, while unchanged TOAST of the new image
 * stays a pointer: that one has not changed by definition. */
static bool differs(const ColumnEntry* column, const Image* before, const Image* after, int i) {
  if (before->nulls[i] || after->nulls[i]) return before->nulls[i] != after->nulls[i];
  if (column->is_varlena) {
    if (VARATT_IS_EXTERNAL_ONDISK(DatumGetPointer(after->values[i]))) return false;
    return !datum_image_eq(before->values[i], after->values[i], column->by_value, column->length);
  }
  return !datumIsEqual(before->values[i], after->values[i], column->by_value, column->length);
}

static void write_changed(StringInfo out, const RelationEntry* entry, const Image* before, const Image* after) {
  for (int first = 0; first < entry->column_count; first += 8) {
    uint8 bits = 0;

    for (int i = first; i < Min(first + 8, entry->column_count); i++)
      if (differs(&entry->columns[i], before, after, i)) bits |= (uint8)(1 << (i - first));
    pq_sendbyte(out, bits);
  }
}

static bool identity_is_full(Relation relation) { return relation->rd_rel->relreplident == REPLICA_IDENTITY_FULL; }

void tandem_write_hello(StringInfo out) {
  pq_sendbyte(out, TANDEM_FRAME_HELLO);
  pq_sendbyte(out, TANDEM_PROTOCOL_VERSION);
  pq_sendint32(out, PG_VERSION_NUM);
  pq_sendstring(out, pg_get_client_encoding_name());
}

static TimestampTz commit_time(ReorderBufferTXN* txn) {
#if PG_VERSION_NUM >= 150000
  return txn->xact_time.commit_time;
#else
  return txn->commit_time;
#endif
}

void tandem_write_begin(StringInfo out, ReorderBufferTXN* txn, const char* origin) {
  pq_sendbyte(out, TANDEM_FRAME_BEGIN);
  pq_sendint32(out, txn->xid);
  pq_sendint64(out, (int64)txn->final_lsn);
  pq_sendint64(out, commit_time(txn));
  pq_sendstring(out, origin);
}

void tandem_write_commit(StringInfo out, ReorderBufferTXN* txn, XLogRecPtr commit_lsn) {
  pq_sendbyte(out, TANDEM_FRAME_COMMIT);
  pq_sendint64(out, (int64)commit_lsn);
  pq_sendint64(out, (int64)txn->end_lsn);
}

void tandem_write_relation(StringInfo out, Relation relation, const RelationEntry* entry) {
  char* schema = get_namespace_name(RelationGetNamespace(relation));
  TupleDesc descriptor = RelationGetDescr(relation);

  if (schema == NULL) elog(ERROR, "schema of relation %u is gone", RelationGetRelid(relation));
  pq_sendbyte(out, TANDEM_FRAME_RELATION);
  pq_sendint32(out, RelationGetRelid(relation));
  pq_sendstring(out, schema);
  pq_sendstring(out, RelationGetRelationName(relation));
  pq_sendstring(out, entry->root_schema);
  pq_sendstring(out, entry->root_name);
  pq_sendbyte(out, (uint8)relation->rd_rel->relreplident);
  pq_sendint16(out, (uint16)entry->column_count);
  for (int i = 0; i < entry->column_count; i++) {
    Form_pg_attribute attribute = TupleDescAttr(descriptor, entry->columns[i].attnum - 1);

    pq_sendbyte(out, entry->columns[i].is_key ? TANDEM_COLUMN_KEY : 0);
    pq_sendstring(out, NameStr(attribute->attname));
    pq_sendint32(out, attribute->atttypid);
    pq_sendint32(out, (uint32)attribute->atttypmod);
  }
}

void tandem_write_insert(StringInfo out, Relation relation, RelationEntry* entry, HeapTuple new_tuple) {
  Image image = take_apart(new_tuple, RelationGetDescr(relation), entry);

  pq_sendbyte(out, TANDEM_FRAME_INSERT);
  pq_sendint32(out, entry->relation_id);
  write_image(out, entry, &image, false);
}

void tandem_write_update(StringInfo out, Relation relation, RelationEntry* entry, HeapTuple old_tuple, HeapTuple new_tuple) {
  TupleDesc descriptor = RelationGetDescr(relation);
  Image after = take_apart(new_tuple, descriptor, entry);
  bool full = identity_is_full(relation);

  pq_sendbyte(out, TANDEM_FRAME_UPDATE);
  pq_sendint32(out, entry->relation_id);
  if (old_tuple == NULL) {
    pq_sendbyte(out, 0);
  } else {
    Image before = take_apart(old_tuple, descriptor, entry);

    pq_sendbyte(out, full ? TANDEM_PART_OLD_IMAGE | TANDEM_PART_CHANGED : TANDEM_PART_OLD_KEY);
    if (full) write_changed(out, entry, &before, &after);
    write_image(out, entry, &before, !full);
  }
  write_image(out, entry, &after, false);
}

void tandem_write_delete(StringInfo out, Relation relation, RelationEntry* entry, HeapTuple old_tuple) {
  Image before = take_apart(old_tuple, RelationGetDescr(relation), entry);
  bool full = identity_is_full(relation);

  pq_sendbyte(out, TANDEM_FRAME_DELETE);
  pq_sendint32(out, entry->relation_id);
  pq_sendbyte(out, full ? TANDEM_PART_OLD_IMAGE : TANDEM_PART_OLD_KEY);
  write_image(out, entry, &before, !full);
}

void tandem_write_truncate(StringInfo out, int flags, int count, const Oid* relation_ids) {
  pq_sendbyte(out, TANDEM_FRAME_TRUNCATE);
  pq_sendbyte(out, (uint8)flags);
  pq_sendint32(out, (uint32)count);
  for (int i = 0; i < count; i++) pq_sendint32(out, relation_ids[i]);
}

void tandem_write_message(StringInfo out, bool transactional, XLogRecPtr lsn, const char* prefix, Size length, const char* content) {
  pq_sendbyte(out, TANDEM_FRAME_MESSAGE);
  pq_sendbyte(out, transactional ? TANDEM_MESSAGE_TRANSACTIONAL : 0);
  pq_sendint64(out, (int64)lsn);
  pq_sendstring(out, prefix);
  pq_sendint32(out, (uint32)length);
  pq_sendbytes(out, content, (int)length);
}
