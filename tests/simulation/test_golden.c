// The worked scenarios, tick for tick: a listed tick must be as listed, and any other tick must command
// nothing. A file is {"title", "note"?, "scenario", "ticks": [{"t", "do": ["start A 32", ...], "i_a"?,
// "band"?, "limit_a"?, "mode"?, "why"?}]}; i_a and band may name the first phases only.
#include "check.h"

#include "base/file.h"
#include "base/json.h"
#include "replay/run.h"
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILES_MAX = 200, FILE_MAX = 1 << 20 };

static const cJSON *child_of(const cJSON *list)
{
    return list ? list->child : NULL;
}

static cJSON *load(const char *path)
{
    struct ew_buf text;
    struct ew_reason reason;
    cJSON *tree = NULL;
    ew_buf_init(&text, FILE_MAX);
    if (ew_file_read(path, FILE_MAX, &text, &reason) != EW_OK ||
        ew_json_parse(ew_buf_text(&text), text.len, FILE_MAX, &tree, &reason) != EW_OK)
        fail_msg("%s: %s", path, reason.text);
    ew_buf_done(&text);
    return tree;
}

static void check_text(const char *file, double t, const char *what, const char *is, const char *should)
{
    if (strcmp(is, should) != 0)
        fail_msg("%s, t %g, %s:\n  is     %s\n  should %s", file, t, what, is, should);
}

// Commands as "start A 32", joined by commas.
static void commands_of(const struct run *run, struct ew_buf *to, bool why)
{
    for (int i = 0; i < run->out.command_count; i++) {
        const struct greenup_command *c = &run->out.commands[i];
        char number[SCENARIO_NUMBER_MAX];
        scenario_number(number, c->limit_ma);
        if (why)
            ew_buf_printf(to, "%s%s", i ? ", " : "", greenup_why_name(c->why));
        else
            ew_buf_printf(to, "%s%s %s %s", i ? ", " : "", greenup_do_name(c->what),
                          run->sc->station[c->station].id, number);
    }
}

static void join(const cJSON *list, struct ew_buf *to)
{
    for (const cJSON *item = list ? list->child : NULL; item; item = item->next)
        ew_buf_printf(to, "%s%s", item == list->child ? "" : ", ", item->valuestring);
}

static void check_list(const char *file, const struct run *run, const cJSON *tick, const char *key)
{
    const bool why = strcmp(key, "why") == 0;
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(tick, key);
    if (why && !list)
        return;
    struct ew_buf is, should;
    ew_buf_init(&is, FILE_MAX);
    ew_buf_init(&should, FILE_MAX);
    commands_of(run, &is, why);
    join(list, &should);
    check_text(file, (double)run->now_ms / 1000, key, ew_buf_text(&is), ew_buf_text(&should));
    ew_buf_done(&is);
    ew_buf_done(&should);
}

static void check_tick(const char *file, const struct run *run, const cJSON *tick)
{
    const double t = (double)run->now_ms / 1000;
    const struct greenup *g = &run->core;
    int p = 0;
    check_list(file, run, tick, "do");
    if (!tick)
        return;
    check_list(file, run, tick, "why");
    const cJSON *item, *mode = cJSON_GetObjectItemCaseSensitive(tick, "mode");
    for (item = child_of(cJSON_GetObjectItemCaseSensitive(tick, "i_a")); item; item = item->next) {
        if (run->meter_ma[p] != (int32_t)(item->valuedouble * 1000))
            fail_msg("%s, t %g: L%d is %g A, should %g A", file, t, p + 1, run->meter_ma[p] / 1000.0,
                     item->valuedouble);
        p++;
    }
    p = 0;
    for (item = child_of(cJSON_GetObjectItemCaseSensitive(tick, "band")); item; item = item->next)
        check_text(file, t, "band", greenup_band_name(g->phase[p++].band), item->valuestring);
    if (mode)
        check_text(file, t, "mode", greenup_mode_name(g->mode), mode->valuestring);
    for (item = child_of(cJSON_GetObjectItemCaseSensitive(tick, "limit_a")); item; item = item->next) {
        int i = 0;
        while (i < g->count && strcmp(run->sc->station[i].id, item->string) != 0)
            i++;
        if (i == g->count || greenup_limit_ma(g, i) != (int32_t)(item->valuedouble * 1000))
            fail_msg("%s, t %g: limit of %s is %g A, should %g A", file, t, item->string,
                     i < g->count ? greenup_limit_ma(g, i) / 1000.0 : -1, item->valuedouble);
    }
}

static const cJSON *tick_at(const cJSON *ticks, int64_t now_ms)
{
    const cJSON *tick;
    for (tick = child_of(ticks); tick; tick = tick->next) {
        const cJSON *t = cJSON_GetObjectItemCaseSensitive(tick, "t");
        if (t && (int64_t)(t->valuedouble * 1000 + 0.5) == now_ms)
            return tick;
    }
    return NULL;
}

static void check_file(const char *folder, const char *name)
{
    char path[512];
    struct ew_reason reason;
    static struct scenario sc;
    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    cJSON *tree = load(path);
    char *text = cJSON_PrintUnformatted(cJSON_GetObjectItemCaseSensitive(tree, "scenario"));
    const cJSON *ticks = cJSON_GetObjectItemCaseSensitive(tree, "ticks");
    assert_non_null(text);
    scenario_init(&sc);
    if (scenario_read(&sc, text, strlen(text), &reason) != EW_OK)
        fail_msg("%s: %s: %s", path, reason.path, reason.text);
    struct run *run = run_new(&sc);
    int found = 0;
    while (run_step(run)) {
        const cJSON *tick = tick_at(ticks, run->now_ms);
        found += tick != NULL;
        check_tick(name, run, tick);
    }
    if (found != cJSON_GetArraySize(ticks))
        fail_msg("%s: %d listed ticks, %d of them seen", name, cJSON_GetArraySize(ticks), found);
    run_free(run);
    scenario_done(&sc);
    free(text);
    cJSON_Delete(tree);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void worked_scenarios_tick_for_tick(void **state)
{
    (void)state;
    static char names[FILES_MAX][256];
    size_t count = 0;
    DIR *dir = opendir(EDGEWATT_SOURCE_DIR "/tests/simulation/golden");
    assert_non_null(dir);
    for (const struct dirent *entry; (entry = readdir(dir)) != NULL;)
        if (strstr(entry->d_name, ".json") && count < FILES_MAX)
            ew_copy(names[count++], sizeof(names[0]), entry->d_name);
    closedir(dir);
    qsort(names, count, sizeof(names[0]), by_name);
    assert_true(count >= 9); // the tables of the control notes
    for (size_t i = 0; i < count; i++)
        check_file(EDGEWATT_SOURCE_DIR "/tests/simulation/golden", names[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(worked_scenarios_tick_for_tick)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
