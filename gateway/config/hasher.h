// One thread that hashes PUKs, one at a time: Argon2id takes some 50 ms and 19 MiB, and the loop must go on.
#ifndef EDGEWATT_CONFIG_HASHER_H
#define EDGEWATT_CONFIG_HASHER_H

#include "base/loop.h"
#include "config/accounts.h"

enum { HASHER_JOBS_MAX = 16 };

struct hasher;

// hash NULL: there was no memory for it.
typedef void hasher_done_fn(void *user, const unsigned char hash[ACCOUNTS_HASH_BYTES], int64_t now_ms);

struct hasher *hasher_new(struct ew_loop *loop);
void hasher_free(struct hasher *hasher); // waits for the running one; no callbacks any more

// The callback runs on the loop, exactly once. EW_E_BUSY when HASHER_JOBS_MAX wait.
enum ew_err hasher_hash(struct hasher *hasher, const char *puk, const unsigned char salt[16],
                        hasher_done_fn *done, void *user) EW_MUST_CHECK;

#endif
