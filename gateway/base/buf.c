#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void ew_buf_init(struct ew_buf *buf, size_t max)
{
    *buf = (struct ew_buf){.max = max};
}

void ew_buf_done(struct ew_buf *buf)
{
    if (!buf)
        return;
    free(buf->data);
    *buf = (struct ew_buf){.max = buf->max};
}

void ew_buf_clear(struct ew_buf *buf)
{
    buf->len = 0;
    buf->full = false;
    if (buf->data)
        buf->data[0] = 0;
}

// Makes room for len more bytes and the final 0; false when the ceiling forbids it.
static bool reserve(struct ew_buf *buf, size_t len)
{
    if (len > buf->max - buf->len) {
        buf->full = true;
        return false;
    }
    size_t need = buf->len + len + 1;
    if (need <= buf->cap)
        return true;
    size_t cap = buf->cap ? buf->cap : 64;
    while (cap < need)
        cap *= 2;
    char *data = realloc(buf->data, cap);
    if (!data)
        abort();
    buf->data = data;
    buf->cap = cap;
    return true;
}

void ew_buf_add(struct ew_buf *buf, const void *data, size_t len)
{
    if (!reserve(buf, len))
        return;
    if (len)
        memcpy(buf->data + buf->len, data, len);
    buf->len += len;
    buf->data[buf->len] = 0;
}

void ew_buf_add_text(struct ew_buf *buf, const char *text)
{
    ew_buf_add(buf, text, strlen(text));
}

void ew_buf_printf(struct ew_buf *buf, const char *fmt, ...)
{
    char small[256];
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    int n = vsnprintf(small, sizeof(small), fmt, args);
    if (n >= 0 && (size_t)n < sizeof(small))
        ew_buf_add(buf, small, (size_t)n);
    else if (n >= 0 && reserve(buf, (size_t)n)) {
        vsnprintf(buf->data + buf->len, (size_t)n + 1, fmt, again);
        buf->len += (size_t)n;
    }
    va_end(again);
    va_end(args);
}

void ew_buf_drop_front(struct ew_buf *buf, size_t len)
{
    if (len > buf->len)
        len = buf->len;
    if (!len)
        return;
    memmove(buf->data, buf->data + len, buf->len - len + 1);
    buf->len -= len;
}

const char *ew_buf_text(const struct ew_buf *buf)
{
    return buf->data ? buf->data : "";
}

enum ew_err ew_format(char *dst, size_t size, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(dst, size, fmt, args);
    va_end(args);
    return n >= 0 && (size_t)n < size ? EW_OK : EW_E_TOO_LARGE;
}

void ew_copy(char *dst, size_t size, const char *src)
{
    size_t len = strlen(src);
    if (len >= size) {
        len = size - 1;
        while (len && ((unsigned char)src[len] & 0xC0) == 0x80)
            len--;
    }
    memmove(dst, src, len);
    dst[len] = 0;
}
