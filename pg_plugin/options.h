/* Options of START_REPLICATION, parsed and checked once. All memory belongs to the context that was current at parsing. */
#ifndef TANDEM_OPTIONS_H
#define TANDEM_OPTIONS_H

#include "postgres.h"
#include "nodes/pg_list.h"

#define TANDEM_OPERATION_INSERT 0x01
#define TANDEM_OPERATION_UPDATE 0x02
#define TANDEM_OPERATION_DELETE 0x04
#define TANDEM_OPERATION_TRUNCATE 0x08
#define TANDEM_OPERATION_ALL 0x0f

/* One "table" option: schema.name [(column, ...)] [operation ...]. */
typedef struct TableFilter {
  char* schema;
  char* name;
  List* columns;   /* of char *; NIL = all */
  int operations;  /* TANDEM_OPERATION_ bits */
} TableFilter;

typedef struct PluginOptions {
  List* tables;            /* of TableFilter * */
  bool all_tables;         /* tables 'all' */
  bool local_only;         /* origin 'none': only changes made here */
  List* skipped_origins;   /* of char *: changes replayed under these names are left out */
  List* message_prefixes;  /* of char *; NIL = no messages */
  bool boundaries;         /* begin and commit frames */
} PluginOptions;

/* Reports an ERROR that names the option on anything unknown, repeated, missing or malformed. */
extern PluginOptions* tandem_parse_options(List* definitions);

/* The filter that lets a table through, or NULL. */
extern const TableFilter* tandem_table_filter(const PluginOptions* options, const char* schema, const char* name);

#endif
