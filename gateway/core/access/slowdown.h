// Wrong tries slow down (USR-01): per address and over all, 1, 2, 4 ... 60 s. Pure; times are up_ms.
#ifndef EDGEWATT_CORE_ACCESS_SLOWDOWN_H
#define EDGEWATT_CORE_ACCESS_SLOWDOWN_H

#include <stdbool.h>
#include <stdint.h>

enum {
    SLOWDOWN_MAX_MS = 60000,
    SLOWDOWN_FORGET_MS = 15 * 60000, // an address that was quiet this long begins anew
    SLOWDOWN_ADDRESSES = 256,        // then the address that was quiet longest is forgotten
    // Over all the first tries are free: one person who mistypes must not make the others wait. Quiet time
    // takes them back, one in SLOWDOWN_FORGET_MS / 15.
    SLOWDOWN_FREE_OVER_ALL = 12
};

struct slowdown_entry {
    char address[48]; // an IPv6 address at most; what is longer is cut
    int wrong;        // tries in a row
    int64_t last_ms, until_ms;
};

struct slowdown { // zeroed = new
    struct slowdown_entry addresses[SLOWDOWN_ADDRESSES];
    struct slowdown_entry all;
};

// 0 = a try from this address may be looked at now, else how long it must wait yet.
int64_t slowdown_wait_ms(const struct slowdown *s, const char *address, int64_t now_ms);
void slowdown_wrong(struct slowdown *s, const char *address, int64_t now_ms);
// Right codes forgive the address its earlier mistakes, not the others theirs.
void slowdown_right(struct slowdown *s, const char *address);
// 1, 2, 4 ... 60 s after the n-th wrong try in a row (n from 1).
int64_t slowdown_delay_ms(int wrong);

#endif
