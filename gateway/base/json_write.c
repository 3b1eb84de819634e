#include "base/json.h"

#include "base/rfc3339.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void ew_jw_init(struct ew_jw *w, struct ew_buf *buf)
{
    *w = (struct ew_jw){.buf = buf};
}

static void add_string(struct ew_buf *buf, const char *text)
{
    ew_buf_add(buf, "\"", 1);
    const char *run = text;
    for (const char *p = text;; p++) {
        unsigned char c = (unsigned char)*p;
        if (c >= 0x20 && c != '"' && c != '\\')
            continue;
        ew_buf_add(buf, run, (size_t)(p - run));
        if (c == 0)
            break;
        if (c == '"' || c == '\\')
            ew_buf_printf(buf, "\\%c", c);
        else
            ew_buf_printf(buf, "\\u%04x", c);
        run = p + 1;
    }
    ew_buf_add(buf, "\"", 1);
}

static void begin(struct ew_jw *w, const char *key)
{
    if (w->comma)
        ew_buf_add(w->buf, ",", 1);
    w->comma = true;
    if (key) {
        add_string(w->buf, key);
        ew_buf_add(w->buf, ":", 1);
    }
}

static void open(struct ew_jw *w, const char *key, const char *bracket)
{
    begin(w, key);
    ew_buf_add(w->buf, bracket, 1);
    w->comma = false;
}

static void close(struct ew_jw *w, const char *bracket)
{
    ew_buf_add(w->buf, bracket, 1);
    w->comma = true;
}

void ew_jw_open_object(struct ew_jw *w, const char *key)
{
    open(w, key, "{");
}

void ew_jw_close_object(struct ew_jw *w)
{
    close(w, "}");
}

void ew_jw_open_array(struct ew_jw *w, const char *key)
{
    open(w, key, "[");
}

void ew_jw_close_array(struct ew_jw *w)
{
    close(w, "]");
}

void ew_jw_text(struct ew_jw *w, const char *key, const char *value)
{
    begin(w, key);
    add_string(w->buf, value);
}

void ew_jw_int(struct ew_jw *w, const char *key, int64_t value)
{
    begin(w, key);
    ew_buf_printf(w->buf, "%lld", (long long)value);
}

void ew_jw_number(struct ew_jw *w, const char *key, double value)
{
    if (!isfinite(value)) {
        ew_jw_null(w, key);
        return;
    }
    begin(w, key);
    char text[40];
    snprintf(text, sizeof(text), "%.15g", value);
    if (strtod(text, NULL) != value)
        snprintf(text, sizeof(text), "%.17g", value);
    ew_buf_add_text(w->buf, text);
}

void ew_jw_float(struct ew_jw *w, const char *key, float value)
{
    if (!isfinite(value)) {
        ew_jw_null(w, key);
        return;
    }
    begin(w, key);
    char text[40];
    for (int digits = 6; digits <= 9; digits++) {
        snprintf(text, sizeof(text), "%.*g", digits, (double)value);
        if (strtof(text, NULL) == value)
            break;
    }
    ew_buf_add_text(w->buf, text);
}

void ew_jw_bool(struct ew_jw *w, const char *key, bool value)
{
    begin(w, key);
    ew_buf_add_text(w->buf, value ? "true" : "false");
}

void ew_jw_null(struct ew_jw *w, const char *key)
{
    begin(w, key);
    ew_buf_add_text(w->buf, "null");
}

void ew_jw_tree(struct ew_jw *w, const char *key, const cJSON *tree)
{
    begin(w, key);
    char *text = cJSON_PrintUnformatted(tree);
    if (!text)
        abort();
    ew_buf_add_text(w->buf, text);
    cJSON_free(text);
}

void ew_jw_reason(struct ew_jw *w, const char *key, const struct ew_reason *reason)
{
    ew_jw_open_object(w, key);
    ew_jw_text(w, "code", reason->code);
    if (reason->path[0])
        ew_jw_text(w, "path", reason->path);
    ew_jw_open_object(w, "params");
    for (int i = 0; i < reason->param_count; i++)
        ew_jw_text(w, reason->params[i].name, reason->params[i].value);
    ew_jw_close_object(w);
    ew_jw_text(w, "text", reason->text);
    ew_jw_close_object(w);
}

void ew_jw_rfc3339(struct ew_jw *w, const char *key, int64_t unix_ms)
{
    char text[EW_RFC3339_MAX];
    ew_rfc3339_format(unix_ms, text);
    ew_jw_text(w, key, text);
}
