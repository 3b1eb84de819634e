#include "core/access/access.h"

#include <string.h>

static const char *const page_names[ACCESS_PAGE_COUNT] = {"server",  "system", "installation", "consumption",
                                                          "reports", "alarms", "greenup"};

const struct access_default_user access_default_users[ACCESS_DEFAULT_USERS] = {
    {"administrator", "99999", "00000999900000", ACCESS_ALL_PAGES & ~ACCESS_GREENUP},
    {"greenUp", "88888", "00000888800000", ACCESS_ALL_PAGES},
    {"installer", "55555", "00000555500000",
     ACCESS_SYSTEM | ACCESS_INSTALLATION | ACCESS_CONSUMPTION | ACCESS_ALARMS},
    {"user", "11111", "00000111100000", ACCESS_CONSUMPTION | ACCESS_ALARMS},
};

const char *access_page_name(int index)
{
    return page_names[index];
}

enum ew_err access_pages_read(const cJSON *list, const char *path, unsigned *ret_pages,
                              struct ew_reason *reason)
{
    unsigned pages = 0;
    if (!cJSON_IsArray(list))
        return ew_fail(reason, EW_E_INVALID, "json.type", path, "must be a list of pages");
    for (const cJSON *child = list->child; child; child = child->next) {
        unsigned bit = 0;
        for (int i = 0; cJSON_IsString(child) && i < ACCESS_PAGE_COUNT; i++)
            if (strcmp(page_names[i], child->valuestring) == 0)
                bit = 1u << i;
        if (!bit)
            return ew_fail(reason, EW_E_INVALID, "access.page", path, "\"%s\" is not a page",
                           cJSON_IsString(child) ? child->valuestring : "");
        if (pages & bit)
            return ew_fail(reason, EW_E_INVALID, "json.twice", path, "\"%s\" stands twice",
                           child->valuestring);
        pages |= bit;
    }
    *ret_pages = pages;
    return EW_OK;
}

// ---- Topics ----------------------------------------------------------------------------------------------

struct collector {
    const char *base, *account;
    const struct access_devices *devices;
    const char *path; // in the file, for reasons
    bool display;
    struct access_list *list;
    struct ew_reason *reason;
};

// Wildcards stand alone in their level, # only at the end, no level is empty (MQTT 5, 4.7.1).
static bool filter_formed(const char *filter)
{
    for (const char *level = filter;; level = strchr(level, '/') + 1) {
        size_t len = strcspn(level, "/");
        if (len == 0 || (len > 1 && memchr(level, '+', len)) || (len > 1 && memchr(level, '#', len)))
            return false;
        if (level[0] == '#' && level[len])
            return false;
        if (!level[len])
            return true;
    }
}

static enum ew_err add(struct collector *c, enum access_right right, const char *filter)
{
    for (int i = 0; i < c->list->count; i++)
        if (c->list->topics[i].right == right && strcmp(c->list->topics[i].filter, filter) == 0)
            return EW_OK;
    if (c->list->count == ACCESS_TOPICS_MAX)
        return ew_fail(c->reason, EW_E_FULL, "access.full", c->path, "more than %d topics for one account",
                       ACCESS_TOPICS_MAX);
    struct access_topic *topic = &c->list->topics[c->list->count++];
    topic->right = right;
    ew_copy(topic->filter, sizeof(topic->filter), filter);
    return EW_OK;
}

// "/x" is x itself, everything else stands below the base; {account} is the account's name.
static enum ew_err spell(const struct collector *c, const char *text, char dst[EW_TOPIC_MAX])
{
    static const char hole[] = "{account}";
    const char *at = strstr(text, hole);
    char named[EW_TOPIC_MAX];
    enum ew_err err = at ? ew_format(named, sizeof(named), "%.*s%s%s", (int)(at - text), text, c->account,
                                     at + sizeof(hole) - 1)
                         : ew_format(named, sizeof(named), "%s", text);
    if (err == EW_OK)
        err = named[0] == '/' ? ew_format(dst, EW_TOPIC_MAX, "%s", named + 1)
                              : ew_format(dst, EW_TOPIC_MAX, "%s/%s", c->base, named);
    if (err != EW_OK || strpbrk(dst, "{}%") || !filter_formed(dst))
        return ew_fail(c->reason, EW_E_INVALID, "access.topic", c->path, "\"%s\" is not a topic", text);
    return EW_OK;
}

// A topic for each device that the hole in it means; none without such a hole.
static enum ew_err add_devices(struct collector *c, const char *text, bool *ret_had_hole)
{
    static const char *const holes[] = {"{commanded}", "{station}"};
    enum ew_err err = EW_OK;
    *ret_had_hole = false;
    for (int station = 0; station < 2; station++) {
        const char *at = strstr(text, holes[station]);
        *ret_had_hole = *ret_had_hole || at;
        for (int i = 0; at && c->devices && i < c->devices->count && err == EW_OK; i++) {
            const struct access_device *device = &c->devices->items[i];
            char named[EW_TOPIC_MAX], filter[EW_TOPIC_MAX];
            if (device->station != (station == 1))
                continue;
            err = ew_format(named, sizeof(named), "%.*s%lld%s", (int)(at - text), text, (long long)device->id,
                            at + strlen(holes[station]));
            if (err == EW_OK)
                err = spell(c, named, filter);
            if (err == EW_OK)
                err = add(c, ACCESS_PUBLISH, filter);
        }
    }
    return err;
}

