#include "core/topic/topic.h"

#include "base/buf.h"
#include <assert.h>
#include <limits.h>
#include <string.h>

// Names come from our own tables and from checked site files, so a topic that does not fit is a caller's bug.
static void must(enum ew_err err)
{
    assert(err == EW_OK);
    (void)err;
}

void topic_service_status(topic_text dst, const char *service)
{
    must(ew_format(dst, EW_TOPIC_MAX, "service/%s/status", service));
}

void topic_config(topic_text dst, const char *kind, const char *id)
{
    must(ew_format(dst, EW_TOPIC_MAX, "config/%s/%s", kind, id));
}

void topic_bus_status(topic_text dst, int64_t bus_id)
{
    must(ew_format(dst, EW_TOPIC_MAX, "bus/%lld/status", (long long)bus_id));
}

void topic_bus_scan(topic_text dst, int64_t bus_id)
{
    must(ew_format(dst, EW_TOPIC_MAX, "bus/%lld/scan", (long long)bus_id));
}

void topic_device(topic_text dst, int64_t device_id, const char *leaf)
{
    must(ew_format(dst, EW_TOPIC_MAX, "device/%lld/%s", (long long)device_id, leaf));
}

void topic_device_measures(topic_text dst, int64_t device_id, const char *group)
{
    must(ew_format(dst, EW_TOPIC_MAX, "device/%lld/measures/%s", (long long)device_id, group));
}

bool topic_parse_id(const char *text, size_t len, int64_t *ret_id)
{
    if (len == 0 || len > 10 || text[0] == '0')
        return false;
    int64_t id = 0;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        id = id * 10 + (text[i] - '0');
    }
    if (id > INT_MAX)
        return false;
    *ret_id = id;
    return true;
}

bool topic_split(const char *topic, const char *kind, int64_t *ret_id, const char **ret_rest)
{
    size_t kind_len = strlen(kind);
    if (strncmp(topic, kind, kind_len) != 0 || topic[kind_len] != '/')
        return false;
    const char *id = topic + kind_len + 1;
    const char *slash = strchr(id, '/');
    if (!slash || !topic_parse_id(id, (size_t)(slash - id), ret_id))
        return false;
    *ret_rest = slash + 1;
    return true;
}
