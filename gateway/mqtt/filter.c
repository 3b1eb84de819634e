#include "mqtt/mq.h"

#include <string.h>

// One level of the filter against one of the topic; lengths without the slash.
static bool level_matches(const char *filter, size_t filter_len, const char *topic, size_t topic_len)
{
    if (filter_len == 1 && *filter == '+')
        return true; // 4.7.1.3: + fills a level alone
    if (memchr(filter, '#', filter_len) || memchr(filter, '+', filter_len))
        return false;
    return filter_len == topic_len && memcmp(filter, topic, topic_len) == 0;
}

bool mq_filter_matches(const char *filter, const char *topic)
{
    if (*filter == 0 || *topic == 0)
        return false;
    if (*topic == '$' && *filter != '$')
        return false; // 4.7.2: wildcards at the front do not reach $-topics
    while (strcmp(filter, "#") != 0) {
        size_t filter_len = strcspn(filter, "/"), topic_len = strcspn(topic, "/");
        if (!level_matches(filter, filter_len, topic, topic_len))
            return false;
        filter += filter_len;
        topic += topic_len;
        if (*filter == 0)
            return *topic == 0;
        filter++; // the slash
        if (*topic == 0)
            return strcmp(filter, "#") == 0; // 4.7.1.2: "a/#" matches "a"
        topic++;
    }
    return true;
}
