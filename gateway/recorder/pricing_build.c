// The tables of amounts by device, day and tariff: days are added as they end, and all of them are made anew,
// beside the old ones, when rules or the time zone changed.
#include "recorder/pricing_priv.h"

#include "base/clock.h"

static const char *const roles[] = {"shown", "build"};

enum ew_err pricing_load_state(struct pricing *p, struct ew_reason *reason)
{
    struct pricing_generation *generations[] = {&p->shown, &p->build};
    for (int i = 0; i < 2; i++) {
        sqlite3_stmt *q =
            store_statement(p->store, "SELECT generation, until, rules FROM tariff_state WHERE role = ?");
        sqlite3_bind_text(q, 1, roles[i], -1, SQLITE_STATIC);
        int code = sqlite3_step(q);
        if (code == SQLITE_ROW)
            *generations[i] = (struct pricing_generation){
                sqlite3_column_int64(q, 0), sqlite3_column_int64(q, 1), sqlite3_column_int64(q, 2)};
        sqlite3_reset(q);
        if (code != SQLITE_ROW && code != SQLITE_DONE)
            return store_fail(p->store, reason);
    }
    return EW_OK;
}

static enum ew_err save_state(struct pricing *p, struct ew_reason *reason)
{
    const struct pricing_generation *generations[] = {&p->shown, &p->build};
    enum ew_err err = EW_OK;
    for (int i = 0; i < 2 && err == EW_OK; i++) {
        sqlite3_stmt *q = store_statement(
            p->store, "UPDATE tariff_state SET generation = ?, until = ?, rules = ? WHERE role = ?");
        sqlite3_bind_int64(q, 1, generations[i]->generation);
        sqlite3_bind_int64(q, 2, generations[i]->until);
        sqlite3_bind_int64(q, 3, generations[i]->rules);
        sqlite3_bind_text(q, 4, roles[i], -1, SQLITE_STATIC);
        err = store_execute(p->store, q, reason);
    }
    return err;
}

// ---- A day -----------------------------------------------------------------------------------------------

static enum ew_err write_device(struct pricing *p, int64_t generation, int64_t date,
                                const struct pricing_sum *sum, struct ew_reason *reason)
{
    enum ew_err err = EW_OK;
    const struct tariff_plan *plan = &p->plans[sum->service];
    for (int i = 0; i < plan->tariff_count && err == EW_OK; i++) {
        if (sum->amounts_milli[i] == 0 && i > 0)
            continue; // place 0 is written always: something was recorded on this day
        sqlite3_stmt *q = store_statement(
            p->store,
            "INSERT INTO tariff_day (generation, device, date, service, tariff, amount, flags) VALUES "
            "(?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET amount = amount + excluded.amount, "
            "flags = flags | excluded.flags");
        const int64_t values[] = {generation,       sum->device,           date,      sum->service,
                                  plan->tariffs[i], sum->amounts_milli[i], sum->flags};
        for (int v = 0; v < 7; v++)
            sqlite3_bind_int64(q, v + 1, values[v]);
        err = store_execute(p->store, q, reason);
    }
    return err;
}

static enum ew_err write_totals(struct pricing *p, int64_t generation, int64_t date, int64_t end_s,
                                struct ew_reason *reason)
{
    struct pricing_sum totals[SITE_SERVICE_COUNT] = {0};
    for (int64_t id = 0; id < p->sum_count; id++) {
        const struct pricing_sum *sum = &p->sums[id];
        int64_t circuit;
        bool excluded = false;
        if (!sum->any)
            continue;
        (void)sampler_member_at(p->sampler, sum->device, end_s - 1, &circuit, &excluded);
        if (excluded)
            continue;
        totals[sum->service].any = true;
        totals[sum->service].flags |= sum->flags;
        for (int i = 0; i < TARIFF_PLACES; i++)
            totals[sum->service].amounts_milli[i] += sum->amounts_milli[i];
    }
    enum ew_err err = EW_OK;
    for (int service = 0; service < SITE_SERVICE_COUNT; service++)
        for (int i = 0; i < p->plans[service].tariff_count && totals[service].any && err == EW_OK; i++) {
            if (totals[service].amounts_milli[i] == 0 && i > 0)
                continue;
            sqlite3_stmt *q =
                store_statement(p->store, "INSERT INTO tariff_total (generation, date, service, tariff, "
                                          "amount, flags) VALUES (?, ?, ?, ?, ?, ?)");
            const int64_t values[] = {generation,
                                      date,
                                      service,
                                      p->plans[service].tariffs[i],
                                      totals[service].amounts_milli[i],
                                      totals[service].flags};
            for (int v = 0; v < 6; v++)
                sqlite3_bind_int64(q, v + 1, values[v]);
            err = store_execute(p->store, q, reason);
        }
    return err;
}

