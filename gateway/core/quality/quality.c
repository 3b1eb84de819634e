#include "core/quality/quality.h"

#include "base/civil.h"
#include <math.h>
#include <string.h>

enum {
    WEEK_DAYS = 7,
    COVERED_MIN_S = QUALITY_MARK_S * 9 / 10,
    KNOWN_TENTHS = 9,  // of ten: fewer marks give no verdict
    BETWEEN_FIRST = 3, // conductors from here on lie between phases
    PERCENT_TH = 10,   // a per cent of one volt, in thousandths
    THD_MAX_TH = 8000,
    FREQUENCY_LOW_TH = 49500,
    FREQUENCY_HIGH_TH = 50500,
    FREQUENCY_LOWEST_TH = 47000,
    FREQUENCY_HIGHEST_TH = 52000
};
static const double unbalance_max_percent = 2;
static const int64_t value_max_th = 1000000000000; // nothing measured is beyond; keeps sums from overflowing

// What may be out, in thousandths of the marks.
static const int allowed_permille[QUALITY_CRITERIA] = {
    [QUALITY_VOLTAGE] = 50, [QUALITY_UNBALANCE] = 50, [QUALITY_HARMONICS] = 50,
    [QUALITY_THD] = 50,     [QUALITY_FREQUENCY] = 5,
};

// Thousandths of a per cent of the fundamental, by order; 0 = no limit.
static const int order_max_th[QUALITY_ORDER_MAX + 1] = {
    [2] = 2000, [3] = 5000,  [4] = 1000, [5] = 6000,  [6] = 500,  [7] = 5000,  [8] = 500,  [9] = 1500,
    [10] = 500, [11] = 3500, [12] = 500, [13] = 3000, [14] = 500, [15] = 500,  [16] = 500, [17] = 2000,
    [18] = 500, [19] = 1500, [20] = 500, [21] = 500,  [22] = 500, [23] = 1500, [24] = 500, [25] = 1500,
};

// ---- Names -----------------------------------------------------------------------------------------------

const char *quality_criterion_name(enum quality_criterion criterion)
{
    static const char *const names[QUALITY_CRITERIA] = {
        "voltage", "voltage_all", "unbalance", "harmonics", "thd", "frequency", "frequency_all", "flicker"};
    return names[criterion];
}

const char *quality_verdict_name(enum quality_verdict verdict)
{
    static const char *const names[] = {"none", "ok", "ko"};
    return names[verdict];
}

const char *quality_reason_name(enum quality_reason reason)
{
    static const char *const names[] = {"within", "beyond", "few", "coarse", "undecided", "not_measured"};
    return names[reason];
}

static bool after(const char *text, const char *prefix, const char **ret_rest)
{
    size_t len = strlen(prefix);
    *ret_rest = text + len;
    return strncmp(text, prefix, len) == 0;
}

// "l1" (of THD and harmonics) or "l1_n" is conductor 0, "l1_l2" is 3. The longest that fits.
static bool read_conductor(const char *text, int *ret, const char **ret_rest)
{
    static const struct {
        const char *name;
        int conductor;
    } names[] = {{"l1_n", 0},  {"l2_n", 1}, {"l3_n", 2}, {"l1_l2", 3}, {"l2_l3", 4},
                 {"l3_l1", 5}, {"l1", 0},   {"l2", 1},   {"l3", 2}};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (after(text, names[i].name, ret_rest)) {
            *ret = names[i].conductor;
            return true;
        }
    return false;
}

// "_5" is 5; 0 = no order that has a limit.
static int read_order(const char *text)
{
    int order = 0;
    if (*text++ != '_')
        return 0;
    for (; *text >= '0' && *text <= '9' && order <= QUALITY_ORDER_MAX; text++)
        order = order * 10 + (*text - '0');
    return *text == 0 && order <= QUALITY_ORDER_MAX && order_max_th[order] > 0 ? order : 0;
}

bool quality_source(const char *quantity, struct quality_source *ret)
{
    const char *rest;
    *ret = (struct quality_source){.kind = QUALITY_OF_FREQUENCY};
    if (strcmp(quantity, "frequency") == 0)
        return true;
    if (after(quantity, "voltage_", &rest))
        ret->kind = QUALITY_OF_VOLTAGE;
    else if (after(quantity, "thd_voltage_", &rest))
        ret->kind = QUALITY_OF_THD;
    else if (after(quantity, "harmonic_voltage_", &rest))
        ret->kind = QUALITY_OF_HARMONIC;
    else
        return false;
    if (!read_conductor(rest, &ret->conductor, &rest))
        return false;
    if (ret->kind != QUALITY_OF_HARMONIC)
        return *rest == 0; // a device's own statistics have their own interval
    ret->order = read_order(rest);
    return ret->order > 0;
}

