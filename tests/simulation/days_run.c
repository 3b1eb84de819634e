// Real days with vehicles of all kinds, every invariant checked at every tick. Skipped (77) without the
// recordings.
#include "days.h"
#include "invariants.h"

#include <stdio.h>
#include <stdlib.h>

int main(void)
{
    static struct scenario sc;
    static struct check check;
    const struct days_site site = {.max_a = 80,
                                   .base_from_pct = 30,
                                   .base_to_pct = 85,
                                   .vehicles = true,
                                   .lag_ticks = 1,
                                   .first_day = 182,
                                   .days = 56};
    int days, starts = 0, reductions = 0, stops = 0;
    if (!days_scenario(&sc, &site, &days)) {
        printf("skipped: ../shared/data/ev_acn_caltech and steel_industry are not there\n");
        return 77;
    }
    struct run *run = run_new(&sc);
    check_init(&check);
    bool ok = true;
    while (ok && run_step(run)) {
        ok = check_step(&check, run);
        for (int i = 0; i < run->out.command_count; i++) {
            starts += run->out.commands[i].what == GREENUP_DO_START;
            reductions += run->out.commands[i].what == GREENUP_DO_REDUCE;
            stops += run->out.commands[i].what == GREENUP_DO_STOP;
        }
    }
    printf("%d days, %d stations: %d starts, %d reductions, %d stops, longest overload %lld s\n", days,
           sc.station_count, starts, reductions, stops, (long long)check.longest_over_ms / 1000);
    if (!ok)
        printf("%s\n", check.problem);
    // Days on which nothing had to be decided would prove nothing.
    ok = ok && starts > 300 && reductions > 200;
    run_free(run);
    scenario_done(&sc);
    return ok ? 0 : 1;
}
