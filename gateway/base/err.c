#include "base/err.h"

#include "base/buf.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    const char *sentence;
} errors[] = {
#define EW_ERR_ROW(name, sentence) {#name, sentence},
    EW_ERR_MAP(EW_ERR_ROW)
#undef EW_ERR_ROW
};

const char *ew_err_name(enum ew_err err)
{
    return errors[err].name;
}

const char *ew_err_sentence(enum ew_err err)
{
    return errors[err].sentence;
}

void ew_reason_clear(struct ew_reason *reason)
{
    if (reason)
        *reason = (struct ew_reason){.err = EW_OK};
}

enum ew_err ew_fail(struct ew_reason *reason, enum ew_err err, const char *code, const char *path,
                    const char *fmt, ...)
{
    if (!reason)
        return err;
    ew_reason_clear(reason);
    reason->err = err;
    ew_copy(reason->code, sizeof(reason->code), code);
    ew_copy(reason->path, sizeof(reason->path), path ? path : "");
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(reason->text, sizeof(reason->text), fmt, args);
    va_end(args);
    if (n < 0)
        ew_copy(reason->text, sizeof(reason->text), ew_err_sentence(err));
    return err;
}

void ew_reason_param(struct ew_reason *reason, const char *name, const char *fmt, ...)
{
    if (!reason || reason->param_count >= EW_PARAM_MAX)
        return;
    struct ew_param *param = &reason->params[reason->param_count++];
    ew_copy(param->name, sizeof(param->name), name);
    va_list args;
    va_start(args, fmt);
    if (vsnprintf(param->value, sizeof(param->value), fmt, args) < 0)
        param->value[0] = 0;
    va_end(args);
}
