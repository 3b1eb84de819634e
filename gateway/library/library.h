// The library of profiles: every *.json of share/profiles and of DATA/profiles, read, merged with what it
// extends, checked. The one way by which poller, config, simulator and commands come to a profile.
#ifndef EDGEWATT_LIBRARY_LIBRARY_H
#define EDGEWATT_LIBRARY_LIBRARY_H

#include "core/profile/profile.h"

enum { LIBRARY_ALIASES_MAX = 8, LIBRARY_EXTENDS_MAX = 4 /* a chain longer than this is refused */ };

struct library_entry {
    struct profile profile; // registers point into memory of the library
    char file[EW_PATH_MAX]; // where it was read
    bool own;               // from DATA/profiles: the user's
    uint64_t digest;        // of all it says, with what it extends
    int alias_count;
    char aliases[LIBRARY_ALIASES_MAX][EW_NAME_MAX];
};

struct library;

// path is the file's; reason->path the place inside ("/registers/voltage_l1_n/address").
typedef void library_problem_fn(void *user, const char *path, const struct ew_reason *reason);

// Reads share_dir/profiles and, when data_dir is not NULL, data_dir/profiles (which need not exist). A file
// of the user's with the id of a shipped one takes its place, and may extend it by naming its own id in
// "extends". A file with a problem, or above EW_PROFILES_MAX files, is left out and told to `problem` (may be
// NULL); the others stay. EW_E_UNKNOWN when share_dir/profiles can't be read.
enum ew_err library_load(const char *share_dir, const char *data_dir, library_problem_fn *problem, void *user,
                         struct library **ret, struct ew_reason *reason) EW_MUST_CHECK;
void library_free(struct library *library); // takes NULL

// By id or alias; NULL when there is none. Stays valid until library_free: on a reload load a new library and
// free the old one when nothing points into it.
const struct profile *library_find(const struct library *library, const char *id);
// The shape of struct site_check.profile_known; user is the library.
bool library_knows(void *library, const char *id);

// The digest of what library_find finds, 0 when there is none.
uint64_t library_digest(const struct library *library, const char *id);

// Files that were read; EW_PROFILES_MAX = there is no room for another.
int library_file_count(const struct library *library);

// In order of id.
int library_count(const struct library *library);
const struct library_entry *library_at(const struct library *library, int index);

enum { LIBRARY_PROBLEMS_MAX = 50 };

// The profile part of `edgewatt check FILE`: one file, with what it extends looked up beside it, in
// data_dir/profiles (may be NULL) and in share_dir/profiles. Every problem goes to `problem`: what is wrong
// is left out and the rest looked at again, until nothing is, or what is wrong can't be left out, or
// LIBRARY_PROBLEMS_MAX were told. Returns how many.
int library_check_file(const char *path, const char *share_dir, const char *data_dir,
                       library_problem_fn *problem, void *user);
// The same for a tree that stands in no file yet; path is "".
int library_check_each(const cJSON *tree, const char *share_dir, const char *data_dir,
                       library_problem_fn *problem, void *user);
// EW_E_INVALID and the first problem.
enum ew_err library_check_tree(const cJSON *tree, const char *share_dir, const char *data_dir,
                               struct ew_reason *reason) EW_MUST_CHECK;
// What "extends" makes of such a tree; the caller's.
enum ew_err library_merge_tree(const cJSON *tree, const char *share_dir, const char *data_dir, cJSON **ret,
                               struct ew_reason *reason) EW_MUST_CHECK;
// Is this tree a profile (it has "registers" or "extends" at its top) and not a site file?
bool library_is_profile(const cJSON *tree);

#endif
