// A byte buffer with a ceiling. What does not fit sets `full` and is dropped whole; the contents stay valid.
#ifndef EDGEWATT_BASE_BUF_H
#define EDGEWATT_BASE_BUF_H

#include "base/err.h"

struct ew_buf {
    char *data; // always 0-terminated once something was added; owned by the buffer
    size_t len; // without the final 0
    size_t cap;
    size_t max; // ceiling in bytes, final 0 not counted
    bool full;  // an append was refused since the last clear
};

void ew_buf_init(struct ew_buf *buf, size_t max);
void ew_buf_done(struct ew_buf *buf);  // takes NULL and half-built
void ew_buf_clear(struct ew_buf *buf); // keeps the memory
void ew_buf_add(struct ew_buf *buf, const void *data, size_t len);
void ew_buf_add_text(struct ew_buf *buf, const char *text);
void ew_buf_printf(struct ew_buf *buf, const char *fmt, ...) EW_PRINTF(2, 3);
void ew_buf_drop_front(struct ew_buf *buf, size_t len);
const char *ew_buf_text(const struct ew_buf *buf); // never NULL

// snprintf into a fixed array; EW_E_TOO_LARGE when it was cut.
enum ew_err ew_format(char *dst, size_t size, const char *fmt, ...) EW_PRINTF(3, 4);
// Copies at most size - 1 bytes at a UTF-8 boundary and terminates.
void ew_copy(char *dst, size_t size, const char *src);

#endif
