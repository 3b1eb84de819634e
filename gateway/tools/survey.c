#include "tools/survey.h"

#include "base/clock.h"
#include <stdlib.h>
#include <string.h>

enum { GUESS_TIMEOUT_MIN_MS = 300 };

struct survey {
    struct scan scan;
    struct scan_step step;
    int question;        // of the guess under way, -1 = none
    enum scan_pass pass; // the last that was under way
    int timeout_ms;
    bool failed;
    struct ew_reason reason;
    struct guess_book book;
    void *memory;
    const struct profile **profiles;
    struct guess_answer *answers;
    int count;
    struct survey_find finds[SCAN_UNIT_LAST + 1];
};

static void *take(size_t count, size_t size)
{
    void *memory = calloc(count ? count : 1, size);
    if (!memory)
        abort();
    return memory;
}

struct survey *survey_new(const struct library *library, int first, int last, int timeout_ms, bool full)
{
    struct survey *s = take(1, sizeof(*s));
    int count = library_count(library);
    size_t size = guess_memory(count);
    struct ew_arena arena;
    s->timeout_ms = timeout_ms;
    s->question = -1;
    s->memory = take(1, size);
    s->profiles = take((size_t)count, sizeof(const struct profile *));
    for (int i = 0; i < count; i++)
        s->profiles[i] = &library_at(library, i)->profile;
    ew_arena_init(&arena, s->memory, size);
    if (guess_book_build(s->profiles, count, &arena, &s->book) != EW_OK)
        abort(); // guess_memory said how much
    s->answers = take((size_t)s->book.question_count, sizeof(*s->answers));
    scan_begin(&s->scan, first, last, timeout_ms, full);
    return s;
}

void survey_free(struct survey *s)
{
    if (!s)
        return;
    free(s->answers);
    free(s->profiles);
    free(s->memory);
    free(s);
}

static struct survey_find *find_of(struct survey *s, int unit)
{
    for (int i = 0; i < s->count; i++)
        if (s->finds[i].unit == unit)
            return &s->finds[i];
    return NULL;
}

static void end_guess(struct survey *s, int unit)
{
    struct survey_find *find = find_of(s, unit);
    if (find) {
        find->guess_count = guess_rank(&s->book, s->answers, find->guesses);
        find->guessed = true;
    }
    memset(s->answers, 0, (size_t)s->book.question_count * sizeof(*s->answers));
    s->question = -1;
    scan_guessed(&s->scan);
}

bool survey_next(struct survey *s, struct mb_request *ret)
{
    if (s->failed)
        return false;
    for (;;) {
        scan_next(&s->scan, &s->step);
        if (s->step.what == SCAN_END)
            return false;
        s->pass = s->scan.pass;
        if (s->step.what == SCAN_ASK) {
            *ret = (struct mb_request){.unit = s->step.unit,
                                       .fc = s->step.fc,
                                       .address = s->step.address,
                                       .count = s->step.count,
                                       .timeout_ms = s->step.timeout_ms};
            return true;
        }
        const struct survey_find *find = find_of(s, s->step.unit);
        s->question = find && find->disturbed ? -1 : guess_next(&s->book, s->answers);
        if (s->question >= 0) {
            const struct guess_question *q = &s->book.questions[s->question];
            int patience = s->timeout_ms > GUESS_TIMEOUT_MIN_MS ? s->timeout_ms : GUESS_TIMEOUT_MIN_MS;
            *ret = (struct mb_request){.unit = s->step.unit,
                                       .fc = q->fc,
                                       .address = q->address,
                                       .count = q->count,
                                       .timeout_ms = patience};
            return true;
        }
        end_guess(s, s->step.unit);
    }
}

int survey_exception(const struct ew_reason *reason)
{
    for (int i = 0; i < reason->param_count; i++)
        if (strcmp(reason->params[i].name, "exception") == 0)
            return (int)strtol(reason->params[i].value, NULL, 10);
    return 0;
}

static enum survey_event answered_guess(struct survey *s, enum ew_err err, const struct ew_reason *reason,
                                        const uint16_t *words)
{
    struct guess_answer *answer = &s->answers[s->question];
    int code = err == EW_E_EXCEPTION ? survey_exception(reason) : 0;
    answer->heard = err == EW_OK ? GUESS_READ : err == EW_E_EXCEPTION ? GUESS_REFUSED : GUESS_SILENT;
    if (err == EW_OK)
        memcpy(answer->registers, words, s->book.questions[s->question].count * sizeof(*answer->registers));
    // 5, 6: the device is busy, which says nothing of its model.
    if (code == 5 || code == 6)
        answer->heard = GUESS_SILENT;
    s->question = guess_next(&s->book, s->answers);
    if (s->question >= 0)
        return SURVEY_NOTHING;
    end_guess(s, s->step.unit);
    return SURVEY_GUESSED;
}

