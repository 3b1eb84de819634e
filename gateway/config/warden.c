#include "config/warden.h"

#include "base/clock.h"
#include "base/log.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { COMMANDS_MAX = 1024, ANSWER_MS = 4000, TEXT_MAX = 512 << 10 };

// One message of commands, unanswered. The broker answers in order, but the mark says which answer is whose.
struct command {
    struct command *next;
    int64_t mark, due_ms;
    warden_done_fn *done;
    warden_list_fn *listed;
    void *user;
    char about[64]; // for the log
};

struct warden {
    struct ew_loop *loop;
    struct mq *mq;
    struct command *first, *last; // by age
    int count;
    int64_t marks;
    struct ew_timer timer;
};

static void finish(const struct command *c, const struct ew_reason *reason)
{
    if (c->done)
        c->done(c->user, reason);
    else if (reason)
        ew_warning("warden", "%s: %s, ignoring", c->about, reason->text);
}

static void set_timer(struct warden *warden)
{
    if (warden->first)
        ew_loop_timer_set(warden->loop, &warden->timer, warden->first->due_ms);
    else
        ew_loop_timer_clear(warden->loop, &warden->timer);
}

static struct command *take_first(struct warden *warden)
{
    struct command *c = warden->first;
    warden->first = c->next;
    if (!warden->first)
        warden->last = NULL;
    warden->count--;
    return c;
}

static void fail_first(struct warden *warden, enum ew_err err, const char *text)
{
    struct ew_reason reason;
    struct command *c = take_first(warden);
    ew_reason_clear(&reason);
    (void)ew_fail(&reason, err, "call.broker", "", "%s", text);
    finish(c, &reason);
    free(c);
}

static void on_timer(struct ew_timer *timer, int64_t now_ms)
{
    struct warden *warden = timer->user;
    while (warden->first && warden->first->due_ms <= now_ms)
        fail_first(warden, EW_E_TIMEOUT, "The message broker did not answer in time.");
    set_timer(warden);
}

// ---- Answers ---------------------------------------------------------------------------------------------

static const char *error_in(const cJSON *responses)
{
    const cJSON *one;
    cJSON_ArrayForEach(one, responses)
    {
        const char *error = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(one, "error"));
        if (error)
            return error;
    }
    return NULL;
}

static void answer_command(const struct command *c, const cJSON *responses)
{
    const char *error = error_in(responses);
    const cJSON *data = cJSON_GetObjectItemCaseSensitive(responses->child, "data");
    if (c->listed && !error)
        c->listed(c->user, cJSON_GetObjectItemCaseSensitive(data, "clients"));
    if (!error) {
        finish(c, NULL);
        return;
    }
    struct ew_reason reason;
    ew_reason_clear(&reason);
    (void)ew_fail(&reason, EW_E_REFUSED, "call.broker", "", "The message broker refused: %s.", error);
    finish(c, &reason);
}

static void on_response(void *user, const struct mq_message *message, int64_t now_ms)
{
    (void)now_ms;
    struct warden *warden = user;
    cJSON *tree = NULL;
    if (ew_json_parse(message->payload, message->payload_len, EW_MQTT_PAYLOAD_MAX, &tree, NULL) != EW_OK)
        return;
    const cJSON *responses = cJSON_GetObjectItemCaseSensitive(tree, "responses");
    const cJSON *first = cJSON_IsArray(responses) ? responses->child : NULL;
    const char *mark = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(first, "correlationData"));
    int64_t number = mark ? strtoll(mark, NULL, 10) : 0;
    // An answer to a later command says that the earlier ones were lost.
    while (number && warden->first && warden->first->mark < number)
        fail_first(warden, EW_E_TIMEOUT, "The message broker did not answer.");
    if (number && warden->first && warden->first->mark == number) {
        struct command *c = take_first(warden);
        answer_command(c, responses);
        free(c);
    }
    set_timer(warden);
    cJSON_Delete(tree);
}

// ---- Commands --------------------------------------------------------------------------------------------

struct message {
    struct ew_buf text;
    struct ew_jw w;
};

