// When CSV files are written (REC-03): every few hours, at midnight, when asked for; and the question
// recorder/export.
#ifndef EDGEWATT_RECORDER_EXPORT_CALLS_H
#define EDGEWATT_RECORDER_EXPORT_CALLS_H

#include "core/calendar/calendar.h"
#include "recorder/jobs.h"
#include "recorder/mirror.h"

struct export_calls;

struct export_calls *export_calls_new(struct ew_service *service, struct jobs *jobs, struct mirror *mirror);
void export_calls_free(struct export_calls *calls); // takes NULL; after jobs_free
void export_calls_zone(struct export_calls *calls, const struct calendar_zone *zone);
// "export": {"state", "percent", "last"} for service/recorder/status.
void export_calls_health(const struct export_calls *calls, struct ew_jw *w);

#endif
