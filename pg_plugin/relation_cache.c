#include "relation_cache.h"

#include "access/sysattr.h"
#include "catalog/partition.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

/* Invalidation callbacks cannot be taken back, so they find the session's cache here, or NULL. */
static HTAB* entries = NULL;
static const PluginOptions* session_options = NULL;
static MemoryContext cache_memory = NULL;

static void forget_all(void) {
  HASH_SEQ_STATUS scan;
  RelationEntry* entry;

  hash_seq_init(&scan, entries);
  while ((entry = hash_seq_search(&scan)) != NULL) entry->valid = false;
}

static void relation_changed(Datum arg, Oid relation_id) {
  RelationEntry* entry;

  if (entries == NULL) return;
  if (!OidIsValid(relation_id)) {
    forget_all();
    return;
  }
  entry = hash_search(entries, &relation_id, HASH_FIND, NULL);
  if (entry != NULL) entry->valid = false;
}

/* A renamed schema renames its tables. */
#if PG_VERSION_NUM >= 190000
static void names_changed(Datum arg, SysCacheIdentifier cache, uint32 hash) {
#else
static void names_changed(Datum arg, int cache, uint32 hash) {
#endif
  if (entries != NULL) forget_all();
}

/* The memory goes with its parent, the decoding context, at every end of a session, an error's included. That of a session which failed
 * may still be there when the next one starts. */
static void session_ends(void* ending) {
  if (ending != cache_memory) return;
  entries = NULL;
  session_options = NULL;
  cache_memory = NULL;
}

void tandem_relation_cache_start(MemoryContext memory, const PluginOptions* options) {
  static bool registered = false;
  MemoryContextCallback* ending = MemoryContextAlloc(memory, sizeof(MemoryContextCallback));
  HASHCTL control = {0};

  cache_memory = AllocSetContextCreate(memory, "tandem relations", ALLOCSET_DEFAULT_SIZES);
  control.keysize = sizeof(Oid);
  control.entrysize = sizeof(RelationEntry);
  control.hcxt = cache_memory;
  session_options = options;
  entries = hash_create("tandem relations", 64, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);

  ending->func = session_ends;
  ending->arg = cache_memory;
  MemoryContextRegisterResetCallback(memory, ending);

  if (!registered) {
    CacheRegisterRelcacheCallback(relation_changed, (Datum)0);
    CacheRegisterSyscacheCallback(NAMESPACEOID, names_changed, (Datum)0);
    registered = true;
  }
}

/* The filter of the relation itself or of the nearest table that it is a partition of. */
static const TableFilter* find_filter(Relation relation, char* root_schema, char* root_name) {
  Oid relation_id = RelationGetRelid(relation);
  char* schema = get_namespace_name(RelationGetNamespace(relation));
  const TableFilter* filter = schema == NULL ? NULL : tandem_table_filter(session_options, schema, RelationGetRelationName(relation));

  if (filter != NULL) {
    strlcpy(root_schema, schema, NAMEDATALEN);
    strlcpy(root_name, RelationGetRelationName(relation), NAMEDATALEN);
  }
  if (filter == NULL && relation->rd_rel->relispartition) {
    ListCell* cell;

    foreach (cell, get_partition_ancestors(relation_id)) {
      Oid ancestor = lfirst_oid(cell);
      char* ancestor_name = get_rel_name(ancestor);

      schema = get_namespace_name(get_rel_namespace(ancestor));
      if (schema == NULL || ancestor_name == NULL) continue;
      filter = tandem_table_filter(session_options, schema, ancestor_name);
      if (filter != NULL) {
        strlcpy(root_schema, schema, NAMEDATALEN);
        strlcpy(root_name, ancestor_name, NAMEDATALEN);
        break;
      }
    }
  }
  return filter;
}

static bool passes(const TableFilter* filter, const char* column) {
  ListCell* cell;

  if (filter->columns == NIL) return true;
  foreach (cell, filter->columns)
    if (strcmp(lfirst(cell), column) == 0) return true;
  return false;
}

static void describe_column(ColumnEntry* column, Form_pg_attribute attribute, const Bitmapset* key) {
  Oid output;

  column->attnum = attribute->attnum;
  column->is_key = bms_is_member(attribute->attnum - FirstLowInvalidHeapAttributeNumber, key);
  column->by_value = attribute->attbyval;
  column->length = attribute->attlen;
  column->kind = attribute->atttypid == INT8OID                                             ? COLUMN_INT8
                 : attribute->atttypid == INT4OID                                           ? COLUMN_INT4
                 : attribute->atttypid == TEXTOID || attribute->atttypid == VARCHAROID      ? COLUMN_TEXT
                                                                                            : COLUMN_OTHER;
  getTypeOutputInfo(attribute->atttypid, &output, &column->is_varlena);
  fmgr_info_cxt(output, &column->output, CurrentMemoryContext);
}

static void build(RelationEntry* entry, Relation relation) {
  const TableFilter* filter = find_filter(relation, entry->root_schema, entry->root_name);
  TupleDesc descriptor = RelationGetDescr(relation);
  Bitmapset* key;
  MemoryContext before;

  entry->operations = 0;
  entry->announced = false;
  entry->column_count = 0;
  entry->columns = NULL;
  if (entry->memory != NULL) MemoryContextDelete(entry->memory);
  entry->memory = NULL;
  if (filter == NULL) return;

  entry->memory = AllocSetContextCreate(cache_memory, "tandem relation", ALLOCSET_SMALL_SIZES);
  before = MemoryContextSwitchTo(entry->memory);
  key = RelationGetIdentityKeyBitmap(relation); /* takes no lock on indexes, which may be held for long */
  entry->columns = palloc0(sizeof(ColumnEntry) * Max(descriptor->natts, 1));
  for (int i = 0; i < descriptor->natts; i++) {
    Form_pg_attribute attribute = TupleDescAttr(descriptor, i);

    if (attribute->attisdropped) continue;
#if PG_VERSION_NUM >= 180000
    if (attribute->attgenerated == ATTRIBUTE_GENERATED_VIRTUAL) continue;
#endif
    if (!passes(filter, NameStr(attribute->attname))) continue;
    describe_column(&entry->columns[entry->column_count++], attribute, key);
  }
  MemoryContextSwitchTo(before);
  entry->operations = filter->operations;
}

RelationEntry* tandem_relation_entry(Relation relation) {
  Oid relation_id = RelationGetRelid(relation);
  bool found;
  RelationEntry* entry = hash_search(entries, &relation_id, HASH_ENTER, &found);

  if (!found) {
    entry->valid = false;
    entry->memory = NULL;
  }
  /* Building may run invalidations; an entry that is hit by one while it is built is built again at the next change. */
  if (!entry->valid) {
    entry->valid = true;
    build(entry, relation);
  }
  return entry;
}
