// The simulated plant: what hangs together in a switchboard must hang together here.
#include "check.h"

#include "core/profile/profile.h"
#include "library/library.h"
#include "profile_text.h"
#include "simulator/answer.h"
#include "simulator/plant.h"
#include "simulator/station.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { DEVICES = 5 };
static const int64_t HOUR = 3600;

static struct trace trace;

static int load_trace(void **state)
{
    (void)state;
    char dir[512];
    struct ew_reason why;
    (void)snprintf(dir, sizeof(dir), "%s/gateway/simulator/traces", EDGEWATT_SOURCE_DIR);
    return trace_add_folder(&trace, dir, &why) == EW_OK ? 0 : -1;
}

static int drop_trace(void **state)
{
    (void)state;
    trace_done(&trace);
    return 0;
}

// Two loads, one of them on L2 alone, two stations, the main meter.
static void make_plant(struct plant *plant, struct plant_device devices[DEVICES], uint64_t seed)
{
    *plant = (struct plant){.trace = &trace,
                            .nominal_v = 230,
                            .second = 8 * HOUR,
                            .random = seed,
                            .devices = devices,
                            .count = DEVICES};
    plant_device_init(plant, &devices[0], 11, PLANT_LOAD, 0, 0);
    plant_device_init(plant, &devices[1], 12, PLANT_LOAD, 2, 0);
    plant_device_init(plant, &devices[2], 13, PLANT_STATION, 0, 32);
    plant_device_init(plant, &devices[3], 14, PLANT_STATION, 1, 16);
    plant_device_init(plant, &devices[4], 15, PLANT_MAIN, 0, 0);
}

static void close_to(const char *what, int64_t second, double got, double expected, double tolerance)
{
    if (!(fabs(got - expected) <= tolerance))
        fail_msg("%s at second %lld: %.9g, expected %.9g", what, (long long)second, got, expected);
}

static void check_sums(const struct plant *plant)
{
    static const enum channel added[] = {CH_ACTIVE_POWER,      CH_ACTIVE_POWER_L1,  CH_ACTIVE_POWER_L2,
                                         CH_ACTIVE_POWER_L3,   CH_REACTIVE_POWER,   CH_REACTIVE_POWER_L1,
                                         CH_REACTIVE_POWER_L2, CH_REACTIVE_POWER_L3};
    for (size_t k = 0; k < COUNT(added); k++) {
        double sum = 0;
        for (int i = 0; i < DEVICES - 1; i++)
            sum += plant->devices[i].value[added[k]];
        close_to(channel_name(added[k]), plant->second, plant->devices[DEVICES - 1].value[added[k]], sum,
                 1e-6);
    }
}

static void check_device(const struct plant *plant, const struct plant_device *device)
{
    const double *v = device->value;
    double watts = 0;
    for (int p = 0; p < 3; p++) {
        double s = hypot(v[CH_ACTIVE_POWER_L1 + p], v[CH_REACTIVE_POWER_L1 + p]);
        close_to("S of a phase", plant->second, v[CH_APPARENT_POWER_L1 + p], s, 1e-9);
        close_to("I = S / U", plant->second, v[CH_CURRENT_L1 + p], s / plant->voltage_v[p], 1e-9);
        watts += v[CH_ACTIVE_POWER_L1 + p];
        if (!(device->phases >> p & 1)) {
            close_to("a phase that is not wired", plant->second, s, 0, 0);
            assert_true(isnan(v[CH_VOLTAGE_L1_N + p]));
        } else
            assert_true(v[CH_VOLTAGE_L1_N + p] > 215 && v[CH_VOLTAGE_L1_N + p] < 260);
        assert_true(fabs(v[CH_POWER_FACTOR_L1 + p]) <= 1);
    }
    close_to("P of the phases", plant->second, v[CH_ACTIVE_POWER], watts, 1e-9);
    assert_true(v[CH_FREQUENCY] > 49.5 && v[CH_FREQUENCY] < 50.5);
}

