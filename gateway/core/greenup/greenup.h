// Green'Up: keeps vehicles charging under the current limit of a site. Pure: currents in mA, times in ms of
// one monotonic clock, samples in, limits out. The rules are the project's reference/control.md, part A; its
// numbers (A4, M9, R1 ...) are quoted where a rule is applied.
#ifndef EDGEWATT_CORE_GREENUP_GREENUP_H
#define EDGEWATT_CORE_GREENUP_GREENUP_H

#include "core/greenup/reason.h"
#include "core/greenup/settings.h"

enum greenup_band { GREENUP_GREEN, GREENUP_YELLOW, GREENUP_RED };
enum greenup_mode { GREENUP_OFF, GREENUP_INIT, GREENUP_RUN, GREENUP_FAILSAFE };

// FREE: no vehicle, limit 0 so that none can start alone. WAIT: limit 0. CHARGE: at a level. IDLE: allowed,
// draws nothing. A lost station keeps its state.
enum greenup_state { GREENUP_FREE, GREENUP_WAIT, GREENUP_CHARGE, GREENUP_IDLE };

enum greenup_do {
    GREENUP_DO_START,
    GREENUP_DO_RESUME,
    GREENUP_DO_RAISE,
    GREENUP_DO_RESTORE,
    GREENUP_DO_REDUCE,
    GREENUP_DO_STOP,
    GREENUP_DO_IDLE,
    GREENUP_DO_WAKE
};

// A choice for one charge that may leave the station's default alone.
enum greenup_choice { GREENUP_DEFAULT, GREENUP_NO, GREENUP_YES };

#define GREENUP_NEVER INT64_MIN

// ---- What is known of a station -------------------------------------------------------------------------

struct greenup_station {
    int32_t id;       // decides every tie, lower first; unique
    int32_t rated_ma; // at least min_ma of the settings
    uint8_t phases;   // bit 0 is L1; 1..7
    bool priority;    // default priority
    bool watchdog;    // falls back by itself, verified at the station
    int32_t fallback_ma;
};

enum greenup_link {
    GREENUP_UNREAD, // nothing heard of it since the start of the reader
    GREENUP_ONLINE,
    GREENUP_LOST // declared lost by its reader
};

// One reading of a station.
struct greenup_reading {
    enum greenup_link link;
    int64_t read_ms; // when; a reading older than station_ms counts as lost
    bool fault;
    bool plugged;
    bool requesting;   // the vehicle asks for current or has it
    uint32_t plug_seq; // another number is another vehicle
    int64_t plug_ms;   // when it was plugged, at most now
    bool current_known;
    int32_t i_ma[GREENUP_PHASES];
    int32_t limit_ma;   // the limit that the station says it has, or has acknowledged; < 0 unknown
    int64_t session_wh; // < 0 unknown; used for the guarantee when the currents are not known
};

struct greenup_meter {
    uint8_t phases; // those with a value that can be a current; 0: no sample
    int64_t at_ms;
    int32_t i_ma[GREENUP_PHASES];
};

struct greenup_in {
    struct greenup_meter meter;
    const struct greenup_reading *stations; // as many as were given to greenup_init, in its order
};

// ---- What comes out -------------------------------------------------------------------------------------

struct greenup_command {
    int station; // index
    enum greenup_do what;
    int32_t limit_ma;
    enum greenup_why why;
};

enum { GREENUP_COMMANDS_MAX = GREENUP_STATIONS_MAX * 6 };

// Alarms as bits.
enum {
    GREENUP_ALARM_METER_LOST = 1 << 0,
    GREENUP_ALARM_STATION_LOST = 1 << 1,
    GREENUP_ALARM_DISOBEYS = 1 << 2,
    GREENUP_ALARM_NOT_CHARGING = 1 << 3, // the other loads alone are above the maximum
    GREENUP_ALARM_RED = 1 << 4
};

struct greenup_out {
    bool grid; // this was a control period, not a sample in between
    uint32_t alarms;
    int command_count; // in the order they were decided; a station may appear more than once
    struct greenup_command commands[GREENUP_COMMANDS_MAX];
};

// ---- One station inside ---------------------------------------------------------------------------------

struct greenup_session {
    int64_t conn_ms;      // plugged
    int64_t wait_ms;      // waiting since
    int64_t stop_ms;      // last stop, GREENUP_NEVER
    int64_t red_ms;       // first reduction of this episode, GREENUP_NEVER
    int64_t charge_ma_ms; // charge received: mA of one phase x ms
    bool made_room;       // others were reduced for it
    enum greenup_choice priority, hold, forced;
};

