// What ProFTPD reads, in run/ftp/, and what it leaves behind in the export folder.
#ifndef EDGEWATT_FTP_FILES_H
#define EDGEWATT_FTP_FILES_H

#include "ftp/jail.h"
#include <limits.h>

struct ftp_files {
    char folder[PATH_MAX]; // DATA/export
    char run[PATH_MAX];    // DATA/run/ftp
    char config[PATH_MAX]; // run + /proftpd.conf
    char log[PATH_MAX];    // run + /log
};

void ftp_files_name(struct ftp_files *files, const char *data_dir);

// Where ProFTPD is; EW_E_UNKNOWN when it is not installed. $EDGEWATT_PROFTPD names another place.
enum ew_err ftp_files_find_program(char ret[PATH_MAX], struct ew_reason *reason) EW_MUST_CHECK;

// Writes them all, and has ProFTPD look at its configuration.
enum ew_err ftp_files_write(const struct ftp_files *files, const struct ftp_jail *jail, const char *program,
                            const char *hash, bool plain, struct ew_reason *reason) EW_MUST_CHECK;

// Removes what uploads left that were cut off. Only while nobody is connected.
void ftp_files_sweep(const struct ftp_files *files);

#endif
