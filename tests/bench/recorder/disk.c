// Three days of a site as the recorder stores them: 100 devices x 24 values (6 counters, 18 measured) at 10
// minutes, in virtual time, the CSV files of it every six hours and its backup every night. Usage: disk
// FOLDER MIGRATIONS [DAYS [nocsv]]. disk.sh counts the sectors it costs. EDGEWATT_PAST_MB: the database
// begins with a past of so many MB.
#include "base/clock.h"
#include "recorder/csv_tree.h"
#include "recorder/keeper.h"
#include "recorder/sampler.h"
#include "store/samefile.h"
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

static void add_past(struct store *store)
{
    char sql[256];
    const char *megabytes = getenv("EDGEWATT_PAST_MB");
    snprintf(
        sql, sizeof(sql),
        "CREATE TABLE past (bytes); WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < "
        "%d * 2000) INSERT INTO past SELECT randomblob(490) FROM n",
        megabytes ? (int)strtol(megabytes, NULL, 10) : 0);
    if (megabytes && sqlite3_exec(store_db(store), sql, NULL, NULL, NULL) != SQLITE_OK)
        exit(1);
}

// Once a second, for a step; says what a night cost.
static void keep(struct keeper *keeper, const struct sampler_now *now)
{
    static const struct calendar_zone utc = {.count = 1, .transitions = {{INT64_MIN, 0}}};
    static int64_t told;
    struct ew_reason reason;
    for (int second = 0; second < READ_EVERY_S; second++)
        if (keeper_tick(keeper, &utc, now->wall_s + second, &reason) != EW_OK)
            fprintf(stderr, "%s\n", reason.text);
    int64_t written = samefile_written();
    if (now->wall_s % 86400 == 12 * 3600 && written != told)
        printf("the backup of the night wrote %.1f MB\n", (double)(written - told) / 1e6);
    if (now->wall_s % 86400 == 12 * 3600)
        told = written;
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
    add_past(store);
    struct keeper *keeper = keeper_new(store, sampler, argv[1]);
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
        keep(keeper, &now);
        read_devices(sampler, &now, (double)step * READ_EVERY_S / 86400);
        now.wall_s += READ_EVERY_S;
        now.up_ms += (int64_t)READ_EVERY_S * 1000;
    }
    printf("%d days, %.1f ms a slot, database %.1f MB\n", days,
           (double)(ew_clock_up_us() - begun_us) / 1000 / (days * 144),
           (double)store_size_bytes(store) / 1e6);
    cJSON_Delete(site);
    keeper_free(keeper);
    sampler_free(sampler);
    store_close(store);
    return 0;
}
