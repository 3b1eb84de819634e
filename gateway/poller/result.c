#include "poller/result.h"

#include <stdlib.h>

struct result *result_new(enum result_kind kind, int value_count, size_t text_size)
{
    size_t values = sizeof(struct poll_value) * (size_t)value_count;
    struct result *result = malloc(sizeof(*result) + values + text_size);
    if (!result)
        abort();
    *result = (struct result){.kind = kind, .value_count = value_count};
    result->text = (char *)result + sizeof(*result) + values;
    return result;
}

void result_set_reason(struct result *result, const struct ew_reason *reason)
{
    free(result->reason);
    result->reason = NULL;
    if (!reason)
        return;
    result->reason = malloc(sizeof(*reason));
    if (!result->reason)
        abort();
    *result->reason = *reason;
}

void result_free(struct result *result)
{
    if (!result)
        return;
    recipe_release(result->recipe);
    free(result->reason);
    inlet_job_free(result->job);
    free(result);
}
