// Retained objects: config/<kind>/<id>, config/settings/<name>, config/profile/<id>. Everything at each
// connect, then what changed; what stands there and does not exist any more is cleared.
#include "base/clock.h"
#include "base/log.h"
#include "config/config_priv.h"
#include "config/session_calls.h"
#include "core/topic/topic.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { REVS_MAX = 4096, AUDIT_ITEMS_MAX = 50 };

// ---- Revisions of objects --------------------------------------------------------------------------------

static int64_t rev_of(const struct config *config, const char *topic)
{
    for (int i = 0; i < config->rev_count; i++)
        if (strcmp(config->revs[i].topic, topic) == 0)
            return config->revs[i].rev;
    return config->first_rev;
}

static void note_rev(struct config *config, const char *topic)
{
    int at = 0;
    while (at < config->rev_count && strcmp(config->revs[at].topic, topic) != 0)
        at++;
    if (at == REVS_MAX) {
        // So much has changed that the revision of a single object says little: all of them get this one.
        config->rev_count = at = 0;
        config->first_rev = config->store.rev;
    }
    if (at == config->rev_count) {
        config->revs = reallocarray(config->revs, (size_t)at + 1, sizeof(*config->revs));
        if (!config->revs)
            abort();
        config->rev_count++;
        ew_copy(config->revs[at].topic, sizeof(config->revs[at].topic), topic);
    }
    config->revs[at].rev = config->store.rev;
}

// ---- Objects ---------------------------------------------------------------------------------------------

// BUS-03, DEV-01: who left out the name gets the address.
static void add_default_name(const char *what, const cJSON *node, struct ew_jw *w)
{
    struct site_bus bus;
    struct site_device device;
    if (cJSON_GetObjectItemCaseSensitive(node, "name"))
        return;
    if (strcmp(what, "bus") == 0 && site_bus_read(node, "", &bus, NULL) == EW_OK)
        ew_jw_text(w, "name", bus.name);
    if (strcmp(what, "device") == 0 && site_device_read(node, "", &device, NULL) == EW_OK)
        ew_jw_text(w, "name", device.name);
}

static void retain(struct config *config, const char *topic, struct ew_buf *payload)
{
    enum ew_err err = mq_retain(config->service->mq, topic, payload);
    if (err != EW_OK && err != EW_E_CLOSED) // closed: everything is published at the next connect
        ew_error("publish", "%s was not published: %s", topic, ew_err_sentence(err));
}

static void publish_object(struct config *config, const char *what, int64_t id, int order, const cJSON *node)
{
    char text[24];
    topic_text topic;
    struct ew_buf payload;
    struct ew_jw w;
    (void)ew_format(text, sizeof(text), "%lld", (long long)id);
    topic_config(topic, id ? what : "settings", id ? text : what);
    ew_buf_init(&payload, EW_MQTT_PAYLOAD_MAX);
    ew_jw_init(&w, &payload);
    ew_jw_open_object(&w, NULL);
    for (const cJSON *member = node->child; member; member = member->next)
        if (strcmp(member->string, "rev") != 0 && strcmp(member->string, "order") != 0)
            ew_jw_tree(&w, member->string, member);
    add_default_name(what, node, &w);
    if (strcmp(what, "cost_rule") == 0)
        ew_jw_int(&w, "order", order);
    // The site's own settings tell the newest revision: a save names what it saw.
    ew_jw_int(&w, "rev", strcmp(what, "site") == 0 ? config->store.rev : rev_of(config, topic));
    ew_jw_close_object(&w);
    retain(config, topic, &payload);
    ew_buf_done(&payload);
}

static void clear_object(struct config *config, const char *what, int64_t id)
{
    char text[24];
    topic_text topic;
    (void)ew_format(text, sizeof(text), "%lld", (long long)id);
    topic_config(topic, id ? what : "settings", id ? text : what);
    (void)mq_clear(config->service->mq, topic);
}

