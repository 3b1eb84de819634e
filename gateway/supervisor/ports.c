// Ports: the ones asked for are tried before anything is started, so that "in use" is said in words.
#include "supervisor/supervisor_priv.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { PORT_WAIT_MS = 2000, PORT_STEP_MS = 50 };

// Returns a bound socket, -1 with errno otherwise. Port 0 becomes the one the kernel chose.
static int bind_port(int *port, bool loopback)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    // As the servers do: a port whose last connections are in TIME_WAIT counts as free.
    int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)*port),
                                  .sin_addr.s_addr = htonl(loopback ? INADDR_LOOPBACK : INADDR_ANY)};
    socklen_t len = sizeof(address);
    if (bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 || listen(fd, 1) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &len) != 0) {
        int code = errno;
        close(fd);
        errno = code;
        return -1;
    }
    *port = ntohs(address.sin_port);
    return fd;
}

static enum ew_err say_why(const char *option, int port, int code, struct ew_reason *reason)
{
    if (code == EADDRINUSE)
        return ew_fail(reason, EW_E_BUSY, "run.port_in_use", "",
                       "port %d is used by another program; choose another with %s PORT (0 = any free one)",
                       port, option);
    if (code == EACCES)
        return ew_fail(
            reason, EW_E_DENIED, "run.port_denied", "",
            "port %d needs rights that this user does not have; choose one above 1023 with %s PORT", port,
            option);
    return ew_fail(reason, EW_E_IO, "run.port", "", "port %d can't be opened: %s", port, strerror(code));
}

// A run that ended a moment ago may still be giving its port back.
static int bind_patiently(struct supervisor_port *port, bool loopback)
{
    int fd = bind_port(&port->port, loopback);
    for (int waited_ms = 0; fd < 0 && errno == EADDRINUSE && waited_ms < PORT_WAIT_MS;
         waited_ms += PORT_STEP_MS) {
        nanosleep(&(struct timespec){.tv_nsec = PORT_STEP_MS * 1000000L}, NULL);
        fd = bind_port(&port->port, loopback);
    }
    return fd;
}

enum ew_err supervisor_ports_open(struct supervisor *s, struct ew_reason *reason)
{
    const struct {
        const char *option;
        int asked;
        bool loopback;
        struct supervisor_port *port;
    } all[] = {{"--http", s->options.http_port, false, &s->http},
               {"--https", s->options.https_port, false, &s->https},
               {"--mqtt", s->options.mqtt_port, true, &s->mqtt},
               {"--mqtts", s->options.mqtts_port, false, &s->mqtts},
               {"--modbus", s->options.modbus_port, false, &s->modbus},
               {"--ftp", s->options.ftp_port, false, &s->ftp}};
    enum { COUNT = sizeof(all) / sizeof(all[0]) };
    int fds[COUNT] = {-1, -1, -1, -1, -1, -1};
    enum ew_err err = EW_OK;
    for (int i = 0; i < COUNT && err == EW_OK; i++) {
        *all[i].port = (struct supervisor_port){all[i].asked, all[i].asked == 0};
        if (all[i].asked < 0)
            continue;
        fds[i] = bind_patiently(all[i].port, all[i].loopback);
        if (fds[i] < 0)
            err = say_why(all[i].option, all[i].asked, errno, reason);
    }
    for (int i = 0; i < COUNT; i++) // held until now so that the free ones differ
        if (fds[i] >= 0)
            close(fds[i]);
    return err;
}

void supervisor_port_again(struct supervisor_port *port, bool loopback)
{
    if (!port->free_choice)
        return;
    int other = 0;
    int fd = bind_port(&other, loopback);
    if (fd < 0)
        return; // the old one may do yet
    port->port = other;
    close(fd);
}
