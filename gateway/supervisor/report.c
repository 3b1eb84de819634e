// What runs where: DIR/run/run.json for programs, a few lines on standard output for people.
#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "supervisor/supervisor_priv.h"
#include <stdio.h>
#include <unistd.h>

enum { RUN_JSON_MAX = 64 << 10 };

static void add_child(const struct supervisor *s, int child, struct ew_jw *w)
{
    const struct supervisor_child *c = &s->children[child];
    const struct supervise_child *p = &s->policy.children[child];
    ew_jw_open_object(w, supervisor_child_name(child));
    if (c->pid)
        ew_jw_int(w, "pid", c->pid);
    else
        ew_jw_null(w, "pid");
    ew_jw_text(w, "state", supervise_state_name(p->state));
    ew_jw_rfc3339(w, "since", c->started_wall_ms);
    ew_jw_int(w, "restarts", p->restarts);
    if (c->last_exit[0])
        ew_jw_text(w, "last_exit", c->last_exit);
    if (c->status[0])
        ew_jw_text(w, "status", c->status);
    ew_jw_close_object(w);
}

static void page_url(const struct supervisor *s, char dst[48])
{
    // The demo does not send a newcomer to a certificate that his browser does not know.
    bool tls = s->https.port >= 0 && !s->options.demo;
    (void)ew_format(dst, 48, "%s://127.0.0.1:%d/", tls ? "https" : "http",
                    tls ? s->https.port : s->http.port);
}

static void add_page(const char *scheme, int port, struct ew_jw *w)
{
    char url[48];
    (void)ew_format(url, sizeof(url), "%s://127.0.0.1:%d/", scheme, port);
    ew_jw_open_object(w, scheme);
    ew_jw_int(w, "port", port);
    ew_jw_text(w, "url", url);
    ew_jw_close_object(w);
}

static int ftp_port(const struct supervisor *s)
{
    return s->ftp.port == SUPERVISOR_FTP_USUAL ? SUPERVISOR_FTP_PORT : s->ftp.port;
}

static void add_places(const struct supervisor *s, struct ew_jw *w)
{
    add_page("http", s->http.port, w);
    if (s->https.port >= 0)
        add_page("https", s->https.port, w);
    ew_jw_open_object(w, "mqtt");
    ew_jw_text(w, "host", "127.0.0.1");
    ew_jw_int(w, "port", s->mqtt.port);
    ew_jw_close_object(w);
    const struct {
        const char *name;
        int port;
    } more[] = {{"mqtts", s->mqtts.port}, {"modbus", s->modbus.port}, {"ftp", ftp_port(s)}};
    for (size_t i = 0; i < sizeof(more) / sizeof(more[0]); i++) {
        if (more[i].port < 0)
            continue;
        ew_jw_open_object(w, more[i].name);
        ew_jw_int(w, "port", more[i].port);
        ew_jw_close_object(w);
    }
}

static void write_json(struct supervisor *s)
{
    struct ew_reason reason;
    if (supervisor_read_base(s, &reason) != EW_OK)
        ew_log_reason(EW_LOG_WARNING, "run", &reason);
    char path[PATH_MAX];
    supervisor_path(s, "run/run.json", path);
    struct ew_buf text;
    struct ew_jw w;
    ew_buf_init(&text, RUN_JSON_MAX);
    ew_jw_init(&w, &text);
    ew_jw_open_object(&w, NULL);
    ew_jw_int(&w, "pid", getpid());
    ew_jw_text(&w, "version", EDGEWATT_VERSION);
    ew_jw_text(&w, "state",
               s->policy.stopping                  ? "stopping"
               : supervise_all_running(&s->policy) ? "running"
                                                   : "degraded");
    ew_jw_bool(&w, "demo", s->options.demo);
    ew_jw_text(&w, "data", s->data_dir);
    ew_jw_text(&w, "base", s->base);
    add_places(s, &w);
    add_child(s, 0, &w);
    ew_jw_open_object(&w, "services");
    for (int i = 1; i < s->policy.count; i++)
        add_child(s, i, &w);
    ew_jw_close_object(&w);
    ew_jw_close_object(&w);
    ew_buf_add_text(&text, "\n");
    if (ew_file_write(path, text.data, text.len, 0600, &reason) != EW_OK)
        ew_log_reason(EW_LOG_WARNING, "run", &reason);
    ew_buf_done(&text);
}

static void say_hello(const struct supervisor *s)
{
    // The codes of the manual (USR-01); nothing but --demo keeps them beyond the first login.
    static const char *const codes[][4] = {
        {"greenUp", "88888", "00000 8888 00000", "all pages"},
        {"administrator", "99999", "00000 9999 00000", "all but Green'Up"},
        {"installer", "55555", "00000 5555 00000", "system, installation, consumption, alarms"},
        {"user", "11111", "00000 1111 00000", "consumption, alarms"}};
    char url[48];
    page_url(s, url);
    printf("\nEdgewatt %s runs.\n\n  Page         %s\n  MQTT         127.0.0.1:%d\n", EDGEWATT_VERSION, url,
           s->mqtt.port);
    if (s->mqtts.port >= 0)
        printf("  MQTT, TLS    port %d\n", s->mqtts.port);
    if (s->options.demo && s->options.ftp_port != -1)
        printf("  FTP          port %d, wsmeasure / wsmeasure\n", ftp_port(s));
    printf("  Data folder  %s\n\n", s->data_dir);
    if (s->options.demo) {
        printf("  Log in as      PIN    then PUK          and see\n");
        for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
            printf("  %-13s  %s  %s  %s\n", codes[i][0], codes[i][1], codes[i][2], codes[i][3]);
        printf("\n");
    }
    if (s->on_terminal)
        printf("Ctrl-C ends it all.\n");
    fflush(stdout);
}

void supervisor_report(struct supervisor *s)
{
    bool first = !s->announced && supervise_all_running(&s->policy);
    s->announced = s->announced || first;
    if (!s->announced || !s->changed)
        return;
    s->changed = false;
    write_json(s);
    if (first) {
        char https[24] = "off";
        if (s->https.port >= 0)
            (void)ew_format(https, sizeof(https), "%d", s->https.port);
        ew_notice("run", "all is ready http=%d https=%s mqtt=%d", s->http.port, https, s->mqtt.port);
        say_hello(s);
    }
}

void supervisor_report_remove(struct supervisor *s)
{
    char path[PATH_MAX];
    supervisor_path(s, "run/run.json", path);
    unlink(path);
}
