// What the page is told of a backup or restore: run/job/state.json, as schemas/calls/backup.schema.json says.
#include "backup/backup_priv.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/rfc3339.h"
#include "service/paths.h"
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { STATE_MAX = 64 << 10 };

cJSON *backup_state_read(const char *data_dir)
{
    char path[PATH_MAX];
    struct ew_buf text;
    cJSON *tree = NULL;
    ew_path(path, data_dir, "run/job/state.json");
    ew_buf_init(&text, STATE_MAX);
    if (ew_file_read(path, STATE_MAX, &text, NULL) == EW_OK)
        (void)!ew_json_parse(ew_buf_text(&text), text.len, STATE_MAX, &tree, NULL);
    ew_buf_done(&text);
    return tree ? tree : cJSON_CreateObject();
}

// As config makes it, which may not have run since the boot: under systemd it is config's.
static enum ew_err make_folder(const char *path, struct ew_reason *reason)
{
    bool there = ew_file_exists(path);
    enum ew_err err = ew_dir_make(path, 0700, reason);
    const struct passwd *owner = !there && geteuid() == 0 ? getpwnam("edgewatt-config") : NULL;
    if (err == EW_OK && owner)
        (void)!lchown(path, owner->pw_uid, owner->pw_gid);
    return err;
}

bool backup_state_write(const char *data_dir, const cJSON *tree)
{
    char folder[PATH_MAX], path[PATH_MAX];
    struct ew_reason reason;
    struct ew_buf text;
    struct ew_jw w;
    ew_path(folder, data_dir, "run/job");
    ew_path(path, folder, "state.json");
    ew_buf_init(&text, STATE_MAX);
    ew_jw_init(&w, &text);
    ew_jw_tree(&w, NULL, tree);
    bool written = make_folder(folder, &reason) == EW_OK &&
                   ew_file_write(path, ew_buf_text(&text), text.len, 0644, &reason) == EW_OK;
    if (!written)
        ew_log_reason(EW_LOG_ERROR, "backup", &reason);
    ew_buf_done(&text);
    return written;
}

static cJSON *reason_tree(const struct ew_reason *reason)
{
    struct ew_buf text;
    struct ew_jw w;
    ew_buf_init(&text, STATE_MAX);
    ew_jw_init(&w, &text);
    ew_jw_open_object(&w, NULL);
    ew_jw_reason(&w, "reason", reason);
    ew_jw_close_object(&w);
    cJSON *holder = cJSON_Parse(ew_buf_text(&text));
    cJSON *tree = cJSON_DetachItemFromObjectCaseSensitive(holder, "reason");
    cJSON_Delete(holder);
    ew_buf_done(&text);
    return tree;
}

void backup_state_end(cJSON *tree, const struct ew_reason *reason)
{
    char at[40];
    ew_rfc3339_format(ew_clock_wall_ms(), at);
    cJSON_DeleteItemFromObjectCaseSensitive(tree, "done");
    if (!cJSON_AddBoolToObject(tree, "done", true) || !cJSON_AddStringToObject(tree, "at", at))
        abort();
    if (reason && !cJSON_AddItemToObject(tree, "reason", reason_tree(reason)))
        abort();
}

static bool open_restore(const cJSON *tree)
{
    const char *kind = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(tree, "kind"));
    return kind && strcmp(kind, "restore") == 0 &&
           cJSON_IsFalse(cJSON_GetObjectItemCaseSensitive(tree, "done"));
}

bool backup_state_open_restore(const char *data_dir)
{
    cJSON *tree = backup_state_read(data_dir);
    bool open = open_restore(tree);
    cJSON_Delete(tree);
    return open;
}

// The state of the restore under way; a new one where there is none.
static cJSON *restore_tree(const char *data_dir, const char *step)
{
    cJSON *tree = backup_state_read(data_dir);
    bool known = open_restore(tree);
    if (!known) {
        cJSON_Delete(tree);
        tree = cJSON_CreateObject();
    }
    cJSON_DeleteItemFromObjectCaseSensitive(tree, "step");
    bool good = cJSON_AddStringToObject(tree, "step", step) != NULL;
    if (!known)
        good = good && cJSON_AddStringToObject(tree, "kind", "restore") &&
               cJSON_AddBoolToObject(tree, "done", false) && cJSON_AddNumberToObject(tree, "percent", 0) &&
               cJSON_AddStringToObject(tree, "by", "console");
    if (!good)
        abort();
    return tree;
}

bool backup_state_proving(const char *data_dir)
{
    cJSON *tree = restore_tree(data_dir, "proving");
    bool written = backup_state_write(data_dir, tree);
    cJSON_Delete(tree);
    return written;
}

bool backup_state_restored(const char *data_dir, const struct ew_reason *reason)
{
    cJSON *tree = restore_tree(data_dir, "replacing");
    backup_state_end(tree, reason);
    bool written = backup_state_write(data_dir, tree);
    cJSON_Delete(tree);
    return written;
}
