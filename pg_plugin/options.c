#include "options.h"

#include "commands/defrem.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "nodes/value.h"
#include "parser/scansup.h"
#include "tandem_frame.h"
#include "utils/builtins.h"

#define MAX_OPTION_LENGTH (1024 * 1024)

/* A value as messages show it: its beginning, cut between characters. */
static char* shown(const char* value) { return pnstrdup(value, pg_mbcliplen(value, (int)strlen(value), 200)); }

/* A cursor over one option's text. */
typedef struct Cursor {
  const char* option;
  const char* text;
  const char* at;
} Cursor;

static void __attribute__((noreturn)) refuse(const Cursor* cursor, const char* expected) {
  ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                  errmsg("invalid value for option \"%s\" of output plugin \"tandem\"", cursor->option),
                  errdetail("Expected %s at position %d of \"%s\".", expected, (int)(cursor->at - cursor->text) + 1, shown(cursor->text))));
}

static void skip_space(Cursor* cursor) {
  while (*cursor->at == ' ' || *cursor->at == '\t' || *cursor->at == '\n' || *cursor->at == '\r') cursor->at++;
}

static bool take(Cursor* cursor, char wanted) {
  skip_space(cursor);
  if (*cursor->at != wanted) return false;
  cursor->at++;
  return true;
}

static bool is_name_byte(unsigned char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '$' || c >= 0x80;
}

/* An identifier as SQL writes it: folded to lower case, or quoted with doubled quotes inside. */
static char* take_identifier(Cursor* cursor) {
  const char* start;

  skip_space(cursor);
  if (*cursor->at == '"') {
    char* name = palloc(strlen(cursor->at) + 1);
    char* end = name;

    for (cursor->at++; *cursor->at != '\0'; cursor->at++) {
      if (*cursor->at == '"') {
        if (cursor->at[1] != '"') break;
        cursor->at++;
      }
      *end++ = *cursor->at;
    }
    if (*cursor->at != '"') refuse(cursor, "a closing double quote");
    cursor->at++;
    *end = '\0';
    if (end == name || end - name >= NAMEDATALEN) refuse(cursor, "an identifier of 1 to 63 bytes");
    return name;
  }

  start = cursor->at;
  while (is_name_byte((unsigned char)*cursor->at)) cursor->at++;
  if (cursor->at == start) refuse(cursor, "an identifier");
  if (cursor->at - start >= NAMEDATALEN) refuse(cursor, "an identifier of 1 to 63 bytes");
  return downcase_identifier(start, (int)(cursor->at - start), false, false);
}

static int take_operation(Cursor* cursor) {
  char* word = take_identifier(cursor);

  if (strcmp(word, "insert") == 0) return TANDEM_OPERATION_INSERT;
  if (strcmp(word, "update") == 0) return TANDEM_OPERATION_UPDATE;
  if (strcmp(word, "delete") == 0) return TANDEM_OPERATION_DELETE;
  if (strcmp(word, "truncate") == 0) return TANDEM_OPERATION_TRUNCATE;
  refuse(cursor, "insert, update, delete or truncate before");
}

static TableFilter* parse_table(const char* value, List* before) {
  Cursor cursor = {"table", value, value};
  TableFilter* filter = palloc0(sizeof(TableFilter));
  ListCell* cell;

  filter->schema = take_identifier(&cursor);
  if (!take(&cursor, '.')) refuse(&cursor, "\".\" between schema and table");
  filter->name = take_identifier(&cursor);
  CHECK_FOR_INTERRUPTS();
  foreach (cell, before) {
    const TableFilter* other = lfirst(cell);

    if (strcmp(filter->name, other->name) == 0 && strcmp(filter->schema, other->schema) == 0)
      ereport(ERROR, (errcode(ERRCODE_SYNTAX_ERROR),
                      errmsg("table \"%s.%s\" is given twice to output plugin \"tandem\"", filter->schema, filter->name)));
  }

  if (take(&cursor, '(')) {
    do filter->columns = lappend(filter->columns, take_identifier(&cursor));
    while (take(&cursor, ','));
    if (!take(&cursor, ')')) refuse(&cursor, "\",\" or \")\"");
  }

  skip_space(&cursor);
  while (*cursor.at != '\0') {
    filter->operations |= take_operation(&cursor);
    skip_space(&cursor);
  }
  if (filter->operations == 0) filter->operations = TANDEM_OPERATION_ALL;
  return filter;
}

