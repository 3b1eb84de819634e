// Who is supervised, in the order of start.
#include "supervisor/supervisor_priv.h"

#include <assert.h>
#include <stdio.h>

static const struct {
    const char *name;
    bool takes_http, takes_modbus, takes_ftp;
} children[] = {
    {.name = "broker"}, // child 0: what all others need
    {.name = "config"}, // accounts, sessions and the site's configuration come from here
    {.name = "poller"},
    {.name = "controller"},
    {.name = "recorder"},
    {.name = "web", .takes_http = true},
    {.name = "server", .takes_modbus = true},
    {.name = "ftp", .takes_ftp = true},
};

int supervisor_child_count(void)
{
    return (int)(sizeof(children) / sizeof(children[0]));
}

const char *supervisor_child_name(int child)
{
    assert(child >= 0 && child < supervisor_child_count());
    return children[child].name;
}

static void add(struct supervisor_args *args, int *count, const char *text)
{
    assert(*count < SUPERVISOR_ARGS_MAX);
    args->argv[(*count)++] = text;
    args->argv[*count] = NULL;
}

static void add_ftp(const struct supervisor *s, struct supervisor_args *args, int *count)
{
    const char *listen = s->options.listen ? s->options.listen : s->options.demo ? "127.0.0.1" : NULL;
    if (s->ftp.port != SUPERVISOR_FTP_USUAL) {
        snprintf(args->http, sizeof(args->http), "%d", s->ftp.port);
        add(args, count, "--port");
        add(args, count, s->ftp.port < 0 ? "off" : args->http);
    }
    if (listen) {
        add(args, count, "--listen");
        add(args, count, listen);
    }
}

void supervisor_service_args(const struct supervisor *s, int child, struct supervisor_args *args)
{
    int count = 0;
    add(args, &count, "edgewatt");
    add(args, &count, supervisor_child_name(child));
    add(args, &count, "--data");
    add(args, &count, s->data_dir);
    if (s->options.demo)
        add(args, &count, "--demo");
    if (children[child].takes_modbus && s->modbus.port >= 0) {
        snprintf(args->http, sizeof(args->http), "%d", s->modbus.port);
        add(args, &count, "--port");
        add(args, &count, args->http);
    }
    if (children[child].takes_ftp)
        add_ftp(s, args, &count);
    if (children[child].takes_http) {
        snprintf(args->http, sizeof(args->http), "%d", s->http.port);
        add(args, &count, "--http");
        add(args, &count, args->http);
        snprintf(args->https, sizeof(args->https), "%d", s->https.port);
        add(args, &count, "--https");
        add(args, &count, s->https.port < 0 ? "off" : args->https);
        if (s->options.listen) {
            add(args, &count, "--listen");
            add(args, &count, s->options.listen);
        }
    }
}
