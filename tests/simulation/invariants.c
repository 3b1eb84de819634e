#include "invariants.h"

#include "books.h"
#include <math.h>
#include <string.h>

enum { QUIET_MS = 900000, OBEY_MS = 7000 };

static void add_time(struct check *check, const struct run *run)
{
    const size_t len = strlen(check->problem);
    (void)ew_format(check->problem + len, sizeof(check->problem) - len, " (t %g s)",
                    (double)run->now_ms / 1000);
}

// Keeps the first problem, with its time.
#define wrong(check, run, ...)                                                                               \
    do {                                                                                                     \
        if (!(check)->problem[0]) {                                                                          \
            (void)ew_format((check)->problem, sizeof((check)->problem), __VA_ARGS__);                        \
            add_time(check, run);                                                                            \
        }                                                                                                    \
    } while (0)

static void check_lost_limit(struct check *check, const struct run *run, int i)
{
    const int32_t limit = run->core.point[i].limit_ma;
    if (limit != check->limit_ma[i])
        wrong(check, run, "A9 the limit of lost %s moved from %d to %d", name(run, i), check->limit_ma[i],
              limit);
}

static void check_limit(struct check *check, const struct run *run, int i)
{
    const struct greenup_point *st = &run->core.point[i];
    const int32_t limit = st->limit_ma;
    bool known = limit == 0;
    for (int k = 0; k < GREENUP_LEVELS; k++)
        known = known || limit == st->level_ma[k];
    if (!known)
        wrong(check, run, "A10.1 %s has %d mA, which is none of its levels", name(run, i), limit);
    if (limit > 0 && (limit < run->core.set.min_ma || limit > st->cfg.rated_ma))
        wrong(check, run, "A10.1 %s has %d mA", name(run, i), limit);
    if (!run->plant.station[i].plugged && run->plant.station[i].online && limit > 0)
        wrong(check, run, "A5 %s has %d mA without a vehicle", name(run, i), limit);
}

static void check_limits(struct check *check, const struct run *run)
{
    for (int i = 0; i < run->core.count && run->selector_on; i++) {
        if (run->core.point[i].lost && !check->restarted)
            check_lost_limit(check, run, i);
        else if (run->out.grid) // between two control periods changed settings are not applied yet
            check_limit(check, run, i);
    }
}

// A limit grows by one of the four up-moves only, and one of them at most.
static void check_growth(struct check *check, const struct run *run)
{
    int ups = 0;
    bool grew[GREENUP_STATIONS_MAX] = {false};
    for (int c = 0; c < run->out.command_count; c++) {
        const struct greenup_command *command = &run->out.commands[c];
        ups += is_up(command->what);
        grew[command->station] = grew[command->station] || is_up(command->what);
        if (is_up(command->what) && !run->out.grid)
            wrong(check, run, "A6 %s was %s between two ticks", name(run, command->station),
                  greenup_do_name(command->what));
    }
    if (ups > 1)
        wrong(check, run, "A10.11 %d up-moves in one tick", ups);
    for (int i = 0; i < run->core.count && run->selector_on; i++)
        if (run->core.point[i].limit_ma > check->limit_ma[i] && !grew[i])
            wrong(check, run, "A10.16 %s grew from %d to %d without a command", name(run, i),
                  check->limit_ma[i], run->core.point[i].limit_ma);
}

static void check_up_on(struct check *check, const struct run *run, const struct greenup_command *command,
                        int p)
{
    const struct greenup *g = &run->core;
    const int i = command->station;
    const bool first = command->what == GREENUP_DO_START;
    if (!known_phase(check, run, p))
        wrong(check, run, "A10.13 %s moved up without a sample of L%d", name(run, i), p + 1);
    if (check->return_ms[p] != GREENUP_NEVER && run->now_ms - check->return_ms[p] < g->set.up_ms)
        wrong(check, run, "A9 %s moved up %lld ms after a restart or the return of the meter", name(run, i),
              (long long)(run->now_ms - check->return_ms[p]));
    const bool ok =
        command->what == GREENUP_DO_RESTORE ? check->band[p] != GREENUP_RED : check->band[p] == GREENUP_GREEN;
    if (!ok)
        wrong(check, run, "A10.3 %s of %s while L%d is %s", greenup_do_name(command->what), name(run, i),
              p + 1, greenup_band_name(check->band[p]));
    if (!first && run->now_ms - check->bad_ms[p] < g->set.up_ms)
        wrong(check, run, "A10.11 %s of %s %lld ms after trouble on L%d", greenup_do_name(command->what),
              name(run, i), (long long)(run->now_ms - check->bad_ms[p]), p + 1);
    const int32_t worst = worst_case(check, run, p, i);
    if (worst > g->set.max_ma[p] - greenup_hysteresis_ma(&g->set, p))
        wrong(check, run, "A10.5 %s of %s: L%d may reach %d mA", greenup_do_name(command->what), name(run, i),
              p + 1, worst);
}

