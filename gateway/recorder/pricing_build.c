// The tables of amounts by device, day and tariff: days are added as they end, months and years when they are
// over, and all of them are made anew, beside the old ones, when rules or the time zone changed.
#include "recorder/pricing_priv.h"

#include "base/clock.h"

static const char *const roles[] = {"shown", "build"};

static enum ew_err save_state(struct pricing *p, struct ew_reason *reason)
{
    const struct pricing_generation *generations[] = {&p->shown, &p->build};
    enum ew_err err = EW_OK;
    for (int i = 0; i < 2 && err == EW_OK; i++) {
        sqlite3_stmt *q = store_statement(
            p->store,
            "UPDATE tariff_state SET generation = ?, until = ?, rules = ?, summed = ? WHERE role = ?");
        sqlite3_bind_int64(q, 1, generations[i]->generation);
        sqlite3_bind_int64(q, 2, generations[i]->until);
        sqlite3_bind_int64(q, 3, generations[i]->rules);
        sqlite3_bind_int64(q, 4, generations[i]->summed);
        sqlite3_bind_text(q, 5, roles[i], -1, SQLITE_STATIC);
        err = store_execute(p->store, q, reason);
    }
    return err;
}

// ---- A day -----------------------------------------------------------------------------------------------

static enum ew_err run(struct pricing *p, const char *sql, const int64_t *values, int count,
                       struct ew_reason *reason)
{
    sqlite3_stmt *q = store_statement(p->store, sql);
    for (int i = 0; i < count; i++)
        sqlite3_bind_int64(q, i + 1, values[i]);
    return store_execute(p->store, q, reason);
}

static enum ew_err write_device(struct pricing *p, const struct pricing_generation *g,
                                const struct pricing_sum *sum, enum site_service service,
                                struct ew_reason *reason)
{
    enum ew_err err = EW_OK;
    const struct tariff_plan *plan = &p->plans[service];
    const struct pricing_used *used = &sum->used[service];
    for (int i = 0; used->any && i < plan->tariff_count && err == EW_OK; i++) {
        if (used->amounts_milli[i] == 0 && i > 0)
            continue; // place 0 is written always: something was recorded on this day
        const int64_t values[] = {g->generation,          sum->device, g->until, service, plan->tariffs[i],
                                  used->amounts_milli[i], used->flags};
        err = run(p,
                  "INSERT INTO tariff_day (generation, device, date, service, tariff, amount, flags) VALUES "
                  "(?, ?, ?, ?, ?, ?, ?)",
                  values, 7, reason);
    }
    return err;
}

// A day whose steps are gone (they are kept for ten years) stays as it was made.
static enum ew_err keep_day(struct pricing *p, const struct pricing_generation *g, bool *ret_any,
                            struct ew_reason *reason)
{
    enum ew_err err = EW_OK;
    *ret_any = false;
    for (int64_t id = 0; id < p->sum_count && p->shown.generation && err == EW_OK; id++) {
        const int64_t values[] = {g->generation, p->shown.generation, p->sums[id].device, g->until};
        if (p->sums[id].measure == HISTORY_OTHER)
            continue;
        err = run(p,
                  "INSERT OR IGNORE INTO tariff_day (generation, device, date, service, tariff, amount, "
                  "flags) SELECT ?1, device, date, service, tariff, amount, flags FROM tariff_day WHERE "
                  "generation = ?2 AND device = ?3 AND date = ?4",
                  values, 4, reason);
        *ret_any = *ret_any || sqlite3_changes(store_db(p->store)) > 0;
    }
    return err;
}

static enum ew_err add_day(struct pricing *p, struct pricing_generation *g, struct ew_reason *reason)
{
    struct calendar_date date = pricing_date_split(g->until), next = calendar_add(date, CALENDAR_DAY, 1);
    int64_t start_s = calendar_date_start_s(&p->zone, date), end_s = calendar_date_start_s(&p->zone, next);
    bool kept = start_s >= end_s; // a date that was never here (an island crossed the date line)
    enum ew_err err = EW_OK;
    if (!kept && g == &p->build && start_s < p->whole_s)
        err = keep_day(p, g, &kept, reason);
    if (err == EW_OK && !kept) {
        err = pricing_scan(p, start_s, end_s, reason);
        for (int64_t id = 0; id < p->sum_count; id++)
            for (int service = 0; service < SITE_SERVICE_COUNT && err == EW_OK; service++)
                err = write_device(p, g, &p->sums[id], (enum site_service)service, reason);
    }
    if (err == EW_OK)
        g->until = pricing_date(next);
    return err;
}

// ---- Months and years ------------------------------------------------------------------------------------

