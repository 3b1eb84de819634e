// Numbers that look like chance and are the same in every run of the same seed (splitmix64, S. Vigna, public
// domain).
#ifndef EDGEWATT_SIMULATOR_RANDOM_H
#define EDGEWATT_SIMULATOR_RANDOM_H

#include <stdint.h>

static inline uint64_t random_next(uint64_t *state)
{
    uint64_t z = *state += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}

// From low up to high, evenly.
static inline double random_between(uint64_t *state, double low, double high)
{
    return low + (high - low) * ((double)(random_next(state) >> 11) * 0x1p-53);
}

#endif