static void check_up(struct check *check, const struct run *run, const struct greenup_command *command)
{
    const struct greenup *g = &run->core;
    const int i = command->station;
    const struct greenup_point *st = &g->point[i];
    const bool first = command->what == GREENUP_DO_START;
    for (int p = 0; p < GREENUP_PHASES; p++)
        if (on_phase(st, p))
            check_up_on(check, run, command, p);
    const int64_t stop_ms = check->stop_ms[i];
    if (command->what == GREENUP_DO_RESUME &&
        (stop_ms == GREENUP_NEVER || run->now_ms - stop_ms < g->set.min_off_ms))
        wrong(check, run, "A10.11 %s resumed too early", name(run, i));
    if (first && stop_ms != GREENUP_NEVER)
        wrong(check, run, "A10.11 %s was stopped and yet started", name(run, i));
    if (held(st))
        wrong(check, run, "A5 %s started though it is held", name(run, i));
}

// No request starts before an older one that is like it.
static void check_order(struct check *check, const struct run *run, const struct greenup_command *command)
{
    const struct greenup *g = &run->core;
    const struct greenup_point *st = &g->point[command->station];
    for (int i = 0; i < g->count; i++) {
        const struct greenup_point *other = &g->point[i];
        const bool alike =
            other->cfg.phases == st->cfg.phases && other->cfg.rated_ma == st->cfg.rated_ma &&
            priority_of(run, i) == priority_of(run, command->station) && other->s.forced == st->s.forced &&
            other->default_forced == st->default_forced &&
            (check->stop_ms[i] == GREENUP_NEVER) == (check->stop_ms[command->station] == GREENUP_NEVER);
        const bool pausing =
            check->stop_ms[i] != GREENUP_NEVER && run->now_ms - check->stop_ms[i] < g->set.min_off_ms;
        // What the station itself draws still counts against the others, not against itself.
        const bool drawing = run->plant.station[command->station].draw_ma > 0;
        if (waiting(other) && alike && !pausing && !drawing && other->s.wait_ms < st->s.wait_ms)
            wrong(check, run, "A10.8 %s started before %s", name(run, command->station), name(run, i));
    }
}

// Some phase of the station is above the maximum, and on it nobody who obeys `who` is left.
static bool last_resort(const struct check *check, const struct run *run, int station,
                        bool (*who)(const struct run *run, int i, int station))
{
    for (int p = 0; p < GREENUP_PHASES; p++) {
        if (!on_phase(&run->core.point[station], p) || !over_max(run, check, p))
            continue;
        bool left = false;
        for (int i = 0; i < run->core.count; i++)
            left = left || (i != station && on_phase(&run->core.point[i], p) &&
                            charging(&run->core.point[i]) && who(run, i, station));
        if (!left)
            return true;
    }
    return false;
}

static bool anybody(const struct run *run, int i, int station)
{
    (void)run;
    (void)i;
    (void)station;
    return false;
}

static bool normal(const struct run *run, int i, int station)
{
    (void)station;
    return !priority_of(run, i);
}

static bool above_level2(const struct run *run, int i, int station)
{
    (void)station;
    return run->core.point[i].limit_ma > run->core.point[i].level_ma[2];
}

// A normal station that covers all phases of the other and is above level 2.
static bool covering_normal(const struct run *run, int i, int station)
{
    const uint8_t phases = run->core.point[station].cfg.phases;
    return !priority_of(run, i) && above_level2(run, i, station) &&
           (run->core.point[i].cfg.phases & phases) == phases;
}

