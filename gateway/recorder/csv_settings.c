// settings/: the structure of the system, a table each.
#include "recorder/csv_tree_priv.h"

#include <string.h>

static const char *text_of(const cJSON *node, const char *key)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(node, key));
    return text ? text : "";
}

static void add_value(struct csv_line *line, const cJSON *node, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(node, key);
    if (cJSON_IsNumber(item))
        csv_number(line, item->valuedouble);
    else if (cJSON_IsBool(item))
        csv_text(line, cJSON_IsTrue(item) ? "yes" : "no");
    else
        csv_text(line, cJSON_IsString(item) ? item->valuestring : "");
}

static void add_list(struct csv_line *line, const cJSON *node, const char *key)
{
    char text[256] = "";
    size_t len = 0;
    const cJSON *item;
    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(node, key))
    {
        if (cJSON_IsNumber(item) && len < sizeof(text) - 16 &&
            ew_format(text + len, sizeof(text) - len, "%s%d", len ? " " : "", item->valueint) == EW_OK)
            len += strlen(text + len);
    }
    csv_text(line, text);
}

// A table of objects: the header, then a line each.
static void add_table(struct csv_line *line, const cJSON *list, const char *const *keys)
{
    for (const char *const *key = keys; *key; key++)
        csv_text(line, *key);
    csv_end(line);
    const cJSON *node;
    cJSON_ArrayForEach(node, list)
    {
        for (const char *const *key = keys; *key; key++)
            if (cJSON_IsArray(cJSON_GetObjectItemCaseSensitive(node, *key)))
                add_list(line, node, *key);
            else
                add_value(line, node, *key);
        csv_end(line);
    }
}

static void pair(struct csv_line *line, const char *name, const char *value)
{
    csv_text(line, name);
    csv_text(line, value);
    csv_end(line);
}

static void general(struct csv_run *run, struct csv_line *line)
{
    const cJSON *settings = csv_list(run, "settings"),
                *site = cJSON_GetObjectItemCaseSensitive(settings, "site");
    const cJSON *sampling = cJSON_GetObjectItemCaseSensitive(settings, "sampling");
    pair(line, "setting", "value");
    static const char *const names[] = {"id", "name", "tz", "language", "currency"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        pair(line, names[i], text_of(site, names[i]));
    csv_text(line, "nominal_voltage");
    add_value(line, site, "nominal_voltage");
    csv_end(line);
    csv_text(line, "interval_min");
    add_value(line, sampling, "interval_min");
    csv_end(line);
}

static void energy(struct csv_run *run, struct csv_line *line)
{
    static const char *const buses[] = {"id", "name",  "type",           "address", "port",
                                        "on", "panel", "quality_device", NULL};
    static const char *const devices[] = {"id",       "name",           "bus",     "unit",   "interface",
                                          "position", "side",           "profile", "phases", "circuit",
                                          "zones",    "exclude_totals", "on",      NULL};
    static const char *const groups[] = {"id", "name", "use", "place", NULL};
    static const struct {
        const char *kind;
        const char *const *keys;
    } tables[] = {
        {"bus", buses}, {"device", devices}, {"panel", groups}, {"circuit", groups}, {"zone", groups}};
    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
        csv_text(line, tables[i].kind);
        csv_end(line);
        add_table(line, csv_list(run, tables[i].kind), tables[i].keys);
        csv_end(line);
    }
}

static void greenup(struct csv_run *run, struct csv_line *line)
{
    static const char *const stations[] = {"device", "priority", NULL};
    const cJSON *settings = cJSON_GetObjectItemCaseSensitive(csv_list(run, "settings"), "greenup"), *item;
    pair(line, "setting", "value");
    cJSON_ArrayForEach(item, settings)
    {
        if (cJSON_IsObject(item) || strcmp(item->string, "stations") == 0 || strcmp(item->string, "rev") == 0)
            continue;
        csv_text(line, item->string);
        if (cJSON_IsArray(item))
            add_list(line, settings, item->string);
        else
            add_value(line, settings, item->string);
        csv_end(line);
    }
    csv_end(line);
    add_table(line, cJSON_GetObjectItemCaseSensitive(settings, "stations"), stations);
}

enum ew_err csv_settings(struct csv_run *run, struct ew_reason *reason)
{
    static const struct {
        const char *name;
        void (*write)(struct csv_run *run, struct csv_line *line);
    } files[] = {{"settings/General.csv", general},
                 {"settings/EnergySettings.csv", energy},
                 {"settings/GreenUpSettings.csv", greenup}};
    enum ew_err err = EW_OK;
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]) && err == EW_OK; i++) {
        struct ew_buf text;
        struct csv_line line;
        ew_buf_init(&text, 8 << 20);
        csv_begin(&line, &text, &run->tree->options);
        files[i].write(run, &line);
        err = csv_file_replace(run->export_dir, run->spare_dir, files[i].name, &text, reason);
        ew_buf_done(&text);
    }
    return err;
}
