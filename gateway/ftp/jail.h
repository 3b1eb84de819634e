// What the FTP server may do: nothing but lock itself into the export folder. It needs CAP_SYS_CHROOT for
// that, which root and the systemd unit have; any other user borrows it in a user namespace.
#ifndef EDGEWATT_FTP_JAIL_H
#define EDGEWATT_FTP_JAIL_H

#include "base/err.h"
#include <stdbool.h>

struct ftp_jail {
    bool borrowed;
    char user[33], group[33]; // whom the server is, as it sees itself
    long uid, gid;
};

// Tries it out in a child process. EW_E_DENIED when this machine gives no such right.
enum ew_err ftp_jail_find(struct ftp_jail *ret, struct ew_reason *reason) EW_MUST_CHECK;

// In a child process that is about to become the server: drops every other right, for good. False: do not go
// on.
bool ftp_jail_enter(const struct ftp_jail *jail);

#endif
