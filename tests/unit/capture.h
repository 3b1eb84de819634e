// Captured traffic and register dumps of real devices, from outside the project:
// ../shared/data/modbus_vectors. Its licences do not let all of it be committed, so tests skip, saying so,
// where it is absent.
#ifndef EDGEWATT_TESTS_CAPTURE_H
#define EDGEWATT_TESTS_CAPTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// The text of ../shared/data/modbus_vectors/<name>, to be freed; NULL when it is not there, after a line on
// standard output.
char *capture_text(const char *name);

struct capture_dump {
    uint16_t words[65536];
    bool there[65536];
};
// "2999 0x403B" a line; # comments and blank lines are skipped.
void capture_read_dump(const char *text, struct capture_dump *ret);
// "0a ff 03" to bytes; -1 when it is no hex, or more than size.
int capture_hex(const char *text, size_t len, uint8_t *ret, size_t size);
// Takes one line of CSV apart in place, "" quoted fields too; returns how many fields.
int capture_csv(char *line, char **ret_fields, int max);

#endif
