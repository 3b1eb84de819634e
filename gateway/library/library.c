#include "library/library_priv.h"

#include <stdlib.h>
#include <string.h>

struct library {
    struct library_entry **entries; // in order of id
    int count, file_count;
};

static void entry_free(struct library_entry *entry)
{
    free(entry->profile.registers);
    free(entry);
}

void library_free(struct library *library)
{
    if (!library)
        return;
    for (int i = 0; i < library->count; i++)
        entry_free(library->entries[i]);
    free(library->entries);
    free(library);
}

static enum ew_err read_aliases(const cJSON *tree, struct library_entry *entry, struct ew_reason *reason)
{
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(tree, "aliases");
    for (const cJSON *item = list ? list->child : NULL; item; item = item->next) {
        if (entry->alias_count == LIBRARY_ALIASES_MAX)
            return ew_fail(reason, EW_E_INVALID, "library.aliases", "/aliases", "more than %d aliases",
                           LIBRARY_ALIASES_MAX);
        ew_copy(entry->aliases[entry->alias_count++], EW_NAME_MAX, item->valuestring);
    }
    return EW_OK;
}

static uint64_t digest_of(const cJSON *tree) // FNV-1a
{
    uint64_t hash = 14695981039346656037u;
    char *text = cJSON_PrintUnformatted(tree);
    if (!text)
        abort();
    for (const char *p = text; *p; p++)
        hash = (hash ^ (unsigned char)*p) * 1099511628211u;
    cJSON_free(text);
    return hash;
}

// One entry out of one source: merged, read, in memory of its own. NULL with the reason when it has a
// problem.
static struct library_entry *entry_new(const struct library_sources *sources,
                                       const struct library_source *source, struct ew_reason *reason)
{
    cJSON *tree = NULL;
    if (library_merge(sources, source, &tree, reason) != EW_OK)
        return NULL;
    size_t size = profile_memory(tree);
    struct library_entry *entry = calloc(1, sizeof(*entry));
    void *memory = calloc(1, size);
    if (!entry || !memory)
        abort();
    struct ew_arena arena;
    ew_arena_init(&arena, memory, size);
    enum ew_err err = profile_read(tree, &arena, &entry->profile, reason);
    if (err == EW_OK)
        err = read_aliases(tree, entry, reason);
    entry->digest = digest_of(tree);
    cJSON_Delete(tree);
    if (err != EW_OK) {
        free(memory);
        free(entry);
        return NULL;
    }
    // The first thing taken from an aligned block starts at the block.
    entry->profile.registers = memory;
    entry->own = source->own;
    ew_copy(entry->file, sizeof(entry->file), source->path);
    return entry;
}

static bool named(const struct library_entry *entry, const char *id)
{
    for (int i = 0; i < entry->alias_count; i++)
        if (strcmp(entry->aliases[i], id) == 0)
            return true;
    return strcmp(entry->profile.id, id) == 0;
}

static struct library_entry *find(const struct library *library, const char *id)
{
    for (int i = 0; i < library->count; i++) // an id wins over an alias
        if (strcmp(library->entries[i]->profile.id, id) == 0)
            return library->entries[i];
    for (int i = 0; i < library->count; i++)
        if (named(library->entries[i], id))
            return library->entries[i];
    return NULL;
}

static int by_id(const void *a, const void *b)
{
    const struct library_entry *const *x = a, *const *y = b;
    return strcmp((*x)->profile.id, (*y)->profile.id);
}

// The user's files come first, so a shipped profile whose id is taken gives way without a word; two files of
// one folder with one id are a problem.
static void add(struct library *library, struct library_entry *entry, library_problem_fn *problem, void *user)
{
    struct library_entry *there = find(library, entry->profile.id);
    bool same_id = there && strcmp(there->profile.id, entry->profile.id) == 0;
    if (!same_id) {
        library->entries[library->count++] = entry;
        return;
    }
    if (there->own == entry->own && problem) {
        struct ew_reason why;
        (void)ew_fail(&why, EW_E_EXISTS, "library.id_twice", "/id", "\"%s\" is the id of %s already",
                      entry->profile.id, there->file);
        problem(user, entry->file, &why);
    }
    entry_free(entry);
}

static void build(struct library *library, const struct library_sources *sources, bool own,
                  library_problem_fn *problem, void *user)
{
    for (int i = 0; i < sources->count; i++) {
        if (sources->items[i].own != own)
            continue;
        struct ew_reason why;
        struct library_entry *entry = entry_new(sources, &sources->items[i], &why);
        if (entry)
            add(library, entry, problem, user);
        else if (problem)
            problem(user, sources->items[i].path, &why);
    }
}