static void powers_add_up_and_energy_is_their_integral(void **state)
{
    (void)state;
    struct plant plant;
    struct plant_device devices[DEVICES];
    double import_wh[DEVICES], joules[DEVICES] = {0}, volume = 0;
    make_plant(&plant, devices, 1);
    plant_step(&plant);
    for (int i = 0; i < DEVICES; i++)
        import_wh[i] = devices[i].value[CH_ACTIVE_ENERGY_IMPORT];
    volume = devices[0].value[CH_VOLUME];
    for (int64_t s = 0; s < 12 * HOUR; s++) {
        plant_step(&plant);
        check_sums(&plant);
        for (int i = 0; i < DEVICES; i++) {
            check_device(&plant, &devices[i]);
            joules[i] += devices[i].value[CH_ACTIVE_POWER];
        }
    }
    double sum = 0;
    for (int i = 0; i < DEVICES; i++) {
        double counted = devices[i].value[CH_ACTIVE_ENERGY_IMPORT] - import_wh[i];
        close_to("counted energy", plant.second, counted, joules[i] / 3600, 1e-6);
        double phases = 0;
        for (int p = 0; p < 3; p++)
            phases += devices[i].value[CH_ACTIVE_ENERGY_IMPORT_L1 + p];
        close_to("energy of the phases", plant.second, devices[i].value[CH_ACTIVE_ENERGY_IMPORT], phases,
                 1e-3);
        sum += i < DEVICES - 1 ? counted : -counted;
    }
    close_to("energy of main against the others", plant.second, sum, 0, 1e-6);
    assert_true(joules[0] / 3600 > 500 && joules[2] / 3600 > 2000); // a day's half, and a car
    assert_true(devices[0].value[CH_VOLUME] > volume);
}

static void a_seed_is_a_day(void **state)
{
    (void)state;
    struct plant plants[3];
    struct plant_device devices[3][DEVICES];
    static const uint64_t seeds[] = {7, 7, 8};
    for (int k = 0; k < 3; k++) {
        make_plant(&plants[k], devices[k], seeds[k]);
        for (int s = 0; s < 2 * HOUR; s++)
            plant_step(&plants[k]);
    }
    assert_memory_equal(devices[0][4].value, devices[1][4].value, sizeof(devices[0][4].value));
    assert_true(devices[0][4].value[CH_ACTIVE_POWER] != devices[2][4].value[CH_ACTIVE_POWER]);
}

static void export_counts_apart(void **state)
{
    (void)state;
    struct plant plant;
    struct plant_device devices[DEVICES];
    make_plant(&plant, devices, 1);
    devices[0].ordered_w = -9000;
    devices[1].ordered_w = 0;
    for (int s = 0; s < 10; s++)
        plant_step(&plant);
    double import_wh = devices[4].value[CH_ACTIVE_ENERGY_IMPORT];
    double export_wh = devices[4].value[CH_ACTIVE_ENERGY_EXPORT];
    plant_step(&plant);
    close_to("active_power", plant.second, devices[4].value[CH_ACTIVE_POWER], -9000, 1e-6);
    close_to("export", plant.second, devices[4].value[CH_ACTIVE_ENERGY_EXPORT] - export_wh, 2.5, 1e-9);
    assert_true(devices[4].value[CH_ACTIVE_ENERGY_IMPORT] == import_wh);
    assert_true(devices[4].value[CH_POWER_FACTOR] < 0);
}

