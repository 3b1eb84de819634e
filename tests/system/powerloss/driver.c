// Writes history and a site file the way the services do, with the services' own code; or checks what is left
// of them.
//     driver write FOLDER MIGRATIONS          says "slot N" / "site N" on descriptor 3 after each that must
//     last driver check FOLDER MIGRATIONS SLOTS SITE   exit 0 when at least so many are there and everything
//     agrees
#include "base/file.h"
#include "base/json.h"
#include "recorder/past.h"
#include "recorder/sampler.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SLOTS = 90, DEVICES = 6, START_S = 1772366400, MARK_FD = 3 }; // from 2026-03-01T12:00:00Z

static int complain(const char *what, const struct ew_reason *reason)
{
    fprintf(stderr, "%s: %s %s\n", what, reason->path, reason->text);
    return 1;
}

static void ignore_event(void *user, const struct ew_reason *event)
{
    (void)user;
    (void)event;
}

static void mark(const char *what, int number)
{
    char text[32];
    int n = snprintf(text, sizeof(text), "%s %d\n", what, number);
    if (write(MARK_FD, text, (size_t)n) != n)
        abort();
}

static int write_site(const char *folder, int number)
{
    char path[512], text[4096];
    struct ew_reason reason;
    snprintf(path, sizeof(path), "%s/site.json", folder);
    int n = snprintf(text, sizeof(text), "{\"rev\":%d,\"filler\":\"%0*d\"}\n", number, 700 + number * 37, 0);
    if (ew_file_write(path, text, (size_t)n, 0600, &reason) != EW_OK)
        return complain("site", &reason);
    mark("site", number);
    return 0;
}

static int write_all(const char *folder, const char *migrations)
{
    char path[512];
    struct store *store;
    struct ew_reason reason;
    snprintf(path, sizeof(path), "%s/history.db", folder);
    if (store_open(path, migrations, &store, &reason) != EW_OK)
        return complain("store", &reason);
    struct sampler *sampler = sampler_new(store, "boot", 0, ignore_event, NULL);
    if (sampler_load(sampler, &reason) != EW_OK)
        return complain("load", &reason);
    struct sampler_now now = {.wall_s = START_S, .up_ms = 1000, .synchronised = true};
    for (int slot = 0; slot <= SLOTS; slot++) {
        for (int tick = 0; tick < 2; tick++) // the second has time to pack
            if (sampler_tick(sampler, &now, &reason) != EW_OK)
                return complain("tick", &reason);
        if (slot > 0)
            mark("slot", slot);
        if (slot % 5 == 0 && write_site(folder, slot / 5) != 0)
            return 1;
        for (int minute = 0; minute < 10; minute += 5) {
            for (int device = 1; device <= DEVICES; device++) {
                double wh = slot * 100.0 * device + minute * 10.0 * device;
                sampler_reading(sampler, device, "active_energy_import", true, wh, now.up_ms, &now);
                sampler_reading(sampler, device, "active_power", false, 600.0 * device, now.up_ms, &now);
            }
            now.wall_s += 300;
            now.up_ms += 300000;
        }
    }
    sampler_free(sampler);
    store_close(store);
    return 0;
}

static double number(struct store *store, const char *sql)
{
    sqlite3_stmt *q = NULL;
    double value = -1;
    if (sqlite3_prepare_v2(store_db(store), sql, -1, &q, NULL) == SQLITE_OK && sqlite3_step(q) == SQLITE_ROW)
        value = sqlite3_column_double(q, 0);
    sqlite3_finalize(q);
    return value;
}

// What is left of history, read as the service reads it.
struct left {
    int64_t counts[DEVICES + 1][SLOTS + 1]; // values of a slot: a counter's and a gauge's
    int64_t steps_th, finished_th, rolled_s;
};

static void add_value(void *user, int64_t series, const struct history_value *value)
{
    struct left *left = user;
    int64_t slot = (value->start_s - START_S) / 600;
    if (slot < 0 || slot > SLOTS)
        return;
    left->counts[(series + 1) / 2][slot]++;
    if (series % 2 == 0 || !value->has_value) // odd ids are the counters: they are read first
        return;
    left->steps_th += value->value_th;
    if (value->start_s < left->rolled_s)
        left->finished_th += value->value_th;
}

