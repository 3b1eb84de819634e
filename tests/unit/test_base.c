// Base library: what every service leans on.
#include "check.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/loop.h"
#include "base/queue.h"
#include "base/rfc3339.h"
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void buffers_stop_at_their_ceiling(void **state)
{
    (void)state;
    struct ew_buf b;
    ew_buf_init(&b, 10);
    ew_buf_add_text(&b, "12345");
    ew_buf_add_text(&b, "678901");
    assert_true(b.full);
    assert_string_equal(ew_buf_text(&b), "12345");
    ew_buf_printf(&b, "%05d", 67890);
    assert_string_equal(ew_buf_text(&b), "1234567890");
    ew_buf_drop_front(&b, 7);
    assert_string_equal(ew_buf_text(&b), "890");
    ew_buf_done(&b);
    ew_buf_init(&b, 4000);
    ew_buf_printf(&b, "%01000d", 7);
    assert_int_equal(b.len, 1000);
    ew_buf_done(&b);
}

static void copies_cut_at_a_character(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t size;
        const char *expected;
    } cases[] = {{"abc", 8, "abc"}, {"abc", 3, "ab"}, {"aé", 3, "a"},
                 {"aé", 4, "aé"},   {"€€", 6, "€"},   {"", 1, ""}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        char out[16];
        ew_copy(out, cases[i].size, cases[i].text);
        assert_string_equal(out, cases[i].expected);
    }
}

static void stamps_read_back(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t ms;
        const char *canonical; // NULL = refused
    } cases[] = {
        {"1970-01-01T00:00:00Z", 0, "1970-01-01T00:00:00.000Z"},
        {"2026-03-01T12:00:00.250Z", 1772366400250, "2026-03-01T12:00:00.250Z"},
        {"2026-03-01T13:00:00.25+01:00", 1772366400250, "2026-03-01T12:00:00.250Z"},
        {"2000-02-29T23:59:59.999999999Z", 951868799999, "2000-02-29T23:59:59.999Z"},
        {"1969-12-31T23:59:59.500Z", -500, "1969-12-31T23:59:59.500Z"},
        {"1900-02-29T00:00:00Z", 0, NULL},
        {"2026-13-01T00:00:00Z", 0, NULL},
        {"2026-03-01T24:00:00Z", 0, NULL},
        {"2026-03-01T12:00:00", 0, NULL},
        {"2026-03-01T12:00:00Zx", 0, NULL},
        {"2026-03-01T12:00:00.Z", 0, NULL},
        {"2026-3-1T12:00:00Z", 0, NULL},
        {"", 0, NULL},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        int64_t ms = 42;
        enum ew_err err = ew_rfc3339_parse(cases[i].text, &ms);
        if (!cases[i].canonical) {
            assert_int_equal(err, EW_E_INVALID);
            assert_int_equal(ms, 42);
            continue;
        }
        assert_int_equal(err, EW_OK);
        assert_int_equal(ms, cases[i].ms);
        char out[EW_RFC3339_MAX];
        ew_rfc3339_format(ms, out);
        assert_string_equal(out, cases[i].canonical);
    }
}

