#include "poller/tools_priv.h"

#include "base/clock.h"
#include "base/log.h"
#include "core/scan/outcome.h"
#include "tools/guard.h"
#include "tools/values.h"
#include <stdlib.h>
#include <string.h>

enum {
    ANSWER_MAX = 128 << 10,
    SILENT_MAX = 3,  // devices of a bus that a test asks in vain
    OTHERS_MS = 3000 // another master waits no longer for its turn
};

const struct bus *tools_bus(const struct tools *tools, int64_t id, struct ew_reason *reason)
{
    const struct bus *bus = fleet_bus(tools->fleet, id);
    if (bus && bus->configured && bus->worker && !bus->ending)
        return bus;
    (void)ew_fail(reason, EW_E_UNKNOWN, "inlet.no_bus", "", "The bus %lld is not there or is off.",
                  (long long)id);
    ew_reason_param(reason, "bus", "%lld", (long long)id);
    return NULL;
}

// ---- Jobs ------------------------------------------------------------------------------------------------

static int *busy_of(struct tools *tools, int64_t bus)
{
    int free_place = -1;
    for (int i = 0; i < EW_BUSES_MAX; i++) {
        if (tools->busy[i].count > 0 && tools->busy[i].bus == bus)
            return &tools->busy[i].count;
        if (tools->busy[i].count == 0 && free_place < 0)
            free_place = i;
    }
    if (free_place < 0)
        return NULL;
    tools->busy[free_place].bus = bus;
    return &tools->busy[free_place].count;
}

enum ew_err tools_give(struct tools *tools, int64_t bus, struct inlet_job *job, struct ew_reason *reason)
{
    int *busy = busy_of(tools, bus);
    if (!busy || *busy >= TOOLS_PER_BUS_MAX) {
        inlet_job_free(job);
        return ew_fail(reason, EW_E_BUSY, "tool.busy", "", "Other tools are at work on this bus: try again.");
    }
    job->tag = bus;
    enum ew_err err = fleet_ask(tools->fleet, bus, job, reason);
    *busy += err == EW_OK;
    return err;
}

void tools_back(struct tools *tools, const struct inlet_job *job)
{
    int *busy = busy_of(tools, job->tag);
    if (busy && *busy > 0)
        (*busy)--;
}

// ---- read, write -----------------------------------------------------------------------------------------

struct raw { // a read or a write under way
    struct tools *tools;
    struct mq_request *request;
    struct value_request values;
};

static void on_raw_done(void *user, const struct inlet_job *job)
{
    struct raw *raw = user;
    struct ew_buf text;
    struct ew_jw w;
    const struct inlet_step *step = &job->steps[0];
    bool write = mb_is_write(raw->values.rq.fc);
    tools_back(raw->tools, job);
    ew_buf_init(&text, ANSWER_MAX);
    ew_jw_init(&w, &text);
    value_answer_write(&raw->values, write ? NULL : step->words, (double)step->took_us / 1000,
                       job->err == EW_OK ? NULL : &job->reason, &w);
    mq_answer(raw->request, &text);
    ew_buf_done(&text);
    free(raw);
}

// Every device that a write to this unit gets to must allow it.
static enum ew_err may_write(const struct tools *tools, const struct bus *bus, int unit,
                             struct ew_reason *reason)
{
    const struct fleet *fleet = tools->fleet;
    enum ew_err err = EW_OK;
    for (int i = 0; i < fleet->device_count && err == EW_OK; i++) {
        const struct device *device = fleet->devices[i];
        if (device->configured && !device->bad && device->config.bus == bus->id &&
            guard_reaches(bus->config.type, unit, device->config.unit))
            err = guard_write(&device->config,
                              device->recipe ? device->recipe->profile
                                             : library_find(fleet->shelf->library, device->config.profile),
                              reason);
    }
    return err;
}

// The silence that devices at this unit want before a request.
static int gap_of(const struct tools *tools, int64_t bus, int unit)
{
    const struct fleet *fleet = tools->fleet;
    int gap_ms = 0;
    for (int i = 0; i < fleet->device_count; i++) {
        const struct recipe *recipe = fleet->devices[i]->recipe;
        if (recipe && recipe->bus == bus && recipe->unit == unit && recipe->gap_ms > gap_ms)
            gap_ms = recipe->gap_ms;
    }
    return gap_ms;
}

