// The listening socket and its connections: frames in, answers out, with ceilings. What is answered is the
// caller's.
#ifndef EDGEWATT_SERVER_DOOR_H
#define EDGEWATT_SERVER_DOOR_H

#include "base/loop.h"
#include "core/frame/frame.h"

enum { DOOR_CONNECTIONS_MAX = 32, DOOR_IDLE_MS = 120000 };

struct door;

struct door_ticket { // whose request it is
    int place;
    uint32_t life; // of the connection in that place
    uint16_t transaction;
    uint8_t unit;
};

// Returns the length of the answer's PDU; 0: door_reply brings it later.
typedef size_t door_answer_fn(void *user, const struct door_ticket *ticket, const uint8_t *pdu, size_t len,
                              int64_t now_ms, uint8_t ret_pdu[FRAME_PDU_MAX]);

struct door *door_new(struct ew_loop *loop, door_answer_fn *answer, void *user);
void door_free(struct door *door); // takes NULL

// Opens at all addresses of this machine; a door that is open at another port is closed first.
enum ew_err door_open(struct door *door, int port, struct ew_reason *reason) EW_MUST_CHECK;
void door_close(struct door *door); // connections too
// The answer that was to come later; dropped when the connection is gone.
void door_reply(struct door *door, const struct door_ticket *ticket, const uint8_t *pdu, size_t len);
int door_port(const struct door *door); // 0 = closed
int door_connections(const struct door *door);
int64_t door_answered(const struct door *door);

#endif
