#include "simulator/control.h"

#include "base/clock.h"
#include "simulator/station.h"
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { WORDS_MAX = 5 };

struct line {
    struct building *building;
    char *words[WORDS_MAX];
    int count;
    struct ew_buf *answer;
};

static void fail(const struct line *line, const char *sentence, const char *what)
{
    ew_buf_printf(line->answer, "error: ");
    ew_buf_printf(line->answer, sentence[0] ? "%s \"%s\"\n" : "%s%s\n", sentence, what);
}

static void ok(const struct line *line)
{
    ew_buf_add_text(line->answer, "ok\n");
}

static bool read_number(const char *text, double *ret)
{
    char *end;
    errno = 0;
    *ret = text ? strtod(text, &end) : 0;
    return text && end != text && *end == 0 && errno == 0;
}

static bool read_device(const struct line *line, struct device **ret)
{
    double id;
    *ret = read_number(line->words[1], &id) ? building_device(line->building, (int64_t)id) : NULL;
    if (!*ret)
        fail(line, "there is no device", line->words[1] ? line->words[1] : "");
    return *ret != NULL;
}

static bool read_station(const struct line *line, struct device **ret)
{
    if (!read_device(line, ret))
        return false;
    if ((*ret)->plant->role != PLANT_STATION)
        fail(line, "is no charge point: device", line->words[1]);
    return (*ret)->plant->role == PLANT_STATION;
}

static void do_fault(const struct line *line)
{
    struct device *device;
    enum device_fault fault;
    double argument = 0;
    if (!read_device(line, &device))
        return;
    if (!line->words[2] || !device_fault_find(line->words[2], &fault))
        fail(line, "there is no fault", line->words[2] ? line->words[2] : "");
    else if (line->words[3] && (!read_number(line->words[3], &argument) || argument < 0 || argument > 1e6))
        fail(line, "is no number from 0 to 1000000:", line->words[3]);
    else if (!answer_can(server_framing(building_server(line->building, device->site.bus)), fault))
        fail(line, "can't happen on this kind of bus:", line->words[2]);
    else {
        device->fault = fault;
        device->fault_argument = (int)argument;
        ok(line);
    }
}

// A number, a station's letter, or auto (NaN).
static bool read_value(const char *text, double *ret)
{
    if (text && strcmp(text, "auto") == 0)
        *ret = NAN;
    else if (text && text[0] >= 'A' && text[0] <= 'F' && text[1] == 0)
        *ret = text[0] - 'A';
    else
        return read_number(text, ret);
    return true;
}

static void do_set(const struct line *line)
{
    struct device *device;
    double value;
    if (!read_device(line, &device))
        return;
    if (!read_value(line->words[3], &value))
        fail(line, "is no value:", line->words[3] ? line->words[3] : "");
    else if (!device_order(device, line->words[2], value))
        fail(line, "the device has no quantity", line->words[2]);
    else
        ok(line);
}

static void do_get(const struct line *line)
{
    struct device *device;
    if (!read_device(line, &device))
        return;
    int index = line->words[2] ? profile_find(device->profile, line->words[2]) : -1;
    if (index < 0)
        fail(line, "the device has no quantity", line->words[2] ? line->words[2] : "");
    else
        ew_buf_printf(line->answer, "ok %.10g\n", device_value(device, index));
}

static void do_load(const struct line *line)
{
    struct device *device;
    double watts;
    if (!read_device(line, &device))
        return;
    if (device->plant->role != PLANT_LOAD)
        fail(line, "has no load of its own: device", line->words[1]);
    else if (!read_value(line->words[2], &watts))
        fail(line, "is no power:", line->words[2] ? line->words[2] : "");
    else {
        device->plant->ordered_w = watts;
        ok(line);
    }
}

static void do_limit(const struct line *line)
{
    struct device *device;
    double amperes;
    if (!read_station(line, &device))
        return;
    if (!read_number(line->words[2], &amperes) || amperes < 0)
        fail(line, "is no current:", line->words[2] ? line->words[2] : "");
    else {
        station_limit(&line->building->plant, device->plant, amperes);
        ok(line);
    }
}

static void do_car(const struct line *line)
{
    struct device *device;
    double need_wh = 0;
    const char *what = line->words[2] ? line->words[2] : "";
    if (!read_station(line, &device))
        return;
    if (strcmp(what, "leave") == 0)
        plant_car_leaves(&line->building->plant, device->plant);
    else if (strcmp(what, "arrive") == 0 && (!line->words[3] || read_number(line->words[3], &need_wh)))
        plant_car_arrives(&line->building->plant, device->plant, need_wh);
    else {
        fail(line, "a car can arrive or leave, not", what);
        return;
    }
    ok(line);
}

