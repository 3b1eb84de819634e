// Mosquitto's dynamic security in its own words: accounts and roles as its file and its commands spell them.
// One role per account, of the same name.
#ifndef EDGEWATT_CONFIG_DYNSEC_H
#define EDGEWATT_CONFIG_DYNSEC_H

#include "config/accounts.h"
#include "library/library.h"

enum { DYNSEC_FILE_MAX = 32 << 20 };

#define DYNSEC_TOPIC    "$CONTROL/dynamic-security/v1"
#define DYNSEC_RESPONSE "$CONTROL/dynamic-security/v1/response"

// broker-config/*.json, parsed. base is not copied.
struct rights_files {
    cJSON *services, *pages, *integrations;
    struct access_rights rights; // on loan from the three, and from:
    struct access_devices *devices;
};
enum ew_err rights_load(const char *share_dir, const char *base, struct rights_files *ret,
                        struct ew_reason *reason) EW_MUST_CHECK;
void rights_done(struct rights_files *files); // takes half-loaded
// The devices of the site that take commands, by their profiles. True when they are others than before.
bool rights_set_devices(struct rights_files *files, const cJSON *site, const struct library *library);

// {"rolename":..., "acls":[...]}
void dynsec_role(struct ew_jw *w, const char *name, const struct access_list *list);
// Members of an open array of commands.
void dynsec_create_role(struct ew_jw *w, const char *name, const struct access_list *list);
void dynsec_modify_role(struct ew_jw *w, const char *name, const struct access_list *list);
void dynsec_create_client(struct ew_jw *w, const char *name, const char *password);
// The client goes first: a role that a connected client still holds must never be deleted (the broker would
// use freed memory: eclipse-mosquitto #2660).
void dynsec_delete(struct ew_jw *w, const char *name);

// The whole file for all services, live sessions and integration accounts. `service_hashes` holds one hash
// per member of services.json, in its order. Everything that is not allowed is denied, receiving too.
struct dynsec_service {
    const char *name;
    struct secret_hash hash;
};
enum ew_err dynsec_file(struct ew_buf *text, const struct access_rights *rights,
                        const struct dynsec_service *services, int service_count, struct accounts *accounts,
                        struct ew_reason *reason) EW_MUST_CHECK;

#endif
