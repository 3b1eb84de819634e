// Where the broker is and who we are there: DIR/run/broker.json and DIR/secrets/<service>.json.
#ifndef EDGEWATT_SERVICE_PLACE_H
#define EDGEWATT_SERVICE_PLACE_H

#include "base/err.h"
#include "base/limits.h"

struct place {
    char host[EW_HOST_MAX];
    int port;
    char base[128];
    char user[EW_NAME_MAX];
    char password[256];
};

enum ew_err place_read(const char *data_dir, const char *service, struct place *ret,
                       struct ew_reason *reason) EW_MUST_CHECK;
void place_wipe(struct place *place); // the password does not stay in memory that is given back

#endif