enum ew_err library_load(const char *share_dir, const char *data_dir, library_problem_fn *problem, void *user,
                         struct library **ret, struct ew_reason *reason)
{
    struct library_sources sources = {0};
    char dir[PATH_MAX];
    enum ew_err err = ew_format(dir, sizeof(dir), "%s/profiles", share_dir);
    if (err == EW_OK)
        err = library_read_folder(&sources, dir, false, problem, user, reason);
    if (err == EW_OK && data_dir && ew_format(dir, sizeof(dir), "%s/profiles", data_dir) == EW_OK) {
        struct ew_reason why;
        err = library_read_folder(&sources, dir, true, problem, user, &why);
        if (err == EW_E_UNKNOWN) // no folder: the user has none
            err = EW_OK;
        else if (err != EW_OK && reason)
            *reason = why;
    }
    if (err == EW_OK) {
        struct library *library = calloc(1, sizeof(*library));
        struct library_entry **entries = calloc((size_t)sources.count + 1, sizeof(struct library_entry *));
        if (!library || !entries)
            abort();
        library->entries = entries;
        library->file_count = sources.count;
        build(library, &sources, true, problem, user);
        build(library, &sources, false, problem, user);
        qsort(library->entries, (size_t)library->count, sizeof(*library->entries), by_id);
        *ret = library;
    }
    library_sources_done(&sources);
    return err;
}

const struct profile *library_find(const struct library *library, const char *id)
{
    const struct library_entry *entry = find(library, id);
    return entry ? &entry->profile : NULL;
}

uint64_t library_digest(const struct library *library, const char *id)
{
    const struct library_entry *entry = find(library, id);
    return entry ? entry->digest : 0;
}

bool library_knows(void *library, const char *id)
{
    return find(library, id) != NULL;
}

int library_file_count(const struct library *library)
{
    return library->file_count;
}

int library_count(const struct library *library)
{
    return library->count;
}

const struct library_entry *library_at(const struct library *library, int index)
{
    return library->entries[index];
}

bool library_is_profile(const cJSON *tree)
{
    return cJSON_GetObjectItemCaseSensitive(tree, "registers") ||
           cJSON_GetObjectItemCaseSensitive(tree, "extends");
}

// What "extends" may name from this file: the shipped, the user's, its own folder's, where they exist.
// Problems of those files are not this file's.
static void read_neighbours(struct library_sources *sources, const char *path, const char *share_dir,
                            const char *data_dir)
{
    char dirs[3][PATH_MAX] = {"", "", "."};
    const char *slash = strrchr(path, '/');
    if (share_dir && ew_format(dirs[0], PATH_MAX, "%s/profiles", share_dir) != EW_OK)
        dirs[0][0] = 0;
    if (data_dir && ew_format(dirs[1], PATH_MAX, "%s/profiles", data_dir) != EW_OK)
        dirs[1][0] = 0;
    if (slash) {
        ew_copy(dirs[2], PATH_MAX, path);
        dirs[2][slash == path ? 1 : slash - path] = 0;
    }
    for (int i = 0; i < 3; i++)
        if (dirs[i][0] && library_read_folder(sources, dirs[i], false, NULL, NULL, NULL) != EW_OK)
            continue; // it need not be there
}

static void keep_first(void *user, const char *path, const struct ew_reason *reason)
{
    struct ew_reason *first = user;
    (void)path;
    if (first->err == EW_OK)
        *first = *reason;
}

enum ew_err library_check_tree(const cJSON *tree, const char *share_dir, const char *data_dir,
                               struct ew_reason *reason)
{
    struct ew_reason first = {.err = EW_OK};
    if (library_check_each(tree, share_dir, data_dir, keep_first, &first) == 0)
        return EW_OK;
    if (reason)
        *reason = first;
    return EW_E_INVALID;
}

enum ew_err library_merge_tree(const cJSON *tree, const char *share_dir, const char *data_dir, cJSON **ret,
                               struct ew_reason *reason)
{
    struct library_source source = {.own = true, .tree = cJSON_Duplicate(tree, true)};
    struct library_sources sources = {0};
    if (!source.tree)
        abort();
    read_neighbours(&sources, "", share_dir, data_dir);
    enum ew_err err = library_merge(&sources, &source, ret, reason);
    library_sources_done(&sources);
    cJSON_Delete(source.tree);
    return err;
}