// Flags are bits; SQLite has no "or" over rows, so each bit is a maximum of its own.
#define SUM                                                                                                  \
    "INSERT OR REPLACE INTO tariff_sum (generation, device, date, service, tariff, amount, flags) "          \
    "SELECT generation, device, ?3, service, tariff, sum(amount), max(flags & 1) | max(flags & 2) | "        \
    "max(flags & 4) | max(flags & 8) | max(flags & 16) | max(flags & 32) | max(flags & 64) FROM "
#define OF_A_DEVICE                                                                                          \
    " WHERE generation = ?1 AND device = ?2 AND date BETWEEN ?4 AND ?5 GROUP BY service, tariff"

static enum ew_err sum_device(struct pricing *p, int64_t generation, int64_t device, int64_t month,
                              struct ew_reason *reason)
{
    const int64_t days[] = {generation, device, month, month * 100, month * 100 + 99};
    enum ew_err err = run(p, SUM "tariff_day" OF_A_DEVICE, days, 5, reason);
    if (err != EW_OK || month % 100 != 12)
        return err;
    const int64_t months[] = {generation, device, month / 100, month - 11, month};
    return run(p, SUM "tariff_sum" OF_A_DEVICE, months, 5, reason);
}

static enum ew_err add_month(struct pricing *p, struct pricing_generation *g, struct ew_reason *reason)
{
    enum ew_err err = pricing_learn_series(p, reason);
    for (int64_t id = 0; id < p->sum_count && err == EW_OK; id++)
        if (p->sums[id].measure != HISTORY_OTHER)
            err = sum_device(p, g->generation, p->sums[id].device, g->summed, reason);
    if (err == EW_OK)
        g->summed += g->summed % 100 == 12 ? 89 : 1;
    return err;
}

static bool month_is_over(const struct pricing_generation *g)
{
    return g->summed != 0 && g->summed < g->until / 100;
}

// ---- Which generation ------------------------------------------------------------------------------------

static int64_t last_date(const struct pricing *p) // the date that is running; earlier ones are whole
{
    int64_t rolled_s = sampler_rolled_s(p->sampler);
    return rolled_s == INT64_MIN ? 0 : pricing_date(calendar_local(&p->zone, rolled_s).date);
}

// The first date of history: of what was made, where its steps are gone by now.
static enum ew_err find_first(struct pricing *p, struct ew_reason *reason)
{
    sqlite3_stmt *q =
        store_statement(p->store, "SELECT min(at) FROM (SELECT min(start) AS at FROM slot UNION "
                                  "SELECT (min(key) >> 20) * 86400 FROM counter_day)");
    int code = sqlite3_step(q);
    p->first_date = 0;
    p->whole_s = INT64_MIN;
    if (code == SQLITE_ROW && sqlite3_column_type(q, 0) != SQLITE_NULL) {
        p->whole_s = sqlite3_column_int64(q, 0);
        p->first_date = pricing_date(calendar_local(&p->zone, p->whole_s).date);
    }
    sqlite3_reset(q);
    enum ew_err err = code == SQLITE_ROW ? pricing_learn_series(p, reason) : store_fail(p->store, reason);
    for (int64_t id = 0; id < p->sum_count && p->shown.generation && err == EW_OK; id++) {
        q = store_statement(p->store, "SELECT date FROM tariff_day WHERE generation = ? AND device = ? ORDER "
                                      "BY date LIMIT 1");
        sqlite3_bind_int64(q, 1, p->shown.generation);
        sqlite3_bind_int64(q, 2, p->sums[id].device);
        code = sqlite3_step(q);
        if (code == SQLITE_ROW && p->first_date > sqlite3_column_int64(q, 0))
            p->first_date = sqlite3_column_int64(q, 0);
        else if (code != SQLITE_ROW && code != SQLITE_DONE)
            err = store_fail(p->store, reason);
        sqlite3_reset(q);
    }
    return err;
}

enum ew_err pricing_load_state(struct pricing *p, struct ew_reason *reason)
{
    struct pricing_generation *generations[] = {&p->shown, &p->build};
    for (int i = 0; i < 2; i++) {
        sqlite3_stmt *q = store_statement(
            p->store, "SELECT generation, until, rules, summed FROM tariff_state WHERE role = ?");
        sqlite3_bind_text(q, 1, roles[i], -1, SQLITE_STATIC);
        int code = sqlite3_step(q);
        if (code == SQLITE_ROW)
            *generations[i] = (struct pricing_generation){.generation = sqlite3_column_int64(q, 0),
                                                          .until = sqlite3_column_int64(q, 1),
                                                          .rules = sqlite3_column_int64(q, 2),
                                                          .summed = sqlite3_column_int64(q, 3)};
        sqlite3_reset(q);
        if (code != SQLITE_ROW && code != SQLITE_DONE)
            return store_fail(p->store, reason);
    }
    p->leftovers = true;
    return p->build.generation ? find_first(p, reason) : EW_OK;
}

