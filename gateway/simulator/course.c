#include "simulator/course.h"

#include "simulator/station.h"
#include <stdio.h>
#include <stdlib.h>

enum { SITE_WIDTH = 3, STATION_WIDTH = 4 };

static int width(const struct course *course)
{
    return SITE_WIDTH + STATION_WIDTH * course->stations;
}

static float *row_of(const struct course *course, int64_t second)
{
    return course->rows + (size_t)(second % COURSE_SECONDS) * (size_t)width(course);
}

// The site's current of a phase: its main meter's, else the sum of all devices.
static double site_a(const struct plant *plant, int phase)
{
    double sum = 0;
    for (int i = 0; i < plant->count; i++) {
        double a = plant->devices[i].value[CH_CURRENT_L1 + phase];
        if (plant->devices[i].role == PLANT_MAIN)
            return a;
        sum += a;
    }
    return sum;
}

void course_init(struct course *course, const struct plant *plant)
{
    *course = (struct course){.first = 0, .last = -1};
    for (int i = 0; i < plant->count; i++)
        course->stations += plant->devices[i].role == PLANT_STATION;
    course->rows = calloc((size_t)COURSE_SECONDS * (size_t)width(course), sizeof(*course->rows));
    if (!course->rows)
        abort();
}

void course_done(struct course *course)
{
    free(course->rows);
    *course = (struct course){.last = -1};
}

void course_note(struct course *course, const struct plant *plant)
{
    float *row = row_of(course, plant->second);
    bool next = course->last >= course->first && plant->second == course->last + 1;
    course->first = next ? course->first : plant->second;
    course->last = plant->second;
    if (course->last - course->first >= COURSE_SECONDS)
        course->first = course->last - COURSE_SECONDS + 1;
    for (int p = 0; p < 3; p++)
        *row++ = (float)site_a(plant, p);
    for (int i = 0; i < plant->count; i++) {
        const struct plant_device *d = &plant->devices[i];
        if (d->role != PLANT_STATION)
            continue;
        for (int p = 0; p < 3; p++)
            *row++ = (float)d->value[CH_CURRENT_L1 + p];
        *row++ = (float)d->station.limit_a;
    }
}

static double hundredths(double value)
{
    return (double)(int64_t)(value * 100 + 0.5) / 100;
}

static void write_currents(struct ew_jw *w, const char *key, const float *a, int count)
{
    ew_jw_open_array(w, key);
    for (int i = 0; i < count; i++)
        ew_jw_number(w, NULL, hundredths((double)a[i]));
    ew_jw_close_array(w);
}

static void write_station(struct ew_jw *w, const struct plant *plant, const struct device *device)
{
    const struct plant_device *d = device->plant;
    const struct plant_station *s = &d->station;
    char letter[2] = {(char)('A' + (int)d->value[CH_STATE]), 0};
    float a[3];
    for (int p = 0; p < 3; p++)
        a[p] = (float)d->value[CH_CURRENT_L1 + p];
    ew_jw_open_object(w, NULL);
    ew_jw_int(w, "id", d->id);
    write_currents(w, "current", a, 3);
    ew_jw_number(w, "limit_a", s->limit_a);
    ew_jw_text(w, "state", letter);
    ew_jw_bool(w, "plugged", s->plugged);
    ew_jw_bool(w, "power", station_has_power(plant, d));
    ew_jw_bool(w, "disobeys", s->disobeys);
    ew_jw_number(w, "watchdog_s", s->watchdog_s);
    ew_jw_number(w, "fallback_a", s->fallback_a);
    ew_jw_int(w, "fed_s", plant->second - s->fed_s);
    ew_jw_number(w, "told_a", s->told_a);
    if (s->in_watts)
        ew_jw_number(w, "told_w", s->told_w);
    ew_jw_bool(w, "released", !s->held);
    ew_jw_bool(w, "lives", !s->wants_life || s->sign >= 0);
    ew_jw_bool(w, "prepared", !s->unprepared);
    ew_jw_int(w, "phases", s->single ? 1 : 3);
    ew_jw_int(w, "loaded_switches", s->loaded_switches);
    ew_jw_int(w, "writes", device->writes);
    ew_jw_int(w, "written_ms", device->written_ms);
    ew_jw_close_object(w);
}

void course_write_now(struct ew_jw *w, const struct plant *plant, const struct device *devices, int count,
                      int64_t up_ms)
{
    ew_jw_open_object(w, NULL);
    ew_jw_int(w, "second", plant->second);
    ew_jw_int(w, "up_ms", up_ms);
    ew_jw_open_array(w, "site");
    for (int p = 0; p < 3; p++)
        ew_jw_number(w, NULL, hundredths(site_a(plant, p)));
    ew_jw_close_array(w);
    ew_jw_open_array(w, "stations");
    for (int i = 0; i < count; i++)
        if (devices[i].plant->role == PLANT_STATION)
            write_station(w, plant, &devices[i]);
    ew_jw_close_array(w);
    ew_jw_close_object(w);
}

void course_write_since(const struct course *course, struct ew_jw *w, const struct plant *plant, int64_t from)
{
    from = from < course->first ? course->first : from;
    ew_jw_open_object(w, NULL);
    ew_jw_int(w, "from", from);
    ew_jw_open_array(w, "site");
    for (int64_t second = from; second <= course->last; second++)
        write_currents(w, NULL, row_of(course, second), SITE_WIDTH);
    ew_jw_close_array(w);
    ew_jw_open_object(w, "stations");
    for (int i = 0, column = SITE_WIDTH; i < plant->count; i++) {
        if (plant->devices[i].role != PLANT_STATION)
            continue;
        char id[24];
        (void)snprintf(id, sizeof(id), "%lld", (long long)plant->devices[i].id);
        ew_jw_open_array(w, id);
        for (int64_t second = from; second <= course->last; second++)
            write_currents(w, NULL, row_of(course, second) + column, STATION_WIDTH);
        ew_jw_close_array(w);
        column += STATION_WIDTH;
    }
    ew_jw_close_object(w);
    ew_jw_close_object(w);
}
