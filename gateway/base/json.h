// JSON at the edge: parsing with ceilings and places, reading typed fields with the path of what is wrong,
// writing. Trees are cJSON's. Reading is pure (no heap); parsing and writing are not.
#ifndef EDGEWATT_BASE_JSON_H
#define EDGEWATT_BASE_JSON_H

#include "base/buf.h"
#include <cjson/cJSON.h>
#include <stdint.h>

// ---- Parsing ----------------------------------------------------------------------------------------------

// Parses len bytes of UTF-8 text. Refused with the line and column: more than max bytes, nesting over 32,
// invalid UTF-8, a 0 byte, trailing text, a key twice in one object, a number beyond a double. The tree
// belongs to the caller (cJSON_Delete).
enum ew_err ew_json_parse(const char *text, size_t len, size_t max, cJSON **ret_tree,
                          struct ew_reason *reason) EW_MUST_CHECK;

// ---- Reading ----------------------------------------------------------------------------------------------
// One struct ew_json per object. The first problem is kept in *reason (path and sentence) and in `err`; after
// it every getter leaves its output alone, so code reads straight down and checks once:
//
//     struct ew_json o;
//     ew_json_open(&o, node, "/devices/3", reason);
//     ew_json_text(&o, "name", EW_REQUIRED, 1, sizeof(d->name), d->name);
//     ew_json_int(&o, "unit", EW_REQUIRED, 0, 255, &unit);
//     ew_json_bool(&o, "on", EW_OPTIONAL, &d->on);          // output keeps its default when the key is
//     absent return ew_json_close(&o);                             // an unread key is an error:
//     "/devices/3/unti: unknown key"

enum ew_presence { EW_OPTIONAL, EW_REQUIRED };
enum { EW_JSON_KEYS_MAX = 64 };

struct ew_json {
    const cJSON *node;
    char path[EW_PATH_MAX];
    struct ew_reason *reason; // may be NULL
    enum ew_err err;
    const char *seen[EW_JSON_KEYS_MAX];
    int seen_count;
};

// node must be an object, else the error is set at once. path "" is the root.
void ew_json_open(struct ew_json *o, const cJSON *node, const char *path, struct ew_reason *reason);
enum ew_err ew_json_close(struct ew_json *o) EW_MUST_CHECK;
// Marks a key as known without reading it.
void ew_json_skip(struct ew_json *o, const char *key);
// Takes note of a problem found by the caller at <path>/<key> (key NULL: at the object itself).
void ew_json_fail(struct ew_json *o, const char *key, const char *code, const char *fmt, ...) EW_PRINTF(4, 5);
bool ew_json_has(const struct ew_json *o, const char *key);

void ew_json_int(struct ew_json *o, const char *key, enum ew_presence p, int64_t min, int64_t max,
                 int64_t *out);
void ew_json_number(struct ew_json *o, const char *key, enum ew_presence p, double min, double max,
                    double *out);
void ew_json_bool(struct ew_json *o, const char *key, enum ew_presence p, bool *out);
// Copies at least min_len and at most size - 1 bytes; control characters are refused.
void ew_json_text(struct ew_json *o, const char *key, enum ew_presence p, size_t min_len, size_t size,
                  char *out);
// One of the NULL-terminated names; *out = its index.
void ew_json_enum(struct ew_json *o, const char *key, enum ew_presence p, const char *const *names, int *out);
// A whole number, or text as "0x1F": both accepted.
void ew_json_hex(struct ew_json *o, const char *key, enum ew_presence p, uint64_t max, uint64_t *out);
// The same for a node of its own (an item of a list): false when it is neither.
bool ew_json_hex_value(const cJSON *node, uint64_t *out);
// The array or object under key; NULL when absent or of another type (which is then the error).
const cJSON *ew_json_array(struct ew_json *o, const char *key, enum ew_presence p, int max_items);
const cJSON *ew_json_object(struct ew_json *o, const char *key, enum ew_presence p);
const cJSON *ew_json_any(struct ew_json *o, const char *key, enum ew_presence p);
// "<o->path>/<key>" or "<o->path>/<key>/<index>" (index < 0: none), for opening children.
void ew_json_path(const struct ew_json *o, const char *key, int index, char out[EW_PATH_MAX]);

// ---- Writing ----------------------------------------------------------------------------------------------
// A streaming writer into an ew_buf. Commas are placed by it; key NULL inside arrays and for the root.

struct ew_jw {
    struct ew_buf *buf;
    bool comma;
};

void ew_jw_init(struct ew_jw *w, struct ew_buf *buf);
void ew_jw_open_object(struct ew_jw *w, const char *key);
void ew_jw_close_object(struct ew_jw *w);
void ew_jw_open_array(struct ew_jw *w, const char *key);
void ew_jw_close_array(struct ew_jw *w);
void ew_jw_text(struct ew_jw *w, const char *key, const char *value);
void ew_jw_int(struct ew_jw *w, const char *key, int64_t value);
void ew_jw_number(struct ew_jw *w, const char *key,
                  double value); // shortest of %.15g/%.17g; NaN and Inf become null
void ew_jw_float(struct ew_jw *w, const char *key,
                 float value); // shortest text that reads back as this float
void ew_jw_bool(struct ew_jw *w, const char *key, bool value);
void ew_jw_null(struct ew_jw *w, const char *key);
void ew_jw_tree(struct ew_jw *w, const char *key, const cJSON *tree); // a whole cJSON tree
void ew_jw_reason(struct ew_jw *w, const char *key,
                  const struct ew_reason *reason); // {code, path?, params, text}
void ew_jw_rfc3339(struct ew_jw *w, const char *key, int64_t unix_ms);

#endif