static void check_stop(struct check *check, const struct run *run, const struct greenup_command *command)
{
    const int i = command->station;
    if (command->why != GREENUP_WHY_MANUAL && command->why != GREENUP_WHY_EMERGENCY)
        return;
    if (!run->out.grid)
        wrong(check, run, "A6 %s was stopped between two ticks", name(run, i));
    if (!last_resort(check, run, i, anybody))
        wrong(check, run, "A10.9 %s was stopped though none of its phases is above the maximum",
              name(run, i));
    if (!last_resort(check, run, i, above_level2))
        wrong(check, run, "A10.12 %s was stopped while others are above level 2", name(run, i));
    if (command->why == GREENUP_WHY_MANUAL && priority_of(run, i))
        wrong(check, run, "A10.9 priority station %s was stopped by the rule for others", name(run, i));
    if (command->why == GREENUP_WHY_MANUAL &&
        check->charge_ma_ms[i] + 1 < (double)run->core.set.guaranteed_mah * 3600000)
        wrong(check, run, "A10.9 %s was stopped without its guaranteed charge", name(run, i));
    if (priority_of(run, i) && !last_resort(check, run, i, normal))
        wrong(check, run, "A10.4 priority station %s was stopped before the others", name(run, i));
    if (command->why == GREENUP_WHY_EMERGENCY && !run->core.set.emergency)
        wrong(check, run, "A3 %s was stopped by the emergency step, which is off", name(run, i));
}

static void check_reduce(struct check *check, const struct run *run, const struct greenup_command *command)
{
    const struct greenup *g = &run->core;
    const int i = command->station;
    if (command->why == GREENUP_WHY_RED || command->why == GREENUP_WHY_EMERGENCY) {
        if (!last_resort(check, run, i, anybody))
            wrong(check, run, "A10.7 %s was reduced though none of its phases is above the maximum",
                  name(run, i));
        if (command->why == GREENUP_WHY_RED && priority_of(run, i) &&
            !last_resort(check, run, i, covering_normal))
            wrong(check, run, "A10.10 priority station %s was reduced before the others", name(run, i));
    }
    if (command->why != GREENUP_WHY_ROOM)
        return;
    bool asked = false;
    for (int w = 0; w < g->count; w++)
        asked = asked || (waiting(&g->point[w]) && g->point[w].s.made_room &&
                          (g->point[w].cfg.phases & g->point[i].cfg.phases) &&
                          (priority_of(run, w) || !priority_of(run, i)));
    if (!asked)
        wrong(check, run, "A10.12 %s was reduced for nobody", name(run, i));
}

static void note_command(struct check *check, const struct run *run, const struct greenup_command *command)
{
    const bool stop = command->what == GREENUP_DO_STOP;
    if (stop)
        check->stop_ms[command->station] = run->now_ms;
    for (int p = 0; p < GREENUP_PHASES && (stop || command->what == GREENUP_DO_REDUCE); p++)
        if (on_phase(&run->core.point[command->station], p))
            check->bad_ms[p] = run->now_ms;
}

static void check_commands(struct check *check, const struct run *run)
{
    for (int c = 0; c < run->out.command_count; c++) {
        const struct greenup_command *command = &run->out.commands[c];
        if (is_up(command->what))
            check_up(check, run, command);
        if (command->what == GREENUP_DO_START || command->what == GREENUP_DO_RESUME)
            check_order(check, run, command);
        if (command->what == GREENUP_DO_STOP)
            check_stop(check, run, command);
        if (command->what == GREENUP_DO_REDUCE)
            check_reduce(check, run, command);
        note_command(check, run, command);
    }
    if (run->out.command_count > 0 && run->now_ms - check->event_ms > QUIET_MS)
        check->late_commands++;
    // Without the emergency steps an overload may last until a vehicle has had its guarantee.
    if (check->late_commands > 0 && !check->noisy && run->core.set.emergency)
        wrong(check, run, "A10.6 a command %lld s after the last event",
              (long long)(run->now_ms - check->event_ms) / 1000);
}

