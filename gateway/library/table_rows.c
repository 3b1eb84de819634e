// The rows of a register table become registers; all that is wrong with them is found.
#include "library/table_priv.h"

#include <csv.h>
#include <ctype.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum column { QUANTITY, FC, ADDRESS, TYPE, ORDER, WORDS, SCALE, GROUP, NAN_VALUE, UNIT, COLUMNS };
static const char *const columns[COLUMNS] = {"quantity", "fc",    "address", "type", "order",
                                             "words",    "scale", "group",   "nan",  "unit"};
static const char *const passed_over[] = {"note", "description", "name", "comment"};
enum { FIELDS_MAX = 24, FIELD_MAX = 64 };

struct table {
    const struct table_head *head;
    char separator;
    int row;                            // as a text editor counts, the header is 1
    int at[FIELDS_MAX];                 // column of the field, -1 = none
    bool has[COLUMNS];                  // in the header
    bool hex;                           // the column of addresses is called so
    char fields[FIELDS_MAX][FIELD_MAX]; // of this row
    int count;
    cJSON *registers;
    struct table_rows *rows;
    struct table_faults *faults;
    bool row_bad; // a fault of this row
    bool stopped; // what comes can't be read any more
};

// A problem, with its place. value: what stands there.
static void EW_PRINTF(5, 6)
    fail(struct table *t, const char *column, const char *code, const char *value, const char *fmt, ...)
{
    char path[EW_PATH_MAX], text[EW_TEXT_MAX];
    va_list args;
    struct ew_reason *reason = table_next_fault(t->faults);
    t->row_bad = true;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    (void)ew_format(path, sizeof(path), "row %d%s%s", t->row, column ? ", " : "", column ? column : "");
    (void)ew_fail(reason, EW_E_INVALID, code, path, "%s", text);
    ew_reason_param(reason, "row", "%d", t->row);
    ew_reason_param(reason, "column", "%s", column ? column : "");
    ew_reason_param(reason, "value", "%s", value);
}

// ---- Header ----------------------------------------------------------------------------------------------

static void lower(char *text)
{
    for (; *text; text++)
        if (*text >= 'A' && *text <= 'Z')
            *text = (char)(*text - 'A' + 'a');
}

static bool is_passed_over(const char *name)
{
    for (size_t i = 0; i < sizeof(passed_over) / sizeof(passed_over[0]); i++)
        if (strcmp(passed_over[i], name) == 0)
            return true;
    return name[0] == 0;
}

static void read_header(struct table *t)
{
    for (int i = 0; i < t->count; i++) {
        t->at[i] = -1;
        lower(t->fields[i]);
        bool hex = strcmp(t->fields[i], "hex") == 0;
        t->hex |= hex;
        for (int c = 0; c < COLUMNS; c++)
            if (strcmp(hex ? columns[ADDRESS] : t->fields[i], columns[c]) == 0) {
                t->at[i] = c;
                t->has[c] = true;
            }
        if (t->at[i] < 0 && !is_passed_over(t->fields[i]))
            fail(t, NULL, "table.column", t->fields[i],
                 "there is no column \"%s\": quantity, fc, address (or hex), type, order, words, scale, "
                 "group, nan, "
                 "unit; note and description are passed over",
                 t->fields[i]);
    }
    for (int c = QUANTITY; c <= TYPE; c++)
        if (!t->has[c])
            fail(t, NULL, "table.column_missing", columns[c], "the column \"%s\" is missing", columns[c]);
    t->stopped = t->row_bad;
}

// ---- Rows ------------------------------------------------------------------------------------------------

static const char *field(const struct table *t, enum column column)
{
    for (int i = 0; i < t->count; i++)
        if (t->at[i] == (int)column)
            return t->fields[i];
    return "";
}

// A whole number in its range; 0 when the field is empty and that is allowed.
static double whole(struct table *t, enum column column, double min, double max)
{
    double value = 0;
    const char *text = field(t, column);
    if (!table_number(text, t->separator, &value) || value != floor(value) || value < min || value > max)
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
        table_must(cJSON_AddStringToObject(node, key, text));
}

static void add_nan(cJSON *node, const char *text)
{
    if (!text[0])
        return;
    cJSON *list = cJSON_AddArrayToObject(node, "nan"), *item = cJSON_CreateString(text);
    table_must(list);
    table_must(item);
    cJSON_AddItemToArray(list, item);
}

