// One Modbus TCP server for each bus of the site: accepts clients, takes their frames apart, answers from the
// devices, or as their faults say.
#ifndef EDGEWATT_SIMULATOR_SERVER_H
#define EDGEWATT_SIMULATOR_SERVER_H

#include "base/loop.h"
#include "simulator/device.h"

enum { SERVER_CLIENTS_MAX = 64 };

struct server_client;

struct server {
    struct site_bus bus;
    struct ew_loop *loop;
    char address[EW_HOST_MAX]; // where it listens
    int listener;              // -1 = unplugged
    const struct plant *plant;
    struct device **devices; // those of this bus, loans
    int device_count;
    struct server_client *clients[SERVER_CLIENTS_MAX];
    long long answered;
};

// server->bus, loop, plant, devices and address are set by the caller, the rest is zero.
enum ew_err server_plug(struct server *server, struct ew_reason *reason) EW_MUST_CHECK;
// Closes the listener and every connection: clients are refused until it is plugged again.
void server_unplug(struct server *server);
int server_client_count(const struct server *server);

#endif
