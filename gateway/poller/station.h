// A charge point whose limit is written: the shell around core/lease, and its watchdog.
#ifndef EDGEWATT_POLLER_STATION_H
#define EDGEWATT_POLLER_STATION_H

#include "base/limits.h"
#include "base/loop.h"
#include "core/lease/alive.h"
#include "core/lease/lease.h"
#include "core/lease/order.h"
#include "core/lease/phases.h"
#include "core/profile/limit.h"
#include "poller/inlet.h"
#include "poller/recipe.h"

enum dog_state { DOG_NONE, DOG_UNVERIFIED, DOG_VERIFIED };
enum dog_doing { DOG_RESTS, DOG_READS, DOG_WRITES };

struct greenup_stations { // of the site's charging control
    bool set_up, on;      // of all stations; its list "stations" only says who has priority
};

struct station_shown { // what a change of makes the retained message be published again
    enum lease_state state;
    int32_t limit_ma;
    bool confirmed, has_reason;
    enum dog_state dog;
    int64_t seq;
};

struct station {
    struct lease lease;
    struct lease_station config;
    struct ew_timer timer;
    bool begun;      // has had its begin of the lease
    bool has_reason; // of the last write that failed
    struct ew_reason reason;
    struct ew_reason not_writable; // when config.writable is false

    enum dog_state dog;
    enum dog_doing dog_doing;
    bool dog_busy;
    bool managed;                       // Green'Up is set up and has it: its watchdog is to be set
    double dog_timeout_s, dog_fallback; // as read back; in the unit of the fallback
    int dog_minded;                     // what was minded last: the watchdog, the set-up
    int64_t dog_due_ms;                 // when to look again
    int dog_tries;                      // of writing in a row
    bool dog_has_reason;
    struct ew_reason dog_reason;
    bool reachable; // it answers
    bool prepared;  // what it wants set up stands there, as read back

    struct profile_limit limit, written; // how currents are told, now and in the write under way
    struct profile_limit fallback;       // ... as the fallback of its watchdog
    struct order_rule rule;
    enum order_release release; // as last written: of a release that can't be read
    struct alive alive;
    struct phases phases;
};

#endif