struct greenup_point {
    struct greenup_station cfg;
    struct greenup_reading in;
    int32_t level_ma[GREENUP_LEVELS];
    int32_t cap_ma; // ceiling set by a person, below 0 none
    bool default_hold, default_forced;
    enum greenup_state state;
    uint8_t level; // of CHARGE and IDLE; the smallest with its current
    int32_t limit_ma;
    struct greenup_session s;
    uint32_t plug_seq;
    int32_t ack_ma;     // last limit that the station was heard to have
    int64_t cmd_ms;     // last command, GREENUP_NEVER
    int8_t cmd_dir;     // -1 down, 1 up
    int64_t up_ms;      // last up-move, GREENUP_NEVER
    int32_t up_from_ma; // the limit before it
    int64_t low_ms;     // draws less than 1 A since, GREENUP_NEVER
    int64_t over_ms;    // draws more than told since, GREENUP_NEVER
    int64_t jump_ms;    // its own limit was last seen above ours, GREENUP_NEVER
    bool lost, disobeys;
    bool adopted;         // read at least once since the start of the controller
    bool remembered;      // its state was restored
    bool released;        // was running without control until now
    enum greenup_why why; // with what the sentence needs
    int why_phase;
    int32_t why_ma, why_s;
};

// One value of the peak hold of the base load; values fall from the first to the last.
struct greenup_peak {
    int64_t at_ms;
    int32_t ma;
};
enum { GREENUP_PEAKS_MAX = 48 };

struct greenup_phase {
    enum greenup_band band;
    int32_t i_ma;      // last sample
    int64_t bad_ms;    // last reduction, stop, red sample, restart or return of the meter
    int64_t seen_ms;   // stamp of the last sample
    int64_t used_ms;   // stamp of the last sample of a control period
    int64_t return_ms; // start, or return of the meter: nothing grows for up_ms, GREENUP_NEVER
    int overload;      // counter of A6.2
    int32_t max_ma, hold_ma, charge_ma, back_ma, bound_ma; // I_max, I_max - H, I_chg, I_chg - H, B
    struct greenup_peak peaks[GREENUP_PEAKS_MAX];
    int peak_count;
    // Sums of the running step, in mA.
    int32_t base_ma;         // other loads, peak hold
    int32_t booked_ma;       // Res
    int32_t told_ma;         // Res with limits as commanded
    int32_t hat_ma;          // predicted current
    int32_t least_ma[2];     // told_ma with what may be reduced at level 2: [0] normal stations, [1] all
    int32_t least_hat_ma[2]; // hat_ma so
};

// All of it is private; callers own the memory and use the functions below.
struct greenup {
    struct greenup_settings set;
    struct greenup_phase phase[GREENUP_PHASES];
    uint8_t used; // phases with a station
    bool on;
    enum greenup_mode mode;
    uint8_t lost;  // phases without a sample for too long
    uint8_t known; // phases with a current to decide by, in this step
    uint8_t grow;  // phases on which something may grow, in this step
    int64_t start_ms;
    int64_t grid_ms;      // next control period
    int64_t last_grid_ms; // GREENUP_NEVER
    int64_t last_look_ms; // last sample that was decided by
    int64_t last_act_ms;  // last run of the red steps
    uint8_t doubt;        // phases whose last sample in between was above I_max whatever the levels
    int count;
    uint16_t by_id[GREENUP_STATIONS_MAX]; // indexes in the order of ids
    struct greenup_point point[GREENUP_STATIONS_MAX];
    struct greenup_out *out; // during a step
    int64_t now_ms;          // of the running step
};

// ---- Life -----------------------------------------------------------------------------------------------

// Settings and stations must have been checked. `mode` is GREENUP_INIT after a start (nothing grows until all
// is known), GREENUP_RUN only when the caller knows the past to be calm, GREENUP_OFF with the selector off.
void greenup_init(struct greenup *g, const struct greenup_settings *set,
                  const struct greenup_station *stations, int count, enum greenup_mode mode, int64_t now_ms);

// Runs a control period when one is due, else looks only for an overload in a sample in between; see
// greenup_settings.early.
void greenup_step(struct greenup *g, const struct greenup_in *in, int64_t now_ms, struct greenup_out *out);

// When greenup_step must be called again at the latest, whether or not a sample comes.
int64_t greenup_next_due_ms(const struct greenup *g, int64_t now_ms);

// Takes effect with the next step. Levels that change lower limits at once, and never raise one.
void greenup_configure(struct greenup *g, const struct greenup_settings *set);

// ---- People ---------------------------------------------------------------------------------------------
// `session` true: for the charge under way only (no effect without a vehicle); false: the station's default.

