#include "capture.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *capture_text(const char *name)
{
    char path[512];
    (void)snprintf(path, sizeof(path), "%s/../shared/data/modbus_vectors/%s", EDGEWATT_SOURCE_DIR, name);
    FILE *file = fopen(path, "rb");
    if (!file) {
        printf("skipped: %s is not here\n", path);
        return NULL;
    }
    char *text = calloc(1, 1 << 20);
    size_t len = fread(text, 1, (1 << 20) - 1, file);
    text[len] = 0;
    (void)fclose(file);
    return text;
}

void capture_read_dump(const char *text, struct capture_dump *ret)
{
    memset(ret, 0, sizeof(*ret));
    while (*text) {
        char *after;
        unsigned long address = strtoul(text, &after, 10);
        if (after != text && address < 65536) {
            ret->words[address] = (uint16_t)strtoul(after, NULL, 16);
            ret->there[address] = true;
        }
        text += strcspn(text, "\n");
        text += *text == '\n';
    }
}

int capture_hex(const char *text, size_t len, uint8_t *ret, size_t size)
{
    int count = 0;
    for (size_t i = 0; i < len;) {
        if (isspace((unsigned char)text[i])) {
            i++;
            continue;
        }
        if (i + 1 >= len || (size_t)count == size || !isxdigit((unsigned char)text[i]) ||
            !isxdigit((unsigned char)text[i + 1]))
            return -1;
        const char byte[] = {text[i], text[i + 1], 0};
        ret[count++] = (uint8_t)strtoul(byte, NULL, 16);
        i += 2;
    }
    return count;
}

int capture_csv(char *line, char **ret_fields, int max)
{
    int count = 0;
    char *to = line;
    bool quoted = false;
    ret_fields[count++] = to;
    for (char *p = line; *p && *p != '\n' && *p != '\r'; p++) {
        if (*p == '"' && quoted && p[1] == '"')
            *to++ = *p++;
        else if (*p == '"')
            quoted = !quoted;
        else if (*p == ',' && !quoted && count < max) {
            *to++ = 0;
            ret_fields[count++] = to;
        } else
            *to++ = *p;
    }
    *to = 0;
    return count;
}
