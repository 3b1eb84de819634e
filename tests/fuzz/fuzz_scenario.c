// Any text as a scenario: refused, or it runs, and what is written of it reads back as the same.
#include "replay/run.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SAMPLES = 200, TEXT_MAX = 1 << 22 };

static void write_and_read(const struct scenario *sc)
{
    static struct scenario again;
    struct ew_buf text, other;
    struct ew_reason reason;
    ew_buf_init(&text, TEXT_MAX);
    ew_buf_init(&other, TEXT_MAX);
    scenario_write(sc, &text);
    scenario_init(&again);
    if (!text.full) {
        if (scenario_read(&again, ew_buf_text(&text), text.len, &reason) != EW_OK)
            abort();
        scenario_write(&again, &other);
        if (other.len != text.len || memcmp(other.data, text.data, text.len) != 0)
            abort();
    }
    scenario_done(&again);
    ew_buf_done(&text);
    ew_buf_done(&other);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct scenario sc;
    struct ew_reason reason;
    scenario_init(&sc);
    if (scenario_read(&sc, (const char *)data, size, &reason) == EW_OK) {
        write_and_read(&sc);
        struct run *run = run_new(&sc);
        struct ew_buf line;
        ew_buf_init(&line, TEXT_MAX);
        for (int i = 0; i < SAMPLES && run_step(run); i++) {
            ew_buf_clear(&line);
            run_line(run, &line);
            for (int k = 0; k < run->core.count; k++)
                if (greenup_limit_ma(&run->core, k) < 0)
                    abort();
        }
        ew_buf_done(&line);
        run_free(run);
    } else if (!reason.text[0]) {
        abort();
    }
    scenario_done(&sc);
    return 0;
}
