#include "simulator/device.h"

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

// The span of addresses of each table, then its words.
static void make_images(struct device *device)
{
    const struct profile *profile = device->profile;
    for (int fc = 1; fc <= 4; fc++) {
        struct device_image *image = &device->images[fc];
        int last = -1;
        image->first = 65536;
        for (int i = 0; i < profile->register_count; i++) {
            const struct profile_bound *bound = &device->bounds[i];
            if (bound->fc != fc)
                continue;
            image->first = bound->address < image->first ? bound->address : image->first;
            last = bound->address + bound->words - 1 > last ? bound->address + bound->words - 1 : last;
        }
        image->count = last < 0 ? 0 : last - image->first + 1;
        image->words = zeroed((size_t)image->count, sizeof(*image->words));
        image->declared = zeroed((size_t)image->count, sizeof(*image->declared));
    }
    for (int i = 0; i < profile->register_count; i++) {
        const struct profile_bound *bound = &device->bounds[i];
        struct device_image *image = &device->images[bound->fc];
        for (int w = 0; w < bound->words; w++)
            image->declared[bound->address - image->first + w] = true;
    }
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

// What the plant has for a register of a device whose sensor sits the right way round.
static double true_value(const struct device *device, int index)
{
    const char *quantity = device->profile->registers[index].quantity;
    enum channel channel;
    enum channel_form form;
    if (strncmp(quantity, "harmonic_", strlen("harmonic_")) == 0)
        return harmonic(device, quantity);
    if (strcmp(quantity, "serial_number") == 0)
        return (double)device->site.id;
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