static enum ew_err add_texts(struct collector *c, const cJSON *grant, const char *key)
{
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(grant, key);
    static const char looking[] = "call/{account}/recorder/";
    bool publish = strcmp(key, "publish") == 0;
    if (!cJSON_IsArray(list))
        return ew_fail(c->reason, EW_E_INVALID, "access.list", c->path, "needs a list \"%s\"", key);
    enum ew_err err = EW_OK;
    for (const cJSON *child = list->child; child && err == EW_OK; child = child->next) {
        char filter[EW_TOPIC_MAX];
        if (!cJSON_IsString(child))
            return ew_fail(c->reason, EW_E_INVALID, "json.type", c->path, "\"%s\" must hold topics", key);
        if (publish && c->display && strncmp(child->valuestring, looking, sizeof(looking) - 1) != 0)
            continue;
        bool had_hole = false;
        if (publish)
            err = add_devices(c, child->valuestring, &had_hole);
        if (had_hole || err != EW_OK)
            continue;
        err = spell(c, child->valuestring, filter);
        if (err == EW_OK)
            err = add(c, publish ? ACCESS_PUBLISH : ACCESS_SUBSCRIBE, filter);
        if (err == EW_OK && !publish)
            err = add(c, ACCESS_RECEIVE, filter);
    }
    return err;
}

static enum ew_err add_grant(struct collector *c, const cJSON *file, const char *name)
{
    const cJSON *grant = cJSON_GetObjectItemCaseSensitive(file, name);
    c->path = name;
    if (!cJSON_IsObject(grant))
        return ew_fail(c->reason, EW_E_UNKNOWN, "access.unknown", name, "there are no rights \"%s\"", name);
    enum ew_err err = add_texts(c, grant, "publish");
    return err == EW_OK ? add_texts(c, grant, "subscribe") : err;
}

enum ew_err access_service(const struct access_rights *rights, const char *service, struct access_list *ret,
                           struct ew_reason *reason)
{
    struct collector c = {rights->base, service, rights->devices, "", false, ret, reason};
    ret->count = 0;
    return add_grant(&c, rights->services, service);
}

enum ew_err access_session(const struct access_rights *rights, const char *account, unsigned pages,
                           bool display, struct access_list *ret, struct ew_reason *reason)
{
    struct collector c = {rights->base, account, rights->devices, "", display, ret, reason};
    ret->count = 0;
    enum ew_err err = add_grant(&c, rights->pages, "every");
    for (int i = 0; i < ACCESS_PAGE_COUNT && err == EW_OK; i++)
        if (pages & 1u << i)
            err = add_grant(&c, rights->pages, page_names[i]);
    return err;
}

enum ew_err access_integration(const struct access_rights *rights, const char *account, const char *role,
                               struct access_list *ret, struct ew_reason *reason)
{
    struct collector c = {rights->base, account, rights->devices, "", false, ret, reason};
    ret->count = 0;
    enum ew_err err = add_grant(&c, rights->integrations, role);
    const cJSON *grant = cJSON_GetObjectItemCaseSensitive(rights->integrations, role);
    const cJSON *extends = cJSON_GetObjectItemCaseSensitive(grant, "extends");
    if (err == EW_OK && cJSON_IsString(extends))
        err = add_grant(&c, rights->integrations, extends->valuestring);
    return err;
}

bool access_may_change(const struct access_rights *rights, unsigned pages, const char *what)
{
    for (int i = 0; i < ACCESS_PAGE_COUNT; i++) {
        const cJSON *grant = cJSON_GetObjectItemCaseSensitive(rights->pages, page_names[i]);
        const cJSON *list = cJSON_GetObjectItemCaseSensitive(grant, "change");
        if (!(pages & 1u << i) || !cJSON_IsArray(list))
            continue;
        for (const cJSON *child = list->child; child; child = child->next)
            if (cJSON_IsString(child) && strcmp(child->valuestring, what) == 0)
                return true;
    }
    return false;
}

// ---- Names and codes -------------------------------------------------------------------------------------

enum ew_err access_account_check(const struct access_rights *rights, const char *name,
                                 struct ew_reason *reason)
{
    size_t len = strlen(name);
    if (len == 0 || len >= ACCESS_ACCOUNT_MAX ||
        name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-")] || name[0] < 'a' || name[0] > 'z')
        return ew_fail(reason, EW_E_INVALID, "account.name", "",
                       "an account's name is 1 to %d of a-z 0-9 - _ and begins with a letter",
                       ACCESS_ACCOUNT_MAX - 1);
    if (strncmp(name, "s-", 2) == 0)
        return ew_fail(reason, EW_E_INVALID, "account.name_session", "",
                       "names that begin with \"s-\" belong to browser sessions");
    if (cJSON_GetObjectItemCaseSensitive(rights->services, name))
        return ew_fail(reason, EW_E_INVALID, "account.name_service", "",
                       "\"%s\" is the account of a service of Edgewatt", name);
    return EW_OK;
}

static bool digits(const char *text, size_t count)
{
    return strlen(text) == count && strspn(text, "0123456789") == count;
}

bool access_pin_formed(const char *pin)
{
    return digits(pin, 5);
}

bool access_puk_formed(const char *puk)
{
    return digits(puk, 14);
}