// "1C", "001Ch" and "0x1C" are one.
static double hexadecimal(struct table *t)
{
    const char *text = field(t, ADDRESS);
    char *end;
    unsigned long value = strtoul(text, &end, 16);
    if (!isxdigit((unsigned char)text[0]) || (*end && strcmp(end, "h") != 0 && strcmp(end, "H") != 0) ||
        value > 0x71A00)
        fail(t, columns[ADDRESS], "table.number", text, "\"%s\" is not a hexadecimal number in range", text);
    return (double)value;
}

static void add_place(struct table *t, cJSON *node)
{
    table_must(cJSON_AddNumberToObject(node, "fc", whole(t, FC, 1, 4)));
    int before = t->faults->count;
    double address = (t->hex ? hexadecimal(t) : whole(t, ADDRESS, 0, 465536)) - t->head->first;
    if ((address < 0 || address > 65535) && t->faults->count == before)
        fail(t, columns[ADDRESS], "table.address", field(t, ADDRESS),
             "%s can't be an address: is the first number of the table right?", field(t, ADDRESS));
    table_must(cJSON_AddNumberToObject(node, "address", address));
}

static void add_type(struct table *t, cJSON *node)
{
    static const char *const wide[] = {"u32", "s32", "u64", "s64", "f32", "f64"};
    const char *said = field(t, TYPE), *type = table_type(said);
    bool several = false;
    if (!type)
        fail(t, columns[TYPE], "table.type", said,
             "\"%s\" is not a type: bool u16 s16 u32 s32 u64 s64 f32 f64 string", said);
    add_text(node, "type", type ? type : "");
    for (size_t i = 0; type && i < sizeof(wide) / sizeof(wide[0]); i++)
        several |= strcmp(type, wide[i]) == 0;
    const char *order = field(t, ORDER);
    if (order[0] && strcmp(order, "msw") != 0 && strcmp(order, "lsw") != 0)
        fail(t, columns[ORDER], "table.order", order,
             "\"%s\" is no word order: msw (most significant first) or lsw", order);
    add_text(node, "order", order[0] || !t->head->lsw || !several ? order : "lsw");
}

// What one count is worth in the unit of the quantity.
static void add_scale(struct table *t, cJSON *node, const char *quantity)
{
    double scale = 1, unit = 1;
    const char *text = field(t, SCALE), *said = field(t, UNIT), *si = "";
    char rounded[32];
    if (text[0] && (!table_number(text, t->separator, &scale) || scale == 0))
        fail(t, columns[SCALE], "table.scale", text, "\"%s\" is not a number other than 0", text);
    (void)profile_quantity_known(quantity, &si);
    if (said[0] && !table_unit(said, si, t->separator, &unit))
        fail(t, columns[UNIT], "table.unit", said, "\"%s\" can't be turned into %s", said,
             si[0] ? si : "a number without unit");
    (void)ew_format(rounded, sizeof(rounded), "%.12g", scale * unit); // 0.1 mA are 0.0001 A
    scale = strtod(rounded, NULL);
    if (scale != 1)
        table_must(cJSON_AddNumberToObject(node, "scale", scale));
    if (said[0])
        add_text(node, "unit", si);
}

static void read_register(struct table *t, cJSON *node, const char *quantity)
{
    add_place(t, node);
    add_type(t, node);
    if (field(t, WORDS)[0])
        table_must(cJSON_AddNumberToObject(node, "words", whole(t, WORDS, 1, 32)));
    add_scale(t, node, quantity);
    const char *group = field(t, GROUP);
    add_text(node, "group", group[0] ? group : default_group(t->head->kind, quantity));
    add_nan(node, field(t, NAN_VALUE));
}

// The name of the vocabulary that begins most like this one; "" when none does.
static void near(const char *name, char ret[PROFILE_NAME_MAX])
{
    char other[PROFILE_NAME_MAX];
    size_t best = 2; // fewer letters tell nothing
    ret[0] = 0;
    for (int i = 0; profile_quantity_at(i, other); i++) {
        size_t same = 0;
        while (name[same] && name[same] == other[same])
            same++;
        if (same > best) {
            best = same;
            ew_copy(ret, PROFILE_NAME_MAX, other);
        }
    }
}

