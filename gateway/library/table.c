// A profile is made of a register table, checked, and printed.
#include "library/library.h"
#include "library/table_priv.h"

#include <stdlib.h>
#include <string.h>

enum { TEXT_MAX = 3 * TABLE_BYTES_MAX }; // of Windows-1252 as UTF-8

struct ew_reason *table_next_fault(struct table_faults *faults)
{
    if (faults->count < TABLE_FAULTS_MAX)
        return &faults->at[faults->count++];
    faults->more = true;
    return NULL;
}

void table_must(const void *memory)
{
    if (!memory)
        abort();
}

// ---- The profile
// --------------------------------------------------------------------------------------------

static void add_text(cJSON *node, const char *key, const char *text)
{
    if (text[0])
        table_must(cJSON_AddStringToObject(node, key, text));
}

static void add_line(cJSON *tree, const char *key, const char *line)
{
    cJSON *list = cJSON_AddArrayToObject(tree, key), *item = cJSON_CreateString(line);
    table_must(list);
    table_must(item);
    cJSON_AddItemToArray(list, item);
}

static cJSON *make(const struct table_head *head, cJSON *registers)
{
    cJSON *tree = cJSON_CreateObject();
    table_must(tree);
    add_text(tree, "id", head->id);
    add_text(tree, "version", "1.0");
    add_text(tree, "family", head->family);
    add_text(tree, "model", head->model);
    add_text(tree, "kind", profile_kind_name(head->kind));
    add_text(tree, "confidence",
             profile_confidence_name(head->document ? PROFILE_DOCUMENT : PROFILE_CANDIDATE));
    if (head->document) {
        add_line(tree, "references", head->document);
        add_line(tree, "evidence", head->document);
    }
    cJSON *limits = cJSON_AddObjectToObject(tree, "limits");
    table_must(limits);
    table_must(
        cJSON_AddNumberToObject(limits, "max_registers", head->max_registers ? head->max_registers : 125));
    if (head->gap_ms)
        table_must(cJSON_AddNumberToObject(limits, "gap_ms", head->gap_ms));
    table_must(cJSON_AddBoolToObject(limits, "holes", head->holes));
    cJSON_AddItemToObject(tree, "registers", registers);
    return tree;
}

static void of_the_whole(struct table_faults *faults, enum ew_err err, const char *code, const char *sentence)
{
    (void)ew_fail(table_next_fault(faults), err, code, "", "%s", sentence);
}

enum ew_err table_profile(const struct table_head *head, const char *text, size_t len,
                          struct table_rows *rows, cJSON **ret, struct table_faults *faults)
{
    struct ew_buf utf8;
    cJSON *registers = NULL;
    rows->count = 0;
    faults->count = 0;
    faults->more = false;
    *ret = NULL;
    ew_buf_init(&utf8, TEXT_MAX);
    if (len <= TABLE_BYTES_MAX)
        table_utf8(text, len, &utf8);
    if (len > TABLE_BYTES_MAX || utf8.full)
        of_the_whole(faults, EW_E_TOO_LARGE, "table.size", "the table is larger than 512 KiB");
    else
        registers = table_registers(head, ew_buf_text(&utf8), utf8.len, rows, faults);
    ew_buf_done(&utf8);
    bool rows_there = registers && registers->child;
    if (!rows_there && faults->count == 0)
        of_the_whole(faults, EW_E_INVALID, "table.empty", "the table has no rows");
    if (rows_there)
        *ret = make(head, registers);
    else
        cJSON_Delete(registers);
    return faults->count == 0 ? EW_OK : EW_E_INVALID;
}

struct located { // faults of a tree, at the rows of its table
    const cJSON *profile;
    const struct table_rows *rows;
    struct table_faults *faults;
};

// "/registers/current_l1/type" becomes "row 4, type".
static void locate(const struct located *l, struct ew_reason *reason)
{
    static const char before[] = "/registers/";
    if (strncmp(reason->path, before, strlen(before)) != 0)
        return;
    const char *name = reason->path + strlen(before), *slash = strchr(name, '/');
    size_t len = slash ? (size_t)(slash - name) : strlen(name);
    const cJSON *registers = cJSON_GetObjectItemCaseSensitive(l->profile, "registers");
    int index = 0;
    for (const cJSON *node = registers ? registers->child : NULL; node && index < l->rows->count;
         node = node->next, index++) {
        if (strlen(node->string) != len || memcmp(node->string, name, len) != 0)
            continue;
        char key[EW_PATH_MAX];
        ew_copy(key, sizeof(key), slash ? slash + 1 : "");
        (void)ew_format(reason->path, sizeof(reason->path), "row %d%s%s", l->rows->rows[index],
                        key[0] ? ", " : "", key);
        ew_reason_param(reason, "row", "%d", l->rows->rows[index]);
        ew_reason_param(reason, "column", "%s", key);
        return;
    }
}

static void on_problem(void *user, const char *path, const struct ew_reason *reason)
{
    struct located *l = user;
    struct ew_reason *fault = table_next_fault(l->faults);
    (void)path;
    if (!fault)
        return;
    *fault = *reason;
    locate(l, fault);
}

enum ew_err table_check(const cJSON *profile, const struct table_rows *rows, const char *share_dir,
                        const char *data_dir, struct table_faults *faults)
{
    struct located located = {.profile = profile, .rows = rows, .faults = faults};
    (void)library_check_each(profile, share_dir, data_dir, on_problem, &located);
    return faults->count == 0 ? EW_OK : EW_E_INVALID;
}

enum ew_err table_make(const struct table_head *head, const char *text, size_t len, const char *share_dir,
                       const char *data_dir, cJSON **ret, struct table_faults *faults)
{
    struct table_rows rows;
    enum ew_err err = table_profile(head, text, len, &rows, ret, faults);
    if (*ret && table_check(*ret, &rows, share_dir, data_dir, faults) != EW_OK)
        err = EW_E_INVALID;
    return err;
}

void table_print(const cJSON *profile, struct ew_buf *buf)
{
    ew_buf_add_text(buf, "{\n");
    for (const cJSON *item = profile->child; item; item = item->next) {
        const char *end = item->next ? ",\n" : "\n";
        ew_buf_add_text(buf, "  \"");
        ew_buf_add_text(buf, item->string);
        ew_buf_add_text(buf, "\": ");
        bool lines = strcmp(item->string, "registers") == 0 && item->child;
        for (const cJSON *row = lines ? item->child : NULL; row; row = row->next) {
            char *text = cJSON_PrintUnformatted(row);
            table_must(text);
            ew_buf_add_text(buf, row == item->child ? "{\n    \"" : "    \"");
            ew_buf_add_text(buf, row->string);
            ew_buf_add_text(buf, "\": ");
            ew_buf_add_text(buf, text);
            ew_buf_add_text(buf, row->next ? ",\n" : "\n  }");
            cJSON_free(text);
        }
        if (!lines) {
            char *text = cJSON_PrintUnformatted(item);
            table_must(text);
            ew_buf_add_text(buf, text);
            cJSON_free(text);
        }
        ew_buf_add_text(buf, end);
    }
    ew_buf_add_text(buf, "}\n");
}
