// Which requests read a group of a device: neighbouring registers are joined when the registers read along
// cost less line time than another request would, within what the device allows. Pure.
#ifndef EDGEWATT_CORE_PLAN_PLAN_H
#define EDGEWATT_CORE_PLAN_PLAN_H

#include "base/arena.h"
#include "core/profile/profile.h"

// Line time in µs. Modbus RTU, n registers: (20 + 2 n) characters and what the device takes to answer: 8 + 5
// characters of frame, two silences of 3.5 (MODBUS over Serial Line V1.02).
struct plan_cost {
    int request_us;  // of one more request
    int register_us; // of one more register in an answer; a bit is a sixteenth of it
    int latency_us;  // the part of request_us that is what the device takes before it answers
    int wire_us;     // the part that the bytes take, 0 where the wire is not ours
};

// latency_us: what a device takes before it answers; bits of a character: 11 with parity.
struct plan_cost plan_cost_serial(int speed_baud, int bits, int latency_us, int gap_ms);
// The wire of a TCP bus is not ours, and the devices behind it differ: one round trip in a local network, and
// the time in which a small device fills in a register.
struct plan_cost plan_cost_tcp(int gap_ms);

struct plan_item {
    uint16_t index;  // of the profile's register
    uint16_t offset; // in the answer: registers, or bits
};

struct plan_request {
    uint8_t fc;
    uint16_t address, count;
    int first_item, item_count; // in plan.items
};

struct plan { // arrays in the arena
    int request_count, item_count;
    struct plan_request *requests; // by function, then address
    struct plan_item *items;
};

// What a device taught about itself, a mark for each register of its profile; 0 = nothing.
enum {
    PLAN_BEGINS = 0x80,   // a request that reached across the begin of this register was refused
    PLAN_COUNT = 0x7f,    // the others: how often this register alone was refused,
    PLAN_REFUSED_FROM = 3 // and from here on it is not asked for any more
};
static inline bool plan_refused(uint8_t mark)
{
    return (mark & PLAN_COUNT) >= PLAN_REFUSED_FROM;
}

// Bytes of arena that plan_build needs for one group.
size_t plan_memory(const struct profile *profile);

// Every register of the group is in exactly one request, and so is every register that a scale or a sign of
// the group comes from, unless that is in the group `info`, which is read before all others. What no register
// of the profile covers is read along only when the profile allows holes. bound[register_count]; learnt[]
// too, NULL = nothing: what the device refused is neither read nor read along, and splits stay. A group
// without registers gives a plan without requests. EW_E_INVALID (plan.too_wide) when a value is wider than
// what the device gives in one answer.
enum ew_err plan_build(const struct profile *profile, const struct profile_bound *bound,
                       const uint8_t *learnt, enum profile_group group, const struct plan_cost *cost,
                       struct ew_arena *arena, struct plan *ret, struct ew_reason *reason) EW_MUST_CHECK;

// The device refused this request of the plan with "illegal data address". A block is split in two; a
// register that is refused by itself is doubted, then given up (PLAN_REFUSED_FROM). known[register_count]:
// was read before; what is known is never given up, and as long as nothing is, nothing else is either: then
// it is the device that refuses.
enum plan_lesson { PLAN_LEARNT_NOTHING, PLAN_LEARNT_SPLIT, PLAN_LEARNT_DOUBT, PLAN_LEARNT_REFUSED };
enum plan_lesson plan_learn(const struct plan *plan, const struct plan_request *request, const bool *known,
                            int register_count, uint8_t *learnt);

// Line time of a request by this cost, and what of it is the bytes'.
int plan_request_us(const struct plan_cost *cost, int fc, int count);
int plan_wire_us(const struct plan_cost *cost, int fc, int count);

#endif
