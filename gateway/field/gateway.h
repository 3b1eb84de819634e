// The way through a gateway that runs on a data folder, with the console's account.
#ifndef EDGEWATT_FIELD_GATEWAY_H
#define EDGEWATT_FIELD_GATEWAY_H

#include "base/json.h"

// EW_E_UNKNOWN: no gateway runs on this data folder.
struct field_gateway;
enum ew_err field_gateway_open(const char *data_dir, struct field_gateway **ret,
                               struct ew_reason *reason) EW_MUST_CHECK;
void field_gateway_close(struct field_gateway *gateway); // takes NULL
// One call to a service; *ret_result is the caller's, NULL after an error.
enum ew_err field_gateway_call(struct field_gateway *gateway, const char *service, const char *method,
                               const struct ew_buf *args, cJSON **ret_result,
                               struct ew_reason *reason) EW_MUST_CHECK;
// Shows what comes on the topic (an object each time) until `fn` says true.
typedef bool field_watch_fn(void *user, const cJSON *payload);
enum ew_err field_gateway_watch(struct field_gateway *gateway, const char *topic, field_watch_fn *fn,
                                void *user, struct ew_reason *reason) EW_MUST_CHECK;

#endif
