#include "recorder/optimise.h"

#include "base/clock.h"
#include "base/log.h"
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum {
    LOCK_MS = 10000,    // the thread waits so long for a writer to end
    MAIN_LOCK_MS = 200, // the loop must not wait long for the thread
    MAIN_LOCK_USUAL_MS = 5000,
    ROOM_BYTES = 20 << 20, // beside a copy of the database and the log of the copying
    WORST_PCT = 99
};

static const struct {
    const char *sql;
    int from_pct;
} steps[] = {{"PRAGMA quick_check(1)", 0},
             {"PRAGMA analysis_limit = 1000; ANALYZE", 40},
             {"VACUUM", 50},
             {"PRAGMA wal_checkpoint(TRUNCATE)", 95}};
enum { STEPS = sizeof(steps) / sizeof(steps[0]) };

struct optimise {
    struct store *store;
    char path[PATH_MAX];
    pthread_t thread;
    bool started; // the thread is to be joined
    atomic_bool over;
    atomic_int step;
    pthread_mutex_t lock; // of db
    sqlite3 *db;          // NULL while none is open
    bool stop;
    int64_t before_bytes, after_bytes, at_ms;
    bool known;              // it ran at least once
    struct ew_reason reason; // err EW_OK: it went well
};

// ---- On the thread ---------------------------------------------------------------------------------------

struct verdict {
    char text[128];
};

static int on_row(void *user, int count, char **values, char **names)
{
    (void)names;
    struct verdict *verdict = user;
    if (count > 0 && values[0])
        ew_copy(verdict->text, sizeof(verdict->text), values[0]);
    return 0;
}

static bool set_db(struct optimise *o, sqlite3 *db)
{
    pthread_mutex_lock(&o->lock);
    o->db = db;
    bool go_on = !o->stop;
    pthread_mutex_unlock(&o->lock);
    return go_on;
}

static enum ew_err run_steps(struct optimise *o, sqlite3 *db)
{
    for (int i = 0; i < STEPS; i++) {
        struct verdict verdict = {"ok"};
        atomic_store(&o->step, i);
        if (sqlite3_exec(db, steps[i].sql, on_row, &verdict, NULL) != SQLITE_OK) {
            (void)ew_fail(&o->reason, EW_E_IO, "optimise.failed", "",
                          "The database could not be optimised: %s.", sqlite3_errmsg(db));
            ew_reason_param(&o->reason, "problem", "%s", sqlite3_errmsg(db));
            return EW_E_IO;
        }
        if (i == 0 && strcmp(verdict.text, "ok") != 0) {
            (void)ew_fail(&o->reason, EW_E_INVALID, "optimise.damaged", "",
                          "The database is damaged (%s); it was left as it is.", verdict.text);
            ew_reason_param(&o->reason, "problem", "%s", verdict.text);
            return EW_E_INVALID;
        }
    }
    return EW_OK;
}