static bool read_switch(const struct line *line, const char *text, bool *ret)
{
    *ret = text && strcmp(text, "on") == 0;
    if (*ret || (text && strcmp(text, "off") == 0))
        return true;
    fail(line, "is neither on nor off:", text ? text : "");
    return false;
}

static void do_power(const struct line *line)
{
    struct device *device;
    double seconds = 3;
    if (!read_station(line, &device))
        return;
    if (strcmp(line->words[2], "cycle") != 0) {
        fail(line, "the power can only be cycled, not", line->words[2]);
    } else if (line->words[3] &&
               (!read_number(line->words[3], &seconds) || !(seconds >= 0 && seconds <= 86400))) {
        fail(line, "is no number of seconds from 0 to 86400:", line->words[3]);
    } else {
        station_power_cycle(&line->building->plant, device->plant, (int)seconds);
        ok(line);
    }
}

static void do_disobey(const struct line *line)
{
    struct device *device;
    bool on;
    if (!read_station(line, &device) || !read_switch(line, line->words[2], &on))
        return;
    device->plant->station.disobeys = on;
    ok(line);
}

static void do_lost(const struct line *line)
{
    struct device *device;
    bool on;
    if (!read_device(line, &device) || !read_switch(line, line->words[2], &on))
        return;
    device->fault = on ? FAULT_NO_ANSWER : FAULT_NONE;
    ok(line);
}

static void do_currents(const struct line *line)
{
    struct ew_jw w;
    ew_buf_add_text(line->answer, "ok ");
    ew_jw_init(&w, line->answer);
    course_write_now(&w, &line->building->plant, line->building->devices, line->building->device_count,
                     ew_clock_up_ms());
    ew_buf_add_text(line->answer, "\n");
}

static void do_course(const struct line *line)
{
    struct ew_jw w;
    double from = 0;
    if (line->words[1] && !read_number(line->words[1], &from)) {
        fail(line, "is no second:", line->words[1]);
        return;
    }
    ew_buf_add_text(line->answer, "ok ");
    ew_jw_init(&w, line->answer);
    course_write_since(&line->building->course, &w, &line->building->plant, (int64_t)from);
    ew_buf_add_text(line->answer, "\n");
}

static struct server *read_bus(const struct line *line)
{
    double id;
    struct server *server =
        read_number(line->words[1], &id) ? building_server(line->building, (int64_t)id) : NULL;
    if (!server)
        fail(line, "there is no bus", line->words[1]);
    return server;
}

static void do_alone(const struct line *line)
{
    struct server *server = read_bus(line);
    if (!server)
        return;
    if (server->bus.type == SITE_BUS_RTU)
        fail(line, "takes no connections: bus", line->words[1]);
    else if (strcmp(line->words[2], "on") != 0 && strcmp(line->words[2], "off") != 0)
        fail(line, "is neither on nor off:", line->words[2]);
    else {
        server->alone = strcmp(line->words[2], "on") == 0;
        ok(line);
    }
}

static void do_forget(const struct line *line)
{
    struct server *server = read_bus(line);
    if (!server)
        return;
    if (server->bus.type == SITE_BUS_RTU) {
        fail(line, "takes no connections: bus", line->words[1]);
        return;
    }
    server_forget_clients(server);
    ok(line);
}

static void do_plug(const struct line *line)
{
    struct ew_reason why;
    struct server *server = read_bus(line);
    if (!server)
        return;
    if (strcmp(line->words[0], "unplug") == 0)
        server_unplug(server);
    else if (!server->plugged && server_plug(server, &why) != EW_OK) {
        fail(line, "", why.text);
        return;
    }
    ok(line);
}

static void do_step(const struct line *line)
{
    double seconds;
    if (!read_number(line->words[1], &seconds) || !(seconds >= 1 && seconds <= 7 * 86400)) {
        fail(line, "is no number of seconds from 1 to 604800:", line->words[1]);
        return;
    }
    building_step(line->building, (int64_t)seconds);
    ok(line);
}

