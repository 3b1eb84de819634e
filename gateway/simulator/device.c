#include "simulator/device.h"

#include "simulator/station.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const fault_names[] = {
#define DEVICE_FAULT_NAME(constant, name) name,
    DEVICE_FAULTS(DEVICE_FAULT_NAME)
#undef DEVICE_FAULT_NAME
};

const char *device_fault_name(enum device_fault fault)
{
    return fault_names[fault];
}

bool device_fault_find(const char *name, enum device_fault *ret)
{
    for (size_t i = 0; i < sizeof(fault_names) / sizeof(fault_names[0]); i++)
        if (strcmp(fault_names[i], name) == 0) {
            *ret = (enum device_fault)i;
            return true;
        }
    return false;
}

static double site_parameter(const void *user, const char *name, double fallback)
{
    return site_param(user, name, fallback);
}

static void *zeroed(size_t count, size_t size)
{
    void *memory = calloc(count ? count : 1, size);
    if (!memory)
        abort();
    return memory;
}

// Places beside the commands, in this order.
enum extra { EXTRA_TIMEOUT, EXTRA_FALLBACK, EXTRA_ALIVE, EXTRA_SETUP };

static int dog_places(const struct profile *profile)
{
    return profile->watchdog.there ? profile->watchdog.fallback.name[0] ? 2 : 1 : 0;
}

int device_place_count(const struct device *device)
{
    const struct profile *profile = device->profile;
    return profile->command_count + dog_places(profile) + (profile->alive.there ? 1 : 0) +
           profile->setup_count;
}

// What a place beyond the commands is; *ret_number: which of the set-up.
static enum extra extra_of(const struct device *device, int place, int *ret_number)
{
    const struct profile *profile = device->profile;
    int at = place - profile->command_count;
    *ret_number = 0;
    if (at < dog_places(profile))
        return at == 0 ? EXTRA_TIMEOUT : EXTRA_FALLBACK;
    at -= dog_places(profile);
    if (at == 0 && profile->alive.there)
        return EXTRA_ALIVE;
    *ret_number = at - (profile->alive.there ? 1 : 0);
    return EXTRA_SETUP;
}

const struct profile_command *device_command(const struct device *device, int place)
{
    const struct profile *profile = device->profile;
    int number;
    if (place < profile->command_count)
        return &profile->commands[place];
    switch (extra_of(device, place, &number)) {
    case EXTRA_TIMEOUT:
        return &profile->watchdog.timeout;
    case EXTRA_FALLBACK:
        return &profile->watchdog.fallback;
    case EXTRA_ALIVE:
        return &profile->alive.place;
    case EXTRA_SETUP:
        break;
    }
    return &profile->setup[number];
}

// How a place reads, which for some watchdogs is not where and as it is written.
static const struct profile_command *read_command(const struct device *device, int place)
{
    const struct profile_watchdog *dog = &device->profile->watchdog;
    const struct profile_command *written = device_command(device, place);
    if (written == &dog->timeout && dog->timeout_read.name[0])
        return &dog->timeout_read;
    return written == &dog->fallback && dog->fallback_read.name[0] ? &dog->fallback_read : written;
}

// Where a place can be read: coils or holding registers.
static struct profile_bound readable_place(const struct device *device, int place)
{
    struct profile_bound bound = device->reads[place];
    bound.fc = bound.fc == 5 || bound.fc == 15 ? 1 : read_command(device, place)->input ? 4 : 3;
    return bound;
}

static void widen(const struct profile_bound *bound, int fc, struct device_image *image, int *last)
{
    if (bound->fc != fc)
        return;
    image->first = bound->address < image->first ? bound->address : image->first;
    *last = bound->address + bound->words - 1 > *last ? bound->address + bound->words - 1 : *last;
}

static void declare(struct device *device, const struct profile_bound *bound)
{
    struct device_image *image = &device->images[bound->fc];
    for (int w = 0; w < bound->words; w++)
        image->declared[bound->address - image->first + w] = true;
}

// The span of addresses of each table, then its words.
static void make_images(struct device *device)
{
    const struct profile *profile = device->profile;
    for (int fc = 1; fc <= 4; fc++) {
        struct device_image *image = &device->images[fc];
        int last = -1;
        image->first = 65536;
        for (int i = 0; i < profile->register_count; i++)
            widen(&device->bounds[i], fc, image, &last);
        for (int i = 0; i < device_place_count(device); i++) {
            struct profile_bound bound = readable_place(device, i);
            if (device_command(device, i)->readable)
                widen(&bound, fc, image, &last);
        }
        image->count = last < 0 ? 0 : last - image->first + 1;
        image->words = zeroed((size_t)image->count, sizeof(*image->words));
        image->declared = zeroed((size_t)image->count, sizeof(*image->declared));
    }
    for (int i = 0; i < profile->register_count; i++)
        declare(device, &device->bounds[i]);
    for (int i = 0; i < device_place_count(device); i++) {
        struct profile_bound bound = readable_place(device, i);
        if (device_command(device, i)->readable)
            declare(device, &bound);
    }
}

