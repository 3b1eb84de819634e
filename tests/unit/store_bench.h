// A database of history in a folder of its own, for tests of what is stored in it.
#ifndef EDGEWATT_TESTS_UNIT_STORE_BENCH_H
#define EDGEWATT_TESTS_UNIT_STORE_BENCH_H

#include "check.h"

#include "store/store.h"
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct bench {
    char folder[64], path[96];
    struct store *store;
};

static int bench_setup(void **state)
{
    struct bench *b = calloc(1, sizeof(*b));
    struct ew_reason reason = {0};
    assert_non_null(b);
    (void)snprintf(b->folder, sizeof(b->folder), "/tmp/edgewatt-history-XXXXXX");
    assert_non_null(mkdtemp(b->folder));
    (void)snprintf(b->path, sizeof(b->path), "%s/history.db", b->folder);
    assert_int_equal(
        store_open(b->path, EDGEWATT_SOURCE_DIR "/gateway/recorder/migrations", &b->store, &reason), EW_OK);
    *state = b;
    return 0;
}

static int bench_teardown(void **state)
{
    static const char *const ends[] = {"", "-wal", "-shm"};
    struct bench *b = *state;
    store_close(b->store);
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        char path[128];
        (void)snprintf(path, sizeof(path), "%s%s", b->path, ends[i]);
        (void)unlink(path);
    }
    (void)rmdir(b->folder);
    free(b);
    return 0;
}

#endif
