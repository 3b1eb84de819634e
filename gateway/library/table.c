#include "library/table.h"

#include <csv.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum column { QUANTITY, FC, ADDRESS, TYPE, ORDER, WORDS, SCALE, GROUP, NAN_VALUE, UNIT, COLUMNS };
static const char *const columns[COLUMNS] = {"quantity", "fc",    "address", "type", "order",
                                             "words",    "scale", "group",   "nan",  "unit"};
enum { FIELDS_MAX = 24, FIELD_MAX = 64 };

struct table {
    const struct table_head *head;
    char separator;
    int row;                            // as a text editor counts, the header is 1
    int at[FIELDS_MAX];                 // column of the field, -1 = none
    bool has[COLUMNS];                  // in the header
    char fields[FIELDS_MAX][FIELD_MAX]; // of this row
    int count;
    cJSON *registers;
    struct table_rows *rows;
    struct ew_reason *reason;
    enum ew_err err;
};

// The first problem, with its place. value: what stands there.
static void EW_PRINTF(5, 6)
    fail(struct table *t, const char *column, const char *code, const char *value, const char *fmt, ...)
{
    char path[EW_PATH_MAX], text[EW_TEXT_MAX];
    va_list args;
    if (t->err != EW_OK)
        return;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    (void)ew_format(path, sizeof(path), "row %d%s%s", t->row, column ? ", " : "", column ? column : "");
    t->err = ew_fail(t->reason, EW_E_INVALID, code, path, "%s", text);
    ew_reason_param(t->reason, "row", "%d", t->row);
    ew_reason_param(t->reason, "column", "%s", column ? column : "");
    ew_reason_param(t->reason, "value", "%s", value);
}

static void must(const void *memory)
{
    if (!memory)
        abort();
}

// ---- Header ----------------------------------------------------------------------------------------------

static void read_header(struct table *t)
{
    for (int i = 0; i < t->count; i++) {
        t->at[i] = -1;
        for (int c = 0; c < COLUMNS; c++)
            if (strcmp(t->fields[i], columns[c]) == 0) {
                t->at[i] = c;
                t->has[c] = true;
            }
        if (t->at[i] < 0)
            fail(t, NULL, "table.column", t->fields[i],
                 "there is no column \"%s\": quantity, fc, address, type, order, words, scale, group, nan, "
                 "unit",
                 t->fields[i]);
    }
    for (int c = QUANTITY; c <= TYPE; c++)
        if (!t->has[c])
            fail(t, NULL, "table.column_missing", columns[c], "the column \"%s\" is missing", columns[c]);
}

// ---- Rows ------------------------------------------------------------------------------------------------

static const char *field(const struct table *t, enum column column)
{
    for (int i = 0; i < t->count; i++)
        if (t->at[i] == (int)column)
            return t->fields[i];
    return "";
}

static bool number_of(const char *text, char separator, double *ret)
{
    char copy[FIELD_MAX];
    ew_copy(copy, sizeof(copy), text);
    for (char *p = copy; separator != ',' && *p; p++)
        if (*p == ',')
            *p = '.';
    char *end;
    bool hex = copy[0] == '0' && (copy[1] == 'x' || copy[1] == 'X');
    *ret = hex ? (double)strtoull(copy, &end, 16) : strtod(copy, &end);
    return copy[0] && *end == 0 && isfinite(*ret);
}

// A whole number in its range; 0 when the field is empty and that is allowed.
static double whole(struct table *t, enum column column, double min, double max)
{
    double value = 0;
    const char *text = field(t, column);
    if (!number_of(text, t->separator, &value) || value != floor(value) || value < min || value > max)
        fail(t, columns[column], "table.number", text, "\"%s\" is not a whole number in range", text);
    return value;
}

static const char *default_group(enum profile_kind kind, const char *quantity)
{
    if (kind == PROFILE_STATION)
        return "charge";
    if (strncmp(quantity, "thd_", 4) == 0)
        return "quality";
    if (strncmp(quantity, "harmonic_", 9) == 0)
        return "harmonics";
    if (strstr(quantity, "energy") || strstr(quantity, "volume"))
        return "energy";
    if (strcmp(quantity, "state") == 0 || strncmp(quantity, "input_", 6) == 0 ||
        strncmp(quantity, "output_", 7) == 0)
        return "state";
    return "instant";
}