static void bad_json_is_named_with_its_place(void **state)
{
    (void)state;
    char deep[100];
    memset(deep, '[', sizeof(deep) - 1);
    deep[sizeof(deep) - 1] = 0;
    const struct {
        const char *text;
        const char *says;
    } cases[] = {
        {"", "line 1, column 1: the text is empty"},
        {"{\n  \"a\": 1,\n  b", "line 3, column 3: JSON syntax error here"},
        {"{} x", "line 1, column 4: text after the end of the JSON value"},
        {"\"\xC3\x28\"", "line 1, column 2: the text is not valid UTF-8"},
        {"\"\xED\xA0\x80\"", "line 1, column 2: the text is not valid UTF-8"},
        {"{\"a\":{\"b\":1,\"b\":2}}", "the key stands twice"},
        {"[{\"c\":1,\"b\":2,\"a\":3,\"b\":4}]", "the key stands twice"},
        {"{\"a\":[1,-5e311]}", "the number is too large"},
        {"1e999", "the number is too large"},
        {deep, "line 1, column 33: nested deeper than 32 levels"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct ew_reason reason;
        cJSON *tree = NULL;
        assert_int_not_equal(ew_json_parse(cases[i].text, strlen(cases[i].text), 1000, &tree, &reason),
                             EW_OK);
        assert_null(tree);
        assert_string_equal(reason.text, cases[i].says);
    }
    struct ew_reason reason;
    cJSON *tree = NULL;
    assert_int_equal(ew_json_parse("[1,2,3]", 7, 6, &tree, &reason), EW_E_TOO_LARGE);
}

struct sample {
    int64_t unit;
    double factor;
    bool on;
    char name[8];
    int color;
    uint64_t address;
};

static enum ew_err read_sample(const char *text, struct sample *s, struct ew_reason *reason)
{
    static const char *const colors[] = {"red", "green", NULL};
    cJSON *tree = NULL;
    enum ew_err err = ew_json_parse(text, strlen(text), 1000, &tree, reason);
    if (err != EW_OK)
        return err;
    struct ew_json o;
    ew_json_open(&o, tree, "/d/0", reason);
    ew_json_int(&o, "unit", EW_REQUIRED, 1, 247, &s->unit);
    ew_json_number(&o, "factor", EW_OPTIONAL, -10, 10, &s->factor);
    ew_json_bool(&o, "on", EW_OPTIONAL, &s->on);
    ew_json_text(&o, "name", EW_OPTIONAL, 1, sizeof(s->name), s->name);
    ew_json_enum(&o, "color", EW_OPTIONAL, colors, &s->color);
    ew_json_hex(&o, "address", EW_OPTIONAL, 0xFFFF, &s->address);
    err = ew_json_close(&o);
    cJSON_Delete(tree);
    return err;
}

static void typed_fields_name_what_is_wrong(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        const char *path; // NULL = accepted
        const char *text;
    } cases[] = {
        {"{\"unit\":5,\"factor\":0.5,\"on\":true,\"name\":\"é\",\"color\":\"green\",\"address\":\"0x1f\"}",
         NULL, NULL},
        {"{\"unit\":5,\"address\":31}", NULL, NULL},
        {"[]", "/d/0", "must be an object"},
        {"{}", "/d/0/unit", "is missing"},
        {"{\"unit\":0}", "/d/0/unit", "0 is outside 1..247"},
        {"{\"unit\":5.5}", "/d/0/unit", "must be a whole number"},
        {"{\"unit\":1e300}", "/d/0/unit", "must be a whole number"},
        {"{\"unit\":\"5\"}", "/d/0/unit", "must be a whole number"},
        {"{\"unit\":5,\"factor\":11}", "/d/0/factor", "11 is outside -10..10"},
        {"{\"unit\":5,\"on\":1}", "/d/0/on", "must be true or false"},
        {"{\"unit\":5,\"name\":\"\"}", "/d/0/name", "must be 1 to 7 bytes long"},
        {"{\"unit\":5,\"name\":\"12345678\"}", "/d/0/name", "must be 1 to 7 bytes long"},
        {"{\"unit\":5,\"name\":\"a\\nb\"}", "/d/0/name", "must not hold control characters"},
        {"{\"unit\":5,\"color\":\"blue\"}", "/d/0/color", "must be one of: red, green"},
        {"{\"unit\":5,\"address\":\"1f\"}", "/d/0/address",
         "must be a whole number or hexadecimal text as \"0x1F\""},
        {"{\"unit\":5,\"address\":\"0x10000\"}", "/d/0/address", "0x10000 is above 0xFFFF"},
        {"{\"unit\":5,\"unti\":6}", "/d/0/unti", "unknown key"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct sample s = {.address = 31};
        struct ew_reason reason = {0};
        enum ew_err err = read_sample(cases[i].json, &s, &reason);
        assert_int_equal(err, cases[i].path ? EW_E_INVALID : EW_OK);
        assert_string_equal(reason.path, cases[i].path ? cases[i].path : "");
        assert_string_equal(reason.text, cases[i].text ? cases[i].text : "");
        if (!cases[i].path)
            assert_int_equal(s.address, 0x1F);
    }
}

static void written_json_is_exact(void **state)
{
    (void)state;
    struct ew_buf b;
    ew_buf_init(&b, 1000);
    struct ew_jw w;
    ew_jw_init(&w, &b);
    ew_jw_open_object(&w, NULL);
    ew_jw_text(&w, "t", "a\"\\\n\x01é");
    ew_jw_int(&w, "i", INT64_MIN);
    ew_jw_open_array(&w, "n");
    ew_jw_number(&w, NULL, 0.1);
    ew_jw_number(&w, NULL, 1.0 / 3);
    ew_jw_float(&w, NULL, 236.47498f);
    ew_jw_number(&w, NULL, NAN);
    ew_jw_bool(&w, NULL, true);
    ew_jw_open_object(&w, NULL);
    ew_jw_close_object(&w);
    ew_jw_close_array(&w);
    ew_jw_rfc3339(&w, "ts", 0);
    ew_jw_close_object(&w);
    assert_string_equal(ew_buf_text(&b),
                        "{\"t\":\"a\\\"\\\\\\u000a\\u0001é\",\"i\":-9223372036854775808,\"n\":[0.1,"
                        "0.33333333333333331,236.47498,null,true,{}],\"ts\":\"1970-01-01T00:00:00.000Z\"}");
    ew_buf_done(&b);
}

static void arenas_stay_inside_their_block(void **state)
{
    (void)state;
    unsigned char block[256];
    struct ew_arena a;
    ew_arena_init(&a, block + 1, sizeof(block) - 1);
    int64_t *first = ew_arena_take(&a, 3, sizeof(int64_t));
    assert_non_null(first);
    assert_int_equal((uintptr_t)first % _Alignof(max_align_t), 0);
    assert_null(ew_arena_take(&a, SIZE_MAX / 4, 8));
    assert_null(ew_arena_take(&a, 1, 400));
    assert_non_null(ew_arena_take(&a, 1, 16));
    assert_true(a.used <= a.size);
}

static void files_are_replaced_whole(void **state)
{
    (void)state;
    char folder[] = "/tmp/edgewatt-test-XXXXXX";
    assert_non_null(mkdtemp(folder));
    char path[300], deep[300];
    assert_int_equal(ew_format(deep, sizeof(deep), "%s/a/b", folder), EW_OK);
    assert_int_equal(ew_format(path, sizeof(path), "%s/a/b/f.json", folder), EW_OK);
    struct ew_reason reason;
    struct ew_buf b;
    ew_buf_init(&b, 100);
    assert_int_equal(ew_dir_make(deep, 0700, &reason), EW_OK);
    assert_int_equal(ew_dir_make(deep, 0700, &reason), EW_OK);
    assert_int_equal(ew_file_read(path, 100, &b, &reason), EW_E_UNKNOWN);
    assert_string_equal(reason.path, path);
    assert_int_equal(ew_file_write(path, "one", 3, 0600, &reason), EW_OK);
    assert_int_equal(ew_file_write(path, "second", 6, 0600, &reason), EW_OK);
    assert_int_equal(ew_file_read(path, 100, &b, &reason), EW_OK);
    assert_string_equal(ew_buf_text(&b), "second");
    assert_int_equal(ew_file_read(path, 5, &b, &reason), EW_E_TOO_LARGE);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    unlink(path);
    rmdir(deep);
    assert_int_equal(ew_format(deep, sizeof(deep), "%s/a", folder), EW_OK);
    rmdir(deep);
    assert_int_equal(rmdir(folder), 0); // no .tmp left behind
    ew_buf_done(&b);
}

struct ticks {
    struct ew_loop *loop;
    char order[16];
    int count;
};

static void on_tick(struct ew_timer *t, int64_t now_ms)
{
    (void)now_ms;
    struct ticks *ticks = t->user;
    ticks->order[ticks->count++] = (char)('a' + t->due_ms % 10);
    if (ticks->count == 3)
        ew_loop_stop(ticks->loop, 7);
}

static void timers_run_in_order(void **state)
{
    (void)state;
    struct ew_loop *loop = ew_loop_new();
    struct ticks ticks = {.loop = loop};
    int64_t base_ms = ew_clock_up_ms() / 10 * 10 - 20; // all due already: the order alone decides
    struct ew_timer t[4] = {0};
    for (int i = 0; i < 4; i++)
        t[i] = (struct ew_timer){.fn = on_tick, .user = &ticks};
    ew_loop_timer_set(loop, &t[0], base_ms + 3);
    ew_loop_timer_set(loop, &t[1], base_ms + 1);
    ew_loop_timer_set(loop, &t[2], base_ms + 2);
    ew_loop_timer_set(loop, &t[3], base_ms + 0);
    ew_loop_timer_clear(loop, &t[3]);
    ew_loop_timer_set(loop, &t[0], base_ms + 4); // moved
    assert_int_equal(ew_loop_run(loop), 7);
    assert_string_equal(ticks.order, "bce");
    ew_loop_free(loop);
}

static void *push_numbers(void *arg)
{
    for (int i = 0; i < 1000; i++)
        if (ew_queue_push_wait(arg, &i, 5000) != EW_OK)
            return NULL;
    return arg;
}

static void queues_keep_order_between_threads(void **state)
{
    (void)state;
    struct ew_queue *q = ew_queue_new(sizeof(int), 8);
    int item = 1;
    for (int i = 0; i < 8; i++)
        assert_int_equal(ew_queue_push(q, &i), EW_OK);
    assert_int_equal(ew_queue_push(q, &item), EW_E_FULL);
    while (ew_queue_pop(q, &item))
        continue;
    assert_int_equal(item, 7);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, push_numbers, q), 0);
    for (int i = 0; i < 1000; i++) {
        assert_true(ew_queue_pop_wait(q, &item, 5000));
        assert_int_equal(item, i);
    }
    void *result;
    pthread_join(thread, &result);
    assert_non_null(result);
    assert_int_equal(ew_queue_count(q), 0);
    ew_queue_free(q);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(buffers_stop_at_their_ceiling),
        cmocka_unit_test(copies_cut_at_a_character),
        cmocka_unit_test(stamps_read_back),
        cmocka_unit_test(bad_json_is_named_with_its_place),
        cmocka_unit_test(typed_fields_name_what_is_wrong),
        cmocka_unit_test(written_json_is_exact),
        cmocka_unit_test(arenas_stay_inside_their_block),
        cmocka_unit_test(files_are_replaced_whole),
        cmocka_unit_test(timers_run_in_order),
        cmocka_unit_test(queues_keep_order_between_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
