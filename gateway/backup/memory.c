// What the charging controller remembers (gateway/controller/memory.c) in two parts. For good, so that it
// belongs to the site and to its backup: that stations were ever under control, which of them wait or charge
// at once by default, ceilings that somebody set, their rated current. Of the moment, so that it stays with
// the machine: charges under way, who waits, since when.
#include "backup/backup_priv.h"

#include "base/file.h"
#include "service/paths.h"
#include <stdlib.h>
#include <string.h>

enum { VERSION = 1, STATIONS_MAX = EW_DEVICES_MAX, READ_MAX = EW_SITE_FILE_MAX };

static const char *const kept_flags[] = {"default_hold", "default_forced"};

static enum ew_err read_tree(const char *folder, const char *name, cJSON **ret, struct ew_reason *reason)
{
    char path[PATH_MAX];
    struct ew_buf text;
    *ret = NULL;
    ew_path(path, folder, name);
    ew_buf_init(&text, READ_MAX);
    enum ew_err err = ew_file_read(path, READ_MAX, &text, reason);
    if (err == EW_OK)
        err = ew_json_parse(ew_buf_text(&text), text.len, READ_MAX, ret, reason);
    ew_buf_done(&text);
    return err;
}

static const cJSON *of(const cJSON *object, const char *key)
{
    return cJSON_GetObjectItemCaseSensitive(object, key);
}

static int64_t number_of(const cJSON *object, const char *key, int64_t without)
{
    const cJSON *node = of(object, key);
    return cJSON_IsNumber(node) ? (int64_t)node->valuedouble : without;
}

enum ew_err backup_memory_check(const char *folder, struct ew_reason *reason)
{
    cJSON *tree = NULL;
    enum ew_err err = read_tree(folder, BACKUP_MEMORY, &tree, reason);
    int64_t version = number_of(tree, "version", 0);
    bool good =
        cJSON_IsArray(of(tree, "stations")) && cJSON_GetArraySize(of(tree, "stations")) <= STATIONS_MAX;
    cJSON_Delete(tree);
    if (err == EW_OK && version > VERSION)
        return ew_fail(reason, EW_E_UNSUPPORTED, "backup.newer", BACKUP_MEMORY,
                       "the backup was made by a newer version");
    if (err == EW_OK && version >= 1 && good)
        return EW_OK;
    (void)ew_fail(reason, EW_E_INVALID, "backup.damaged", BACKUP_MEMORY,
                  "the backup is damaged: what charging remembers can't be read");
    ew_reason_param(reason, "file", "%s", BACKUP_MEMORY);
    return EW_E_INVALID;
}

// ---- Out of the moment -----------------------------------------------------------------------------------

static void write_station(struct ew_jw *w, const cJSON *station)
{
    static const char *const ages[] = {"conn_age_ms", "wait_age_ms", "stop_age_ms", "red_age_ms"};
    static const char *const nothing[] = {"level", "limit_ma", "plug_seq", "charge_ma_ms"};
    static const char *const choices[] = {"priority", "hold", "forced"};
    static const char *const more_keys[] = {"rated_ma", "cap_ma"};
    const cJSON *more = of(station, "more");
    ew_jw_open_object(w, NULL);
    ew_jw_int(w, "id", number_of(station, "id", 0));
    ew_jw_text(w, "state", "free");
    for (size_t i = 0; i < sizeof(nothing) / sizeof(nothing[0]); i++)
        ew_jw_int(w, nothing[i], 0);
    for (size_t i = 0; i < sizeof(ages) / sizeof(ages[0]); i++)
        ew_jw_int(w, ages[i], -1);
    ew_jw_bool(w, "made_room", false);
    for (size_t i = 0; i < sizeof(kept_flags) / sizeof(kept_flags[0]); i++)
        ew_jw_bool(w, kept_flags[i], cJSON_IsTrue(of(station, kept_flags[i])));
    for (size_t i = 0; i < sizeof(choices) / sizeof(choices[0]); i++)
        ew_jw_text(w, choices[i], "default");
    ew_jw_open_object(w, "more");
    for (size_t i = 0; i < sizeof(more_keys) / sizeof(more_keys[0]); i++)
        if (cJSON_IsNumber(of(more, more_keys[i])))
            ew_jw_int(w, more_keys[i], number_of(more, more_keys[i], 0));
    ew_jw_close_object(w);
    ew_jw_close_object(w);
}

static void write_lasting(const cJSON *tree, const char *made, struct ew_buf *out)
{
    struct ew_jw w;
    const cJSON *station;
    ew_jw_init(&w, out);
    ew_jw_open_object(&w, NULL);
    ew_jw_int(&w, "version", VERSION);
    ew_jw_text(&w, "boot", "backup");
    ew_jw_int(&w, "up_ms", 0);
    ew_jw_text(&w, "at", made);
    ew_jw_bool(&w, "ever_on", cJSON_IsTrue(of(tree, "ever_on")));
    ew_jw_int(&w, "lost", 0);
    ew_jw_open_array(&w, "stations");
    cJSON_ArrayForEach(station, of(tree, "stations"))
    {
        write_station(&w, station);
    }
    ew_jw_close_array(&w);
    ew_jw_close_object(&w);
}

