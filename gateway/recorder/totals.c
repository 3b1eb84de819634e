#include "recorder/totals.h"

#include "base/clock.h"
#include "base/log.h"
#include "core/topic/topic.h"
#include <stdlib.h>
#include <string.h>

struct totals {
    struct ew_service *service;
    const struct sampler *sampler;
    int64_t published_s; // the slot that was told
};

// ---- Leftovers -------------------------------------------------------------------------------------------

static bool exists(const struct sampler *sampler, const char *kind, size_t kind_len, int64_t id)
{
    struct sampler_total total;
    for (int i = 0; sampler_total_at(sampler, i, &total); i++) {
        const char *name = sampler_total_name(total.kind);
        if (total.id == id && strlen(name) == kind_len && memcmp(name, kind, kind_len) == 0)
            return true;
    }
    return false;
}

// What another history left in the broker.
static void on_total(void *user, const struct mq_message *m, int64_t now_ms)
{
    (void)now_ms;
    struct totals *t = user;
    int64_t id;
    const char *kind = m->topic + strlen("total/"), *slash = strchr(kind, '/');
    if (!m->retained || !m->payload_len || !slash)
        return;
    if (topic_parse_id(slash + 1, strlen(slash + 1), &id) || strcmp(slash, "/0") == 0) {
        if (strcmp(slash, "/0") == 0)
            id = 0;
        if (exists(t->sampler, kind, (size_t)(slash - kind), id))
            return;
    }
    ew_info("recorder", "cleared a leftover topic=%s", m->topic);
    (void)mq_clear(t->service->mq, m->topic);
}

struct totals *totals_new(struct ew_service *service, const struct sampler *sampler)
{
    struct totals *t = calloc(1, sizeof(*t));
    if (!t)
        abort();
    t->service = service;
    t->sampler = sampler;
    mq_subscribe(service->mq, "total/+/+", 1, on_total, t);
    return t;
}

void totals_free(struct totals *t)
{
    free(t);
}

// ---- Publishing ------------------------------------------------------------------------------------------

static const char *value_name(enum site_service service)
{
    return service == SITE_ELECTRICITY ? history_service_quantity(service) : history_service_name(service);
}

static void publish(struct totals *t, enum sampler_total_kind kind, int64_t id)
{
    struct sampler_total total;
    struct ew_buf json;
    struct ew_jw w;
    char topic[EW_TOPIC_MAX];
    if (ew_format(topic, sizeof(topic), "total/%s/%lld", sampler_total_name(kind), (long long)id) != EW_OK)
        return;
    ew_buf_init(&json, 1024);
    ew_jw_init(&w, &json);
    ew_jw_open_object(&w, NULL);
    ew_jw_rfc3339(&w, "ts", sampler_last_s(t->sampler) * 1000);
    ew_jw_int(&w, "up_ms", ew_clock_up_ms());
    ew_jw_open_object(&w, "values");
    for (int i = 0; sampler_total_at(t->sampler, i, &total); i++)
        if (total.kind == kind && total.id == id)
            ew_jw_number(&w, value_name(total.service), (double)total.value_th / 1000);
    ew_jw_close_object(&w);
    ew_jw_close_object(&w);
    enum ew_err err = mq_retain(t->service->mq, topic, &json);
    if (err != EW_OK && err != EW_E_CLOSED) // closed: all are published at the next connect
        ew_warning("recorder", "%s was not published: %s", topic, ew_err_sentence(err));
    ew_buf_done(&json);
}

// A kind and id may have a total of each service; it is published where its first stands.
static bool stands_before(const struct totals *t, const struct sampler_total *total, int index)
{
    struct sampler_total other;
    for (int i = 0; i < index && sampler_total_at(t->sampler, i, &other); i++)
        if (other.kind == total->kind && other.id == total->id)
            return true;
    return false;
}

void totals_publish_all(struct totals *t)
{
    struct sampler_total total;
    for (int i = 0; sampler_total_at(t->sampler, i, &total); i++)
        if (!stands_before(t, &total, i))
            publish(t, total.kind, total.id);
    t->published_s = sampler_last_s(t->sampler);
}

void totals_publish_new(struct totals *t)
{
    if (sampler_last_s(t->sampler) != t->published_s)
        totals_publish_all(t);
}
