#include "core/profile/limit.h"

#include <assert.h>
#include <math.h>

// EN 50160: a grid's voltage is within 10 % of the nominal.
static const double LOWEST = 0.9, HIGHEST = 1.1;
static const double DRAWS_A = 1; // less than this is a vehicle's electronics
static const double HAIR = 1e-6; // of a count: 16 / 0.1 is meant to be 160

bool profile_limit_known(const struct profile_limit *limit)
{
    return limit->unit != PROFILE_LIMIT_PERCENT || limit->rated_ma > 0;
}

// Units for one ampere, where one volt of the nominal counts as `share`.
static double per_ampere(const struct profile_limit *limit, double share)
{
    assert(profile_limit_known(limit));
    switch (limit->unit) {
    case PROFILE_LIMIT_A:
        break;
    case PROFILE_LIMIT_W:
        return limit->phases * limit->nominal_v * share;
    case PROFILE_LIMIT_PERCENT:
        return 100000.0 / limit->rated_ma;
    }
    return 1;
}

double profile_limit_told(const struct profile_limit *limit, int32_t limit_ma)
{
    double told = limit_ma / 1000.0 * per_ampere(limit, LOWEST);
    return limit->count > 0 ? floor(told / limit->count + HAIR) * limit->count : told;
}

int32_t profile_limit_ma(const struct profile_limit *limit, double told)
{
    double a = told / per_ampere(limit, LOWEST);
    return a >= 0 && a < 1e6 ? (int32_t)ceil(a * 1000 - HAIR) : -1;
}

int32_t profile_limit_least_ma(const struct profile_limit *limit, int32_t minimum_ma)
{
    double told = minimum_ma / 1000.0 * per_ampere(limit, HIGHEST);
    if (limit->count > 0)
        told = ceil(told / limit->count - HAIR) * limit->count;
    return profile_limit_ma(limit, told);
}

int profile_limit_phases(const double current_a[3], bool charges, int otherwise)
{
    int drawn = 0;
    for (int i = 0; i < 3; i++) {
        if (isnan(current_a[i]))
            return otherwise;
        drawn += current_a[i] > DRAWS_A;
    }
    return charges && drawn > 0 ? drawn : otherwise;
}
