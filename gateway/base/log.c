#include "base/log.h"

#include "base/clock.h"
#include "base/limits.h"
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

enum { REPEAT_WINDOW_MS = 10000 };

static struct {
    pthread_mutex_t lock;
    const char *service;
    enum ew_log_level max;
    char last[EW_LOG_LINE_MAX]; // "subject: message" of the last line written
    enum ew_log_level last_level;
    int64_t last_ms;
    unsigned repeats;
} state = {.lock = PTHREAD_MUTEX_INITIALIZER, .service = "edgewatt", .max = EW_LOG_INFO};

void ew_log_init(const char *service, enum ew_log_level max)
{
    static const struct {
        const char *name;
        enum ew_log_level level;
    } names[] = {{"error", EW_LOG_ERROR},
                 {"warning", EW_LOG_WARNING},
                 {"notice", EW_LOG_NOTICE},
                 {"info", EW_LOG_INFO},
                 {"debug", EW_LOG_DEBUG}};
    pthread_mutex_lock(&state.lock);
    state.service = service;
    state.max = max;
    const char *wanted = getenv("EDGEWATT_LOG");
    for (size_t i = 0; wanted && i < sizeof(names) / sizeof(names[0]); i++)
        if (strcasecmp(wanted, names[i].name) == 0)
            state.max = names[i].level;
    pthread_mutex_unlock(&state.lock);
}

// One write a line, so that lines of several processes never mix.
static void write_line(enum ew_log_level level, const char *text)
{
    char line[EW_LOG_LINE_MAX + EW_NAME_MAX + 16];
    int n = snprintf(line, sizeof(line), "<%d>%s/%s\n", (int)level, state.service, text);
    size_t len = n < 0 ? 0 : (size_t)n < sizeof(line) ? (size_t)n : sizeof(line) - 1;
    for (size_t i = 0; i + 1 < len; i++)
        if ((unsigned char)line[i] < 0x20)
            line[i] = ' '; // a line from outside can't forge another
    if (write(STDERR_FILENO, line, len) < 0)
        return; // nowhere left to complain to
}

static void flush_repeats(void)
{
    if (state.repeats) {
        char text[EW_LOG_LINE_MAX];
        snprintf(text, sizeof(text), "%.900s repeated=%u", state.last, state.repeats);
        write_line(state.last_level, text);
        state.repeats = 0;
    }
}

void ew_log_flush(void)
{
    pthread_mutex_lock(&state.lock);
    flush_repeats();
    state.last[0] = 0;
    pthread_mutex_unlock(&state.lock);
}

void ew_log(enum ew_log_level level, const char *subject, const char *fmt, ...)
{
    if (level > state.max)
        return;
    char text[EW_LOG_LINE_MAX];
    int n = snprintf(text, sizeof(text), "%s: ", subject);
    if (n < 0 || (size_t)n >= sizeof(text))
        n = 0;
    va_list args;
    va_start(args, fmt);
    vsnprintf(text + n, sizeof(text) - (size_t)n, fmt, args);
    va_end(args);
    int64_t now_ms = ew_clock_up_ms();
    pthread_mutex_lock(&state.lock);
    if (strcmp(text, state.last) == 0 && now_ms - state.last_ms < REPEAT_WINDOW_MS) {
        state.repeats++;
    } else {
        flush_repeats();
        write_line(level, text);
        memcpy(state.last, text, sizeof(text));
        state.last_level = level;
        state.last_ms = now_ms;
    }
    pthread_mutex_unlock(&state.lock);
}

enum ew_err ew_log_reason(enum ew_log_level level, const char *subject, const struct ew_reason *reason)
{
    ew_log(level, subject, "%s%s%s", reason->path, reason->path[0] ? ": " : "", reason->text);
    return reason->err;
}
