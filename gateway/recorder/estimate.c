#include "recorder/estimate.h"

#include "base/file.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/log.h"
#include "recorder/sampler_priv.h"
#include <limits.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/vfs.h>

enum { VERSION = 1, FILE_MAX = 4 << 20 };
static const int64_t long_ago_ms = -(INT64_C(1) << 50); // no gap reaches so far

static void name_file(const char *data_dir, char path[PATH_MAX])
{
    if (ew_format(path, PATH_MAX, "%s/run/estimates.json", data_dir) != EW_OK)
        path[0] = 0;
}

bool estimate_free(const char *data_dir)
{
    char run[PATH_MAX];
    struct statfs fs;
    return ew_format(run, sizeof(run), "%s/run", data_dir) == EW_OK && statfs(run, &fs) == 0 &&
           (fs.f_type == TMPFS_MAGIC || fs.f_type == RAMFS_MAGIC);
}

// The reading that the store has: what the slot under way began from.
static int64_t base_of(const struct history_counter *c)
{
    return c->reading_th - (c->has_step ? c->step_th : 0);
}

static int write_devices(const struct sampler *s, struct ew_jw *w)
{
    int count = 0;
    ew_jw_open_array(w, "devices");
    for (int i = 0; i < s->series_count; i++) {
        const struct sampler_series_entry *entry = &s->series[i];
        if (!entry->integral.known)
            continue;
        ew_jw_open_object(w, NULL);
        ew_jw_int(w, "series", entry->id);
        ew_jw_int(w, "base_th", base_of(&entry->count));
        ew_jw_int(w, "counted_th", entry->counted_th);
        ew_jw_number(w, "power_w", entry->integral.power_w);
        ew_jw_number(w, "rest_th", entry->integral.rest_th);
        ew_jw_int(w, "at_ms", entry->integral.at_ms);
        ew_jw_close_object(w);
        count++;
    }
    ew_jw_close_array(w);
    return count;
}

void estimate_save(const struct sampler *s, const char *data_dir)
{
    char path[PATH_MAX];
    struct ew_buf text;
    struct ew_jw w;
    struct ew_reason reason;
    name_file(data_dir, path);
    ew_buf_init(&text, FILE_MAX);
    ew_jw_init(&w, &text);
    ew_jw_open_object(&w, NULL);
    ew_jw_int(&w, "version", VERSION);
    ew_jw_text(&w, "boot", s->boot);
    int count = write_devices(s, &w);
    ew_jw_close_object(&w);
    if (count > 0 && ew_file_write(path, ew_buf_text(&text), text.len, 0600, &reason) != EW_OK)
        ew_warning("recorder", "%s: %s, retrying", reason.path, reason.text);
    ew_buf_done(&text);
}

static void take(struct sampler *s, const cJSON *node, bool same_boot)
{
    struct ew_json o;
    struct ew_reason reason;
    int64_t series = 0, base_th = 0, counted_th = 0, at_ms = 0;
    double power_w = 0, rest_th = 0;
    const int64_t max = INT64_C(1) << 53;
    ew_json_open(&o, node, "/devices", &reason);
    ew_json_int(&o, "series", EW_REQUIRED, 1, 1 << SAMPLER_SERIES_BITS, &series);
    ew_json_int(&o, "base_th", EW_REQUIRED, 0, max, &base_th);
    ew_json_int(&o, "counted_th", EW_REQUIRED, 0, max, &counted_th);
    ew_json_number(&o, "power_w", EW_REQUIRED, 0, 1e12, &power_w);
    ew_json_number(&o, "rest_th", EW_REQUIRED, 0, 1, &rest_th);
    ew_json_int(&o, "at_ms", EW_REQUIRED, 0, max, &at_ms);
    if (ew_json_close(&o) != EW_OK) {
        ew_warning("recorder", "run/estimates.json: %s: %s, ignoring", reason.path, reason.text);
        return;
    }
    struct sampler_series_entry *entry = sampler_by_id(s, series);
    if (!entry || !entry->counter || !entry->count.known || entry->count.reading_th != base_th ||
        counted_th < base_th)
        return;
    entry->counted_th = counted_th;
    entry->integral = (struct history_integral){true, power_w, same_boot ? at_ms : long_ago_ms, rest_th};
}

void estimate_load(struct sampler *s, const char *data_dir)
{
    char path[PATH_MAX];
    struct ew_buf text;
    cJSON *tree = NULL;
    name_file(data_dir, path);
    ew_buf_init(&text, FILE_MAX);
    if (ew_file_read(path, FILE_MAX, &text, NULL) == EW_OK)
        (void)!ew_json_parse(ew_buf_text(&text), text.len, FILE_MAX, &tree, NULL);
    ew_buf_done(&text);
    const cJSON *version = cJSON_GetObjectItemCaseSensitive(tree, "version");
    const char *boot = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(tree, "boot"));
    if (cJSON_IsNumber(version) && version->valueint == VERSION && boot) {
        const cJSON *node;
        cJSON_ArrayForEach(node, cJSON_GetObjectItemCaseSensitive(tree, "devices"))
        {
            take(s, node, strcmp(boot, s->boot) == 0);
        }
    }
    cJSON_Delete(tree);
}
