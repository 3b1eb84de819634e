#include "service/service.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "core/topic/topic.h"
#include "service/notify_priv.h"
#include "service/paths.h"
#include "service/place.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BEAT_MS = 1000, STATUS_MS = 10000, STATUS_MAX = 16 << 10, DATA_DIR_MAX = PATH_MAX - 256 };

struct runtime {
    struct ew_service service; // first: the service's functions get a pointer to it
    const struct ew_service_definition *definition;
    struct notify notify;
    struct ew_timer beat;
    int64_t since_ms; // wall clock
    int64_t beats;
    int64_t late_ms; // worst lateness of a beat since the last status
    int64_t status_ms;
    bool ready;
    char data_dir[PATH_MAX], share_dir[PATH_MAX];
};

// ---- Status -----------------------------------------------------------------------------------------------

static int64_t resident_bytes(void)
{
    struct ew_buf text;
    long long pages = 0;
    ew_buf_init(&text, 256);
    if (ew_file_read("/proc/self/statm", 256, &text, NULL) == EW_OK) {
        const char *second = strchr(ew_buf_text(&text), ' ');
        pages = second ? strtoll(second, NULL, 10) : 0;
    }
    ew_buf_done(&text);
    return pages * sysconf(_SC_PAGESIZE);
}

// Under edgewatt run: how often this service was started again, and why its last life ended.
static void add_past_life(struct ew_jw *w)
{
    const char *restarts = getenv("EDGEWATT_RESTARTS"), *last_exit = getenv("EDGEWATT_LAST_EXIT");
    if (restarts)
        ew_jw_int(w, "restarts", strtoll(restarts, NULL, 10));
    if (last_exit && last_exit[0])
        ew_jw_text(w, "last_exit", last_exit);
}

void ew_service_notify(struct ew_service *service, const char *line)
{
    const struct runtime *rt = (const struct runtime *)service;
    notify_send(&rt->notify, line);
}

void ew_service_publish_status(struct ew_service *service)
{
    struct runtime *rt = (struct runtime *)service;
    if (!mq_connected(service->mq))
        return;
    struct ew_buf payload;
    struct ew_jw w;
    topic_text topic;
    ew_buf_init(&payload, STATUS_MAX);
    ew_jw_init(&w, &payload);
    ew_jw_open_object(&w, NULL);
    ew_jw_bool(&w, "online", true);
    ew_jw_text(&w, "version", EDGEWATT_VERSION);
    ew_jw_rfc3339(&w, "since", rt->since_ms);
    ew_jw_int(&w, "pid", getpid());
    ew_jw_int(&w, "rss_bytes", resident_bytes());
    ew_jw_int(&w, "beat", rt->beats);
    ew_jw_int(&w, "late_ms", rt->late_ms);
    add_past_life(&w);
    if (rt->definition->health)
        rt->definition->health(service, &w);
    ew_jw_close_object(&w);
    topic_service_status(topic, service->name);
    enum ew_err err = mq_retain(service->mq, topic, &payload);
    if (err != EW_OK)
        ew_warning("service", "the status was not published: %s, retrying", ew_err_sentence(err));
    ew_buf_done(&payload);
    rt->status_ms = ew_loop_now_ms(service->loop);
    rt->late_ms = 0;
}

static void publish_offline(struct ew_service *service)
{
    static const char offline[] = "{\"online\":false}"; // as the will
    topic_text topic;
    topic_service_status(topic, service->name);
    if (mq_connected(service->mq))
        (void)mq_publish(service->mq, topic, offline, sizeof(offline) - 1,
                         (struct mq_publish_options){.qos = 1, .retain = true});
}

// ---- Connection and beat ----------------------------------------------------------------------------------

static void on_state(void *user, bool connected, const struct ew_reason *reason)
{
    struct runtime *rt = user;
    (void)reason; // the adapter has logged it
    if (!connected) {
        notify_send(&rt->notify, "STATUS=waiting for the broker");
        return;
    }
    if (rt->definition->connected)
        rt->definition->connected(&rt->service);
    ew_service_publish_status(&rt->service);
    notify_send(&rt->notify, rt->ready ? "STATUS=running" : "READY=1\nSTATUS=running");
    rt->ready = true;
}

