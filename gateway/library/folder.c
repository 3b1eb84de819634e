#include "library/library_priv.h"

#include "base/file.h"
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum ew_err library_read_file(const char *path, cJSON **ret_tree, struct ew_reason *reason)
{
    struct ew_buf buf;
    ew_buf_init(&buf, EW_PROFILE_FILE_MAX);
    enum ew_err err = ew_file_read(path, EW_PROFILE_FILE_MAX, &buf, reason);
    if (err == EW_OK)
        err = ew_json_parse(ew_buf_text(&buf), buf.len, EW_PROFILE_FILE_MAX, ret_tree, reason);
    else if (reason)
        reason->path[0] = 0; // the place inside the file: there is none
    ew_buf_done(&buf);
    return err;
}

static void add(struct library_sources *sources, const char *path, bool own, cJSON *tree)
{
    size_t size = (size_t)(sources->count + 1) * sizeof(*sources->items);
    struct library_source *items = realloc(sources->items, size);
    if (!items)
        abort();
    sources->items = items;
    struct library_source *source = &items[sources->count++];
    *source = (struct library_source){.own = own, .tree = tree};
    ew_copy(source->path, sizeof(source->path), path);
}

static int is_json(const struct dirent *entry)
{
    size_t len = strlen(entry->d_name);
    return len > 5 && entry->d_name[0] != '.' && strcmp(entry->d_name + len - 5, ".json") == 0;
}

// One too many is left out like one that is damaged: nobody's meters are to stand still for it.
static void read_one(struct library_sources *sources, const char *path, bool own, library_problem_fn *problem,
                     void *user)
{
    struct ew_reason why;
    cJSON *tree = NULL;
    enum ew_err err = sources->count == EW_PROFILES_MAX ? ew_fail(&why, EW_E_FULL, "library.full", "",
                                                                  "more than %d profiles", EW_PROFILES_MAX)
                                                        : library_read_file(path, &tree, &why);
    if (err == EW_OK)
        add(sources, path, own, tree);
    else if (problem)
        problem(user, path, &why);
}

enum ew_err library_read_folder(struct library_sources *sources, const char *dir, bool own,
                                library_problem_fn *problem, void *user, struct ew_reason *reason)
{
    struct dirent **names;
    int count = scandir(dir, &names, is_json, alphasort);
    if (count < 0)
        return ew_fail(reason, EW_E_UNKNOWN, "library.folder", dir, "can't be read: %s", strerror(errno));
    for (int i = 0; i < count; i++) {
        char path[PATH_MAX];
        if (ew_format(path, sizeof(path), "%s/%s", dir, names[i]->d_name) == EW_OK)
            read_one(sources, path, own, problem, user);
        free(names[i]);
    }
    free(names);
    return EW_OK;
}

void library_sources_done(struct library_sources *sources)
{
    for (int i = 0; i < sources->count; i++)
        cJSON_Delete(sources->items[i].tree);
    free(sources->items);
    *sources = (struct library_sources){0};
}
