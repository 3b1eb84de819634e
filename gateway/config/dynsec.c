#include "config/dynsec.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum { RIGHTS_FILE_MAX = 256 << 10 };

static enum ew_err load(const char *share_dir, const char *name, cJSON **ret, struct ew_reason *reason)
{
    char path[PATH_MAX];
    if (ew_format(path, sizeof(path), "%s/broker-config/%s.json", share_dir, name) != EW_OK)
        return ew_fail(reason, EW_E_TOO_LARGE, "file.path", share_dir, "the path is too long");
    return secret_read_json(path, RIGHTS_FILE_MAX, ret, reason);
}

enum ew_err rights_load(const char *share_dir, const char *base, struct rights_files *ret,
                        struct ew_reason *reason)
{
    *ret = (struct rights_files){.services = NULL};
    enum ew_err err = load(share_dir, "services", &ret->services, reason);
    if (err == EW_OK)
        err = load(share_dir, "pages", &ret->pages, reason);
    if (err == EW_OK)
        err = load(share_dir, "integrations", &ret->integrations, reason);
    ret->devices = calloc(1, sizeof(*ret->devices));
    if (!ret->devices)
        abort();
    ret->rights = (struct access_rights){ret->services, ret->pages, ret->integrations, base, ret->devices};
    return err;
}

void rights_done(struct rights_files *files)
{
    cJSON_Delete(files->services);
    cJSON_Delete(files->pages);
    cJSON_Delete(files->integrations);
    free(files->devices);
    *files = (struct rights_files){.services = NULL};
}

// Can the device, or a module that shares its address, be told anything?
static bool has_commands(const cJSON *device, const struct profile *profile, const struct library *library)
{
    const cJSON *part;
    bool any = profile && profile->command_count > 0;
    cJSON_ArrayForEach(part, cJSON_GetObjectItemCaseSensitive(device, "parts"))
    {
        const char *id = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(part, "profile"));
        const struct profile *module = id && library ? library_find(library, id) : NULL;
        any = any || (module && module->command_count > 0);
    }
    return any;
}

bool rights_set_devices(struct rights_files *files, const cJSON *site, const struct library *library)
{
    struct access_devices *devices = files->devices;
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(site, "devices");
    int count = 0;
    bool changed = false;
    for (const cJSON *node = list ? list->child : NULL; node && count < EW_DEVICES_MAX; node = node->next) {
        const cJSON *id = cJSON_GetObjectItemCaseSensitive(node, "id");
        const char *name = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(node, "profile"));
        const struct profile *profile = name && library ? library_find(library, name) : NULL;
        bool station = profile && profile->kind == PROFILE_STATION;
        if (!cJSON_IsNumber(id) || (!station && !has_commands(node, profile, library)))
            continue;
        const struct access_device device = {.id = (int64_t)id->valuedouble, .station = station};
        changed = changed || count >= devices->count || devices->items[count].id != device.id ||
                  devices->items[count].station != device.station;
        devices->items[count++] = device;
    }
    changed = changed || count != devices->count;
    devices->count = count;
    return changed;
}

// ---- Roles -----------------------------------------------------------------------------------------------

static void allow(struct ew_jw *w, const char *type, const char *topic)
{
    ew_jw_open_object(w, NULL);
    ew_jw_text(w, "acltype", type);
    ew_jw_text(w, "topic", topic);
    ew_jw_int(w, "priority", 0);
    ew_jw_bool(w, "allow", true);
    ew_jw_close_object(w);
}

static void write_acls(struct ew_jw *w, const struct access_list *list)
{
    ew_jw_open_array(w, "acls");
    for (int i = 0; i < list->count; i++) {
        const struct access_topic *topic = &list->topics[i];
        switch (topic->right) {
        case ACCESS_PUBLISH:
            allow(w, "publishClientSend", topic->filter);
            break;
        case ACCESS_SUBSCRIBE:
            allow(w, "subscribePattern", topic->filter);
            allow(w, "unsubscribePattern", topic->filter);
            break;
        case ACCESS_RECEIVE:
            allow(w, "publishClientReceive", topic->filter);
            break;
        }
    }
    ew_jw_close_array(w);
}

void dynsec_role(struct ew_jw *w, const char *name, const struct access_list *list)
{
    ew_jw_open_object(w, NULL);
    ew_jw_text(w, "rolename", name);
    write_acls(w, list);
    ew_jw_close_object(w);
}

void dynsec_create_role(struct ew_jw *w, const char *name, const struct access_list *list)
{
    ew_jw_open_object(w, NULL);
    ew_jw_text(w, "command", "createRole");
    ew_jw_text(w, "rolename", name);
    write_acls(w, list);
    ew_jw_close_object(w);
}

void dynsec_modify_role(struct ew_jw *w, const char *name, const struct access_list *list)
{
    ew_jw_open_object(w, NULL);
    ew_jw_text(w, "command", "modifyRole");
    ew_jw_text(w, "rolename", name);
    write_acls(w, list);
    ew_jw_close_object(w);
}

static void write_roles(struct ew_jw *w, const char *name)
{
    ew_jw_open_array(w, "roles");
    ew_jw_open_object(w, NULL);
    ew_jw_text(w, "rolename", name);
    ew_jw_int(w, "priority", 0);
    ew_jw_close_object(w);
    ew_jw_close_array(w);
}

