#include "simulator/simulator.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "service/paths.h"
#include "simulator/control.h"
#include <getopt.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TICK_MS = 200 };

struct options {
    const char *site, *trace, *data_dir, *control;
    struct building_options building;
};

static const char help[] =
    "Usage: edgewatt simulate SITE [OPTION]...\n"
    "Serves every device of a site file, from the profiles: over Modbus TCP, over RTU frames in TCP, and on\n"
    "pseudo-terminals that the addresses of serial buses become links to.\n\n"
    "  --trace CSV       recorded load instead of the shipped ones (columns: traces/*.csv)\n"
    "  --speed N         simulated seconds a second, 0.01 to 10000 (default 1)\n"
    "  --start HH:MM     time of the recording to begin at (default 18:00)\n"
    "  --seed N          another day of the same kind (default 1)\n"
    "  --listen ADDRESS  serve the network buses here instead of at their own addresses\n"
    "  --data DIR        use the profiles of this data folder too\n"
    "  --control PATH    a UNIX socket that takes control lines, as standard input does\n\n"
    "Control lines: type help. Prints \"simulating N devices on M buses\" when it listens; Ctrl-C ends it.\n";

// "18:00"
static bool read_start(const char *text, int64_t *ret)
{
    char *end;
    long hour = strtol(text, &end, 10);
    if (end == text || *end != ':' || hour < 0 || hour > 23)
        return false;
    text = end + 1;
    long minute = strtol(text, &end, 10);
    if (end == text || *end || minute < 0 || minute > 59)
        return false;
    *ret = (int64_t)hour * 3600 + minute * 60;
    return true;
}

static bool read_option(int option, const char *value, struct options *options)
{
    char *end;
    switch (option) {
    case 't':
        options->trace = value;
        return true;
    case 's':
        options->building.speed = strtod(value, &end);
        return *end == 0 && options->building.speed >= 0.01 && options->building.speed <= 10000;
    case 'b':
        return read_start(value, &options->building.start_second);
    case 'r':
        options->building.seed = strtoull(value, &end, 10);
        return *value && *end == 0;
    case 'l':
        options->building.listen = value;
        return true;
    case 'd':
        options->data_dir = value;
        return true;
    case 'c':
        options->control = value;
        return true;
    default:
        return false;
    }
}

// 0 = go on, else the exit code + 1.
static int read_options(int argc, char **argv, struct options *options)
{
    static const struct option names[] = {
        {"trace", required_argument, NULL, 't'},
        {"speed", required_argument, NULL, 's'},
        {"start", required_argument, NULL, 'b'},
        {"seed", required_argument, NULL, 'r'},
        {"listen", required_argument, NULL, 'l'},
        {"data", required_argument, NULL, 'd'},
        {"control", required_argument, NULL, 'c'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    options->building.speed = 1;
    options->building.seed = 1;
    options->building.start_second = 64800; // 18:00
    for (int c; (c = getopt_long(argc, argv, "", names, NULL)) != -1;) {
        if (c == 'h') {
            fputs(help, stdout);
            return 1;
        }
        if (!read_option(c, optarg, options)) {
            if (c != '?')
                fprintf(stderr, "edgewatt simulate: \"%s\" is not a value for that option\n", optarg);
            return 3;
        }
    }
    if (optind != argc - 1) {
        fputs(help, stderr);
        return 3;
    }
    options->site = argv[optind];
    return 0;
}

static void on_stop(void *user, int signal_number, int64_t now_ms)
{
    (void)signal_number;
    (void)now_ms;
    ew_loop_stop(user, 0);
}

struct ticking {
    struct ew_timer timer;
    struct ew_loop *loop;
    struct building *building;
};

static void on_tick(struct ew_timer *timer, int64_t now_ms)
{
    struct ticking *ticking = timer->user;
    building_catch_up(ticking->building, now_ms);
    ew_loop_timer_set(ticking->loop, timer, now_ms + TICK_MS);
}

static void on_problem(void *user, const char *path, const struct ew_reason *reason)
{
    (void)user;
    fprintf(stderr, "edgewatt simulate: %s:%s: %s, ignoring the profile\n", path, reason->path, reason->text);
}

static enum ew_err read_site(const char *path, cJSON **ret, struct ew_reason *reason)
{
    struct ew_buf buf;
    ew_buf_init(&buf, EW_SITE_FILE_MAX);
    enum ew_err err = ew_file_read(path, EW_SITE_FILE_MAX, &buf, reason);
    if (err == EW_OK)
        err = ew_json_parse(ew_buf_text(&buf), buf.len, EW_SITE_FILE_MAX, ret, reason);
    ew_buf_done(&buf);
    return err;
}

struct world {
    cJSON *site;
    struct library *library;
    struct trace trace;
    struct ew_loop *loop;
    struct building building;
    struct control *control;
};

static enum ew_err make_world(struct world *world, const struct options *options, struct ew_reason *reason)
{
    char share[PATH_MAX], traces[PATH_MAX];
    enum ew_err err = ew_share_dir(share, reason);
    if (err == EW_OK)
        err = read_site(options->site, &world->site, reason);
    if (err == EW_OK)
        err = library_load(share, options->data_dir, on_problem, NULL, &world->library, reason);
    if (err == EW_OK && options->trace)
        err = trace_add(&world->trace, options->trace, reason);
    else if (err == EW_OK) {
        ew_path(traces, share, "traces");
        err = trace_add_folder(&world->trace, traces, reason);
    }
    if (err == EW_OK)
        err = building_make(&world->building, world->site, world->library, &world->trace, world->loop,
                            &options->building, reason);
    if (err == EW_OK)
        err = control_new(&world->building, world->loop, true, options->control, &world->control, reason);
    return err;
}

static int run_world(struct world *world)
{
    struct ticking ticking = {.loop = world->loop, .building = &world->building};
    ticking.timer.fn = on_tick;
    ticking.timer.user = &ticking;
    ew_loop_timer_set(world->loop, &ticking.timer, ew_loop_now_ms(world->loop) + TICK_MS);
    printf("simulating %d devices on %d buses\n", world->building.device_count, world->building.server_count);
    fflush(stdout);
    int code = ew_loop_run(world->loop);
    ew_loop_timer_clear(world->loop, &ticking.timer);
    return code;
}

int simulate_main(int argc, char **argv)
{
    struct options options = {0};
    int stop = read_options(argc, argv, &options);
    if (stop)
        return stop - 1;
    struct world world = {.loop = ew_loop_new()};
    struct ew_reason reason;
    ew_loop_add_signal(world.loop, SIGINT, on_stop, world.loop);
    ew_loop_add_signal(world.loop, SIGTERM, on_stop, world.loop);
    int code = 1;
    if (make_world(&world, &options, &reason) == EW_OK)
        code = run_world(&world);
    else
        fprintf(stderr, "edgewatt simulate: %s%s%s\n", reason.path, reason.path[0] ? ": " : "", reason.text);
    control_free(world.control);
    building_done(&world.building);
    ew_loop_free(world.loop);
    trace_done(&world.trace);
    library_free(world.library);
    cJSON_Delete(world.site);
    return code;
}
