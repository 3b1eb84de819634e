// A restored site on trial. restore.old/trial says so: "<starts> <boot id>", how many boots have tried it. It
// is kept once whoever starts the services has seen all of them run; when one does not, the site before comes
// back. A machine that never gets so far, because it dies first, goes back at its fourth boot.
#include "backup/backup_priv.h"

#include "base/file.h"
#include "base/log.h"
#include "service/paths.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BOOTS_MAX = 3, BOOT_ID_MAX = 64 };

static void read_boot_id(char dst[BOOT_ID_MAX])
{
    struct ew_buf text;
    ew_copy(dst, BOOT_ID_MAX, "unknown");
    ew_buf_init(&text, BOOT_ID_MAX - 1);
    if (ew_file_read("/proc/sys/kernel/random/boot_id", BOOT_ID_MAX - 1, &text, NULL) == EW_OK)
        ew_copy(dst, BOOT_ID_MAX, ew_buf_text(&text));
    dst[strcspn(dst, "\n")] = 0;
    ew_buf_done(&text);
}

static enum ew_err write_trial(const char *data_dir, int boots, struct ew_reason *reason)
{
    char path[PATH_MAX], boot[BOOT_ID_MAX], text[BOOT_ID_MAX + 16];
    ew_path(path, data_dir, BACKUP_TRIAL);
    read_boot_id(boot);
    int len = snprintf(text, sizeof(text), "%d %s\n", boots, boot);
    return ew_file_write(path, text, (size_t)len, 0600, reason);
}

enum ew_err backup_trial_begin(const char *data_dir, struct ew_reason *reason)
{
    return write_trial(data_dir, 1, reason);
}

// *ret_last: it was tried often enough.
static enum ew_err count_boot(const char *data_dir, bool *ret_last, struct ew_reason *reason)
{
    char path[PATH_MAX], own[BOOT_ID_MAX];
    struct ew_buf text;
    ew_path(path, data_dir, BACKUP_TRIAL);
    read_boot_id(own);
    ew_buf_init(&text, 2 * BOOT_ID_MAX);
    enum ew_err err = ew_file_read(path, 2 * BOOT_ID_MAX, &text, reason);
    long boots = strtol(ew_buf_text(&text), NULL, 10);
    bool noted = err == EW_OK && strstr(ew_buf_text(&text), own) != NULL;
    ew_buf_done(&text);
    *ret_last = false;
    if (err != EW_OK || noted)
        return err;
    *ret_last = boots >= BOOTS_MAX;
    return *ret_last ? EW_OK : write_trial(data_dir, (int)boots + 1, reason);
}

enum ew_err backup_trial_keep(const char *data_dir, struct ew_reason *reason)
{
    enum backup_stage stage = backup_stage(data_dir);
    if (stage != BACKUP_ON_TRIAL && stage != BACKUP_PROVEN)
        return EW_OK;
    enum ew_err err = backup_keep(data_dir, reason);
    if (err != EW_OK)
        return err;
    if (backup_state_restored(data_dir, NULL))
        backup_forget(data_dir); // else the next start says it
    ew_notice("backup", "the restored site has proven itself");
    return EW_OK;
}

static enum ew_err go_back(const char *data_dir, const struct ew_reason *why, struct ew_reason *reason)
{
    enum ew_err err = backup_undo(data_dir, reason);
    if (err != EW_OK)
        return err;
    printf("%s\n", why->text);
    fflush(stdout);
    ew_log_reason(EW_LOG_WARNING, "backup", why);
    (void)backup_state_restored(data_dir, why); // has said itself why not
    return EW_OK;
}

enum ew_err backup_trial_back(const char *data_dir, const char *service, const char *why,
                              struct ew_reason *reason)
{
    struct ew_reason said;
    if (backup_stage(data_dir) != BACKUP_ON_TRIAL)
        return EW_OK;
    ew_reason_clear(&said);
    (void)ew_fail(
        &said, EW_E_CLOSED, "backup.unproven", "",
        "the restore was undone, because %s did not run on what was restored (%s); everything is as "
        "it was before",
        service, why[0] ? why : "not in time");
    ew_reason_param(&said, "service", "%s", service);
    ew_reason_param(&said, "why", "%s", why[0] ? why : "not in time");
    return go_back(data_dir, &said, reason);
}

static enum ew_err settle_trial(const char *data_dir, struct ew_reason *reason)
{
    struct ew_reason said;
    bool last = false;
    enum ew_err err = count_boot(data_dir, &last, reason);
    if (err != EW_OK)
        return err;
    if (!last) {
        char staged[PATH_MAX];
        ew_path(staged, data_dir, "restore.new");
        if (backup_state_proving(data_dir))
            backup_remove_tree(staged);
        return EW_OK;
    }
    ew_reason_clear(&said);
    (void)ew_fail(
        &said, EW_E_CLOSED, "backup.never_ran", "",
        "the restore was undone, because the machine was started %d times and never ran on what was "
        "restored; everything is as it was before",
        BOOTS_MAX);
    ew_reason_param(&said, "boots", "%d", BOOTS_MAX);
    return go_back(data_dir, &said, reason);
}

static enum ew_err settle_cut_off(const char *data_dir, struct ew_reason *reason)
{
    struct ew_reason said;
    ew_reason_clear(&said);
    (void)ew_fail(&said, EW_E_CLOSED, "backup.undone", "",
                  "a restore that was cut off has been undone; everything is as it was before");
    return go_back(data_dir, &said, reason);
}

// Nothing is to be undone; restore.new is there when the end could not be said.
static void settle_rest(const char *data_dir)
{
    struct ew_reason said;
    char staged[PATH_MAX], site[PATH_MAX];
    ew_path(staged, data_dir, "restore.new");
    ew_path(site, staged, "site.json");
    ew_reason_clear(&said);
    (void)ew_fail(&said, EW_E_CLOSED, "backup.undone", "",
                  "the restore was cut off; everything is as it was before");
    // Whose site file has moved on and is not called back has been restored.
    bool restored = ew_file_exists(staged) && !ew_file_exists(site);
    if (!backup_state_open_restore(data_dir) || backup_state_restored(data_dir, restored ? NULL : &said))
        backup_remove_tree(staged);
    backup_forget(data_dir);
}

enum ew_err backup_settle(const char *data_dir, struct ew_reason *reason)
{
    switch (backup_stage(data_dir)) {
    case BACKUP_CUT_OFF:
        return settle_cut_off(data_dir, reason);
    case BACKUP_ON_TRIAL:
        return settle_trial(data_dir, reason);
    case BACKUP_PROVEN:
        return backup_trial_keep(data_dir, reason);
    case BACKUP_NONE:
        break;
    }
    settle_rest(data_dir);
    return EW_OK;
}
