// cmocka with what it needs included before it.
#ifndef EDGEWATT_TESTS_CHECK_H
#define EDGEWATT_TESTS_CHECK_H

// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#endif
