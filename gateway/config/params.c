#include "config/params.h"

#include <math.h>
#include <string.h>

// The parameters that one module at the device's address declares.
static enum ew_err check_values(const struct profile *profile, const struct site_device *device,
                                const char *path, struct ew_reason *reason)
{
    char place[EW_PATH_MAX];
    for (int i = 0; i < profile->param_count; i++) {
        const struct profile_param *param = &profile->params[i];
        double value = site_param(device, param->name, param->required ? (double)INFINITY : param->preset);
        (void)ew_format(place, sizeof(place), "%s/params/%s", path, param->name);
        if (param->required && isinf(value))
            return ew_fail(reason, EW_E_INVALID, "site.param_missing", place,
                           "is missing: profile %s needs it", profile->id);
        if (value < param->min || value > param->max)
            return ew_fail(reason, EW_E_INVALID, "json.range", place, "%g is outside %g..%g", value,
                           param->min, param->max);
    }
    return EW_OK;
}

static bool declares(const struct profile *profile, const char *name)
{
    for (int k = 0; k < profile->param_count; k++)
        if (strcmp(profile->params[k].name, name) == 0)
            return true;
    return false;
}

enum ew_err params_check(const struct library *library, const struct site_device *device, const char *path,
                         struct ew_reason *reason)
{
    const struct profile *modules[SITE_PARTS_MAX + 1];
    int count = 0;
    for (int i = -1; i < device->part_count; i++) {
        const struct profile *profile = library_find(library, i < 0 ? device->profile : device->parts[i]);
        enum ew_err err = profile ? check_values(profile, device, path, reason) : EW_OK;
        if (err != EW_OK)
            return err;
        if (profile)
            modules[count++] = profile;
    }
    for (int i = 0; count > 0 && i < device->param_count; i++) {
        bool known = false;
        for (int k = 0; k < count; k++)
            known = known || declares(modules[k], device->params[i].name);
        char place[EW_PATH_MAX];
        (void)ew_format(place, sizeof(place), "%s/params/%s", path, device->params[i].name);
        if (!known)
            return ew_fail(reason, EW_E_INVALID, "site.param_unknown", place,
                           "profile %s has no such parameter", modules[0]->id);
    }
    return EW_OK;
}
