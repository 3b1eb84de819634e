#include "recorder/checker.h"

#include "base/buf.h"
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct checker {
    char path[PATH_MAX];
    pthread_t thread;
    atomic_bool stop;
    atomic_int verdict;
    char finding[160];
};

static int asked_to_stop(void *user)
{
    return atomic_load(&((struct checker *)user)->stop);
}

// What can't be read because of a busy or a full machine is no damage: that is for the next start to see.
static enum checker_verdict look(struct checker *c, sqlite3 *db)
{
    sqlite3_stmt *q = NULL;
    enum checker_verdict verdict = CHECKER_WHOLE;
    sqlite3_progress_handler(db, 10000, asked_to_stop, c);
    int code = sqlite3_prepare_v2(db, "PRAGMA quick_check(1)", -1, &q, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_step(q);
    if (code == SQLITE_ROW && strcmp((const char *)sqlite3_column_text(q, 0), "ok") != 0) {
        ew_copy(c->finding, sizeof(c->finding), (const char *)sqlite3_column_text(q, 0));
        verdict = CHECKER_DAMAGED;
    } else if ((code & 0xFF) == SQLITE_CORRUPT || (code & 0xFF) == SQLITE_NOTADB) {
        ew_copy(c->finding, sizeof(c->finding), sqlite3_errmsg(db));
        verdict = CHECKER_DAMAGED;
    }
    sqlite3_finalize(q);
    return verdict;
}

static void *work(void *user)
{
    struct checker *c = user;
    sqlite3 *db = NULL;
    enum checker_verdict verdict = CHECKER_WHOLE;
    if (sqlite3_open_v2(c->path, &db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL) == SQLITE_OK)
        verdict = look(c, db);
    sqlite3_close(db);
    atomic_store(&c->verdict, (int)verdict);
    return NULL;
}

struct checker *checker_start(const char *database_path)
{
    struct checker *c = calloc(1, sizeof(*c));
    if (!c)
        abort();
    ew_copy(c->path, sizeof(c->path), database_path);
    atomic_init(&c->stop, false);
    atomic_init(&c->verdict, (int)CHECKER_RUNNING);
    // Signals are the loop's.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    if (pthread_create(&c->thread, NULL, work, c) != 0)
        abort();
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return c;
}

enum checker_verdict checker_verdict(const struct checker *c)
{
    return (enum checker_verdict)atomic_load(&c->verdict);
}

const char *checker_finding(const struct checker *c)
{
    return c->finding;
}

void checker_free(struct checker *c)
{
    if (!c)
        return;
    atomic_store(&c->stop, true);
    pthread_join(c->thread, NULL);
    free(c);
}
