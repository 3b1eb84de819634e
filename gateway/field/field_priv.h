// Shared by the tools on a bus: their command line, the line they ask on, the way through a running gateway.
#ifndef EDGEWATT_FIELD_FIELD_PRIV_H
#define EDGEWATT_FIELD_FIELD_PRIV_H

#include "core/site/site.h"
#include "field/gateway.h"
#include "library/library.h"
#include "modbus/line.h"
#include "tools/values.h"

enum { FIELD_DONE, FIELD_NO, FIELD_USAGE };
enum field_tool { FIELD_READ = 1, FIELD_WRITE = 2, FIELD_SCAN = 4 }; // bits

struct field_options {
    enum field_tool tool;
    struct mb_options line;
    bool has_line, has_unit, has_address;
    const char *data; // DIR, NULL = none
    int bus;
    int timeout_ms; // 0 = the line's
    struct value_request request;
    int value_count;
    double values[MB_WRITE_MAX];
    int first, last;
    bool quick, json, yes;
};

// -1 = go on, else the exit code.
int field_options_read(struct field_options *o, enum field_tool tool, int argc, char **argv);

// ---- The line --------------------------------------------------------------------------------------------

// Where to ask: our own line, by the command line or by a bus of DIR/site.json, or the gateway that runs.
struct field_site { // of DIR, when --data was given; zeroed = none
    cJSON *tree;
    struct library *library; // always loaded by field_site_open
    struct site_bus bus;
};
enum ew_err field_site_open(struct field_options *o, struct field_site *ret,
                            struct ew_reason *reason) EW_MUST_CHECK;
void field_site_close(struct field_site *site);
// The device of this bus at that unit: the first; false when none is set up there.
bool field_site_device(const struct field_site *site, int unit, struct site_device *ret);
// Every device of this bus that a write to the unit gets to must allow it: guard_write's refusals.
enum ew_err field_site_may_write(const struct field_site *site, int unit,
                                 struct ew_reason *reason) EW_MUST_CHECK;
int64_t field_site_known(const void *site, int unit); // its id; a survey_known_fn

void field_say(const struct field_options *o, const struct ew_reason *reason); // on stderr, or as JSON

#endif
