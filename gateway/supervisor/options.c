#include "supervisor/options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { UNSAID = -2 };

static const char help[] =
    "Usage: edgewatt run --data DIR [--site FILE] [--demo] [--http PORT] [--https PORT] [--mqtt PORT]\n"
    "                    [--mqtts PORT] [--ftp PORT] [--listen ADDRESS]\n"
    "\n"
    "Starts the broker and the services, watches over them and ends them again: a service that ends or\n"
    "shows no sign of life for 5 s is started again. Stays in the foreground; Ctrl-C or SIGTERM ends\n"
    "everything in order within 10 s, a second one at once. Nothing is left running when this process\n"
    "is killed.\n"
    "\n"
    "  --data DIR    the data folder, made when it is not there (mode 0700); one run at a time works\n"
    "                with it\n"
    "  --site FILE   the site file for the first start: checked, then copied to DIR/site.json. Later\n"
    "                starts keep DIR/site.json, which holds all changes made since, and say so when\n"
    "                FILE differs from it. Without FILE a new data folder begins with an empty site.\n"
    "  --demo        keeps the default codes and prints them; the page on 127.0.0.1 only, without TLS\n"
    "  --http PORT   the web page (8080); leads to HTTPS where there is HTTPS\n"
    "  --https PORT  the web page over TLS (8443; off with --demo), or off\n"
    "  --ftp PORT    the export folder over FTP and FTPS (2121), or off; served once its password was "
    "changed\n"
    "  --listen ADDRESS   where page, FTP and MQTT over TLS are served: every address; 127.0.0.1 with "
    "--demo\n"
    "  --mqtt PORT   the broker, on 127.0.0.1 only (1883)\n"
    "  --mqtts PORT  the broker over TLS, for accounts of other programs (8883; off with --demo), or off\n"
    "  --modbus PORT  other servers read energies there over Modbus TCP (off: the setting decides), or off\n"
    "Port 0 is a free one.\n"
    "\n"
    "DIR/run/run.json says what runs where; it appears when all is ready, follows every change and is\n"
    "gone at the end. SIGHUP without a terminal: the services read their files again; from a terminal\n"
    "that closes: the end. EDGEWATT_LOG=debug|info|notice|warning|error sets what is logged.\n"
    "Exit codes: 0 ended as asked, 1 could not run (said on standard error), 2 usage.\n";

static int usage(const char *problem, const char *value)
{
    fprintf(stderr, "edgewatt run: %s%s; edgewatt run --help says more\n", problem, value);
    return 2;
}

static int read_port(const char *name, const char *text, int *ret_port)
{
    char *end;
    long port = strtol(text, &end, 10);
    if (end == text || *end || port < 0 || port > 65535) {
        fprintf(stderr, "edgewatt run: %s: \"%s\" is not a port (0 to 65535)\n", name, text);
        return 2;
    }
    *ret_port = (int)port;
    return -1;
}

static int read_port_or_off(const char *name, const char *text, int *ret_port)
{
    if (strcmp(text, "off") != 0)
        return read_port(name, text, ret_port);
    *ret_port = -1;
    return -1;
}

static int take(int option, const char *value, struct supervisor_options *o)
{
    switch (option) {
    case 'd':
        o->data = value;
        return -1;
    case 's':
        o->site = value;
        return -1;
    case 'D':
        o->demo = true;
        return -1;
    case 'p':
        return read_port("--http", value, &o->http_port);
    case 'm':
        return read_port("--mqtt", value, &o->mqtt_port);
    case 't':
        return read_port_or_off("--https", value, &o->https_port);
    case 'T':
        return read_port_or_off("--mqtts", value, &o->mqtts_port);
    case 'f':
        return read_port_or_off("--ftp", value, &o->ftp_port);
    case 'l':
        o->listen = value;
        return -1;
    case 'b':
        return read_port_or_off("--modbus", value, &o->modbus_port);
    case 'h':
        fputs(help, stdout);
        return 0;
    default:
        fputs("edgewatt run --help says more\n", stderr);
        return 2;
    }
}

int supervisor_options_read(int argc, char **argv, struct supervisor_options *ret_options)
{
    static const struct option names[] = {
        {"data", required_argument, NULL, 'd'},   {"site", required_argument, NULL, 's'},
        {"demo", no_argument, NULL, 'D'},         {"http", required_argument, NULL, 'p'},
        {"mqtt", required_argument, NULL, 'm'},   {"https", required_argument, NULL, 't'},
        {"modbus", required_argument, NULL, 'b'}, {"listen", required_argument, NULL, 'l'},
        {"ftp", required_argument, NULL, 'f'},    {"mqtts", required_argument, NULL, 'T'},
        {"help", no_argument, NULL, 'h'},         {NULL, 0, NULL, 0},
    };
    static char name[] = "edgewatt run"; // what getopt puts before its sentences
    argv[0] = name;
    *ret_options = (struct supervisor_options){.http_port = 8080,
                                               .https_port = UNSAID,
                                               .mqtt_port = 1883,
                                               .mqtts_port = UNSAID,
                                               .modbus_port = -1,
                                               .ftp_port = SUPERVISOR_FTP_USUAL};
    int option;
    while ((option = getopt_long(argc, argv, "h", names, NULL)) != -1) {
        int code = take(option, optarg, ret_options);
        if (code >= 0)
            return code;
    }
    if (optind < argc)
        return usage("not understood: ", argv[optind]);
    if (!ret_options->data || !ret_options->data[0])
        return usage("--data DIR is missing", "");
    // A demo's default codes are no secret, and its page is served on this machine only.
    if (ret_options->https_port == UNSAID)
        ret_options->https_port = ret_options->demo ? -1 : 8443;
    if (ret_options->mqtts_port == UNSAID)
        ret_options->mqtts_port = ret_options->demo ? -1 : 8883;
    return -1;
}
