// What a new start goes on from (A9): DATA/controller.json, written whole when something happened. Ages
// instead of times: the next start may be of another boot.
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "controller/controller_priv.h"
#include "service/paths.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { VERSION = 1, FILE_MAX = 4 << 20, FILE_MODE = 0600 };

static const char *const state_names[] = {"free", "wait", "charge", "idle", NULL};
static const char *const choice_names[] = {"default", "no", "yes", NULL};

static void read_boot_id(char dst[64])
{
    struct ew_buf text;
    ew_buf_init(&text, 63);
    ew_copy(dst, 64, "unknown");
    if (ew_file_read("/proc/sys/kernel/random/boot_id", 63, &text, NULL) == EW_OK)
        ew_copy(dst, 64, ew_buf_text(&text));
    dst[strcspn(dst, "\n")] = 0;
    ew_buf_done(&text);
}

static void id_text(char dst[24], int64_t id)
{
    (void)ew_format(dst, 24, "%lld", (long long)id);
}

const cJSON *memory_of(const struct controller *c, int64_t id)
{
    char key[24];
    id_text(key, id);
    return cJSON_GetObjectItemCaseSensitive(c->memory_more, key);
}

// ---- Taking ----------------------------------------------------------------------------------------------

static int64_t aged(int64_t age_ms, int64_t by_ms)
{
    return age_ms < 0 ? age_ms : age_ms + by_ms;
}

static bool runs(const struct controller *c, int64_t id)
{
    for (int i = 0; i < c->core.count; i++)
        if (c->core.point[i].cfg.id == id)
            return true;
    return false;
}

// Stations that are not there now may come back: what was known of them grows older.
static void keep_absent(const struct controller *c, struct greenup_saved *now, int64_t by_ms)
{
    for (int i = 0; i < c->memory.count && now->count < GREENUP_STATIONS_MAX; i++) {
        struct greenup_saved_point point = c->memory.point[i];
        if (runs(c, point.id))
            continue;
        point.conn_age_ms = aged(point.conn_age_ms, by_ms);
        point.wait_age_ms = aged(point.wait_age_ms, by_ms);
        point.stop_age_ms = aged(point.stop_age_ms, by_ms);
        point.red_age_ms = aged(point.red_age_ms, by_ms);
        now->point[now->count++] = point;
    }
}

static void keep_more(struct controller *c)
{
    if (!c->memory_more)
        c->memory_more = cJSON_CreateObject();
    for (int i = 0; i < c->count; i++) {
        const struct station *st = &c->stations[i];
        char key[24];
        struct ew_buf text;
        struct ew_jw w;
        ew_buf_init(&text, 256 << 10);
        ew_jw_init(&w, &text);
        ew_jw_open_object(&w, NULL);
        ew_jw_int(&w, "rated_ma", st->rated_ma);
        if (st->cap_ma >= 0)
            ew_jw_int(&w, "cap_ma", st->cap_ma);
        if (st->charge.id[0]) {
            ew_jw_open_object(&w, "charge");
            charge_write(&w, st, NULL);
            if (st->charge.wh_known)
                ew_jw_number(&w, "wh_last", st->charge.wh_last);
            ew_jw_close_object(&w);
        }
        ew_jw_close_object(&w);
        id_text(key, st->id);
        cJSON_DeleteItemFromObjectCaseSensitive(c->memory_more, key);
        cJSON *tree = cJSON_Parse(ew_buf_text(&text));
        if (!tree || !cJSON_AddItemToObject(c->memory_more, key, tree))
            abort();
        ew_buf_done(&text);
    }
}

void memory_take(struct controller *c, int64_t now_ms)
{
    struct greenup_saved *now = malloc(sizeof(*now));
    if (!now)
        abort();
    greenup_save(&c->core, now_ms, now);
    keep_absent(c, now, now_ms - c->memory_ms);
    c->memory = *now;
    c->memory_ms = now_ms;
    free(now);
    keep_more(c);
}

// ---- Writing ---------------------------------------------------------------------------------------------

