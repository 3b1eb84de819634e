// What the files of gateway/library share.
#ifndef EDGEWATT_LIBRARY_LIBRARY_PRIV_H
#define EDGEWATT_LIBRARY_LIBRARY_PRIV_H

#include "library/library.h"
#include <limits.h>

// One file as it was parsed, before merging.
struct library_source {
    char path[PATH_MAX];
    bool own; // from DATA/profiles
    cJSON *tree;
};

struct library_sources {
    struct library_source *items;
    int count;
};

// folder.c: adds every *.json of the folder, in order of name. A file that can't be parsed goes to `problem`,
// and so does each above EW_PROFILES_MAX in all. EW_E_UNKNOWN when the folder can't be read.
enum ew_err library_read_folder(struct library_sources *sources, const char *dir, bool own,
                                library_problem_fn *problem, void *user,
                                struct ew_reason *reason) EW_MUST_CHECK;
// Parses one file; the tree is the caller's.
enum ew_err library_read_file(const char *path, cJSON **ret_tree, struct ew_reason *reason) EW_MUST_CHECK;
void library_sources_done(struct library_sources *sources);

// merge.c: what "extends" makes of a tree: a new tree, the caller's. RFC 7396 over the base, without what
// each profile must say of itself: id, aliases, confidence, evidence.
enum ew_err library_merge(const struct library_sources *sources, const struct library_source *source,
                          cJSON **ret_tree, struct ew_reason *reason) EW_MUST_CHECK;
const char *library_tree_text(const cJSON *tree, const char *key); // "" when it is no text

#endif