// What another master asks through the server (NET-03) gets what polling leaves of the line, as a scan does.
static enum ew_err give_raw(struct tools *tools, const struct raw *raw, const struct bus *bus,
                            struct ew_reason *reason)
{
    const struct mb_request *rq = &raw->values.rq;
    bool other = strcmp(mq_request_account(raw->request), "server") == 0;
    if (rq->count > INLET_WORDS_MAX)
        return ew_fail(reason, EW_E_TOO_LARGE, "tool.count", "/count", "at most %d at once", INLET_WORDS_MAX);
    struct inlet_job *job =
        inlet_job_new(other ? INLET_SCAN : INLET_TOOL, rq->unit, bus->config.serial.timeout_ms,
                      gap_of(tools, bus->id, rq->unit), on_raw_done, (void *)raw);
    job->latest_ms = other ? ew_clock_up_ms() + OTHERS_MS : 0;
    if (mb_is_write(rq->fc))
        inlet_add_write(job, rq->fc, rq->address, rq->count, raw->values.words);
    else
        inlet_add_read(job, rq->fc, rq->address, rq->count);
    return tools_give(tools, bus->id, job, reason);
}

static void serve_raw(struct tools *tools, struct mq_request *request, const cJSON *args, bool write)
{
    struct raw *raw = calloc(1, sizeof(*raw));
    struct ew_reason reason;
    if (!raw)
        abort();
    raw->tools = tools;
    raw->request = request;
    ew_reason_clear(&reason);
    enum ew_err err = value_request_read(args, write, &raw->values, &reason);
    const cJSON *id = cJSON_GetObjectItemCaseSensitive(args, "bus");
    int64_t bus_id = cJSON_IsNumber(id) ? (int64_t)id->valuedouble : 0;
    const struct bus *bus = err == EW_OK ? tools_bus(tools, bus_id, &reason) : NULL;
    if (err == EW_OK && !bus)
        err = EW_E_UNKNOWN;
    if (err == EW_OK) {
        struct mb_request rq = raw->values.rq;
        rq.words = write ? raw->values.words : NULL;
        err = mb_request_check(&rq, &reason);
    }
    if (err == EW_OK && write)
        err = may_write(tools, bus, raw->values.rq.unit, &reason);
    if (err == EW_OK)
        err = give_raw(tools, raw, bus, &reason);
    if (err == EW_OK && write)
        ew_notice("poller", "raw write account=%s bus=%lld unit=%d fc=%d address=%d count=%d",
                  mq_request_account(request), (long long)bus_id, raw->values.rq.unit, raw->values.rq.fc,
                  raw->values.rq.address, raw->values.rq.count);
    if (err == EW_OK)
        return;
    mq_answer_error(request, &reason);
    free(raw);
}

static void on_read(void *user, struct mq_request *request, const cJSON *args, int64_t now_ms)
{
    (void)now_ms;
    serve_raw(user, request, args, false);
}

static void on_write(void *user, struct mq_request *request, const cJSON *args, int64_t now_ms)
{
    (void)now_ms;
    serve_raw(user, request, args, true);
}

// ---- test ------------------------------------------------------------------------------------------------

struct test { // of a bus or of a device
    struct tools *tools;
    struct mq_request *request;
    int64_t bus, device;   // device 0: of the bus itself
    int next, silent;      // of a bus: the next device to ask, by index in the fleet
    struct recipe *recipe; // of the device that is asked now; NULL: it has no profile, or there is none
    int index;             // of the register asked for, -1 = none
};

static void end_test(struct test *test)
{
    recipe_release(test->recipe);
    free(test);
}

static enum outcome_line line_of(const struct tools *tools, int64_t bus_id)
{
    const struct bus *bus = fleet_bus(tools->fleet, bus_id);
    enum site_bus_type type = bus ? bus->config.type : SITE_BUS_TCP;
    return type == SITE_BUS_RTU ? OUTCOME_RTU : type == SITE_BUS_RTU_TCP ? OUTCOME_RTU_TCP : OUTCOME_TCP;
}