static enum ew_err add_day(struct pricing *p, struct pricing_generation *g, int64_t *ret_next_date,
                           struct ew_reason *reason)
{
    struct calendar_date date = pricing_date_split(g->until), next = calendar_add(date, CALENDAR_DAY, 1);
    int64_t start_s = calendar_date_start_s(&p->zone, date), end_s = calendar_date_start_s(&p->zone, next);
    *ret_next_date = pricing_date(next);
    if (start_s >= end_s) // a date that was never here (an island crossed the date line)
        return EW_OK;
    enum ew_err err = pricing_scan(p, start_s, end_s, reason);
    for (int64_t id = 0; id < p->sum_count && err == EW_OK; id++)
        if (p->sums[id].any)
            err = write_device(p, g->generation, g->until, &p->sums[id], reason);
    return err == EW_OK ? write_totals(p, g->generation, g->until, end_s, reason) : err;
}

// ---- Which generation ------------------------------------------------------------------------------------

static int64_t last_date(const struct pricing *p) // the date that is running; earlier ones are whole
{
    int64_t rolled_s = sampler_rolled_s(p->sampler);
    return rolled_s == INT64_MIN ? 0 : pricing_date(calendar_local(&p->zone, rolled_s).date);
}

static enum ew_err find_first(struct pricing *p, struct ew_reason *reason)
{
    sqlite3_stmt *q =
        store_statement(p->store, "SELECT min(at) FROM (SELECT min(start) AS at FROM slot UNION "
                                  "SELECT (min(key) >> 20) * 86400 FROM counter_day)");
    int code = sqlite3_step(q);
    p->first_date = 0;
    if (code == SQLITE_ROW && sqlite3_column_type(q, 0) != SQLITE_NULL)
        p->first_date = pricing_date(calendar_local(&p->zone, sqlite3_column_int64(q, 0)).date);
    sqlite3_reset(q);
    return code == SQLITE_ROW ? EW_OK : store_fail(p->store, reason);
}

// History was taken back (the clock had run ahead): so are the days made of it.
static enum ew_err take_back(struct pricing *p, struct pricing_generation *g, struct ew_reason *reason)
{
    static const char *const sql[] = {"DELETE FROM tariff_day WHERE generation = ? AND date >= ?",
                                      "DELETE FROM tariff_total WHERE generation = ? AND date >= ?"};
    int64_t date = last_date(p);
    if (g->generation == 0 || g->until <= date)
        return EW_OK;
    enum ew_err err = EW_OK;
    for (int i = 0; i < 2 && err == EW_OK; i++) {
        sqlite3_stmt *q = store_statement(p->store, sql[i]);
        sqlite3_bind_int64(q, 1, g->generation);
        sqlite3_bind_int64(q, 2, date);
        err = store_execute(p->store, q, reason);
    }
    g->until = date;
    return err;
}

// Rows of generations that are neither shown nor being made go, a device at a time.
static enum ew_err drop_old(struct pricing *p, bool *ret_more, struct ew_reason *reason)
{
    sqlite3_stmt *q = store_statement(
        p->store,
        "SELECT generation, device FROM tariff_day WHERE generation < ?1 OR (generation > ?1 AND generation "
        "< ?2) ORDER BY generation, device LIMIT 1");
    sqlite3_bind_int64(q, 1, p->shown.generation);
    sqlite3_bind_int64(q, 2, p->build.generation ? p->build.generation : INT64_MAX);
    int code = sqlite3_step(q);
    int64_t generation = sqlite3_column_int64(q, 0), device = sqlite3_column_int64(q, 1);
    sqlite3_reset(q);
    *ret_more = code == SQLITE_ROW;
    if (code == SQLITE_DONE)
        return EW_OK;
    if (code != SQLITE_ROW)
        return store_fail(p->store, reason);
    q = store_statement(p->store, "DELETE FROM tariff_day WHERE generation = ? AND device = ?");
    sqlite3_bind_int64(q, 1, generation);
    sqlite3_bind_int64(q, 2, device);
    enum ew_err err = store_execute(p->store, q, reason);
    q = store_statement(p->store, "DELETE FROM tariff_total WHERE generation = ?");
    sqlite3_bind_int64(q, 1, generation);
    return err == EW_OK ? store_execute(p->store, q, reason) : err;
}

