// edgewatt restore: checks the archive whole, says what would change, asks, swaps.
#include "backup/backup.h"
#include "backup/backup_priv.h"

#include "base/file.h"
#include "service/paths.h"
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char help[] =
    "Usage: edgewatt restore --data DIR [--passphrase-file FILE] [--check] [--yes] [ARCHIVE]\n"
    "\n"
    "Puts a backup back: export/database.zip, or ARCHIVE. It is checked whole before anything is touched; "
    "what would\n"
    "change is shown and asked for. When it fails half way, or when a service does not run on what was "
    "restored,\n"
    "everything is as it was. The gateway must be stopped;\n"
    "the page Server configuration restores while it runs. Users, codes and passwords stay those of this "
    "machine\n"
    "unless the passphrase of the backup is given. Without it only damage is found: whoever can write an "
    "archive\n"
    "can also make one that fits.\n"
    "\n"
    "  --passphrase-file FILE   its first line is the passphrase; - is standard input. Else a terminal is "
    "asked\n"
    "  --check                  checks and shows only\n"
    "  --yes                    does not ask whether to replace\n"
    "Exit codes: 0 done, 1 refused or failed (said on standard error), 2 usage.\n";

static void say_users(const struct backup_content *content)
{
    const struct backup_manifest *m = &content->manifest;
    printf("users        %s\n", content->unsealed ? "are replaced, with their codes"
                                : m->secrets      ? "stay as they are: no passphrase was given"
                                                  : "stay as they are: the backup has none");
    if (content->unsealed)
        printf("The passphrase proves that nothing in this backup was changed since it was made.\n");
    else
        printf("Without a passphrase a backup is checked for damage only. Who made it, and whether somebody "
               "changed it\non purpose, can't be told: restore it only when you know where it comes from.\n");
}

static void show(const char *data_dir, const struct backup_content *content)
{
    const struct backup_manifest *m = &content->manifest;
    struct backup_change change;
    backup_compare(data_dir, content, &change);
    printf("backup of \"%s\" (%s), made %s by version %s\n", m->site_name, m->site_id, m->made, m->version);
    printf("%-12s %8s %8s\n", "", "now", "then");
    printf("%-12s %8s %8s\n", "site", change.site_now[0] ? change.site_now : "-", m->site_id);
    for (int i = 0; i < BACKUP_ROWS; i++) {
        const struct backup_row *row = &change.rows[i];
        printf("%-12s %8lld %8lld\n", row->what, (long long)(row->now < 0 ? 0 : row->now),
               (long long)(row->then < 0 ? 0 : row->then));
    }
    printf("history      %s\n", m->history ? "is replaced" : "stays as it is: the backup has none");
    say_users(content);
}

static bool agreed(const struct backup_options *options)
{
    char answer[16] = "";
    if (options->yes)
        return true;
    printf("Replace all of this? Type yes: ");
    fflush(stdout);
    return fgets(answer, sizeof(answer), stdin) && strcmp(answer, "yes\n") == 0;
}

static void say_done(const struct backup_options *options)
{
    if (options->check) {
        printf("The backup is whole.\n");
        return;
    }
    printf("Restored. Start the gateway again.\n");
    if (backup_stage(options->data) == BACKUP_ON_TRIAL)
        printf(
            "What was here before is kept until all services run on the new; when one of them does not, it "
            "comes back by itself.\n");
}

static enum ew_err restore(const struct backup_options *options, const char *passphrase,
                           struct ew_reason *reason)
{
    static struct backup_content content;
    char folder[PATH_MAX];
    ew_path(folder, options->data, "restore.XXXXXX");
    if (!mkdtemp(folder))
        return ew_fail(reason, EW_E_IO, "file.io", folder, "can't be made: %s", strerror(errno));
    enum ew_err err = backup_unpack(options->archive, folder, passphrase, NULL, &content, reason);
    if (err == EW_OK) {
        show(options->data, &content);
        if (!options->check && !agreed(options))
            err = ew_fail(reason, EW_E_CLOSED, "backup.refused", "", "nothing was changed");
        else if (!options->check)
            err = backup_swap(folder, options->data, reason);
    }
    backup_content_done(&content);
    backup_remove_tree(folder);
    if (err == EW_OK)
        say_done(options);
    return err;
}

// Before every start. What is cut off can be undone by whoever has the lock; without anything to undo nobody
// is waited for.
static enum ew_err recover(const char *data_dir, struct ew_reason *reason)
{
    bool needed = backup_stage(data_dir) == BACKUP_CUT_OFF;
    enum ew_err err = backup_lock(data_dir, /* tidy= */ false, reason);
    if (err == EW_OK)
        err = backup_settle(data_dir, reason);
    return needed ? err : EW_OK;
}

static enum ew_err get_passphrase(const struct backup_options *options, char ret[BACKUP_PASSPHRASE_MAX],
                                  struct ew_reason *reason)
{
    if (options->passphrase_file)
        return backup_passphrase(options->passphrase_file, ret, reason);
    if (isatty(STDIN_FILENO) && backup_has_secrets(options->archive))
        return backup_passphrase_ask("Passphrase of the backup (none: users and codes stay as they are)",
                                     /* twice= */ false, ret, reason);
    return EW_OK;
}

static enum ew_err prepare(const struct backup_options *options, struct ew_reason *reason)
{
    enum ew_err err = ew_dir_make(options->data, 0700, reason);
    if (err == EW_OK)
        err = backup_lock(options->data, /* tidy= */ true, reason);
    if (err == EW_OK && !options->check)
        err = backup_lock_services(options->data, /* supervised= */ false, reason);
    if (err == EW_OK && !options->check)
        err = backup_settle(options->data, reason);
    return err;
}

int restore_main(int argc, char **argv)
{
    static struct backup_options options;
    struct ew_reason reason;
    char passphrase[BACKUP_PASSPHRASE_MAX] = "";
    int code = backup_options_read(argc, argv, help, &options);
    if (code >= 0)
        return code;
    enum ew_err err = EW_OK;
    ew_reason_clear(&reason);
    if (sodium_init() < 0)
        err = ew_fail(&reason, EW_E_IO, "backup.random", "", "the machine gives no random numbers");
    if (err == EW_OK && options.recover) {
        err = recover(options.data, &reason);
    } else if (err == EW_OK) {
        err = prepare(&options, &reason);
        if (err == EW_OK)
            err = get_passphrase(&options, passphrase, &reason);
        if (err == EW_OK)
            err = restore(&options, passphrase[0] ? passphrase : NULL, &reason);
    }
    sodium_memzero(passphrase, sizeof(passphrase));
    if (err != EW_OK)
        backup_say_reason("restore", &reason);
    return err == EW_OK ? 0 : 1;
}
