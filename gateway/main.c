// The one binary: edgewatt <command> ...
#include <stdio.h>
#include <string.h>

#ifndef EDGEWATT_VERSION
#error "EDGEWATT_VERSION is set by the build"
#endif

typedef int command_main(int argc, char **argv);

enum user { PEOPLE, PARTS }; // who calls it: people and scripts, or `edgewatt run` and systemd

// Each command is one line here; its main is in its own folder.
#define EDGEWATT_COMMANDS(X)                                                                                 \
    X(PEOPLE, "account", account_main, "accounts of other programs on the broker: add, list, remove")        \
    X(PEOPLE, "backup", backup_main,                                                                         \
      "makes database.zip: configuration, history, and users with a passphrase")                             \
    X(PARTS, "backup-job", backup_job_main, "one backup or restore for the page")                            \
    X(PARTS, "broker-files", broker_files_main, "make the broker's configuration, accounts and rights")      \
    X(PEOPLE, "check", check_main, "check site files and device profiles: file:path: problem")               \
    X(PARTS, "config", config_main, "the one writer of the site file, of accounts and rights")               \
    X(PARTS, "controller", controller_main, "keeps charging under the site's current limit (Green'Up)")      \
    X(PEOPLE, "export", export_main, "writes the CSV files of the export folder up to now")                  \
    X(PARTS, "ftp", ftp_main, "serves the export folder over FTP and FTPS, with ProFTPD")                    \
    X(PARTS, "poller", poller_main, "reads the devices of every bus and publishes what they say")            \
    X(PEOPLE, "profiles", profiles_main, "list the device profiles and how sure each is")                    \
    X(PEOPLE, "read", read_main, "reads registers of one Modbus device, the result in words")                \
    X(PARTS, "recorder", recorder_main, "records history and answers questions about it")                    \
    X(PEOPLE, "replay", replay_main, "the Green'Up controller over a scenario in virtual time")              \
    X(PEOPLE, "report", report_main,                                                                         \
      "makes reportdata.zip: what was consumed and what it cost, as CSV files")                              \
    X(PEOPLE, "restore", restore_main, "puts a backup back, checked whole, all of it or nothing")            \
    X(PEOPLE, "run", run_main, "supervise everything: the broker and the services of a data folder")         \
    X(PEOPLE, "scan", scan_main, "which unit addresses of a Modbus line answer, and what they probably are") \
    X(PARTS, "server", server_main, "other servers read this one's energies over Modbus TCP")                \
    X(PEOPLE, "simulate", simulate_main, "Modbus TCP servers for the devices of a site file")                \
    X(PEOPLE, "user", user_main, "users of the pages: list, unlock, reset their codes")                      \
    X(PARTS, "web", web_main, "shows the page, takes logins and passes MQTT on to browsers")                 \
    X(PEOPLE, "write", write_main, "writes registers of one Modbus device, after asking")

struct command {
    enum user user;
    const char *name;
    command_main *main;
    const char *summary;
};

#define COMMAND_DECLARE(user, name, function, summary) command_main function;
EDGEWATT_COMMANDS(COMMAND_DECLARE)
#undef COMMAND_DECLARE

static const struct command commands[] = {
#define COMMAND_ROW(user, name, function, summary) {user, name, function, summary},
    EDGEWATT_COMMANDS(COMMAND_ROW)
#undef COMMAND_ROW
        {PEOPLE, NULL, NULL, NULL},
};

static void print_commands(FILE *to, enum user user)
{
    for (const struct command *c = commands; c->name; c++)
        if (c->user == user)
            fprintf(to, "  %-12s %s\n", c->name, c->summary);
}

static void print_help(FILE *to)
{
    fprintf(to, "Edgewatt %s, an MQTT-native energy gateway\n\nUsage: edgewatt COMMAND [ARGUMENTS]\n\n",
            EDGEWATT_VERSION);
    print_commands(to, PEOPLE);
    fprintf(to, "\nThe parts of a gateway, which \"edgewatt run\" or systemd starts:\n\n");
    print_commands(to, PARTS);
    fprintf(to, "\nedgewatt COMMAND --help says more. Exit codes: 0 done, 1 said no, 2 usage.\n");
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        print_help(stderr);
        return 2;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0) {
        print_help(stdout);
        return 0;
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("edgewatt %s\n", EDGEWATT_VERSION);
        return 0;
    }
    for (const struct command *c = commands; c->name; c++)
        if (strcmp(argv[1], c->name) == 0)
            return c->main(argc - 1, argv + 1);
    fprintf(stderr, "edgewatt: there is no command \"%s\"; edgewatt --help lists them\n", argv[1]);
    return 2;
}
