// Limits in watts or per cent: what a current comes to on this charge point, as its vehicle draws just now.
#include "poller/fleet_priv.h"

#include <math.h>

int limit_register(const struct profile *profile)
{
    int command = profile_find_command(profile, "limit");
    return command >= 0 ? profile->commands[command].read_back : profile_find(profile, "current_limit");
}

// The rated current as the station tells it, or as its parameter says; 0 = not known.
static int32_t rated_ma(const struct device *device)
{
    int index = profile_find(device->recipe->profile, "rated_current");
    const struct remembered *m = index >= 0 ? &device->memory[index] : NULL;
    if (m && m->known && m->good)
        return limit_ma_of(m->number);
    return limit_ma_of(site_param(&device->config, "rated_current", 0));
}

static struct profile_limit unit_of(const struct fleet *fleet, const struct device *device,
                                    const struct profile_command *command, const struct profile_bound *place)
{
    bool fraction = command->type == PROFILE_F32 || command->type == PROFILE_F64;
    return (struct profile_limit){.unit = command->unit,
                                  .nominal_v = fleet->nominal_v,
                                  .phases = device->recipe->phases,
                                  .rated_ma = rated_ma(device),
                                  .count = fraction ? 0 : fabs(place->scale)};
}

static int drawn_phases(const struct device *device, int otherwise)
{
    static const char *const currents[] = {"current_l1", "current_l2", "current_l3"};
    double current_a[3];
    bool known, charges = limit_charges(device, &known);
    for (int i = 0; i < 3; i++) {
        const struct remembered *m = limit_heard(device, currents[i]);
        current_a[i] = m ? m->number : (double)NAN;
    }
    return profile_limit_phases(current_a, charges, otherwise);
}

void limit_units(const struct fleet *fleet, struct device *device)
{
    const struct recipe *recipe = device->recipe;
    struct station *s = &device->station;
    int command = profile_find_command(recipe->profile, "limit");
    s->limit = s->fallback = (struct profile_limit){.rated_ma = rated_ma(device)};
    if (command < 0)
        return;
    s->limit = unit_of(fleet, device, &recipe->profile->commands[command], &recipe->writes[command]);
    if (s->limit.unit == PROFILE_LIMIT_W)
        s->limit.phases = drawn_phases(device, s->limit.phases);
    if (recipe->profile->watchdog.fallback.name[0])
        s->fallback = unit_of(fleet, device, &recipe->profile->watchdog.fallback, &recipe->dog_fallback);
}
