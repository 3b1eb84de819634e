// A simulated device: its registers as the profile lays them out, filled from the plant.
#ifndef EDGEWATT_SIMULATOR_DEVICE_H
#define EDGEWATT_SIMULATOR_DEVICE_H

#include "core/frame/frame.h"
#include "core/profile/profile.h"
#include "core/site/site.h"
#include "simulator/plant.h"

// What a device may do wrong. X(constant, name in the control protocol)
#define DEVICE_FAULTS(X)                                                                                     \
    X(FAULT_NONE, "none")                                                                                    \
    X(FAULT_NO_ANSWER, "no_answer")                                                                          \
    X(FAULT_LATE, "late")                           /* argument: ms, default 3000 */                         \
    X(FAULT_EXCEPTION, "exception")                 /* argument: code, default 4 */                          \
    X(FAULT_WRONG_UNIT, "wrong_unit")               /* the right answer under the next unit's number */      \
    X(FAULT_WRONG_TRANSACTION, "wrong_transaction") /* an answer to something never asked */                 \
    X(FAULT_WRONG_FUNCTION, "wrong_function")                                                                \
    X(FAULT_SHORT, "short")     /* fewer registers than asked for */                                         \
    X(FAULT_GARBAGE, "garbage") /* bytes that are no frame */                                                \
    X(FAULT_BAD_CRC, "bad_crc") /* serial framing only */                                                    \
    X(FAULT_CUT, "cut")         /* half a frame, then nothing */                                             \
    X(FAULT_BYTEWISE,                                                                                        \
      "bytewise")           /* the right answer in single bytes; argument: ms between them, default 2 */     \
    X(FAULT_FLOOD, "flood") /* noise instead of an answer; argument: bytes, default 2000 */                  \
    X(FAULT_CLOSE, "close") /* closes the connection instead of answering */

enum device_fault {
#define DEVICE_FAULT_ENUM(constant, name) constant,
    DEVICE_FAULTS(DEVICE_FAULT_ENUM)
#undef DEVICE_FAULT_ENUM
};

struct device_image { // of one of the four tables
    int first, count; // addresses first .. first + count - 1
    uint16_t *words;  // bits: 0 or 1
    bool *declared;
};

struct device {
    struct site_device site;
    const struct profile *profile; // a loan of the library's
    struct plant_device *plant;    // a loan of the plant's
    struct profile_bound *bounds;  // by register
    double *ordered;               // by register: what the control protocol set, or was written to an output;
                                   // NaN = the plant's
    struct profile_bound *places;  // by command, then the watchdog's and the other places
    struct profile_bound *reads;   // where they are read
    double *written;               // of the same: what was last written, raw of switches
    double also[PROFILE_ALSO_MAX]; // the limit's other phases
    long long writes;              // carried out
    int64_t written_ms;            // when the last one was, on the loop's clock
    struct device_image images[5]; // by function code 1..4
    int64_t imaged_second;         // the plant's second the images show
    enum device_fault fault;
    int fault_argument;
    long long asked;  // requests to it
    int64_t asked_ms; // when the last one came, on the loop's clock
};

// EW_E_INVALID when the device's parameters do not fit the profile. profile and plant must outlive the
// device.
enum ew_err device_init(struct device *device, const struct site_device *site, const struct profile *profile,
                        struct plant_device *plant, struct ew_reason *reason) EW_MUST_CHECK;
void device_done(struct device *device);

// Reads `count` registers or bits as the real device would: undeclared ones are 0 where the profile allows
// holes, an illegal address elsewhere; more than its limit is an illegal value.
enum frame_exception device_read(struct device *device, int64_t second, const struct frame_request *request,
                                 uint16_t *ret_words);
// Carries a write out as the real device would: the limit, the watchdog, outputs and switches that the
// profile declares; an illegal address elsewhere.
enum frame_exception device_write(struct device *device, const struct plant *plant,
                                  const struct frame_request *request);
// The value of a quantity now, as the plant has it; NaN when there is none.
double device_value(const struct device *device, int index);
// Sets what a quantity says (NaN: the plant's again). False when the profile has no such quantity.
bool device_order(struct device *device, const char *quantity, double value);

// The places that can be written: the profile's commands, then its watchdog's, its sign of life, its set-up.
int device_place_count(const struct device *device);
const struct profile_command *device_command(const struct device *device, int place);

const char *device_fault_name(enum device_fault fault);
bool device_fault_find(const char *name, enum device_fault *ret);

#endif
