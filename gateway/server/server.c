#include "server/server.h"

#include "base/log.h"
#include "core/remote/remote.h"
#include "core/topic/topic.h"
#include "server/forward.h"
#include "service/service.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { PORT = 502, RETRY_MS = 10000 };

struct server {
    struct door *door;
    struct forward *forward;
    struct remote_table *table;
    int port;    // of the command line, 0 = the setting decides
    bool wanted; // by the setting
    bool said;   // that the port can't be opened
    struct ew_timer retry;
};

// ---- What is known ---------------------------------------------------------------------------------------

static cJSON *parse(const struct mq_message *m)
{
    struct ew_reason reason;
    cJSON *tree = NULL;
    if (ew_json_parse(m->payload, m->payload_len, EW_MQTT_PAYLOAD_MAX, &tree, &reason) != EW_OK)
        ew_warning("server", "%s: %s, ignoring", m->topic, reason.text);
    return tree;
}

static double number_at(const cJSON *tree, const char *key)
{
    const cJSON *node = cJSON_GetObjectItemCaseSensitive(tree, key);
    return cJSON_IsNumber(node) ? node->valuedouble : (double)NAN;
}

static int64_t whole_at(const cJSON *tree, const char *key)
{
    double value = number_at(tree, key);
    return value >= 0 && value < 9e15 ? (int64_t)value : 0;
}

static void put(struct server *server, const struct remote_value *value)
{
    if (!remote_set(server->table, value))
        ew_warning("server", "more than %d energies: %d is left out", REMOTE_VALUES_MAX, value->address);
}

static void on_energy(void *user, const struct mq_message *m, int64_t now_ms)
{
    (void)now_ms;
    struct server *server = ((struct ew_service *)user)->state;
    int64_t id;
    const char *rest;
    if (!topic_split(m->topic, "device", &id, &rest))
        return;
    struct remote_value value = {.address = remote_address(REMOTE_KIND_DEVICE, id)};
    if (value.address == 0)
        return;
    if (m->payload_len == 0) {
        remote_remove(server->table, value.address);
        return;
    }
    cJSON *tree = parse(m);
    const cJSON *values = cJSON_GetObjectItemCaseSensitive(tree, "values");
    if (cJSON_HasObjectItem(values, "active_energy_import")) {
        value.wh = number_at(values, "active_energy_import");
        value.up_ms = whole_at(tree, "up_ms");
        value.period_ms = whole_at(tree, "period_ms");
        put(server, &value);
    }
    cJSON_Delete(tree);
}

static void on_total(void *user, const struct mq_message *m, int64_t now_ms)
{
    (void)now_ms;
    static const struct {
        const char *name;
        enum remote_kind kind;
    } kinds[] = {{"total/circuit/", REMOTE_KIND_CIRCUIT},
                 {"total/zone/", REMOTE_KIND_ZONE},
                 {"total/site/", REMOTE_KIND_SITE}};
    struct server *server = ((struct ew_service *)user)->state;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        size_t len = strlen(kinds[i].name);
        if (strncmp(m->topic, kinds[i].name, len) != 0)
            continue;
        struct remote_value value = {.address =
                                         remote_address(kinds[i].kind, strtoll(m->topic + len, NULL, 10))};
        cJSON *tree = m->payload_len ? parse(m) : NULL;
        if (value.address && tree) {
            value.wh = number_at(cJSON_GetObjectItemCaseSensitive(tree, "values"), "active_energy_import");
            put(server, &value);
        } else if (value.address) {
            remote_remove(server->table, value.address);
        }
        cJSON_Delete(tree);
    }
}

static void on_bus(void *user, const struct mq_message *m, int64_t now_ms)
{
    (void)now_ms;
    const struct server *server = ((struct ew_service *)user)->state;
    cJSON *tree = m->payload_len ? parse(m) : NULL;
    forward_take_bus(server->forward, strtoll(m->topic + strlen("config/bus/"), NULL, 10), tree);
    cJSON_Delete(tree);
}