// ---- The week --------------------------------------------------------------------------------------------

static int64_t mark_from(int64_t at_s)
{
    return ew_floor_div(at_s + QUALITY_MARK_S - 1, QUALITY_MARK_S) * QUALITY_MARK_S;
}

void quality_week(const struct calendar_zone *zone, struct calendar_date date, struct quality_week *ret)
{
    int64_t days = calendar_days(date);
    int64_t monday = ew_floor_div(days + 3, WEEK_DAYS) * WEEK_DAYS - 3; // 1970-01-01 was a Thursday
    ret->monday = calendar_from_days(monday);
    ret->start_s = calendar_date_start_s(zone, ret->monday);
    ret->end_s = calendar_date_start_s(zone, calendar_from_days(monday + WEEK_DAYS));
    ret->first_s = mark_from(ret->start_s);
    int64_t marks = (mark_from(ret->end_s) - ret->first_s) / QUALITY_MARK_S;
    ret->marks = marks < QUALITY_MARKS_MAX ? (int)marks : QUALITY_MARKS_MAX;
}

void quality_week_over(const struct calendar_zone *zone, int64_t at_s, struct quality_week *ret)
{
    quality_week(zone, calendar_local(zone, at_s).date, ret);
    quality_week(zone, calendar_add(ret->monday, CALENDAR_DAY, -WEEK_DAYS), ret);
}

// ---- Taking in -------------------------------------------------------------------------------------------

static void forget_series(struct quality *q)
{
    memset(q->cells, 0, sizeof(q->cells));
    q->coarse = false;
}

void quality_begin(struct quality *q, const struct quality_week *week, double nominal_v)
{
    memset(q, 0, sizeof(*q));
    q->week = *week;
    q->nominal_v[0] = (int)lround(nominal_v);
    q->nominal_v[1] = (int)lround(nominal_v * sqrt(3) / 5) * 5;
    for (int phase = 0; phase < 3; phase++)
        for (int i = 0; i < QUALITY_MARKS_MAX; i++)
            q->between_th[phase][i] = -1;
}

void quality_add(struct quality *q, int64_t start_s, int length_s, int64_t mean_th, int64_t low_th,
                 int64_t high_th)
{
    int64_t at = ew_floor_div(start_s - q->week.first_s, QUALITY_MARK_S);
    if (at < 0 || at >= q->week.marks || length_s <= 0 || mean_th > value_max_th || mean_th < -value_max_th)
        return;
    if (length_s > QUALITY_MARK_S) { // a mean of half an hour hides one of ten minutes
        q->coarse = true;
        return;
    }
    struct quality_cell *cell = &q->cells[at];
    cell->low_th = cell->covered_s && cell->low_th < low_th ? cell->low_th : low_th;
    cell->high_th = cell->covered_s && cell->high_th > high_th ? cell->high_th : high_th;
    cell->sum_th += mean_th * length_s;
    cell->covered_s += length_s;
}

static bool cell_known(const struct quality_cell *cell)
{
    return cell->covered_s >= COVERED_MIN_S;
}

// The series is a line of this criterion, whatever of it is known.
static void note_line(struct quality *q, enum quality_criterion criterion, int conductor)
{
    q->has[criterion] |= 1U << conductor;
    if (q->coarse)
        q->was_coarse[criterion] |= 1U << conductor;
}

static void note_mark(struct quality *q, enum quality_criterion criterion, int conductor, int mark,
                      bool beyond, bool maybe)
{
    uint8_t bit = (uint8_t)(1U << conductor);
    q->known[criterion][mark] |= bit;
    if (beyond)
        q->beyond[criterion][mark] |= bit;
    if (beyond || maybe)
        q->maybe[criterion][mark] |= bit;
}

static bool mean_above(const struct quality_cell *cell, int64_t limit_th)
{
    return cell->sum_th > limit_th * cell->covered_s;
}

static bool mean_below(const struct quality_cell *cell, int64_t limit_th)
{
    return cell->sum_th < limit_th * cell->covered_s;
}

