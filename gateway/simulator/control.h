// clang-format off
// What a person or a test may tell a running simulation: a line a command, an answer line each ("ok ...", or
// "error: sentence"). From standard input, and from a UNIX socket for any number of clients in turn. DEVICE and
// BUS are ids of the site file.
//   fault DEVICE none|no_answer|late [MS]|exception [CODE]|wrong_unit|wrong_transaction|wrong_function|short|
//         garbage|bad_crc|cut|bytewise [MS]|flood [BYTES]|close
//   set DEVICE QUANTITY VALUE|auto   what the register says (a station's state as a letter)
//   get DEVICE QUANTITY              "ok VALUE"
//   load DEVICE WATTS|auto           what a meter's circuit draws: its currents and the main meter follow
//   limit DEVICE AMPERES             what a station offers
//   car DEVICE arrive [WH]|leave
//   power DEVICE cycle [SECONDS]     a station without power for so long: then its rated current, no watchdog
//   disobey DEVICE on|off            a station takes limits and draws what it likes
//   lost DEVICE on|off               no answer, and nothing is carried out; its own watchdog runs on
//   unplug BUS, plug BUS             the converter's network cable; a serial port's adapter
//   alone BUS on|off                 the converter takes one connection only
//   forget BUS                       half-open: nothing is heard any more on the connections there are
//   currents                         "ok {...}": the true currents now (course.h)
//   course [FROM]                    "ok {...}": the true currents second by second
//   step SECONDS                     lets that much simulated time pass at once
//   dump                             "ok {...}": everything, as one line of JSON
//   help                             one line too, but at a terminal: guide.h
// clang-format on
#ifndef EDGEWATT_SIMULATOR_CONTROL_H
#define EDGEWATT_SIMULATOR_CONTROL_H

#include "simulator/building.h"

// Carries out one line (it is taken apart in place) and writes the answer with its newline.
void control_line(struct building *building, char *line, struct ew_buf *answer);

struct control;
// Listens to fd 0 when standard_input, and at socket_path when it is not NULL.
enum ew_err control_new(struct building *building, struct ew_loop *loop, bool standard_input,
                        const char *socket_path, struct control **ret,
                        struct ew_reason *reason) EW_MUST_CHECK;
void control_free(struct control *control); // takes NULL; removes the socket

#endif
