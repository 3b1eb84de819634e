// A CSV file that grows while others read it. A reader never sees half a line: lines are added under a write
// lease (fcntl(2)), which is had only while nobody has the file open and which lets who opens it wait until
// they are all there. When somebody is reading, and where there are no leases, a new file is made beside it,
// in the spare folder, and renamed. So a month is not written again and again (that cost 25 MB a day).
#ifndef EDGEWATT_RECORDER_CSV_FILE_H
#define EDGEWATT_RECORDER_CSV_FILE_H

#include "base/buf.h"
#include <limits.h>
#include <sys/types.h>

enum { CSV_PENDING_MAX = 16 << 10, CSV_ADDED_MAX = 1 << 20 };

struct csv_file {
    char path[PATH_MAX], spare[PATH_MAX];
    bool known;         // the file that is seen goes on: same header, ends with a line
    bool prepared;      // a new file is in the spare folder, to be shown
    bool added;         // lines were added where it is
    int64_t next_s;     // lines from here on are new; INT64_MIN = all
    struct ew_buf text; // not yet in the spare
};

// Looks at what is there. header: the first line, with its end. separator 0: the file is made anew whatever
// is there.
enum ew_err csv_file_open(struct csv_file *file, const char *export_dir, const char *spare_dir,
                          const char *name, const char *header, char separator,
                          struct ew_reason *reason) EW_MUST_CHECK;
void csv_file_done(struct csv_file *file);
// Writes what was put to file->text when it is much, or all of it.
enum ew_err csv_file_flush(struct csv_file *file, bool all, struct ew_reason *reason) EW_MUST_CHECK;
// Shows it. Between the last flush and this the caller calls syncfs: after a power cut no file is cut short.
enum ew_err csv_file_show(struct csv_file *file, struct ew_reason *reason) EW_MUST_CHECK;

// A small file, written whole when its contents changed.
enum ew_err csv_file_replace(const char *export_dir, const char *spare_dir, const char *name,
                             const struct ew_buf *text, struct ew_reason *reason) EW_MUST_CHECK;

#endif
