// One connection of a server, or a terminal: bytes in, frames, answers out.
#ifndef EDGEWATT_SIMULATOR_CLIENT_H
#define EDGEWATT_SIMULATOR_CLIENT_H

#include "simulator/server.h"

// Takes fd over, non-blocking. False, and fd is closed, when the server has no room.
bool client_open(struct server *server, int fd);
void client_close(struct server_client *client);
// Leaves the connection as it is and hears and says nothing on it any more.
void client_forget(struct server_client *client);
bool client_is_forgotten(const struct server_client *client);

#endif