static void cars_follow_iec_61851(void **state)
{
    (void)state;
    struct plant plant;
    struct plant_device devices[DEVICES], *station = &devices[2];
    make_plant(&plant, devices, 3);
    plant_step(&plant);
    assert_true(station->value[CH_STATE] == PLANT_STATE_A && station->value[CH_ACTIVE_POWER] == 0);
    plant_car_arrives(&plant, station, 500);
    plant_step(&plant);
    assert_true(station->value[CH_STATE] == PLANT_STATE_B);
    for (int s = 0; s < 30; s++)
        plant_step(&plant);
    assert_true(station->value[CH_STATE] == PLANT_STATE_C);
    double most = fmax(station->value[CH_CURRENT_L1],
                       fmax(station->value[CH_CURRENT_L2], station->value[CH_CURRENT_L3]));
    assert_true(most > 15 && most < 33);
    static const struct {
        double limit_a, drawn_a;
        int letter;
    } limits[] = {{10, 10, PLANT_STATE_C},
                  {6, 6, PLANT_STATE_C},
                  {5.9, 0, PLANT_STATE_B},
                  {0, 0, PLANT_STATE_B},
                  {8, 8, PLANT_STATE_C}};
    for (size_t i = 0; i < COUNT(limits); i++) {
        station_limit(&plant, station, limits[i].limit_a);
        for (int s = 0; s < 12; s++)
            plant_step(&plant);
        most = fmax(station->value[CH_CURRENT_L1],
                    fmax(station->value[CH_CURRENT_L2], station->value[CH_CURRENT_L3]));
        close_to("current at a limit", plant.second, most, limits[i].drawn_a, 0.1);
        assert_true(station->value[CH_STATE] == limits[i].letter);
        assert_true(station->value[CH_CURRENT_LIMIT] == limits[i].limit_a);
    }
    station_limit(&plant, station, 32);
    for (int s = 0; s < HOUR && station->value[CH_STATE] == PLANT_STATE_C; s++)
        plant_step(&plant);
    assert_true(station->value[CH_STATE] == PLANT_STATE_B); // full
    assert_true(station->value[CH_SESSION_ENERGY] >= 500 && station->value[CH_SESSION_ENERGY] < 530);
    plant_car_leaves(&plant, station);
    plant_step(&plant);
    assert_true(station->value[CH_STATE] == PLANT_STATE_A);
    // By themselves they come and go too.
    int arrivals = 0;
    double before = PLANT_STATE_A;
    for (int s = 0; s < 24 * HOUR; s++) {
        plant_step(&plant);
        arrivals += before == PLANT_STATE_A && station->value[CH_STATE] != PLANT_STATE_A;
        before = station->value[CH_STATE];
    }
    assert_true(arrivals >= 2 && arrivals <= 30);
}

static void channels_speak_the_vocabulary(void **state)
{
    (void)state;
    for (int c = 0; c < CH_COUNT; c++) {
        enum channel channel;
        enum channel_form form;
        assert_true(profile_quantity_known(channel_name((enum channel)c), NULL));
        assert_true(channel_find(channel_name((enum channel)c), &channel, &form));
        assert_true(channel == (enum channel)c && form == CHANNEL_VALUE);
    }
    static const struct {
        const char *quantity;
        enum channel channel;
        enum channel_form form;
    } cases[] = {{"current_l1_max", CH_CURRENT_L1, CHANNEL_MAX},
                 {"voltage_l1_n_min", CH_VOLTAGE_L1_N, CHANNEL_MIN},
                 {"active_power_mean", CH_ACTIVE_POWER, CHANNEL_MEAN},
                 {"partial_active_energy_import", CH_ACTIVE_ENERGY_IMPORT, CHANNEL_PARTIAL},
                 {"sign_reactive_power_l3", CH_REACTIVE_POWER_L3, CHANNEL_SIGN}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        enum channel channel;
        enum channel_form form;
        assert_true(channel_find(cases[i].quantity, &channel, &form));
        assert_true(channel == cases[i].channel && form == cases[i].form);
    }
    enum channel channel;
    enum channel_form form;
    assert_false(channel_find("input_1", &channel, &form) || channel_find("sign_", &channel, &form));
    // Every quantity of every shipped profile has a source, but for texts, ports and codes.
    struct library *library;
    struct ew_reason why;
    char share[512];
    (void)snprintf(share, sizeof(share), "%s/gateway", EDGEWATT_SOURCE_DIR);
    assert_int_equal(library_load(share, NULL, NULL, NULL, &library, &why), EW_OK);
    for (int i = 0; i < library_count(library); i++) {
        const struct profile *profile = &library_at(library, i)->profile;
        for (int r = 0; r < profile->register_count; r++) {
            const char *quantity = profile->registers[r].quantity;
            bool other = strncmp(quantity, "input_", 6) == 0 || strcmp(quantity, "device_code") == 0 ||
                         strcmp(quantity, "serial_number") == 0 || strcmp(quantity, "release") == 0 ||
                         profile->registers[r].type == PROFILE_STRING;
            if (!other && !channel_find(quantity, &channel, &form))
                fail_msg("%s: nothing simulates %s", profile->id, quantity);
        }
    }
    library_free(library);
}