// A set-up place begins with anything but what is wanted there.
static double begin_value(const struct device *device, int place)
{
    const struct profile_command *command = device_command(device, place);
    int number;
    if (place < device->profile->command_count)
        return command->off;
    return extra_of(device, place, &number) == EXTRA_SETUP && command->on == 0 ? 1 : 0;
}

static enum ew_err bind_places(struct device *device, struct ew_reason *reason)
{
    int count = device_place_count(device);
    const struct profile_alive *alive = &device->profile->alive;
    device->places = zeroed((size_t)count, sizeof(*device->places));
    device->reads = zeroed((size_t)count, sizeof(*device->reads));
    device->written = zeroed((size_t)count, sizeof(*device->written));
    for (int i = 0; i < count; i++) {
        device->written[i] = begin_value(device, i);
        enum ew_err err = profile_bind_command(device->profile, device_command(device, i), site_parameter,
                                               &device->site, &device->places[i], reason);
        if (err == EW_OK)
            err = profile_bind_command(device->profile, read_command(device, i), site_parameter,
                                       &device->site, &device->reads[i], reason);
        if (err != EW_OK)
            return err;
    }
    struct plant_station *station = &device->plant->station;
    int limit = profile_find_command(device->profile, "limit");
    if (limit >= 0)
        device->written[limit] = station->rated_a;
    for (int i = 0; i < PROFILE_ALSO_MAX; i++)
        device->also[i] = station->rated_a;
    station->in_watts = limit >= 0 && device->profile->commands[limit].unit == PROFILE_LIMIT_W;
    station->wants_life = alive->there;
    station->unprepared = device->profile->setup_count > 0;
    if (alive->there && device->profile->watchdog.feed != PROFILE_FEED_ALIVE) {
        // What is not known is taken to be the worst.
        station->life_s = alive->timeout_s > 0 ? alive->timeout_s : 2 * alive->every_s;
        station->lost_a = alive->fallback_a >= 0 ? alive->fallback_a : station->rated_a;
    }
    return EW_OK;
}

enum ew_err device_init(struct device *device, const struct site_device *site, const struct profile *profile,
                        struct plant_device *plant, struct ew_reason *reason)
{
    *device = (struct device){.site = *site, .profile = profile, .plant = plant, .imaged_second = -1};
    size_t count = (size_t)profile->register_count;
    device->bounds = zeroed(count, sizeof(*device->bounds));
    device->ordered = zeroed(count, sizeof(*device->ordered));
    for (int i = 0; i < profile->register_count; i++) {
        device->ordered[i] = NAN;
        enum ew_err err = profile_bind(profile, i, site_parameter, &device->site, &device->bounds[i], reason);
        if (err != EW_OK) {
            device_done(device);
            return err;
        }
    }
    enum ew_err err = bind_places(device, reason);
    if (err != EW_OK) {
        device_done(device);
        return err;
    }
    plant->value[CH_CT_RATIO] = site_param(site, "ct_ratio", 1);
    plant->value[CH_VT_RATIO] = site_param(site, "vt_ratio", 1);
    make_images(device);
    return EW_OK;
}

void device_done(struct device *device)
{
    for (int fc = 1; fc <= 4; fc++) {
        free(device->images[fc].words);
        free(device->images[fc].declared);
    }
    free(device->bounds);
    free(device->ordered);
    free(device->places);
    free(device->reads);
    free(device->written);
    *device = (struct device){0};
}

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
    switch (extra_of(device, place, &number)) {
    case EXTRA_TIMEOUT:
        return station->watchdog_s;
    case EXTRA_FALLBACK:
        return told_value(device, &device->profile->watchdog.fallback, station->fallback_a,
                          station->fallback_w);
    case EXTRA_ALIVE:
    case EXTRA_SETUP:
        break;
    }
    return device->written[place];
}

