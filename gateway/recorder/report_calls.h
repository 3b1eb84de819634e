// The question recorder/report: makes reportdata.zip on a thread, one after the other, says how far it is,
// and keeps the newest of each account for an hour as DATA/reports/<account>.zip, which the page streams
// from.
#ifndef EDGEWATT_RECORDER_REPORT_CALLS_H
#define EDGEWATT_RECORDER_REPORT_CALLS_H

#include "core/calendar/calendar.h"
#include "recorder/jobs.h"
#include "recorder/mirror.h"

struct report_calls;

struct report_calls *report_calls_new(struct ew_service *service, struct jobs *jobs, struct mirror *mirror);
void report_calls_free(struct report_calls *calls); // takes NULL; after jobs_free
void report_calls_zone(struct report_calls *calls, const struct calendar_zone *zone);

#endif