static void bad_traces_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *said; // said NULL: taken
    } cases[] = {
        {"second,a_w\n0,1\n60,2\n", NULL},
        {"second,a_w\r\n0,1\r\n60,2\r\n", NULL},
        {"", "is empty"},
        {"time,a_w\n0,1\n60,2\n", "line 1: the first column must be \"second\""},
        {"second\n0\n60\n", "line 1: no column"},
        {"second,a_w\n0,1\n", "a trace needs two rows"},
        {"second,a_w\n0,1\n60\n", "line 3: a number is missing"},
        {"second,a_w\n0,1\n60,x\n", "line 3: a number is missing or is none"},
        {"second,a_w\n0,1\n60,nan\n", "line 3: a number is missing or is none"},
        {"second,a_w\n0,1\n60,2,3\n", "line 3: more values than columns"},
        {"second,a_w\n5,1\n60,2\n", "line 2: seconds must begin at 0"},
        {"second,a_w\n0,1\n0,2\n", "line 3: seconds must begin at 0 and rise"},
    };
    char path[512];
    (void)snprintf(path, sizeof(path), "%s/trace_XXXXXX", P_tmpdir);
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct trace own = {0};
        struct ew_reason why = {.err = EW_OK};
        assert_true(ftruncate(fd, 0) == 0 && pwrite(fd, cases[i].text, strlen(cases[i].text), 0) >= 0);
        enum ew_err err = trace_add(&own, path, &why);
        if ((err == EW_OK) != (cases[i].said == NULL) || (cases[i].said && !strstr(why.text, cases[i].said)))
            fail_msg("%s: %s", cases[i].text, err == EW_OK ? "taken" : why.text);
        trace_done(&own);
    }
    struct trace own = {0};
    struct ew_reason why;
    assert_true(ftruncate(fd, 0) == 0 && pwrite(fd, "second,a_w\n0,1\n60,2\n120,3\n", 27, 0) == 27);
    assert_int_equal(trace_add(&own, path, &why), EW_OK);
    static const struct {
        int64_t second;
        double watts;
    } rows[] = {{0, 1}, {59, 1}, {60, 2}, {179, 3}, {180, 1}, {-1, 3}, {100 * 180 + 60, 2}};
    for (size_t i = 0; i < COUNT(rows); i++)
        close_to("trace", rows[i].second, trace_load_w(&own, 5, rows[i].second), rows[i].watts, 0);
    trace_done(&own);
    close(fd);
    (void)unlink(path);
}

// One device with two registers, unit 5, asked for both.
struct faulty {
    struct test_profile t;
    struct plant plant;
    struct plant_device plant_device;
    struct device device, *devices[1];
    struct frame frame;
    struct answer answer;
};

static void faulty_init(struct faulty *f)
{
    struct ew_reason why;
    struct site_device site = {.id = 1, .unit = 5};
    f->plant = (struct plant){.trace = &trace, .random = 1};
    f->devices[0] = &f->device;
    plant_device_init(&f->plant, &f->plant_device, 1, PLANT_LOAD, 0, 0);
    assert_int_equal(
        test_profile_registers("'current_l1':{'fc':3,'address':1,'type':'u16','group':'instant'},"
                               "'current_l2':{'fc':3,'address':2,'type':'u16','group':'instant'}",
                               &f->t, &why),
        EW_OK);
    assert_int_equal(device_init(&f->device, &site, &f->t.profile, &f->plant_device, &why), EW_OK);
    assert_true(device_order(&f->device, "current_l1", 42));
    assert_false(device_order(&f->device, "frequency", 42));
    static const uint8_t asked[] = {0, 7, 0, 0, 0, 6, 5, 3, 0, 1, 0, 2}; // the frame points into it
    frame_tcp_read(asked, sizeof(asked), &f->frame);
}

