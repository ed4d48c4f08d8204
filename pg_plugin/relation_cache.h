/* What the plugin knows of each relation it has met: whether it passes the filter, and how its columns are written. */
#ifndef TANDEM_RELATION_CACHE_H
#define TANDEM_RELATION_CACHE_H

#include "postgres.h"
#include "access/attnum.h"
#include "fmgr.h"
#include "options.h"
#include "utils/rel.h"

typedef enum ColumnKind { COLUMN_INT4, COLUMN_INT8, COLUMN_TEXT, COLUMN_OTHER } ColumnKind;

typedef struct ColumnEntry {
  AttrNumber attnum;
  bool is_key;
  bool is_varlena;
  bool by_value;
  int16 length;
  ColumnKind kind;   /* types on the hot path are written without their output function */
  FmgrInfo output;
} ColumnEntry;

typedef struct RelationEntry {
  Oid relation_id;   /* hash key */
  bool valid;        /* false: rebuild before use */
  bool announced;    /* its relation frame has been sent in this session */
  int operations;    /* TANDEM_OPERATION_ bits that pass; 0 = filtered out */
  char root_schema[NAMEDATALEN], root_name[NAMEDATALEN];
  int column_count;
  ColumnEntry* columns;
  MemoryContext memory;     /* of columns */
} RelationEntry;

/* Starts a session's cache in `memory` and ends with it. At most one session decodes in a backend at a time. */
extern void tandem_relation_cache_start(MemoryContext memory, const PluginOptions* options);

/* The valid entry of an open relation. Needs a transaction. */
extern RelationEntry* tandem_relation_entry(Relation relation);

#endif
