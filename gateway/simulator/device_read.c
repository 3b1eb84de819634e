// What the registers of a simulated device say, from the plant and from what was written.
#include "simulator/device_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// The raw value that means the plant's state to this profile: its first, or 0.
static double raw_state(const struct device *device, double state)
{
    static const char *const letters[] = {"A", "B", "C", "D", "E", "F"};
    static const char *const breaker[] = {"open", "closed", "tripped"};
    bool station = device->profile->kind == PROFILE_STATION;
    int index = (int)state;
    if (index < 0 || index >= (station ? 6 : 3))
        return NAN;
    const char *name = station ? letters[index] : breaker[index];
    for (int i = 0; i < device->profile->state_count; i++)
        if (strcmp(device->profile->states[i].state, name) == 0)
            return (double)device->profile->states[i].raw;
    return NAN;
}

// A sign word has its meaning from the register that names it.
static double raw_sign(const struct device *device, int index, double value)
{
    const struct profile *profile = device->profile;
    for (int i = 0; i < profile->register_count; i++)
        if (profile->registers[i].sign_from == index) {
            double negative = (double)profile->registers[i].sign_negative;
            return value < 0 ? negative : negative == 0 ? 1 : 0;
        }
    return value < 0;
}

// Odd harmonics that fall with their order, even ones next to nothing, in the shape of the total.
static double harmonic(const struct device *device, const char *quantity)
{
    const char *last = strrchr(quantity, '_');
    long order = last ? strtol(last + 1, NULL, 10) : 0;
    bool voltage = strncmp(quantity, "harmonic_voltage", strlen("harmonic_voltage")) == 0;
    double total = device->plant->value[voltage ? CH_THD_VOLTAGE_L1 : CH_THD_CURRENT_L1];
    if (order < 2)
        return NAN;
    return order % 2 ? total * 2.2 / (double)order : total * 0.05 / (double)order;
}

// What the device calls its L1 is another phase of the site when it is wired rotated.
static void site_quantity(const struct device *device, const char *quantity, char dst[PROFILE_NAME_MAX])
{
    enum channel channel;
    enum channel_form form;
    ew_copy(dst, PROFILE_NAME_MAX, quantity);
    if (device->site.phase_count != 3)
        return;
    for (char *p = strstr(dst, "_l"); p; p = strstr(p + 1, "_l"))
        if (p[2] >= '1' && p[2] <= '3' && (p[3] == 0 || p[3] == '_'))
            p[2] = (char)('0' + device->site.phase_order[p[2] - '1']);
    if (!channel_find(dst, &channel, &form)) // a voltage between two phases the other way round
        ew_copy(dst, PROFILE_NAME_MAX, quantity);
}

static double release_raw(const struct device *device)
{
    int command = profile_find_command(device->profile, "release");
    if (command < 0)
        return 0;
    const struct profile_command *c = &device->profile->commands[command];
    return device->plant->station.held ? c->off : c->on;
}

// What the plant has for a register of a device whose sensor sits the right way round.
static double true_value(const struct device *device, int index)
{
    char quantity[PROFILE_NAME_MAX];
    enum channel channel;
    enum channel_form form;
    site_quantity(device, device->profile->registers[index].quantity, quantity);
    if (strncmp(quantity, "harmonic_", strlen("harmonic_")) == 0)
        return harmonic(device, quantity);
    if (strcmp(quantity, "serial_number") == 0)
        return (double)device->site.id;
    if (strcmp(quantity, "release") == 0)
        return release_raw(device);
    if (!channel_find(quantity, &channel, &form))
        return 0; // inputs, outputs, codes
    return plant_value(device->plant, channel, form);
}

static bool is_sign(const char *quantity)
{
    return strncmp(quantity, "sign_", strlen("sign_")) == 0;
}

double device_value(const struct device *device, int index)
{
    const char *quantity = device->profile->registers[index].quantity;
    if (!isnan(device->ordered[index]))
        return device->ordered[index];
    if (index == device->profile->identify_register)
        return (double)device->profile->identify[0].raw;
    double turn = 1;
    int source = device->site.downstream ? profile_reversed(device->profile, index, &turn) : index;
    double value = true_value(device, source);
    int of = is_sign(quantity) ? profile_find(device->profile, quantity + strlen("sign_")) : -1;
    if (of >= 0 && !isnan(device->ordered[of])) // the sign of what was ordered
        return raw_sign(device, index, device->ordered[of]);
    if (is_sign(quantity))
        return raw_sign(device, index, device->site.downstream ? -value : value);
    return value * turn;
}