static void publish_item(struct config *config, const struct site_diff_item *item)
{
    if (item->after)
        publish_object(config, item->what, item->id, item->order, item->after);
    else
        clear_object(config, item->what, item->id);
}

// ---- Profiles --------------------------------------------------------------------------------------------

static bool site_uses(const cJSON *site, const char *profile)
{
    const cJSON *device, *part;
    cJSON_ArrayForEach(device, cJSON_GetObjectItemCaseSensitive(site, "devices"))
    {
        const char *id = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(device, "profile"));
        if (id && strcmp(id, profile) == 0)
            return true;
        cJSON_ArrayForEach(part, cJSON_GetObjectItemCaseSensitive(device, "parts"))
        {
            id = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(part, "profile"));
            if (id && strcmp(id, profile) == 0)
                return true;
        }
    }
    return false;
}

// id: as devices name it, which may be an alias.
static void publish_profile(struct config *config, const char *id, const struct profile *profile)
{
    topic_text topic;
    struct ew_buf payload;
    struct ew_jw w;
    topic_config(topic, "profile", id);
    ew_buf_init(&payload, EW_MQTT_PAYLOAD_MAX);
    ew_jw_init(&w, &payload);
    ew_jw_open_object(&w, NULL);
    ew_jw_text(&w, "id", id);
    ew_jw_text(&w, "family", profile->family);
    ew_jw_text(&w, "model", profile->model);
    ew_jw_text(&w, "confidence", profile_confidence_name(profile->confidence));
    ew_jw_text(&w, "kind", profile_kind_name(profile->kind));
    ew_jw_text(&w, "service", profile_service_name(profile->service));
    ew_jw_open_array(&w, "quantities");
    // What only serves to read others (scales, signs) is no quantity of the vocabulary.
    const char *unit;
    for (int i = 0; i < profile->register_count; i++)
        if (profile_quantity_known(profile->registers[i].quantity, &unit))
            ew_jw_text(&w, NULL, profile->registers[i].quantity);
    for (int i = 0; i < profile->offer_count; i++)
        ew_jw_text(&w, NULL, profile->offers[i]);
    ew_jw_close_array(&w);
    ew_jw_open_array(&w, "commands");
    for (int i = 0; i < profile->command_count; i++)
        ew_jw_text(&w, NULL, profile->commands[i].name);
    ew_jw_close_array(&w);
    ew_jw_bool(&w, "table", profile->register_count > 0);
    char digest[20];
    (void)ew_format(digest, sizeof(digest), "%016llx",
                    (unsigned long long)library_digest(config->library, profile->id));
    ew_jw_text(&w, "digest", digest);
    ew_jw_int(&w, "rev", rev_of(config, topic));
    ew_jw_close_object(&w);
    retain(config, topic, &payload);
    ew_buf_done(&payload);
}

static void publish_used_profiles(struct config *config)
{
    for (int i = 0; i < library_count(config->library); i++) {
        const struct library_entry *entry = library_at(config->library, i);
        if (site_uses(config->store.tree, entry->profile.id))
            publish_profile(config, entry->profile.id, &entry->profile);
        for (int k = 0; k < entry->alias_count; k++)
            if (site_uses(config->store.tree, entry->aliases[k]))
                publish_profile(config, entry->aliases[k], &entry->profile);
    }
}

// After a change: profiles that came or went with it.
static void publish_profile_changes(struct config *config, const cJSON *before)
{
    for (int i = 0; i < library_count(config->library); i++) {
        const struct library_entry *entry = library_at(config->library, i);
        for (int k = -1; k < entry->alias_count; k++) {
            const char *id = k < 0 ? entry->profile.id : entry->aliases[k];
            bool was = site_uses(before, id), is = site_uses(config->store.tree, id);
            topic_text topic;
            topic_config(topic, "profile", id);
            if (is && !was) {
                note_rev(config, topic);
                publish_profile(config, id, &entry->profile);
            } else if (was && !is) {
                (void)mq_clear(config->service->mq, topic);
            }
        }
    }
}

