// The poller without a broker: real bus threads, slaves over loopback, retained topics in a table.
#include "check.h"

#include "base/clock.h"
#include "base/log.h"
#include "poller/fleet_priv.h"
#include "slave.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TOPICS = 64, PAYLOAD = 4096, PATIENCE_MS = 60000 };

struct topic {
    char name[128], payload[PAYLOAD];
    int published; // how often, clearing not counted
};

struct broker {
    struct topic topics[TOPICS];
    int count;
    struct ew_loop *loop;
    struct fleet *fleet;
};

static struct topic *find(struct broker *b, const char *name)
{
    for (int i = 0; i < b->count; i++)
        if (strcmp(b->topics[i].name, name) == 0)
            return &b->topics[i];
    assert_true(b->count < TOPICS);
    struct topic *t = &b->topics[b->count++];
    *t = (struct topic){0};
    snprintf(t->name, sizeof(t->name), "%s", name);
    return t;
}

static enum ew_err retain(void *user, const char *topic, const struct ew_buf *payload)
{
    struct topic *t = find(user, topic);
    if (!payload) {
        t->payload[0] = 0;
        return EW_OK;
    }
    assert_true(payload->len < PAYLOAD);
    memcpy(t->payload, ew_buf_text(payload), payload->len + 1);
    t->published++;
    return EW_OK;
}

static void broker_start(struct broker *b)
{
    memset(b, 0, sizeof(*b));
    ew_log_init("test", EW_LOG_ERROR);
    b->loop = ew_loop_new();
    struct fleet_options o = {.loop = b->loop,
                              .share_dir = EDGEWATT_SOURCE_DIR "/gateway",
                              .data_dir = EDGEWATT_SOURCE_DIR "/tests/unit/poller",
                              .retain = retain,
                              .user = b};
    struct ew_reason reason;
    if (fleet_new(&o, &b->fleet, &reason) != EW_OK)
        fail_msg("%s", reason.text);
}

static void broker_end(struct broker *b)
{
    fleet_free(b->fleet);
    ew_loop_free(b->loop);
}

static void set_bus(struct broker *b, int id, int port, const char *more)
{
    char text[512];
    snprintf(text, sizeof(text),
             "{\"id\":%d,\"type\":\"tcp\",\"name\":\"b%d\",\"address\":\"127.0.0.1\",\"port\":%d,"
             "\"poll_ms\":100%s,\"rev\":1}",
             id, id, port, more);
    fleet_set_bus(b->fleet, id, text, strlen(text));
}

static void set_device(struct broker *b, int id, int bus, int unit, const char *profile, const char *more)
{
    char text[512];
    snprintf(text, sizeof(text),
             "{\"id\":%d,\"bus\":%d,\"name\":\"d%d\",\"profile\":\"%s\",\"unit\":%d,\"rev\":1%s}", id, bus,
             id, profile, unit, more);
    fleet_set_device(b->fleet, id, text, strlen(text));
}

// Turns the loop until the topic holds the text (NULL: until it is cleared).
static void wait_for(struct broker *b, const char *topic, const char *text)
{
    int64_t until = ew_clock_up_ms() + PATIENCE_MS;
    const struct topic *t = find(b, topic);
    while (text ? !strstr(t->payload, text) : t->payload[0] != 0) {
        if (ew_clock_up_ms() > until)
            fail_msg("%s never held %s, but: %s", topic, text ? text : "nothing", t->payload);
        ew_loop_turn(b->loop, 50);
    }
}

static void wait_ms(struct broker *b, int ms)
{
    for (int64_t until = ew_clock_up_ms() + ms; ew_clock_up_ms() < until;)
        ew_loop_turn(b->loop, 10);
}

static void put_float(struct slave *slave, int address, float value)
{
    uint32_t raw;
    memcpy(&raw, &value, sizeof(raw));
    slave_set_register(slave, address, (uint16_t)(raw >> 16));
    slave_set_register(slave, address + 1, (uint16_t)raw);
}

