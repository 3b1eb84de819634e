// A Modbus slave for tests, in a thread of its own. Register a of unit u holds a (so that an answer of
// another request shows), bits are the parity of their address. Faults are set while it runs.
#ifndef EDGEWATT_TESTS_SLAVE_H
#define EDGEWATT_TESTS_SLAVE_H

#include <stdbool.h>
#include <stdint.h>

enum slave_kind { SLAVE_TCP, SLAVE_RTU_TCP, SLAVE_RTU };

struct slave;

// raw: NULL = answer properly. Else what is sent instead, in hex: "TT" stands for the next byte of the
// transaction, "UU" for the unit, "CC" (at the end) for the checksum; "close" closes the connection, "" is
// silence.
struct slave_fault {
    const char *raw;
    int delay_ms;  // before the answer
    int every;     // the fault hits every n-th request only (0 and 1: all)
    bool bytewise; // one byte at a time, 1 ms apart
};

struct slave *slave_new(enum slave_kind kind);
void slave_free(struct slave *slave);
int slave_port(const struct slave *slave);         // TCP kinds
const char *slave_path(const struct slave *slave); // SLAVE_RTU
void slave_set_fault(struct slave *slave, struct slave_fault fault);
void slave_set_register(struct slave *slave, int address, uint16_t value);
// Closes the connections there are.
void slave_drop(struct slave *slave);
int slave_requests(struct slave *slave);
int slave_connections(struct slave *slave); // accepted so far

#endif
