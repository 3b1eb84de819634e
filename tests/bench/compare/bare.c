// What a program costs that does nothing but read with libmodbus and publish with Paho: the poller is
// measured against it.
//     bare BROKER_PORT USER PASSWORD BASE FIRST_PORT PORTS UNITS < names     one name a line, a register each
// Reads UNITS devices on each port once a second, a request each, and publishes each device's values as one
// message.
#include <MQTTAsync.h>
#include <modbus/modbus.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { NAMES_MAX = 125, PORTS_MAX = 64, JSON_MAX = 8192 };

static char names[NAMES_MAX][64];
static int name_count;
static volatile int connected;

static void on_connect(void *user, MQTTAsync_successData5 *data)
{
    (void)user;
    (void)data;
    connected = 1;
}

static MQTTAsync broker(const char *port, const char *user, const char *password)
{
    char url[64];
    MQTTAsync client;
    MQTTAsync_createOptions create = MQTTAsync_createOptions_initializer5;
    MQTTAsync_connectOptions options = MQTTAsync_connectOptions_initializer5;
    snprintf(url, sizeof(url), "tcp://127.0.0.1:%s", port);
    create.maxBufferedMessages = 1000;
    options.username = user;
    options.password = password;
    options.cleanstart = 1;
    options.maxInflight = 1000;
    options.onSuccess5 = on_connect;
    if (MQTTAsync_createWithOptions(&client, url, "bare", MQTTCLIENT_PERSISTENCE_NONE, NULL, &create) != 0 ||
        MQTTAsync_connect(client, &options) != 0)
        exit(1);
    while (!connected)
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    return client;
}

static int write_json(char *json, const uint16_t *registers)
{
    struct timespec wall, up;
    struct tm tm;
    char ts[32];
    clock_gettime(CLOCK_REALTIME, &wall);
    clock_gettime(CLOCK_BOOTTIME, &up);
    gmtime_r(&wall.tv_sec, &tm);
    strftime(ts, sizeof(ts), "%Y-%m-%dT%H:%M:%S", &tm);
    int len = snprintf(json, JSON_MAX, "{\"ts\":\"%s.%03ldZ\",\"up_ms\":%lld,\"period_ms\":1000,\"values\":{",
                       ts, wall.tv_nsec / 1000000, up.tv_sec * 1000LL + up.tv_nsec / 1000000);
    for (int i = 0; i < name_count; i++)
        len += snprintf(json + len, (size_t)(JSON_MAX - len), "%s\"%s\":%g", i ? "," : "", names[i],
                        registers[i] * 0.1);
    return len + snprintf(json + len, (size_t)(JSON_MAX - len), "}}");
}

int main(int argc, char **argv)
{
    modbus_t *lines[PORTS_MAX];
    if (argc < 8)
        return 2;
    int first = (int)strtol(argv[5], NULL, 10), ports = (int)strtol(argv[6], NULL, 10),
        units = (int)strtol(argv[7], NULL, 10);
    while (name_count < NAMES_MAX && scanf("%63s", names[name_count]) == 1)
        name_count++;
    MQTTAsync client = broker(argv[1], argv[2], argv[3]);
    for (int p = 0; p < ports; p++) {
        lines[p] = modbus_new_tcp("127.0.0.1", first + p);
        if (modbus_connect(lines[p]) != 0)
            return 1;
    }
    printf("bare ready\n");
    fflush(stdout);
    struct timespec next;
    clock_gettime(CLOCK_MONOTONIC, &next);
    for (;; next.tv_sec++) {
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
        for (int p = 0; p < ports; p++) {
            for (int u = 1; u <= units; u++) {
                uint16_t registers[NAMES_MAX];
                char json[JSON_MAX], topic[128];
                modbus_set_slave(lines[p], u);
                if (modbus_read_registers(lines[p], 0, name_count, registers) != name_count)
                    return 1;
                MQTTAsync_message message = MQTTAsync_message_initializer;
                message.payload = json;
                message.payloadlen = write_json(json, registers);
                message.qos = 0;
                message.retained = 1;
                snprintf(topic, sizeof(topic), "%s/device/%d/measures/instant", argv[4], p * units + u);
                if (MQTTAsync_sendMessage(client, topic, &message, NULL) != MQTTASYNC_SUCCESS)
                    return 1;
            }
        }
    }
}