// A phase without voltage in the whole week is not connected, rather than interrupted.
static bool connected(const struct quality *q, int64_t interrupted_th)
{
    bool any = false;
    for (int i = 0; i < q->week.marks; i++) {
        any = any || q->cells[i].covered_s > 0;
        if (q->cells[i].covered_s > 0 && q->cells[i].high_th >= interrupted_th)
            return true;
    }
    return !any;
}

static void take_voltage(struct quality *q, int conductor)
{
    bool between = conductor >= BETWEEN_FIRST;
    int64_t percent_th = (int64_t)q->nominal_v[between] * PERCENT_TH;
    if (!connected(q, 5 * percent_th))
        return;
    note_line(q, QUALITY_VOLTAGE, conductor);
    note_line(q, QUALITY_VOLTAGE_ALL, conductor);
    for (int i = 0; i < q->week.marks; i++) {
        const struct quality_cell *cell = &q->cells[i];
        if (cell->covered_s > 0 && cell->low_th < 5 * percent_th)
            q->interrupted[i] = true;
        if (!cell_known(cell))
            continue;
        bool high = mean_above(cell, 110 * percent_th);
        note_mark(q, QUALITY_VOLTAGE, conductor, i, high || mean_below(cell, 90 * percent_th), false);
        note_mark(q, QUALITY_VOLTAGE_ALL, conductor, i, high || mean_below(cell, 85 * percent_th), false);
        if (between)
            q->between_th[conductor - BETWEEN_FIRST][i] = cell->sum_th / cell->covered_s;
    }
}

static void take_share(struct quality *q, enum quality_criterion criterion, int conductor, int64_t limit_th)
{
    note_line(q, criterion, conductor);
    for (int i = 0; i < q->week.marks; i++)
        if (cell_known(&q->cells[i]))
            note_mark(q, criterion, conductor, i, mean_above(&q->cells[i], limit_th), false);
        else
            q->lacking[criterion][i] |= (uint8_t)(1U << conductor);
}

// The standard has means of ten seconds. Of ten minutes the lowest and the highest sample are known: all of
// them out is out for certain, some of them out only maybe.
static void take_frequency(struct quality *q)
{
    note_line(q, QUALITY_FREQUENCY, 0);
    note_line(q, QUALITY_FREQUENCY_ALL, 0);
    for (int i = 0; i < q->week.marks; i++) {
        const struct quality_cell *cell = &q->cells[i];
        if (!cell_known(cell))
            continue;
        note_mark(q, QUALITY_FREQUENCY, 0, i,
                  cell->low_th > FREQUENCY_HIGH_TH || cell->high_th < FREQUENCY_LOW_TH,
                  cell->low_th < FREQUENCY_LOW_TH || cell->high_th > FREQUENCY_HIGH_TH);
        note_mark(q, QUALITY_FREQUENCY_ALL, 0, i,
                  cell->low_th < FREQUENCY_LOWEST_TH || cell->high_th > FREQUENCY_HIGHEST_TH, false);
    }
}

void quality_end(struct quality *q, const struct quality_source *source)
{
    switch (source->kind) {
    case QUALITY_OF_VOLTAGE:
        take_voltage(q, source->conductor);
        break;
    case QUALITY_OF_THD:
        take_share(q, QUALITY_THD, source->conductor, THD_MAX_TH);
        break;
    case QUALITY_OF_HARMONIC:
        take_share(q, QUALITY_HARMONICS, source->conductor, order_max_th[source->order]);
        break;
    case QUALITY_OF_FREQUENCY:
        take_frequency(q);
        break;
    }
    forget_series(q);
}

// ---- Judging ---------------------------------------------------------------------------------------------

// Negative by positive sequence in per cent, from the sides of the triangle of voltages.
static double unbalance_percent(double a, double b, double c)
{
    double squares = a * a + b * b + c * c;
    if (!(squares > 0))
        return 0;
    double beta = (a * a * a * a + b * b * b * b + c * c * c * c) / (squares * squares);
    double under = 3 - 6 * beta;
    double root = under > 0 ? sqrt(under) : 0;
    return 100 * sqrt((1 - root) / (1 + root) > 0 ? (1 - root) / (1 + root) : 0);
}