static void read_left(struct sampler *sampler, struct left *left)
{
    struct ew_reason reason;
    for (int counter = 0; counter < 2; counter++) {
        int64_t ids[DEVICES];
        for (int device = 0; device < DEVICES; device++)
            ids[device] = 2 * device + (counter ? 1 : 2);
        if (past_read(sampler, ids, DEVICES, counter, 0, 4000000000, add_value, left, &reason) != EW_OK)
            exit(complain("read", &reason));
    }
}

// Slots that are whole, and slots that are there in part.
static void count_slots(const struct left *left, int *ret_whole, int *ret_partial)
{
    *ret_whole = *ret_partial = 0;
    for (int slot = 0; slot <= SLOTS; slot++) {
        int64_t whole = 0, any = 0;
        for (int device = 1; device <= DEVICES; device++) {
            whole += left->counts[device][slot] == 2;
            any += left->counts[device][slot];
        }
        *ret_whole += whole == DEVICES;
        *ret_partial += any > 0 && whole != DEVICES;
    }
}

static int check_history(const char *folder, const char *migrations, int slots)
{
    char path[512];
    struct store *store;
    struct ew_reason reason;
    static struct left left;
    snprintf(path, sizeof(path), "%s/history.db", folder);
    if (store_open(path, migrations, &store, &reason) != EW_OK)
        return complain("store", &reason);
    struct sampler *sampler = sampler_new(store, "boot", 0, ignore_event, NULL);
    if (sampler_load(sampler, &reason) != EW_OK)
        return complain("load", &reason);
    left.rolled_s = sampler_rolled_s(sampler);
    read_left(sampler, &left);
    int have, partial, seen = 0;
    count_slots(&left, &have, &partial);
    struct sampler_total total = {.value_th = 0};
    while (sampler_total_at(sampler, seen, &total) && total.kind != SAMPLER_SITE)
        seen++;
    double findings =
        number(store, "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check != 'ok'");
    double days = number(store, "SELECT total(value) FROM day");
    // The counters began at 0: what they moved is what they say. Each slot brings 100 x device, and its first
    // 5 minutes are at its start.
    double moved = have > 0 ? ((have - 1) * 100.0 + 50.0) * 21 * 1000 : 0;
    sampler_free(sampler);
    store_close(store);
    bool agree = (double)left.steps_th == moved && (double)left.finished_th == days &&
                 (have == 0 || total.value_th == left.steps_th);
    if (findings == 0 && have >= slots && partial == 0 && agree)
        return 0;
    fprintf(
        stderr,
        "findings %g, slots %d of %d, partial %d, steps %lld moved %g total %lld, finished %lld days %g\n",
        findings, have, slots, partial, (long long)left.steps_th, moved, (long long)total.value_th,
        (long long)left.finished_th, days);
    return 1;
}

static int check_site(const char *folder, int rev)
{
    char path[512];
    struct ew_reason reason;
    struct ew_buf text;
    cJSON *tree = NULL;
    snprintf(path, sizeof(path), "%s/site.json", folder);
    ew_buf_init(&text, 65536);
    enum ew_err err = ew_file_read(path, 65536, &text, &reason);
    if (err == EW_OK)
        err = ew_json_parse(ew_buf_text(&text), text.len, 65536, &tree, &reason);
    ew_buf_done(&text);
    if (err != EW_OK)
        return rev < 0 && err == EW_E_UNKNOWN ? 0 : complain("site", &reason);
    const cJSON *found = cJSON_GetObjectItemCaseSensitive(tree, "rev");
    int bad = !cJSON_IsNumber(found) || found->valueint < rev;
    if (bad)
        fprintf(stderr, "site rev %d, wanted %d\n", found ? found->valueint : -1, rev);
    cJSON_Delete(tree);
    return bad;
}

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "write") == 0)
        return write_all(argv[2], argv[3]);
    if (argc == 6 && strcmp(argv[1], "check") == 0)
        return check_history(argv[2], argv[3], (int)strtol(argv[4], NULL, 10)) ||
               check_site(argv[2], (int)strtol(argv[5], NULL, 10));
    return 2;
}
