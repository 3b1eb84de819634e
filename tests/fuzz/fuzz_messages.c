// Any bytes as a message on any topic, given to the real handlers of every service that subscribes to it:
// config, controller, ftp, poller, recorder, server, web. An input is "<topic below the base>\n<response
// topic>\n<payload>". The services are started as ew_service_main() starts them, with the real adapter, which
// here has no broker behind it: what they publish is refused as it is while the broker is away. The poller's
// loop is never turned, so that no bus is dialled. Run at the top of the source tree.
#include "base/file.h"
#include "base/log.h"
#include "config/commands.h"
#include "config/secret.h"
#include "controller/controller.h"
#include "ftp/ftp.h"
#include "mqtt/mq_priv.h"
#include "poller/poller.h"
#include "recorder/recorder.h"
#include "server/server.h"
#include "service/service.h"
#include "web/web.h"

#include <MQTTAsync.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BASE "edgewatt/x"

enum { CALL_TURN = 64 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);
// The linker leads ew_service_main() here (--wrap): all we want of a service is what it would run.
int __wrap_ew_service_main(int argc, char **argv, const struct ew_service_definition *definition);

static struct member {
    const char *name;
    int (*main)(int argc, char **argv);
    bool turned; // its loop
    const struct ew_service_definition *definition;
    struct ew_service service;
} members[] = {{"config", config_main, true, NULL, {0}},     {"controller", controller_main, true, NULL, {0}},
               {"ftp", ftp_main, true, NULL, {0}},           {"poller", poller_main, false, NULL, {0}},
               {"recorder", recorder_main, true, NULL, {0}}, {"server", server_main, true, NULL, {0}},
               {"web", web_main, false, NULL, {0}}};
enum { MEMBERS = sizeof(members) / sizeof(members[0]) };

static const struct ew_service_definition *seen;
static char folder[64], share[4096];

int __wrap_ew_service_main(int argc, char **argv, const struct ew_service_definition *definition)
{
    (void)argc;
    (void)argv;
    seen = definition;
    return 0;
}

static void write_text(const char *name, const char *text)
{
    char path[256];
    struct ew_reason reason;
    (void)ew_format(path, sizeof(path), "%s/%s", folder, name);
    if (ew_file_write(path, text, strlen(text), 0600, &reason) != EW_OK)
        abort();
}

static void make_folder(void)
{
    static const char *const folders[] = {"run", "secrets"};
    struct secret_account account;
    struct ew_reason reason;
    char path[256];
    ew_copy(folder, sizeof(folder), "/tmp/edgewatt-fuzz-XXXXXX");
    if (!mkdtemp(folder))
        abort();
    for (int i = 0; i < 2; i++) {
        (void)ew_format(path, sizeof(path), "%s/%s", folder, folders[i]);
        if (ew_dir_make(path, 0700, &reason) != EW_OK)
            abort();
    }
    secret_start();
    if (secret_account_ensure(folder, "config", &account, &reason) != EW_OK)
        abort();
    write_text("run/broker.json", "{\"host\":\"127.0.0.1\",\"port\":1,\"base\":\"" BASE "\"}");
    write_text("site.json", "{\"version\":1,\"site\":{\"id\":\"x\",\"name\":\"X\",\"tz\":\"Europe/Paris\","
                            "\"language\":\"en\",\"currency\":\"EUR\"},\"buses\":[{\"id\":1,\"type\":\"tcp\","
                            "\"address\":\"192.0.2.1\"}],\"devices\":[{\"id\":10,\"bus\":1,\"unit\":1,"
                            "\"profile\":\"eastron-sdm630\"}]}");
}

static void start(struct member *m)
{
    char *words[] = {(char *)(uintptr_t)m->name, NULL};
    struct ew_reason reason;
    ew_reason_clear(&reason);
    m->main(1, words);
    m->definition = seen;
    struct ew_service *s = &m->service;
    *s = (struct ew_service){
        .name = m->definition->name, .data_dir = folder, .share_dir = share, .base = BASE, .demo = true};
    s->loop = ew_loop_new();
    s->mq = mq_new(
        s->loop,
        &(struct mq_options){.host = "127.0.0.1", .port = 1, .user = s->name, .password = "p", .base = BASE});
    ew_loop_timer_clear(s->loop, &s->mq->retry); // it never connects
    s->state = calloc(1, m->definition->state_size);
    if (!s->state)
        abort();
    if (strcmp(m->name, "web") == 0) {
        char http[] = "--http", port[] = "0", address[] = "127.0.0.1", listen[] = "--listen";
        char *options[] = {http, port, NULL}, *more[] = {listen, address, NULL};
        static char kept[16];
        ew_copy(kept, sizeof(kept), address);
        more[1] = kept;
        m->definition->option(s, 2, options);
        m->definition->option(s, 2, more);
    }
    if (m->definition->start(s, &reason) != EW_OK) {
        fprintf(stderr, "%s: %s: %s\n", m->name, reason.path, reason.text);
        abort();
    }
    if (m->definition->connected)
        m->definition->connected(s);
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *where)
{
    (void)st;
    (void)kind;
    (void)where;
    return remove(path);
}

