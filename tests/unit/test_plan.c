// Read plans over random profiles, against the rules in plan.h and against trying every way to cut.
#include "check.h"

#include "core/plan/plan.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t seed;

static int pick(int below) // xorshift64*
{
    seed ^= seed >> 12;
    seed ^= seed << 25;
    seed ^= seed >> 27;
    return (int)((seed * 2685821657736338717u >> 33) % (uint64_t)below);
}

struct fixture {
    struct profile profile;
    struct profile_register registers[PROFILE_REGISTERS_MAX];
    struct profile_bound bound[PROFILE_REGISTERS_MAX];
};

static void add(struct fixture *f, int fc, int address, int words, enum profile_group group)
{
    int i = f->profile.register_count++;
    f->registers[i] = (struct profile_register){.group = group, .scale_from = {-1, -1}, .sign_from = -1};
    snprintf(f->registers[i].quantity, sizeof(f->registers[i].quantity), "q%d", i);
    f->bound[i] = (struct profile_bound){
        .fc = (uint8_t)fc, .address = (uint16_t)address, .words = (uint8_t)(fc <= 2 ? 1 : words), .scale = 1};
}

static void begin(struct fixture *f, struct profile_limits limits)
{
    memset(f, 0, sizeof(*f));
    f->profile.registers = f->registers;
    f->profile.limits = limits;
}

static void random_profile(struct fixture *f, int max_registers)
{
    begin(f, (struct profile_limits){.max_registers = 4 + pick(122),
                                     .max_bits = 1 + pick(2000),
                                     .holes = pick(2),
                                     .one_value = pick(5) == 0});
    int count = 1 + pick(max_registers), fc = 3, address = pick(60000);
    for (int i = 0; i < count; i++) {
        if (pick(12) == 0) {
            fc = 1 + pick(4);
            address = pick(60000);
        }
        int words = 1 << pick(3);
        add(f, fc, address, words, (enum profile_group)pick(PROFILE_GROUP_COUNT));
        int step = pick(8);
        if (step > 0) // 0: the next one means the same registers in another way
            address += (fc <= 2 ? 1 : words) + (step > 4 ? 0 : pick(30));
    }
    for (int i = 0; i < count; i++) {
        if (pick(4) == 0)
            f->registers[i].scale_from[0] = pick(count);
        if (pick(4) == 0)
            f->registers[i].sign_from = pick(count);
    }
}

static bool covered(const struct fixture *f, int fc, int address)
{
    for (int i = 0; i < f->profile.register_count; i++)
        if (f->bound[i].fc == fc && address >= f->bound[i].address &&
            address < f->bound[i].address + f->bound[i].words)
            return true;
    return false;
}

static void check_request(const struct fixture *f, const struct plan *plan, const struct plan_request *rq)
{
    const struct profile_limits *limits = &f->profile.limits;
    assert_true(rq->count >= 1);
    assert_true(rq->count <= (rq->fc <= 2 ? limits->max_bits : limits->max_registers));
    assert_true(rq->item_count >= 1);
    int low = 65536, high = 0;
    for (int k = rq->first_item; k < rq->first_item + rq->item_count; k++) {
        const struct profile_bound *b = &f->bound[plan->items[k].index];
        assert_int_equal(b->fc, rq->fc);
        assert_int_equal(b->address, rq->address + plan->items[k].offset);
        assert_true(plan->items[k].offset + b->words <= rq->count);
        low = b->address < low ? b->address : low;
        high = b->address + b->words > high ? b->address + b->words : high;
        if (limits->one_value)
            assert_true(b->address == rq->address && b->words == rq->count);
    }
    assert_int_equal(low, rq->address); // nothing is read before the first or after the last register wanted
    assert_int_equal(high, rq->address + rq->count);
    for (int a = rq->address; a < rq->address + rq->count && !limits->holes; a++)
        assert_true(covered(f, rq->fc, a));
}