enum ew_err backup_memory_copy(const char *data_dir, const char *folder, const char *made, bool *ret_any,
                               struct ew_reason *reason)
{
    char path[PATH_MAX];
    cJSON *tree = NULL;
    struct ew_buf text;
    *ret_any = false;
    enum ew_err err = read_tree(data_dir, BACKUP_MEMORY, &tree, reason);
    // None yet, or one that the controller can't read either: nothing is remembered.
    if (err == EW_E_UNKNOWN || err == EW_E_INVALID ||
        (err == EW_OK && number_of(tree, "version", 0) != VERSION)) {
        cJSON_Delete(tree);
        return EW_OK;
    }
    if (err != EW_OK)
        return err;
    ew_buf_init(&text, BACKUP_MEMORY_MAX);
    write_lasting(tree, made, &text);
    ew_path(path, folder, BACKUP_MEMORY);
    err = ew_file_write(path, ew_buf_text(&text), text.len, 0600, reason);
    *ret_any = err == EW_OK;
    ew_buf_done(&text);
    cJSON_Delete(tree);
    return err;
}

// ---- Into the moment of this machine ---------------------------------------------------------------------

bool backup_same_site(const char *a_dir, const char *b_dir)
{
    cJSON *a = NULL, *b = NULL;
    bool read =
        read_tree(a_dir, "site.json", &a, NULL) == EW_OK && read_tree(b_dir, "site.json", &b, NULL) == EW_OK;
    const char *a_id = cJSON_GetStringValue(of(of(a, "site"), "id"));
    const char *b_id = cJSON_GetStringValue(of(of(b, "site"), "id"));
    bool same = read && a_id && b_id && strcmp(a_id, b_id) == 0;
    cJSON_Delete(a);
    cJSON_Delete(b);
    return same;
}

static void put(cJSON *object, const char *key, const cJSON *value)
{
    cJSON *copy = value ? cJSON_Duplicate(value, true) : NULL;
    cJSON_DeleteItemFromObjectCaseSensitive(object, key);
    if (value && (!copy || !cJSON_AddItemToObject(object, key, copy)))
        abort();
}

static const cJSON *station_of(const cJSON *tree, int64_t id)
{
    const cJSON *station;
    cJSON_ArrayForEach(station, of(tree, "stations"))
    {
        if (number_of(station, "id", 0) == id)
            return station;
    }
    return NULL;
}

// Of a station known to both: the moment of here, the rest of the backup.
static void take_moment(cJSON *station, const cJSON *here)
{
    cJSON *merged = cJSON_Duplicate(here, true);
    if (!merged)
        abort();
    for (size_t i = 0; i < sizeof(kept_flags) / sizeof(kept_flags[0]); i++)
        put(merged, kept_flags[i], of(station, kept_flags[i]));
    cJSON *more = cJSON_GetObjectItemCaseSensitive(merged, "more");
    if (!more)
        put(merged, "more", of(station, "more"));
    else
        put(more, "cap_ma", of(of(station, "more"), "cap_ma"));
    const cJSON *field;
    cJSON_ArrayForEach(field, merged)
    {
        put(station, field->string, field);
    }
    cJSON_Delete(merged);
}

static void merge(cJSON *tree, const cJSON *here)
{
    static const char *const moment[] = {"boot", "up_ms", "at", "lost"};
    cJSON *station;
    for (size_t i = 0; i < sizeof(moment) / sizeof(moment[0]); i++)
        put(tree, moment[i], of(here, moment[i]));
    if (cJSON_IsTrue(of(here, "ever_on")))
        put(tree, "ever_on", of(here, "ever_on"));
    cJSON_ArrayForEach(station, of(tree, "stations"))
    {
        const cJSON *found = station_of(here, number_of(station, "id", 0));
        if (found)
            take_moment(station, found);
    }
}

enum ew_err backup_memory_merge(const char *from, const char *data_dir, struct ew_reason *reason)
{
    char path[PATH_MAX];
    cJSON *tree = NULL, *here = NULL;
    struct ew_buf text;
    struct ew_jw w;
    ew_path(path, from, BACKUP_MEMORY);
    if (!ew_file_exists(path) || !backup_same_site(from, data_dir) ||
        read_tree(data_dir, BACKUP_MEMORY, &here, NULL) != EW_OK ||
        number_of(here, "version", 0) != VERSION) {
        cJSON_Delete(here);
        return EW_OK;
    }
    enum ew_err err = read_tree(from, BACKUP_MEMORY, &tree, reason);
    ew_buf_init(&text, BACKUP_MEMORY_MAX);
    if (err == EW_OK) {
        merge(tree, here);
        ew_jw_init(&w, &text);
        ew_jw_tree(&w, NULL, tree);
        err = ew_file_write(path, ew_buf_text(&text), text.len, 0600, reason);
    }
    ew_buf_done(&text);
    cJSON_Delete(tree);
    cJSON_Delete(here);
    return err;
}
