// RPT-01: consumption of chosen devices, charge points, zones or circuits over a period, and what it cost, as
// reportdata.zip. Like the CSV tree it reads with a connection of its own, on a thread.
#ifndef EDGEWATT_RECORDER_REPORT_H
#define EDGEWATT_RECORDER_REPORT_H

#include "recorder/csv_tree.h"

enum report_scope { REPORT_DEVICES, REPORT_STATIONS, REPORT_ZONES, REPORT_CIRCUITS };
enum report_by { REPORT_SLOTS, REPORT_HOURS, REPORT_DAYS };
enum { REPORT_IDS_MAX = 4096 };
#define REPORT_BYTES_MAX                                                                                     \
    INT64_C(2000000000) // of its tables, unpacked: ten years of 255 devices, each 10 min, with costs

struct report {
    enum report_scope scope;
    enum report_by by;
    bool cost;
    int id_count; // 0 = all
    int64_t ids[REPORT_IDS_MAX];
    int64_t from_s, to_s;
};

// {"scope", "by", "cost"?, "ids"?, "from", "to"}: local dates, `to` inclusive. "action" is passed over.
enum ew_err report_read(const cJSON *args, const struct calendar_zone *zone, struct report *ret,
                        struct ew_reason *reason) EW_MUST_CHECK;

// Writes the archive to path; `tree` tells data folder, configuration, zone, separators and who watches.
// EW_E_CLOSED when it was cancelled; nothing is left of it then.
enum ew_err report_write(const struct report *report, const struct csv_tree *tree, const char *path,
                         struct ew_reason *reason) EW_MUST_CHECK;

#endif
