#include "core/lease/order.h"

static void add(struct order *order, enum order_place place, int32_t limit_ma)
{
    order->steps[order->count].place = place;
    order->steps[order->count++].limit_ma = limit_ma;
}

void order_make(const struct order_rule *rule, int32_t limit_ma, int32_t in_force_ma, struct order *ret)
{
    bool charge = limit_ma > 0 && limit_ma >= rule->least_ma;
    *ret = (struct order){0};
    if (rule->alive)
        add(ret, ORDER_ALIVE, 0);
    if (!rule->release) {
        add(ret, ORDER_LIMIT, limit_ma);
    } else if (charge) { // first how much, then that it may
        add(ret, ORDER_LIMIT, limit_ma);
        if (in_force_ma <= 0)
            add(ret, ORDER_RELEASE, 0);
    } else {
        add(ret, ORDER_WITHDRAW, 0);
        if (!rule->wears && rule->least_ma > 0) // one that forgets its release begins small
            add(ret, ORDER_LIMIT, rule->least_ma);
    }
}

int32_t order_in_force_ma(const struct order_rule *rule, bool readable, enum order_release release,
                          int32_t limit_ma, bool charges)
{
    if (!rule->release || limit_ma < 0 || release == ORDER_RELEASED)
        return limit_ma;
    if (release == ORDER_HELD)
        return readable || !charges ? 0 : limit_ma;
    return readable ? -1 : limit_ma;
}