// History was taken back (the clock had run ahead): so are the days made of it.
static enum ew_err take_back(struct pricing *p, struct pricing_generation *g, struct ew_reason *reason)
{
    int64_t date = last_date(p), month = date / 100;
    if (g->generation == 0 || g->until <= date)
        return EW_OK;
    const int64_t days[] = {g->generation, date}, sums[] = {g->generation, month, month / 100};
    enum ew_err err = run(p, "DELETE FROM tariff_day WHERE generation = ? AND date >= ?", days, 2, reason);
    if (err == EW_OK) // years are keys below those of months
        err = run(p,
                  "DELETE FROM tariff_sum WHERE generation = ?1 AND (date >= ?2 OR (date < 10000 AND date >= "
                  "?3))",
                  sums, 3, reason);
    g->until = date;
    if (g->summed > month)
        g->summed = month;
    return err;
}

// Rows of generations that are neither shown nor being made go, a device at a time.
static enum ew_err drop_old(struct pricing *p, bool *ret_more, struct ew_reason *reason)
{
    sqlite3_stmt *q = store_statement(
        p->store,
        "SELECT * FROM (SELECT generation, device FROM tariff_day WHERE generation < ?1 ORDER BY generation, "
        "device LIMIT 1) UNION ALL SELECT * FROM (SELECT generation, device FROM tariff_day WHERE generation "
        "> ?1 AND generation < ?2 ORDER BY generation, device LIMIT 1) LIMIT 1");
    sqlite3_bind_int64(q, 1, p->shown.generation);
    sqlite3_bind_int64(q, 2, p->build.generation ? p->build.generation : INT64_MAX);
    int code = sqlite3_step(q);
    const int64_t values[] = {sqlite3_column_int64(q, 0), sqlite3_column_int64(q, 1)};
    sqlite3_reset(q);
    *ret_more = p->leftovers = code == SQLITE_ROW;
    if (code == SQLITE_DONE)
        return EW_OK;
    if (code != SQLITE_ROW)
        return store_fail(p->store, reason);
    enum ew_err err = run(p, "DELETE FROM tariff_day WHERE generation = ? AND device = ?", values, 2, reason);
    return err == EW_OK
               ? run(p, "DELETE FROM tariff_sum WHERE generation = ? AND device = ?", values, 2, reason)
               : err;
}

// A number that no row has: what was given up may not be dropped yet.
static enum ew_err new_generation(struct pricing *p, int64_t *ret, struct ew_reason *reason)
{
    sqlite3_stmt *q = store_statement(p->store, "SELECT coalesce(max(generation), 0) FROM tariff_day");
    int code = sqlite3_step(q);
    *ret = code == SQLITE_ROW ? sqlite3_column_int64(q, 0) + 1 : 0;
    sqlite3_reset(q);
    if (*ret <= p->shown.generation)
        *ret = p->shown.generation + 1;
    return code == SQLITE_ROW ? EW_OK : store_fail(p->store, reason);
}

// The generation to work on, begun anew when what is there was made by other rules.
static enum ew_err choose(struct pricing *p, struct pricing_generation **ret, struct ew_reason *reason)
{
    *ret = p->build.generation ? &p->build : &p->shown;
    if (p->shown.generation && p->shown.rules == p->rules_hash) { // changed back while the new one was made
        p->leftovers = p->leftovers || p->build.generation;
        p->build = (struct pricing_generation){0};
        *ret = &p->shown;
    } else if (!p->build.generation || p->build.rules != p->rules_hash) {
        p->leftovers = true;
        p->build = (struct pricing_generation){.rules = p->rules_hash};
        *ret = &p->build;
        enum ew_err err = new_generation(p, &p->build.generation, reason);
        if (err != EW_OK)
            return err;
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
        g->summed = p->first_date / 100;
    }
    *ret_more = true;
    if (err == EW_OK && month_is_over(g))
        return add_month(p, g, reason);
    if (err == EW_OK && g->until != 0 && g->until < last_date(p))
        return add_day(p, g, reason);
    if (err == EW_OK && g == &p->build) { // it has caught up
        p->shown = p->build;
        p->build = (struct pricing_generation){0};
        p->leftovers = true;
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
    return !p->zoned || (p->build.generation == 0 && !p->leftovers && p->shown.generation &&
                         p->shown.rules == p->rules_hash && !month_is_over(&p->shown) &&
                         (p->shown.until == last || (p->shown.until == 0 && last == p->first_date)));
}

enum ew_err pricing_work(struct pricing *p, int64_t now_ms, int budget_ms, bool *ret_more,
                         struct ew_reason *reason)
{
    *ret_more = false;
    pricing_note_services(p, now_ms);
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
        p->leftovers = true;
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
