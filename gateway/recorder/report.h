// RPT-01: consumption of chosen devices, charge points, zones or circuits over a period, and what it cost, as
// reportdata.zip. Like the CSV tree it reads with a connection of its own, on a thread.
#ifndef EDGEWATT_RECORDER_REPORT_H
#define EDGEWATT_RECORDER_REPORT_H

#include "recorder/csv_tree.h"

enum report_scope { REPORT_DEVICES, REPORT_STATIONS, REPORT_ZONES, REPORT_CIRCUITS };
enum report_by { REPORT_SLOTS, REPORT_HOURS, REPORT_DAYS };
enum { REPORT_IDS_MAX = 4096 };

// A report never fills the disk, and ends somewhere.
struct report_limits {
    int64_t tables_bytes_max; // unpacked
    int64_t free_bytes_min;   // what it leaves on the disk
};
// 2 GB (ten years of 255 devices, each 10 min, with costs), 256 MiB.
extern const struct report_limits report_limits;

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

// With tables of so many bytes and so much room: EW_E_TOO_LARGE, EW_E_FULL when it can't go on.
enum ew_err report_room(const struct report_limits *limits, int64_t tables_bytes, int64_t free_bytes,
                        struct ew_reason *reason) EW_MUST_CHECK;

// Writes the archive to path; `tree` tells data folder, configuration, zone, separators and who watches.
// EW_E_CLOSED when it was cancelled; nothing is left of it then, nor when it fails.
enum ew_err report_write(const struct report *report, const struct report_limits *limits,
                         const struct csv_tree *tree, const char *path,
                         struct ew_reason *reason) EW_MUST_CHECK;

#endif
