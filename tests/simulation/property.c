// Random runs of the charging controller, every invariant checked at every sample:
//     property KIND RUNS [FIRST_SEED]      runs of one kind; a failure is made small and kept in regression/
//     property regression                  the kept ones
//     property noise                       runs with a noisy meter, against the measured tables
#include "base/file.h"
#include "chance.h"
#include "invariants.h"
#include "shrink.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_MAX = 1 << 22 };

static const struct chance_kind kinds[] = {
    {.name = "plain1", .lag_ticks = 1, .seconds = 1800, .quiet_s = 1500},
    {.name = "plain2", .lag_ticks = 2, .seconds = 1800, .quiet_s = 1500},
    {.name = "plain3", .lag_ticks = 3, .seconds = 1800, .quiet_s = 1500},
    {.name = "people", .seconds = 2400, .quiet_s = 300, .people = true},
    {.name = "faults", .seconds = 2400, .quiet_s = 300, .faults = true, .people = true, .restarts = true},
    {.name = "restarts", .seconds = 2400, .quiet_s = 300, .people = true, .restarts = true},
    {.name = "changes", .seconds = 2400, .people = true, .changes = true, .restarts = true, .faults = true},
    {.name = "dedicated",
     .seconds = 2400,
     .people = true,
     .faults = true,
     .restarts = true,
     .dedicated = true},
    {.name = "between", .seconds = 1200, .people = true, .between = true, .restarts = true, .faults = true},
    {.name = "early",
     .seconds = 1200,
     .people = true,
     .between = true,
     .early = true,
     .restarts = true,
     .faults = true},
    {.name = "emptied", .seconds = 1800, .quiet_s = 900, .emptied = true},
    {.name = "long1", .lag_ticks = 1, .seconds = 3600, .quiet_s = 3600},
    {.name = "strange", .seconds = 2400, .people = true, .strange = true, .restarts = true},
};

struct trial {
    const struct chance_kind *kind;
    char problem[400]; // of the last trial
    int64_t longest_over_ms;
    int late_commands;
    double noise, tolerance; // shares of I_max
    uint64_t noise_seed;
};

struct noise {
    struct chance chance;
    double sigma;
    const struct run *run;
};

static void add_noise(void *user, int64_t now_ms, int32_t ma[GREENUP_PHASES])
{
    struct noise *noise = user;
    (void)now_ms;
    for (int p = 0; p < GREENUP_PHASES; p++) {
        const double added = chance_normal(&noise->chance) * noise->sigma * noise->run->core.set.max_ma[p];
        ma[p] = ma[p] + added > 0 ? (int32_t)(ma[p] + added) : 0;
    }
}

static bool run_trial(struct trial *trial, const struct scenario *sc)
{
    struct run *run = run_new(sc);
    struct noise noise = {.chance = {trial->noise_seed}, .sigma = trial->noise, .run = run};
    static struct check check;
    check_init(&check);
    check.noisy = trial->noise > 0;
    check.tolerance = trial->tolerance;
    check.alone = trial->kind && trial->kind->emptied;
    if (trial->noise > 0) {
        run->noise = add_noise;
        run->user = &noise;
    }
    bool ok = true;
    while (ok && run_step(run))
        ok = check_step(&check, run);
    ok = ok && check_end(&check, run);
    trial->longest_over_ms = check.longest_over_ms;
    trial->late_commands = check.late_commands;
    ew_copy(trial->problem, sizeof(trial->problem), check.problem);
    run_free(run);
    return ok;
}

// ---- The same whatever the order of the stations --------------------------------------------------------

static void turn_around(struct scenario *to, const struct scenario *from)
{
    shrink_copy(to, from, 0, 0, -1);
    for (int i = 0; i < from->station_count; i++)
        to->station[i] = from->station[from->station_count - 1 - i];
    for (int i = 0; i < to->event_count; i++)
        to->events[i].station = from->station_count - 1 - to->events[i].station;
}

