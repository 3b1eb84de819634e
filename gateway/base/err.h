// Errors travel by value; what went wrong in words travels beside them in a struct ew_reason.
#ifndef EDGEWATT_BASE_ERR_H
#define EDGEWATT_BASE_ERR_H

#include <stdbool.h>
#include <stddef.h>

#define EW_MUST_CHECK        __attribute__((warn_unused_result))
#define EW_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

// The only list of error codes. X(name, sentence)
#define EW_ERR_MAP(X)                                                                                        \
    X(OK, "no error")                                                                                        \
    X(INVALID, "not valid")                                                                                  \
    X(UNKNOWN, "not known")                                                                                  \
    X(EXISTS, "exists already")                                                                              \
    X(TOO_LARGE, "too large")                                                                                \
    X(FULL, "no room left")                                                                                  \
    X(TIMEOUT, "no answer in time")                                                                          \
    X(REFUSED, "connection refused")                                                                         \
    X(DENIED, "not allowed")                                                                                 \
    X(CLOSED, "connection closed")                                                                           \
    X(BUSY, "busy")                                                                                          \
    X(STALE, "changed by someone else meanwhile")                                                            \
    X(UNSUPPORTED, "not supported")                                                                          \
    X(PROTOCOL, "the other side broke the protocol")                                                         \
    X(EXCEPTION, "the device answered with an exception")                                                    \
    X(IO, "input/output error")

enum ew_err {
#define EW_ERR_ENUM(name, sentence) EW_E_##name,
    EW_ERR_MAP(EW_ERR_ENUM)
#undef EW_ERR_ENUM
};
#define EW_OK EW_E_OK

// "TIMEOUT", and "no answer in time". Never NULL.
const char *ew_err_name(enum ew_err err);
const char *ew_err_sentence(enum ew_err err);

enum {
    EW_CODE_MAX = 48,
    EW_PATH_MAX = 192,
    EW_TEXT_MAX = 288,
    EW_PARAM_MAX = 4,
    EW_PARAM_NAME_MAX = 24,
    EW_PARAM_VALUE_MAX = 96
};

// A reason a person can read. `code` is a key of schemas/messages/<lang>.json ("bus.timeout"), `params` fill
// the {holes} of its sentence, `text` is the English sentence, complete, for logs. `path` says where (a JSON
// pointer as "/devices/3/unit", or a file path); empty when there is no place.
struct ew_reason {
    enum ew_err err;
    char code[EW_CODE_MAX];
    char path[EW_PATH_MAX];
    char text[EW_TEXT_MAX];
    int param_count;
    struct ew_param {
        char name[EW_PARAM_NAME_MAX];
        char value[EW_PARAM_VALUE_MAX];
    } params[EW_PARAM_MAX];
};

// Fills *reason (may be NULL) and returns err, so that a failure is one statement:
//     return ew_fail(reason, EW_E_INVALID, "site.unit_range", path, "unit %d is outside 1..247", unit);
// Texts that are too long are cut. Pure.
enum ew_err ew_fail(struct ew_reason *reason, enum ew_err err, const char *code, const char *path,
                    const char *fmt, ...) EW_PRINTF(5, 6);

// Adds one parameter to a filled reason; ignored when EW_PARAM_MAX are there or reason is NULL. Pure.
void ew_reason_param(struct ew_reason *reason, const char *name, const char *fmt, ...) EW_PRINTF(3, 4);

void ew_reason_clear(struct ew_reason *reason);

#endif