// A slave for the profile test-meter (tests/unit/poller/profiles).
static struct slave *meter(void)
{
    struct slave *slave = slave_new(SLAVE_TCP);
    for (int a = 0; a < 0x180; a += 2)
        put_float(slave, a, (float)a);
    put_float(slave, 0, 230.5f);
    put_float(slave, 0x34, -1234.25f);
    return slave;
}

static void values_reach_their_topics(void **state)
{
    (void)state;
    struct broker b;
    broker_start(&b);
    struct slave *slave = meter();
    set_device(&b, 1, 1, 5, "test-meter", ""); // before its bus
    set_bus(&b, 1, slave_port(slave), "");
    wait_for(&b, "device/1/measures/instant", "\"voltage_l1_n\":230.5,");
    wait_for(&b, "device/1/measures/instant", "\"active_power\":-1234.25");
    wait_for(&b, "device/1/measures/instant", "\"period_ms\":100,");
    wait_for(&b, "device/1/measures/energy", "\"active_energy_import\":72000");
    wait_for(&b, "device/1/status", "{\"state\":\"on\",\"reason\":null,");
    wait_for(&b, "bus/1/status", "{\"state\":\"on\",\"reason\":null,");
    put_float(slave, 0, 229.25f);
    wait_for(&b, "device/1/measures/instant", "\"voltage_l1_n\":229.25,");
    assert_true(strstr(find(&b, "device/1/measures/instant")->payload, "\"ts\":\"20"));
    assert_int_equal(slave_connections(slave), 1);
    assert_true(fleet_owns(b.fleet, "device/1/measures/instant"));
    assert_true(fleet_owns(b.fleet, "bus/1/status"));
    assert_false(fleet_owns(b.fleet, "device/1/measures/info"));
    assert_false(fleet_owns(b.fleet, "device/2/status"));
    int before = find(&b, "device/1/measures/energy")->published;
    fleet_publish_all(b.fleet);
    assert_int_equal(find(&b, "device/1/measures/energy")->published, before + 1);
    broker_end(&b);
    slave_free(slave);
}

static void a_change_touches_only_what_changed(void **state)
{
    (void)state;
    struct broker b;
    broker_start(&b);
    struct slave *slave = meter(), *other = meter();
    set_bus(&b, 1, slave_port(slave), "");
    set_bus(&b, 2, slave_port(other), "");
    set_device(&b, 1, 1, 1, "test-meter", "");
    set_device(&b, 2, 1, 2, "test-meter", "");
    set_device(&b, 3, 2, 3, "test-meter", "");
    wait_for(&b, "device/1/measures/energy", "\"active_energy_import\"");
    wait_for(&b, "device/2/measures/instant", "\"frequency\"");
    wait_for(&b, "device/3/measures/instant", "\"frequency\"");
    int energies = find(&b, "device/1/measures/energy")->published;
    for (int i = 0; i < 5; i++) {
        set_device(&b, 2, 1, 20 + i, "test-meter", "");
        wait_ms(&b, 150);
        set_device(&b, 1, 1, 1, "test-meter",
                   ",\"circuit\":7,\"zones\":[1,2]"); // not what it is read with
        set_bus(&b, 2, slave_port(other), ",\"location\":\"cellar\"");
    }
    wait_ms(&b, 300);
    assert_int_equal(slave_connections(slave), 1);
    assert_int_equal(slave_connections(other), 1);
    // A restart would have read the energies at once; the period is 10 s.
    assert_int_equal(find(&b, "device/1/measures/energy")->published, energies);
    set_bus(&b, 1, slave_port(other), "");
    for (int64_t until = ew_clock_up_ms() + PATIENCE_MS; slave_connections(other) < 2;) {
        assert_true(ew_clock_up_ms() < until);
        ew_loop_turn(b.loop, 10);
    }
    wait_ms(&b, 300);
    assert_int_equal(slave_connections(other), 2);
    assert_int_equal(find(&b, "device/3/measures/energy")->published, 1);
    broker_end(&b);
    slave_free(slave);
    slave_free(other);
}