void dynsec_create_client(struct ew_jw *w, const char *name, const char *password)
{
    ew_jw_open_object(w, NULL);
    ew_jw_text(w, "command", "createClient");
    ew_jw_text(w, "username", name);
    ew_jw_text(w, "password", password);
    write_roles(w, name);
    ew_jw_close_object(w);
}

void dynsec_delete(struct ew_jw *w, const char *name)
{
    ew_jw_open_object(w, NULL);
    ew_jw_text(w, "command", "deleteClient");
    ew_jw_text(w, "username", name);
    ew_jw_close_object(w);
    ew_jw_open_object(w, NULL);
    ew_jw_text(w, "command", "deleteRole");
    ew_jw_text(w, "rolename", name);
    ew_jw_close_object(w);
}

// ---- The file --------------------------------------------------------------------------------------------

static void write_client(struct ew_jw *w, const char *name, const struct secret_hash *hash)
{
    char text[128];
    ew_jw_open_object(w, NULL);
    ew_jw_text(w, "username", name);
    write_roles(w, name);
    secret_base64(hash->hash, sizeof(hash->hash), text, sizeof(text));
    ew_jw_text(w, "password", text);
    secret_base64(hash->salt, sizeof(hash->salt), text, sizeof(text));
    ew_jw_text(w, "salt", text);
    ew_jw_int(w, "iterations", hash->iterations);
    ew_jw_close_object(w);
}

static void write_clients(struct ew_jw *w, const struct dynsec_service *services, int service_count,
                          const struct accounts *accounts)
{
    ew_jw_open_array(w, "clients");
    for (int i = 0; i < service_count; i++)
        write_client(w, services[i].name, &services[i].hash);
    for (int i = 0; i < accounts->integration_count; i++)
        write_client(w, accounts->integrations[i].name, &accounts->integrations[i].hash);
    for (int i = 0; i < accounts->session_count; i++) {
        char password[SECRET_TEXT_MAX];
        struct secret_hash hash;
        accounts_session_password(accounts, accounts->sessions[i].id, password);
        secret_hash_make(password, &hash);
        write_client(w, accounts->sessions[i].id, &hash);
        secret_wipe(password, sizeof(password));
    }
    ew_jw_close_array(w);
}

static enum ew_err write_all_roles(struct ew_jw *w, const struct access_rights *rights,
                                   const struct dynsec_service *services, int service_count,
                                   struct accounts *accounts, struct access_list *list,
                                   struct ew_reason *reason)
{
    enum ew_err err = EW_OK;
    for (int i = 0; i < service_count && err == EW_OK; i++) {
        err = access_service(rights, services[i].name, list, reason);
        dynsec_role(w, services[i].name, list);
    }
    for (int i = 0; i < accounts->integration_count && err == EW_OK; i++) {
        const struct account_integration *account = &accounts->integrations[i];
        err = access_integration(rights, account->name, account->command ? "command" : "read", list, reason);
        dynsec_role(w, account->name, list);
    }
    for (int i = 0; i < accounts->session_count && err == EW_OK; i++) {
        const struct account_session *session = &accounts->sessions[i];
        const struct account_user *user = accounts_user(accounts, session->user);
        err =
            access_session(rights, session->id, user ? user->pages : 0, user && user->display, list, reason);
        dynsec_role(w, session->id, list);
    }
    return err;
}

// Sessions of users that are gone or disabled, and those whose codes must be changed first, have no account
// in the broker. They go from this copy of the store only.
static void drop_closed_sessions(struct accounts *accounts)
{
    for (int i = accounts->session_count - 1; i >= 0; i--) {
        const struct account_user *user = accounts_user(accounts, accounts->sessions[i].user);
        if (!user || user->disabled || !accounts->sessions[i].open)
            accounts_session_end(accounts, &accounts->sessions[i]);
    }
}

enum ew_err dynsec_file(struct ew_buf *text, const struct access_rights *rights,
                        const struct dynsec_service *services, int service_count, struct accounts *accounts,
                        struct ew_reason *reason)
{
    static const char *const kinds[] = {"publishClientSend", "publishClientReceive", "subscribe",
                                        "unsubscribe"};
    struct ew_jw w;
    ew_jw_init(&w, text);
    drop_closed_sessions(accounts);
    ew_jw_open_object(&w, NULL);
    ew_jw_open_object(&w, "defaultACLAccess");
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        ew_jw_bool(&w, kinds[i], false);
    ew_jw_close_object(&w);
    write_clients(&w, services, service_count, accounts);
    ew_jw_open_array(&w, "groups");
    ew_jw_close_array(&w);
    ew_jw_open_array(&w, "roles");
    struct access_list *list = malloc(sizeof(*list));
    if (!list)
        abort();
    enum ew_err err = write_all_roles(&w, rights, services, service_count, accounts, list, reason);
    free(list);
    ew_jw_close_array(&w);
    ew_jw_close_object(&w);
    if (err == EW_OK && text->full)
        err = ew_fail(reason, EW_E_TOO_LARGE, "broker.file", "", "the broker's file would be too large");
    return err;
}