static void is_source(const struct fixture *f, const struct plan *plan, int index, enum profile_group group,
                      const int *seen)
{
    (void)plan;
    if (index >= 0 && (group == PROFILE_INFO || f->registers[index].group != PROFILE_INFO))
        assert_int_equal(seen[index], 1);
}

static void check_plan(const struct fixture *f, const struct plan *plan, enum profile_group group)
{
    int seen[PROFILE_REGISTERS_MAX] = {0}, items = 0;
    for (int r = 0; r < plan->request_count; r++) {
        check_request(f, plan, &plan->requests[r]);
        assert_int_equal(plan->requests[r].first_item, items);
        items += plan->requests[r].item_count;
    }
    assert_int_equal(items, plan->item_count);
    for (int k = 0; k < plan->item_count; k++)
        seen[plan->items[k].index]++;
    for (int i = 0; i < f->profile.register_count; i++) {
        assert_true(seen[i] <= 1);
        if (f->registers[i].group == group)
            assert_int_equal(seen[i], 1);
        if (!seen[i])
            continue;
        is_source(f, plan, f->registers[i].scale_from[0], group, seen);
        is_source(f, plan, f->registers[i].sign_from, group, seen);
    }
}

static int64_t cost_of(const struct plan *plan, const struct plan_cost *cost)
{
    int64_t total = 0;
    for (int r = 0; r < plan->request_count; r++)
        total += plan_request_us(cost, plan->requests[r].fc, plan->requests[r].count);
    return total;
}

// Items first..last in one request: what it costs, or -1 when the rules forbid it.
static int64_t cost_of_run(const struct fixture *f, const struct plan *plan, const struct plan_cost *cost,
                           int first, int last)
{
    const struct profile_limits *limits = &f->profile.limits;
    const struct profile_bound *b = &f->bound[plan->items[first].index];
    int end = 0;
    for (int k = first; k <= last; k++) {
        const struct profile_bound *o = &f->bound[plan->items[k].index];
        if (o->fc != b->fc || (limits->one_value && (o->address != b->address || o->words != b->words)))
            return -1;
        end = o->address + o->words > end ? o->address + o->words : end;
    }
    for (int a = b->address; a < end && !limits->holes; a++)
        if (!covered(f, b->fc, a))
            return -1;
    if (end - b->address > (b->fc <= 2 ? limits->max_bits : limits->max_registers))
        return -1;
    return plan_request_us(cost, b->fc, end - b->address);
}

// Every way to cut the plan's ordered items into requests, by bits of `cuts`.
static int64_t cheapest_by_trying(const struct fixture *f, const struct plan *plan,
                                  const struct plan_cost *cost)
{
    int64_t best = INT64_MAX;
    for (unsigned cuts = 0; cuts < 1u << (plan->item_count - 1); cuts++) {
        int64_t total = 0;
        for (int first = 0; first < plan->item_count && total >= 0;) {
            int last = first;
            while (last + 1 < plan->item_count && !(cuts >> last & 1))
                last++;
            int64_t run = cost_of_run(f, plan, cost, first, last);
            total = run < 0 ? -1 : total + run;
            first = last + 1;
        }
        if (total >= 0 && total < best)
            best = total;
    }
    return best;
}

