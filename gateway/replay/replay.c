#include "replay/replay.h"

#include "base/clock.h"
#include "base/file.h"
#include "replay/metrics.h"
#include "replay/plot.h"
#include "replay/run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { EXIT_DONE, EXIT_NO, EXIT_USAGE, OUTPUT_MAX = 64 << 20, FLUSH_BYTES = 1 << 16, SLOW_SAMPLES = 500000 };

struct options {
    const char *scenario, *plot;
    bool summary, help;
};

static const char usage[] =
    "Usage: edgewatt replay SCENARIO.json [--plot FILE.svg] [--summary]\n"
    "\n"
    "Runs the Green'Up controller over a scenario in virtual time and prints one JSON object a tick:\n"
    "currents, bands, mode, limits, and what was commanded why.\n"
    "\n"
    "  --plot FILE.svg  draws currents, bands, limits and events\n"
    "  --summary        prints the figures of the whole run instead of the ticks\n"
    "  --help           prints this\n"
    "\n"
    "Exit codes: 0 done, 1 the scenario is refused or a file can't be read or written, 2 usage.\n";

static bool parse(int argc, char **argv, struct options *o)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0) {
            o->help = true;
        } else if (strcmp(argv[i], "--summary") == 0) {
            o->summary = true;
        } else if (strcmp(argv[i], "--plot") == 0 && i + 1 < argc) {
            o->plot = argv[++i];
        } else if (argv[i][0] != '-' && !o->scenario) {
            o->scenario = argv[i];
        } else {
            fprintf(stderr, "edgewatt replay: \"%s\" is not understood\n\n%s", argv[i], usage);
            return false;
        }
    }
    if (!o->scenario && !o->help)
        fprintf(stderr, "edgewatt replay: which scenario?\n\n%s", usage);
    return o->scenario || o->help;
}

static bool load(const char *path, struct scenario *sc)
{
    struct ew_buf text;
    struct ew_reason reason;
    ew_buf_init(&text, SCENARIO_FILE_MAX);
    enum ew_err err = ew_file_read(path, SCENARIO_FILE_MAX, &text, &reason);
    if (err != EW_OK)
        fprintf(stderr, "%s: %s\n", path, reason.text);
    else if ((err = scenario_read(sc, ew_buf_text(&text), text.len, &reason)) != EW_OK)
        fprintf(stderr, "%s:%s: %s\n", path, reason.path, reason.text);
    ew_buf_done(&text);
    return err == EW_OK;
}

static bool put(struct ew_buf *buf)
{
    const bool ok = !buf->full && fwrite(buf->data ? buf->data : "", 1, buf->len, stdout) == buf->len;
    ew_buf_clear(buf);
    return ok;
}

// On a terminal a bar that is redrawn, else a line each tenth; nothing for runs that take no time.
static void progress(const struct run *run, int64_t samples, int64_t done)
{
    if (samples < SLOW_SAMPLES || done % (samples / 10) != 0)
        return;
    const int tenths = (int)(done / (samples / 10));
    if (!isatty(STDERR_FILENO))
        fprintf(stderr, "%d %% of %lld s\n", tenths * 10, (long long)(run->sc->until_ms / 1000));
    else
        fprintf(stderr, "\r[%.*s%.*s]%s", tenths, "##########", 10 - tenths, "          ",
                tenths == 10 ? "\n" : "");
}

static bool run_all(const struct scenario *sc, const struct options *o, struct metrics *metrics,
                    struct plot *plot)
{
    struct run *run = run_new(sc);
    struct ew_buf lines;
    ew_buf_init(&lines, OUTPUT_MAX);
    const int64_t samples = sc->until_ms / sc->settings.sample_ms + 1;
    const int64_t started_us = ew_clock_up_us();
    int64_t done = 0;
    bool ok = true;
    while (ok && run_step(run)) {
        if (metrics)
            metrics_sample(metrics, run);
        if (plot)
            plot_sample(plot, run);
        if (!o->summary)
            run_line(run, &lines);
        if (lines.len >= FLUSH_BYTES)
            ok = put(&lines);
        progress(run, samples, ++done);
    }
    if (metrics && ok) {
        metrics_write(metrics, &lines);
        // Figures that differ from run to run are kept out of the result.
        fprintf(stderr, "%lld samples, %.2f us each\n", (long long)done,
                (double)(ew_clock_up_us() - started_us) / (double)(done ? done : 1));
    }
    ok = ok && put(&lines) && fflush(stdout) == 0;
    ew_buf_done(&lines);
    run_free(run);
    if (!ok)
        fprintf(stderr, "edgewatt replay: can't write the output\n");
    return ok;
}

static bool write_plot(const struct plot *plot, const char *path)
{
    struct ew_buf svg;
    struct ew_reason reason;
    ew_buf_init(&svg, OUTPUT_MAX);
    plot_write(plot, &svg);
    const bool ok = ew_file_write(path, ew_buf_text(&svg), svg.len, 0644, &reason) == EW_OK;
    if (!ok)
        fprintf(stderr, "%s: %s\n", path, reason.text);
    ew_buf_done(&svg);
    return ok;
}

int replay_main(int argc, char **argv)
{
    struct options o = {0};
    if (!parse(argc, argv, &o))
        return EXIT_USAGE;
    if (o.help) {
        fputs(usage, stdout);
        return EXIT_DONE;
    }
    struct scenario *sc = malloc(sizeof(*sc));
    if (!sc)
        abort();
    scenario_init(sc);
    bool ok = load(o.scenario, sc);
    struct metrics *metrics = ok && o.summary ? metrics_new(sc) : NULL;
    const char *name = strrchr(o.scenario, '/');
    struct plot *plot = ok && o.plot ? plot_new(sc, name ? name + 1 : o.scenario) : NULL;
    ok = ok && run_all(sc, &o, metrics, plot);
    ok = ok && (!plot || write_plot(plot, o.plot));
    metrics_free(metrics);
    plot_free(plot);
    scenario_done(sc);
    free(sc);
    return ok ? EXIT_DONE : EXIT_NO;
}
