// What a register table under test makes of a live device: the same decoder as in polling, some registers a
// call, each with whether its value can be true. Nothing of it is kept.
#include "poller/tools_priv.h"

#include "core/profile/plausible.h"
#include <stdlib.h>
#include <string.h>

enum {
    AT_ONCE = 8, // values of one answer: then the page shows them and asks on
    ANSWER_MAX = 64 << 10,
    HELPERS_MAX = 3 // two scales and a sign
};

struct preview {
    struct tools *tools;
    struct mq_request *request;
    int64_t bus;
    int unit;
    struct profile profile;
    void *memory; // of the profile
    struct profile_value *values;
    int next, done; // the register to come; how many are in the answer
    bool silent;    // nothing answers: to ask for the others would only wait again
    struct profile_bound bound;
    int helpers[HELPERS_MAX], helper_count; // registers that its value hangs on, read with it
    struct profile_bound helper_bounds[HELPERS_MAX];
    struct ew_buf text;
    struct ew_jw w;
};

static void end(struct preview *p)
{
    ew_buf_done(&p->text);
    free(p->values);
    free(p->memory);
    free(p);
}

static void answer(struct preview *p)
{
    ew_jw_close_array(&p->w);
    if (p->next < p->profile.register_count && !p->silent)
        ew_jw_int(&p->w, "next", p->next);
    ew_jw_close_object(&p->w);
    mq_answer(p->request, &p->text);
    end(p);
}

// ---- One value -------------------------------------------------------------------------------------------

static void put_fix(struct ew_jw *w, const struct profile_fix *fix)
{
    ew_jw_open_object(w, NULL);
    ew_jw_text(w, "do", profile_fix_name(fix->what));
    switch (fix->what) {
    case PROFILE_FIX_ORDER:
        ew_jw_text(w, "order", fix->order == PROFILE_LSW ? "lsw" : "msw");
        break;
    case PROFILE_FIX_TYPE:
        ew_jw_text(w, "type", profile_type_name(fix->type));
        break;
    case PROFILE_FIX_SCALE:
        ew_jw_number(w, "scale", fix->scale);
        break;
    }
    ew_jw_number(w, "value", fix->value);
    ew_jw_close_object(w);
}

static void put_number(struct preview *p, const struct profile_register *r, const struct profile_value *value)
{
    if (value->quality != PROFILE_GOOD)
        ew_jw_null(&p->w, "value");
    else if (r->type == PROFILE_STRING)
        ew_jw_text(&p->w, "value", value->text);
    else if (value->single)
        ew_jw_float(&p->w, "value", (float)value->number);
    else
        ew_jw_number(&p->w, "value", value->number);
}

static void open_row(struct preview *p)
{
    ew_jw_open_object(&p->w, NULL);
    ew_jw_text(&p->w, "quantity", p->profile.registers[p->next].quantity);
    if (p->bound.fc) {
        ew_jw_int(&p->w, "fc", p->bound.fc);
        ew_jw_int(&p->w, "address", p->bound.address);
    }
}

static void close_row(struct preview *p)
{
    ew_jw_close_object(&p->w);
    p->next++;
    p->done++;
}

static void put_refusal(struct preview *p, const struct ew_reason *reason)
{
    open_row(p);
    ew_jw_reason(&p->w, "reason", reason);
    close_row(p);
}

static void put_value(struct preview *p, const uint16_t *words)
{
    struct profile_verdict verdict;
    const struct profile_register *r = &p->profile.registers[p->next];
    profile_finish(&p->profile, p->next, p->values);
    const struct profile_value *value = &p->values[p->next];
    profile_judge(&p->profile, p->next, &p->bound, words, value, p->tools->fleet->nominal_v, &verdict);
    open_row(p);
    put_number(p, r, value);
    ew_jw_text(&p->w, "looks", profile_looks_name(verdict.looks));
    ew_jw_open_array(&p->w, "fixes");
    for (int i = 0; i < verdict.fix_count; i++)
        put_fix(&p->w, &verdict.fixes[i]);
    ew_jw_close_array(&p->w);
    close_row(p);
}

// ---- Asking ----------------------------------------------------------------------------------------------

// A table has no device yet: what its parameters are preset to.
static double preset(const void *user, const char *name, double fallback)
{
    (void)user;
    (void)name;
    return fallback;
}

static enum ew_err add_helper(struct preview *p, int index, struct ew_reason *reason)
{
    if (index < 0)
        return EW_OK;
    p->helpers[p->helper_count] = index;
    return profile_bind(&p->profile, index, preset, NULL, &p->helper_bounds[p->helper_count++], reason);
}