static void write_point(struct ew_jw *w, const struct greenup_saved_point *p, const cJSON *more)
{
    ew_jw_open_object(w, NULL);
    ew_jw_int(w, "id", p->id);
    ew_jw_text(w, "state", state_names[p->state]);
    ew_jw_int(w, "level", p->level);
    ew_jw_int(w, "limit_ma", p->limit_ma);
    ew_jw_int(w, "plug_seq", p->plug_seq);
    ew_jw_int(w, "conn_age_ms", p->conn_age_ms);
    ew_jw_int(w, "wait_age_ms", p->wait_age_ms);
    ew_jw_int(w, "stop_age_ms", p->stop_age_ms);
    ew_jw_int(w, "red_age_ms", p->red_age_ms);
    ew_jw_int(w, "charge_ma_ms", p->charge_ma_ms);
    ew_jw_bool(w, "made_room", p->made_room);
    ew_jw_bool(w, "default_hold", p->default_hold);
    ew_jw_bool(w, "default_forced", p->default_forced);
    ew_jw_text(w, "priority", choice_names[p->priority]);
    ew_jw_text(w, "hold", choice_names[p->hold]);
    ew_jw_text(w, "forced", choice_names[p->forced]);
    if (more)
        ew_jw_tree(w, "more", more);
    ew_jw_close_object(w);
}

void memory_save(struct controller *c, int64_t now_ms)
{
    char path[PATH_MAX], boot[64];
    struct ew_reason reason;
    struct ew_buf text;
    struct ew_jw w;
    c->saved_ms = now_ms;
    c->dirty = false;
    memory_take(c, now_ms);
    if (c->memory_foreign)
        return;
    read_boot_id(boot);
    ew_buf_init(&text, FILE_MAX);
    ew_jw_init(&w, &text);
    ew_jw_open_object(&w, NULL);
    ew_jw_int(&w, "version", VERSION);
    ew_jw_text(&w, "boot", boot);
    ew_jw_int(&w, "up_ms", now_ms);
    ew_jw_rfc3339(&w, "at", ew_clock_wall_ms());
    ew_jw_bool(&w, "ever_on", c->ever_on);
    ew_jw_int(&w, "lost", c->memory.lost);
    ew_jw_open_array(&w, "stations");
    for (int i = 0; i < c->memory.count; i++)
        write_point(&w, &c->memory.point[i], memory_of(c, c->memory.point[i].id));
    ew_jw_close_array(&w);
    ew_jw_close_object(&w);
    ew_path(path, c->service->data_dir, "controller.json");
    // A full disk does no harm to charging: what runs is in memory.
    if (text.full || ew_file_write(path, text.data, text.len, FILE_MODE, &reason) != EW_OK)
        ew_warning("memory", "%s was not written: %s, retrying", path, text.full ? "too large" : reason.text);
    ew_buf_done(&text);
}

// ---- Reading ---------------------------------------------------------------------------------------------

static enum greenup_choice read_choice(struct ew_json *o, const char *key)
{
    int choice = 0;
    ew_json_enum(o, key, EW_REQUIRED, choice_names, &choice);
    return (enum greenup_choice)choice;
}

static enum ew_err read_point(struct controller *c, const cJSON *node, struct greenup_saved_point *ret,
                              struct ew_reason *reason)
{
    struct ew_json o;
    int state = 0;
    int64_t id = 0, level = 0, limit = 0, plug_seq = 0;
    const int64_t age_max = INT64_C(1) << 48;
    ew_json_open(&o, node, "/stations", reason);
    ew_json_int(&o, "id", EW_REQUIRED, 1, SITE_ID_MAX, &id);
    ew_json_enum(&o, "state", EW_REQUIRED, state_names, &state);
    ew_json_int(&o, "level", EW_REQUIRED, 0, GREENUP_LEVELS - 1, &level);
    ew_json_int(&o, "limit_ma", EW_REQUIRED, 0, 100000000, &limit);
    ew_json_int(&o, "plug_seq", EW_REQUIRED, 0, UINT32_MAX, &plug_seq);
    ew_json_int(&o, "conn_age_ms", EW_REQUIRED, -1, age_max, &ret->conn_age_ms);
    ew_json_int(&o, "wait_age_ms", EW_REQUIRED, -1, age_max, &ret->wait_age_ms);
    ew_json_int(&o, "stop_age_ms", EW_REQUIRED, -1, age_max, &ret->stop_age_ms);
    ew_json_int(&o, "red_age_ms", EW_REQUIRED, -1, age_max, &ret->red_age_ms);
    ew_json_int(&o, "charge_ma_ms", EW_REQUIRED, 0, INT64_C(1) << 53, &ret->charge_ma_ms);
    ew_json_bool(&o, "made_room", EW_REQUIRED, &ret->made_room);
    ew_json_bool(&o, "default_hold", EW_REQUIRED, &ret->default_hold);
    ew_json_bool(&o, "default_forced", EW_REQUIRED, &ret->default_forced);
    ret->priority = read_choice(&o, "priority");
    ret->hold = read_choice(&o, "hold");
    ret->forced = read_choice(&o, "forced");
    const cJSON *more = ew_json_object(&o, "more", EW_OPTIONAL);
    ret->id = (int32_t)id;
    ret->state = (enum greenup_state)state;
    ret->level = (uint8_t)level;
    ret->limit_ma = (int32_t)limit;
    ret->plug_seq = (uint32_t)plug_seq;
    const enum ew_err err = ew_json_close(&o);
    if (err == EW_OK && more) {
        char key[24];
        cJSON *copy = cJSON_Duplicate(more, true);
        id_text(key, id);
        if (!copy || !cJSON_AddItemToObject(c->memory_more, key, copy))
            abort();
    }
    return err;
}