static void faulty_done(struct faulty *f)
{
    device_done(&f->device);
    test_profile_done(&f->t);
}

// The answer to the request under a fault, as hex.
static const char *faulty_answer(struct faulty *f, enum answer_framing framing, enum device_fault fault,
                                 int argument, char hex[3 * FRAME_TCP_MAX])
{
    hex[0] = 0;
    f->device.fault = fault;
    f->device.fault_argument = argument;
    answer_make(f->devices, 1, &f->plant, framing, &f->frame, &f->answer);
    for (size_t b = 0; b < f->answer.len; b++)
        (void)snprintf(hex + 3 * b, 4, b + 1 < f->answer.len ? "%02x " : "%02x", f->answer.bytes[b]);
    return hex;
}

// What goes over the wire, for each fault.
static void faults_do_what_they_say(void **state)
{
    (void)state;
    static const struct {
        enum device_fault fault;
        int argument;
        const char *expected; // hex of the answer to 00 07 00 00 00 06 05 03 00 01 00 02, "" = silence
        int delay_ms;
        bool close;
    } cases[] = {
        {FAULT_NONE, 0, "00 07 00 00 00 07 05 03 04 00 2a 00 00", 0, false},
        {FAULT_NO_ANSWER, 0, "", 0, false},
        {FAULT_LATE, 0, "00 07 00 00 00 07 05 03 04 00 2a 00 00", 3000, false},
        {FAULT_LATE, 250, "00 07 00 00 00 07 05 03 04 00 2a 00 00", 250, false},
        {FAULT_EXCEPTION, 0, "00 07 00 00 00 03 05 83 04", 0, false},
        {FAULT_EXCEPTION, 6, "00 07 00 00 00 03 05 83 06", 0, false},
        {FAULT_WRONG_UNIT, 0, "00 07 00 00 00 07 06 03 04 00 2a 00 00", 0, false},
        {FAULT_WRONG_TRANSACTION, 0, "03 ef 00 00 00 07 05 03 04 00 2a 00 00", 0, false},
        {FAULT_WRONG_FUNCTION, 0, "00 07 00 00 00 07 05 02 04 00 2a 00 00", 0, false},
        {FAULT_SHORT, 0, "00 07 00 00 00 05 05 03 02 00 2a", 0, false},
        {FAULT_CUT, 0, "00 07 00 00 00 07 05", 0, false},
        {FAULT_CLOSE, 0, "00 07 00 00 00 07 05 03 04 00 2a 00 00", 0, true},
    };
    struct faulty f;
    char hex[3 * FRAME_TCP_MAX];
    faulty_init(&f);
    for (size_t i = 0; i < COUNT(cases); i++) {
        faulty_answer(&f, ANSWER_TCP, cases[i].fault, cases[i].argument, hex);
        if (strcmp(hex, cases[i].expected) != 0 || f.answer.delay_ms != cases[i].delay_ms ||
            f.answer.close != cases[i].close)
            fail_msg("%s: %s, %d ms", device_fault_name(cases[i].fault), hex, f.answer.delay_ms);
    }
    faulty_answer(&f, ANSWER_TCP, FAULT_GARBAGE, 0, hex);
    assert_int_equal(frame_tcp_length(f.answer.bytes, f.answer.len), -1);
    f.frame.unit = 9; // nobody's
    faulty_answer(&f, ANSWER_TCP, FAULT_NONE, 0, hex);
    assert_string_equal(hex + 21, "83 0b"); // after the head of seven bytes: FRAME_NO_TARGET
    faulty_done(&f);
}

