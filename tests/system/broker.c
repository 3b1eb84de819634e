#include "broker.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PORT_MIN = 12000, PORT_END = 32000, START_TRIES = 6000 };

static const char *const programs[] = {"/usr/sbin/mosquitto", "/usr/local/sbin/mosquitto"};

static void give_up(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, strerror(errno));
    exit(1);
}

static int loopback_socket(int type, struct sockaddr_in *address, int port)
{
    *address = (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
    if (fd < 0)
        give_up("socket");
    return fd;
}

// The lock, a UDP port, is left open to the end of this process on purpose: see free_port in waiting.py.
static bool take_port(int port)
{
    struct sockaddr_in address;
    int probe = loopback_socket(SOCK_STREAM, &address, port),
        lock = loopback_socket(SOCK_DGRAM, &address, port);
    bool taken = bind(lock, (struct sockaddr *)&address, sizeof(address)) == 0 &&
                 bind(probe, (struct sockaddr *)&address, sizeof(address)) == 0;
    if (!taken)
        close(lock);
    close(probe);
    return taken;
}

int broker_free_port(void)
{
    for (;;) {
        unsigned short chosen;
        if (getrandom(&chosen, sizeof(chosen), 0) != sizeof(chosen))
            give_up("getrandom");
        int port = PORT_MIN + chosen % (PORT_END - PORT_MIN);
        if (take_port(port))
            return port;
    }
}

static const char *program(void)
{
    for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++)
        if (access(programs[i], X_OK) == 0)
            return programs[i];
    fprintf(stderr, "skipped: mosquitto is not installed\n");
    exit(BROKER_SKIP);
}

void broker_init(struct broker *b, const char *config)
{
    *b = (struct broker){.pid = -1, .port = broker_free_port()};
    snprintf(b->folder, sizeof(b->folder), "/tmp/edgewatt-test.XXXXXX");
    if (!mkdtemp(b->folder))
        give_up("mkdtemp");
    char path[96];
    snprintf(path, sizeof(path), "%s/mosquitto.conf", b->folder);
    FILE *f = fopen(path, "we");
    if (!f)
        give_up(path);
    fprintf(
        f,
        "listener %d 127.0.0.1\nallow_anonymous true\nuser root\npersistence false\nset_tcp_nodelay true\n%s",
        b->port, config ? config : "");
    if (fclose(f) != 0)
        give_up(path);
}

static void wait_ms(long ms)
{
    struct timespec t = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&t, NULL);
}

void broker_start(struct broker *b)
{
    char path[96], log[96];
    snprintf(path, sizeof(path), "%s/mosquitto.conf", b->folder);
    snprintf(log, sizeof(log), "%s/mosquitto.log", b->folder);
    const char *exe = program();
    b->pid = fork();
    if (b->pid < 0)
        give_up("fork");
    if (b->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        int fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        dup2(fd, STDOUT_FILENO);
        dup2(fd, STDERR_FILENO);
        execl(exe, exe, "-c", path, (char *)NULL);
        _exit(127);
    }
    for (int tries = 0; tries < START_TRIES; tries++) {
        struct sockaddr_in address;
        int fd = loopback_socket(SOCK_STREAM, &address, b->port);
        int r = connect(fd, (struct sockaddr *)&address, sizeof(address));
        close(fd);
        if (r == 0)
            return;
        if (waitpid(b->pid, NULL, WNOHANG) == b->pid)
            break;
        wait_ms(10);
    }
    fprintf(stderr, "mosquitto does not listen on port %d; its log is %s\n", b->port, log);
    exit(1);
}

static void end(struct broker *b, int signal_number)
{
    if (b->pid <= 0)
        return;
    kill(b->pid, signal_number);
    waitpid(b->pid, NULL, 0);
    b->pid = -1;
}

void broker_kill(struct broker *b)
{
    end(b, SIGKILL);
}

void broker_stop(struct broker *b)
{
    end(b, SIGTERM);
}

void broker_pause(struct broker *b, bool paused)
{
    kill(b->pid, paused ? SIGSTOP : SIGCONT);
}

void broker_done(struct broker *b)
{
    broker_kill(b);
    static const char *const files[] = {"mosquitto.conf", "mosquitto.log", "acl"};
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        char path[96];
        snprintf(path, sizeof(path), "%s/%s", b->folder, files[i]);
        unlink(path);
    }
    rmdir(b->folder);
}
