// What a limit comes to for stations that want more written than the limit: a sign of life before it, a
// release beside it. In which order, so that at no moment more is offered than was asked for. Pure.
#ifndef EDGEWATT_CORE_LEASE_ORDER_H
#define EDGEWATT_CORE_LEASE_ORDER_H

#include "core/lease/lease.h"

enum order_place { ORDER_ALIVE, ORDER_LIMIT, ORDER_RELEASE, ORDER_WITHDRAW };
enum { ORDER_STEPS_MAX = 3 };

struct order_rule {
    bool alive;       // the limit counts only while the station is told that its master lives
    bool release;     // it charges only while it is released
    bool wears;       // what need not be written is not
    int32_t least_ma; // smallest current the limit's place takes
};

struct order {
    int count;
    struct {
        enum order_place place;
        int32_t limit_ma; // ORDER_LIMIT
    } steps[ORDER_STEPS_MAX];
};

// limit_ma: 0 or below the smallest current = no charging. in_force_ma: what the station offers now, -1 = not
// known.
void order_make(const struct order_rule *rule, int32_t limit_ma, int32_t in_force_ma, struct order *ret);

enum order_release { ORDER_UNKNOWN, ORDER_HELD, ORDER_RELEASED };
// What a station offers whose limit reads limit_ma (-1 = not read). A release that can't be read is known by
// what was last written, and belied by a station that charges.
int32_t order_in_force_ma(const struct order_rule *rule, bool readable, enum order_release release,
                          int32_t limit_ma, bool charges);

#endif
