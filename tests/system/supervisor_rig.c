// A binary with the real `run` command and services that misbehave on request, for what real services do not
// do by themselves. DIR/rig/<service> holds words: "exit=N" ends at once, "mute" is never ready, "deaf" takes
// no SIGTERM, "freeze" is ready and then stops beating, "die=MS" is ready and ends after that time.
// DIR/rig/log gets a line for each start ("+poller restarts last exit"), each orderly end ("-poller") and
// each SIGHUP ("~poller"). The broker is the real one.
#include "supervisor/run.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static const char *option(int argc, char **argv, const char *name)
{
    for (int i = 1; i + 1 < argc; i++)
        if (strcmp(argv[i], name) == 0)
            return argv[i + 1];
    fprintf(stderr, "rig: %s is missing\n", name);
    exit(2);
}

static void note(const char *data, const char *line)
{
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/rig/log", data);
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, line, strlen(line)) < 0)
        exit(3);
    close(fd);
}

static void read_orders(const char *data, const char *service, char orders[256])
{
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/rig/%s", data, service);
    orders[0] = 0;
    FILE *file = fopen(path, "re");
    if (!file)
        return;
    if (!fgets(orders, 256, file))
        orders[0] = 0;
    fclose(file);
}

static void notify(const char *text)
{
    const char *where = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (!where || fd < 0)
        exit(4);
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", where);
    socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(where));
    if (where[0] == '@')
        address.sun_path[0] = 0;
    if (sendto(fd, text, strlen(text), 0, (struct sockaddr *)&address, len) < 0)
        exit(5);
    close(fd);
}

static void note_event(const char *data, char sign, const char *service)
{
    char line[64];
    snprintf(line, sizeof(line), "%c%s\n", sign, service);
    note(data, line);
}

// True when the wish is to end.
static bool take_signal(int fd, const char *data, const char *service)
{
    struct signalfd_siginfo info;
    if (read(fd, &info, sizeof(info)) != (ssize_t)sizeof(info))
        exit(6);
    note_event(data, info.ssi_signo == SIGHUP ? '~' : '-', service);
    return info.ssi_signo == SIGTERM;
}

static int wait_for_end(const char *data, const char *service, const char *orders)
{
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGHUP);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    int fd = signalfd(-1, &signals, SFD_CLOEXEC);
    const char *die = strstr(orders, "die=");
    int left_ms = die ? (int)strtol(die + 4, NULL, 10) : INT_MAX;
    if (!strstr(orders, "mute"))
        notify("READY=1\nSTATUS=as good as new");
    for (;;) {
        int turn_ms = left_ms < 200 ? left_ms : 200;
        struct pollfd asked = {.fd = strstr(orders, "deaf") ? -1 : fd, .events = POLLIN};
        if (poll(&asked, 1, turn_ms) > 0 && take_signal(fd, data, service))
            return 0;
        left_ms -= turn_ms;
        if (left_ms <= 0)
            return 7;
        if (!strstr(orders, "freeze"))
            notify("WATCHDOG=1");
    }
}

static int service_main(int argc, char **argv)
{
    const char *data = option(argc, argv, "--data");
    char line[256], orders[256];
    snprintf(line, sizeof(line), "+%s %s %s\n", argv[0], getenv("EDGEWATT_RESTARTS"),
             getenv("EDGEWATT_LAST_EXIT"));
    note(data, line);
    read_orders(data, argv[0], orders);
    const char *code = strstr(orders, "exit=");
    return code ? (int)strtol(code + 5, NULL, 10) : wait_for_end(data, argv[0], orders);
}

static int check_main(const char *file)
{
    FILE *site = fopen(file, "re");
    char text[64] = "";
    if (!site || !fgets(text, sizeof(text), site))
        return 1;
    fclose(site);
    if (strstr(text, "\"bad\"")) {
        fprintf(stderr, "%s:/bad: unknown key\n", file);
        return 1;
    }
    return 0;
}

// The format's %s becomes the value.
static bool write_file(const char *path, const char *format, const char *value)
{
    FILE *file = fopen(path, "we");
    if (!file)
        return false;
    const char *hole = strstr(format, "%s");
    fprintf(file, "%.*s%s%s", (int)(hole - format), format, value, hole + 2);
    return fclose(file) == 0;
}

static int broker_files_main(int argc, char **argv)
{
    const char *data = option(argc, argv, "--data"), *port = option(argc, argv, "--mqtt");
    char path[PATH_MAX], orders[256];
    read_orders(data, "broker-files", orders);
    if (strstr(orders, "exit="))
        return 1;
    note(data, "+broker-files\n");
    snprintf(path, sizeof(path), "%s/run/broker", data);
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return 1;
    snprintf(path, sizeof(path), "%s/run/broker/mosquitto.conf", data);
    // As the real one: a root that becomes another user loses the death signal of its parent.
    if (!write_file(path, "user root\nlistener %s 127.0.0.1\nallow_anonymous false\n", port))
        return 1;
    snprintf(path, sizeof(path), "%s/run/broker.json", data);
    return write_file(path, "{\"host\":\"127.0.0.1\",\"port\":%s,\"base\":\"edgewatt/rig\"}\n", port) ? 0 : 1;
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return 2;
    if (strcmp(argv[1], "run") == 0)
        return run_main(argc - 1, argv + 1);
    if (strcmp(argv[1], "check") == 0 && argc == 5) // check --data DIR FILE
        return check_main(argv[4]);
    if (strcmp(argv[1], "broker-files") == 0)
        return broker_files_main(argc - 1, argv + 1);
    return service_main(argc - 1, argv + 1); // whatever the table of services names
}
