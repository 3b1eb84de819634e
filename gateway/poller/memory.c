// What a device last said, and for how long that counts.
#include "poller/fleet_priv.h"

#include "base/clock.h"
#include <stdlib.h>
#include <string.h>

int memory_period_ms(const struct device *device, enum profile_group group)
{
    const struct bus *bus = fleet_bus(device->fleet, device->recipe->bus);
    double press_ms = bus ? bus->figures.press_ms : 0;
    if (press_ms < device->recipe->press_ms)
        press_ms = device->recipe->press_ms;
    return load_kept_ms(device->recipe->period_ms[group], recipe_class(device->recipe, group), press_ms);
}

static int64_t patience_ms(const struct device *device, enum profile_group group)
{
    return (int64_t)memory_period_ms(device, group) * STALE_PERIODS;
}

bool memory_is_stale(const struct device *device, int index, int64_t now_ms)
{
    enum profile_group group = device->recipe->profile->registers[index].group;
    return now_ms - device->memory[index].read_ms >= patience_ms(device, group);
}

static bool belongs(const struct device *device, int index, enum profile_group group)
{
    const struct profile_register *r = &device->recipe->profile->registers[index];
    return r->group == group && !r->hidden;
}

// Marks what went stale as null; returns how many went now.
static int forget_stale(struct device *device, enum profile_group group, int64_t now_ms)
{
    int count = 0;
    for (int i = 0; i < device->recipe->profile->register_count; i++) {
        struct remembered *m = &device->memory[i];
        if (!belongs(device, i, group) || m->nulled || !memory_is_stale(device, i, now_ms))
            continue;
        m->nulled = m->shown = true;
        count++;
    }
    return count;
}

static void set_timer(struct device *device, enum profile_group group)
{
    int64_t first = INT64_MAX;
    for (int i = 0; i < device->recipe->profile->register_count; i++)
        if (belongs(device, i, group) && !device->memory[i].nulled && device->memory[i].read_ms < first)
            first = device->memory[i].read_ms;
    if (first == INT64_MAX)
        ew_loop_timer_clear(device->fleet->options.loop, &device->groups[group].timer);
    else
        ew_loop_timer_set(device->fleet->options.loop, &device->groups[group].timer,
                          first + patience_ms(device, group));
}

static void on_stale(struct ew_timer *timer, int64_t now_ms)
{
    struct group_memory *g = timer->user;
    struct device *device = g->device;
    // What was not in the last pass but is not stale yet stays out of this message as well.
    for (int i = 0; i < device->recipe->profile->register_count; i++)
        if (belongs(device, i, g->group) && !device->memory[i].nulled)
            device->memory[i].shown = false;
    if (forget_stale(device, g->group, now_ms) > 0) {
        g->up_ms = now_ms;
        g->wall_ms = ew_clock_wall_ms();
        fleet_publish_group(device->fleet, device, g->group);
    }
    set_timer(device, g->group);
}

static void release(struct device *device)
{
    if (!device->recipe)
        return;
    for (int i = 0; i < device->recipe->profile->register_count; i++)
        free(device->memory[i].text);
    free(device->memory);
    device->memory = NULL;
    for (int g = 0; g < PROFILE_GROUP_COUNT; g++) {
        ew_loop_timer_clear(device->fleet->options.loop, &device->groups[g].timer);
        device->groups[g].up_ms = 0;
    }
    free(device->learnt);
    device->learnt = NULL;
    recipe_release(device->recipe);
    device->recipe = NULL;
}

static bool has_values(const struct recipe *recipe, enum profile_group group)
{
    for (int i = 0; i < recipe->profile->register_count; i++)
        if (recipe->profile->registers[i].group == group && !recipe->profile->registers[i].hidden)
            return true;
    return false;
}

void memory_begin(struct device *device, struct recipe *recipe)
{
    release(device);
    station_end(device);
    command_end(device);
    device->recipe = recipe;
    device->said = RESULT_UNCHANGED;
    device->said_has_reason = device->fault = false;
    for (int g = 0; g < PROFILE_GROUP_COUNT; g++)
        if (!recipe || !has_values(recipe, (enum profile_group)g))
            fleet_clear_group(device->fleet, device, (enum profile_group)g);
    if (!recipe)
        return;
    int64_t now = ew_clock_up_ms();
    size_t count = (size_t)recipe->profile->register_count;
    device->memory = calloc(count ? count : 1, sizeof(*device->memory));
    if (!device->memory)
        abort();
    for (size_t i = 0; i < count; i++)
        device->memory[i].read_ms = now;
    device->learnt = calloc(count ? count : 1, 1);
    if (!device->learnt)
        abort();
    memcpy(device->learnt, recipe->learnt, count);
    for (int g = 0; g < PROFILE_GROUP_COUNT; g++) {
        device->groups[g].timer.fn = on_stale;
        device->groups[g].timer.user = &device->groups[g];
        device->groups[g].device = device;
        device->groups[g].group = (enum profile_group)g;
        if (recipe->plans[g].request_count > 0)
            set_timer(device, (enum profile_group)g);
    }
}

static void remember(struct remembered *m, const struct result *result, const struct poll_value *v)
{
    m->read_ms = result->up_ms;
    m->number = v->number;
    m->raw = v->raw;
    m->good = v->good;
    m->single = v->single;
    m->known = m->shown = true;
    m->nulled = false;
    if (v->text == 0)
        return;
    free(m->text);
    m->text = strdup(result->text + v->text);
    if (!m->text)
        abort();
}

bool memory_pass(struct device *device, const struct result *result)
{
    enum profile_group group = result->group;
    for (int i = 0; i < device->recipe->profile->register_count; i++)
        if (belongs(device, i, group))
            device->memory[i].shown = false;
    for (int i = 0; i < result->value_count; i++)
        remember(&device->memory[result->values[i].index], result, &result->values[i]);
    int stale = forget_stale(device, group, ew_clock_up_ms());
    if (result->value_count == 0 && stale == 0)
        return false; // helpers only
    device->groups[group].up_ms = result->up_ms;
    device->groups[group].wall_ms = result->wall_ms;
    set_timer(device, group);
    return true;
}
