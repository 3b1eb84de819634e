// The FTP server's password, and what it says of itself (REC-05). Pure.
#ifndef EDGEWATT_CORE_FTP_FTP_H
#define EDGEWATT_CORE_FTP_FTP_H

#include "base/err.h"
#include <stdbool.h>

#define FTP_USER             "wsmeasure" // the manual's, not to be changed (8.4.2)
#define FTP_DEFAULT_PASSWORD "wsmeasure"

enum {
    FTP_PASSWORD_MIN = 8,
    FTP_PASSWORD_MAX = 64,
    FTP_PASSWORD_VARIETY = 5, // different characters at least
    FTP_HASH_MAX = 192        // crypt(5)
};

// ASCII without spaces: what every client sends alike. "/password" is the reason's path.
enum ew_err ftp_password_check(const char *password, struct ew_reason *reason) EW_MUST_CHECK;

// "$y$...": a hash as crypt() makes it, with no character that would end its field or line.
bool ftp_hash_formed(const char *hash);

enum ftp_event {
    FTP_EVENT_OTHER,
    FTP_EVENT_LOGIN,
    FTP_EVENT_WRONG,  // user or password
    FTP_EVENT_UPLOAD, // database.zip is there, whole
};

// A line of the log: what it tells, of which process (0 = it does not say), and where its own words begin.
enum ftp_event ftp_log_read(const char *line, long *ret_pid, const char **ret_words);

#endif
