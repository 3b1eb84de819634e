// Any bytes as a set-point and as a command: refused with a reason, or what is taken keeps its promises: a
// limit that the station can be told and never more, an end that is never later than the message allows.
#include "base/limits.h"
#include "core/command/command.h"
#include "core/lease/lease.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { NOW = 1000000 };

static void must(bool holds)
{
    if (!holds)
        abort();
}

static void set_point(const cJSON *tree)
{
    const struct lease_station station = {.governed = true,
                                          .writable = true,
                                          .reachable = true,
                                          .fallback_ma = 6000,
                                          .rated_ma = 32000,
                                          .minimum_ma = 6000,
                                          .step_ma = 1000};
    struct lease_setpoint setpoint;
    struct ew_reason reason = {0};
    struct lease lease;
    int64_t wake;
    lease_begin(&lease, &station, NOW);
    if (lease_read_setpoint(tree, &setpoint, &reason) != EW_OK) {
        must(reason.code[0] && reason.text[0]);
        return;
    }
    if (lease_offer(&lease, &station, &setpoint, NOW) != LEASE_TAKEN)
        return;
    must(lease.until_ms <= NOW + LEASE_AHEAD_MAX_MS + LEASE_VALID_MAX_S * 1000);
    must(lease.limit_ma == 0 || (lease.limit_ma >= 6000 && lease.limit_ma <= 32000));
    must(lease.limit_ma <= setpoint.limit_ma);
    must(lease_offer(&lease, &station, &setpoint, NOW) == LEASE_OLD);
    must(lease_next(&lease, &station, NOW, &wake) == lease.limit_ma);
    (void)lease_wrote(&lease, &station, lease.limit_ma, true, lease.limit_ma, NOW);
    int32_t end_ma = lease_next(&lease, &station, lease.until_ms, &wake);
    must(lease.state == LEASE_FALLBACK && lease.limit_ma <= 6000 && end_ma <= 6000);
}

static void command(const cJSON *tree)
{
    struct command read;
    struct ew_reason reason = {0};
    int64_t latest = 0;
    if (command_read(tree, &read, &reason) != EW_OK) {
        must(reason.code[0] && reason.text[0]);
        return;
    }
    must(read.id[0] && memchr(read.name, 0, sizeof(read.name)));
    for (int64_t expiry_s = -1; expiry_s < 8; expiry_s++)
        if (command_latest(&read, expiry_s, NOW, 0, &latest, &reason) == EW_OK)
            must(latest >= NOW && latest <= NOW + COMMAND_LIFE_MS);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cJSON *tree = NULL;
    struct ew_reason reason = {0};
    if (ew_json_parse((const char *)data, size, EW_MQTT_PAYLOAD_MAX, &tree, &reason) != EW_OK)
        return 0;
    set_point(tree);
    command(tree);
    cJSON_Delete(tree);
    return 0;
}