enum survey_event survey_answered(struct survey *s, enum ew_err err, const struct ew_reason *reason,
                                  const uint16_t *words, double ms)
{
    if (survey_state(s) != SURVEY_RUNNING)
        return SURVEY_NOTHING;
    if (s->step.what == SCAN_GUESS)
        return answered_guess(s, err, reason, words);
    enum scan_answer answer = err == EW_OK            ? SCAN_READ
                              : err == EW_E_EXCEPTION ? SCAN_EXCEPTION
                              : err == EW_E_PROTOCOL  ? SCAN_DISTURBED
                                                      : SCAN_SILENT;
    if (err == EW_E_TIMEOUT && strcmp(reason->code, "bus.cut_short") == 0)
        answer = SCAN_DISTURBED;
    if (!scan_answered(&s->scan, answer))
        return SURVEY_NOTHING;
    struct survey_find *find = &s->finds[s->count++];
    *find = (struct survey_find){.unit = s->step.unit,
                                 .fc = s->step.fc,
                                 .exception = err == EW_E_EXCEPTION ? survey_exception(reason) : 0,
                                 .ms = ms,
                                 .disturbed = answer != SCAN_READ && answer != SCAN_EXCEPTION};
    return SURVEY_FOUND;
}

bool survey_way_closed(enum ew_err err, const struct ew_reason *reason)
{
    switch (err) {
    case EW_OK:
    case EW_E_EXCEPTION:
    case EW_E_PROTOCOL:
        return false;
    case EW_E_TIMEOUT: // of the device, the converter's word for it, or of connecting
        return strcmp(reason->code, "bus.timeout") != 0 && strcmp(reason->code, "bus.gateway_silent") != 0 &&
               strcmp(reason->code, "bus.cut_short") != 0;
    case EW_E_CLOSED: // some devices hang up on a unit that is not theirs
        return strcmp(reason->code, "bus.closed") != 0;
    default:
        return true;
    }
}

void survey_stop(struct survey *s)
{
    scan_stop(&s->scan);
}

void survey_fail(struct survey *s, const struct ew_reason *reason)
{
    s->failed = true;
    s->reason = *reason;
}

enum survey_state survey_state(const struct survey *s)
{
    return s->failed                      ? SURVEY_FAILED
           : s->scan.pass == SCAN_STOPPED ? SURVEY_STOPPED
           : s->scan.pass == SCAN_DONE    ? SURVEY_DONE
                                          : SURVEY_RUNNING;
}

const struct scan *survey_scan(const struct survey *s)
{
    return &s->scan;
}

int survey_count(const struct survey *s)
{
    return s->count;
}

const struct survey_find *survey_find(const struct survey *s, int index)
{
    return &s->finds[index];
}

const struct profile *survey_profile(const struct survey *s, int index)
{
    return s->profiles[index];
}

// ---- JSON ------------------------------------------------------------------------------------------------

static void write_find(const struct survey *s, const struct survey_find *find, int64_t device,
                       struct ew_jw *w)
{
    ew_jw_open_object(w, NULL);
    ew_jw_int(w, "unit", find->unit);
    ew_jw_text(w, "answer", find->disturbed ? "disturbed" : find->exception ? "exception" : "read");
    if (find->exception)
        ew_jw_int(w, "exception", find->exception);
    ew_jw_int(w, "fc", find->fc);
    ew_jw_number(w, "ms", (double)(int64_t)(find->ms * 10) / 10);
    if (device)
        ew_jw_int(w, "device", device);
    ew_jw_bool(w, "guessed", find->guessed);
    ew_jw_open_array(w, "guesses");
    for (int i = 0; i < find->guess_count; i++) {
        const struct profile *profile = s->profiles[find->guesses[i].profile];
        ew_jw_open_object(w, NULL);
        ew_jw_text(w, "profile", profile->id);
        ew_jw_text(w, "family", profile->family);
        ew_jw_text(w, "model", profile->model);
        ew_jw_text(w, "sure", guess_sure_name(find->guesses[i].sure));
        ew_jw_close_object(w);
    }
    ew_jw_close_array(w);
    ew_jw_close_object(w);
}

void survey_write(const struct survey *s, int64_t bus, survey_known_fn *known, const void *user,
                  struct ew_jw *w)
{
    static const char *const states[] = {"running", "done", "stopped", "failed"};
    int done, total;
    scan_progress(&s->scan, &done, &total);
    ew_jw_open_object(w, NULL);
    ew_jw_rfc3339(w, "ts", ew_clock_wall_ms());
    ew_jw_int(w, "bus", bus);
    ew_jw_text(w, "state", states[survey_state(s)]);
    ew_jw_text(w, "pass", scan_pass_name(s->pass));
    ew_jw_int(w, "done", done);
    ew_jw_int(w, "total", total);
    if (s->failed)
        ew_jw_reason(w, "reason", &s->reason);
    ew_jw_open_array(w, "finds");
    for (int i = 0; i < s->count; i++)
        write_find(s, &s->finds[i], known ? known(user, s->finds[i].unit) : 0, w);
    ew_jw_close_array(w);
    ew_jw_close_object(w);
}
