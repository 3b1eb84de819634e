// A scenario: a site, its vehicles and what happens to them. Read from and written to JSON.
#ifndef EDGEWATT_REPLAY_SCENARIO_H
#define EDGEWATT_REPLAY_SCENARIO_H

#include "base/buf.h"
#include "core/greenup/greenup.h"

enum {
    SCENARIO_ID_MAX = 64,
    SCENARIO_LAG_MAX = 60,
    SCENARIO_FILE_MAX = 1 << 30,
    SCENARIO_EVENTS_MAX = 5000000
};

enum scenario_kind {
    SCENARIO_BASE,
    SCENARIO_CHARGING,
    SCENARIO_PLUG,
    SCENARIO_UNPLUG,
    SCENARIO_WANTS,
    SCENARIO_METER,   // flag: it is there; of `phases`
    SCENARIO_STATION, // `is`
    SCENARIO_SET,
    SCENARIO_RESTART,
    SCENARIO_SETTINGS,
    SCENARIO_SELECTOR // flag: on
};

enum scenario_is {
    SCENARIO_IS_LOST,
    SCENARIO_IS_BACK,
    SCENARIO_IS_POWER_CYCLED,
    SCENARIO_IS_DISOBEYS,
    SCENARIO_IS_OBEYS
};

struct scenario_event {
    int64_t at_ms;
    enum scenario_kind kind;
    int station; // index, where the kind has one
    int32_t base_ma[GREENUP_PHASES];
    int32_t wants_ma;
    // The vehicle of SCENARIO_PLUG and SCENARIO_CHARGING, see struct plant_vehicle.
    int64_t energy_wh, taper_wh;
    int32_t least_ma;
    int car_phases;
    uint8_t phases;
    int64_t since_ms;
    int64_t charge_mah;
    int level;
    enum scenario_is is;
    bool flag;
    bool session; // a choice for this charge only
    enum greenup_choice priority, hold, forced;
    struct greenup_settings *settings; // whole, owned; SCENARIO_SETTINGS only
};

struct scenario_station {
    char id[SCENARIO_ID_MAX];
    uint8_t order[GREENUP_PHASES]; // its phases as wired, 0..2; as many as it has
    struct greenup_station cfg;    // cfg.id is the rank of the id among all, in byte order
};

struct scenario {
    struct greenup_settings settings;
    int lag_ticks;
    int64_t until_ms;
    int station_count;
    struct scenario_station station[GREENUP_STATIONS_MAX];
    int event_count;
    struct scenario_event *events; // owned, by time; those of one time in the order of the file
};

// An empty scenario with all defaults.
void scenario_init(struct scenario *sc);
void scenario_done(struct scenario *sc);
// Appends a copy; call scenario_sort before running.
void scenario_add(struct scenario *sc, const struct scenario_event *event);
void scenario_sort(struct scenario *sc);
// Wires a station's phases in the order L1 L2 L3.
void scenario_wire(struct scenario_station *st);
// Gives every station its cfg.id by its name.
void scenario_rank(struct scenario *sc);

// The scenario must have been initialised. Errors name the place as a JSON pointer.
enum ew_err scenario_read(struct scenario *sc, const char *text, size_t len,
                          struct ew_reason *reason) EW_MUST_CHECK;
// JSON that scenario_read takes back, one event a line.
void scenario_write(const struct scenario *sc, struct ew_buf *to);

// An event of the given kind, with the defaults of what it does not name.
struct scenario_event scenario_event(enum scenario_kind kind, int64_t at_ms, int station);

// "12.5" for 12500: the shortest text of thousandths.
enum { SCENARIO_NUMBER_MAX = 32 };
void scenario_number(char dst[SCENARIO_NUMBER_MAX], int64_t thousandths);

#endif