// After a restart of the broker its port, or our password there, may be new.
static void look_for_broker(struct runtime *rt)
{
    struct place place;
    struct ew_reason reason;
    if (place_read(rt->data_dir, rt->service.name, &place, &reason) == EW_OK)
        mq_set_broker(rt->service.mq, place.host, place.port, place.password);
    else
        (void)ew_log_reason(EW_LOG_WARNING, "service", &reason);
    place_wipe(&place);
}

static void on_beat(struct ew_timer *timer, int64_t now_ms)
{
    struct runtime *rt = timer->user;
    int64_t late_ms = now_ms - timer->due_ms;
    if (late_ms > rt->late_ms)
        rt->late_ms = late_ms;
    rt->beats++;
    notify_send(&rt->notify, "WATCHDOG=1");
    if (!mq_connected(rt->service.mq))
        look_for_broker(rt);
    else if (now_ms - rt->status_ms >= STATUS_MS)
        ew_service_publish_status(&rt->service);
    ew_loop_timer_set(rt->service.loop, timer, now_ms + BEAT_MS);
}

static void on_end_signal(void *user, int number, int64_t now_ms)
{
    (void)now_ms;
    struct runtime *rt = user;
    ew_info("service", "stopping signal=%d", number);
    ew_loop_stop(rt->service.loop, 0);
}

static void on_hang_up(void *user, int number, int64_t now_ms)
{
    (void)number;
    (void)now_ms;
    struct runtime *rt = user;
    if (!rt->definition->reload)
        return;
    ew_info("service", "reloading");
    rt->definition->reload(&rt->service);
}

// ---- Command line -----------------------------------------------------------------------------------------

static void print_help(const struct ew_service_definition *d)
{
    printf("edgewatt %s: %s\n\nUsage: edgewatt %s --data DIR [OPTIONS]\n\n"
           "  --data DIR   the data folder; DIR/run/broker.json says where the broker is\n"
           "  --demo       keep the manual's default codes\n"
           "  --help       this text\n%s%s"
           "\nA service is usually started by edgewatt run or by systemd. SIGTERM stops it, SIGHUP makes it\n"
           "read its files again. EDGEWATT_LOG=debug|info|notice|warning|error sets how much it says.\n",
           d->name, d->summary, d->name, d->option_help ? d->option_help : "",
           d->option_help && d->option_help[0] && d->option_help[strlen(d->option_help) - 1] != '\n' ? "\n"
                                                                                                     : "");
}

static int usage(const struct ew_service_definition *d, const char *problem, const char *what)
{
    fprintf(stderr, "edgewatt %s: %s%s; edgewatt %s --help says more\n", d->name, problem, what, d->name);
    return 2;
}

// -1 = go on; otherwise the exit code.
static int read_options(struct runtime *rt, int argc, char **argv)
{
    const struct ew_service_definition *d = rt->definition;
    const char *data = NULL;
    for (int i = 1; i < argc;) {
        rt->service.argc = argc - i;
        rt->service.argv = argv + i;
        int used = 0;
        if (strcmp(argv[i], "--help") == 0) {
            print_help(d);
            return 0;
        } else if (strcmp(argv[i], "--demo") == 0) {
            rt->service.demo = true;
            used = 1;
        } else if (strcmp(argv[i], "--data") == 0) {
            if (i + 1 >= argc)
                return usage(d, "a folder must follow ", "--data");
            data = argv[i + 1];
            used = 2;
        } else if (d->option) {
            used = d->option(&rt->service, argc - i, argv + i);
        }
        if (used <= 0)
            return usage(d, "not understood: ", argv[i]);
        i += used;
    }
    rt->service.argc = 0;
    rt->service.argv = argv + argc;
    if (!data)
        return usage(d, "--data DIR is missing", "");
    bool found = realpath(data, rt->data_dir) != NULL;
    if (!found || strlen(rt->data_dir) >= DATA_DIR_MAX) {
        fprintf(stderr, "edgewatt %s: %s: %s\n", d->name, data, strerror(found ? ENAMETOOLONG : errno));
        return 1;
    }
    return -1;
}