static void fail_quantity(struct table *t, const char *name)
{
    char other[PROFILE_NAME_MAX];
    const char *said = field(t, QUANTITY);
    if (!table_symbol(said, other))
        near(name, other);
    if (!other[0])
        fail(t, columns[QUANTITY], "table.quantity", said, "\"%s\" is not a quantity of the vocabulary",
             said);
    else
        fail(t, columns[QUANTITY], "table.quantity_near", said,
             "\"%s\" is not a quantity of the vocabulary: %s?", said, other);
    if (other[0] && !t->faults->more)
        ew_reason_param(&t->faults->at[t->faults->count - 1], "near", "%s", other);
}

static void read_row(struct table *t)
{
    char quantity[FIELD_MAX];
    ew_copy(quantity, sizeof(quantity), field(t, QUANTITY));
    lower(quantity);
    if (t->rows->count == PROFILE_REGISTERS_MAX) {
        fail(t, NULL, "table.rows", "", "more than %d registers", PROFILE_REGISTERS_MAX);
        t->stopped = true;
        return;
    }
    bool known = profile_quantity_known(quantity, NULL);
    if (!known)
        fail_quantity(t, quantity);
    else if (cJSON_GetObjectItemCaseSensitive(t->registers, quantity))
        fail(t, columns[QUANTITY], "table.twice", quantity, "\"%s\" is there twice", quantity);
    cJSON *node = cJSON_CreateObject();
    table_must(node);
    if (known) {
        read_register(t, node, quantity);
    } else { // what else is wrong with it
        add_place(t, node);
        add_type(t, node);
    }
    if (t->row_bad) {
        cJSON_Delete(node);
        return;
    }
    t->rows->rows[t->rows->count++] = t->row;
    if (!cJSON_AddItemToObject(t->registers, quantity, node))
        abort();
}

// ---- libcsv's callbacks ----------------------------------------------------------------------------------

static void on_field(void *text, size_t len, void *user)
{
    struct table *t = user;
    if (t->stopped || t->row_bad)
        return;
    if (t->count == FIELDS_MAX || len >= FIELD_MAX || memchr(text, 0, len)) {
        t->row++; // it ends later
        if (t->count == FIELDS_MAX)
            fail(t, NULL, "table.wide", "", "more than %d columns", FIELDS_MAX);
        else if (len < FIELD_MAX)
            fail(t, NULL, "table.csv", "", "a letter that is none");
        else if (t->registers && t->at[t->count] < 0) // a long note
            t->row_bad = false, t->fields[t->count++][0] = 0;
        else
            fail(t, NULL, "table.long", "", "a field of more than %d letters", FIELD_MAX - 1);
        t->row--;
        return;
    }
    memcpy(t->fields[t->count], text, len);
    t->fields[t->count++][len] = 0;
}

static void on_row(int end, void *user)
{
    (void)end;
    struct table *t = user;
    bool blank = true;
    t->row++;
    for (int i = 0; i < t->count; i++)
        blank &= t->fields[i][0] == 0;
    bool mark = !t->registers && t->count > 0 && strncmp(t->fields[0], "sep=", 4) == 0; // a spreadsheet's
    if (!t->stopped && !t->row_bad && !blank && !mark && t->fields[0][0] != '#') {
        if (!t->registers) {
            read_header(t);
            t->registers = cJSON_CreateObject();
            table_must(t->registers);
        } else {
            read_row(t);
        }
    }
    t->stopped |= t->faults->more || (t->row_bad && !t->registers);
    t->count = 0;
    t->row_bad = false;
}

// ---- The text
// -----------------------------------------------------------------------------------------------

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

static void read_text(struct table *t, const char *text, size_t len)
{
    struct csv_parser parser;
    t->separator = separator_of(text, len);
    if (csv_init(&parser, CSV_APPEND_NULL | CSV_REPALL_NL) != 0)
        abort();
    csv_set_delim(&parser, (unsigned char)t->separator);
    size_t read = csv_parse(&parser, text, len, on_field, on_row, t);
    if (read != len || csv_fini(&parser, on_field, on_row, t) != 0)
        fail(t, NULL, "table.csv", "", "%s", csv_strerror(csv_error(&parser)));
    csv_free(&parser);
}

cJSON *table_registers(const struct table_head *head, const char *text, size_t len, struct table_rows *rows,
                       struct table_faults *faults)
{
    struct table *t = calloc(1, sizeof(*t));
    table_must(t);
    *t = (struct table){.head = head, .faults = faults, .rows = rows};
    read_text(t, text, len);
    cJSON *registers = t->registers;
    free(t);
    return registers;
}