static void faults_of_serial_lines(void **state)
{
    (void)state;
    static const struct {
        enum device_fault fault;
        const char *expected; // the checksums are those of pymodbus
    } serial[] = {
        {FAULT_NONE, "05 03 04 00 2a 00 00 9e 3b"},
        {FAULT_BAD_CRC, "05 03 04 00 2a 00 00 9e 6e"},
        {FAULT_WRONG_UNIT, "06 03 04 00 2a 00 00 ad 3b"},
    };
    struct faulty f;
    char hex[3 * FRAME_TCP_MAX];
    faulty_init(&f);
    for (size_t i = 0; i < COUNT(serial); i++)
        assert_string_equal(faulty_answer(&f, ANSWER_RTU, serial[i].fault, 0, hex), serial[i].expected);
    f.frame.unit = 9; // nobody answers for it on a line
    assert_string_equal(faulty_answer(&f, ANSWER_RTU, FAULT_NONE, 0, hex), "");
    assert_false(answer_can(ANSWER_TCP, FAULT_BAD_CRC) || answer_can(ANSWER_RTU, FAULT_WRONG_TRANSACTION));
    assert_true(answer_can(ANSWER_RTU, FAULT_BAD_CRC) && answer_can(ANSWER_TCP, FAULT_WRONG_TRANSACTION));
    faulty_done(&f);
}

static void devices_refuse_as_devices_do(void **state)
{
    (void)state;
    static const struct {
        const char *limits;
        uint8_t function;
        uint16_t address, count;
        enum frame_exception expected;
    } cases[] = {
        {"", 3, 10, 2, FRAME_NO_EXCEPTION},
        {"", 3, 10, 3, FRAME_ILLEGAL_ADDRESS}, // a hole
        {"", 3, 11, 1, FRAME_NO_EXCEPTION},    // half a value
        {"", 3, 9, 1, FRAME_ILLEGAL_ADDRESS},
        {"", 3, 14, 1, FRAME_NO_EXCEPTION},
        {"", 3, 14, 2, FRAME_ILLEGAL_ADDRESS},
        {"", 4, 10, 2, FRAME_ILLEGAL_FUNCTION}, // no table
        {"", 6, 10, 1, FRAME_ILLEGAL_FUNCTION},
        {"'limits':{'holes':true},", 3, 10, 5, FRAME_NO_EXCEPTION},
        {"'limits':{'holes':true},", 3, 10, 6, FRAME_ILLEGAL_ADDRESS},
        {"'limits':{'max_registers':2},", 3, 10, 3, FRAME_ILLEGAL_VALUE},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char text[1024];
        struct test_profile t;
        struct ew_reason why;
        struct plant plant = {.trace = &trace, .random = 1};
        struct plant_device plant_device;
        struct device device;
        struct site_device site = {.id = 1, .unit = 5};
        uint16_t words[FRAME_BITS_MAX];
        (void)snprintf(
            text, sizeof(text),
            "{'id':'x','version':'1','family':'f','model':'m','kind':'meter','confidence':'none',%s"
            "'registers':{'active_power':{'fc':3,'address':10,'type':'u32','group':'instant'},"
            "'frequency':{'fc':3,'address':14,'type':'u16','group':'instant'}}}",
            cases[i].limits);
        assert_int_equal(test_profile_read(text, &t, &why), EW_OK);
        plant_device_init(&plant, &plant_device, 1, PLANT_LOAD, 0, 0);
        assert_int_equal(device_init(&device, &site, &t.profile, &plant_device, &why), EW_OK);
        const struct frame_request request = {
            .function = cases[i].function, .address = cases[i].address, .count = cases[i].count};
        enum frame_exception got = device_read(&device, 1, &request, words);
        if (got != cases[i].expected)
            fail_msg("case %zu: exception %d, expected %d", i, got, cases[i].expected);
        device_done(&device);
        test_profile_done(&t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(powers_add_up_and_energy_is_their_integral),
        cmocka_unit_test(a_seed_is_a_day),
        cmocka_unit_test(export_counts_apart),
        cmocka_unit_test(cars_follow_iec_61851),
        cmocka_unit_test(channels_speak_the_vocabulary),
        cmocka_unit_test(bad_traces_are_refused),
        cmocka_unit_test(faults_do_what_they_say),
        cmocka_unit_test(faults_of_serial_lines),
        cmocka_unit_test(devices_refuse_as_devices_do),
    };
    return cmocka_run_group_tests(tests, load_trace, drop_trace);
}
