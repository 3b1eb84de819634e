// The journal of alarms (VIEW-09): what was wrong, where, from when to when.
#ifndef EDGEWATT_RECORDER_JOURNAL_H
#define EDGEWATT_RECORDER_JOURNAL_H

#include "base/json.h"
#include "store/store.h"

enum {
    JOURNAL_MAX = 20000,      // rows; the oldest go first
    JOURNAL_PAGE_MAX = 200,   // rows of one answer
    JOURNAL_SUBJECT_MAX = 96, // bytes with the final 0
    JOURNAL_ADDRESS_MAX = 128
};

struct journal_entry {
    int64_t at_ms; // Unix ms
    const char *subject, *source;
    int64_t device, bus; // 0 = none
    const char *name, *address;
    const char *code, *params, *text; // of the reason; params is a JSON object
};

// Writes an alarm that goes on. One of the same subject and code that goes on already is left alone; one of
// another code ends now. Returns whether a row was written in *ret_new (may be NULL).
enum ew_err journal_begin(struct store *store, const struct journal_entry *entry, bool *ret_new,
                          struct ew_reason *reason) EW_MUST_CHECK;
// What goes on about the subject is over.
enum ew_err journal_end(struct store *store, const char *subject, int64_t at_ms,
                        struct ew_reason *reason) EW_MUST_CHECK;
// An alarm without duration.
enum ew_err journal_note(struct store *store, const struct journal_entry *entry,
                         struct ew_reason *reason) EW_MUST_CHECK;
// Fills name and address where an alarm of the device that goes on came before they were known.
enum ew_err journal_name(struct store *store, int64_t device, const char *name, const char *address,
                         struct ew_reason *reason) EW_MUST_CHECK;

// The arguments of recorder/alarms: {"offset": 0, "limit": 50, "sort":
// "at"|"until"|"device"|"address"|"type", "down": true, "active": false, "code": "", "text": "", "from"?:
// stamp, "to"?: stamp}. All may be left out. text: part of name, address or sentence. active: only what goes
// on.
struct journal_query {
    int64_t offset, limit, from_ms, to_ms;
    int sort;
    bool down, active;
    char code[EW_CODE_MAX];
    char text[64];
};
enum ew_err journal_query_read(const cJSON *args, struct journal_query *ret,
                               struct ew_reason *reason) EW_MUST_CHECK;
// Writes the answer: schemas/calls/alarms.schema.json.
enum ew_err journal_query(struct store *store, const struct journal_query *query, struct ew_buf *ret_json,
                          struct ew_reason *reason) EW_MUST_CHECK;

#endif
