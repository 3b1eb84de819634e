// What the files of this folder share.
#ifndef EDGEWATT_CORE_GREENUP_GREENUP_PRIV_H
#define EDGEWATT_CORE_GREENUP_GREENUP_PRIV_H

#include "core/greenup/greenup.h"
#include <stdbool.h>

enum { GREENUP_ALL_PHASES = (1 << GREENUP_PHASES) - 1, GREENUP_BP = 10000 };

// Thresholds of drawing nothing, drawing again, and drawing less than allowed because the vehicle wants no
// more.
enum { GREENUP_IDLE_MA = 1000, GREENUP_WAKE_MA = 2000, GREENUP_SLACK_MA = 1500 };

// ---- order.c: who comes first (A7) ----------------------------------------------------------------------

struct greenup_key {
    int32_t rank;
    int64_t time_ms;
    int32_t id;
};
typedef void greenup_order(const struct greenup *g, const struct greenup_point *st, struct greenup_key *ret);
typedef bool greenup_filter(const struct greenup *g, const struct greenup_point *st);

greenup_order greenup_order_reduce, greenup_order_stop, greenup_order_emergency, greenup_order_wait,
    greenup_order_raise, greenup_order_keep;

// The first station by `order` that uses one of `phases` and passes `filter`; NULL when there is none.
struct greenup_point *greenup_first(struct greenup *g, uint8_t phases, greenup_filter *filter,
                                    greenup_order *order);
// Indexes of all that pass, in order.
int greenup_sorted(const struct greenup *g, greenup_filter *filter, greenup_order *order,
                   uint16_t ret[GREENUP_STATIONS_MAX]);

// ---- session.c, visit.c: what a station is and has ------------------------------------------------------

bool greenup_point_priority(const struct greenup_point *st);
bool greenup_point_held(const struct greenup_point *st);
bool greenup_point_forced(const struct greenup_point *st);
bool greenup_point_satisfied(const struct greenup *g, const struct greenup_point *st);
// It can be commanded and obeys: may take part in plans.
bool greenup_point_usable(const struct greenup_point *st);
// Usable and in CHARGE.
bool greenup_point_charging(const struct greenup_point *st);
// Current of one phase, 0 when it is not known.
int32_t greenup_point_draw(const struct greenup_point *st, int phase);
// The largest of its phases.
int32_t greenup_point_peak(const struct greenup_point *st);
// Levels anew, from the settings and the station's ceiling.
void greenup_point_levels(const struct greenup_settings *set, struct greenup_point *st);
// Whether the last command may still be on its way to the vehicle.
bool greenup_point_settling(const struct greenup *g, const struct greenup_point *st);

// Takes the readings of this step; sessions of all stations, on the grid only.
void greenup_read(struct greenup *g, const struct greenup_in *in);
void greenup_visit(struct greenup *g, int64_t elapsed_ms);

// ---- forecast.c: sums per phase (A4) --------------------------------------------------------------------

// Takes the base load out of the sample and into the peak hold.
void greenup_base_sample(struct greenup *g);
// All sums anew, at the current state.
void greenup_forecast(struct greenup *g);
// One station out of the sums before it changes, and in again after.
void greenup_forecast_drop(struct greenup *g, const struct greenup_point *st);
void greenup_forecast_add(struct greenup *g, const struct greenup_point *st);
// The station's share of booked_ma, told_ma and hat_ma.
int32_t greenup_booked(const struct greenup *g, const struct greenup_point *st, int phase);
int32_t greenup_told(const struct greenup *g, const struct greenup_point *st, int phase);
int32_t greenup_pending(const struct greenup *g, const struct greenup_point *st, int phase);

// ---- command.c: changing a limit ------------------------------------------------------------------------

// To a level; START, RESUME and WAKE enter CHARGE, IDLE enters IDLE, the others leave the state.
void greenup_command(struct greenup *g, struct greenup_point *st, enum greenup_do what, int level,
                     enum greenup_why why, int why_phase);
// Limit 0, WAIT.
void greenup_stop(struct greenup *g, struct greenup_point *st, enum greenup_why why, int why_phase);
// The largest level number below `level`'s current, not lower than `last`; -1 when there is none.
int greenup_level_down(const struct greenup_point *st, int last);
int greenup_level_up(const struct greenup_point *st);
// The smallest level number with the same current.
int greenup_level_first(const struct greenup_point *st, int level);
// The highest level at or below a current; -1 when it is below the floor.
int greenup_level_at(const struct greenup_point *st, int32_t limit_ma);
// Remembers the reason of a limit and what fills its sentence.
void greenup_say(struct greenup_point *st, enum greenup_why why, int phase, int32_t ma, int32_t ms);

// ---- meter.c: what is known of each phase ----------------------------------------------------------------

// Takes a sample; the phases that got a newer value.
uint8_t greenup_meter_take(struct greenup *g, const struct greenup_meter *meter);
// Phases with a sample of this control period; uses them up.
uint8_t greenup_meter_fresh(struct greenup *g);
// Sets lost, known and the mode from what is fresh.
void greenup_meter_judge(struct greenup *g, uint8_t fresh);
bool greenup_meter_overdue(const struct greenup *g);
int64_t greenup_meter_due_ms(const struct greenup *g, int64_t due_ms);
uint8_t greenup_meter_grow(const struct greenup *g);

// ---- the steps ------------------------------------------------------------------------------------------

void greenup_limits(struct greenup *g); // thresholds of every phase from settings and mode
// Whether the last samples of `phases` would be red on any.
bool greenup_sample_red(const struct greenup *g, uint8_t phases);
void greenup_bands(struct greenup *g);
bool greenup_calm(const struct greenup *g, uint8_t phases); // quiet >= T_up on all
bool greenup_all_green(const struct greenup *g, uint8_t phases);
uint8_t greenup_red_phases(const struct greenup *g);

void greenup_shed(struct greenup *g);
// Red phases that are above I_max now and will be, with all that has been commanded so far.
uint8_t greenup_overloaded(const struct greenup *g);
// Whether the overload of any of `phases` was counted before: the next control period may stop a vehicle.
bool greenup_counted(const struct greenup *g, uint8_t phases);
bool greenup_recover(struct greenup *g); // RESTORE; true when it acted
bool greenup_admit(struct greenup *g,
                   uint8_t *ret_kept); // true when it started one; phases kept for waiting ones
void greenup_raise(struct greenup *g, uint8_t kept);
void greenup_failsafe(struct greenup *g);      // for the stations of lost phases
void greenup_failsafe_over(struct greenup *g); // for those of phases that are back
void greenup_released(struct greenup *g);      // selector off

#endif