static void remove_folder(void)
{
    if (nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS) != 0)
        fprintf(stderr, "%s is left\n", folder);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    char root[4000];
    setenv("EDGEWATT_LOG", "error", 1);
    setenv("EDGEWATT_PROFTPD", "/nonexistent", 1); // no server is opened
    ew_log_init("fuzz", EW_LOG_ERROR);
    // As where it is installed: share/ beside bin/. The build has it, with links into the sources.
    const char *build = getenv("EDGEWATT_BUILD");
    if (!build && getcwd(root, sizeof(root)))
        (void)ew_format(share, sizeof(share), "%s/build/fuzz/share/edgewatt", root);
    else
        (void)ew_format(share, sizeof(share), "%s/share/edgewatt", build ? build : "");
    static MQTTAsync paho; // its memory is only counted from the first handle on
    if (MQTTAsync_create(&paho, "tcp://127.0.0.1:1", "fuzz", MQTTCLIENT_PERSISTENCE_NONE, NULL) != 0)
        abort();
    make_folder();
    atexit(remove_folder);
    for (int i = 0; i < MEMBERS; i++)
        start(&members[i]);
    return 0;
}

// ---- A message -------------------------------------------------------------------------------------------

static char *copy(const void *data, size_t len)
{
    char *text = MQTTAsync_malloc(len + 1);
    if (!text)
        abort();
    memcpy(text, data, len);
    text[len] = 0;
    return text;
}

static void add_text(MQTTProperties *properties, enum MQTTPropertyCodes code, const char *data, size_t len)
{
    MQTTProperty property = {.identifier = code};
    property.value.data.data = (char *)(uintptr_t)data;
    property.value.data.len = (int)len;
    if (MQTTProperties_add(properties, &property) != 0)
        abort();
}

// As the broker would: one message, with the numbers of all subscriptions that match.
static bool add_matches(const struct mq *mq, const char *wire, MQTTProperties *properties)
{
    bool any = false;
    for (int i = 0; i < MQ_SUBSCRIPTIONS_MAX; i++) {
        const struct mq_subscription *s = &mq->subscriptions[i];
        if (!s->id || !mq_filter_matches(s->filter, wire))
            continue;
        MQTTProperty property = {.identifier = MQTTPROPERTY_CODE_SUBSCRIPTION_IDENTIFIER};
        property.value.integer4 = s->id;
        if (MQTTProperties_add(properties, &property) != 0)
            abort();
        any = true;
    }
    return any;
}

struct part {
    const char *data;
    size_t len;
};

static struct part cut(struct part *rest)
{
    const char *end = rest->len ? memchr(rest->data, '\n', rest->len) : NULL;
    struct part part = {rest->data, end ? (size_t)(end - rest->data) : rest->len};
    rest->data += part.len + (end ? 1 : 0);
    rest->len -= part.len + (end ? 1 : 0);
    return part;
}

static void deliver(struct member *m, const char *wire, struct part answer, struct part payload)
{
    MQTTAsync_message fresh = MQTTAsync_message_initializer;
    MQTTProperties properties = MQTTProperties_initializer;
    bool any = add_matches(m->service.mq, wire, &properties);
    if (any) {
        char response[512];
        if (answer.len > 0 && answer.len < 400 && !memchr(answer.data, 0, answer.len)) {
            (void)ew_format(response, sizeof(response), BASE "/%.*s", (int)answer.len, answer.data);
            add_text(&properties, MQTTPROPERTY_CODE_RESPONSE_TOPIC, response, strlen(response));
            add_text(&properties, MQTTPROPERTY_CODE_CORRELATION_DATA, "c", 1);
        }
        struct mq_event *event = mq_event_new(MQ_EVENT_MESSAGE, 0, NULL);
        event->message = MQTTAsync_malloc(sizeof(*event->message));
        if (!event->message)
            abort();
        *event->message = fresh;
        event->message->payload = copy(payload.data, payload.len);
        event->message->payloadlen = (int)payload.len;
        event->message->properties = MQTTProperties_copy(&properties);
        event->paho_topic = copy(wire, strlen(wire));
        mq_subscriptions_deliver(m->service.mq, event, ew_loop_now_ms(m->service.loop));
        mq_event_free(event);
    }
    MQTTProperties_free(&properties);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static unsigned turn;
    struct part rest = {(const char *)data, size};
    struct part topic = cut(&rest), answer = cut(&rest);
    char wire[MQ_WIRE_TOPIC_MAX];
    // The broker lets no topic with a wildcard or a 0 byte through (MQTT 5, 4.7).
    if (topic.len == 0 || topic.len > 300 || memchr(topic.data, 0, topic.len) ||
        memchr(topic.data, '+', topic.len) || memchr(topic.data, '#', topic.len))
        return -1;
    (void)ew_format(wire, sizeof(wire), topic.data[0] == '/' ? "%.*s" : BASE "/%.*s",
                    (int)topic.len - (topic.data[0] == '/'), topic.data + (topic.data[0] == '/'));
    for (int i = 0; i < MEMBERS; i++)
        deliver(&members[i], wire, answer, rest);
    if (++turn % CALL_TURN == 0)
        for (int i = 0; i < MEMBERS; i++)
            if (members[i].turned)
                ew_loop_turn(members[i].service.loop, 0);
    return 0;
}
