// What another server may read of this one over Modbus TCP (NET-01): the active energy import of a device, a
// circuit, a zone or the site, at unit 247. The address is the number of the manual: 1XXXX a device, 2YYYY a
// circuit, 3ZZZZ a zone, 29999 all; XXXX is the id that the pages show. Functions 3 and 4 give the same: 1 to
// 4 registers from that address hold the energy in Wh as one unsigned number, the most significant register
// first, so that two (to 4.29 GWh) or four of them are asked for. Addresses do not run into each other. Pure.
#ifndef EDGEWATT_CORE_REMOTE_REMOTE_H
#define EDGEWATT_CORE_REMOTE_REMOTE_H

#include "core/frame/frame.h"

enum {
    REMOTE_UNIT = 247,
    REMOTE_VALUES_MAX = 4096,
    REMOTE_DEVICE = 10000,
    REMOTE_CIRCUIT = 20000,
    REMOTE_ALL = 29999,
    REMOTE_ZONE = 30000,
    REMOTE_IDS = 9998 // ids above have no number here
};

enum remote_kind { REMOTE_KIND_DEVICE, REMOTE_KIND_CIRCUIT, REMOTE_KIND_ZONE, REMOTE_KIND_SITE };

struct remote_value {
    uint16_t address;
    double wh;                // negative or NaN = there is none now
    int64_t up_ms, period_ms; // of a device: read then, and so often; period 0: never too old
};

struct remote_table { // in order of address; the caller's
    int count;
    struct remote_value values[REMOTE_VALUES_MAX];
};

// The address of an object, 0 = it has none.
uint16_t remote_address(enum remote_kind kind, int64_t id);
// Puts a value in the place of the one with its address, or adds it. False: the table is full.
bool remote_set(struct remote_table *table, const struct remote_value *value);
void remote_remove(struct remote_table *table, uint16_t address);

// The PDU that answers a request's PDU. Exceptions: 10 another unit, 1 another function, 2 an address that
// means nothing here, 3 a count that is none of 1 to 4 or too few registers for the number, 11 the value is
// not known now (the device does not answer; three periods old).
size_t remote_answer(const struct remote_table *table, uint8_t unit, const uint8_t *pdu, size_t len,
                     int64_t up_ms, uint8_t ret_pdu[FRAME_PDU_MAX]);

#endif
