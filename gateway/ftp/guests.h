// The FTP door: a listening socket of ours, so that a newcomer is counted, weighed and refused before
// anything is spent on him, and a process of ProFTPD for each who is let in. It dies with this process.
#ifndef EDGEWATT_FTP_GUESTS_H
#define EDGEWATT_FTP_GUESTS_H

#include "base/loop.h"
#include "ftp/jail.h"

enum {
    FTP_GUESTS_MAX = 16,
    FTP_GUESTS_PER_ADDRESS = 8 // a client that copies a folder opens some at once
};

struct ftp_guests;

struct ftp_guests_options {
    const char *program; // of ProFTPD
    const char *config;  // its configuration
    const struct ftp_jail *jail;
    // All are on loan for as long as the door lives.
};

struct ftp_guests *ftp_guests_new(struct ew_loop *loop, const struct ftp_guests_options *options);
void ftp_guests_free(struct ftp_guests *guests); // takes NULL; ends whoever is in

// address NULL = every one. An open door stays as it is.
enum ew_err ftp_guests_open(struct ftp_guests *guests, const char *address, int port,
                            struct ew_reason *reason) EW_MUST_CHECK;
void ftp_guests_close(struct ftp_guests *guests); // ends whoever is in
// Ends whoever is in: their password is not good any more.
void ftp_guests_end(struct ftp_guests *guests);

// What the log told of a process: whether it logged in. Returns the guest's address, "" for a stranger.
const char *ftp_guests_tell(struct ftp_guests *guests, long pid, bool right, int64_t now_ms);

bool ftp_guests_listening(const struct ftp_guests *guests);
int ftp_guests_count(const struct ftp_guests *guests);
int64_t ftp_guests_refused(const struct ftp_guests *guests); // newcomers, since the start

#endif
