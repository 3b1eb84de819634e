#include "profile_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum ew_err test_profile_read(const char *text, struct test_profile *ret, struct ew_reason *reason)
{
    *ret = (struct test_profile){0};
    char *json = strdup(text);
    for (char *p = json; *p; p++)
        if (*p == '\'')
            *p = '"';
    enum ew_err err = ew_json_parse(json, strlen(json), EW_PROFILE_FILE_MAX, &ret->tree, reason);
    free(json);
    if (err != EW_OK)
        return err;
    size_t size = profile_memory(ret->tree);
    struct ew_arena arena;
    ret->memory = malloc(size);
    ew_arena_init(&arena, ret->memory, size);
    return profile_read(ret->tree, &arena, &ret->profile, reason);
}

enum ew_err test_profile_registers(const char *registers, struct test_profile *ret, struct ew_reason *reason)
{
    char text[8192];
    int len = snprintf(text, sizeof(text),
                       "{'id':'test','version':'1','family':'Test','model':'Test','kind':'meter',"
                       "'confidence':'candidate','registers':{%s}}",
                       registers);
    if (len < 0 || (size_t)len >= sizeof(text))
        abort();
    return test_profile_read(text, ret, reason);
}

void test_profile_done(struct test_profile *profile)
{
    free(profile->memory);
    cJSON_Delete(profile->tree);
}

double test_no_params(const void *user, const char *name, double fallback)
{
    (void)user;
    (void)name;
    return fallback;
}
