// The other side of console.c: asks the running config, or does it on the files while config is stopped.
#ifndef EDGEWATT_CONFIG_CONSOLE_ASK_H
#define EDGEWATT_CONFIG_CONSOLE_ASK_H

#include "base/json.h"

// request: the JSON text. *ret_result is the caller's. The reason says what is wrong.
enum ew_err console_ask(const char *data_dir, const struct ew_buf *request, cJSON **ret_result,
                        struct ew_reason *reason) EW_MUST_CHECK;

// Held while the store of accounts may be written: by config for its life. -1 when somebody else holds it.
int console_lock(const char *data_dir);

#endif
