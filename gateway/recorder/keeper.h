// Keeps the database: a backup each night, and what is too old goes. Two copies lie in backup/: history.db is
// the newest whole one; history.db.new, the one before, is brought up to date in the next night and takes its
// place. So a night costs the disk the pages that differ, not the whole database.
#ifndef EDGEWATT_RECORDER_KEEPER_H
#define EDGEWATT_RECORDER_KEEPER_H

#include "base/json.h"
#include "recorder/sampler.h"

struct keeper;

// data_dir: the backup is data_dir/backup/history.db. Store and sampler stay the caller's.
struct keeper *keeper_new(struct store *store, const struct sampler *sampler, const char *data_dir);
void keeper_free(struct keeper *keeper); // takes NULL; a backup under way is given up

// Bytes that the database may take, 0 = no limit: only what was measured (not counted) gives way to it.
void keeper_budget(struct keeper *keeper, int64_t bytes);

// A small part of what there is to do. Call once a second, not within a transaction. A reason that is not
// EW_OK is what went wrong; it goes on.
enum ew_err keeper_tick(struct keeper *keeper, const struct calendar_zone *zone, int64_t wall_s,
                        struct ew_reason *reason) EW_MUST_CHECK;
// "backup": {state, at, bytes, reason} for service/recorder/status.
void keeper_health(const struct keeper *keeper, struct ew_jw *w);

#endif
