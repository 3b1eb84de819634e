#include "core/plan/plan.h"

#include <assert.h>
#include <string.h>

enum { FRAME_CHARS = 20, TCP_REQUEST_US = 2000, TCP_REGISTER_US = 20, REGISTERS_MAX = 125, BITS_MAX = 2000 };

struct plan_cost plan_cost_serial(int speed_baud, int bits, int latency_us, int gap_ms)
{
    int char_us = speed_baud > 0 ? (int)((int64_t)bits * 1000000 / speed_baud) : 0;
    int silence_us = char_us * 7 / 2;
    int gap_us = gap_ms * 1000 > silence_us ? gap_ms * 1000 - silence_us : 0;
    return (struct plan_cost){.request_us = FRAME_CHARS * char_us + latency_us + gap_us,
                              .register_us = 2 * char_us,
                              .latency_us = latency_us,
                              .wire_us = FRAME_CHARS * char_us};
}

struct plan_cost plan_cost_tcp(int gap_ms)
{
    return (struct plan_cost){.request_us = TCP_REQUEST_US + gap_ms * 1000,
                              .register_us = TCP_REGISTER_US,
                              .latency_us = TCP_REQUEST_US};
}

static bool is_bits(int fc)
{
    return fc <= 2;
}

static int registers_us(const struct plan_cost *cost, int fc, int count)
{
    return is_bits(fc) ? cost->register_us * count / 16 : cost->register_us * count;
}

int plan_request_us(const struct plan_cost *cost, int fc, int count)
{
    return cost->request_us + registers_us(cost, fc, count);
}

int plan_wire_us(const struct plan_cost *cost, int fc, int count)
{
    return cost->wire_us > 0 ? cost->wire_us + registers_us(cost, fc, count) : 0;
}

// One stretch of registers, `end` is the first address behind it.
struct span {
    uint16_t index;
    uint8_t fc;
    int begin, end;
};

struct spans {
    int count;
    struct span at[PROFILE_REGISTERS_MAX];
};

static bool before(const struct span *a, const struct span *b)
{
    if (a->fc != b->fc)
        return a->fc < b->fc;
    return a->begin != b->begin ? a->begin < b->begin : a->end < b->end;
}

// Keeps the list in order: by function, begin, end.
static void insert(struct spans *list, const struct profile_bound *bound, int index)
{
    struct span s = {.index = (uint16_t)index,
                     .fc = bound[index].fc,
                     .begin = bound[index].address,
                     .end = bound[index].address + (is_bits(bound[index].fc) ? 1 : bound[index].words)};
    int at = list->count++;
    for (; at > 0 && before(&s, &list->at[at - 1]); at--)
        list->at[at] = list->at[at - 1];
    list->at[at] = s;
}

static bool is_refused(const uint8_t *learnt, int index)
{
    return learnt && plan_refused(learnt[index]);
}

static bool mark(const struct profile *profile, enum profile_group group, int index, bool *wanted)
{
    if (index < 0 || wanted[index])
        return false;
    // The group info has its own pass, before all others. What it found is still known.
    if (group != PROFILE_INFO && profile->registers[index].group == PROFILE_INFO)
        return false;
    return wanted[index] = true;
}

// The group's own registers and those their scales and signs come from, without what the device refused.
static void choose(const struct profile *profile, const uint8_t *learnt, enum profile_group group,
                   bool *wanted)
{
    for (int i = 0; i < profile->register_count; i++)
        wanted[i] = profile->registers[i].group == group && !is_refused(learnt, i);
    for (bool again = true; again;) {
        again = false;
        for (int i = 0; i < profile->register_count; i++) {
            const struct profile_register *r = &profile->registers[i];
            if (!wanted[i])
                continue;
            again |= mark(profile, group, r->scale_from[0], wanted);
            again |= mark(profile, group, r->scale_from[1], wanted);
            again |= mark(profile, group, r->sign_from, wanted);
        }
    }
    for (int i = 0; i < profile->register_count; i++)
        wanted[i] &= !is_refused(learnt, i);
}

// Is begin..end covered by registers the profile knows?
static bool declared(const struct spans *all, int fc, int begin, int end)
{
    for (int i = 0; i < all->count && begin < end; i++) {
        const struct span *s = &all->at[i];
        if (s->fc != fc || s->end <= begin)
            continue;
        if (s->begin > begin)
            return false;
        begin = s->end;
    }
    return begin >= end;
}

struct planner {
    const struct profile *profile;
    const struct plan_cost *cost;
    const uint8_t *learnt;
    const struct spans *all;
    struct spans wanted, refused;
    bool joinable[PROFILE_REGISTERS_MAX];    // may wanted[i] share a request with wanted[i - 1]?
    int64_t best[PROFILE_REGISTERS_MAX + 1]; // cost of the first i spans
    int from[PROFILE_REGISTERS_MAX + 1];     // first span of the request that ends with span i - 1
};

// May begin..end be read along? The profile must allow that, and the device must not have refused it.
static bool may_bridge(const struct planner *p, int fc, int begin, int end)
{
    for (int i = 0; i < p->refused.count; i++) {
        const struct span *s = &p->refused.at[i];
        if (s->fc == fc && s->begin < end && s->end > begin)
            return false;
    }
    return p->profile->limits.holes || declared(p->all, fc, begin, end);
}

