#include "core/greenup/frozen.h"

#include <assert.h>

void greenup_frozen_meter(struct greenup_frozen *f, int group, uint64_t hash, int64_t now_ms)
{
    assert(group >= 0 && group < GREENUP_FROZEN_GROUPS);
    const bool changed = f->seen[group] && f->group[group] != hash;
    f->group[group] = hash;
    f->seen[group] = true;
    if (f->started && !changed)
        return;
    f->started = true;
    f->same_ms = now_ms;
    f->moved = false;
    f->count = 0;
}

bool greenup_frozen_judge(struct greenup_frozen *f, const int32_t *draw_ma, int count, int64_t now_ms)
{
    if (!f->started)
        return false;
    if (f->count != count) { // the first look since it last changed, or other stations than then
        f->count = count;
        for (int i = 0; i < count; i++)
            f->then_ma[i] = draw_ma[i];
    }
    int64_t change = 0;
    for (int i = 0; i < count; i++)
        change += draw_ma[i] > f->then_ma[i] ? draw_ma[i] - f->then_ma[i] : f->then_ma[i] - draw_ma[i];
    f->moved = f->moved || change > GREENUP_FROZEN_MA;
    return f->moved && now_ms - f->same_ms >= GREENUP_FROZEN_MS;
}