// ---- Everything that is wrong ----------------------------------------------------------------------------

// What may be left out without making another thing wrong.
static bool stands_alone(const char *key, const struct ew_reason *why)
{
    static const char *const keys[] = {"limits", "catalogue", "asks", "offers", "notes"};
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
        if (strcmp(keys[i], key) == 0)
            return true;
    return strcmp(why->code, "json.unknown_key") == 0;
}

// Takes what the problem is about out of the tree: a register, or a key at the top. false: it can't be.
static bool leave_out(cJSON *tree, const struct ew_reason *why, struct ew_buf *left_out)
{
    char path[EW_PATH_MAX];
    ew_copy(path, sizeof(path), why->path[0] == '/' ? why->path + 1 : why->path);
    char *rest = strchr(path, '/');
    if (rest)
        *rest++ = 0;
    cJSON *registers = cJSON_GetObjectItemCaseSensitive(tree, "registers");
    if (strcmp(path, "registers") == 0 && rest && rest[0]) {
        rest[strcspn(rest, "/")] = 0;
        if (!cJSON_GetObjectItemCaseSensitive(registers, rest))
            return false;
        ew_buf_printf(left_out, "\"%s\" ", rest);
        cJSON_DeleteItemFromObjectCaseSensitive(registers, rest);
        return true;
    }
    if (!path[0] || !cJSON_GetObjectItemCaseSensitive(tree, path) || !stands_alone(path, why))
        return false;
    cJSON_DeleteItemFromObjectCaseSensitive(tree, path);
    return true;
}

// A register that misses one we left out is not wrong by itself.
static bool follows(const struct ew_reason *why, const struct ew_buf *left_out)
{
    const char *quote = strchr(why->text, '"'), *end = quote ? strchr(quote + 1, '"') : NULL;
    char name[PROFILE_NAME_MAX + 4] = "";
    if (strcmp(why->code, "profile.unknown_register") != 0 || !end)
        return false;
    return ew_format(name, sizeof(name), "%.*s", (int)(end - quote + 1), quote) == EW_OK &&
           left_out->len > 0 && strstr(ew_buf_text(left_out), name) != NULL;
}

static int check_each(const struct library_sources *sources, const struct library_source *source,
                      library_problem_fn *problem, void *user)
{
    struct library_source rest = *source;
    struct library_entry *entry = NULL;
    struct ew_buf left_out; // names
    struct ew_reason why;
    int count = 0;
    rest.tree = cJSON_Duplicate(source->tree, true);
    if (!rest.tree)
        abort();
    ew_buf_init(&left_out, PROFILE_REGISTERS_MAX * EW_NAME_MAX);
    while (count < LIBRARY_PROBLEMS_MAX && !(entry = entry_new(sources, &rest, &why))) {
        if (!follows(&why, &left_out)) {
            problem(user, source->path, &why);
            count++;
        }
        if (!leave_out(rest.tree, &why, &left_out))
            break;
    }
    if (entry)
        entry_free(entry);
    ew_buf_done(&left_out);
    cJSON_Delete(rest.tree);
    return count;
}

int library_check_each(const cJSON *tree, const char *share_dir, const char *data_dir,
                       library_problem_fn *problem, void *user)
{
    struct library_source source = {.own = true, .tree = cJSON_Duplicate(tree, true)};
    struct library_sources sources = {0};
    if (!source.tree)
        abort();
    if (cJSON_GetObjectItemCaseSensitive(tree, "extends")) // nothing else is looked up
        read_neighbours(&sources, "", share_dir, data_dir);
    int count = check_each(&sources, &source, problem, user);
    library_sources_done(&sources);
    cJSON_Delete(source.tree);
    return count;
}

int library_check_file(const char *path, const char *share_dir, const char *data_dir,
                       library_problem_fn *problem, void *user)
{
    struct library_source source = {.own = true};
    struct ew_reason why;
    if (library_read_file(path, &source.tree, &why) != EW_OK) {
        problem(user, path, &why);
        return 1;
    }
    struct library_sources sources = {0};
    ew_copy(source.path, sizeof(source.path), path);
    if (cJSON_GetObjectItemCaseSensitive(source.tree, "extends")) // nothing else is looked up
        read_neighbours(&sources, path, share_dir, data_dir);
    int count = check_each(&sources, &source, problem, user);
    library_sources_done(&sources);
    cJSON_Delete(source.tree);
    return count;
}
