// Commands to devices: checked, run once as a job of the bus, answered; and the course of impulses and
// blinking outputs.
#include "poller/fleet_priv.h"

#include "base/clock.h"
#include "base/log.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { AGAIN_MS = 1000, REPLY_TOPIC_MAX = EW_TOPIC_MAX, CORRELATION_MAX = 256 };

// One command under way. Whoever sends it again meanwhile is answered when it is done, with this one's
// result.
struct underway {
    struct underway *next;
    struct fleet *fleet;
    int64_t device;
    struct command command;
    double value;
    char reply[REPLY_TOPIC_MAX]; // "" = nobody is answered
    unsigned char correlation[CORRELATION_MAX];
    size_t correlation_len;
};

bool fleet_may_write(const struct device *device, struct ew_reason *why)
{
    const struct profile *profile = device->recipe->profile;
    bool unsure = profile->confidence == PROFILE_CANDIDATE || profile->confidence == PROFILE_NONE;
    if (!unsure || device->config.accept_candidate)
        return true;
    ew_fail(why, EW_E_DENIED, "device.candidate", "",
            "The registers of the profile \"%s\" are not confirmed: nothing is written to this device until "
            "that is accepted for it.",
            profile->id);
    ew_reason_param(why, "profile", "%s", profile->id);
    return false;
}

// ---- Answers ---------------------------------------------------------------------------------------------

static void respond(struct fleet *fleet, const char *topic, const void *correlation, size_t correlation_len,
                    const char *id, bool ok, const struct ew_reason *reason, int64_t up_ms)
{
    struct ew_jw w;
    if (!topic || !topic[0] || !fleet->options.respond)
        return;
    ew_buf_clear(&fleet->buf);
    ew_jw_init(&w, &fleet->buf);
    ew_jw_open_object(&w, NULL);
    if (ok) {
        ew_jw_open_object(&w, "result");
        ew_jw_text(&w, "id", id);
        ew_jw_bool(&w, "ok", true);
        ew_jw_int(&w, "up_ms", up_ms);
        ew_jw_close_object(&w);
    } else {
        ew_jw_reason(&w, "error", reason);
    }
    ew_jw_close_object(&w);
    fleet->options.respond(fleet->options.user, topic, correlation, correlation_len, &fleet->buf);
}

static void show(struct fleet *fleet, struct device *device, const struct command_entry *entry)
{
    struct command_shown *c = &device->command;
    ew_copy(c->id, sizeof(c->id), entry->id);
    c->ok = entry->ok;
    c->reason = entry->reason;
    c->up_ms = entry->done_ms;
    static const enum profile_group groups[] = {PROFILE_STATE, PROFILE_CHARGE};
    for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
        if (device->recipe && device->groups[groups[i]].up_ms > 0)
            fleet_publish_group(fleet, device, groups[i]);
}

// The end of a command: noted for whoever sends it again, answered to everybody who waits for it.
static void finish(struct fleet *fleet, int64_t device_id, const char *id, const struct ew_reason *failure)
{
    int64_t now = ew_clock_up_ms();
    struct command_entry *entry = command_find(&fleet->book, device_id, id, now);
    if (!entry)
        return; // a command that took longer than a minute: nobody waits any more
    entry->done = true;
    entry->ok = failure == NULL;
    entry->done_ms = now;
    if (failure)
        entry->reason = *failure;
    ew_notice("command", "device=%lld id=%s %s%s", (long long)device_id, id, failure ? "refused: " : "done",
              failure ? failure->text : "");
    struct device *device = fleet_device(fleet, device_id);
    if (device)
        show(fleet, device, entry);
    for (struct underway **at = &fleet->underway; *at;) {
        struct underway *u = *at;
        if (u->device != device_id || strcmp(u->command.id, id) != 0) {
            at = &u->next;
            continue;
        }
        respond(fleet, u->reply, u->correlation, u->correlation_len, id, entry->ok, &entry->reason, now);
        *at = u->next;
        free(u);
        fleet->underway_count--;
    }
}

// ---- Writing ---------------------------------------------------------------------------------------------

static struct profile_bound back_of(const struct recipe *recipe, int index)
{
    const struct profile_command *c = &recipe->profile->commands[index];
    if (c->read_back >= 0)
        return recipe->bound[c->read_back];
    struct profile_bound place = recipe->writes[index];
    place.fc = place.fc == 5 || place.fc == 15 ? 1 : 3;
    return place;
}

