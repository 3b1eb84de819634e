// What devices taught by refusing (core/plan/plan.h), kept over restarts of the poller:
//     {"version": 1, "devices": {"12": {"key": "9f3c...", "begins": ["current_l1"], "refused":
//     ["current_n"]}}}
#include "poller/fleet_priv.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { VERSION = 1, FILE_MAX = 4 << 20, SAVE_MS = 5000 };

static bool file_path(const struct fleet *fleet, char *ret, size_t size)
{
    int len = snprintf(ret, size, "%s/run/lessons.json", fleet->data_dir);
    return fleet->data_dir[0] != 0 && len > 0 && (size_t)len < size;
}

static cJSON *devices(const struct fleet *fleet)
{
    return cJSON_GetObjectItemCaseSensitive(fleet->lessons, "devices");
}

static void *own(void *memory)
{
    if (!memory)
        abort();
    return memory;
}

static void begin_anew(struct fleet *fleet)
{
    fleet->lessons = own(cJSON_CreateObject());
    own(cJSON_AddNumberToObject(fleet->lessons, "version", VERSION));
    own(cJSON_AddObjectToObject(fleet->lessons, "devices"));
}

static void on_save(struct ew_timer *timer, int64_t now_ms)
{
    (void)now_ms;
    const struct fleet *fleet = timer->user;
    char path[sizeof(fleet->data_dir) + 32];
    struct ew_reason reason;
    if (!file_path(fleet, path, sizeof(path)))
        return;
    char *text = own(cJSON_PrintUnformatted(fleet->lessons));
    size_t len = strlen(text);
    if (len > FILE_MAX)
        ew_warning("poller", "what devices taught fills more than %d bytes, not kept", FILE_MAX);
    else if (ew_file_write(path, text, len, 0600, &reason) != EW_OK)
        ew_log_reason(EW_LOG_WARNING, "poller", &reason);
    cJSON_free(text);
}

void lessons_load(struct fleet *fleet)
{
    char path[sizeof(fleet->data_dir) + 32];
    struct ew_buf buf;
    struct ew_reason reason;
    fleet->lessons_timer = (struct ew_timer){.fn = on_save, .user = fleet};
    ew_buf_init(&buf, FILE_MAX + 1);
    cJSON *tree = NULL;
    if (file_path(fleet, path, sizeof(path)) && ew_file_exists(path) &&
        (ew_file_read(path, FILE_MAX, &buf, &reason) != EW_OK ||
         ew_json_parse(buf.data, buf.len, FILE_MAX, &tree, &reason) != EW_OK))
        ew_log_reason(EW_LOG_WARNING, "poller", &reason);
    ew_buf_done(&buf);
    const cJSON *version = cJSON_GetObjectItemCaseSensitive(tree, "version");
    bool usable = cJSON_IsNumber(version) && version->valueint == VERSION &&
                  cJSON_IsObject(cJSON_GetObjectItemCaseSensitive(tree, "devices"));
    if (tree && !usable)
        ew_warning("poller", "%s: not of this version, devices will be asked again", path);
    if (usable) {
        fleet->lessons = tree;
        return;
    }
    cJSON_Delete(tree);
    begin_anew(fleet);
}

void lessons_free(struct fleet *fleet)
{
    if (fleet->lessons_timer.heap_index != 0) {
        ew_loop_timer_clear(fleet->options.loop, &fleet->lessons_timer);
        on_save(&fleet->lessons_timer, 0);
    }
    cJSON_Delete(fleet->lessons);
    fleet->lessons = NULL;
}

static void save_soon(struct fleet *fleet)
{
    if (fleet->lessons_timer.heap_index == 0)
        ew_loop_timer_set(fleet->options.loop, &fleet->lessons_timer, ew_clock_up_ms() + SAVE_MS);
}

static void id_text(char ret[24], int64_t device)
{
    snprintf(ret, 24, "%" PRId64, device);
}

static void key_text(char ret[24], uint64_t key)
{
    snprintf(ret, 24, "%016" PRIx64, key);
}

void lessons_forget(struct fleet *fleet, int64_t device)
{
    char id[24];
    id_text(id, device);
    if (!cJSON_HasObjectItem(devices(fleet), id))
        return;
    cJSON_DeleteItemFromObjectCaseSensitive(devices(fleet), id);
    save_soon(fleet);
}

static void recall(struct recipe *recipe, const cJSON *names, uint8_t mark)
{
    const cJSON *name;
    cJSON_ArrayForEach(name, names)
    {
        int index = cJSON_IsString(name) ? profile_find(recipe->profile, name->valuestring) : -1;
        if (index >= 0)
            recipe->learnt[index] |= mark;
    }
}

void lessons_recall(struct fleet *fleet, struct recipe *recipe)
{
    char id[24], key[24];
    id_text(id, recipe->device);
    key_text(key, recipe->key);
    const cJSON *lesson = cJSON_GetObjectItemCaseSensitive(devices(fleet), id);
    const char *known = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(lesson, "key"));
    if (!lesson)
        return;
    if (!known || strcmp(known, key) != 0) {
        lessons_forget(fleet, recipe->device);
        return;
    }
    recall(recipe, cJSON_GetObjectItemCaseSensitive(lesson, "begins"), PLAN_BEGINS);
    recall(recipe, cJSON_GetObjectItemCaseSensitive(lesson, "refused"), PLAN_REFUSED_FROM);
}

static void add_names(cJSON *lesson, const char *key, const struct profile *profile, const uint8_t *learnt,
                      bool refused)
{
    cJSON *names = own(cJSON_AddArrayToObject(lesson, key));
    for (int i = 0; i < profile->register_count; i++)
        if (refused ? plan_refused(learnt[i]) : (learnt[i] & PLAN_BEGINS) != 0)
            cJSON_AddItemToArray(names, own(cJSON_CreateString(profile->registers[i].quantity)));
}

bool lessons_any_refused(const struct device *device)
{
    for (int i = 0; device->learnt && i < device->recipe->profile->register_count; i++)
        if (plan_refused(device->learnt[i]))
            return true;
    return false;
}

bool lessons_take(struct fleet *fleet, struct device *device, const uint8_t *learnt)
{
    const struct profile *profile = device->recipe->profile;
    bool changed = false, any = false;
    for (int i = 0; i < profile->register_count; i++) {
        changed |= plan_refused(learnt[i]) != plan_refused(device->learnt[i]);
        any |= plan_refused(learnt[i]) || (learnt[i] & PLAN_BEGINS) != 0;
        if (plan_refused(learnt[i]) && !plan_refused(device->learnt[i]))
            ew_notice("device", "device=%lld does not have %s, not asking for it any more",
                      (long long)device->id, profile->registers[i].quantity);
    }
    memcpy(device->learnt, learnt, (size_t)profile->register_count);
    lessons_forget(fleet, device->id);
    if (!any)
        return changed;
    char id[24], key[24];
    id_text(id, device->id);
    key_text(key, device->recipe->key);
    cJSON *lesson = own(cJSON_AddObjectToObject(devices(fleet), id));
    own(cJSON_AddStringToObject(lesson, "key", key));
    add_names(lesson, "begins", profile, learnt, false);
    add_names(lesson, "refused", profile, learnt, true);
    save_soon(fleet);
    return changed;
}
