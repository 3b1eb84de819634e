// SQLite the way this product uses it: WAL, synchronous = FULL, numbered migrations, integrity check at
// opening. One thread. Statements are prepared once and kept.
#ifndef EDGEWATT_STORE_STORE_H
#define EDGEWATT_STORE_STORE_H

#include "base/err.h"
#include <sqlite3.h>
#include <stdint.h>

struct store;

// Opens or makes the database at path, checks its integrity (what is larger than 64 MB would take too long to
// read here: store_checked() is false then), and brings it to the newest of the migrations
// found in migrations_dir (NNNN_what.sql, 0001 first, applied each in a transaction; PRAGMA user_version is
// the number of the last one). A database with a higher number than ours is refused (EW_E_UNSUPPORTED) and
// left alone; before the first migration of an existing database a copy is made beside it (path.v<old>). A
// damaged one: EW_E_IO with the first finding.
enum ew_err store_open(const char *path, const char *migrations_dir, struct store **ret,
                       struct ew_reason *reason) EW_MUST_CHECK;
void store_close(struct store *store); // takes NULL; checkpoints
bool store_checked(const struct store *store);
// What damage any statement has met since the database was opened, NULL = none: whoever met it, the owner of
// the store has to act.
const char *store_damage(const struct store *store);
sqlite3 *store_db(struct store *store);

// The prepared statement of this SQL text (a literal: compared by pointer), reset and ready to bind. Aborts
// on a syntax error, which is our bug. At most 192 texts.
sqlite3_stmt *store_statement(struct store *store, const char *sql);

// Steps to the end of a statement that gives no rows, and resets it.
enum ew_err store_execute(struct store *store, sqlite3_stmt *statement,
                          struct ew_reason *reason) EW_MUST_CHECK;
// Begin, commit, roll back. A failed commit has been rolled back.
enum ew_err store_begin(struct store *store, struct ew_reason *reason) EW_MUST_CHECK;
enum ew_err store_commit(struct store *store, struct ew_reason *reason) EW_MUST_CHECK;
void store_rollback(struct store *store);

// The sentence of the database's last failure: disk full, read-only, damaged, ...
enum ew_err store_fail(struct store *store, struct ew_reason *reason);

// Bytes of the file and its write-ahead log; bytes free on its disk. -1 when unknown.
int64_t store_size_bytes(const struct store *store);
int64_t store_free_bytes(const struct store *store);

#endif
