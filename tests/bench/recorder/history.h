// Shared by what makes a history and what asks it.
#ifndef EDGEWATT_BENCH_RECORDER_HISTORY_H
#define EDGEWATT_BENCH_RECORDER_HISTORY_H

#include "core/calendar/calendar.h"
#include "store/store.h"

enum { DEVICES = 255, GAS_FROM = 241, WATER_FROM = 251, CIRCUITS = 14, ZONES = 20, FIRST_YEAR = 2016 };

extern struct calendar_zone history_zone;
uint32_t next_random(void); // the same numbers at each run
void must(bool ok, const char *what);
int64_t history_end_s(int years); // where the running day begins
void history_make(struct store *store, int years);

#endif
