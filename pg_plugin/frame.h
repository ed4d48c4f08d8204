/* Writers of the frames of tandem_frame.h into a packet. Each has its reader in connector/wire. */
#ifndef TANDEM_FRAME_WRITER_H
#define TANDEM_FRAME_WRITER_H

#include "postgres.h"
#include "access/htup.h"
#include "lib/stringinfo.h"
#include "relation_cache.h"
#include "replication/reorderbuffer.h"

extern void tandem_write_hello(StringInfo out);
extern void tandem_write_begin(StringInfo out, ReorderBufferTXN* txn, const char* origin);
extern void tandem_write_commit(StringInfo out, ReorderBufferTXN* txn, XLogRecPtr commit_lsn);
extern void tandem_write_relation(StringInfo out, Relation relation, const RelationEntry* entry);
extern void tandem_write_insert(StringInfo out, Relation relation, RelationEntry* entry, HeapTuple new_tuple);
extern void tandem_write_update(StringInfo out, Relation relation, RelationEntry* entry, HeapTuple old_tuple, HeapTuple new_tuple);
extern void tandem_write_delete(StringInfo out, Relation relation, RelationEntry* entry, HeapTuple old_tuple);
extern void tandem_write_truncate(StringInfo out, int flags, int count, const Oid* relation_ids);
extern void tandem_write_message(StringInfo out, bool transactional, XLogRecPtr lsn, const char* prefix, Size length, const char* content);

#endif
