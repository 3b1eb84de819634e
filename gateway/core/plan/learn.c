// What a device teaches by refusing.
#include "core/plan/plan.h"

// The item behind the request's middle that begins at another address than the first; 0 = none does.
static int middle_of(const struct plan *plan, const struct plan_request *request)
{
    const struct plan_item *items = plan->items + request->first_item;
    int middle = request->item_count / 2;
    for (int k = middle; k > 0 && k < request->item_count; k++)
        if (items[k].offset != items[k - 1].offset)
            return k;
    for (int k = middle - 1; k > 0; k--)
        if (items[k].offset != items[k - 1].offset)
            return k;
    return 0;
}

enum plan_lesson plan_learn(const struct plan *plan, const struct plan_request *request, const bool *known,
                            int register_count, uint8_t *learnt)
{
    const struct plan_item *items = plan->items + request->first_item;
    bool news = false, proven = false;
    for (int k = 0; k < request->item_count; k++)
        news |= !known[items[k].index];
    if (!news)
        return PLAN_LEARNT_NOTHING; // it could once
    int middle = middle_of(plan, request);
    if (middle > 0) {
        learnt[items[middle].index] |= PLAN_BEGINS;
        return PLAN_LEARNT_SPLIT;
    }
    for (int i = 0; i < register_count; i++)
        proven |= known[i];
    if (!proven)
        return PLAN_LEARNT_NOTHING;
    enum plan_lesson lesson = PLAN_LEARNT_NOTHING;
    for (int k = 0; k < request->item_count; k++) {
        uint8_t *mark = &learnt[items[k].index];
        if (known[items[k].index] || plan_refused(*mark))
            continue;
        ++*mark;
        if (lesson != PLAN_LEARNT_REFUSED)
            lesson = plan_refused(*mark) ? PLAN_LEARNT_REFUSED : PLAN_LEARNT_DOUBT;
    }
    return lesson;
}