static void add_text(cJSON *node, const char *key, const char *text)
{
    if (text[0])
        must(cJSON_AddStringToObject(node, key, text));
}

static void add_nan(cJSON *node, const char *text)
{
    if (!text[0])
        return;
    cJSON *list = cJSON_AddArrayToObject(node, "nan"), *item = cJSON_CreateString(text);
    must(list);
    must(item);
    cJSON_AddItemToArray(list, item);
}

static void add_place(struct table *t, cJSON *node)
{
    must(cJSON_AddNumberToObject(node, "fc", whole(t, FC, 1, 4)));
    double address = whole(t, ADDRESS, 0, 105536) - t->head->first;
    if (address < 0 || address > 65535)
        fail(t, columns[ADDRESS], "table.address", field(t, ADDRESS),
             "%s can't be an address: is the first number of the table right?", field(t, ADDRESS));
    must(cJSON_AddNumberToObject(node, "address", address));
}

static void read_row(struct table *t)
{
    const char *quantity = field(t, QUANTITY);
    if (!profile_quantity_known(quantity, NULL)) {
        fail(t, columns[QUANTITY], "table.quantity", quantity, "\"%s\" is not a quantity of the vocabulary",
             quantity);
        return;
    }
    if (cJSON_GetObjectItemCaseSensitive(t->registers, quantity)) {
        fail(t, columns[QUANTITY], "table.twice", quantity, "\"%s\" is there twice", quantity);
        return;
    }
    if (t->rows->count == PROFILE_REGISTERS_MAX) {
        fail(t, NULL, "table.long", "", "more than %d registers", PROFILE_REGISTERS_MAX);
        return;
    }
    t->rows->rows[t->rows->count++] = t->row;
    cJSON *node = cJSON_AddObjectToObject(t->registers, quantity);
    must(node);
    add_place(t, node);
    add_text(node, "type", field(t, TYPE));
    add_text(node, "order", field(t, ORDER));
    if (field(t, WORDS)[0])
        must(cJSON_AddNumberToObject(node, "words", whole(t, WORDS, 1, 32)));
    double scale = 1;
    if (field(t, SCALE)[0] && (!number_of(field(t, SCALE), t->separator, &scale) || scale == 0))
        fail(t, columns[SCALE], "table.scale", field(t, SCALE), "\"%s\" is not a number other than 0",
             field(t, SCALE));
    if (scale != 1)
        must(cJSON_AddNumberToObject(node, "scale", scale));
    add_text(node, "unit", field(t, UNIT));
    const char *group = field(t, GROUP);
    add_text(node, "group", group[0] ? group : default_group(t->head->kind, quantity));
    add_nan(node, field(t, NAN_VALUE));
}

// ---- libcsv's callbacks ----------------------------------------------------------------------------------

static void on_field(void *text, size_t len, void *user)
{
    struct table *t = user;
    if (t->count == FIELDS_MAX)
        fail(t, NULL, "table.wide", "", "more than %d columns", FIELDS_MAX);
    else if (len >= FIELD_MAX)
        fail(t, NULL, "table.long", "", "a field of more than %d letters", FIELD_MAX - 1);
    else if (t->err == EW_OK) {
        memcpy(t->fields[t->count], text, len);
        t->fields[t->count++][len] = 0;
    }
}

static void on_row(int end, void *user)
{
    (void)end;
    struct table *t = user;
    bool blank = true;
    t->row++;
    for (int i = 0; i < t->count; i++)
        blank &= t->fields[i][0] == 0;
    if (t->err == EW_OK && !blank && t->fields[0][0] != '#') {
        if (!t->registers) {
            read_header(t);
            t->registers = cJSON_CreateObject();
            must(t->registers);
        } else {
            read_row(t);
        }
    }
    t->count = 0;
}

// ---- The profile -----------------------------------------------------------------------------------------

// The separator that the header has most of.
static char separator_of(const char *text, size_t len)
{
    static const char candidates[] = ";,\t";
    size_t counts[3] = {0}, best = 0, at = 0;
    while (at < len && strchr("#\r\n", text[at])) { // a remark, or nothing
        while (at < len && text[at] != '\n')
            at++;
        at += at < len;
    }
    for (; at < len && text[at] != '\n'; at++)
        for (size_t c = 0; c < 3; c++)
            counts[c] += text[at] == candidates[c];
    for (size_t c = 1; c < 3; c++)
        if (counts[c] > counts[best])
            best = c;
    return candidates[best];
}

