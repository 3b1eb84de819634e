// Commands of people and programs to devices (device/<id>/command): what they say, until when they may run,
// and which were seen already. Pure: times come in (CLOCK_BOOTTIME, ms).
#ifndef EDGEWATT_CORE_COMMAND_COMMAND_H
#define EDGEWATT_CORE_COMMAND_COMMAND_H

#include "base/json.h"

enum {
    COMMAND_LIFE_MS = 5000,        // nothing runs later than this after it was sent
    COMMAND_REMEMBERED_MS = 60000, // an id seen within this is answered with its first result
    COMMAND_BOOK_MAX = 256,        // commands remembered; beyond that new ones are refused
    COMMAND_ID_MAX = 65,
    COMMAND_NAME_MAX = 40
};

enum command_kind { COMMAND_SWITCH, COMMAND_RESET, COMMAND_PHASES, COMMAND_CAP };

struct command {
    char id[COMMAND_ID_MAX];
    enum command_kind kind;
    char name[COMMAND_NAME_MAX]; // in the profile's commands: "output_3", "plug", "reset_partial_energy"
    int output;                  // 0 = it is no output
    bool on;                     // switches; phases: three
    int64_t up_ms;               // when it was sent, 0 = it does not say
    int64_t number;              // the caller's own
};

// schemas/topics/command.schema.json. EW_E_INVALID with path and sentence; the id is filled in when it is
// there.
enum ew_err command_read(const cJSON *tree, struct command *ret, struct ew_reason *reason) EW_MUST_CHECK;

// Until when it may run. expiry_s: the message's, as it came (-1 = none: MQTT 3.1.1). stalled_ms: how long
// before its arrival nobody looked: it may have waited that long unseen, unless it says when it was sent.
// EW_E_INVALID (command.expiry) for an expiry above 5 s, EW_E_TIMEOUT (command.late).
enum ew_err command_latest(const struct command *command, int64_t expiry_s, int64_t arrived_ms,
                           int64_t stalled_ms, int64_t *ret_latest_ms,
                           struct ew_reason *reason) EW_MUST_CHECK;

struct command_entry {
    int64_t device, seen_ms; // seen_ms 0 = free
    char id[COMMAND_ID_MAX];
    bool done, ok;
    struct ew_reason reason; // when it is done and not ok
    int64_t done_ms;
};
struct command_book {
    struct command_entry entries[COMMAND_BOOK_MAX];
};
// The entry of a command seen within the last minute, NULL = it is new.
struct command_entry *command_find(struct command_book *book, int64_t device, const char *id, int64_t now_ms);
// A new entry; NULL when the book is full.
struct command_entry *command_note(struct command_book *book, int64_t device, const char *id, int64_t now_ms);

// "<base>/reply/<account>/command", or below: a sender can't have answers put where calls wait for theirs.
bool command_reply_fits(const char *base, const char *topic);

// ---- Outputs (DEV-08) ------------------------------------------------------------------------------------

enum output_form { OUTPUT_MAINTAINED, OUTPUT_IMPULSE, OUTPUT_BLINKING };

struct output { // zeroed = a maintained one at rest
    enum output_form form;
    bool normally_closed; // switched on means that the contact opens
    int64_t on_ms, off_ms;
    // Its course.
    bool on;         // as ordered
    bool level;      // now: the effect, on or not
    int64_t next_ms; // when the level changes, 0 = not by itself
    bool retry;      // then the level is written once more instead: it did not get through
};
// An order: the level from now on.
void output_order(struct output *output, bool on, int64_t now_ms);
// Lets time pass; true when the level has changed.
bool output_pass(struct output *output, int64_t now_ms);
// What is written to the contact.
bool output_contact(const struct output *output);

#endif
