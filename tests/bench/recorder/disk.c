// Three days of a site as the recorder stores them: 100 devices x 24 values (6 counters, 18 measured) at 10
// minutes, in virtual time, and the CSV files of it every six hours. Usage: disk FOLDER MIGRATIONS [DAYS
// [nocsv]]. disk.sh counts the sectors it costs.
#include "base/clock.h"
#include "recorder/csv_tree.h"
#include "recorder/sampler.h"
#include <stdio.h>
#include <stdlib.h>

enum { DEVICES = 100, GAUGES = 18, COUNTERS = 6, START_S = 1772366400, READ_EVERY_S = 300 };

static void ignore_event(void *user, const struct ew_reason *event)
{
    (void)user;
    (void)event;
}

static void read_devices(struct sampler *sampler, const struct sampler_now *now, double day)
{
    char quantity[32];
    for (int device = 1; device <= DEVICES; device++) {
        for (int g = 0; g < GAUGES; g++) {
            snprintf(quantity, sizeof(quantity), "gauge_%02d", g);
            sampler_reading(sampler, device, quantity, false, 230 + g + device * 0.37 + day * 1.1, now->up_ms,
                            now);
        }
        for (int c = 0; c < COUNTERS; c++) {
            snprintf(quantity, sizeof(quantity), "counter_%02d", c);
            sampler_reading(sampler, device, quantity, true,
                            (double)(now->up_ms / 1000) * device * (c + 1) / 10, now->up_ms, now);
        }
    }
}

static void write_csv(const char *folder, const cJSON *site, int64_t until_s)
{
    static const struct calendar_zone utc = {.count = 1, .transitions = {{INT64_MIN, 0}}};
    atomic_bool cancel = false;
    atomic_int per_mille = 0;
    struct csv_tree tree = {folder, site, &utc, {',', ';'}, INT64_MIN, until_s, &cancel, &per_mille};
    struct ew_reason reason;
    if (csv_tree_write(&tree, &reason) != EW_OK) {
        fprintf(stderr, "%s: %s\n", reason.path, reason.text);
        exit(1);
    }
}

int main(int argc, char **argv)
{
    if (argc < 3)
        return 2;
    int days = argc > 3 ? (int)strtol(argv[3], NULL, 10) : 3;
    char path[512];
    struct store *store;
    struct ew_reason reason;
    snprintf(path, sizeof(path), "%s/history.db", argv[1]);
    if (store_open(path, argv[2], &store, &reason) != EW_OK) {
        fprintf(stderr, "%s: %s\n", reason.path, reason.text);
        return 1;
    }
    struct sampler *sampler = sampler_new(store, "boot", 0, ignore_event, NULL);
    if (sampler_load(sampler, &reason) != EW_OK)
        return 1;
    struct sampler_now now = {.wall_s = START_S, .up_ms = 1000, .synchronised = true};
    cJSON *site = cJSON_CreateObject();
    int64_t begun_us = ew_clock_up_us();
    for (int step = 0; step <= days * 86400 / READ_EVERY_S; step++) {
        if (sampler_tick(sampler, &now, &reason) != EW_OK) {
            fprintf(stderr, "%s: %s\n", reason.path, reason.text);
            return 1;
        }
        if (argc <= 4 && step > 0 && step % (6 * 3600 / READ_EVERY_S) == 0)
            write_csv(argv[1], site, now.wall_s);
        read_devices(sampler, &now, (double)step * READ_EVERY_S / 86400);
        now.wall_s += READ_EVERY_S;
        now.up_ms += (int64_t)READ_EVERY_S * 1000;
    }
    printf("%d days, %.1f ms a slot, database %.1f MB\n", days,
           (double)(ew_clock_up_us() - begun_us) / 1000 / (days * 144),
           (double)store_size_bytes(store) / 1e6);
    cJSON_Delete(site);
    sampler_free(sampler);
    store_close(store);
    return 0;
}
