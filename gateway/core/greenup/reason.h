// Why a station has the limit it has. Codes are "greenup.<name>" in the message catalogues. Pure.
#ifndef EDGEWATT_CORE_GREENUP_REASON_H
#define EDGEWATT_CORE_GREENUP_REASON_H

#include "base/err.h"
#include <stdint.h>

// X(enum, name, English sentence). Holes: {limit} {current} {max} in A, {phase}, {seconds}.
#define GREENUP_WHY_MAP(X)                                                                                   \
    X(FREE, "free", "No vehicle is connected.")                                                              \
    X(NOT_ASKING, "not_asking", "The vehicle does not ask for current.")                                     \
    X(NEW, "new", "Waits for its first decision.")                                                           \
    X(FULL, "full", "Charges at its full {limit} A.")                                                        \
    X(GREEN, "green", "Charges at {limit} A, which is what fits now.")                                       \
    X(RED, "red", "Reduced to {limit} A: {current} A on {phase} was above the maximum of {max} A.")          \
    X(MANUAL, "manual",                                                                                      \
      "Stopped: {current} A on {phase} was above the maximum of {max} A with every charge reduced, "         \
      "and this vehicle has had its guaranteed charge.")                                                     \
    X(EMERGENCY, "emergency",                                                                                \
      "Held at {limit} A: {current} A on {phase} stayed above the maximum of {max} A "                       \
      "with every charge reduced.")                                                                          \
    X(ROOM, "room", "Reduced to {limit} A so that a waiting vehicle can start.")                             \
    X(CALM, "calm", "Back to {limit} A after a time of calm.")                                               \
    X(FAILSAFE, "failsafe", "Held at {limit} A: the meter of the total is silent.")                          \
    X(RETURNED, "returned", "Held at {limit} A since the meter of the total was silent.")                    \
    X(USER, "user", "Waits because a person asked for it.")                                                  \
    X(SETTINGS, "settings", "Held at {limit} A: the settings were changed.")                                 \
    X(RESTART, "restart", "Held at {limit} A since the controller was restarted.")                           \
    X(DISOBEYS, "disobeys", "Stopped: the station draws more than it was told.")                             \
    X(FAULT, "fault", "Stopped: the station reports a fault.")                                               \
    X(LOST, "lost", "The station does not answer; what it may draw is set aside.")                           \
    X(IDLE, "idle", "The vehicle draws nothing; {limit} A are ready for it.")                                \
    X(WAKE, "wake", "Charges at {limit} A: the vehicle draws again.")                                        \
    X(OFF, "off", "The automatic control is off; the limit is {limit} A.")                                   \
    X(WAIT_BAND, "wait_band", "Waits for green: {current} A on {phase}.")                                    \
    X(WAIT_QUEUE, "wait_queue", "Waits behind another vehicle.")                                             \
    X(WAIT_ROOM, "wait_room", "Waits for room on {phase}.")                                                  \
    X(WAIT_MADE, "wait_made", "Starts as soon as the others have made room.")                                \
    X(WAIT_PAUSE, "wait_pause", "Waits: {seconds} s must pass between a stop and the next start.")           \
    X(WAIT_CALM, "wait_calm", "Waits for {seconds} s without an overload.")                                  \
    X(WAIT_RETURN, "wait_return", "Waits {seconds} s after the return of the meter or the controller.")

enum greenup_why {
#define GREENUP_WHY_ENUM(id, name, text) GREENUP_WHY_##id,
    GREENUP_WHY_MAP(GREENUP_WHY_ENUM)
#undef GREENUP_WHY_ENUM
};
enum { GREENUP_WHY_COUNT = GREENUP_WHY_WAIT_RETURN + 1 };

// "red"; never NULL.
const char *greenup_why_name(enum greenup_why why);
// The English sentence with its {holes}.
const char *greenup_why_sentence(enum greenup_why why);

// What fills the holes. phase 0..2, or -1 when no phase is meant.
struct greenup_why_params {
    int32_t limit_ma, current_ma, max_ma, seconds;
    int phase;
};

// Code, the parameters that this sentence uses, and the English text. Never fails; err stays EW_OK.
void greenup_why_reason(enum greenup_why why, const struct greenup_why_params *params, struct ew_reason *ret);

#endif
