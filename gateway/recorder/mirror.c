#include "recorder/mirror.h"

#include "base/limits.h"
#include "base/log.h"
#include <stdlib.h>
#include <string.h>

struct mirror {
    cJSON *kinds; // kind -> id -> object
    unsigned turn;
};

static cJSON *child(cJSON *parent, const char *key)
{
    cJSON *found = cJSON_GetObjectItemCaseSensitive(parent, key);
    if (!found && !(found = cJSON_AddObjectToObject(parent, key)))
        abort();
    return found;
}

static void on_config(void *user, const struct mq_message *m, int64_t now_ms)
{
    (void)now_ms;
    struct mirror *mirror = user;
    char kind[32];
    const char *name = m->topic + strlen("config/"), *slash = strchr(name, '/');
    if (!slash || slash == name || (size_t)(slash - name) >= sizeof(kind) || !slash[1])
        return;
    memcpy(kind, name, (size_t)(slash - name));
    kind[slash - name] = 0;
    cJSON *tree = NULL;
    struct ew_reason reason;
    if (m->payload_len &&
        ew_json_parse(m->payload, m->payload_len, EW_MQTT_PAYLOAD_MAX, &tree, &reason) != EW_OK) {
        ew_warning("mirror", "%s: %s, ignoring", m->topic, reason.text);
        return;
    }
    cJSON *objects = child(mirror->kinds, kind);
    cJSON_DeleteItemFromObjectCaseSensitive(objects, slash + 1);
    if (tree && !cJSON_AddItemToObject(objects, slash + 1, tree))
        abort();
    mirror->turn++;
}

struct mirror *mirror_new(struct ew_service *service)
{
    struct mirror *mirror = calloc(1, sizeof(*mirror));
    if (!mirror || !(mirror->kinds = cJSON_CreateObject()))
        abort();
    mq_subscribe(service->mq, "config/#", 1, on_config, mirror);
    return mirror;
}

void mirror_free(struct mirror *mirror)
{
    if (!mirror)
        return;
    cJSON_Delete(mirror->kinds);
    free(mirror);
}

cJSON *mirror_copy(const struct mirror *mirror)
{
    cJSON *copy = cJSON_CreateObject();
    const cJSON *kind, *object;
    if (!copy)
        abort();
    cJSON_ArrayForEach(kind, mirror->kinds)
    {
        bool settings = strcmp(kind->string, "settings") == 0;
        cJSON *list = settings ? cJSON_AddObjectToObject(copy, kind->string)
                               : cJSON_AddArrayToObject(copy, kind->string);
        cJSON_ArrayForEach(object, kind)
        {
            cJSON *twin = cJSON_Duplicate(object, true);
            if (!list || !twin ||
                !(settings ? cJSON_AddItemToObject(list, object->string, twin)
                           : cJSON_AddItemToArray(list, twin)))
                abort();
        }
    }
    return copy;
}

const cJSON *mirror_settings(const struct mirror *mirror, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItemCaseSensitive(mirror->kinds, "settings"),
                                            name);
}

unsigned mirror_turn(const struct mirror *mirror)
{
    return mirror->turn;
}