// Unit 247 is this server itself; any other one is a device of the local port.
static size_t on_request(void *user, const struct door_ticket *ticket, const uint8_t *pdu, size_t len,
                         int64_t now_ms, uint8_t ret_pdu[FRAME_PDU_MAX])
{
    const struct server *server = user;
    struct frame_request request;
    if (ticket->unit == REMOTE_UNIT)
        return remote_answer(server->table, ticket->unit, pdu, len, now_ms, ret_pdu);
    enum frame_exception exception = frame_request_read(pdu, len, &request);
    if (exception == FRAME_NO_EXCEPTION)
        exception = forward_ask(server->forward, ticket, &request);
    return exception == FRAME_NO_EXCEPTION ? 0 : frame_answer_exception(pdu[0], exception, ret_pdu);
}

// ---- Open or closed --------------------------------------------------------------------------------------

static void decide(struct ew_service *service)
{
    struct server *server = service->state;
    struct ew_reason reason;
    int port = server->port ? server->port : PORT;
    ew_reason_clear(&reason);
    ew_loop_timer_clear(service->loop, &server->retry);
    if (!server->port && !server->wanted) {
        if (door_port(server->door))
            ew_notice("server", "the Modbus TCP server is off");
        door_close(server->door);
    } else if (door_port(server->door) != port) {
        if (door_open(server->door, port, &reason) == EW_OK) {
            ew_notice("server", "the Modbus TCP server listens port=%d", port);
            server->said = false;
        } else {
            if (!server->said)
                ew_error("server", "%s, trying again", reason.text);
            server->said = true;
            ew_loop_timer_set(service->loop, &server->retry, ew_loop_now_ms(service->loop) + RETRY_MS);
        }
    }
    ew_service_publish_status(service);
}

static void on_retry(struct ew_timer *timer, int64_t now_ms)
{
    (void)now_ms;
    decide(timer->user);
}

static void on_setting(void *user, const struct mq_message *m, int64_t now_ms)
{
    (void)now_ms;
    struct ew_service *service = user;
    struct server *server = service->state;
    cJSON *tree = m->payload_len ? parse(m) : NULL;
    server->wanted = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(tree, "on"));
    forward_allow_writes(server->forward, cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(tree, "writes")));
    cJSON_Delete(tree);
    decide(service);
}

// ---- The service -----------------------------------------------------------------------------------------

static int option(struct ew_service *service, int argc, char **argv)
{
    struct server *server = service->state;
    if (argc < 2 || strcmp(argv[0], "--port") != 0)
        return 0;
    char *end;
    long port = strtol(argv[1], &end, 10);
    if (*end || port < 1 || port > 65535)
        return 0;
    server->port = (int)port;
    return 2;
}

static enum ew_err start(struct ew_service *service, struct ew_reason *reason)
{
    struct server *server = service->state;
    (void)reason;
    server->table = calloc(1, sizeof(*server->table));
    if (!server->table)
        abort();
    server->door = door_new(service->loop, on_request, server);
    server->forward = forward_new(service->mq, server->door);
    server->retry.fn = on_retry;
    server->retry.user = service;
    mq_subscribe(service->mq, "config/settings/modbus_server", 1, on_setting, service);
    mq_subscribe(service->mq, "config/bus/+", 1, on_bus, service);
    mq_subscribe(service->mq, "device/+/measures/energy", 0, on_energy, service);
    mq_subscribe(service->mq, "total/+/+", 0, on_total, service);
    return EW_OK;
}

static void connected(struct ew_service *service)
{
    decide(service);
}

static void health(struct ew_service *service, struct ew_jw *w)
{
    const struct server *server = service->state;
    ew_jw_int(w, "port", door_port(server->door));
    ew_jw_int(w, "connections", door_connections(server->door));
    ew_jw_int(w, "answered", door_answered(server->door));
    ew_jw_int(w, "energies", server->table->count);
    ew_jw_int(w, "forwarded", forward_passed(server->forward));
    ew_jw_int(w, "not_forwarded", forward_refused(server->forward));
}

static void stop(struct ew_service *service)
{
    struct server *server = service->state;
    ew_loop_timer_clear(service->loop, &server->retry);
    door_free(server->door);
    forward_free(server->forward);
    free(server->table);
}

int server_main(int argc, char **argv)
{
    static const struct ew_service_definition definition = {
        .name = "server",
        .summary =
            "other servers read this one's energies, and the devices of its local port, over Modbus TCP",
        .state_size = sizeof(struct server),
        .option = option,
        .option_help =
            "  --port N     listen there whatever the setting says (default: port 502 when it is on)\n",
        .start = start,
        .connected = connected,
        .health = health,
        .stop = stop};
    return ew_service_main(argc, argv, &definition);
}
