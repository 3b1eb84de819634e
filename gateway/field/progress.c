#include "field/progress.h"

#include <signal.h>
#include <string.h>

static volatile sig_atomic_t stop_wanted;

static void on_interrupt(int number)
{
    (void)number;
    stop_wanted = 1;
}

void field_stop_catch(void)
{
    struct sigaction action = {.sa_handler = on_interrupt};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

bool field_stop_wanted(void)
{
    return stop_wanted != 0;
}

void field_bar(char dst[FIELD_BAR_SIZE], int percent)
{
    enum { WIDTH = FIELD_BAR_SIZE - 1 };
    memset(dst, '.', WIDTH);
    memset(dst, '#', (size_t)(percent * WIDTH / 100));
    dst[WIDTH] = 0;
}