static bool switches_phases(const struct device *device, int index)
{
    const struct profile *profile = device->recipe->profile;
    return profile->kind == PROFILE_STATION && strcmp(profile->commands[index].name, "phases") == 0;
}

static struct inlet_job *write_job(struct fleet *fleet, struct device *device, int index, double value,
                                   inlet_done_fn *done)
{
    const struct recipe *recipe = device->recipe;
    const struct profile_command *c = &recipe->profile->commands[index];
    const struct profile_bound *place = &recipe->writes[index];
    uint16_t words[4];
    struct inlet_job *job =
        inlet_job_new(INLET_COMMAND, recipe->unit, recipe->timeout_ms, recipe->gap_ms, done, fleet);
    job->device = device->id;
    if (switches_phases(device, index)) {
        job->class =
            INLET_SETPOINT; // in one line with the limits: none comes between the pause and the switch
        switching_begin(device, job);
    }
    profile_encode_command(c, place, value, words);
    inlet_add_write(job, place->fc, place->address, place->words, words);
    if (c->read_back >= 0 || c->readable) {
        struct profile_bound back = back_of(recipe, index);
        inlet_add_read(job, back.fc, back.address, back.words);
    }
    return job;
}

// Does what was read back say the value? A register of its own tells on or off, the same place the raw value.
static bool taken(const struct device *device, int index, double value, const struct inlet_job *job)
{
    const struct recipe *recipe = device->recipe;
    const struct profile_command *c = &recipe->profile->commands[index];
    const struct inlet_step *last = &job->steps[job->step_count - 1];
    if (last->fc > 4)
        return true;
    if (c->read_back < 0)
        return profile_decode_command(c, &recipe->writes[index], last->words) == value;
    struct profile_value read;
    profile_decode(recipe->profile, c->read_back, &recipe->bound[c->read_back], last->words, &read);
    return read.quality == PROFILE_GOOD && profile_switched_on(c, read.raw) == (value == c->on);
}

static enum ew_err outcome(const struct device *device, const struct command *command, double value,
                           const struct inlet_job *job, struct ew_reason *reason)
{
    int index = device && device->recipe ? profile_find_command(device->recipe->profile, command->name) : -1;
    if (job->err != EW_OK || index < 0) {
        *reason = job->reason;
        return job->err != EW_OK ? job->err : EW_E_UNKNOWN;
    }
    if (taken(device, index, value, job))
        return EW_OK;
    enum ew_err err = ew_fail(reason, EW_E_PROTOCOL, "command.not_taken", "",
                              "The device was told, but what it reads back says otherwise.");
    return err;
}

// ---- Outputs ---------------------------------------------------------------------------------------------

static struct output *output_of(struct device *device, int number)
{
    for (int i = 0; i < device->config.output_count; i++) {
        const struct site_output *site = &device->config.outputs[i];
        struct output *output = &device->outputs[i];
        if (site->number != number)
            continue;
        output->form = site->blinking ? OUTPUT_BLINKING : site->on_s > 0 ? OUTPUT_IMPULSE : OUTPUT_MAINTAINED;
        output->normally_closed = site->normally_closed;
        output->on_ms = llround(site->on_s * 1000);
        output->off_ms = llround(site->off_s * 1000);
        return output;
    }
    return NULL;
}

static int output_command(const struct device *device, int number)
{
    char name[PROFILE_NAME_MAX];
    (void)ew_format(name, sizeof(name), "output_%d", number);
    return device->recipe ? profile_find_command(device->recipe->profile, name) : -1;
}

static double contact_value(const struct device *device, int index, const struct output *output)
{
    const struct profile_command *c = &device->recipe->profile->commands[index];
    return output_contact(output) ? c->on : c->off;
}

static void on_course(struct ew_timer *timer, int64_t now_ms);

static void set_outputs_timer(struct device *device)
{
    int64_t first = INT64_MAX;
    for (int i = 0; i < device->config.output_count; i++)
        if (device->outputs[i].next_ms > 0 && device->outputs[i].next_ms < first)
            first = device->outputs[i].next_ms;
    device->outputs_timer.fn = on_course;
    device->outputs_timer.user = device;
    if (first == INT64_MAX)
        ew_loop_timer_clear(device->fleet->options.loop, &device->outputs_timer);
    else
        ew_loop_timer_set(device->fleet->options.loop, &device->outputs_timer, first);
}