static void dump_device(struct ew_jw *w, const struct device *device)
{
    ew_jw_open_object(w, NULL);
    ew_jw_int(w, "id", device->site.id);
    ew_jw_text(w, "name", device->site.name);
    ew_jw_text(w, "profile", device->profile->id);
    ew_jw_text(w, "fault", device_fault_name(device->fault));
    ew_jw_int(w, "asked", device->asked);
    ew_jw_int(w, "asked_ms", device->asked_ms);
    ew_jw_int(w, "writes", device->writes);
    ew_jw_open_array(w, "phases_w");
    for (int p = 0; p < 3; p++)
        ew_jw_number(w, NULL, device->plant->value[CH_ACTIVE_POWER_L1 + p]);
    ew_jw_close_array(w);
    ew_jw_open_object(w, "values");
    for (int i = 0; i < device->profile->register_count; i++) {
        const struct profile_register *r = &device->profile->registers[i];
        if (r->hidden || r->type == PROFILE_STRING)
            continue;
        double value = device_value(device, i);
        char letter[2] = {(char)('A' + (int)value), 0};
        if (i == device->profile->state_register && device->profile->kind == PROFILE_STATION)
            ew_jw_text(w, r->quantity, letter);
        else
            ew_jw_number(w, r->quantity, value);
    }
    ew_jw_close_object(w);
    ew_jw_close_object(w);
}

static void do_dump(const struct line *line)
{
    struct ew_jw w;
    ew_buf_add_text(line->answer, "ok ");
    ew_jw_init(&w, line->answer);
    ew_jw_open_object(&w, NULL);
    ew_jw_int(&w, "second", line->building->plant.second);
    ew_jw_open_array(&w, "buses");
    for (int i = 0; i < line->building->server_count; i++) {
        const struct server *server = &line->building->servers[i];
        ew_jw_open_object(&w, NULL);
        ew_jw_int(&w, "id", server->bus.id);
        ew_jw_bool(&w, "plugged", server->plugged);
        ew_jw_int(&w, "clients", server_client_count(server));
        ew_jw_int(&w, "answered", server->answered);
        ew_jw_close_object(&w);
    }
    ew_jw_close_array(&w);
    ew_jw_open_array(&w, "devices");
    for (int i = 0; i < line->building->device_count; i++)
        dump_device(&w, &line->building->devices[i]);
    ew_jw_close_array(&w);
    ew_jw_close_object(&w);
    ew_buf_add_text(line->answer, "\n");
}

static void do_help(const struct line *line)
{
    ew_buf_add_text(
        line->answer,
        "ok fault DEVICE FAULT [NUMBER] | set DEVICE QUANTITY VALUE|auto | load DEVICE WATTS|auto | "
        "limit DEVICE AMPERES | car DEVICE arrive [WH]|leave | unplug BUS | plug BUS | alone BUS on|off | "
        "forget BUS | power DEVICE cycle [SECONDS] | disobey DEVICE on|off | lost DEVICE on|off | "
        "currents | course [FROM SECOND] | "
        "get DEVICE QUANTITY | step SECONDS | dump; faults:");
    for (int i = 0; i <= FAULT_CLOSE; i++)
        ew_buf_printf(line->answer, " %s", device_fault_name((enum device_fault)i));
    ew_buf_add_text(line->answer, "\n");
}

void control_line(struct building *building, char *text, struct ew_buf *answer)
{
    static const struct {
        const char *name;
        int words_min;
        void (*run)(const struct line *line);
    } commands[] = {
        {"fault", 3, do_fault},   {"set", 4, do_set},           {"get", 3, do_get},
        {"load", 3, do_load},     {"limit", 3, do_limit},       {"car", 3, do_car},
        {"plug", 2, do_plug},     {"unplug", 2, do_plug},       {"dump", 1, do_dump},
        {"step", 2, do_step},     {"help", 1, do_help},         {"alone", 3, do_alone},
        {"forget", 2, do_forget}, {"power", 3, do_power},       {"disobey", 3, do_disobey},
        {"lost", 3, do_lost},     {"currents", 1, do_currents}, {"course", 1, do_course},
    };
    struct line line = {.building = building, .answer = answer};
    for (char *word = strsep(&text, " \t\r"); word; word = strsep(&text, " \t\r"))
        if (*word && line.count < WORDS_MAX)
            line.words[line.count++] = word;
    if (line.count == 0)
        return;
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (strcmp(commands[i].name, line.words[0]) != 0)
            continue;
        if (line.count < commands[i].words_min)
            fail(&line, "words are missing after", line.words[0]);
        else
            commands[i].run(&line);
        return;
    }
    fail(&line, "there is no command (help lists them)", line.words[0]);
}
