// What can only be said about all registers of a profile together.
#include "core/profile/profile_priv.h"

#include <string.h>

static enum ew_err fail(struct ew_reason *reason, const struct profile_register *r, const char *key,
                        const char *code, const char *text)
{
    char path[EW_PATH_MAX];
    (void)ew_format(path, sizeof(path), "/registers/%s/%s", r->quantity, key);
    return ew_fail(reason, EW_E_INVALID, code, path, "%s", text);
}

// Helpers come with the pass of their dependant or with the group info before it, and stand on their own.
static enum ew_err check_helper(const struct profile *profile, const struct profile_register *r, int helper,
                                const char *key, struct ew_reason *reason)
{
    if (helper < 0)
        return EW_OK;
    const struct profile_register *h = &profile->registers[helper];
    if (h->type == PROFILE_STRING)
        return fail(reason, r, key, "profile.helper_text", "text can't be a scale or a sign");
    if (h->group != PROFILE_INFO && h->group != r->group)
        return fail(reason, r, key, "profile.helper_group",
                    "the register named must be in the group info or in the same group");
    if (h->scale_from[0] >= 0 || h->sign_from >= 0)
        return fail(reason, r, key, "profile.helper_chain",
                    "the register named must not itself depend on another");
    return EW_OK;
}

static bool constant_place(const struct profile_register *r)
{
    return !r->fc.param[0] && !r->address.param[0] && !r->words.param[0];
}

// Bit fields of one word, declared alike, may share it. Anything else that shares is a mistake in the table.
static bool clash(const struct profile_register *a, const struct profile_register *b)
{
    if (!constant_place(a) || !constant_place(b) || a->fc.value != b->fc.value)
        return false;
    if (a->address.value + a->words.value <= b->address.value ||
        b->address.value + b->words.value <= a->address.value)
        return false;
    bool alike = a->address.value == b->address.value && a->words.value == b->words.value &&
                 a->type == b->type && a->order == b->order;
    return !(alike && (a->mask || a->shift) && (b->mask || b->shift));
}

static enum ew_err check_overlap(const struct profile *profile, int index, struct ew_reason *reason)
{
    const struct profile_register *r = &profile->registers[index];
    for (int i = 0; i < index; i++) {
        const struct profile_register *other = &profile->registers[i];
        if (strcmp(other->quantity, r->quantity) == 0)
            return fail(reason, r, "", "profile.twice", "is there twice");
        if (!clash(r, other))
            continue;
        char path[EW_PATH_MAX];
        (void)ew_format(path, sizeof(path), "/registers/%s/address", r->quantity);
        enum ew_err err = ew_fail(
            reason, EW_E_INVALID, "profile.overlap", path,
            "registers %u to %u overlap those of \"%s\" (%u to %u)", (unsigned)r->address.value,
            (unsigned)(r->address.value + r->words.value - 1), other->quantity,
            (unsigned)other->address.value, (unsigned)(other->address.value + other->words.value - 1));
        ew_reason_param(reason, "quantity", "%s", r->quantity);
        ew_reason_param(reason, "other", "%s", other->quantity);
        return err;
    }
    return EW_OK;
}

// The registers of a link go together, in a group of their own; a module is at one end of it.
static enum ew_err check_link(const struct profile *profile, const struct profile_register *r,
                              struct ew_reason *reason)
{
    static const char *const ends[2] = {"link_action_", "link_event_"};
    bool is_link = strncmp(r->quantity, "link_", strlen("link_")) == 0;
    if (is_link != (r->group == PROFILE_LINKS))
        return fail(reason, r, "group", "profile.link_group",
                    "links, and nothing else, are in the group links");
    if (!is_link)
        return EW_OK;
    enum profile_arithmetic arithmetic = profile_types[r->type].arithmetic;
    if (arithmetic == PROFILE_FLOATING || arithmetic == PROFILE_TEXT)
        return fail(reason, r, "type", "profile.link_type", "an address or an error is a whole number");
    int found = 0;
    for (int i = 0; i < 2; i++) {
        char end[PROFILE_NAME_MAX];
        (void)ew_format(end, sizeof(end), "%s%s", ends[i], strrchr(r->quantity, '_') + 1);
        found += profile_find(profile, end) >= 0;
    }
    if (found != 1)
        return fail(reason, r, "", "profile.link_end",
                    "a link has either link_action or link_event of its number");
    return EW_OK;
}

enum ew_err profile_registers_check(const struct profile *profile, struct ew_reason *reason)
{
    for (int i = 0; i < profile->register_count; i++) {
        const struct profile_register *r = &profile->registers[i];
        enum ew_err err = check_overlap(profile, i, reason);
        for (int k = 0; k < 2 && err == EW_OK; k++)
            err = check_helper(profile, r, r->scale_from[k], "scale_from", reason);
        if (err == EW_OK)
            err = check_helper(profile, r, r->sign_from, "sign_from", reason);
        if (err == EW_OK)
            err = check_link(profile, r, reason);
        if (err == EW_OK && r->words.value > profile->limits.max_registers && r->fc.value >= 3)
            err =
                fail(reason, r, "words", "profile.too_wide", "is more than limits/max_registers in one read");
        if (err != EW_OK)
            return err;
    }
    return EW_OK;
}
