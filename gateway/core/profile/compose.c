// Modules that share an address (DEV-03) are read as one device.
#include "core/profile/profile_priv.h"

#include <string.h>

enum { MEASURES = 1, STATES = 2, COMMANDS = 4 };

static bool starts(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

static unsigned function_of(const char *quantity)
{
    if (strcmp(quantity, "state") == 0 || starts(quantity, "input_"))
        return STATES;
    return starts(quantity, "output_") ? COMMANDS : MEASURES;
}

static bool tells(enum profile_group group)
{
    return group != PROFILE_INFO && group != PROFILE_LINKS;
}

// What the module does at its address, whether or not its table is known.
static unsigned functions_of(const struct profile *profile)
{
    unsigned functions = 0;
    for (int i = 0; i < profile->register_count; i++)
        if (tells(profile->registers[i].group) && !profile->registers[i].hidden)
            functions |= function_of(profile->registers[i].quantity);
    for (int i = 0; i < profile->offer_count; i++)
        functions |= function_of(profile->offers[i]);
    for (int i = 0; i < profile->command_count; i++)
        if (starts(profile->commands[i].name, "output_"))
            functions |= COMMANDS;
    return functions;
}

static enum ew_err check_functions(const struct profile *const *modules, int count, struct ew_reason *reason)
{
    for (int i = 0; i < count; i++)
        for (int k = 0; k < i; k++) {
            if (!(functions_of(modules[i]) & functions_of(modules[k])))
                continue;
            enum ew_err err =
                ew_fail(reason, EW_E_INVALID, "device.duplicate_function", "",
                        "Duplicate function: %s and %s do the same at this address. Give one of "
                        "them an address of its own.",
                        modules[k]->model, modules[i]->model);
            ew_reason_param(reason, "model", "%s", modules[k]->model);
            ew_reason_param(reason, "other", "%s", modules[i]->model);
            return err;
        }
    return EW_OK;
}

static enum ew_err not_together(struct ew_reason *reason, const char *why, const char *what)
{
    enum ew_err err = ew_fail(reason, EW_E_INVALID, "device.parts", "",
                              "The modules at this address cannot be read together: %s%s.", why, what);
    ew_reason_param(reason, "text", "%s%s", why, what);
    return err;
}

static int moved(int index, int by)
{
    return index < 0 ? index : index + by;
}

// ---- Links of several modules (LNK-01): each counts its own from 1 ---------------------------------------

static bool is_link(const struct profile_register *r)
{
    return r->group == PROFILE_LINKS;
}

static int link_number(const struct profile_register *r)
{
    int number = 0;
    for (const char *digit = strrchr(r->quantity, '_') + 1; *digit; digit++)
        number = number * 10 + (*digit - '0');
    return number;
}

static int last_link(const struct profile *all)
{
    int last = 0;
    for (int i = 0; i < all->register_count; i++)
        if (is_link(&all->registers[i]) && link_number(&all->registers[i]) > last)
            last = link_number(&all->registers[i]);
    return last;
}

static void renumber(struct profile_register *r, int by)
{
    char stem[PROFILE_NAME_MAX];
    int number = link_number(r) + by;
    ew_copy(stem, sizeof(stem), r->quantity);
    strrchr(stem, '_')[1] = 0;
    (void)ew_format(r->quantity, sizeof(r->quantity), "%s%d", stem, number);
}

static void add_registers(struct profile *all, const struct profile *module)
{
    int by = all->register_count, links = last_link(all);
    for (int i = 0; i < module->register_count; i++) {
        struct profile_register *r = &all->registers[all->register_count++];
        *r = module->registers[i];
        r->scale_from[0] = moved(r->scale_from[0], by);
        r->scale_from[1] = moved(r->scale_from[1], by);
        r->sign_from = moved(r->sign_from, by);
        if (is_link(r))
            renumber(r, links);
    }
    for (int i = 0; i < module->command_count; i++) {
        struct profile_command *c = &all->commands[all->command_count++];
        *c = module->commands[i];
        c->read_back = moved(c->read_back, by);
    }
    if (module->state_register >= 0) {
        all->state_register = module->state_register + by;
        all->state_count = module->state_count;
        memcpy(all->states, module->states, sizeof(all->states));
    }
}

static void add_limits(struct profile_limits *all, const struct profile_limits *module)
{
    all->max_registers =
        module->max_registers < all->max_registers ? module->max_registers : all->max_registers;
    all->max_bits = module->max_bits < all->max_bits ? module->max_bits : all->max_bits;
    all->gap_ms = module->gap_ms > all->gap_ms ? module->gap_ms : all->gap_ms;
    all->timeout_ms = module->timeout_ms > all->timeout_ms ? module->timeout_ms : all->timeout_ms;
    all->holes &= module->holes;
    all->one_value |= module->one_value;
}

// A parameter of one name is one number for the device: the modules must mean the same by it.
static enum ew_err add_params(struct profile *all, const struct profile *module, struct ew_reason *reason)
{
    for (int i = 0; i < module->param_count; i++) {
        const struct profile_param *param = &module->params[i];
        if (profile_param_find(all, param->name) >= 0)
            return not_together(reason, "both have the parameter ", param->name);
        if (all->param_count == PROFILE_PARAMS_MAX)
            return not_together(reason, "too many parameters", "");
        all->params[all->param_count++] = *param;
    }
    return EW_OK;
}

static enum ew_err add(struct profile *all, const struct profile *module, struct ew_reason *reason)
{
    if (module->kind == PROFILE_STATION || module->watchdog.there)
        return not_together(reason, "a charge point has an address of its own", "");
    if (all->register_count + module->register_count > PROFILE_REGISTERS_MAX ||
        all->command_count + module->command_count > PROFILE_COMMANDS_MAX)
        return not_together(reason, "too many registers", "");
    for (int i = 0; i < module->command_count; i++)
        if (profile_find_command(all, module->commands[i].name) >= 0)
            return not_together(reason, "both have the command ", module->commands[i].name);
    // What a module without a table is worth says nothing about the registers of the others.
    if (module->register_count > 0 && (all->register_count == 0 || module->confidence < all->confidence))
        all->confidence = module->confidence;
    add_limits(&all->limits, &module->limits);
    add_registers(all, module);
    return add_params(all, module, reason);
}

size_t profile_compose_memory(const struct profile *const *modules, int count)
{
    size_t registers = 0, commands = 0;
    for (int i = 0; i < count; i++) {
        registers += (size_t)modules[i]->register_count;
        commands += (size_t)modules[i]->command_count;
    }
    return registers * sizeof(struct profile_register) + commands * sizeof(struct profile_command) +
           2 * _Alignof(max_align_t);
}

enum ew_err profile_compose(const struct profile *const *modules, int count, struct ew_arena *arena,
                            struct profile *ret, struct ew_reason *reason)
{
    size_t registers = 0, commands = 0;
    for (int i = 0; i < count; i++) {
        registers += (size_t)modules[i]->register_count;
        commands += (size_t)modules[i]->command_count;
    }
    *ret = *modules[0];
    ret->registers = ew_arena_take(arena, registers, sizeof(*ret->registers));
    ret->commands = ew_arena_take(arena, commands, sizeof(*ret->commands));
    ret->register_count = ret->command_count = ret->param_count = ret->state_count = 0;
    ret->state_register = ret->identify_register = -1;
    if (!ret->registers || !ret->commands)
        return not_together(reason, "no memory", "");
    enum ew_err err = check_functions(modules, count, reason);
    for (int i = 0; i < count && err == EW_OK; i++)
        err = add(ret, modules[i], reason);
    struct ew_reason why;
    if (err == EW_OK && profile_registers_check(ret, &why) != EW_OK)
        err = not_together(reason, why.text, "");
    return err;
}