static bool same_sample(const struct run *a, const struct run *b)
{
    const int last = a->core.count - 1;
    if (a->out.command_count != b->out.command_count)
        return false;
    for (int i = 0; i < a->out.command_count; i++) {
        const struct greenup_command *x = &a->out.commands[i], *y = &b->out.commands[i];
        if (x->station != last - y->station || x->what != y->what || x->limit_ma != y->limit_ma ||
            x->why != y->why)
            return false;
    }
    for (int i = 0; i <= last; i++)
        if (greenup_limit_ma(&a->core, i) != greenup_limit_ma(&b->core, last - i))
            return false;
    return true;
}

static bool same_turned(struct trial *trial, const struct scenario *sc)
{
    static struct scenario turned;
    turn_around(&turned, sc);
    struct run *a = run_new(sc), *b = run_new(&turned);
    bool same = true;
    while (same && run_step(a))
        same = run_step(b) && same_sample(a, b);
    if (!same)
        (void)ew_format(trial->problem, sizeof(trial->problem),
                        "A10.15 another order of stations, another decision (t %g s)",
                        (double)a->now_ms / 1000);
    run_free(a);
    run_free(b);
    scenario_done(&turned);
    return same;
}

// ---- Failures -------------------------------------------------------------------------------------------

struct failure {
    struct trial trial;
    char name[32]; // first word of the problem
};

static bool fails_alike(void *user, const struct scenario *sc)
{
    struct failure *failure = user;
    if (strcmp(failure->name, "A10.15") == 0)
        return !same_turned(&failure->trial, sc);
    return !run_trial(&failure->trial, sc) &&
           strncmp(failure->trial.problem, failure->name, strlen(failure->name)) == 0;
}

static void keep(struct scenario *sc, const struct trial *trial, uint64_t seed)
{
    static struct failure failure;
    failure.trial = *trial;
    ew_copy(failure.name, sizeof(failure.name), trial->problem);
    failure.name[strcspn(failure.name, " ")] = 0;
    shrink(sc, fails_alike, &failure);
    (void)fails_alike(&failure, sc);
    struct ew_buf text;
    struct ew_reason reason;
    char path[512];
    ew_buf_init(&text, FILE_MAX);
    scenario_write(sc, &text);
    (void)snprintf(path, sizeof(path), "%s/tests/simulation/regression/%s-%llu.json", EDGEWATT_SOURCE_DIR,
                   trial->kind->name, (unsigned long long)seed);
    if (ew_file_write(path, ew_buf_text(&text), text.len, 0644, &reason) != EW_OK)
        printf("%s\n%s\n", reason.text, ew_buf_text(&text));
    printf("%s, seed %llu: %s\n  made small: %s\n  kept as %s\n", trial->kind->name, (unsigned long long)seed,
           trial->problem, failure.trial.problem, path);
    ew_buf_done(&text);
}

static int run_kind(const struct chance_kind *kind, int runs, uint64_t first)
{
    static struct scenario sc;
    struct trial trial = {.kind = kind};
    int64_t longest_ms = 0;
    for (int i = 0; i < runs; i++) {
        const uint64_t seed = first + (uint64_t)i;
        chance_scenario(&sc, kind, seed);
        const bool ok = run_trial(&trial, &sc) && (i % 10 != 0 || same_turned(&trial, &sc));
        if (!ok)
            keep(&sc, &trial, seed);
        longest_ms = trial.longest_over_ms > longest_ms ? trial.longest_over_ms : longest_ms;
        scenario_done(&sc);
        if (!ok)
            return 1;
    }
    printf("%s: %d runs, longest overload %lld s\n", kind->name, runs, (long long)longest_ms / 1000);
    return 0;
}