// {ok, bus, device?, ms?, reason, advice?}: reason is what came of it, advice what to look at.
static void answer_test(struct test *test, bool ok, double ms, const struct ew_reason *reason)
{
    struct ew_buf text;
    struct ew_jw w;
    struct ew_reason advice;
    ew_buf_init(&text, ANSWER_MAX);
    ew_jw_init(&w, &text);
    ew_jw_open_object(&w, NULL);
    ew_jw_bool(&w, "ok", ok);
    ew_jw_int(&w, "bus", test->bus);
    if (test->device)
        ew_jw_int(&w, "device", test->device);
    if (ms > 0)
        ew_jw_number(&w, "ms", (double)(int64_t)(ms * 10) / 10);
    ew_jw_reason(&w, "reason", reason);
    if (!ok &&
        outcome_advice(reason->code, survey_exception(reason), line_of(test->tools, test->bus), &advice))
        ew_jw_reason(&w, "advice", &advice);
    ew_jw_close_object(&w);
    mq_answer(test->request, &text);
    ew_buf_done(&text);
    end_test(test);
}

// The register that tells most at a glance: measured by itself, no string, no scale from another one.
static int choose_register(const struct recipe *recipe)
{
    static const char *const first[] = {"voltage_l1_n", "voltage_l1_l2",        "frequency", "state",
                                        "active_power", "active_energy_import", "volume"};
    const struct profile *profile = recipe->profile;
    for (size_t i = 0; i < sizeof(first) / sizeof(first[0]); i++) {
        int index = profile_find(profile, first[i]);
        if (index >= 0 && profile->registers[index].scale_from[0] < 0 &&
            profile->registers[index].sign_from < 0)
            return index;
    }
    for (int i = 0; i < profile->register_count; i++)
        if (!profile->registers[i].hidden && profile->registers[i].scale_from[0] < 0 &&
            profile->registers[i].sign_from < 0)
            return i;
    return -1;
}

static bool ask_next_device(struct test *test);

static void read_answer(const struct test *test, const struct inlet_job *job, double ms,
                        struct ew_reason *ret)
{
    const struct recipe *recipe = test->recipe;
    struct profile_value value;
    const char *unit = "";
    if (!recipe || test->index < 0) {
        outcome_answers(job->unit, ms, ret);
        return;
    }
    const char *quantity = recipe->profile->registers[test->index].quantity;
    profile_decode(recipe->profile, test->index, &recipe->bound[test->index], job->steps[0].words, &value);
    (void)profile_quantity_known(quantity, &unit);
    const char *state = test->index == recipe->profile->state_register
                            ? profile_state_name(recipe->profile, value.raw)
                            : NULL;
    if (state)
        ew_copy(value.text, sizeof(value.text), state);
    outcome_value(job->unit, ms, quantity, &value, unit ? unit : "", ret);
}

static void on_test_done(void *user, const struct inlet_job *job)
{
    struct test *test = user;
    struct ew_reason words;
    double ms = (double)job->steps[0].took_us / 1000;
    bool nobody = test->device == 0 && test->next < 0; // a bus without devices: its way was what mattered
    tools_back(test->tools, job);
    if (job->err == EW_OK) {
        read_answer(test, job, ms, &words);
        answer_test(test, true, ms, &words);
    } else if (job->err == EW_E_EXCEPTION && !test->recipe) { // no model to be wrong about: it is there
        outcome_answers(job->unit, ms, &words);
        answer_test(test, true, ms, &words);
    } else if (nobody && !survey_way_closed(job->err, &job->reason)) {
        const struct bus *bus = fleet_bus(test->tools->fleet, test->bus);
        outcome_reached(bus ? bus->config.address : "", &words);
        answer_test(test, true, 0, &words);
    } else if (test->device || survey_way_closed(job->err, &job->reason) || ++test->silent >= SILENT_MAX ||
               !ask_next_device(test)) {
        answer_test(test, false, ms, &job->reason);
    }
}

// EW_OK: the answer comes later.
static enum ew_err ask(struct test *test, int unit, int timeout_ms, struct ew_reason *reason)
{
    const struct recipe *recipe = test->recipe;
    test->index = recipe ? choose_register(recipe) : -1;
    struct inlet_job *job =
        inlet_job_new(INLET_TOOL, unit, timeout_ms, recipe ? recipe->gap_ms : 0, on_test_done, test);
    if (recipe && test->index >= 0) {
        const struct profile_bound *bound = &recipe->bound[test->index];
        inlet_add_read(job, bound->fc, bound->address, bound->words);
    } else if (recipe) {
        for (int g = 0; g < PROFILE_GROUP_COUNT && job->step_count == 0; g++)
            if (recipe->plans[g].request_count > 0)
                inlet_add_read(job, recipe->plans[g].requests[0].fc, recipe->plans[g].requests[0].address, 1);
    } else {
        inlet_add_read(job, 3, 0, 1);
    }
    return tools_give(test->tools, test->bus, job, reason);
}

