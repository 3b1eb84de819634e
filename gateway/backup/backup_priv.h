// The archive. Its files: manifest.json (what is in it, by size and SHA-256), manifest.sum (SHA-256 of the
// manifest, hex), site.json, profiles/<id>.json, since format 2 controller.json (memory.c), history.db when
// asked for, and secrets.bin when a passphrase was given.
//
// secrets.bin: "EWSEC1", then operations (u32) and memory in KiB (u32) of Argon2id, little-endian, salt (16),
// nonce (24), then XChaCha20-Poly1305 of {"<name>": base64 ...}, the files of secrets/. Associated data:
// everything before the ciphertext, then manifest.json: who has the passphrase knows that nothing in the
// archive was changed.
#ifndef EDGEWATT_BACKUP_BACKUP_PRIV_H
#define EDGEWATT_BACKUP_BACKUP_PRIV_H

#include "base/json.h"
#include "base/limits.h"
#include <limits.h>
#include <zip.h>

enum {
    BACKUP_FORMAT = 2, // 1: without controller.json
    BACKUP_FILES_MAX = EW_PROFILES_MAX + 3,
    BACKUP_NAME_MAX = 128,
    BACKUP_MANIFEST_MAX = 256 << 10,
    BACKUP_SECRETS_MAX = 4 << 20,
    BACKUP_MEMORY_MAX = 4 << 20,
    BACKUP_PASSPHRASE_MAX = 1024,
    BACKUP_HASH_SIZE = 32,
    BACKUP_STAGED = 3 // exit code of backup-job: stop the services, then backup-job --swap
};

struct backup_file {
    char name[BACKUP_NAME_MAX]; // in the archive and below the data folder alike
    int64_t size;
    char sha256[2 * BACKUP_HASH_SIZE + 1];
};

struct backup_manifest {
    char version[16]; // of the program that made it
    char made[40];    // RFC 3339
    char site_id[33], site_name[EW_NAME_MAX];
    int64_t buses, devices, users;
    bool history, secrets;
    int count;
    struct backup_file files[BACKUP_FILES_MAX];
};

// manifest.c
void backup_manifest_write(const struct backup_manifest *manifest, struct ew_buf *out);
enum ew_err backup_manifest_read(const struct ew_buf *text, struct backup_manifest *ret,
                                 struct ew_reason *reason) EW_MUST_CHECK;
// SHA-256 and size of a file.
enum ew_err backup_measure(const char *path, struct backup_file *ret, struct ew_reason *reason) EW_MUST_CHECK;
void backup_sum(const struct ew_buf *text, char ret_hex[2 * BACKUP_HASH_SIZE + 1]);

// secrets.c. secrets is the JSON text of the files; sealed is secrets.bin.
enum ew_err backup_seal(const char *passphrase, const struct ew_buf *manifest, const struct ew_buf *secrets,
                        struct ew_buf *ret_sealed, struct ew_reason *reason) EW_MUST_CHECK;
enum ew_err backup_unseal(const char *passphrase, const struct ew_buf *manifest, const struct ew_buf *sealed,
                          struct ew_buf *ret_secrets, struct ew_reason *reason) EW_MUST_CHECK;
enum ew_err backup_secrets_gather(const char *data_dir, struct ew_buf *ret_secrets,
                                  struct ew_reason *reason) EW_MUST_CHECK;
// Writes the files of secrets below folder/secrets.
enum ew_err backup_secrets_spread(const struct ew_buf *secrets, const char *folder,
                                  struct ew_reason *reason) EW_MUST_CHECK;

// passphrase.c. Wipe what is returned after use.
// The first line of a file or a pipe, "-" = standard input.
enum ew_err backup_passphrase(const char *path, char ret[BACKUP_PASSPHRASE_MAX],
                              struct ew_reason *reason) EW_MUST_CHECK;
// Asks at the terminal that standard input is, without an echo; twice when asked to. "" = the person wants
// none.
enum ew_err backup_passphrase_ask(const char *question, bool twice, char ret[BACKUP_PASSPHRASE_MAX],
                                  struct ew_reason *reason) EW_MUST_CHECK;

// How far it is: a step of schemas/calls/backup.schema.json and 0 .. 100. fn may be NULL.
struct backup_progress {
    void (*fn)(void *user, const char *step, int percent);
    void *user;
};
void backup_progress(const struct backup_progress *progress, const char *step, int percent);

// options.c: the command line of both commands.
struct backup_options {
    const char *command;         // "backup" or "restore"
    const char *data;            // never NULL once read
    const char *output;          // backup; NULL = export/database.zip
    const char *archive;         // restore; never NULL once read
    const char *passphrase_file; // NULL = not given
    bool no_history, no_secrets; // backup
    bool check, yes, recover;    // restore
    char default_archive[PATH_MAX];
};
// Returns -1 to go on, else the exit code.
int backup_options_read(int argc, char **argv, const char *help, struct backup_options *ret);
void backup_say_reason(const char *command, const struct ew_reason *reason); // on standard error

// folder.c: who works on a data folder.
// One backup or restore at a time, until the process ends: EW_E_BUSY. `tidy`: what one that was cut off left
// behind is removed.
enum ew_err backup_lock(const char *data_dir, bool tidy, struct ew_reason *reason) EW_MUST_CHECK;
// The same, but waits for the other one's end.
enum ew_err backup_lock_wait(const char *data_dir, int wait_ms, struct ew_reason *reason) EW_MUST_CHECK;
// No service runs on it. `supervised`: edgewatt run itself asks.
enum ew_err backup_lock_services(const char *data_dir, bool supervised,
                                 struct ew_reason *reason) EW_MUST_CHECK;
