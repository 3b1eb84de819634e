// UTF-8 as RFC 3629 defines it. Pure.
#ifndef EDGEWATT_BASE_UTF8_H
#define EDGEWATT_BASE_UTF8_H

#include <stddef.h>

// Length of the valid sequence at p (no overlong forms, no surrogates), 0 when it is not one. left > 0.
size_t ew_utf8_length(const unsigned char *p, size_t left);

#endif
