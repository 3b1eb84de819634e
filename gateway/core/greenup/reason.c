#include "core/greenup/reason.h"

#include "base/buf.h"
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

static const char *const names[] = {
#define GREENUP_WHY_NAME(id, name, text) name,
    GREENUP_WHY_MAP(GREENUP_WHY_NAME)
#undef GREENUP_WHY_NAME
};

static const char *const sentences[] = {
// In brackets: some sentences are put together from two pieces of text.
#define GREENUP_WHY_TEXT(id, name, text) (text),
    GREENUP_WHY_MAP(GREENUP_WHY_TEXT)
#undef GREENUP_WHY_TEXT
};

const char *greenup_why_name(enum greenup_why why)
{
    return names[why];
}

const char *greenup_why_sentence(enum greenup_why why)
{
    return sentences[why];
}

// "16" or "12.5": tenths rounded up, so that what is above a limit reads so.
static void amperes(char *dst, size_t size, int32_t ma)
{
    const int tenths = (int)((ma + 99) / 100);
    if (tenths % 10 == 0)
        (void)ew_format(dst, size, "%d", tenths / 10);
    else
        (void)ew_format(dst, size, "%d.%d", tenths / 10, tenths % 10);
}

static void value_of(const char *hole, const struct greenup_why_params *v, char *dst, size_t size)
{
    if (strcmp(hole, "limit") == 0)
        amperes(dst, size, v->limit_ma);
    else if (strcmp(hole, "current") == 0)
        amperes(dst, size, v->current_ma);
    else if (strcmp(hole, "max") == 0)
        amperes(dst, size, v->max_ma);
    else if (strcmp(hole, "seconds") == 0)
        (void)ew_format(dst, size, "%d", (int)v->seconds);
    else if (v->phase >= 0)
        (void)ew_format(dst, size, "L%d", v->phase + 1);
    else
        ew_copy(dst, size, "?");
}

void greenup_why_reason(enum greenup_why why, const struct greenup_why_params *params, struct ew_reason *ret)
{
    char text[EW_TEXT_MAX] = "";
    size_t used = 0;
    const char *from = sentences[why];
    char code[EW_CODE_MAX];
    struct ew_param found[EW_PARAM_MAX];
    int count = 0;
    while (*from) {
        const char *close = *from == '{' ? strchr(from, '}') : NULL;
        if (!close) {
            if (used + 1 < sizeof(text))
                text[used++] = *from;
            from++;
            continue;
        }
        char name[EW_PARAM_NAME_MAX], value[EW_PARAM_VALUE_MAX];
        (void)ew_format(name, sizeof(name), "%.*s", (int)(close - from - 1), from + 1);
        value_of(name, params, value, sizeof(value));
        if (count < EW_PARAM_MAX) {
            ew_copy(found[count].name, sizeof(found[count].name), name);
            ew_copy(found[count].value, sizeof(found[count].value), value);
            count++;
        }
        const size_t len = strlen(value);
        if (used + len < sizeof(text)) {
            memcpy(text + used, value, len);
            used += len;
        }
        from = close + 1;
    }
    text[used] = 0;
    (void)ew_format(code, sizeof(code), "greenup.%s", names[why]);
    (void)ew_fail(ret, EW_OK, code, "", "%s", text);
    for (int i = 0; i < count; i++)
        ew_reason_param(ret, found[i].name, "%s", found[i].value);
}
