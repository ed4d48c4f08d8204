/*
 * The wire format of the output plugin "tandem", version 1: one header for the writer (C) and the decoder (C++).
 *
 * Each CopyData message of the stream carries a packet: frames of one transaction, since a message for each of them would cost server
 * and client a system call. Integers are big-endian; a cstring ends with a zero byte; text is in the client's encoding. The grammar
 * (docs/wire-format.md tells it with an example):
 *
 *   packet    = {lsn:u64 length:u32 frame}+                                  lsn: where the frame's change stands in the log
 *   frame     = hello | begin | commit | relation | insert | update | delete | truncate | message
 *   hello     = 'H' version:u8 server_version:u32 encoding:cstring           first frame of every session
 *   begin     = 'B' xid:u32 commit_lsn:u64 commit_time:i64 origin:cstring    microseconds since 2000-01-01 UTC; "" = local
 *   commit    = 'C' commit_lsn:u64 end_lsn:u64
 *   relation  = 'R' id:u32 schema:cstring name:cstring                       before the first change of it, and after every DDL on it
 *                   root_schema:cstring root_name:cstring                    the table of the filter that let it in (partitions)
 *                   identity:u8 columns:u16 {flags:u8 name:cstring type:u32 typmod:i32}*
 *   insert    = 'I' id:u32 tuple
 *   update    = 'U' id:u32 parts:u8 [changed] [tuple] tuple                  parts say which are there; the last tuple is the new image
 *   delete    = 'D' id:u32 parts:u8 tuple                                    the key, or the whole old image
 *   truncate  = 'T' flags:u8 count:u32 {id:u32}*
 *   message   = 'M' flags:u8 lsn:u64 prefix:cstring length:u32 byte*         the last frame of its packet
 *   changed   = one bit a column of the relation frame, lowest bit of the first byte first; set = the values differ
 *   tuple     = value*                                                       one for each column of the relation frame, in its order
 *   value     = head:varint byte*                                            head 0 = null; 1 = unchanged TOAST, not in the WAL;
 *                                                                            else head - 2 bytes of text follow
 *   varint    = seven bits a byte, lowest first, high bit = more follows; at most 5 bytes
 *
 * In a key tuple (parts without TANDEM_PART_OLD_IMAGE) columns outside the key are null.
 * Reserved for streaming of transactions in progress: S E A Z; for two-phase commit: P K X.
 */
#ifndef TANDEM_FRAME_H
#define TANDEM_FRAME_H

#define TANDEM_PROTOCOL_VERSION 1

#define TANDEM_FRAME_HELLO 'H'
#define TANDEM_FRAME_BEGIN 'B'
#define TANDEM_FRAME_COMMIT 'C'
#define TANDEM_FRAME_RELATION 'R'
#define TANDEM_FRAME_INSERT 'I'
#define TANDEM_FRAME_UPDATE 'U'
#define TANDEM_FRAME_DELETE 'D'
#define TANDEM_FRAME_TRUNCATE 'T'
#define TANDEM_FRAME_MESSAGE 'M'

#define TANDEM_COLUMN_KEY 0x01

#define TANDEM_PART_CHANGED 0x01
#define TANDEM_PART_OLD_KEY 0x02
#define TANDEM_PART_OLD_IMAGE 0x04

#define TANDEM_TRUNCATE_CASCADE 0x01
#define TANDEM_TRUNCATE_RESTART 0x02

#define TANDEM_MESSAGE_TRANSACTIONAL 0x01

#define TANDEM_VALUE_NULL 0
#define TANDEM_VALUE_UNCHANGED 1
#define TANDEM_VALUE_TEXT 2

#endif
