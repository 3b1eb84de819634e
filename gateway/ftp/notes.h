// What ProFTPD says: its log is a pipe in run/ftp/, read here line by line.
#ifndef EDGEWATT_FTP_NOTES_H
#define EDGEWATT_FTP_NOTES_H

#include "base/loop.h"
#include "core/ftp/ftp.h"

struct ftp_notes;

// words: what the line says after its time and place, never longer than 200 bytes.
typedef void ftp_notes_fn(void *user, enum ftp_event event, long pid, const char *words, int64_t now_ms);

// Makes the pipe anew.
enum ew_err ftp_notes_open(struct ew_loop *loop, const char *path, ftp_notes_fn *fn, void *user,
                           struct ftp_notes **ret, struct ew_reason *reason) EW_MUST_CHECK;
void ftp_notes_free(struct ftp_notes *notes); // takes NULL

#endif
