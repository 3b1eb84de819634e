// Results of the bus threads on their way into the loop.
#include "check.h"

#include "poller/intake.h"

static void count_result(void *user, struct result *result)
{
    (*(int *)user)++;
    result_free(result);
}

// However fast the bus threads are, messages and the sign of life get their turn.
static void a_flood_of_results_leaves_turns_to_others(void **state)
{
    (void)state;
    enum { RESULTS_WAITING = 3000, PER_TURN_MAX = 512, TURNS = 3 };
    struct ew_loop *loop = ew_loop_new();
    struct intake in;
    int taken = 0;
    intake_init(&in, loop, RESULTS_WAITING, count_result, &taken);
    for (int i = 0; i < RESULTS_WAITING; i++) {
        struct result *result = result_new(RESULT_BUS, 0, 0);
        assert_int_equal(ew_queue_push(in.queue, &result), EW_OK);
    }
    for (int turn = 1; turn <= TURNS; turn++) {
        ew_loop_turn(loop, 1000);
        assert_true(taken >= 1 && taken <= turn * PER_TURN_MAX);
    }
    intake_done(&in);
    ew_loop_free(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_flood_of_results_leaves_turns_to_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
