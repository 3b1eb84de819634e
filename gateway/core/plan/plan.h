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

// Bytes of arena that plan_build needs for one group.
size_t plan_memory(const struct profile *profile);

// Every register of the group is in exactly one request, and so is every register that a scale or a sign of
// the group comes from, unless that is in the group `info`, which is read before all others. What no register
// of the profile covers is read along only when the profile allows holes. bound[register_count]. A group
// without registers gives a plan without requests. EW_E_INVALID (plan.too_wide) when a value is wider than
// what the device gives in one answer.
enum ew_err plan_build(const struct profile *profile, const struct profile_bound *bound,
                       enum profile_group group, const struct plan_cost *cost, struct ew_arena *arena,
                       struct plan *ret, struct ew_reason *reason) EW_MUST_CHECK;

// Line time of a request by this cost, and what of it is the bytes'.
int plan_request_us(const struct plan_cost *cost, int fc, int count);
int plan_wire_us(const struct plan_cost *cost, int fc, int count);

#endif