void backup_remove_tree(const char *path);
int backup_newest_history(void); // the newest version of the history that this program knows

// make.c
struct backup_order {
    const char *data_dir;
    const char *output;     // NULL = export/database.zip
    const char *passphrase; // NULL = without secrets
    bool history;
    struct backup_progress progress;
};
struct backup_made {
    struct backup_manifest manifest;
    char path[PATH_MAX];
    int64_t bytes;
    char sum[2 * BACKUP_HASH_SIZE + 1]; // of the manifest: names this very backup
};
// The lock is the caller's.
enum ew_err backup_make(const struct backup_order *order, struct backup_made *ret,
                        struct ew_reason *reason) EW_MUST_CHECK;

// unpack.c: everything of the archive, checked, below folder; nothing else is touched.
struct backup_content {
    struct backup_manifest manifest;
    struct ew_buf manifest_text;
    cJSON *site;
    bool unsealed; // secrets/ is below folder too
};
enum ew_err backup_unpack(const char *archive, const char *folder, const char *passphrase,
                          const struct backup_progress *progress, struct backup_content *ret,
                          struct ew_reason *reason) EW_MUST_CHECK;
// False also for what is no archive.
bool backup_has_secrets(const char *archive);
void backup_content_done(struct backup_content *content);

// memory.c: what the charging controller remembers.
#define BACKUP_MEMORY "controller.json"
// What of it belongs to the site, into `folder`; *ret_any: there was something.
enum ew_err backup_memory_copy(const char *data_dir, const char *folder, const char *made, bool *ret_any,
                               struct ew_reason *reason) EW_MUST_CHECK;
enum ew_err backup_memory_check(const char *folder, struct ew_reason *reason) EW_MUST_CHECK;
// Charges under way at stations of the same site go on: what is below `from` takes over the moment of here.
enum ew_err backup_memory_merge(const char *from, const char *data_dir,
                                struct ew_reason *reason) EW_MUST_CHECK;
bool backup_same_site(const char *a_dir, const char *b_dir); // by the id in site.json

// compare.c: what a restore would change.
enum { BACKUP_ROWS = 8 };
struct backup_change {
    char site_now[33]; // "" = there is none
    struct backup_row {
        const char *what;  // a list of the site file, or "users"
        int64_t now, then; // -1 = not known
    } rows[BACKUP_ROWS];
};
void backup_compare(const char *data_dir, const struct backup_content *content, struct backup_change *ret);

// swap.c: puts what is below `from` in the place of what is below data_dir; all of it or nothing. Where a
// site was before, it is on trial then: what was there lies in restore.old/ until backup_keep() or
// backup_undo().
enum backup_stage {
    BACKUP_NONE,     // of a restore
    BACKUP_CUT_OFF,  // in the middle: backup_undo() before anything is started
    BACKUP_ON_TRIAL, // the new site is whole, the old one can come back
    BACKUP_PROVEN    // the new one stands; what is left of the old one goes with backup_forget()
};
#define BACKUP_TRIAL "restore.old/trial" // below the data folder; edgewatt run looks for it
enum backup_stage backup_stage(const char *data_dir);
enum ew_err backup_swap(const char *from, const char *data_dir, struct ew_reason *reason) EW_MUST_CHECK;
// Of CUT_OFF or ON_TRIAL.
enum ew_err backup_undo(const char *data_dir, struct ew_reason *reason) EW_MUST_CHECK;
enum ew_err backup_keep(const char *data_dir, struct ew_reason *reason) EW_MUST_CHECK; // of ON_TRIAL
void backup_forget(const char *data_dir);

// trial.c: a restored site proves itself by its services running, and what is said of it.
enum ew_err backup_trial_begin(const char *data_dir, struct ew_reason *reason) EW_MUST_CHECK;
// The services ran: it is kept.
enum ew_err backup_trial_keep(const char *data_dir, struct ew_reason *reason) EW_MUST_CHECK;
// `service` did not, because of `why`: the site before comes back.
enum ew_err backup_trial_back(const char *data_dir, const char *service, const char *why,
                              struct ew_reason *reason) EW_MUST_CHECK;
// Before every start: what was cut off is undone, what is on trial is counted, what is done is tidied up; the
// page and standard output are told. The lock is the caller's.
enum ew_err backup_settle(const char *data_dir, struct ew_reason *reason) EW_MUST_CHECK;

// state.c: run/job/state.json, what the page is told.
cJSON *backup_state_read(const char *data_dir); // never NULL
bool backup_state_write(const char *data_dir, const cJSON *tree);
// It is done, and when; with a reason: came to nothing.
void backup_state_end(cJSON *tree, const struct ew_reason *reason);
bool backup_state_open_restore(const char *data_dir); // it tells of one that is not done
// The restore is on trial; it stands (NULL), or why not. One that the page knows nothing of (of the command,
// or before a boot) is told of too. False: it could not be said.
bool backup_state_proving(const char *data_dir);
bool backup_state_restored(const char *data_dir, const struct ew_reason *reason);

// Numbers of a site tree.
int64_t backup_list_size(const cJSON *tree, const char *list);
// Users of the pages in the text of secrets/config.json; -1 = can't be read.
int64_t backup_count_users(const char *path);

#endif