// ---- Life -------------------------------------------------------------------------------------------------

// The supervisor has asked the kernel already that we die with it; where nobody has, we ask.
static void die_with_the_supervisor(void)
{
    int signal_number = 0;
    if (getenv("EDGEWATT_SUPERVISED") && prctl(PR_GET_PDEATHSIG, &signal_number) == 0 && signal_number == 0)
        (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
}

static void ignore_broken_pipes(void)
{
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    sigaction(SIGPIPE, &ignore, NULL);
}

static enum ew_err open_service(struct runtime *rt, struct ew_reason *reason)
{
    struct place place;
    enum ew_err err = ew_share_dir(rt->share_dir, reason);
    if (err == EW_OK)
        err = place_read(rt->data_dir, rt->definition->name, &place, reason);
    if (err != EW_OK)
        return err;
    struct ew_service *s = &rt->service;
    ew_copy(s->base, sizeof(s->base), place.base);
    s->loop = ew_loop_new();
    ew_loop_add_signal(s->loop, SIGTERM, on_end_signal, rt); // before Paho's threads start
    ew_loop_add_signal(s->loop, SIGINT, on_end_signal, rt);
    ew_loop_add_signal(s->loop, SIGHUP, on_hang_up, rt);
    topic_text will;
    topic_service_status(will, s->name);
    struct mq_options options = {.host = place.host,
                                 .port = place.port,
                                 .user = place.user,
                                 .password = place.password,
                                 .base = place.base,
                                 .will_topic = will,
                                 .will_payload = "{\"online\":false}"};
    s->mq = mq_new(s->loop, &options);
    place_wipe(&place);
    mq_on_state(s->mq, on_state, rt);
    rt->beat.fn = on_beat;
    rt->beat.user = rt;
    ew_loop_timer_set(s->loop, &rt->beat, ew_loop_now_ms(s->loop));
    return EW_OK;
}

static int run(struct runtime *rt)
{
    struct ew_service *s = &rt->service;
    struct ew_reason reason;
    ew_reason_clear(&reason);
    enum ew_err err = open_service(rt, &reason);
    int code = 1;
    if (err == EW_OK) {
        notify_init(&rt->notify);
        err = rt->definition->start(s, &reason);
        if (err == EW_OK) {
            ew_info("service", "started version=%s", EDGEWATT_VERSION);
            code = rt->definition->run ? rt->definition->run(s) : ew_loop_run(s->loop);
        }
        notify_send(&rt->notify, "STOPPING=1");
        if (rt->definition->stop)
            rt->definition->stop(s);
    }
    if (err != EW_OK)
        (void)ew_log_reason(EW_LOG_ERROR, "service", &reason);
    if (s->mq) {
        publish_offline(s);
        mq_free(s->mq);
        notify_done(&rt->notify);
        ew_loop_timer_clear(s->loop, &rt->beat);
    }
    ew_loop_free(s->loop);
    ew_log_flush();
    return code;
}

int ew_service_main(int argc, char **argv, const struct ew_service_definition *definition)
{
    struct runtime *rt = calloc(1, sizeof(*rt));
    void *state = calloc(1, definition->state_size ? definition->state_size : 1);
    if (!rt || !state)
        abort();
    rt->definition = definition;
    rt->notify.fd = -1;
    rt->since_ms = ew_clock_wall_ms();
    rt->service.name = definition->name;
    rt->service.data_dir = rt->data_dir;
    rt->service.share_dir = rt->share_dir;
    rt->service.state = state;
    ew_log_init(definition->name, EW_LOG_INFO);
    umask(077);
    ignore_broken_pipes();
    die_with_the_supervisor();
    int code = read_options(rt, argc, argv);
    if (code < 0)
        code = run(rt);
    free(state);
    free(rt);
    return code;
}