static void what_is_switched_off_or_deleted_leaves_nothing(void **state)
{
    (void)state;
    struct broker b;
    broker_start(&b);
    struct slave *slave = meter();
    set_bus(&b, 1, slave_port(slave), "");
    set_device(&b, 1, 1, 1, "test-meter", "");
    set_device(&b, 2, 1, 2, "test-meter", "");
    wait_for(&b, "device/1/measures/energy", "{");
    wait_for(&b, "device/2/measures/energy", "{");
    set_device(&b, 1, 1, 1, "test-meter", ",\"on\":false");
    wait_for(&b, "device/1/status", "{\"state\":\"off\",\"reason\":null,");
    wait_for(&b, "device/1/measures/energy", NULL);
    wait_for(&b, "device/1/measures/instant", NULL);
    fleet_set_device(b.fleet, 2, "", 0);
    wait_for(&b, "device/2/status", NULL);
    wait_for(&b, "device/2/measures/energy", NULL);
    int requests = slave_requests(slave);
    wait_ms(&b, 300);
    assert_int_equal(slave_requests(slave), requests);
    set_device(&b, 1, 1, 1, "test-meter", "");
    wait_for(&b, "device/1/measures/energy", "{");
    set_bus(&b, 1, slave_port(slave), ",\"on\":false");
    wait_for(&b, "bus/1/status", "{\"state\":\"off\",\"reason\":null,");
    wait_for(&b, "device/1/status", "{\"state\":\"off\"");
    wait_for(&b, "device/1/measures/energy", NULL);
    fleet_set_bus(b.fleet, 1, "", 0);
    wait_for(&b, "bus/1/status", NULL);
    broker_end(&b);
    slave_free(slave);
}

