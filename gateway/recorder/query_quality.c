// recorder/quality: the weekly check of EN 50160, from what is stored (PQ-01).
#include "recorder/query_priv.h"

#include "recorder/past.h"
#include <stdlib.h>

enum ew_err query_quality_read(const cJSON *args, struct query_quality *ret, struct ew_reason *reason)
{
    struct ew_json o;
    char from[16] = "";
    int64_t weeks = 2;
    *ret = (struct query_quality){.device = 0};
    ew_json_open(&o, args, "", reason);
    ew_json_int(&o, "device", EW_REQUIRED, 1, SITE_ID_MAX, &ret->device);
    ew_json_text(&o, "from", EW_OPTIONAL, 10, sizeof(from), from);
    ew_json_int(&o, "weeks", EW_OPTIONAL, 1, QUERY_WEEKS_MAX, &weeks);
    ret->has_from = from[0] != 0;
    if (o.err == EW_OK && ret->has_from && !calendar_date_parse(from, &ret->from))
        ew_json_fail(&o, "from", "json.date", "must be a date as 2026-03-01");
    ret->weeks = (int)weeks;
    return ew_json_close(&o);
}

static void add_value(void *user, int64_t series, const struct history_value *value)
{
    (void)series;
    if (value->has_value)
        quality_add(user, value->start_s, value->length_s, value->value_th, value->low_th, value->high_th);
}

static void write_finding(struct ew_jw *w, enum quality_criterion criterion, const struct quality_finding *f)
{
    static const char *const conductors[QUALITY_CONDUCTORS] = {"l1", "l2", "l3", "l1_l2", "l2_l3", "l3_l1"};
    bool of_one = f->reason != QUALITY_NOT_MEASURED && criterion != QUALITY_UNBALANCE &&
                  criterion != QUALITY_FREQUENCY && criterion != QUALITY_FREQUENCY_ALL;
    ew_jw_open_object(w, NULL);
    ew_jw_text(w, "criterion", quality_criterion_name(criterion));
    ew_jw_text(w, "verdict", quality_verdict_name(f->verdict));
    ew_jw_text(w, "reason", quality_reason_name(f->reason));
    if (of_one)
        ew_jw_text(w, "conductor", conductors[f->conductor]);
    else
        ew_jw_null(w, "conductor");
    ew_jw_int(w, "known", f->known);
    ew_jw_int(w, "beyond", f->beyond);
    ew_jw_int(w, "allowed", f->allowed);
    ew_jw_close_object(w);
}

static void write_week(struct ew_jw *w, const struct quality_week *week, const struct quality_result *result)
{
    char monday[16];
    (void)ew_format(monday, sizeof(monday), "%04d-%02d-%02d", week->monday.year, week->monday.month,
                    week->monday.day);
    ew_jw_open_object(w, NULL);
    ew_jw_text(w, "monday", monday);
    ew_jw_rfc3339(w, "start", week->start_s * 1000);
    ew_jw_rfc3339(w, "end", week->end_s * 1000);
    ew_jw_int(w, "marks", week->marks);
    ew_jw_int(w, "interrupted", result->interrupted);
    ew_jw_text(w, "verdict", quality_verdict_name(result->verdict));
    ew_jw_open_array(w, "criteria");
    for (int c = 0; c < QUALITY_CRITERIA; c++)
        write_finding(w, (enum quality_criterion)c, &result->findings[c]);
    ew_jw_close_array(w);
    ew_jw_close_object(w);
}

static enum ew_err first_week(const struct query_world *world, const struct query_quality *query,
                              struct quality_week *ret, struct ew_reason *reason)
{
    int64_t last_s = sampler_last_s(world->sampler);
    if (last_s <= 0)
        return ew_fail(reason, EW_E_UNKNOWN, "query.nothing_yet", "/device", "nothing is recorded yet");
    quality_week_over(world->zone, last_s, ret);
    int64_t newest_s = ret->start_s;
    if (query->has_from)
        quality_week(world->zone, query->from, ret);
    if (ret->start_s > newest_s)
        return ew_fail(reason, EW_E_INVALID, "query.week_running", "/from", "this week is not over yet");
    return EW_OK;
}

// ---- Series by series ------------------------------------------------------------------------------------

struct query_quality_run {
    const struct query_world *world;
    struct query_quality query;
    struct quality_week week;
    struct quality quality;
    struct ew_jw w;
    int series, weeks; // how far it is
};

static void begin_week(struct query_quality_run *run)
{
    quality_begin(&run->quality, &run->week, run->world->nominal_v > 0 ? run->world->nominal_v : 230);
    run->series = 0;
}

enum ew_err query_quality_begin(const struct query_world *world, const struct query_quality *query,
                                struct ew_buf *ret_json, struct query_quality_run **ret,
                                struct ew_reason *reason)
{
    struct quality_week week = {.marks = 0};
    *ret = NULL;
    enum ew_err err = first_week(world, query, &week, reason);
    if (err != EW_OK)
        return err;
    struct query_quality_run *run = *ret = malloc(sizeof(*run));
    if (!run)
        abort();
    run->world = world;
    run->query = *query;
    run->week = week;
    run->weeks = 0;
    ew_jw_init(&run->w, ret_json);
    ew_jw_open_object(&run->w, NULL);
    ew_jw_int(&run->w, "device", query->device);
    ew_jw_open_array(&run->w, "weeks");
    begin_week(run);
    return EW_OK;
}

static void end_week(struct query_quality_run *run)
{
    struct quality_result result;
    quality_judge(&run->quality, &result);
    write_week(&run->w, &run->week, &result);
    quality_week(run->world->zone, calendar_add(run->week.monday, CALENDAR_DAY, -7), &run->week);
    run->weeks++;
    begin_week(run);
}

// The next series that the check looks at, through the week under way.
static enum ew_err read_series(struct query_quality_run *run, bool *ret_any, struct ew_reason *reason)
{
    struct sampler_series series;
    struct quality_source source;
    *ret_any = false;
    while (sampler_series_at(run->world->sampler, run->series, &series)) {
        run->series++;
        if (series.device != run->query.device || series.counter || !quality_source(series.quantity, &source))
            continue;
        enum ew_err err = past_read(run->world->sampler, &series.id, 1, false, run->week.start_s,
                                    run->week.end_s, add_value, &run->quality, reason);
        if (err == EW_OK)
            quality_end(&run->quality, &source);
        *ret_any = true;
        return err;
    }
    return EW_OK;
}

enum ew_err query_quality_step(struct query_quality_run *run, bool *ret_done, struct ew_reason *reason)
{
    bool any = false;
    *ret_done = false;
    enum ew_err err = read_series(run, &any, reason);
    if (err != EW_OK || any)
        return err;
    end_week(run);
    *ret_done = run->weeks == run->query.weeks;
    if (*ret_done) {
        ew_jw_close_array(&run->w);
        query_write_until(&run->w, run->world->sampler);
        ew_jw_close_object(&run->w);
    }
    return EW_OK;
}

void query_quality_free(struct query_quality_run *run)
{
    free(run);
}
