// What is told of users and known browsers: the call `users`, and the journal of their changes.
#include "base/clock.h"
#include "base/log.h"
#include "config/config_priv.h"
#include "config/session_calls.h"
#include "core/access/people.h"

#include <assert.h>
#include <stdlib.h>

enum { ANSWER_MAX = 256 << 10 };

// ---- users -----------------------------------------------------------------------------------------------

static void write_pages(struct ew_jw *w, unsigned pages)
{
    ew_jw_open_array(w, "pages");
    for (int i = 0; i < ACCESS_PAGE_COUNT; i++)
        if (pages & 1u << i)
            ew_jw_text(w, NULL, access_page_name(i));
    ew_jw_close_array(w);
}

static void write_user(const struct config *config, const struct account_user *user, struct ew_jw *w)
{
    int sessions = 0;
    for (int i = 0; i < config->accounts->session_count; i++)
        sessions += config->accounts->sessions[i].user == user->id;
    ew_jw_open_object(w, NULL);
    ew_jw_int(w, "id", user->id);
    ew_jw_text(w, "name", user->name);
    write_pages(w, user->pages);
    ew_jw_bool(w, "display", user->display);
    ew_jw_bool(w, "disabled", user->disabled);
    ew_jw_bool(w, "locked", user->locked);
    ew_jw_bool(w, "must_change", user->must_change);
    ew_jw_int(w, "sessions", sessions);
    ew_jw_close_object(w);
}

static void write_browser(const struct account_browser *browser, struct ew_jw *w)
{
    ew_jw_open_object(w, NULL);
    ew_jw_int(w, "id", browser->id);
    ew_jw_int(w, "user", browser->user);
    ew_jw_rfc3339(w, "known", browser->known_ms);
    ew_jw_rfc3339(w, "seen", browser->seen_ms);
    ew_jw_text(w, "address", browser->address);
    ew_jw_text(w, "agent", browser->agent);
    ew_jw_close_object(w);
}

void user_list(void *user, struct mq_request *request, const cJSON *args, int64_t now_ms)
{
    (void)args;
    (void)now_ms;
    struct config *config = user;
    struct config_caller caller;
    struct ew_buf result;
    struct ew_jw w;
    if (!config_may(config, request, ACCESS_SERVER, &caller))
        return;
    ew_buf_init(&result, ANSWER_MAX);
    ew_jw_init(&w, &result);
    ew_jw_open_object(&w, NULL);
    ew_jw_int(&w, "self", caller.user_id);
    ew_jw_open_array(&w, "users");
    for (int i = 0; i < config->accounts->user_count; i++)
        write_user(config, &config->accounts->users[i], &w);
    ew_jw_close_array(&w);
    ew_jw_open_array(&w, "browsers");
    for (int i = 0; i < config->accounts->browser_count; i++)
        if (access_browser_known(config->accounts->browsers[i].known_ms, ew_clock_wall_ms()))
            write_browser(&config->accounts->browsers[i], &w);
    ew_jw_close_array(&w);
    ew_jw_close_object(&w);
    mq_answer(request, &result);
    ew_buf_done(&result);
}

// ---- Journal ---------------------------------------------------------------------------------------------

// What the journal says of a user: no code, in whatever form.
static cJSON *picture(const struct account_user *user, bool new_codes)
{
    cJSON *tree = cJSON_CreateObject();
    cJSON *pages = cJSON_AddArrayToObject(tree, "pages");
    bool ok = pages && cJSON_AddStringToObject(tree, "name", user->name) &&
              cJSON_AddBoolToObject(tree, "display", user->display) &&
              cJSON_AddBoolToObject(tree, "disabled", user->disabled) &&
              cJSON_AddBoolToObject(tree, "locked", user->locked);
    for (int i = 0; ok && i < ACCESS_PAGE_COUNT; i++)
        if (user->pages & 1u << i)
            ok = cJSON_AddItemToArray(pages, cJSON_CreateString(access_page_name(i)));
    if (new_codes)
        ok = ok && cJSON_AddBoolToObject(tree, "codes_changed", true);
    if (!ok)
        abort();
    return tree;
}

void user_audit(struct config *config, const struct config_caller *caller, const char *what,
                const struct account_user *old, const struct account_user *now, bool new_codes)
{
    const struct account_user *it = now ? now : old;
    assert(it);
    cJSON *before = old ? picture(old, false) : NULL;
    cJSON *after = now ? picture(now, new_codes) : NULL;
    publish_audit_object(config, caller->account, caller->user, what, "user", it->id, before, after);
    ew_notice("users", "%s user=%s by=%s", what, it->name, caller->user[0] ? caller->user : caller->account);
    cJSON_Delete(before);
    cJSON_Delete(after);
}