void greenup_set_priority(struct greenup *g, int station, bool priority, bool session);
// "Attendre": stops and keeps waiting. false ends only that.
void greenup_set_hold(struct greenup *g, int station, bool hold, bool session);
// "Commencer": ends a hold and moves the request to the head of its class; no limit is overridden.
void greenup_set_forced(struct greenup *g, int station, bool forced, bool session);
// A choice for the charge under way, or back to the station's default.
enum greenup_what { GREENUP_CHOOSE_PRIORITY, GREENUP_CHOOSE_HOLD, GREENUP_CHOOSE_FORCED };
void greenup_choose(struct greenup *g, int station, enum greenup_what what, enum greenup_choice choice);
// A ceiling for one station until it is taken away (cap_ma < 0): its levels are made of it instead of the
// rated current. Below the smallest charging current the station pauses.
void greenup_set_cap(struct greenup *g, int station, int32_t cap_ma);
// What is known of its own fallback, verified at the station (or no longer).
void greenup_set_watchdog(struct greenup *g, int station, bool verified, int32_t fallback_ma);
// The selector. Switching on is a start: INIT.
void greenup_select(struct greenup *g, bool on, int64_t now_ms);

// ---- Looking --------------------------------------------------------------------------------------------

// Commanded limit in mA: 0, or min_ma..rated.
int32_t greenup_limit_ma(const struct greenup *g, int station);
bool greenup_priority(const struct greenup *g, int station);
bool greenup_satisfied(const struct greenup *g, int station);
// One phase as the last control period left it. known: there is a sample (never, before the first).
struct greenup_phase_view {
    enum greenup_band band;
    bool known;
    int32_t current_ma, max_ma, hold_ma, charge_max_ma, base_ma, booked_ma;
};
void greenup_look_phase(const struct greenup *g, int phase, struct greenup_phase_view *ret);

struct greenup_station_view {
    enum greenup_state state;
    uint8_t level;
    int32_t limit_ma, rated_ma, cap_ma; // cap_ma < 0: none
    bool current_known, priority, priority_default, hold, forced, plugged, lost, disobeys;
    int32_t current_ma[GREENUP_PHASES];
    int64_t plug_ms; // GREENUP_NEVER without a vehicle
    int64_t charge_ma_ms;
};
void greenup_look_station(const struct greenup *g, int station, struct greenup_station_view *ret);
// Places among those that wait, 1 first; 0 = does not wait. ret holds as many as there are stations.
void greenup_queue(const struct greenup *g, uint16_t *ret);
enum greenup_mode greenup_mode_now(const struct greenup *g);
bool greenup_meter_lost(const struct greenup *g, int phase);
// Worst band of the phases in use.
enum greenup_band greenup_worst_band(const struct greenup *g);
// The sentence of the limit.
void greenup_explain(const struct greenup *g, int station, struct ew_reason *ret);
const char *greenup_band_name(enum greenup_band band); // "green"
const char *greenup_mode_name(enum greenup_mode mode); // "run"
const char *greenup_do_name(enum greenup_do what);     // "reduce"

// ---- Keeping state over a restart -----------------------------------------------------------------------

// Ages instead of times, so that another clock can go on from them; < 0 means never.
struct greenup_saved_point {
    int32_t id;
    enum greenup_state state;
    uint8_t level;
    int32_t limit_ma;
    uint32_t plug_seq;
    int64_t conn_age_ms, wait_age_ms, stop_age_ms, red_age_ms;
    int64_t charge_ma_ms;
    bool made_room, default_hold, default_forced;
    enum greenup_choice priority, hold, forced;
};

struct greenup_saved {
    bool on;
    uint8_t lost; // phases without a meter
    int count;
    struct greenup_saved_point point[GREENUP_STATIONS_MAX];
};

void greenup_save(const struct greenup *g, int64_t now_ms, struct greenup_saved *ret);
// After greenup_init: takes the sessions of known ids, `elapsed_ms` after they were saved. The next steps run
// in INIT: what a station is found to do lowers what was saved, never raises it. Needs checked values: see
// greenup_saved_check.
void greenup_restore(struct greenup *g, const struct greenup_saved *saved, int64_t elapsed_ms,
                     int64_t now_ms);
// Whether a saved state read from outside can be taken.
bool greenup_saved_check(const struct greenup_saved *saved);

// Puts a station in the middle of a charge at a level, as if commanded long ago: for replays and tests.
void greenup_put(struct greenup *g, int station, int level, const struct greenup_session *session,
                 uint32_t plug_seq);

#endif