static void take_unbalance(struct quality *q)
{
    enum { ALL_BETWEEN = 7 << BETWEEN_FIRST };
    if ((q->has[QUALITY_VOLTAGE] & ALL_BETWEEN) != ALL_BETWEEN)
        return;
    q->coarse = (q->was_coarse[QUALITY_VOLTAGE] & ALL_BETWEEN) != 0;
    note_line(q, QUALITY_UNBALANCE, 0);
    for (int i = 0; i < q->week.marks; i++) {
        int64_t a = q->between_th[0][i], b = q->between_th[1][i], c = q->between_th[2][i];
        if (a < 0 || b < 0 || c < 0)
            continue;
        double percent = unbalance_percent((double)a, (double)b, (double)c);
        note_mark(q, QUALITY_UNBALANCE, 0, i, percent > unbalance_max_percent, false);
    }
}

static int allowed_of(enum quality_criterion criterion, int marks)
{
    return marks * allowed_permille[criterion] / 1000;
}

static struct quality_finding judge_line(const struct quality *q, enum quality_criterion criterion,
                                         int conductor)
{
    unsigned bit = 1U << conductor;
    int maybe = 0;
    struct quality_finding f = {.conductor = conductor, .allowed = allowed_of(criterion, q->week.marks)};
    for (int i = 0; i < q->week.marks; i++) {
        bool beyond = (q->beyond[criterion][i] & bit) != 0;
        bool known = (q->known[criterion][i] & bit) != 0;
        // One order out is enough; to be within, all of them must be known.
        if (q->interrupted[i] || !known || (!beyond && (q->lacking[criterion][i] & bit)))
            continue;
        f.known++;
        f.beyond += beyond;
        maybe += (q->maybe[criterion][i] & bit) != 0;
    }
    f.verdict = QUALITY_NONE;
    if (f.beyond > f.allowed) {
        f.verdict = QUALITY_KO;
        f.reason = QUALITY_BEYOND;
    } else if (f.known * 10 < q->week.marks * KNOWN_TENTHS) {
        f.reason = q->was_coarse[criterion] & bit ? QUALITY_COARSE : QUALITY_FEW;
    } else if (maybe > allowed_of(criterion, f.known)) {
        f.reason = QUALITY_UNDECIDED;
    } else {
        f.verdict = QUALITY_OK;
        f.reason = QUALITY_WITHIN;
    }
    return f;
}

// KO before none before OK; of two alike the one with more marks out.
static bool worse(const struct quality_finding *a, const struct quality_finding *b)
{
    static const int rank[] = {[QUALITY_OK] = 0, [QUALITY_NONE] = 1, [QUALITY_KO] = 2};
    if (a->verdict != b->verdict)
        return rank[a->verdict] > rank[b->verdict];
    return a->beyond > b->beyond || (a->beyond == b->beyond && a->known < b->known);
}

// Each phase is judged alone; voltages between phases only where there is none to neutral.
static struct quality_finding judge_criterion(const struct quality *q, enum quality_criterion criterion)
{
    struct quality_finding worst = {.verdict = QUALITY_NONE,
                                    .reason = QUALITY_NOT_MEASURED,
                                    .allowed = allowed_of(criterion, q->week.marks)};
    unsigned to_neutral = (1U << BETWEEN_FIRST) - 1;
    unsigned lines = q->has[criterion] & to_neutral ? q->has[criterion] & to_neutral : q->has[criterion];
    bool any = false;
    for (int conductor = 0; conductor < QUALITY_CONDUCTORS; conductor++) {
        if (!(lines & 1U << conductor))
            continue;
        struct quality_finding f = judge_line(q, criterion, conductor);
        if (!any || worse(&f, &worst))
            worst = f;
        any = true;
    }
    return worst;
}

void quality_judge(struct quality *q, struct quality_result *ret)
{
    bool ko = false, open = false;
    take_unbalance(q);
    *ret = (struct quality_result){.verdict = QUALITY_NONE};
    for (int i = 0; i < q->week.marks; i++)
        ret->interrupted += q->interrupted[i];
    for (int c = 0; c < QUALITY_CRITERIA; c++) {
        const struct quality_finding *f = &ret->findings[c];
        ret->findings[c] = judge_criterion(q, (enum quality_criterion)c);
        ko = ko || f->verdict == QUALITY_KO;
        open = open || (f->verdict == QUALITY_NONE && f->reason != QUALITY_NOT_MEASURED);
    }
    open = open || ret->findings[QUALITY_VOLTAGE].verdict == QUALITY_NONE;
    if (ko)
        ret->verdict = QUALITY_KO;
    else if (!open)
        ret->verdict = QUALITY_OK;
}