// ---- Everything, and leftovers ---------------------------------------------------------------------------

static bool object_exists(const cJSON *site, const char *kind, const char *id)
{
    enum site_kind known;
    int64_t number;
    const cJSON *child;
    if (strcmp(kind, "settings") == 0)
        return site_singleton_known(id) && cJSON_GetObjectItemCaseSensitive(site, id);
    if (strcmp(kind, "profile") == 0)
        return site_uses(site, id);
    if (!site_kind_find(kind, &known) || !topic_parse_id(id, strlen(id), &number))
        return false;
    cJSON_ArrayForEach(child, cJSON_GetObjectItemCaseSensitive(site, site_kind_list(known)))
    {
        const cJSON *its = cJSON_GetObjectItemCaseSensitive(child, "id");
        if (cJSON_IsNumber(its) && (int64_t)its->valuedouble == number)
            return true;
    }
    return false;
}

// Kept on the side too: a site file put back from an old copy must not bring ids back.
static void keep_next_id(struct config *config)
{
    int64_t next_id = site_next_id(config->store.tree);
    if (next_id > config->accounts->next_id) {
        config->accounts->next_id = next_id;
        login_save(config);
    }
}

// What an earlier run left in the broker comes to us as retained messages when we subscribe.
static void on_config_topic(void *user, const struct mq_message *message, int64_t now_ms)
{
    (void)now_ms;
    struct config *config = user;
    char kind[32];
    const char *rest = message->topic + strlen("config/");
    size_t len = strcspn(rest, "/");
    if (!message->retained || !message->payload_len)
        return;
    (void)ew_format(kind, sizeof(kind), "%.*s", (int)len, rest);
    if (len < sizeof(kind) && rest[len] == '/' && object_exists(config->store.tree, kind, rest + len + 1))
        return;
    ew_info("publish", "cleared a leftover topic=%s", message->topic);
    (void)mq_clear(config->service->mq, message->topic);
}

// History knows ids that no site file tells any more: none of them is given again.
static void on_recorder(void *user, const struct mq_message *message, int64_t now_ms)
{
    (void)now_ms;
    struct config *config = user;
    cJSON *tree = NULL;
    if (ew_json_parse(message->payload, message->payload_len, EW_MQTT_PAYLOAD_MAX, &tree, NULL) != EW_OK)
        return;
    const cJSON *highest = cJSON_GetObjectItemCaseSensitive(tree, "highest_id");
    if (cJSON_IsNumber(highest) && highest->valuedouble >= 1 && highest->valuedouble < SITE_ID_MAX) {
        site_store_raise_next_id(&config->store, (int64_t)highest->valuedouble + 1);
        keep_next_id(config);
    }
    cJSON_Delete(tree);
}

void publish_start(struct config *config)
{
    config->first_rev = config->store.rev;
    mq_subscribe(config->service->mq, "config/#", 1, on_config_topic, config);
    mq_subscribe(config->service->mq, "service/recorder/status", 1, on_recorder, config);
}

void publish_all(struct config *config)
{
    struct site_diff diff;
    site_diff_make(NULL, config->store.tree, &diff);
    publish_used_profiles(config);
    for (int i = 0; i < diff.count; i++)
        publish_item(config, &diff.items[i]);
    site_diff_done(&diff);
}

void publish_diff(struct config *config, const struct site_diff *diff)
{
    bool site_said = false;
    for (int i = 0; i < diff->count; i++) {
        topic_text topic;
        char text[24];
        (void)ew_format(text, sizeof(text), "%lld", (long long)diff->items[i].id);
        topic_config(topic, diff->items[i].id ? diff->items[i].what : "settings",
                     diff->items[i].id ? text : diff->items[i].what);
        note_rev(config, topic);
        publish_item(config, &diff->items[i]);
        site_said = site_said || strcmp(diff->items[i].what, "site") == 0;
    }
    if (!site_said)
        publish_object(config, "site", 0, 0, cJSON_GetObjectItemCaseSensitive(config->store.tree, "site"));
}