// The bands anew, from the samples the controller took.
static void check_bands(struct check *check, const struct run *run)
{
    const struct greenup *g = &run->core;
    if (!measured(run))
        return;
    for (int p = 0; p < GREENUP_PHASES; p++) {
        const int32_t h = greenup_hysteresis_ma(&g->set, p), max = max_of(run, check, p);
        if (!known_phase(check, run, p))
            continue;
        const int32_t i = (check->lost >> p & 1) ? g->phase[p].i_ma : run->meter_ma[p];
        enum greenup_band band = GREENUP_GREEN;
        if (i > g->set.charge_ma[p] || (check->band[p] != GREENUP_GREEN && i > g->set.charge_ma[p] - h))
            band = GREENUP_YELLOW;
        if (i > max || (check->band[p] == GREENUP_RED && i > g->set.max_ma[p] - h))
            band = GREENUP_RED;
        check->band[p] = (g->used >> p & 1) ? band : GREENUP_GREEN;
        if (check->band[p] != g->phase[p].band)
            wrong(check, run, "A4 L%d is %s, should be %s", p + 1, greenup_band_name(g->phase[p].band),
                  greenup_band_name(check->band[p]));
        if (check->band[p] == GREENUP_RED)
            check->bad_ms[p] = run->now_ms;
    }
}

static void check_failsafe(struct check *check, const struct run *run)
{
    const struct greenup *g = &run->core;
    if (!check->lost || g->set.wiring == GREENUP_DEDICATED || !run->selector_on || !run->out.grid)
        return;
    if (g->mode != GREENUP_FAILSAFE)
        wrong(check, run, "A10.13 the meter is lost but the mode is %s", greenup_mode_name(g->mode));
    for (int p = 0; p < GREENUP_PHASES; p++) {
        int32_t sum = 0;
        for (int i = 0; i < g->count && (check->lost >> p & 1); i++)
            sum += on_phase(&g->point[i], p) && !g->point[i].lost ? g->point[i].limit_ma : 0;
        if (sum > g->set.failsafe_ma)
            wrong(check, run, "A10.13 %d mA on L%d without a meter", sum, p + 1);
    }
}

// How long a phase may be above I_max after the last disturbance: 2 + lag ticks (A8). A step between two
// ticks is counted from the next tick on; where that may come early, from the second sample on.
static int64_t bound_ms(const struct run *run, bool early)
{
    const int64_t tick = run->core.set.tick_ms, sample = run->sc->settings.sample_ms;
    const int64_t until_counted = sample == tick ? 0 : early ? sample : tick - sample;
    return tick * (2 + run->sc->lag_ticks) + until_counted;
}

// Current of a phase that the controller has no hand in.
static int32_t free_load(const struct run *run, int p)
{
    int32_t sum = run->plant.base_ma[p];
    for (int i = 0; i < run->core.count; i++) {
        const struct plant_station *st = &run->plant.station[i];
        if ((st->car_phases >> p & 1) && (!st->online || st->disobeys))
            sum += st->draw_ma;
    }
    return sum;
}

static bool disturbed(const struct check *check, const struct run *run, int p)
{
    if (run->plant.base_ma[p] > check->base_ma[p])
        return true;
    for (int i = 0; i < run->core.count; i++) {
        const struct plant_station *st = &run->plant.station[i];
        const int32_t before = (check->car_phases[i] >> p & 1) ? check->draw_ma[i] : 0;
        const bool same_limit =
            st->acting_ma <= check->acting_ma[i] || st->car_phases != check->car_phases[i];
        if ((st->car_phases >> p & 1) && st->draw_ma > before && same_limit)
            return true; // more than before at the same limit: the vehicle's or the station's own doing
    }
    return false;
}

// A station that does not obey is believed for as long as a vehicle may take to follow.
static void excuse_disobedience(struct check *check, const struct run *run)
{
    for (int i = 0; i < run->core.count; i++) {
        const struct plant_station *st = &run->plant.station[i];
        if (st->online && st->disobeys && st->draw_ma > st->latched_ma && !run->core.point[i].disobeys)
            check->excused_ms = run->now_ms;
    }
}

// No period begins early while the overload of another phase is counted.
static bool others_counted(const struct run *run, int p)
{
    for (int q = 0; q < GREENUP_PHASES; q++)
        if (q != p && run->core.phase[q].overload > 0)
            return true;
    return false;
}

