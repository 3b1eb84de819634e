// The command line of edgewatt run.
#ifndef EDGEWATT_SUPERVISOR_OPTIONS_H
#define EDGEWATT_SUPERVISOR_OPTIONS_H

#include <stdbool.h>

// -2: the service's own port, which nobody needs to start.
enum { SUPERVISOR_FTP_USUAL = -2, SUPERVISOR_FTP_PORT = 2121 };

struct supervisor_options {
    const char *data;   // as typed; on loan from argv
    const char *site;   // NULL = none given
    const char *listen; // the page's address, NULL = the web service's own choice
    bool demo;
    int http_port, mqtt_port; // 0 = a free one
    int https_port;           // -1 = off
    int mqtts_port;           // -1 = off
    int modbus_port;          // -1 = the setting decides
    int ftp_port;             // -1 = off, SUPERVISOR_FTP_USUAL
};

// Returns -1 to go on, else the exit code (0 after --help, 2 after a sentence on standard error).
int supervisor_options_read(int argc, char **argv, struct supervisor_options *ret_options);

#endif
