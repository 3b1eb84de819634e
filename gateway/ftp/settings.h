// What ProFTPD is told: its configuration and its one user.
#ifndef EDGEWATT_FTP_SETTINGS_H
#define EDGEWATT_FTP_SETTINGS_H

#include "base/buf.h"
#include "base/err.h"
#include <stdbool.h>

enum {
    FTP_PASSIVE_FIRST = 49200,
    FTP_PASSIVE_LAST = 49231,
    FTP_UPLOAD_MAX_MB = 4096, // ten years of 255 devices are 1.2 GB
    FTP_CONFIG_MAX = 16 << 10
};

struct ftp_setting {
    const char *folder; // what is served, an absolute path
    const char *run;    // where the files below stand: passwd, group, tls.pem; the log
    const char *user;   // whom the server runs as
    const char *group;
    long uid, gid; // of those, as it sees them
    bool plain;    // may a client go without TLS?
};

// proftpd.conf of one connection. EW_E_INVALID for a path that its syntax can't hold.
enum ew_err ftp_config_write(const struct ftp_setting *setting, struct ew_buf *text,
                             struct ew_reason *reason) EW_MUST_CHECK;
// The one line of AuthUserFile, of AuthGroupFile.
void ftp_passwd_write(const struct ftp_setting *setting, const char *hash, struct ew_buf *text);
void ftp_group_write(const struct ftp_setting *setting, struct ew_buf *text);

#endif