static void begin(struct message *m)
{
    ew_buf_init(&m->text, TEXT_MAX);
    ew_jw_init(&m->w, &m->text);
    ew_jw_open_object(&m->w, NULL);
    ew_jw_open_array(&m->w, "commands");
}

// The mark must be in the first command; one that changes nothing carries it.
static void add_mark(struct warden *warden, struct message *m, const char *command)
{
    char mark[24];
    (void)ew_format(mark, sizeof(mark), "%lld", (long long)++warden->marks);
    ew_jw_open_object(&m->w, NULL);
    ew_jw_text(&m->w, "command", command);
    ew_jw_text(&m->w, "correlationData", mark);
    ew_jw_close_object(&m->w);
}

static void send(struct warden *warden, struct message *m, struct command about)
{
    ew_jw_close_array(&m->w);
    ew_jw_close_object(&m->w);
    struct command *c = malloc(sizeof(*c));
    if (!c)
        abort();
    *c = about;
    c->next = NULL;
    c->mark = warden->marks;
    c->due_ms = ew_loop_now_ms(warden->loop) + ANSWER_MS;
    if (warden->last)
        warden->last->next = c;
    else
        warden->first = c;
    warden->last = c;
    warden->count++;
    enum ew_err err = warden->count > COMMANDS_MAX || m->text.full
                          ? EW_E_FULL
                          : mq_publish(warden->mq, "/" DYNSEC_TOPIC, m->text.data, m->text.len,
                                       (struct mq_publish_options){.qos = 1});
    // Answered from the timer, so that no callback runs before this returns.
    if (err != EW_OK)
        c->due_ms = ew_loop_now_ms(warden->loop);
    set_timer(warden);
    secret_wipe(m->text.data, m->text.cap);
    ew_buf_done(&m->text);
}

void warden_open(struct warden *warden, const char *name, const char *password,
                 const struct access_list *list, warden_done_fn *done, void *user)
{
    struct message m;
    struct command about = {.done = done, .user = user};
    (void)ew_format(about.about, sizeof(about.about), "account %s is not opened", name);
    begin(&m);
    add_mark(warden, &m, "getDefaultACLAccess");
    dynsec_create_role(&m.w, name, list);
    dynsec_create_client(&m.w, name, password);
    send(warden, &m, about);
}

void warden_change(struct warden *warden, const char *name, const struct access_list *list)
{
    struct message m;
    struct command about = {.done = NULL};
    (void)ew_format(about.about, sizeof(about.about), "the rights of account %s are not changed", name);
    begin(&m);
    add_mark(warden, &m, "getDefaultACLAccess");
    dynsec_modify_role(&m.w, name, list);
    send(warden, &m, about);
}

void warden_close(struct warden *warden, const char *name)
{
    struct message m;
    struct command about = {.done = NULL};
    (void)ew_format(about.about, sizeof(about.about), "account %s is not closed", name);
    begin(&m);
    add_mark(warden, &m, "getDefaultACLAccess");
    dynsec_delete(&m.w, name);
    send(warden, &m, about);
}

void warden_list(struct warden *warden, warden_list_fn *listed, void *user)
{
    struct message m;
    struct command about = {.listed = listed, .user = user, .about = "the accounts are not listed"};
    begin(&m);
    add_mark(warden, &m, "listClients");
    send(warden, &m, about);
}

struct warden *warden_new(struct ew_loop *loop, struct mq *mq)
{
    struct warden *warden = calloc(1, sizeof(*warden));
    if (!warden)
        abort();
    warden->loop = loop;
    warden->mq = mq;
    // Marks of an earlier run may still be answered.
    warden->marks = ew_clock_wall_ms();
    warden->timer.fn = on_timer;
    warden->timer.user = warden;
    mq_subscribe(mq, "/" DYNSEC_RESPONSE, 1, on_response, warden);
    return warden;
}

void warden_free(struct warden *warden)
{
    if (!warden)
        return;
    ew_loop_timer_clear(warden->loop, &warden->timer);
    while (warden->first)
        free(take_first(warden));
    free(warden);
}
