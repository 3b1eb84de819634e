#include "config/params.h"

#include <math.h>
#include <string.h>

enum ew_err params_check(const struct library *library, const struct site_device *device, const char *path,
                         struct ew_reason *reason)
{
    const struct profile *profile = library_find(library, device->profile);
    char place[EW_PATH_MAX];
    for (int i = 0; profile && i < profile->param_count; i++) {
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
    for (int i = 0; profile && i < device->param_count; i++) {
        bool known = false;
        for (int k = 0; k < profile->param_count; k++)
            known = known || strcmp(profile->params[k].name, device->params[i].name) == 0;
        (void)ew_format(place, sizeof(place), "%s/params/%s", path, device->params[i].name);
        if (!known)
            return ew_fail(reason, EW_E_INVALID, "site.param_unknown", place,
                           "profile %s has no such parameter", profile->id);
    }
    return EW_OK;
}
