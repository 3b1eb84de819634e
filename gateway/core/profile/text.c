// Text out of registers: two characters a register, the first in the high byte.
#include "base/utf8.h"
#include "core/profile/profile_priv.h"

#include <string.h>

static bool is_control(const unsigned char *text, size_t length)
{
    if (length == 1)
        return text[0] < 0x20 || text[0] == 0x7F;
    return length == 2 && text[0] == 0xC2 && text[1] < 0xA0; // U+0080..U+009F
}

void profile_text(const uint16_t *registers, int words, char ret[PROFILE_STRING_WORDS_MAX * 2 + 1])
{
    unsigned char bytes[PROFILE_STRING_WORDS_MAX * 2] = {0};
    size_t count = 0, len = 0;
    for (int i = 0; i < words; i++) {
        bytes[count++] = (unsigned char)(registers[i] >> 8);
        bytes[count++] = (unsigned char)(registers[i] & 0xFF);
    }
    for (size_t at = 0; at < count && bytes[at];) {
        size_t length = ew_utf8_length(bytes + at, count - at);
        if (length > 0 && !is_control(bytes + at, length)) {
            memcpy(ret + len, bytes + at, length);
            len += length;
        }
        at += length > 0 ? length : 1; // a byte that is no UTF-8 is dropped
    }
    while (len > 0 && ret[len - 1] == ' ') // padding
        len--;
    ret[len] = 0;
}