static enum ew_err bind(struct preview *p, struct ew_reason *reason)
{
    const struct profile_register *r = &p->profile.registers[p->next];
    p->helper_count = 0;
    p->bound.fc = 0;
    enum ew_err err = profile_bind(&p->profile, p->next, preset, NULL, &p->bound, reason);
    for (int i = 0; i < 2 && err == EW_OK; i++)
        err = add_helper(p, r->scale_from[i], reason);
    return err == EW_OK ? add_helper(p, r->sign_from, reason) : err;
}

static void ask_on(struct preview *p);

static void on_done(void *user, const struct inlet_job *job)
{
    struct preview *p = user;
    tools_back(p->tools, job);
    if (job->err == EW_OK) {
        profile_decode(&p->profile, p->next, &p->bound, job->steps[0].words, &p->values[p->next]);
        for (int i = 0; i < p->helper_count; i++)
            profile_decode(&p->profile, p->helpers[i], &p->helper_bounds[i], job->steps[1 + i].words,
                           &p->values[p->helpers[i]]);
        put_value(p, job->steps[0].words);
    } else {
        p->silent =
            job->err == EW_E_TIMEOUT || job->err == EW_E_CLOSED || survey_way_closed(job->err, &job->reason);
        put_refusal(p, &job->reason);
    }
    ask_on(p);
}

static enum ew_err ask(struct preview *p, struct ew_reason *reason)
{
    const struct bus *bus = tools_bus(p->tools, p->bus, reason);
    if (!bus)
        return EW_E_UNKNOWN;
    const struct profile_limits *limits = &p->profile.limits;
    int timeout_ms = bus->config.serial.timeout_ms;
    struct inlet_job *job =
        inlet_job_new(INLET_TOOL, p->unit, timeout_ms > limits->timeout_ms ? timeout_ms : limits->timeout_ms,
                      limits->gap_ms, on_done, p);
    inlet_add_read(job, p->bound.fc, p->bound.address, p->bound.words);
    for (int i = 0; i < p->helper_count; i++)
        inlet_add_read(job, p->helper_bounds[i].fc, p->helper_bounds[i].address, p->helper_bounds[i].words);
    return tools_give(p->tools, p->bus, job, reason);
}

// The next register, or the answer.
static void ask_on(struct preview *p)
{
    struct ew_reason reason;
    while (p->next < p->profile.register_count && p->done < AT_ONCE && !p->silent) {
        ew_reason_clear(&reason);
        if (bind(p, &reason) != EW_OK) {
            put_refusal(p, &reason);
            continue;
        }
        enum ew_err err = ask(p, &reason);
        if (err == EW_OK)
            return;
        if (err == EW_E_BUSY && p->done > 0)
            break; // what is there is answered; the page asks on
        mq_answer_error(p->request, &reason);
        end(p);
        return;
    }
    answer(p);
}

// ---- The call --------------------------------------------------------------------------------------------

static enum ew_err read_profile(struct preview *p, const cJSON *tree, struct ew_reason *reason)
{
    size_t size = profile_memory(tree);
    struct ew_arena arena;
    p->memory = calloc(1, size);
    if (!p->memory)
        abort();
    ew_arena_init(&arena, p->memory, size);
    enum ew_err err = profile_read(tree, &arena, &p->profile, reason);
    if (err != EW_OK)
        return err;
    p->values = calloc((size_t)p->profile.register_count + 1, sizeof(*p->values));
    if (!p->values)
        abort();
    return EW_OK;
}

static enum ew_err read_args(struct preview *p, const cJSON *args, struct ew_reason *reason)
{
    int64_t unit = 0, from = 0;
    struct ew_json o;
    ew_json_open(&o, args, "", reason);
    ew_json_int(&o, "bus", EW_REQUIRED, 1, SITE_ID_MAX, &p->bus);
    ew_json_int(&o, "unit", EW_REQUIRED, 0, 255, &unit);
    ew_json_int(&o, "from", EW_OPTIONAL, 0, PROFILE_REGISTERS_MAX, &from);
    const cJSON *tree = ew_json_object(&o, "profile", EW_REQUIRED);
    enum ew_err err = ew_json_close(&o);
    p->unit = (int)unit;
    p->next = (int)from;
    return err == EW_OK ? read_profile(p, tree, reason) : err;
}

void preview_serve(void *user, struct mq_request *request, const cJSON *args, int64_t now_ms)
{
    (void)now_ms;
    struct ew_reason reason;
    struct preview *p = calloc(1, sizeof(*p));
    if (!p)
        abort();
    p->tools = user;
    p->request = request;
    ew_buf_init(&p->text, ANSWER_MAX);
    ew_reason_clear(&reason);
    if (read_args(p, args, &reason) != EW_OK) {
        mq_answer_error(request, &reason);
        end(p);
        return;
    }
    ew_jw_init(&p->w, &p->text);
    ew_jw_open_object(&p->w, NULL);
    ew_jw_int(&p->w, "total", p->profile.register_count);
    ew_jw_open_array(&p->w, "values");
    ask_on(p);
}