static void plans_of_random_profiles_keep_the_rules(void **state)
{
    (void)state;
    static struct fixture f;
    static unsigned char memory[1 << 20];
    static const int speeds[] = {1200, 9600, 19200, 115200};
    int tried = 0, joined = 0;
    for (int round = 0; round < 4000; round++) {
        seed = (uint64_t)round * 7919 + 17;
        random_profile(&f, round % 4 == 0 ? 300 : 30);
        struct plan_cost cost =
            pick(2) ? plan_cost_tcp(pick(3) * 10)
                    : plan_cost_serial(speeds[pick(4)], 10 + pick(2), pick(20000), pick(3) * 10);
        for (int g = 0; g < PROFILE_GROUP_COUNT; g++) {
            struct ew_arena arena;
            struct plan plan;
            ew_arena_init(&arena, memory, plan_memory(&f.profile));
            assert_int_equal(
                plan_build(&f.profile, f.bound, NULL, (enum profile_group)g, &cost, &arena, &plan, NULL),
                EW_OK);
            check_plan(&f, &plan, (enum profile_group)g);
            if (plan.item_count >= 2 && plan.item_count <= 10) {
                int64_t best = cheapest_by_trying(&f, &plan, &cost);
                if (cost_of(&plan, &cost) != best)
                    fail_msg("round %d group %d: %lld us, possible are %lld", round, g,
                             (long long)cost_of(&plan, &cost), (long long)best);
                tried++;
                joined += plan.request_count < plan.item_count;
            }
        }
    }
    assert_true(tried > 2000 && joined > 500);
}

// What control.md, part C, says of 19200 8E1: 20 characters for a request, 2 for a register.
static void holes_are_read_when_they_cost_less_than_a_request(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        bool serial, holes;
        int hole, max_registers, requests;
    } cases[] = {
        {"neighbours", true, false, 0, 125, 1},
        {"9 registers cost 18 characters", true, true, 9, 125, 1},
        {"11 registers cost 22 characters", true, true, 11, 125, 2},
        {"tcp reads 60 along", false, true, 60, 125, 1},
        {"tcp keeps the device's limit", false, true, 60, 40, 2},
        {"not allowed", false, false, 1, 125, 2},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        static struct fixture f;
        unsigned char memory[4096];
        struct ew_arena arena;
        struct plan plan;
        struct plan_cost cost = cases[i].serial ? plan_cost_serial(19200, 11, 0, 0) : plan_cost_tcp(0);
        begin(&f, (struct profile_limits){.max_registers = cases[i].max_registers, .holes = cases[i].holes});
        add(&f, 3, 100, 2, PROFILE_INSTANT);
        add(&f, 3, 102 + cases[i].hole, 2, PROFILE_INSTANT);
        ew_arena_init(&arena, memory, sizeof(memory));
        assert_int_equal(plan_build(&f.profile, f.bound, NULL, PROFILE_INSTANT, &cost, &arena, &plan, NULL),
                         EW_OK);
        if (plan.request_count != cases[i].requests)
            fail_msg("%s: %d requests", cases[i].name, plan.request_count);
    }
}

static void line_time_is_that_of_the_table(void **state)
{
    (void)state;
    static const struct {
        int registers, us;
    } cases[] = {{1, 12600}, {6, 18300}, {20, 34400}, {125, 154700}};
    struct plan_cost cost = plan_cost_serial(19200, 11, 0, 0);
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_in_range(plan_request_us(&cost, 3, cases[i].registers), cases[i].us * 99 / 100,
                        cases[i].us * 101 / 100);
}

static void what_does_not_fit_one_answer_is_refused(void **state)
{
    (void)state;
    static struct fixture f;
    unsigned char memory[4096];
    struct ew_arena arena;
    struct plan plan;
    struct plan_cost cost = plan_cost_tcp(0);
    struct ew_reason reason = {0};
    begin(&f, (struct profile_limits){.max_registers = 2});
    add(&f, 3, 100, 4, PROFILE_ENERGY);
    ew_arena_init(&arena, memory, sizeof(memory));
    assert_int_equal(plan_build(&f.profile, f.bound, NULL, PROFILE_ENERGY, &cost, &arena, &plan, &reason),
                     EW_E_INVALID);
    assert_string_equal(reason.code, "plan.too_wide");
}

