// edgewatt profiles new: from a vendor's register table in CSV to a profile.
#include "field/field.h"

#include "base/file.h"
#include "library/library.h"
#include "library/table.h"
#include "service/paths.h"
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "Usage: edgewatt profiles new TABLE.csv --id ID --family MAKER --model MODEL [OPTIONS]\n"
    "Makes a profile out of a register table and prints it; every mistake is told with its row.\n\n"
    "  --kind KIND       meter (default), breaker, station, pulse, io\n"
    "  --first N         the number that the table gives to address 0: 0 (default), 1, 30001, 40001\n"
    "  --order lsw       values of several registers begin with the least significant one\n"
    "  --document TEXT   title and page of the vendor's document the table was copied from;\n"
    "                    without it the profile is a candidate, which is never written to unasked\n"
    "  --max N           registers that the device gives in one answer (default 125)\n"
    "  --gap MS          silence that it wants between requests\n"
    "  --holes           registers between those of the table may be read along\n\n"
    "Columns, in any order, with a header row: quantity, fc, address, type; and order, words, scale, group,\n"
    "nan, unit where they matter; hex instead of address where the paper's numbers are hexadecimal; note and "
    "description are passed over. `edgewatt profiles quantities` "
    "lists\n"
    "the quantities. A unit as kWh, or 0.1 V for one count, becomes a scale.\n"
    "  edgewatt profiles new acme.csv --id acme-m1 --family Acme --model M1 --first 30001 > acme-m1.json\n";

static void say(const char *file, const struct ew_reason *reason)
{
    fprintf(stderr, "%s: %s%s%s\n", file, reason->path, reason->path[0] ? ": " : "", reason->text);
}

static int usage(const char *problem)
{
    fprintf(stderr, "edgewatt profiles new: %s; --help says more\n", problem);
    return 2;
}

static bool whole(const char *text, int max, int *ret)
{
    char *end;
    long value = strtol(text, &end, 10);
    *ret = (int)value;
    return *text && *end == 0 && value >= 0 && value <= max;
}

static bool kind_named(const char *name, enum profile_kind *ret)
{
    for (int kind = PROFILE_METER; kind <= PROFILE_IO; kind++)
        if (strcmp(profile_kind_name((enum profile_kind)kind), name) == 0) {
            *ret = (enum profile_kind)kind;
            return true;
        }
    return false;
}

static bool order_named(const char *name, bool *ret_lsw)
{
    *ret_lsw = strcmp(name, "lsw") == 0;
    return *ret_lsw || strcmp(name, "msw") == 0;
}

// 0 = go on, else the exit code.
static int read_options(int argc, char **argv, struct table_head *head)
{
    static const struct option names[] = {{"id", required_argument, NULL, 'i'},
                                          {"family", required_argument, NULL, 'f'},
                                          {"model", required_argument, NULL, 'm'},
                                          {"kind", required_argument, NULL, 'k'},
                                          {"first", required_argument, NULL, 'F'},
                                          {"document", required_argument, NULL, 'd'},
                                          {"max", required_argument, NULL, 'x'},
                                          {"gap", required_argument, NULL, 'g'},
                                          {"holes", no_argument, NULL, 'o'},
                                          {"order", required_argument, NULL, 'l'},
                                          {NULL, 0, NULL, 0}};
    for (int c; (c = getopt_long(argc, argv, "", names, NULL)) != -1;) {
        bool good = true;
        if (c == 'i')
            head->id = optarg;
        else if (c == 'f')
            head->family = optarg;
        else if (c == 'm')
            head->model = optarg;
        else if (c == 'd')
            head->document = optarg;
        else if (c == 'o')
            head->holes = true;
        else if (c == 'l')
            good = order_named(optarg, &head->lsw);
        else if (c == 'k')
            good = kind_named(optarg, &head->kind);
        else if (c == 'F')
            good = whole(optarg, 400001, &head->first);
        else if (c == 'x')
            good = whole(optarg, 125, &head->max_registers);
        else if (c == 'g')
            good = whole(optarg, 10000, &head->gap_ms);
        else
            return 2;
        if (!good)
            return usage("a value that is not understood");
    }
    return 0;
}

// Prints the profile, or all that is wrong with the table.
static int print_profile(const char *file, const struct table_head *head)
{
    char share[PATH_MAX];
    struct ew_reason reason;
    struct ew_buf text;
    cJSON *tree = NULL;
    struct table_faults *faults = calloc(1, sizeof(*faults));
    if (!faults)
        abort();
    ew_reason_clear(&reason);
    ew_buf_init(&text, TABLE_BYTES_MAX);
    enum ew_err err = ew_file_read(file, TABLE_BYTES_MAX, &text, &reason);
    if (err == EW_OK)
        err = ew_share_dir(share, &reason);
    if (err != EW_OK)
        say(file, &reason);
    else
        err = table_make(head, ew_buf_text(&text), text.len, share, NULL, &tree, faults);
    for (int i = 0; i < faults->count; i++)
        say(file, &faults->at[i]);
    if (faults->more)
        fprintf(stderr, "%s: and more\n", file);
    ew_buf_clear(&text);
    if (err == EW_OK) {
        table_print(tree, &text);
        fputs(ew_buf_text(&text), stdout);
    }
    cJSON_Delete(tree);
    ew_buf_done(&text);
    free(faults);
    return err == EW_OK ? 0 : 1;
}

int new_profile_main(int argc, char **argv)
{
    struct table_head head = {.kind = PROFILE_METER};
    if (argc > 1 && strcmp(argv[1], "--help") == 0) {
        fputs(help, stdout);
        return 0;
    }
    int code = read_options(argc, argv, &head);
    if (code)
        return code;
    if (optind != argc - 1 || !head.id || !head.family || !head.model)
        return usage("wants one table, --id, --family and --model");
    return print_profile(argv[optind], &head);
}