static void what_can_not_be_read_says_why(void **state)
{
    (void)state;
    struct broker b;
    broker_start(&b);
    struct slave *slave = meter();
    set_bus(&b, 1, slave_port(slave), "");
    static const struct {
        int id, bus;
        const char *profile, *more, *code;
    } cases[] = {
        {1, 1, "", "", "device.no_profile"},
        {2, 1, "no-such-model", "", "device.profile_unknown"},
        {3, 1, "generic-meter", "", "profile.param_missing"},
        {4, 9, "test-meter", "", "device.no_bus"},
        {5, 1, "test-meter", ",\"nonsense\":1", "json."},
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        set_device(&b, cases[i].id, cases[i].bus, cases[i].id, cases[i].profile, cases[i].more);
    fleet_set_bus(b.fleet, 2, "{\"id\":2", 7);
    for (size_t i = 0; i < COUNT(cases); i++) {
        char topic[64];
        snprintf(topic, sizeof(topic), "device/%d/status", cases[i].id);
        wait_for(&b, topic, "{\"state\":\"unconfigured\",\"reason\":{\"code\":");
        wait_for(&b, topic, cases[i].code);
    }
    wait_for(&b, "bus/2/status", "{\"state\":\"error\",\"reason\":{\"code\":\"json.syntax\"");
    set_device(&b, 1, 1, 1, "test-meter", "");
    wait_for(&b, "device/1/status", "{\"state\":\"on\"");
    // What comes broken after that changes nothing.
    set_device(&b, 1, 1, 1, "test-meter", ",\"unit\":2");
    fleet_set_bus(b.fleet, 1, "\xff", 1);
    wait_ms(&b, 300);
    assert_non_null(strstr(find(&b, "device/1/status")->payload, "{\"state\":\"on\""));
    assert_int_equal(slave_connections(slave), 1);
    broker_end(&b);
    slave_free(slave);
}

static void a_device_that_falls_silent_is_seen_and_comes_back(void **state)
{
    (void)state;
    struct broker b;
    broker_start(&b);
    struct slave *slave = meter();
    set_bus(&b, 1, slave_port(slave), ",\"serial\":{\"timeout_ms\":50}");
    set_device(&b, 1, 1, 1, "test-meter", "");
    wait_for(&b, "device/1/measures/instant", "\"frequency\":70");
    slave_set_fault(slave, (struct slave_fault){.raw = ""});
    wait_for(&b, "device/1/status", "{\"state\":\"error\",\"reason\":{\"code\":\"bus.timeout\"");
    wait_for(&b, "device/1/status", "\"text\":\"Unit 1 did not answer within 50 ms.\"");
    wait_for(&b, "device/1/measures/instant", "\"frequency\":null");
    assert_null(strstr(find(&b, "device/1/measures/instant")->payload, "230.5"));
    int published = find(&b, "device/1/measures/instant")->published;
    wait_ms(&b, 700);
    assert_int_equal(find(&b, "device/1/measures/instant")->published, published); // null once
    slave_set_fault(slave, (struct slave_fault){0});
    wait_for(&b, "device/1/status", "{\"state\":\"on\",\"reason\":null");
    wait_for(&b, "device/1/measures/instant", "\"frequency\":70");
    broker_end(&b);
    slave_free(slave);
}

static void a_value_never_read_becomes_null_once(void **state)
{
    (void)state;
    struct broker b;
    broker_start(&b);
    struct slave *slave = meter();
    slave_set_fault(slave, (struct slave_fault){.raw = "TTTT 0000 0003 UU 84 02"});
    set_bus(&b, 1, slave_port(slave), "");
    set_device(&b, 1, 1, 1, "test-meter", "");
    wait_for(&b, "device/1/status", "{\"state\":\"error\",\"reason\":{\"code\":\"bus.exception\"");
    wait_for(&b, "device/1/status", "exception 2, illegal data address");
    wait_for(&b, "device/1/measures/instant", "\"frequency\":null");
    broker_end(&b);
    slave_free(slave);
}

static void a_dead_neighbour_is_not_felt(void **state)
{
    (void)state;
    struct broker b;
    broker_start(&b);
    struct slave *slave = meter(), *bad = meter();
    slave_set_fault(bad, (struct slave_fault){.raw = "48545450 2F31 2E31 20 343030"}); // "HTTP/1.1 400"
    set_bus(&b, 1, slave_port(slave), "");
    set_bus(&b, 2, slave_port(bad), "");
    set_device(&b, 1, 1, 1, "test-meter", "");
    set_device(&b, 2, 2, 2, "test-meter", "");
    wait_for(&b, "device/2/status", "\"bus.garbage\"");
    wait_for(&b, "device/1/measures/instant", "230.5");
    struct topic *t = find(&b, "device/1/measures/instant");
    int before = t->published;
    wait_ms(&b, 2000);
    assert_in_range(t->published - before, 12, 22);
    broker_end(&b);
    slave_free(slave);
    slave_free(bad);
}

static void a_lost_line_is_the_line_s_fault(void **state)
{
    (void)state;
    struct broker b;
    broker_start(&b);
    struct slave *slave = meter();
    int port = slave_port(slave);
    set_bus(&b, 1, port, "");
    set_device(&b, 1, 1, 1, "test-meter", "");
    wait_for(&b, "device/1/status", "{\"state\":\"on\"");
    slave_free(slave);
    wait_for(&b, "bus/1/status", "{\"state\":\"error\",\"reason\":{\"code\":\"bus.refused\"");
    wait_for(&b, "device/1/status", "{\"state\":\"error\",\"reason\":{\"code\":\"bus.refused\"");
    wait_for(&b, "device/1/measures/instant", "\"frequency\":null");
    slave = meter();
    set_bus(&b, 1, slave_port(slave), "");
    wait_for(&b, "device/1/status", "{\"state\":\"on\",\"reason\":null");
    wait_for(&b, "bus/1/status", "{\"state\":\"on\",\"reason\":null");
    broker_end(&b);
    slave_free(slave);
}

static void a_charge_point_shows_its_charge(void **state)
{
    (void)state;
    struct broker b;
    broker_start(&b);
    struct slave *slave = slave_new(SLAVE_TCP);
    static const struct {
        int address;
        unsigned value;
    } registers[] = {{0x4006, 32000}, {0x4008, 0},     {0x400C, 4 << 8}, {0x400E, 16000}, {0x4010, 15500},
                     {0x4012, 15400}, {0x4014, 15300}, {0x4016, 2301},   {0x401C, 10634}, {0x401E, 4200}};
    for (size_t i = 0; i < COUNT(registers); i++) {
        slave_set_register(slave, registers[i].address, (uint16_t)(registers[i].value >> 16));
        slave_set_register(slave, registers[i].address + 1, (uint16_t)registers[i].value);
    }
    set_bus(&b, 1, slave_port(slave), "");
    set_device(&b, 1, 1, 1, "abb-terra-ac", "");
    static const char *const expected[] = {"\"state\":\"C\"",      "\"limit_a\":16,",  "\"rated_a\":32,",
                                           "\"current_l1\":15.5,", "\"power\":10634,", "\"session_wh\":4200",
                                           "\"errors\":[]}"};
    for (size_t i = 0; i < COUNT(expected); i++)
        wait_for(&b, "device/1/charge", expected[i]);
    wait_for(&b, "device/1/status", "{\"state\":\"on\"");
    slave_set_register(slave, 0x4009, 17);
    wait_for(&b, "device/1/status", "{\"state\":\"fault\",\"reason\":{\"code\":\"station.error_word\"");
    wait_for(&b, "device/1/charge", "\"errors\":[{\"code\":\"station.error_word\"");
    slave_set_register(slave, 0x4009, 0);
    wait_for(&b, "device/1/status", "{\"state\":\"on\",\"reason\":null");
    broker_end(&b);
    slave_free(slave);
}

// What a value is scaled by is read first, also when it belongs to a group that is read once an hour; without
// it there is no value rather than a wrong one.
static void scales_and_signs_are_read_before_they_are_needed(void **state)
{
    (void)state;
    struct broker b;
    broker_start(&b);
    struct slave *slave = slave_new(SLAVE_TCP);
    static const uint16_t registers[][2] = {{10, 1},      {20, 100}, {30, 0x4142}, {31, 0x4331}, {32, 0x3200},
                                            {33, 0x0000}, {40, 25},  {41, 1},      {50, 0},      {51, 7}};
    for (size_t i = 0; i < COUNT(registers); i++)
        slave_set_register(slave, registers[i][0], registers[i][1]);
    set_bus(&b, 1, slave_port(slave), "");
    set_device(&b, 1, 1, 1, "test-breaker", "");
    wait_for(&b, "device/1/measures/instant", "\"values\":{\"active_power\":-2500}");
    wait_for(&b, "device/1/measures/energy", "\"values\":{\"active_energy_import\":700}");
    wait_for(&b, "device/1/measures/info", "\"values\":{\"serial_number\":\"ABC12\"}");
    // Not one message said anything else before.
    assert_int_equal(find(&b, "device/1/measures/energy")->published, 1);
    slave_set_register(slave, 41, 0);
    wait_for(&b, "device/1/measures/instant", "\"active_power\":2500}");
    broker_end(&b);
    slave_free(slave);
}

static void a_breaker_shows_its_state_inputs_and_outputs(void **state)
{
    (void)state;
    struct broker b;
    broker_start(&b);
    struct slave *slave = slave_new(SLAVE_TCP);
    slave_set_register(slave, 10, 1);
    set_bus(&b, 1, slave_port(slave), "");
    set_device(&b, 1, 1, 1, "test-breaker", "");
    wait_for(&b, "device/1/state", "\"breaker\":\"closed\",");
    wait_for(&b, "device/1/state", "\"inputs\":{\"1\":true,\"2\":false},\"outputs\":{\"1\":true}}");
    slave_set_register(slave, 10, 3);
    slave_set_register(slave, 6, 1);
    wait_for(&b, "device/1/state", "\"breaker\":\"tripped\",");
    wait_for(&b, "device/1/state", "\"inputs\":{\"1\":true,\"2\":true}");
    slave_set_register(slave, 10, 77);
    wait_for(&b, "device/1/state", "\"breaker\":null,"); // no such state: nothing is made up
    slave_set_fault(slave, (struct slave_fault){.raw = ""});
    wait_for(&b, "device/1/state", "\"inputs\":{\"1\":null,\"2\":null},\"outputs\":{\"1\":null}}");
    broker_end(&b);
    slave_free(slave);
}

struct told { // of jobs, in the order in which they came back
    int count;
    int64_t tags[16];
    enum ew_err errs[16];
    uint16_t words[16];
    char code[EW_CODE_MAX];
};

static void on_told(void *user, const struct inlet_job *job)
{
    struct told *told = user;
    told->tags[told->count] = job->tag;
    told->words[told->count] = job->steps[job->step_count - 1].words[0];
    ew_copy(told->code, sizeof(told->code), job->reason.code);
    told->errs[told->count++] = job->err;
}

static struct inlet_job *write_job(struct told *told, enum inlet_class class, int64_t tag, uint16_t value)
{
    struct inlet_job *job = inlet_job_new(class, 1, 5000, 0, on_told, told);
    job->tag = tag;
    inlet_add_write(job, 6, 0x200, 1, &value);
    inlet_add_read(job, 3, 0x200, 1);
    return job;
}

static void wait_told(struct broker *b, const struct told *told, int count)
{
    for (int64_t until = ew_clock_up_ms() + PATIENCE_MS; told->count < count;) {
        assert_true(ew_clock_up_ms() < until);
        ew_loop_turn(b->loop, 50);
    }
}

static void single_jobs_go_before_the_polling_by_their_class(void **state)
{
    (void)state;
    struct broker b;
    struct told told = {0};
    struct ew_reason reason;
    broker_start(&b);
    struct slave *slave = meter();
    set_bus(&b, 1, slave_port(slave), "");
    set_device(&b, 1, 1, 1, "test-meter", "");
    wait_for(&b, "device/1/status", "\"on\"");
    slave_set_fault(slave, (struct slave_fault){.delay_ms = 200}); // all of them wait for the first
    static const enum inlet_class given[] = {INLET_TOOL,     INLET_TOOL,    INLET_COMMAND,
                                             INLET_SETPOINT, INLET_COMMAND, INLET_SETPOINT};
    wait_ms(&b, 150);
    for (size_t i = 0; i < COUNT(given); i++)
        assert_int_equal(
            fleet_ask(b.fleet, 1, write_job(&told, given[i], (int64_t)i, (uint16_t)(100 + i)), &reason),
            EW_OK);
    wait_told(&b, &told, COUNT(given));
    static const int64_t order[] = {3, 5, 2, 4, 0, 1};
    // The thread may have begun with a tool's first step; it comes back last all the same.
    for (size_t i = 0; i < COUNT(order); i++) {
        assert_int_equal(told.tags[i], order[i]);
        assert_int_equal(told.errs[i], EW_OK);
        assert_int_equal(told.words[i], 100 + order[i]); // what was written is what is read back
    }
    slave_set_fault(slave, (struct slave_fault){.delay_ms = 20});
    int published = find(&b, "device/1/measures/instant")->published;
    struct inlet_job *late = write_job(&told, INLET_COMMAND, 7, 1);
    late->latest_ms = ew_clock_up_ms() - 1;
    assert_int_equal(fleet_ask(b.fleet, 1, late, &reason), EW_OK);
    wait_told(&b, &told, 7);
    assert_int_equal(told.errs[6], EW_E_TIMEOUT);
    assert_string_equal(told.code, "inlet.late");
    // The polling goes on beside tools that never end.
    told.count = 0;
    for (int i = 0; i < 16; i++)
        assert_int_equal(fleet_ask(b.fleet, 1, write_job(&told, INLET_TOOL, i, 1), &reason), EW_OK);
    wait_told(&b, &told, 16);
    assert_true(find(&b, "device/1/measures/instant")->published > published + 2);
    // More than a bus takes are refused, and none is forgotten when the bus goes.
    slave_set_fault(slave, (struct slave_fault){.raw = ""});
    struct told *many = calloc(INLET_WAITING_MAX, sizeof(*many));
    for (int i = 0; i < INLET_WAITING_MAX; i++)
        assert_int_equal(fleet_ask(b.fleet, 1, write_job(&many[i], INLET_TOOL, i, 1), &reason), EW_OK);
    assert_int_equal(fleet_ask(b.fleet, 1, write_job(&told, INLET_TOOL, 0, 1), &reason), EW_E_FULL);
    assert_string_equal(reason.code, "inlet.full");
    assert_int_equal(fleet_ask(b.fleet, 9, write_job(&told, INLET_TOOL, 0, 1), &reason), EW_E_UNKNOWN);
    set_bus(&b, 1, slave_port(slave), ",\"on\":false");
    wait_for(&b, "bus/1/status", "\"off\"");
    for (int i = 0; i < INLET_WAITING_MAX; i++) {
        wait_told(&b, &many[i], 1);
        assert_int_not_equal(many[i].errs[0], EW_OK);
    }
    assert_string_equal(many[INLET_WAITING_MAX - 1].code, "inlet.closed");
    free(many);
    broker_end(&b);
    slave_free(slave);
}

static void it_stops_at_once_while_reads_block(void **state)
{
    (void)state;
    struct broker b;
    broker_start(&b);
    struct slave *slaves[3];
    for (int i = 0; i < 3; i++) {
        slaves[i] = meter();
        slave_set_fault(slaves[i], (struct slave_fault){.raw = i == 2 ? "TTTT 0000" : ""});
        set_bus(&b, i + 1, slave_port(slaves[i]), ",\"serial\":{\"timeout_ms\":10000}");
        set_device(&b, i + 1, i + 1, 1, "test-meter", "");
    }
    set_bus(&b, 9, 1, ""); // refused for ever
    set_device(&b, 9, 9, 1, "test-meter", "");
    wait_for(&b, "bus/9/status", "bus.refused");
    for (int i = 0; i < 3; i++)
        while (slave_requests(slaves[i]) == 0)
            ew_loop_turn(b.loop, 10);
    int64_t start = ew_clock_up_ms();
    broker_end(&b);
    assert_true(ew_clock_up_ms() - start <
                5000); // half of the time-out; the second is judged by test_poller.py
    for (int i = 0; i < 3; i++)
        slave_free(slaves[i]);
}

static void deletions_missed_while_away_are_found(void **state)
{
    (void)state;
    struct broker b;
    broker_start(&b);
    struct slave *slave = meter();
    set_bus(&b, 1, slave_port(slave), "");
    set_device(&b, 1, 1, 1, "test-meter", "");
    set_device(&b, 2, 1, 2, "test-meter", "");
    wait_for(&b, "device/2/measures/energy", "{");
    fleet_begin_config(b.fleet);
    set_bus(&b, 1, slave_port(slave), "");
    set_device(&b, 1, 1, 1, "test-meter", "");
    int energies = find(&b, "device/1/measures/energy")->published;
    fleet_end_config(b.fleet);
    wait_for(&b, "device/2/status", NULL);
    wait_for(&b, "device/2/measures/energy", NULL);
    assert_int_equal(find(&b, "device/1/measures/energy")->published, energies);
    broker_end(&b);
    slave_free(slave);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_reach_their_topics),
        cmocka_unit_test(a_change_touches_only_what_changed),
        cmocka_unit_test(what_is_switched_off_or_deleted_leaves_nothing),
        cmocka_unit_test(what_can_not_be_read_says_why),
        cmocka_unit_test(a_device_that_falls_silent_is_seen_and_comes_back),
        cmocka_unit_test(a_value_never_read_becomes_null_once),
        cmocka_unit_test(a_dead_neighbour_is_not_felt),
        cmocka_unit_test(a_lost_line_is_the_line_s_fault),
        cmocka_unit_test(a_charge_point_shows_its_charge),
        cmocka_unit_test(scales_and_signs_are_read_before_they_are_needed),
        cmocka_unit_test(a_breaker_shows_its_state_inputs_and_outputs),
        cmocka_unit_test(single_jobs_go_before_the_polling_by_their_class),
        cmocka_unit_test(it_stops_at_once_while_reads_block),
        cmocka_unit_test(deletions_missed_while_away_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