// What a device lacks, by register; how many requests it takes to find out, and what is asked from then on.
static void a_refusal_teaches(void **state)
{
    (void)state;
    enum { COUNT_OF = 8 };
    static const struct {
        const char *lacks, *known; // '1' = so
        int lessons;               // until nothing is refused any more
        const char *refused;
        int requests; // then
    } cases[] = {
        {"00000000", "00000000", 0, "00000000", 1},
        {"00010000", "00000000", 3 + 3, "00010000", 3}, // three splits, refused three times alone
        {"00000001", "00000000", 3 + 3, "00000001", 2 + 1},
        {"11111110", "00000000", 7 + 7 * 3, "11111110", 1},
        {"00010000", "11111111", 0, "00000000", 1}, // it could once: nothing is learnt
        {"11111111", "00000000", 7, "00000000", 8}, // nothing was ever read: it is the device that refuses
    };
    struct plan_cost cost = plan_cost_serial(19200, 11, 5000, 0);
    for (size_t i = 0; i < COUNT(cases); i++) {
        static struct fixture f;
        begin(&f, (struct profile_limits){.max_registers = 100});
        bool known[COUNT_OF];
        uint8_t learnt[COUNT_OF] = {0};
        for (int r = 0; r < COUNT_OF; r++) {
            add(&f, 3, 100 + r, 1, PROFILE_INSTANT);
            known[r] = cases[i].known[r] == '1';
        }
        struct plan plan;
        int lessons = 0;
        for (int pass = 0; pass < 20; pass++) {
            unsigned char memory[4096];
            struct ew_arena arena;
            ew_arena_init(&arena, memory, sizeof(memory));
            assert_int_equal(
                plan_build(&f.profile, f.bound, learnt, PROFILE_INSTANT, &cost, &arena, &plan, NULL), EW_OK);
            for (int q = 0; q < plan.request_count; q++) {
                bool refused = false;
                for (int r = 0; r < plan.requests[q].count; r++)
                    refused |= cases[i].lacks[plan.requests[q].address - 100 + r] == '1';
                for (int k = 0; k < plan.requests[q].item_count && !refused; k++)
                    known[plan.items[plan.requests[q].first_item + k].index] = true;
                if (refused &&
                    plan_learn(&plan, &plan.requests[q], known, COUNT_OF, learnt) != PLAN_LEARNT_NOTHING)
                    lessons++;
            }
        }
        char refused[COUNT_OF + 1] = "";
        for (int r = 0; r < COUNT_OF; r++)
            refused[r] = plan_refused(learnt[r]) ? '1' : '0';
        assert_string_equal(refused, cases[i].refused);
        if (lessons != cases[i].lessons || plan.request_count != cases[i].requests)
            fail_msg("case %zu: %d lessons, %d requests", i, lessons, plan.request_count);
    }
}

// What was refused is not read along either, although the profile would allow it.
static void what_is_refused_is_not_read_along(void **state)
{
    (void)state;
    static struct fixture f;
    begin(&f, (struct profile_limits){.max_registers = 100, .holes = true});
    add(&f, 3, 10, 1, PROFILE_INSTANT);
    add(&f, 3, 11, 1, PROFILE_ENERGY);
    add(&f, 3, 12, 1, PROFILE_INSTANT);
    const uint8_t nothing[3] = {0}, refused[3] = {0, PLAN_REFUSED_FROM, 0};
    struct plan_cost cost = plan_cost_serial(19200, 11, 5000, 0);
    for (int i = 0; i < 2; i++) {
        unsigned char memory[4096];
        struct ew_arena arena;
        struct plan plan;
        ew_arena_init(&arena, memory, sizeof(memory));
        assert_int_equal(plan_build(&f.profile, f.bound, i ? refused : nothing, PROFILE_INSTANT, &cost,
                                    &arena, &plan, NULL),
                         EW_OK);
        assert_int_equal(plan.request_count, i ? 2 : 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_refusal_teaches),
        cmocka_unit_test(what_is_refused_is_not_read_along),
        cmocka_unit_test(plans_of_random_profiles_keep_the_rules),
        cmocka_unit_test(holes_are_read_when_they_cost_less_than_a_request),
        cmocka_unit_test(line_time_is_that_of_the_table),
        cmocka_unit_test(what_does_not_fit_one_answer_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
