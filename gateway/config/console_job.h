// What the console asks for ({"do":"account_add","name":...,"role":...}), done on the store of accounts: by
// config while it runs, by the command itself while config is stopped.
#ifndef EDGEWATT_CONFIG_CONSOLE_JOB_H
#define EDGEWATT_CONFIG_CONSOLE_JOB_H

#include "config/accounts.h"
#include "config/dynsec.h"

enum { CONSOLE_TEXT_MAX = 64 << 10 };

// What must follow outside the store.
struct console_effect {
    enum { CONSOLE_NOTHING, CONSOLE_OPENED, CONSOLE_CLOSED, CONSOLE_USER_RESET, CONSOLE_USER_UNLOCKED } what;
    char name[ACCOUNTS_NAME_MAX];
    char password[SECRET_TEXT_MAX];
    bool command;
    int user;
};

// {"do", "name"?, "role"?} -> the JSON text of the result. The store is changed in memory only.
// "account_add" {name, role} -> {name, role, password}; "account_list" -> {accounts: [...]}; "account_remove"
// {name}; "user_list" -> {users: [...]}; "user_unlock" {name}; "user_reset" {name} -> {name, pin, puk}: new
// codes that must be changed at the next login.
enum ew_err console_job(struct accounts *accounts, const struct access_rights *rights, const cJSON *request,
                        int64_t wall_ms, struct ew_buf *result, struct console_effect *effect,
                        struct ew_reason *reason) EW_MUST_CHECK;

#endif