static bool must_begin(const struct planner *p, int i)
{
    return p->learnt && (p->learnt[p->wanted.at[i].index] & PLAN_BEGINS) != 0;
}

static void find_joinable(struct planner *p)
{
    int reach = 0; // end of what lies before, of the same function
    for (int i = 0; i < p->wanted.count; i++) {
        const struct span *s = &p->wanted.at[i];
        bool same_fc = i > 0 && p->wanted.at[i - 1].fc == s->fc;
        if (!same_fc)
            reach = 0;
        p->joinable[i] =
            same_fc && !must_begin(p, i) && (s->begin <= reach || may_bridge(p, s->fc, reach, s->begin));
        if (p->profile->limits.one_value) // only another meaning of the very same registers
            p->joinable[i] =
                same_fc && p->wanted.at[i - 1].begin == s->begin && p->wanted.at[i - 1].end == s->end;
        if (s->end > reach)
            reach = s->end;
    }
}

static int limit_of(const struct profile *profile, int fc)
{
    int limit = is_bits(fc) ? profile->limits.max_bits : profile->limits.max_registers;
    int max = is_bits(fc) ? BITS_MAX : REGISTERS_MAX;
    return limit > 0 && limit < max ? limit : max;
}

// The cheapest way to cut the ordered spans into requests: best[i] = min over j of best[j] + cost(j..i-1).
static void cut(struct planner *p)
{
    p->best[0] = 0;
    for (int i = 1; i <= p->wanted.count; i++) {
        const struct span *last = &p->wanted.at[i - 1];
        int end = last->end, limit = limit_of(p->profile, last->fc);
        p->best[i] = INT64_MAX;
        for (int j = i - 1; j >= 0; j--) {
            const struct span *first = &p->wanted.at[j];
            if (first->end > end)
                end = first->end;
            int count = end - first->begin;
            if (j < i - 1 && count > limit)
                break;
            int64_t total = p->best[j] + plan_request_us(p->cost, last->fc, count);
            if (total <= p->best[i]) {
                p->best[i] = total;
                p->from[i] = j;
            }
            if (!p->joinable[j])
                break;
        }
    }
}

static void write_out(const struct planner *p, struct ew_arena *arena, struct plan *ret)
{
    int requests = 0;
    for (int i = p->wanted.count; i > 0; i = p->from[i])
        requests++;
    *ret = (struct plan){.request_count = requests, .item_count = p->wanted.count};
    ret->requests = ew_arena_take(arena, (size_t)requests, sizeof(*ret->requests));
    ret->items = ew_arena_take(arena, (size_t)p->wanted.count, sizeof(*ret->items));
    assert(ret->requests && ret->items); // plan_memory says how much
    for (int i = p->wanted.count; i > 0; i = p->from[i]) {
        int first = p->from[i], end = 0;
        for (int k = first; k < i; k++)
            if (p->wanted.at[k].end > end)
                end = p->wanted.at[k].end;
        const struct span *s = &p->wanted.at[first];
        ret->requests[--requests] = (struct plan_request){.fc = s->fc,
                                                          .address = (uint16_t)s->begin,
                                                          .count = (uint16_t)(end - s->begin),
                                                          .first_item = first,
                                                          .item_count = i - first};
        for (int k = first; k < i; k++)
            ret->items[k] = (struct plan_item){.index = p->wanted.at[k].index,
                                               .offset = (uint16_t)(p->wanted.at[k].begin - s->begin)};
    }
}

size_t plan_memory(const struct profile *profile)
{
    size_t n = (size_t)profile->register_count;
    return n * (sizeof(struct plan_request) + sizeof(struct plan_item)) + 64;
}

static enum ew_err check_width(const struct planner *p, struct ew_reason *reason)
{
    for (int i = 0; i < p->wanted.count; i++) {
        const struct span *s = &p->wanted.at[i];
        int limit = limit_of(p->profile, s->fc);
        if (s->end - s->begin <= limit)
            continue;
        const char *quantity = p->profile->registers[s->index].quantity;
        enum ew_err err = ew_fail(reason, EW_E_INVALID, "plan.too_wide", "",
                                  "%s of profile %s is %d registers wide, the device gives %d in one answer",
                                  quantity, p->profile->id, s->end - s->begin, limit);
        ew_reason_param(reason, "quantity", "%s", quantity);
        ew_reason_param(reason, "profile", "%s", p->profile->id);
        return err;
    }
    return EW_OK;
}

enum ew_err plan_build(const struct profile *profile, const struct profile_bound *bound,
                       const uint8_t *learnt, enum profile_group group, const struct plan_cost *cost,
                       struct ew_arena *arena, struct plan *ret, struct ew_reason *reason)
{
    bool wanted[PROFILE_REGISTERS_MAX];
    struct spans all = {0};
    struct planner p = {.profile = profile, .cost = cost, .learnt = learnt, .all = &all};
    *ret = (struct plan){0};
    assert(profile->register_count <= PROFILE_REGISTERS_MAX);
    choose(profile, learnt, group, wanted);
    for (int i = 0; i < profile->register_count; i++) {
        insert(is_refused(learnt, i) ? &p.refused : &all, bound, i);
        if (wanted[i])
            insert(&p.wanted, bound, i);
    }
    enum ew_err err = check_width(&p, reason);
    if (err != EW_OK || p.wanted.count == 0)
        return err;
    find_joinable(&p);
    cut(&p);
    write_out(&p, arena, ret);
    return EW_OK;
}
