// getaddrinfo() has no time-out of its own and may sit in the resolver for half a minute. It runs in a helper
// thread; the line waits for it as long as it wants to. Whoever comes last frees the lookup.
#include "modbus/line_priv.h"

#include "base/buf.h"
#include "base/clock.h"
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

struct lookup {
    atomic_int owners;
    atomic_bool done; // result and list are written
    char host[EW_HOST_MAX], service[8];
    int done_fd;
    int result; // getaddrinfo's
    struct addrinfo *list;
};

void mb_lookup_release(struct lookup *l)
{
    if (!l)
        return;
    if (atomic_fetch_sub(&l->owners, 1) != 1)
        return;
    if (l->list)
        freeaddrinfo(l->list);
    close(l->done_fd);
    free(l);
}

static const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};

static void *lookup_run(void *user)
{
    struct lookup *l = user;
    l->result = getaddrinfo(l->host, l->service, &hints, &l->list);
    atomic_store(&l->done, true);
    if (eventfd_write(l->done_fd, 1) != 0)
        abort();
    mb_lookup_release(l);
    return NULL;
}

static struct lookup *lookup_start(const struct mb_line *line)
{
    struct lookup *l = calloc(1, sizeof(*l));
    if (!l)
        abort();
    ew_copy(l->host, sizeof(l->host), line->options.address);
    snprintf(l->service, sizeof(l->service), "%d", line->options.port);
    atomic_init(&l->owners, 2);
    l->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    pthread_attr_t attr;
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attr, 256 << 10);
    pthread_t thread;
    if (l->done_fd < 0 || pthread_create(&thread, &attr, lookup_run, l) != 0)
        abort();
    pthread_attr_destroy(&attr);
    return l;
}

static enum ew_err unknown_host(const struct mb_line *line, const char *why, struct ew_reason *reason)
{
    enum ew_err err =
        ew_fail(reason, EW_E_UNKNOWN, "bus.host_unknown", "",
                "The name %s is not known here (%s). Check the spelling, or give the IP address.",
                line->options.address, why);
    ew_reason_param(reason, "host", "%s", line->options.address);
    return err;
}

enum ew_err mb_resolve(struct mb_line *line, struct addrinfo **ret, struct ew_reason *reason)
{
    char service[8];
    snprintf(service, sizeof(service), "%d", line->options.port);
    struct addrinfo numeric = hints;
    numeric.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
    if (getaddrinfo(line->options.address, service, &numeric, ret) == 0)
        return EW_OK;

    // One that took too long the last time goes on: its answer will do, and lookups do not pile up.
    struct lookup *l = line->lookup ? line->lookup : lookup_start(line);
    line->lookup = NULL;
    int64_t until = ew_clock_up_us() + (int64_t)line->options.connect_ms * 1000;
    enum ew_err err = EW_E_IO;
    switch (mb_wait_fd(line, l->done_fd, POLLIN, until)) {
    case MB_WAIT_INTERRUPTED:
        err = mb_interrupted(reason);
        break;
    case MB_WAIT_TIMEOUT:
        err = ew_fail(reason, EW_E_TIMEOUT, "bus.name_timeout", "",
                      "The name server did not say within %d ms where %s is.", line->options.connect_ms,
                      line->options.address);
        ew_reason_param(reason, "host", "%s", line->options.address);
        line->lookup = l;
        return err;
    case MB_WAIT_READY:
        if (atomic_load(&l->done) && l->result == 0) {
            *ret = l->list;
            l->list = NULL;
            err = EW_OK;
        } else {
            err = unknown_host(line, gai_strerror(l->result), reason);
        }
        break;
    }
    mb_lookup_release(l);
    return err;
}
