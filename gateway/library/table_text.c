// The letters of a file that a spreadsheet wrote.
#include "base/utf8.h"
#include "library/table_priv.h"

#include <stdint.h>
#include <string.h>

static void put(struct ew_buf *ret, uint32_t letter)
{
    char utf8[4];
    size_t len = 1;
    if (letter < 0x80) {
        utf8[0] = (char)letter;
    } else if (letter < 0x800) {
        utf8[0] = (char)(0xC0 | letter >> 6);
        len = 2;
    } else if (letter < 0x10000) {
        utf8[0] = (char)(0xE0 | letter >> 12);
        len = 3;
    } else {
        utf8[0] = (char)(0xF0 | letter >> 18);
        len = 4;
    }
    for (size_t i = 1; i < len; i++)
        utf8[i] = (char)(0x80 | (letter >> (6 * (len - 1 - i)) & 0x3F));
    ew_buf_add(ret, utf8, len);
}

static void from_utf16(const unsigned char *p, size_t len, bool big, struct ew_buf *ret)
{
    uint32_t high = 0; // the first half of a letter beyond 0xFFFF
    for (size_t i = 0; i + 1 < len; i += 2) {
        uint32_t unit = big ? (uint32_t)(p[i] << 8 | p[i + 1]) : (uint32_t)(p[i + 1] << 8 | p[i]);
        if (unit == 0xFEFF)
            continue;
        if (unit >= 0xD800 && unit < 0xDC00) {
            high = unit;
            continue;
        }
        bool low = unit >= 0xDC00 && unit < 0xE000;
        put(ret, low && high ? 0x10000 + ((high & 0x3FF) << 10) + (unit & 0x3FF) : low ? 0xFFFD : unit);
        high = 0;
    }
}

static bool is_utf8(const unsigned char *p, size_t len)
{
    for (size_t i = 0, n; i < len; i += n)
        if ((n = ew_utf8_length(p + i, len - i)) == 0)
            return false;
    return true;
}

// Windows-1252; what it does not define stays as Latin-1 has it.
static void from_1252(const unsigned char *p, size_t len, struct ew_buf *ret)
{
    static const uint16_t from_80[32] = {0x20AC, 0x81,   0x201A, 0x192,  0x201E, 0x2026, 0x2020, 0x2021,
                                         0x2C6,  0x2030, 0x160,  0x2039, 0x152,  0x8D,   0x17D,  0x8F,
                                         0x90,   0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014,
                                         0x2DC,  0x2122, 0x161,  0x203A, 0x153,  0x9D,   0x17E,  0x178};
    for (size_t i = 0; i < len; i++)
        put(ret, p[i] >= 0x80 && p[i] < 0xA0 ? from_80[p[i] - 0x80] : p[i]);
}

void table_utf8(const char *bytes, size_t len, struct ew_buf *ret)
{
    const unsigned char *p = (const unsigned char *)bytes;
    bool marked = len >= 2 && ((p[0] == 0xFF && p[1] == 0xFE) || (p[0] == 0xFE && p[1] == 0xFF));
    bool zeros = len >= 2 && (p[0] == 0) != (p[1] == 0); // a header is ASCII
    if (marked || zeros)
        from_utf16(p, len, marked ? p[0] == 0xFE : p[0] == 0, ret);
    else if (len >= 3 && memcmp(p, "\xEF\xBB\xBF", 3) == 0 && is_utf8(p + 3, len - 3))
        ew_buf_add(ret, bytes + 3, len - 3);
    else if (is_utf8(p, len))
        ew_buf_add(ret, bytes, len);
    else
        from_1252(p, len, ret);
}