void config_changed(struct config *config, const cJSON *before, const char *account, const char *user,
                    const char *what)
{
    struct site_diff diff;
    char sentence[512];
    site_diff_make(before, config->store.tree, &diff);
    session_review_rights(config);
    publish_profile_changes(config, before);
    publish_diff(config, &diff);
    ew_service_publish_status(config->service); // pages read the revision there that their next save names
    publish_audit(config, account, user, what, &diff);
    site_diff_sentence(&diff, sentence, sizeof(sentence));
    ew_notice("site", "revision %lld by %s (%s): %s", (long long)config->store.rev, user[0] ? user : account,
              what, sentence);
    site_diff_done(&diff);
    keep_next_id(config);
}

// ---- Journal ---------------------------------------------------------------------------------------------

static void audit_begin(const struct config *config, const char *account, const char *user, const char *what,
                        struct ew_buf *payload, struct ew_jw *w)
{
    ew_buf_init(payload, EW_MQTT_PAYLOAD_MAX);
    ew_jw_init(w, payload);
    ew_jw_open_object(w, NULL);
    ew_jw_rfc3339(w, "ts", ew_clock_wall_ms());
    ew_jw_int(w, "up_ms", ew_clock_up_ms());
    ew_jw_text(w, "account", account);
    if (user[0])
        ew_jw_text(w, "user", user);
    ew_jw_text(w, "what", what);
    ew_jw_int(w, "rev", config->store.rev);
}

static void audit_send(struct config *config, struct ew_buf *payload, struct ew_jw *w)
{
    ew_jw_close_object(w);
    if (!payload->full)
        (void)mq_publish(config->service->mq, "audit/event", payload->data, payload->len,
                         (struct mq_publish_options){.qos = 1});
    ew_buf_done(payload);
}

void publish_audit(struct config *config, const char *account, const char *user, const char *what,
                   const struct site_diff *diff)
{
    struct ew_buf payload;
    struct ew_jw w;
    audit_begin(config, account, user, what, &payload, &w);
    if (diff) {
        ew_jw_int(&w, "count", diff->count);
        site_diff_write(diff, AUDIT_ITEMS_MAX, &w, "changes");
    }
    audit_send(config, &payload, &w);
}

static void write_or_null(struct ew_jw *w, const char *key, const cJSON *tree)
{
    if (tree)
        ew_jw_tree(w, key, tree);
    else
        ew_jw_null(w, key);
}

void publish_audit_object(struct config *config, const char *account, const char *user, const char *what,
                          const char *kind, int id, const cJSON *old, const cJSON *now)
{
    struct ew_buf payload;
    struct ew_jw w;
    audit_begin(config, account, user, what, &payload, &w);
    ew_jw_int(&w, "count", 1);
    ew_jw_open_array(&w, "changes");
    ew_jw_open_object(&w, NULL);
    ew_jw_text(&w, "kind", kind);
    ew_jw_int(&w, "id", id);
    write_or_null(&w, "old", old);
    write_or_null(&w, "new", now);
    ew_jw_close_object(&w);
    ew_jw_close_array(&w);
    audit_send(config, &payload, &w);
}

void publish_alarm(struct config *config, const struct ew_reason *reason, bool active)
{
    struct ew_buf payload;
    struct ew_jw w;
    ew_buf_init(&payload, 4096);
    ew_jw_init(&w, &payload);
    ew_jw_open_object(&w, NULL);
    ew_jw_rfc3339(&w, "ts", ew_clock_wall_ms());
    ew_jw_int(&w, "up_ms", ew_clock_up_ms());
    ew_jw_text(&w, "source", "config");
    ew_jw_bool(&w, "active", active);
    ew_jw_reason(&w, "reason", reason);
    ew_jw_close_object(&w);
    (void)mq_publish(config->service->mq, "alarm/event", payload.data, payload.len,
                     (struct mq_publish_options){.qos = 1});
    ew_buf_done(&payload);
}
