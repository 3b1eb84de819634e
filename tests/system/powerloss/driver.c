// Writes history and a site file the way the services do, with the services' own code; or checks what is left
// of them.
//     driver write FOLDER MIGRATIONS          says "slot N" / "site N" on descriptor 3 after each that must
//     last driver check FOLDER MIGRATIONS SLOTS SITE   exit 0 when at least so many are there and everything
//     agrees
#include "base/file.h"
#include "base/json.h"
#include "recorder/sampler.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SLOTS = 40, DEVICES = 6, START_S = 1772366400, MARK_FD = 3 }; // from 2026-03-01T12:00:00Z

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

static int check_history(const char *folder, const char *migrations, int slots)
{
    char path[512];
    struct store *store;
    struct ew_reason reason;
    snprintf(path, sizeof(path), "%s/history.db", folder);
    if (store_open(path, migrations, &store, &reason) != EW_OK)
        return complain("store", &reason);
    double findings =
        number(store, "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check != 'ok'");
    double have = number(store, "SELECT count(DISTINCT slot) FROM sample");
    double partial =
        number(store, "SELECT count(*) FROM (SELECT slot FROM sample GROUP BY slot HAVING count(*) != 12)");
    double steps = number(store, "SELECT total(value) FROM sample JOIN series ON id = series WHERE kind = 1");
    double readings =
        number(store, "SELECT total(high) FROM sample JOIN series ON id = series WHERE kind = 1 AND "
                      "slot = (SELECT max(slot) FROM sample)");
    double finished =
        number(store, "SELECT total(value) FROM sample JOIN series ON id = series WHERE kind = 1 AND "
                      "slot < (SELECT until FROM rolled)");
    double hours = number(store, "SELECT total(value) FROM hour");
    double first_day = number(store, "SELECT total(value) FROM hour WHERE start < 1772409600 AND "
                                     "(SELECT until FROM rolled) > 1772409600");
    double days = number(store, "SELECT total(value) FROM day");
    store_close(store);
    bool agree = steps == readings && finished == hours && first_day == days;
    if (findings == 0 && have >= slots && partial == 0 && agree)
        return 0;
    fprintf(stderr,
            "findings %g, slots %g of %d, partial %g, steps %g readings %g, finished %g hours %g, first day "
            "%g days %g\n",
            findings, have, slots, partial, steps, readings, finished, hours, first_day, days);
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
