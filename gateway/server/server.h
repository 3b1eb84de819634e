// The Modbus TCP server of this gateway (NET-01): other servers read its energies. Off until the setting
// modbus_server is on, or a port is given on the command line.
#ifndef EDGEWATT_SERVER_SERVER_H
#define EDGEWATT_SERVER_SERVER_H

int server_main(int argc, char **argv);

#endif
