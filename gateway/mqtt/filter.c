#include "mqtt/mq.h"

#include <string.h>

bool mq_filter_matches(const char *filter, const char *topic)
{
    if (*filter == 0 || *topic == 0)
        return false;
    if (*topic == '$' && *filter != '$')
        return false; // 4.7.2: wildcards at the front do not reach $-topics
    for (;;) {
        if (filter[0] == '#')
            return filter[1] == 0;
        if (filter[0] == '+') {
            if (filter[1] != 0 && filter[1] != '/')
                return false; // 4.7.1.3: + fills a level alone
            filter++;
            topic += strcspn(topic, "/");
        } else {
            size_t len = strcspn(filter, "/");
            if (memchr(filter, '#', len) || memchr(filter, '+', len) || strcspn(topic, "/") != len ||
                memcmp(filter, topic, len) != 0)
                return false;
            filter += len;
            topic += len;
        }
        if (*filter == 0)
            return *topic == 0;
        filter++; // the slash
        if (*topic == 0)
            return strcmp(filter, "#") == 0; // 4.7.1.2: "a/#" matches "a"
        topic++;
    }
}