// How long ago the file was written: exactly within one boot, by the wall clock otherwise.
static int64_t elapsed_ms(const char *boot, int64_t up_ms, int64_t at_ms, int64_t now_ms)
{
    char own[64];
    read_boot_id(own);
    const int64_t elapsed = strcmp(boot, own) == 0 ? now_ms - up_ms : ew_clock_wall_ms() - at_ms;
    return elapsed > 0 ? elapsed : 0;
}

static enum ew_err read_file(struct controller *c, const cJSON *tree, int64_t now_ms,
                             struct ew_reason *reason)
{
    struct ew_json o;
    char boot[64] = "", at[EW_RFC3339_MAX] = "";
    int64_t version = 0, up_ms = 0, at_ms = 0, lost = 0;
    ew_json_open(&o, tree, "", reason);
    ew_json_int(&o, "version", EW_REQUIRED, 1, INT32_MAX, &version);
    if (o.err == EW_OK && version > VERSION) {
        c->memory_foreign = true;
        return ew_fail(reason, EW_E_UNSUPPORTED, "file.newer", "/version",
                       "is of a newer version of Edgewatt (%lld, this one knows %d): it is left alone",
                       (long long)version, VERSION);
    }
    ew_json_text(&o, "boot", EW_REQUIRED, 1, sizeof(boot), boot);
    ew_json_int(&o, "up_ms", EW_REQUIRED, 0, INT64_C(1) << 48, &up_ms);
    ew_json_text(&o, "at", EW_REQUIRED, 1, sizeof(at), at);
    ew_json_bool(&o, "ever_on", EW_REQUIRED, &c->ever_on);
    ew_json_int(&o, "lost", EW_REQUIRED, 0, 7, &lost);
    const cJSON *stations = ew_json_array(&o, "stations", EW_REQUIRED, GREENUP_STATIONS_MAX);
    enum ew_err err = ew_json_close(&o);
    if (err == EW_OK && ew_rfc3339_parse(at, &at_ms) != EW_OK)
        err = ew_fail(reason, EW_E_INVALID, "json.date", "/at", "is no date");
    for (const cJSON *node = stations ? stations->child : NULL; node && err == EW_OK; node = node->next)
        err = read_point(c, node, &c->memory.point[c->memory.count++], reason);
    c->memory.lost = (uint8_t)lost;
    if (err == EW_OK && !greenup_saved_check(&c->memory))
        err = ew_fail(reason, EW_E_INVALID, "json.range", "/stations", "holds what can't be");
    c->memory_ms = now_ms - elapsed_ms(boot, up_ms, at_ms, now_ms);
    return err;
}

void memory_load(struct controller *c, int64_t now_ms)
{
    char path[PATH_MAX];
    struct ew_reason reason;
    struct ew_buf text;
    cJSON *tree = NULL;
    c->memory_more = cJSON_CreateObject();
    c->memory_ms = c->saved_ms = now_ms;
    ew_path(path, c->service->data_dir, "controller.json");
    if (!ew_file_exists(path))
        return;
    ew_buf_init(&text, FILE_MAX);
    enum ew_err err = ew_file_read(path, FILE_MAX, &text, &reason);
    if (err == EW_OK)
        err = ew_json_parse(ew_buf_text(&text), text.len, FILE_MAX, &tree, &reason);
    if (err == EW_OK)
        err = read_file(c, tree, now_ms, &reason);
    if (err != EW_OK) {
        // Nothing is known then: charges under way are taken over as the stations show them.
        ew_error("memory", "%s%s: %s, starting without it", path, reason.path, reason.text);
        c->memory = (struct greenup_saved){0};
        cJSON_Delete(c->memory_more);
        c->memory_more = cJSON_CreateObject();
        c->memory_ms = now_ms;
    }
    cJSON_Delete(tree);
    ew_buf_done(&text);
}