static bool parse_switch(const char* option, const char* value) {
  bool on;

  if (!parse_bool(value, &on))
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                    errmsg("invalid value for option \"%s\" of output plugin \"tandem\": \"%s\"", option, shown(value)),
                    errhint("Write on or off.")));
  return on;
}

static void once(const char* option, bool* seen) {
  if (*seen)
    ereport(ERROR, (errcode(ERRCODE_SYNTAX_ERROR), errmsg("option \"%s\" of output plugin \"tandem\" is given twice", option)));
  *seen = true;
}

PluginOptions* tandem_parse_options(List* definitions) {
  PluginOptions* options = palloc0(sizeof(PluginOptions));
  bool version_seen = false, tables_seen = false, origin_seen = false, boundaries_seen = false;
  ListCell* cell;

  options->boundaries = true;

  foreach (cell, definitions) {
    DefElem* definition = lfirst(cell);
    const char* name = definition->defname;
    const char* value = definition->arg != NULL && IsA(definition->arg, String) ? strVal(definition->arg) : NULL;

    if (value == NULL)
      ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                      errmsg("option \"%s\" of output plugin \"tandem\" needs a value", shown(name))));
    if (strlen(value) > MAX_OPTION_LENGTH)
      ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
                      errmsg("option \"%s\" of output plugin \"tandem\" is longer than %d bytes", shown(name), MAX_OPTION_LENGTH)));

    if (strcmp(name, "protocol_version") == 0) {
      once(name, &version_seen);
      if (strcmp(value, "1") != 0)
        ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                        errmsg("output plugin \"tandem\" speaks protocol version %d, the client asks for \"%s\"",
                               TANDEM_PROTOCOL_VERSION, shown(value)),
                        errhint("Install plugin and connector of the same release.")));
    } else if (strcmp(name, "table") == 0) {
      options->tables = lappend(options->tables, parse_table(value, options->tables));
    } else if (strcmp(name, "tables") == 0) {
      once(name, &tables_seen);
      if (strcmp(value, "all") != 0)
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                        errmsg("invalid value for option \"tables\" of output plugin \"tandem\": \"%s\"", shown(value)),
                        errhint("Write tables 'all', or an option \"table\" for each table.")));
      options->all_tables = true;
    } else if (strcmp(name, "origin") == 0) {
      once(name, &origin_seen);
      if (strcmp(value, "none") == 0)
        options->local_only = true;
      else if (strcmp(value, "any") != 0)
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                        errmsg("invalid value for option \"origin\" of output plugin \"tandem\": \"%s\"", shown(value)),
                        errhint("Write any or none.")));
    } else if (strcmp(name, "skip_origin") == 0) {
      options->skipped_origins = lappend(options->skipped_origins, pstrdup(value));
    } else if (strcmp(name, "message_prefix") == 0) {
      options->message_prefixes = lappend(options->message_prefixes, pstrdup(value));
    } else if (strcmp(name, "boundaries") == 0) {
      once(name, &boundaries_seen);
      options->boundaries = parse_switch(name, value);
    } else {
      ereport(ERROR, (errcode(ERRCODE_SYNTAX_ERROR), errmsg("unknown option \"%s\" of output plugin \"tandem\"", shown(name)),
                      errhint("Options are protocol_version, table, tables, origin, skip_origin, message_prefix and boundaries.")));
    }
  }

  if (!version_seen)
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("output plugin \"tandem\" needs option \"protocol_version\"")));
  if (options->tables != NIL && options->all_tables)
    ereport(ERROR, (errcode(ERRCODE_SYNTAX_ERROR), errmsg("options \"table\" and \"tables\" of output plugin \"tandem\" exclude each other")));
  return options;
}

const TableFilter* tandem_table_filter(const PluginOptions* options, const char* schema, const char* name) {
  static const TableFilter everything = {NULL, NULL, NIL, TANDEM_OPERATION_ALL};
  ListCell* cell;

  if (options->all_tables) return &everything;
  foreach (cell, options->tables) {
    const TableFilter* filter = lfirst(cell);

    if (strcmp(filter->name, name) == 0 && strcmp(filter->schema, schema) == 0) return filter;
  }
  return NULL;
}