static double scale_product(const struct device *device, const struct profile_register *r)
{
    double product = 1;
    for (int k = 0; k < 2 && r->scale_from[k] >= 0; k++)
        product *= device_value(device, r->scale_from[k]);
    return product;
}

static void encode(struct device *device, int index)
{
    const struct profile *profile = device->profile;
    const struct profile_register *r = &profile->registers[index];
    const struct profile_bound *bound = &device->bounds[index];
    uint16_t words[PROFILE_STRING_WORDS_MAX];
    double value = device_value(device, index);
    bool is_state = index == profile->state_register;
    if (is_state)
        value = raw_state(device, value);
    if (r->type == PROFILE_STRING && !is_state) {
        char text[48];
        if (index == profile->identify_register)
            ew_copy(text, sizeof(text), profile->identify[0].text);
        else if (strcmp(r->quantity, "firmware_version") == 0)
            ew_copy(text, sizeof(text), "1.0");
        else
            (void)ew_format(text, sizeof(text), "SIM-%lld", (long long)device->site.id);
        profile_encode_text(bound, text, words);
    } else {
        profile_encode(profile, index, bound, value, scale_product(device, r), words);
    }
    struct device_image *image = &device->images[bound->fc];
    for (int w = 0; w < bound->words; w++) // bit fields share a word
        image->words[bound->address - image->first + w] |= words[w];
}

// A limit in the unit of its place.
static double told_value(const struct device *device, const struct profile_command *command, double a,
                         double w)
{
    if (command->unit == PROFILE_LIMIT_W)
        return w;
    return command->unit == PROFILE_LIMIT_PERCENT ? a / device->plant->station.rated_a * 100 : a;
}

static double place_value(const struct device *device, int place)
{
    const struct plant_station *station = &device->plant->station;
    int number;
    if (place < device->profile->command_count)
        return device->written[place];
    switch (device_extra_of(device, place, &number)) {
    case DEVICE_EXTRA_TIMEOUT:
        return station->watchdog_s;
    case DEVICE_EXTRA_FALLBACK:
        return told_value(device, &device->profile->watchdog.fallback, station->fallback_a,
                          station->fallback_w);
    case DEVICE_EXTRA_ALIVE:
    case DEVICE_EXTRA_SETUP:
        break;
    }
    return device->written[place];
}

// A place of its own reads as it was written; where a register of the profile is, that one says what is in
// force.
static void encode_place(struct device *device, int place)
{
    const struct profile_command *command = device_read_command(device, place);
    struct profile_bound bound = device_readable_place(device, place);
    uint16_t words[4] = {0};
    for (int i = 0; i < device->profile->register_count; i++)
        if (device->bounds[i].fc == bound.fc && device->bounds[i].address == bound.address)
            return;
    if (!command->readable)
        return;
    profile_encode_command(command, &bound, place_value(device, place), words);
    struct device_image *image = &device->images[bound.fc];
    for (int w = 0; w < bound.words; w++)
        image->words[bound.address - image->first + w] = words[w];
}

static void refresh(struct device *device, int64_t second)
{
    if (device->imaged_second == second)
        return;
    device->imaged_second = second;
    for (int fc = 1; fc <= 4; fc++)
        memset(device->images[fc].words, 0,
               (size_t)device->images[fc].count * sizeof(*device->images[fc].words));
    for (int i = 0; i < device->profile->register_count; i++)
        encode(device, i);
    for (int i = 0; i < device_place_count(device); i++)
        encode_place(device, i);
}

enum frame_exception device_read(struct device *device, int64_t second, const struct frame_request *request,
                                 uint16_t *ret_words)
{
    if (request->function > 4)
        return FRAME_ILLEGAL_FUNCTION;
    const struct profile_limits *limits = &device->profile->limits;
    const struct device_image *image = &device->images[request->function];
    int at = request->address - image->first, count = request->count;
    if (count > (request->function <= 2 ? limits->max_bits : limits->max_registers))
        return FRAME_ILLEGAL_VALUE;
    if (image->count == 0)
        return FRAME_ILLEGAL_FUNCTION;
    if (at < 0 || at + count > image->count)
        return FRAME_ILLEGAL_ADDRESS;
    for (int i = 0; i < count && !limits->holes; i++)
        if (!image->declared[at + i])
            return FRAME_ILLEGAL_ADDRESS;
    refresh(device, second);
    memcpy(ret_words, image->words + at, (size_t)count * sizeof(*ret_words));
    return FRAME_NO_EXCEPTION;
}

bool device_order(struct device *device, const char *quantity, double value)
{
    int index = profile_find(device->profile, quantity);
    if (index < 0)
        return false;
    device->ordered[index] = value;
    device->imaged_second = -1;
    return true;
}