static int run_kept(void)
{
    static struct scenario sc;
    const char *folder = EDGEWATT_SOURCE_DIR "/tests/simulation/regression";
    DIR *dir = opendir(folder);
    int failed = 0, count = 0;
    for (const struct dirent *entry; dir && (entry = readdir(dir)) != NULL;) {
        if (!strstr(entry->d_name, ".json"))
            continue;
        char path[512];
        struct ew_buf text;
        struct ew_reason reason;
        struct trial trial = {0};
        (void)snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
        ew_buf_init(&text, FILE_MAX);
        scenario_init(&sc);
        count++;
        if (ew_file_read(path, FILE_MAX, &text, &reason) != EW_OK ||
            scenario_read(&sc, ew_buf_text(&text), text.len, &reason) != EW_OK) {
            printf("%s: %s: %s\n", path, reason.path, reason.text);
            failed++;
        } else if (!run_trial(&trial, &sc) || !same_turned(&trial, &sc)) {
            printf("%s: %s\n", entry->d_name, trial.problem);
            failed++;
        }
        scenario_done(&sc);
        ew_buf_done(&text);
    }
    if (dir)
        closedir(dir);
    printf("regression: %d kept, %d failed\n", count, failed);
    return failed > 0 || !dir;
}

// ---- Noise ----------------------------------------------------------------------------------------------

// Longest overload in ticks, with 1 % tolerance, by lag and by noise of 0.5, 1 and 2 % of I_max; and commands
// later than 15 min after the last event. Lag 1 is from the control notes (A10.2), lag 2 and 3 were measured
// here.
static const struct noise_row {
    double sigma;
    int ticks[3]; // lag 1, 2, 3
    int late;     // commands in the first LATE_RUNS runs (A10.6)
} noise_rows[] = {{0.005, {3, 4, 5}, 1}, {0.01, {6, 7, 8}, 2}, {0.02, {8, 9, 10}, 21}};
enum { LATE_RUNS = 60 };

static int run_noise(void)
{
    static struct scenario sc;
    int failed = 0;
    for (size_t r = 0; r < sizeof(noise_rows) / sizeof(noise_rows[0]); r++)
        for (int lag = 1; lag <= 3; lag++) {
            const struct noise_row *row = &noise_rows[r];
            struct trial trial = {.kind = &kinds[lag - 1], .noise = row->sigma, .tolerance = 0.01};
            int longest = 0, late = 0;
            for (uint64_t seed = 1; seed <= 200; seed++) {
                chance_scenario(&sc, &kinds[lag - 1], seed);
                trial.noise_seed = seed;
                if (!run_trial(&trial, &sc)) {
                    printf("noise %g, lag %d, seed %llu: %s\n", row->sigma, lag, (unsigned long long)seed,
                           trial.problem);
                    failed = 1;
                }
                const int ticks = (int)(trial.longest_over_ms / sc.settings.tick_ms);
                longest = ticks > longest ? ticks : longest;
                late += seed <= LATE_RUNS ? trial.late_commands : 0;
                scenario_done(&sc);
            }
            const bool ok = longest <= row->ticks[lag - 1] && late <= row->late;
            printf("noise %.1f %%, lag %d: %d ticks over the limit (%d allowed), %d late commands (%d)%s\n",
                   row->sigma * 100, lag, longest, row->ticks[lag - 1], late, row->late,
                   ok ? "" : "  <-- too many");
            failed = failed || !ok;
        }
    return failed;
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc == 2 && strcmp(argv[1], "regression") == 0)
        return run_kept();
    if (argc == 2 && strcmp(argv[1], "noise") == 0)
        return run_noise();
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]) && argc >= 3; i++)
        if (strcmp(argv[1], kinds[i].name) == 0)
            return run_kind(&kinds[i], (int)strtol(argv[2], NULL, 10),
                            argc > 3 ? strtoull(argv[3], NULL, 10) : 1);
    fprintf(stderr, "property KIND RUNS [FIRST_SEED] | regression | noise\n");
    return 2;
}
