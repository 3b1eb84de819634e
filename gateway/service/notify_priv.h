// systemd's notification protocol (sd_notify(3)), spoken to systemd or to our own supervisor alike.
#ifndef EDGEWATT_SERVICE_NOTIFY_PRIV_H
#define EDGEWATT_SERVICE_NOTIFY_PRIV_H

struct notify {
    int fd; // -1: nobody wants to know
};

void notify_init(struct notify *n); // looks at NOTIFY_SOCKET
void notify_done(struct notify *n);
// Lines as "READY=1\nSTATUS=connected". Never waits; who does not listen misses it.
void notify_send(const struct notify *n, const char *lines);

#endif
