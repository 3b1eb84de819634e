#include "base/file.h"
#include "recorder/csv_tree_priv.h"

#include <stdlib.h>
#include <string.h>

enum { STATE_MAX = 64 << 10 };

static void state_path(const struct csv_run *run, char dst[PATH_MAX])
{
    if (ew_format(dst, PATH_MAX, "%s/state.json", run->spare_dir) != EW_OK)
        dst[0] = 0;
}

// Lost or damaged, it is begun anew: versions then go on from what they cannot collide with, files are made
// anew.
void csv_state_load(struct csv_run *run)
{
    char path[PATH_MAX];
    struct ew_buf text;
    ew_buf_init(&text, STATE_MAX);
    state_path(run, path);
    run->state = NULL;
    if (ew_file_read(path, STATE_MAX, &text, NULL) == EW_OK)
        (void)!ew_json_parse(text.data, text.len, STATE_MAX, &run->state, NULL);
    ew_buf_done(&text);
    if (!cJSON_IsObject(run->state)) {
        cJSON_Delete(run->state);
        run->state = cJSON_CreateObject();
        if (!run->state)
            abort();
    }
}

void csv_state_options(struct csv_run *run)
{
    const char text[] = {run->tree->options.decimal, run->tree->options.separator, 0};
    const char *old = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(run->state, "separators"));
    run->rewrite = old && strcmp(old, text) != 0;
    cJSON_DeleteItemFromObjectCaseSensitive(run->state, "separators");
    if (!cJSON_AddStringToObject(run->state, "separators", text))
        abort();
}

enum ew_err csv_state_save(struct csv_run *run, struct ew_reason *reason)
{
    char path[PATH_MAX];
    struct ew_buf text;
    struct ew_jw w;
    state_path(run, path);
    ew_buf_init(&text, STATE_MAX);
    ew_jw_init(&w, &text);
    ew_jw_tree(&w, NULL, run->state);
    struct ew_buf old;
    ew_buf_init(&old, STATE_MAX);
    bool same = ew_file_read(path, STATE_MAX, &old, NULL) == EW_OK && old.len == text.len &&
                memcmp(old.data, text.data, text.len) == 0;
    enum ew_err err = same ? EW_OK : ew_dir_make(run->spare_dir, 0700, reason);
    if (err == EW_OK && !same)
        err = ew_file_write(path, text.data, text.len, 0600, reason);
    ew_buf_done(&old);
    ew_buf_done(&text);
    return err;
}

static double number(const cJSON *node, const char *key, double preset)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(node, key);
    return cJSON_IsNumber(item) ? item->valuedouble : preset;
}

static double hash(const char *text)
{
    uint64_t state = 14695981039346656037U; // FNV-1a; 48 bits, which a JSON number holds exactly
    for (; *text; text++)
        state = (state ^ (unsigned char)*text) * 1099511628211U;
    return (double)(state >> 16);
}

int csv_state_version(struct csv_run *run, const char *key, const char *header, int64_t *ret_since_s)
{
    cJSON *entry = cJSON_GetObjectItemCaseSensitive(run->state, key);
    int version = (int)number(entry, "version", 0);
    *ret_since_s = (int64_t)number(entry, "since", 0);
    if (version > 0 && number(entry, "columns", -1) == hash(header))
        return version;
    *ret_since_s =
        version > 0 ? (int64_t)number(run->state, "seen", 0) : 0; // the one before has all up to there
    cJSON_DeleteItemFromObjectCaseSensitive(run->state, key);
    entry = cJSON_AddObjectToObject(run->state, key);
    if (!entry || !cJSON_AddNumberToObject(entry, "version", ++version) ||
        !cJSON_AddNumberToObject(entry, "columns", hash(header)) ||
        !cJSON_AddNumberToObject(entry, "since", (double)*ret_since_s))
        abort();
    return version;
}

void csv_state_seen(struct csv_run *run, int64_t slot_s)
{
    if ((double)slot_s < number(run->state, "seen", 0))
        return;
    cJSON_DeleteItemFromObjectCaseSensitive(run->state, "seen");
    if (!cJSON_AddNumberToObject(run->state, "seen", (double)(slot_s + 1)))
        abort();
}

struct calendar_date csv_state_month(const struct csv_run *run)
{
    int month = (int)number(run->state, "month", 0);
    return (struct calendar_date){month / 100, month % 100, 1};
}

void csv_state_set_month(struct csv_run *run, struct calendar_date month)
{
    cJSON_DeleteItemFromObjectCaseSensitive(run->state, "month");
    if (!cJSON_AddNumberToObject(run->state, "month", month.year * 100 + month.month))
        abort();
}

int64_t csv_state_events(const struct csv_run *run)
{
    return (int64_t)number(run->state, "events", 0);
}

void csv_state_set_events(struct csv_run *run, int64_t until_s)
{
    cJSON_DeleteItemFromObjectCaseSensitive(run->state, "events");
    if (!cJSON_AddNumberToObject(run->state, "events", (double)until_s))
        abort();
}
