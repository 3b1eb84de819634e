// Who may publish, subscribe to and receive what. The rights are data: broker-config/services.json,
// pages.json, integrations.json. An account's rights come out as the complete list of its topics, with the
// site's base written out (Mosquitto's dynamic security expands nothing). Pure.
#ifndef EDGEWATT_CORE_ACCESS_ACCESS_H
#define EDGEWATT_CORE_ACCESS_ACCESS_H

#include "base/json.h"
#include "base/limits.h"

enum { ACCESS_TOPICS_MAX = 192 + EW_DEVICES_MAX, ACCESS_ACCOUNT_MAX = 33 };

// USR-02. Bits.
enum access_page {
    ACCESS_SERVER = 1,
    ACCESS_SYSTEM = 2,
    ACCESS_INSTALLATION = 4,
    ACCESS_CONSUMPTION = 8,
    ACCESS_REPORTS = 16,
    ACCESS_ALARMS = 32,
    ACCESS_GREENUP = 64,
    ACCESS_ALL_PAGES = 127
};
enum { ACCESS_PAGE_COUNT = 7 };
const char *access_page_name(int index); // 0..6: "server" ...
// The bits of a list of names; EW_E_INVALID at an unknown one or one that stands twice.
enum ew_err access_pages_read(const cJSON *list, const char *path, unsigned *ret_pages,
                              struct ew_reason *reason) EW_MUST_CHECK;

// USR-01, USR-02: the four predefined users and the manual's codes.
struct access_default_user {
    const char *name, *pin, *puk;
    unsigned pages;
};
enum { ACCESS_DEFAULT_USERS = 4 };
extern const struct access_default_user access_default_users[ACCESS_DEFAULT_USERS];

// Devices that take commands. USR-02: those of charge points come with the Green'Up page alone, so that a
// right to command is spelled out device by device: "device/{station}/command" in the files is a topic for
// each station, "device/{commanded}/command" one for each of the others.
struct access_devices {
    int count;
    struct access_device {
        int64_t id;
        bool station;
    } items[EW_DEVICES_MAX];
};

// The three files, on loan.
struct access_rights {
    const cJSON *services, *pages, *integrations;
    const char *base;                     // "edgewatt/<site>"
    const struct access_devices *devices; // on loan; NULL = none
};

enum access_right {
    ACCESS_PUBLISH,
    ACCESS_SUBSCRIBE, // to this filter or a narrower one
    ACCESS_RECEIVE
};

struct access_list { // large: not for the stack
    int count;
    struct access_topic {
        enum access_right right;
        char filter[EW_TOPIC_MAX]; // as on the wire
    } topics[ACCESS_TOPICS_MAX];
};

// Each fills the list for one account, every topic once. EW_E_UNKNOWN for a service or role that the files do
// not have, EW_E_INVALID for a mistake in the files (path and sentence), EW_E_FULL above ACCESS_TOPICS_MAX.
enum ew_err access_service(const struct access_rights *rights, const char *service, struct access_list *ret,
                           struct ew_reason *reason) EW_MUST_CHECK;
// display: it only looks, so that of what it could publish just the questions to the recorder are left.
enum ew_err access_session(const struct access_rights *rights, const char *account, unsigned pages,
                           bool display, struct access_list *ret, struct ew_reason *reason) EW_MUST_CHECK;
enum ew_err access_integration(const struct access_rights *rights, const char *account, const char *role,
                               struct access_list *ret, struct ew_reason *reason) EW_MUST_CHECK;

// May a person with these pages change objects of this kind ("device") or this singleton ("greenup")?
bool access_may_change(const struct access_rights *rights, unsigned pages, const char *what);

// Names of integration accounts: 1 to 32 of a-z 0-9 - _, beginning with a letter, no service's name and not
// as session accounts begin ("s-").
enum ew_err access_account_check(const struct access_rights *rights, const char *name,
                                 struct ew_reason *reason) EW_MUST_CHECK;
// 5 and 14 digits.
bool access_pin_formed(const char *pin);
bool access_puk_formed(const char *puk);

#endif
