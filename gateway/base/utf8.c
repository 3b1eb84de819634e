#include "base/utf8.h"

static size_t length_by_lead(unsigned char lead)
{
    return lead < 0x80                    ? 1
           : lead >= 0xC2 && lead <= 0xDF ? 2
           : (lead & 0xF0) == 0xE0        ? 3
           : lead >= 0xF0 && lead <= 0xF4 ? 4
                                          : 0;
}

size_t ew_utf8_length(const unsigned char *p, size_t left)
{
    size_t len = length_by_lead(p[0]);
    if (len == 1)
        return 1;
    if (len == 0 || len > left)
        return 0;
    for (size_t i = 1; i < len; i++)
        if ((p[i] & 0xC0) != 0x80)
            return 0;
    if ((p[0] == 0xE0 && p[1] < 0xA0) || (p[0] == 0xED && p[1] > 0x9F) || (p[0] == 0xF0 && p[1] < 0x90) ||
        (p[0] == 0xF4 && p[1] > 0x8F))
        return 0;
    return len;
}
