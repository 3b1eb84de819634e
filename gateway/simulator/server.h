// A server for each bus of the site: Modbus TCP, RTU frames over TCP, or RTU on a pseudo-terminal. Takes its
// clients' frames apart and answers from the devices, or as their faults say.
#ifndef EDGEWATT_SIMULATOR_SERVER_H
#define EDGEWATT_SIMULATOR_SERVER_H

#include "base/loop.h"
#include "simulator/answer.h"

enum { SERVER_CLIENTS_MAX = 64, SERVER_TERMINAL_MAX = 64 };

struct server_client;

struct server {
    struct site_bus bus;
    struct ew_loop *loop;
    char address[EW_HOST_MAX]; // where it listens; of a serial bus the link to its terminal
    bool plugged;
    bool alone;   // one connection only: others are accepted and closed
    int listener; // network buses; -1 = none
    int terminal; // serial buses: the side that programs open, held open; -1 = none
    char terminal_name[SERVER_TERMINAL_MAX]; // what the link points at
    const struct plant *plant;
    struct device **devices; // those of this bus, loans; the array is freed by the caller
    int device_count;
    struct server_client *clients[SERVER_CLIENTS_MAX]; // a terminal is one client
    long long answered;
};

void server_init(struct server *server, const struct site_bus *bus, struct ew_loop *loop,
                 const struct plant *plant);
// EW_E_IO with a sentence: the address can't be listened at, or the link of a serial bus would replace
// something that is no link to a terminal.
enum ew_err server_plug(struct server *server, struct ew_reason *reason) EW_MUST_CHECK;
// Closes the listener and every connection: clients are refused until it is plugged again. A terminal hangs
// up and its link is gone.
void server_unplug(struct server *server);
// Half-open: the connections there are stay, but nothing is heard or said on them any more.
void server_forget_clients(struct server *server);
int server_client_count(const struct server *server); // forgotten ones are not counted
// Takes NULL: Modbus TCP.
enum answer_framing server_framing(const struct server *server);

#endif