// A place of its own reads as it was written; where a register of the profile is, that one says what is in
// force.
static void encode_place(struct device *device, int place)
{
    const struct profile_command *command = read_command(device, place);
    struct profile_bound bound = readable_place(device, place);
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

// ---- Written to ------------------------------------------------------------------------------------------

// The place that a write covers exactly, -1 = none.
static int find_place(const struct device *device, const struct frame_request *request)
{
    for (int i = 0; i < device_place_count(device); i++) {
        const struct profile_bound *bound = &device->places[i];
        if (bound->fc == request->function && bound->address == request->address &&
            bound->words == request->count)
            return i;
    }
    return -1;
}

static void prepare(struct device *device)
{
    const struct profile *profile = device->profile;
    int first = device_place_count(device) - profile->setup_count;
    device->plant->station.unprepared = false;
    for (int i = 0; i < profile->setup_count; i++)
        if (device->written[first + i] != profile->setup[i].on)
            device->plant->station.unprepared = true;
}

static double amperes_of(const struct device *device, const struct profile_command *command, double value)
{
    return command->unit == PROFILE_LIMIT_PERCENT ? value / 100 * device->plant->station.rated_a : value;
}

static void carry_out_extra(struct device *device, const struct plant *plant, int place, double value)
{
    struct plant_station *station = &device->plant->station;
    int number;
    switch (extra_of(device, place, &number)) {
    case EXTRA_TIMEOUT:
        station->watchdog_s = value;
        station_feed(plant, device->plant);
        break;
    case EXTRA_FALLBACK:
        if (device->profile->watchdog.fallback.unit == PROFILE_LIMIT_W)
            station->fallback_w = value;
        else
            station->fallback_a = amperes_of(device, &device->profile->watchdog.fallback, value);
        station_feed(plant, device->plant);
        break;
    case EXTRA_ALIVE:
        station_lives(plant, device->plant, value, device->profile->alive.value_count > 1);
        break;
    case EXTRA_SETUP:
        prepare(device);
        break;
    }
}

// A limit for each phase: what may be drawn is bounded by the highest.
static double highest_limit(const struct device *device, double value)
{
    int command = profile_find_command(device->profile, "limit");
    for (int i = 0; i < device->profile->commands[command].also_count; i++)
        value = fmax(value, device->also[i]);
    return value;
}

static void carry_out(struct device *device, const struct plant *plant, int place, double value)
{
    const struct profile_command *command = device_command(device, place);
    device->written[place] = value;
    if (place >= device->profile->command_count)
        carry_out_extra(device, plant, place, value);
    else if (strcmp(command->name, "limit") == 0 && command->unit == PROFILE_LIMIT_W)
        station_power(plant, device->plant, value);
    else if (strcmp(command->name, "limit") == 0)
        station_limit(plant, device->plant, amperes_of(device, command, highest_limit(device, value)));
    else if (strcmp(command->name, "release") == 0)
        station_release(plant, device->plant, value == command->on);
    else if (strcmp(command->name, "phases") == 0)
        station_phases(device->plant, value == command->on);
    else if (command->read_back >= 0) // an output is as it was told to be
        device->ordered[command->read_back] = value == command->on;
}

// One of the limit's other phases, -1 = it is none.
static int find_also(const struct device *device, const struct frame_request *request, int *ret_place)
{
    *ret_place = profile_find_command(device->profile, "limit");
    const struct profile_command *limit = *ret_place >= 0 ? &device->profile->commands[*ret_place] : NULL;
    for (int i = 0; limit && i < limit->also_count; i++)
        if (request->function == device->places[*ret_place].fc && request->address == limit->also[i] &&
            request->count == limit->words)
            return i;
    return -1;
}

static enum frame_exception write_place(struct device *device, const struct plant *plant,
                                        const struct frame_request *request, int place, int also)
{
    uint16_t words[4] = {0};
    bool bits = request->function == 5 || request->function == 15;
    for (int i = 0; i < request->count; i++)
        words[i] = bits ? frame_request_bit(request, i) : frame_request_register(request, i);
    double value = profile_decode_command(device_command(device, place), &device->places[place], words);
    if (isnan(value) || value < 0)
        return FRAME_ILLEGAL_VALUE;
    if (also >= 0) {
        device->also[also] = value;
        value = device->written[place];
    }
    carry_out(device, plant, place, value);
    device->writes++;
    device->written_ms = device->asked_ms;
    device->imaged_second = -1;
    return FRAME_NO_EXCEPTION;
}

enum frame_exception device_write(struct device *device, const struct plant *plant,
                                  const struct frame_request *request)
{
    int place = find_place(device, request), limit;
    int also = place < 0 ? find_also(device, request, &limit) : -1;
    if (place < 0 && also < 0)
        return device_place_count(device) > 0 ? FRAME_ILLEGAL_ADDRESS : FRAME_ILLEGAL_FUNCTION;
    return write_place(device, plant, request, also >= 0 ? limit : place, also);
}
