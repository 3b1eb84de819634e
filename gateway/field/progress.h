// What commands that take long share: Ctrl-C asks them to stop, and they show how far they are.
#ifndef EDGEWATT_FIELD_PROGRESS_H
#define EDGEWATT_FIELD_PROGRESS_H

#include <stdbool.h>

enum { FIELD_BAR_SIZE = 31, FIELD_LINE_EVERY_PCT = 25 /* without a terminal: a line each quarter */ };

// From now on SIGINT and SIGTERM only set what field_stop_wanted tells.
void field_stop_catch(void);
bool field_stop_wanted(void);

// "######........": percent is 0 to 100.
void field_bar(char dst[FIELD_BAR_SIZE], int percent);

#endif
