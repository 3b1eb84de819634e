#include "core/command/command.h"

#include <string.h>

static const char name_letters[] = "abcdefghijklmnopqrstuvwxyz0123456789_";

static void read_output(struct ew_json *o, struct command *ret)
{
    int64_t number = 0;
    ew_json_int(o, "output", EW_REQUIRED, 1, 63, &number);
    ew_json_bool(o, "on", EW_REQUIRED, &ret->on);
    ret->output = (int)number;
    (void)ew_format(ret->name, sizeof(ret->name), "output_%lld", (long long)number);
}

static void read_reset(struct ew_json *o, struct command *ret)
{
    char what[COMMAND_NAME_MAX - 6] = "";
    ew_json_text(o, "reset", EW_REQUIRED, 1, sizeof(what), what);
    if (o->err == EW_OK && what[strspn(what, name_letters)])
        ew_json_fail(o, "reset", "command.name", "may hold only a-z, 0-9 and _");
    ret->kind = COMMAND_RESET;
    (void)ew_format(ret->name, sizeof(ret->name), "reset_%s", what);
}

static void read_what(struct ew_json *o, struct command *ret)
{
    int64_t phases = 0;
    if (ew_json_has(o, "output")) {
        read_output(o, ret);
    } else if (ew_json_has(o, "plug") || ew_json_has(o, "socket")) {
        ew_copy(ret->name, sizeof(ret->name), ew_json_has(o, "plug") ? "plug" : "socket");
        ew_json_bool(o, ret->name, EW_REQUIRED, &ret->on);
    } else if (ew_json_has(o, "phases")) {
        ew_json_int(o, "phases", EW_REQUIRED, 1, 3, &phases);
        if (o->err == EW_OK && phases == 2)
            ew_json_fail(o, "phases", "json.range", "must be 1 or 3");
        ret->kind = COMMAND_PHASES;
        ret->on = phases == 3;
        ew_copy(ret->name, sizeof(ret->name), "phases");
    } else if (ew_json_has(o, "reset")) {
        read_reset(o, ret);
    } else if (ew_json_has(o, "cap_a")) {
        ret->kind = COMMAND_CAP;
        ew_json_skip(o, "cap_a");
    } else {
        ew_json_fail(o, NULL, "command.what", "must hold one of output, plug, socket, phases, reset, cap_a");
    }
}

enum ew_err command_read(const cJSON *tree, struct command *ret, struct ew_reason *reason)
{
    *ret = (struct command){.kind = COMMAND_SWITCH};
    struct ew_json o;
    ew_json_open(&o, tree, "", reason);
    ew_json_text(&o, "id", EW_REQUIRED, 1, sizeof(ret->id), ret->id);
    ew_json_int(&o, "up_ms", EW_OPTIONAL, 0, INT64_C(9007199254740991), &ret->up_ms);
    if (o.err == EW_OK)
        read_what(&o, ret);
    return ew_json_close(&o);
}

static enum ew_err late(int64_t by_ms, struct ew_reason *reason)
{
    enum ew_err err =
        ew_fail(reason, EW_E_TIMEOUT, "command.late", "",
                "The command came too late by %lld ms and was not carried out.", (long long)by_ms);
    ew_reason_param(reason, "ms", "%lld", (long long)by_ms);
    return err;
}

enum ew_err command_latest(const struct command *command, int64_t expiry_s, int64_t arrived_ms,
                           int64_t stalled_ms, int64_t *ret_latest_ms, struct ew_reason *reason)
{
    bool says = command->up_ms > 0 && command->up_ms <= arrived_ms;
    int64_t sent_ms = says ? command->up_ms : arrived_ms - stalled_ms;
    int64_t latest = sent_ms + COMMAND_LIFE_MS;
    if (expiry_s * 1000 > COMMAND_LIFE_MS)
        return ew_fail(reason, EW_E_INVALID, "command.expiry", "",
                       "A command must expire within 5 s: nobody knows any more when this one was sent.");
    if (expiry_s >= 0 && arrived_ms + expiry_s * 1000 < latest)
        latest = arrived_ms + expiry_s * 1000;
    *ret_latest_ms = latest;
    return latest < arrived_ms ? late(arrived_ms - latest, reason) : EW_OK;
}

// ---- Seen already ----------------------------------------------------------------------------------------

static bool forgotten(const struct command_entry *entry, int64_t now_ms)
{
    return entry->seen_ms == 0 || now_ms - entry->seen_ms > COMMAND_REMEMBERED_MS;
}

struct command_entry *command_find(struct command_book *book, int64_t device, const char *id, int64_t now_ms)
{
    for (int i = 0; i < COMMAND_BOOK_MAX; i++) {
        struct command_entry *entry = &book->entries[i];
        if (!forgotten(entry, now_ms) && entry->device == device && strcmp(entry->id, id) == 0)
            return entry;
    }
    return NULL;
}

struct command_entry *command_note(struct command_book *book, int64_t device, const char *id, int64_t now_ms)
{
    for (int i = 0; i < COMMAND_BOOK_MAX; i++) {
        struct command_entry *entry = &book->entries[i];
        if (!forgotten(entry, now_ms))
            continue;
        *entry = (struct command_entry){.device = device, .seen_ms = now_ms > 0 ? now_ms : 1};
        ew_copy(entry->id, sizeof(entry->id), id);
        return entry;
    }
    return NULL;
}

bool command_reply_fits(const char *base, const char *topic)
{
    size_t len = strlen(base);
    if (strncmp(topic, base, len) != 0 || strncmp(topic + len, "/reply/", 7) != 0)
        return false;
    const char *account = topic + len + 7;
    size_t name = strcspn(account, "/");
    const char *rest = account + name;
    return name > 0 && !strpbrk(topic, "+#") && strncmp(rest, "/command", 8) == 0 &&
           (rest[8] == 0 || rest[8] == '/');
}

// ---- Outputs ---------------------------------------------------------------------------------------------

void output_order(struct output *output, bool on, int64_t now_ms)
{
    output->on = output->level = on;
    output->retry = false;
    bool timed = on && output->form != OUTPUT_MAINTAINED && output->on_ms > 0;
    output->next_ms = timed ? now_ms + output->on_ms : 0;
}

bool output_pass(struct output *output, int64_t now_ms)
{
    if (output->next_ms == 0 || now_ms < output->next_ms)
        return false;
    if (output->retry) {
        output->retry = false;
        output->next_ms = 0;
        return true;
    }
    if (output->form == OUTPUT_IMPULSE) {
        output_order(output, false, now_ms);
        return true;
    }
    output->level = !output->level;
    // From now on: what was missed is not made up for.
    output->next_ms = now_ms + (output->level ? output->on_ms : output->off_ms);
    return true;
}

bool output_contact(const struct output *output)
{
    return output->level != output->normally_closed;
}