// What ends an impulse is tried until it is done: an output must not stay on because a line failed.
static void on_course_done(void *user, const struct inlet_job *job)
{
    struct fleet *fleet = user;
    struct device *device = fleet_device(fleet, job->device);
    struct output *output = device && device->recipe ? output_of(device, (int)job->tag) : NULL;
    if (!output || job->err == EW_OK || output->next_ms > 0)
        return;
    ew_warning("command", "device=%lld output=%lld: %s, trying again", (long long)job->device,
               (long long)job->tag, job->reason.text);
    output->retry = true;
    output->next_ms = ew_clock_up_ms() + AGAIN_MS;
    set_outputs_timer(device);
}

static void write_output(struct fleet *fleet, struct device *device, int number, struct output *output)
{
    struct ew_reason reason;
    int index = output_command(device, number);
    if (index < 0)
        return;
    struct inlet_job *job =
        write_job(fleet, device, index, contact_value(device, index, output), on_course_done);
    job->tag = number;
    if (fleet_ask(fleet, device->recipe->bus, job, &reason) == EW_OK || output->next_ms > 0)
        return;
    output->retry = true;
    output->next_ms = ew_clock_up_ms() + AGAIN_MS;
}

static void on_course(struct ew_timer *timer, int64_t now_ms)
{
    struct device *device = timer->user;
    for (int i = 0; i < device->config.output_count; i++) {
        int number = device->config.outputs[i].number;
        struct output *output = output_of(device, number);
        if (output_pass(output, now_ms))
            write_output(device->fleet, device, number, output);
    }
    set_outputs_timer(device);
}

// An impulse that a restart of this program cut short is ended: nobody else would.
void command_heard(struct fleet *fleet, struct device *device)
{
    struct ew_reason why;
    if (device->outputs_checked || !fleet_may_write(device, &why))
        return;
    device->outputs_checked = true;
    for (int i = 0; i < device->config.output_count; i++) {
        int number = device->config.outputs[i].number;
        struct output *output = output_of(device, number);
        int index = output_command(device, number);
        int back = index >= 0 ? device->recipe->profile->commands[index].read_back : -1;
        if (output->form == OUTPUT_MAINTAINED || back < 0 || !device->memory[back].known)
            continue;
        bool closed = device->memory[back].raw != 0;
        if (closed == output->normally_closed || output->on)
            continue; // at rest, or under way
        ew_notice("command", "device=%lld output=%d was left switched on, ending that", (long long)device->id,
                  number);
        write_output(fleet, device, number, output);
        set_outputs_timer(device);
    }
}

void command_end(struct device *device)
{
    ew_loop_timer_clear(device->fleet->options.loop, &device->outputs_timer);
    device->outputs_timer = (struct ew_timer){0};
    memset(device->outputs, 0, sizeof(device->outputs));
    memset(device->told, 0, sizeof(device->told));
    device->outputs_checked = false;
}

// ---- A command comes -------------------------------------------------------------------------------------

static struct underway *underway_new(struct fleet *fleet, int64_t device, const struct command *command,
                                     const struct fleet_command *message)
{
    struct underway *u = calloc(1, sizeof(*u));
    if (!u)
        abort();
    u->fleet = fleet;
    u->device = device;
    u->command = *command;
    if (message->response_topic && strlen(message->response_topic) < sizeof(u->reply) &&
        message->correlation_len <= sizeof(u->correlation)) {
        ew_copy(u->reply, sizeof(u->reply), message->response_topic);
        u->correlation_len = message->correlation_len;
        if (message->correlation_len > 0)
            memcpy(u->correlation, message->correlation, message->correlation_len);
    }
    u->next = fleet->underway;
    fleet->underway = u;
    fleet->underway_count++;
    return u;
}

static const struct underway *underway_find(const struct fleet *fleet, int64_t device, int64_t tag)
{
    for (const struct underway *u = fleet->underway; u; u = u->next)
        if (u->device == device && u->command.number == tag)
            return u;
    return NULL;
}

static void on_done(void *user, const struct inlet_job *job)
{
    struct fleet *fleet = user;
    struct device *device = fleet_device(fleet, job->device);
    const struct underway *u = underway_find(fleet, job->device, job->tag);
    if (!u)
        return;
    struct ew_reason reason = {0};
    struct command command = u->command;
    bool ok = outcome(device, &command, u->value, job, &reason) == EW_OK;
    struct output *output = device && command.output ? output_of(device, command.output) : NULL;
    if (output && ok) { // its time begins when it is there
        output_order(output, command.on, ew_clock_up_ms());
        set_outputs_timer(device);
    } else if (output && command.on && output->form != OUTPUT_MAINTAINED && job->steps[0].asked) {
        output_order(output, false, ew_clock_up_ms()); // it may be on all the same
        write_output(fleet, device, command.output, output);
        set_outputs_timer(device);
    }
    told_note(device, &command, ok);
    if (device && device->recipe && command.kind == COMMAND_PHASES &&
        profile_find_command(device->recipe->profile, "phases") >= 0)
        switching_done(fleet, device, job);
    finish(fleet, job->device, command.id, ok ? NULL : &reason);
}

