#include "backup/backup_priv.h"

#include "service/paths.h"
#include <getopt.h>
#include <stdio.h>
#include <string.h>

static int usage(const char *command, const char *what)
{
    fprintf(stderr, "edgewatt %s: %s; edgewatt %s --help says more\n", command, what, command);
    return 2;
}

// What both take, then what one of them takes.
static const struct option of_backup[] = {{"data", required_argument, NULL, 'd'},
                                          {"passphrase-file", required_argument, NULL, 'p'},
                                          {"help", no_argument, NULL, 'h'},
                                          {"without-history", no_argument, NULL, 'n'},
                                          {"no-history", no_argument, NULL, 'n'}, // its older name
                                          {"without-secrets", no_argument, NULL, 's'},
                                          {"output", required_argument, NULL, 'o'},
                                          {NULL, 0, NULL, 0}};
static const struct option of_restore[] = {{"data", required_argument, NULL, 'd'},
                                           {"passphrase-file", required_argument, NULL, 'p'},
                                           {"help", no_argument, NULL, 'h'},
                                           {"check", no_argument, NULL, 'c'},
                                           {"yes", no_argument, NULL, 'y'},
                                           {"recover", no_argument, NULL, 'r'}, // edgewatt run: undo
                                           {NULL, 0, NULL, 0}};

static bool take(struct backup_options *o, int option)
{
    switch (option) {
    case 'd':
        o->data = optarg;
        return true;
    case 'p':
        o->passphrase_file = optarg;
        return true;
    case 'o':
        o->output = optarg;
        return true;
    case 'n':
        return o->no_history = true;
    case 's':
        return o->no_secrets = true;
    case 'c':
        return o->check = true;
    case 'y':
        return o->yes = true;
    case 'r':
        return o->recover = true;
    default:
        return false;
    }
}

int backup_options_read(int argc, char **argv, const char *help, struct backup_options *o)
{
    bool restores = strcmp(argv[0], "restore") == 0;
    *o = (struct backup_options){.command = restores ? "restore" : "backup"};
    int option;
    while ((option = getopt_long(argc, argv, "h", restores ? of_restore : of_backup, NULL)) != -1) {
        if (option == 'h') {
            fputs(help, stdout);
            return 0;
        }
        if (!take(o, option))
            return usage(o->command, "not understood");
    }
    if (!o->data || !o->data[0])
        return usage(o->command, "--data DIR is missing");
    if (o->no_secrets && o->passphrase_file)
        return usage(o->command, "--without-secrets and a passphrase exclude each other");
    ew_path(o->default_archive, o->data, "export/database.zip");
    o->archive = restores && optind < argc ? argv[optind++] : o->default_archive;
    return optind < argc ? usage(o->command, "not understood") : -1;
}

void backup_say_reason(const char *command, const struct ew_reason *reason)
{
    fprintf(stderr, "edgewatt %s: %s%s%s\n", command, reason->path, reason->path[0] ? ": " : "",
            reason->text);
}

void backup_progress(const struct backup_progress *progress, const char *step, int percent)
{
    if (progress && progress->fn)
        progress->fn(progress->user, step, percent);
}