static enum ew_err ask_device(struct test *test, const struct device *device, const struct bus *bus,
                              struct ew_reason *reason)
{
    int timeout_ms = bus->config.serial.timeout_ms;
    recipe_release(test->recipe);
    test->recipe = NULL;
    if (device->config.profile[0] || device->config.part_count) { // without one: does anything answer there?
        test->recipe = recipe_new(&device->config, &bus->config, test->tools->fleet->shelf, reason);
        if (!test->recipe)
            return reason->err ? reason->err : EW_E_INVALID;
        timeout_ms = test->recipe->timeout_ms;
    }
    return ask(test, device->config.unit, timeout_ms, reason);
}

// The next device of the bus that is ON; false when there is none.
static bool ask_next_device(struct test *test)
{
    const struct fleet *fleet = test->tools->fleet;
    struct ew_reason reason;
    const struct bus *bus = tools_bus(test->tools, test->bus, &reason);
    while (bus && test->next < fleet->device_count) {
        const struct device *device = fleet->devices[test->next++];
        if (device->configured && !device->bad && device->config.bus == test->bus && device->config.on &&
            ask_device(test, device, bus, &reason) == EW_OK)
            return true;
    }
    return false;
}

static enum ew_err test_bus(struct test *test, const struct bus *bus, struct ew_reason *reason)
{
    if (ask_next_device(test))
        return EW_OK;
    test->next = -1;
    return ask(test, 1, bus->config.serial.timeout_ms, reason);
}

static enum ew_err test_device(struct test *test, const struct device *device, struct ew_reason *reason)
{
    test->bus = device->config.bus;
    const struct bus *bus = tools_bus(test->tools, test->bus, reason);
    return bus ? ask_device(test, device, bus, reason) : EW_E_UNKNOWN;
}

static void on_test(void *user, struct mq_request *request, const cJSON *args, int64_t now_ms)
{
    (void)now_ms;
    struct tools *tools = user;
    struct test *test = calloc(1, sizeof(*test));
    struct ew_reason reason;
    struct ew_json o;
    if (!test)
        abort();
    *test = (struct test){.tools = tools, .request = request, .index = -1};
    ew_reason_clear(&reason);
    ew_json_open(&o, args, "", &reason);
    ew_json_int(&o, "bus", ew_json_has(&o, "device") ? EW_OPTIONAL : EW_REQUIRED, 1, SITE_ID_MAX, &test->bus);
    ew_json_int(&o, "device", EW_OPTIONAL, 1, SITE_ID_MAX, &test->device);
    enum ew_err err = ew_json_close(&o);
    const struct device *device = test->device ? fleet_device(tools->fleet, test->device) : NULL;
    if (err == EW_OK && test->device && (!device || !device->configured))
        err = ew_fail(&reason, EW_E_UNKNOWN, "tool.no_device", "/device", "There is no device %lld.",
                      (long long)test->device);
    if (err != EW_OK) {
        mq_answer_error(request, &reason);
        end_test(test);
        return;
    }
    const struct bus *bus = device ? NULL : tools_bus(tools, test->bus, &reason);
    if (device)
        err = device->bad
                  ? ew_fail(&reason, EW_E_INVALID, device->bad_reason.code, "", "%s", device->bad_reason.text)
                  : test_device(test, device, &reason);
    else
        err = bus ? test_bus(test, bus, &reason) : EW_E_UNKNOWN;
    if (err != EW_OK) // a sentence about this bus or device, as what an exchange gives
        answer_test(test, false, 0, &reason);
}

// ----------------------------------------------------------------------------------------------------------

struct tools *tools_new(struct ew_service *service, struct fleet *fleet)
{
    struct tools *tools = calloc(1, sizeof(*tools));
    if (!tools)
        abort();
    tools->service = service;
    tools->fleet = fleet;
    mq_serve(service->mq, "poller", "test", on_test, tools);
    mq_serve(service->mq, "poller", "read", on_read, tools);
    mq_serve(service->mq, "poller", "write", on_write, tools);
    mq_serve(service->mq, "poller", "preview", preview_serve, tools);
    mq_serve(service->mq, "poller", "scan", scans_serve, tools);
    return tools;
}

void tools_free(struct tools *tools)
{
    if (!tools)
        return;
    scans_free(tools);
    free(tools);
}