static void *work(void *user)
{
    struct optimise *o = user;
    sqlite3 *db = NULL;
    if (sqlite3_open_v2(o->path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK) {
        (void)ew_fail(&o->reason, EW_E_IO, "optimise.failed", "", "The database could not be optimised: %s.",
                      sqlite3_errmsg(db));
        ew_reason_param(&o->reason, "problem", "%s", sqlite3_errmsg(db));
    } else {
        sqlite3_busy_timeout(db, LOCK_MS);
        if (set_db(o, db) && run_steps(o, db) == EW_OK)
            ew_reason_clear(&o->reason);
        (void)set_db(o, NULL);
    }
    sqlite3_close(db);
    atomic_store(&o->over, true);
    return NULL;
}

// ---- On the loop -----------------------------------------------------------------------------------------

struct optimise *optimise_new(struct store *store, const char *path)
{
    struct optimise *o = calloc(1, sizeof(*o));
    char folder[PATH_MAX];
    if (!o)
        abort();
    o->store = store;
    ew_copy(o->path, sizeof(o->path), path);
    pthread_mutex_init(&o->lock, NULL);
    // The copy that VACUUM makes may be larger than a /tmp in memory.
    ew_copy(folder, sizeof(folder), path);
    char *slash = strrchr(folder, '/');
    if (slash)
        *slash = 0;
    if (slash && setenv("SQLITE_TMPDIR", folder, 1) != 0)
        abort();
    return o;
}

static void join(struct optimise *o)
{
    pthread_join(o->thread, NULL);
    o->started = false;
    o->after_bytes = store_size_bytes(o->store);
    o->at_ms = ew_clock_wall_ms();
    sqlite3_busy_timeout(store_db(o->store), MAIN_LOCK_USUAL_MS);
    if (o->reason.err == EW_OK)
        ew_notice("recorder", "database optimised bytes=%lld before=%lld", (long long)o->after_bytes,
                  (long long)o->before_bytes);
    else
        (void)ew_log_reason(EW_LOG_WARNING, "recorder", &o->reason);
}

void optimise_free(struct optimise *o)
{
    if (!o)
        return;
    pthread_mutex_lock(&o->lock);
    o->stop = true;
    if (o->db)
        sqlite3_interrupt(o->db);
    pthread_mutex_unlock(&o->lock);
    if (o->started)
        join(o);
    pthread_mutex_destroy(&o->lock);
    free(o);
}

static enum ew_err check_room(struct optimise *o, struct ew_reason *reason)
{
    // A copy beside the database, and its pages once more in the log.
    int64_t needed = 2 * o->before_bytes + ROOM_BYTES, free_bytes = store_free_bytes(o->store);
    if (free_bytes < 0 || free_bytes >= needed)
        return EW_OK;
    (void)ew_fail(reason, EW_E_FULL, "optimise.room", "",
                  "The disk has not enough room: %lld MB are needed, %lld MB are free.",
                  (long long)(needed / 1000000), (long long)(free_bytes / 1000000));
    ew_reason_param(reason, "needed_mb", "%lld", (long long)(needed / 1000000));
    ew_reason_param(reason, "free_mb", "%lld", (long long)(free_bytes / 1000000));
    return EW_E_FULL;
}

enum ew_err optimise_start(struct optimise *o, struct ew_reason *reason)
{
    if (optimise_running(o))
        return ew_fail(reason, EW_E_BUSY, "optimise.running", "", "The database is being optimised already.");
    o->before_bytes = store_size_bytes(o->store);
    enum ew_err err = check_room(o, reason);
    if (err != EW_OK)
        return err;
    ew_reason_clear(&o->reason);
    atomic_store(&o->over, false);
    atomic_store(&o->step, 0);
    sqlite3_busy_timeout(store_db(o->store), MAIN_LOCK_MS);
    sigset_t all, before; // signals are the loop's
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&o->thread, NULL, work, o);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed)
        return ew_fail(reason, EW_E_BUSY, "optimise.failed", "", "The database could not be optimised: %s.",
                       strerror(failed));
    o->started = o->known = true;
    return EW_OK;
}

bool optimise_running(struct optimise *o)
{
    if (o->started && atomic_load(&o->over))
        join(o);
    return o->started;
}

// VACUUM tells nothing of how far it is; what it has put into the log does.
static int percent(const struct optimise *o)
{
    char log[PATH_MAX];
    struct stat st;
    int step = atomic_load(&o->step);
    int from = steps[step].from_pct, to = step + 1 < STEPS ? steps[step + 1].from_pct : WORST_PCT;
    if (step != 2 || o->before_bytes <= 0 || ew_format(log, sizeof(log), "%s-wal", o->path) != EW_OK ||
        stat(log, &st) != 0)
        return from;
    int64_t done = from + (to - from) * (int64_t)st.st_size / o->before_bytes;
    return done > to ? to : (int)done;
}

void optimise_write(const struct optimise *o, struct ew_jw *w)
{
    if (!o->known)
        return;
    ew_jw_open_object(w, "optimise");
    ew_jw_text(w, "state", o->started ? "running" : o->reason.err == EW_OK ? "done" : "failed");
    ew_jw_int(w, "percent", o->started ? percent(o) : 100);
    ew_jw_int(w, "before_bytes", o->before_bytes);
    if (!o->started) {
        ew_jw_rfc3339(w, "at", o->at_ms);
        ew_jw_int(w, "after_bytes", o->after_bytes);
        if (o->reason.err != EW_OK)
            ew_jw_reason(w, "reason", &o->reason);
    }
    ew_jw_close_object(w);
}
