// DATA/site.json and its versions in DATA/site.d. The only code that writes them.
//
// A version's number is its revision. The revision of a file is that of the newest version with the same
// content, else one more than the newest: so a hand edit becomes a new revision without being written back,
// and a lost or lowered "rev" in the file does no harm.
#ifndef EDGEWATT_CONFIG_SITE_STORE_H
#define EDGEWATT_CONFIG_SITE_STORE_H

#include "core/site/site.h"
#include <limits.h>

enum { SITE_STORE_VERSIONS = 20 };

struct site_store {
    char dir[PATH_MAX];
    cJSON *tree; // what runs: valid, with "rev" and "next_id" raised
    int64_t rev;
    unsigned char seen[32]; // hash of site.json as it was last read or written by us
    // The file holds what can't be used (a hand edit with a mistake): the newest version runs instead, and
    // nothing is written until the file is right again.
    bool foreign;
    struct ew_reason foreign_reason;
    char site_id[33];        // a file with another id can't be used while we run ("" = any)
    struct site_check check; // callbacks for the whole check; problems counts
    int64_t undone_to; // revision whose content the last undo brought back, 0 = the last change was no undo
};

// Reads site.json. None yet: the newest version, else a new site with the local bus and the built-in circuits
// is written. A file that can't be used: see `foreign`. EW_E_INVALID when there is nothing usable at all.
// site_id: the id that the broker and the services were started with; "" = any. next_id_floor: no id below it
// is given out. check->profile_known should be NULL here: a profile that went away must not stop the gateway.
enum ew_err site_store_open(struct site_store *store, const char *data_dir, const char *site_id,
                            const struct site_check *check, int64_t next_id_floor,
                            struct ew_reason *reason) EW_MUST_CHECK;
void site_store_done(struct site_store *store);
// What site_store_open would run, without keeping a version; only a new site is written. For commands that
// come before config (broker-files), maybe as another user.
enum ew_err site_store_peek(struct site_store *store, const char *data_dir, const char *site_id,
                            const struct site_check *check, struct ew_reason *reason) EW_MUST_CHECK;

// Looks at the file again (SIGHUP). EW_OK with *ret_tree NULL: nothing changed. EW_OK with a tree: a valid
// new content to be adopted with site_store_adopt. An error: what is wrong, the running site stays.
enum ew_err site_store_reread(struct site_store *store, cJSON **ret_tree,
                              struct ew_reason *reason) EW_MUST_CHECK;
// Takes the tree as what runs, as a new revision, without touching site.json.
void site_store_adopt(struct site_store *store, cJSON *tree);

// True when site.json is not as we last saw it.
bool site_store_touched(const struct site_store *store);
// Writes the tree (taken over when EW_OK) as revision rev + 1 and makes it what runs. EW_E_STALE when the
// file was changed underneath: it is never overwritten.
enum ew_err site_store_write(struct site_store *store, cJSON *tree, struct ew_reason *reason) EW_MUST_CHECK;

// Revisions kept, ascending; returns how many (at most max).
int site_store_versions(const struct site_store *store, int64_t *ret_revs, int max);
// An old version, checked to be readable JSON; the caller deletes the tree.
enum ew_err site_store_version(const struct site_store *store, int64_t rev, cJSON **ret_tree,
                               struct ew_reason *reason) EW_MUST_CHECK;

// Parses and checks whole. EW_E_INVALID: reason holds the first problem.
enum ew_err site_parse(const char *text, size_t len, const struct site_check *check, cJSON **ret_tree,
                       struct ew_reason *reason) EW_MUST_CHECK;
enum ew_err site_check_tree(const cJSON *tree, const struct site_check *check,
                            struct ew_reason *reason) EW_MUST_CHECK;
// One object a line.
void site_print(const cJSON *tree, struct ew_buf *text);
// No id below next_id is given from now on; written with the next revision.
void site_store_raise_next_id(struct site_store *store, int64_t next_id);
// Equal but for "rev" and "next_id".
bool site_same(const cJSON *a, const cJSON *b);

#endif
