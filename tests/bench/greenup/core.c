// How long the charging core takes: a control period of 100 stations, and a year of 50 stations.
//     bench_greenup_core [DAYS]
#include "base/clock.h"
#include "replay/metrics.h"
#include "replay/run.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { PERIODS = 20000, DAY_S = 86400 };

static uint64_t chance_state = 1;

// splitmix64
static uint64_t chance(void)
{
    uint64_t z = chance_state += UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

static int between(int low, int high)
{
    return low + (int)(chance() % (uint64_t)(high - low + 1));
}

static void site(struct scenario *sc, int stations, int amperes)
{
    scenario_init(sc);
    for (int p = 0; p < GREENUP_PHASES; p++) {
        sc->settings.max_ma[p] = amperes * 1000;
        sc->settings.charge_ma[p] = amperes * 920;
    }
    sc->station_count = stations;
    for (int i = 0; i < stations; i++) {
        (void)ew_format(sc->station[i].id, SCENARIO_ID_MAX, "S%03d", i);
        sc->station[i].cfg = (struct greenup_station){.rated_ma = i % 3 ? 32000 : 16000,
                                                      .phases = (uint8_t)(i % 2 ? 7 : 1 << i % 3),
                                                      .priority = i % 7 == 0,
                                                      .fallback_ma = 6000};
        scenario_wire(&sc->station[i]);
    }
    scenario_rank(sc);
}

static void add_base(struct scenario *sc, int64_t at_s, int amperes)
{
    struct scenario_event e = scenario_event(SCENARIO_BASE, at_s * 1000, 0);
    for (int p = 0; p < GREENUP_PHASES; p++)
        e.base_ma[p] = between(amperes * 700, amperes * 1300);
    scenario_add(sc, &e);
}

static void add_day(struct scenario *sc, int64_t day, int base)
{
    for (int q = 0; q < 96; q++)
        add_base(sc, day * DAY_S + q * 900, q > 32 && q < 72 ? base * 2 : base);
    for (int i = 0; i < sc->station_count; i++) {
        const int64_t come = day * DAY_S + between(7 * 3600, 10 * 3600);
        struct scenario_event e = scenario_event(SCENARIO_PLUG, come * 1000, i);
        e.wants_ma = between(10, 32) * 1000;
        e.energy_wh = between(3000, 40000);
        scenario_add(sc, &e);
        e = scenario_event(SCENARIO_UNPLUG, (come + between(2 * 3600, 9 * 3600)) * 1000, i);
        scenario_add(sc, &e);
    }
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double now_us(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

// Only greenup_step is measured: the plant's time is not ours.
static void bench_period(void)
{
    static struct scenario sc;
    static double us[PERIODS];
    static struct greenup_out out;
    site(&sc, 100, 800);
    sc.until_ms = INT64_C(5000) * PERIODS;
    for (int i = 0; i < 100; i++) {
        struct scenario_event e = scenario_event(SCENARIO_PLUG, between(0, 3600) * INT64_C(1000), i);
        e.wants_ma = 32000;
        scenario_add(&sc, &e);
    }
    for (int64_t t = 0; t < 5 * PERIODS; t += 300)
        add_base(&sc, t, 250);
    scenario_sort(&sc);
    struct run *run = run_new(&sc);
    struct greenup *copy = malloc(sizeof(*copy));
    if (!copy)
        abort();
    for (int i = 0; i < PERIODS; i++) {
        // The same step again on a copy, with the clock around it alone.
        *copy = run->core;
        (void)run_step(run);
        struct greenup_in in = {.meter = {.phases = 7, .at_ms = run->now_ms}, .stations = run->readings};
        for (int p = 0; p < GREENUP_PHASES; p++)
            in.meter.i_ma[p] = run->meter_ma[p];
        const double start = now_us();
        greenup_step(copy, &in, run->now_ms, &out);
        us[i] = now_us() - start;
    }
    qsort(us, PERIODS, sizeof(us[0]), by_value);
    printf("control period, 100 stations: median %.1f us, p99 %.1f us, worst %.1f us (%d periods)\n",
           us[PERIODS / 2], us[PERIODS * 99 / 100], us[PERIODS - 1], PERIODS);
    free(copy);
    run_free(run);
    scenario_done(&sc);
}

static void bench_year(int days)
{
    static struct scenario sc;
    site(&sc, 50, 400);
    sc.until_ms = INT64_C(1000) * DAY_S * days;
    for (int day = 0; day < days; day++)
        add_day(&sc, day, 90);
    scenario_sort(&sc);
    struct run *run = run_new(&sc);
    struct metrics *metrics = metrics_new(&sc);
    const int64_t start = ew_clock_up_us();
    while (run_step(run))
        metrics_sample(metrics, run);
    const double seconds = (double)(ew_clock_up_us() - start) / 1e6;
    struct ew_buf text;
    ew_buf_init(&text, 1 << 20);
    metrics_write(metrics, &text);
    printf("%d days, 50 stations: %.1f s\n%s", days, seconds, ew_buf_text(&text));
    ew_buf_done(&text);
    metrics_free(metrics);
    run_free(run);
    scenario_done(&sc);
}

int main(int argc, char **argv)
{
    bench_period();
    bench_year(argc > 1 ? (int)strtol(argv[1], NULL, 10) : 365);
    return 0;
}
