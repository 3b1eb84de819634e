// The charges of the site's charge points, each once: from session/<id> to the table `charge`.
#ifndef EDGEWATT_RECORDER_CHARGES_H
#define EDGEWATT_RECORDER_CHARGES_H

#include "service/service.h"
#include "store/store.h"

enum {
    CHARGES_MAX = 100000, // rows; the oldest go first
    CHARGES_PAGE_MAX = 200
};

// Takes one payload of session/<id> (schemas/topics/session.schema.json). The same one again changes nothing;
// one that has ended is never opened again.
enum ew_err charges_take(struct store *store, const cJSON *session, struct ew_reason *reason) EW_MUST_CHECK;

// The arguments of recorder/charges: {"station"?: id, "from"?: stamp, "to"?: stamp, "offset": 0, "limit":
// 50}; newest first, by the time of plugging in.
struct charges_query {
    int64_t station, from_ms, to_ms, offset, limit; // station 0 = all
};
enum ew_err charges_query_read(const cJSON *args, struct charges_query *ret,
                               struct ew_reason *reason) EW_MUST_CHECK;
// Writes the answer: schemas/calls/charges.schema.json.
enum ew_err charges_query(struct store *store, const struct charges_query *query, struct ew_buf *ret_json,
                          struct ew_reason *reason) EW_MUST_CHECK;

struct charges; // the topic and the call
struct charges *charges_new(struct ew_service *service, struct store *store);
void charges_free(struct charges *charges); // takes NULL

#endif