// The generation to work on, begun anew when what is there was made by other rules.
static enum ew_err choose(struct pricing *p, struct pricing_generation **ret, struct ew_reason *reason)
{
    int64_t newest = p->build.generation > p->shown.generation ? p->build.generation : p->shown.generation;
    *ret = p->build.generation ? &p->build : &p->shown;
    if (p->shown.generation && p->shown.rules == p->rules_hash) { // changed back while the new one was made
        p->build = (struct pricing_generation){0};
        *ret = &p->shown;
    } else if (!p->build.generation || p->build.rules != p->rules_hash) {
        p->build = (struct pricing_generation){newest + 1, 0, p->rules_hash};
        *ret = &p->build;
    }
    return take_back(p, *ret, reason);
}

static enum ew_err step(struct pricing *p, bool *ret_more, struct ew_reason *reason)
{
    struct pricing_generation *g;
    enum ew_err err = choose(p, &g, reason);
    if (err == EW_OK && g->until == 0) {
        err = find_first(p, reason);
        g->until = p->first_date;
    }
    int64_t next_date = 0;
    *ret_more = true;
    if (err == EW_OK && g->until != 0 && g->until < last_date(p)) {
        err = add_day(p, g, &next_date, reason);
        if (err == EW_OK)
            g->until = next_date;
        return err;
    }
    if (err == EW_OK && g == &p->build) { // it has caught up
        p->shown = p->build;
        p->build = (struct pricing_generation){0};
        return EW_OK;
    }
    return err == EW_OK ? drop_old(p, ret_more, reason) : err;
}

static enum ew_err steps(struct pricing *p, int64_t until_us, bool *ret_more, struct ew_reason *reason)
{
    enum ew_err err;
    do
        err = step(p, ret_more, reason);
    while (*ret_more && err == EW_OK && ew_clock_up_us() < until_us);
    return err == EW_OK ? save_state(p, reason) : err;
}

// Is there anything to do at all? Most seconds there is not, and no transaction is begun.
static bool idle(const struct pricing *p)
{
    int64_t last = last_date(p);
    return !p->zoned || (p->build.generation == 0 && p->shown.generation && p->shown.rules == p->rules_hash &&
                         (p->shown.until == last || (p->shown.until == 0 && last == p->first_date)));
}

enum ew_err pricing_work(struct pricing *p, int64_t now_ms, int budget_ms, bool *ret_more,
                         struct ew_reason *reason)
{
    *ret_more = false;
    if (p->changed_ms && now_ms < p->changed_ms + PRICING_SETTLE_MS)
        return EW_OK;
    if (p->changed_ms) {
        p->changed_ms = 0;
        pricing_plan(p);
    }
    if (idle(p))
        return EW_OK;
    struct pricing_generation shown = p->shown, build = p->build;
    enum ew_err err = store_begin(p->store, reason);
    if (err != EW_OK)
        return err;
    err = steps(p, ew_clock_up_us() + budget_ms * 1000LL, ret_more, reason);
    if (err == EW_OK)
        err = store_commit(p->store, reason);
    else
        store_rollback(p->store);
    if (err != EW_OK) {
        p->shown = shown;
        p->build = build;
        *ret_more = false;
    }
    return err;
}

bool pricing_behind(const struct pricing *p)
{
    return !p->zoned || p->changed_ms || p->build.generation || !p->shown.generation ||
           p->shown.rules != p->rules_hash;
}

void pricing_health(const struct pricing *p, struct ew_jw *w)
{
    const struct pricing_generation *b = &p->build;
    int64_t percent = 100;
    if (b->generation) {
        int64_t first = calendar_days(pricing_date_split(p->first_date));
        int64_t last = calendar_days(pricing_date_split(last_date(p)));
        int64_t at = b->until ? calendar_days(pricing_date_split(b->until)) : first;
        percent = last > first ? (at - first) * 100 / (last - first) : 0;
    }
    bool building = pricing_behind(p);
    ew_jw_open_object(w, "tariffs");
    ew_jw_text(w, "state", building ? "building" : "ready");
    ew_jw_int(w, "percent", building && percent > 99 ? 99 : percent < 0 ? 0 : percent);
    ew_jw_close_object(w);
}