// A phase that is above the maximum now. anew: its time begins here.
static void check_overload(struct check *check, const struct run *run, int p, bool anew)
{
    if (anew) {
        check->over_ms[p] = run->now_ms;
        check->early[p] = run->core.set.early;
    }
    check->early[p] = check->early[p] && !others_counted(run, p);
    const int64_t lasted = run->now_ms + run->sc->settings.sample_ms - check->over_ms[p];
    check->longest_over_ms = lasted > check->longest_over_ms ? lasted : check->longest_over_ms;
    if (lasted > bound_ms(run, check->early[p]) && !check->noisy)
        wrong(check, run, "A10.2 L%d above the maximum for %lld ms", p + 1, (long long)lasted);
}

static void check_bound(struct check *check, const struct run *run)
{
    excuse_disobedience(check, run);
    const struct greenup *g = &run->core;
    const int64_t excuse = bound_ms(run, false) + g->set.settle_ms + OBEY_MS + 2 * (int64_t)g->set.tick_ms;
    const bool excused = (check->excused_ms != GREENUP_NEVER && run->now_ms - check->excused_ms <= excuse) ||
                         !run->selector_on || run->meter_phases != GREENUP_PHASES * 2 + 1 ||
                         !g->set.emergency;
    for (int p = 0; p < GREENUP_PHASES; p++) {
        const double most = g->set.max_ma[p] * (1 + check->tolerance);
        if (!(g->used >> p & 1) || run->i_ma[p] <= most)
            check->over_ms[p] = GREENUP_NEVER;
        else
            check_overload(check, run, p,
                           check->over_ms[p] == GREENUP_NEVER || disturbed(check, run, p) || excused ||
                               free_load(run, p) > g->set.max_ma[p]);
    }
}

static void check_charge(struct check *check, const struct run *run)
{
    if (!run->out.grid)
        return;
    const double elapsed = check->grid_ms == GREENUP_NEVER ? 0 : (double)(run->now_ms - check->grid_ms);
    check->grid_ms = run->now_ms;
    for (int i = 0; i < run->core.count; i++) {
        const struct greenup_point *st = &run->core.point[i];
        if (st->lost || !st->in.plugged)
            continue;
        // Below 1 A a phase carries no charging current.
        const int32_t draw = run->plant.station[i].draw_ma, charged_ma = draw > 1000 ? draw : 0;
        // A controller that was just started does not know how long it was away.
        check->charge_ma_ms[i] += check->reborn ? 0 : charged_ma * elapsed;
        if (st->s.charge_ma_ms < check->kept_charge[i])
            wrong(check, run, "A10.18 the charge of %s shrank", name(run, i));
        if (fabs((double)st->s.charge_ma_ms - check->charge_ma_ms[i]) > 10)
            wrong(check, run, "A10.18 %s was counted %g mAh, should be %g", name(run, i),
                  (double)st->s.charge_ma_ms / 3.6e6, check->charge_ma_ms[i] / 3.6e6);
        check->kept_charge[i] = st->s.charge_ma_ms;
        check->charge_ma_ms[i] = (double)st->s.charge_ma_ms;
    }
}

bool check_step(struct check *check, const struct run *run)
{
    books_follow(check, run);
    check_charge(check, run);
    check_bands(check, run);
    books_follow_base(check, run);
    check_limits(check, run);
    check_growth(check, run);
    if (run->selector_on)
        check_commands(check, run);
    check_failsafe(check, run);
    check_bound(check, run);
    books_close(check, run);
    return !check->problem[0];
}

bool check_end(struct check *check, const struct run *run)
{
    // Nobody may be left waiting when he alone is left and there is room.
    const struct greenup *g = &run->core;
    int last = -1;
    for (int i = 0; i < g->count; i++)
        last = run->plant.station[i].plugged ? i : last;
    if (!check->alone || last < 0)
        return true;
    const struct greenup_point *st = &g->point[last];
    bool room = true;
    for (int p = 0; p < GREENUP_PHASES; p++) {
        const int32_t hold = g->set.max_ma[p] - greenup_hysteresis_ma(&g->set, p);
        const int32_t bound = g->set.charge_ma[p] < hold ? g->set.charge_ma[p] : hold;
        room = room && (!on_phase(st, p) || st->level_ma[2] <= bound);
    }
    if (room && waiting(st))
        wrong(check, run, "A10.17 %s waits for ever", name(run, last));
    return !check->problem[0];
}
