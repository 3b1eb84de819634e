// A change of the time zone: what was rolled up keeps the zone it was made in until somebody gives a date
// from which days and months are to be made anew. Samples stay as they are, so hours are right in either
// zone.
#include "recorder/sampler_priv.h"

enum { BEHIND_S = 2 * SAMPLER_DAY_S };

static enum ew_err in_transaction(struct sampler *s,
                                  enum ew_err (*what)(struct sampler *, int64_t, struct ew_reason *),
                                  int64_t at_s, struct ew_reason *reason)
{
    int64_t rolled_s = s->rolled_s;
    enum ew_err err = store_begin(s->store, reason);
    if (err != EW_OK)
        return err;
    err = what(s, at_s, reason);
    if (err == EW_OK)
        err = store_commit(s->store, reason);
    else
        store_rollback(s->store);
    if (err != EW_OK)
        s->rolled_s = rolled_s;
    return err;
}

enum ew_err sampler_rebuild(struct sampler *s, struct calendar_date from, struct ew_reason *reason)
{
    return in_transaction(s, sampler_unroll, calendar_date_start_s(&s->zone, from), reason);
}

enum ew_err sampler_catch_up(struct sampler *s, struct ew_reason *reason)
{
    if (s->last_s == INT64_MIN || s->rolled_s == INT64_MIN || s->last_s - s->rolled_s < BEHIND_S)
        return EW_OK;
    return in_transaction(s, sampler_roll, s->last_s, reason);
}