static void add_line(cJSON *tree, const char *key, const char *line)
{
    cJSON *list = cJSON_AddArrayToObject(tree, key), *item = cJSON_CreateString(line);
    must(list);
    must(item);
    cJSON_AddItemToArray(list, item);
}

static cJSON *make(const struct table_head *head, cJSON *registers)
{
    cJSON *tree = cJSON_CreateObject();
    must(tree);
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
    must(limits);
    must(cJSON_AddNumberToObject(limits, "max_registers", head->max_registers ? head->max_registers : 125));
    if (head->gap_ms)
        must(cJSON_AddNumberToObject(limits, "gap_ms", head->gap_ms));
    must(cJSON_AddBoolToObject(limits, "holes", head->holes));
    cJSON_AddItemToObject(tree, "registers", registers);
    return tree;
}

enum ew_err table_profile(const struct table_head *head, const char *text, size_t len,
                          struct table_rows *rows, cJSON **ret, struct ew_reason *reason)
{
    struct table *t = calloc(1, sizeof(*t));
    struct csv_parser parser;
    must(t);
    *t = (struct table){.head = head, .reason = reason, .rows = rows};
    *rows = (struct table_rows){0};
    *ret = NULL;
    if (len > TABLE_BYTES_MAX)
        t->err = ew_fail(reason, EW_E_TOO_LARGE, "table.size", "", "more than %d bytes", TABLE_BYTES_MAX);
    if (len >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) { // what spreadsheets put before UTF-8
        text += 3;
        len -= 3;
    }
    t->separator = separator_of(text, len);
    if (t->err == EW_OK && csv_init(&parser, CSV_APPEND_NULL | CSV_REPALL_NL) != 0)
        abort();
    if (t->err == EW_OK) {
        csv_set_delim(&parser, (unsigned char)t->separator);
        size_t read = csv_parse(&parser, text, len, on_field, on_row, t);
        if (read != len || csv_fini(&parser, on_field, on_row, t) != 0)
            fail(t, NULL, "table.csv", "", "%s", csv_strerror(csv_error(&parser)));
        csv_free(&parser);
    }
    if (t->err == EW_OK && (!t->registers || !t->registers->child))
        t->err = ew_fail(reason, EW_E_INVALID, "table.empty", "", "the table has no rows");
    enum ew_err err = t->err;
    if (err == EW_OK)
        *ret = make(head, t->registers);
    else
        cJSON_Delete(t->registers);
    free(t);
    return err;
}

void table_locate(const cJSON *profile, const struct table_rows *rows, struct ew_reason *reason)
{
    static const char before[] = "/registers/";
    if (strncmp(reason->path, before, strlen(before)) != 0)
        return;
    const char *name = reason->path + strlen(before), *slash = strchr(name, '/');
    size_t len = slash ? (size_t)(slash - name) : strlen(name);
    const cJSON *registers = cJSON_GetObjectItemCaseSensitive(profile, "registers");
    int index = 0;
    for (const cJSON *node = registers ? registers->child : NULL; node && index < rows->count;
         node = node->next) {
        if (strlen(node->string) == len && memcmp(node->string, name, len) == 0) {
            char key[EW_PATH_MAX];
            ew_copy(key, sizeof(key), slash ? slash + 1 : "");
            (void)ew_format(reason->path, sizeof(reason->path), "row %d%s%s", rows->rows[index],
                            key[0] ? ", " : "", key);
            return;
        }
        index++;
    }
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
            must(text);
            ew_buf_add_text(buf, row == item->child ? "{\n    \"" : "    \"");
            ew_buf_add_text(buf, row->string);
            ew_buf_add_text(buf, "\": ");
            ew_buf_add_text(buf, text);
            ew_buf_add_text(buf, row->next ? ",\n" : "\n  }");
            cJSON_free(text);
        }
        if (!lines) {
            char *text = cJSON_PrintUnformatted(item);
            must(text);
            ew_buf_add_text(buf, text);
            cJSON_free(text);
        }
        ew_buf_add_text(buf, end);
    }
    ew_buf_add_text(buf, "}\n");
}