static enum ew_err check(const struct device *device, const struct command *command, struct ew_reason *reason)
{
    if (!device || !device->recipe)
        return ew_fail(reason, EW_E_UNKNOWN, "command.no_device", "",
                       "There is no such device, or it is off or not configured.");
    if (profile_find_command(device->recipe->profile, command->name) < 0) {
        enum ew_err err =
            ew_fail(reason, EW_E_UNSUPPORTED, "command.unknown", "",
                    "The profile \"%s\" has no command \"%s\".", device->recipe->profile->id, command->name);
        ew_reason_param(reason, "profile", "%s", device->recipe->profile->id);
        ew_reason_param(reason, "command", "%s", command->name);
        return err;
    }
    if (!fleet_may_write(device, reason))
        return EW_E_DENIED;
    return command->kind == COMMAND_PHASES ? switching_may(device, reason) : EW_OK;
}

static enum ew_err run(struct fleet *fleet, struct device *device, struct underway *u, int64_t latest_ms,
                       struct ew_reason *reason)
{
    enum ew_err err = check(device, &u->command, reason);
    if (err != EW_OK)
        return err;
    int index = profile_find_command(device->recipe->profile, u->command.name);
    const struct profile_command *c = &device->recipe->profile->commands[index];
    struct output *output = u->command.output ? output_of(device, u->command.output) : NULL;
    bool closed = output ? u->command.on != output->normally_closed : u->command.on;
    u->value = u->command.kind == COMMAND_RESET || closed ? c->on : c->off;
    u->command.number = ++fleet->commands_taken;
    struct inlet_job *job = write_job(fleet, device, index, u->value, on_done);
    job->latest_ms = latest_ms;
    job->tag = u->command.number;
    return fleet_ask(fleet, device->recipe->bus, job, reason);
}

void fleet_command(struct fleet *fleet, int64_t id, const struct fleet_command *message)
{
    struct command command = {.id = ""};
    struct ew_reason reason = {0};
    cJSON *tree = NULL;
    int64_t now = ew_clock_up_ms(), latest_ms = 0;
    enum ew_err err = ew_json_parse(message->payload, message->len, EW_MQTT_PAYLOAD_MAX, &tree, &reason);
    if (err == EW_OK)
        err = command_read(tree, &command, &reason);
    cJSON_Delete(tree);
    if (err == EW_OK && command.kind == COMMAND_CAP)
        return; // the controller's
    if (err != EW_OK) {
        ew_warning("command", "device=%lld refused: %s: %s", (long long)id, reason.path, reason.text);
        respond(fleet, message->response_topic, message->correlation, message->correlation_len, command.id,
                false, &reason, now);
        return;
    }
    const struct command_entry *seen = command_find(&fleet->book, id, command.id, now);
    if (seen && seen->done) {
        respond(fleet, message->response_topic, message->correlation, message->correlation_len, command.id,
                seen->ok, &seen->reason, seen->done_ms);
        return;
    }
    if (fleet->underway_count >= COMMAND_BOOK_MAX ||
        (!seen && !command_note(&fleet->book, id, command.id, now))) {
        (void)ew_fail(&reason, EW_E_BUSY, "command.busy", "", "Too many commands at once: try again.");
        respond(fleet, message->response_topic, message->correlation, message->correlation_len, command.id,
                false, &reason, now);
        return;
    }
    struct underway *u = underway_new(fleet, id, &command, message);
    if (seen)
        return; // answered with the first one's result
    err = command_latest(&command, message->expiry_s, now, message->stalled_ms, &latest_ms, &reason);
    if (err == EW_OK)
        err = run(fleet, fleet_device(fleet, id), u, latest_ms, &reason);
    if (err != EW_OK)
        finish(fleet, id, command.id, &reason);
}

void command_drop_all(struct fleet *fleet)
{
    for (struct underway *u = fleet->underway; u;) {
        struct underway *next = u->next;
        free(u);
        u = next;
    }
    fleet->underway = NULL;
}
