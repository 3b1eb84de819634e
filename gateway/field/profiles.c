// edgewatt profiles: what models can be read, and how sure that is.
#include "field/field.h"

#include "library/library.h"
#include "service/paths.h"
#include <getopt.h>
#include <stdio.h>
#include <string.h>

static const char help[] =
    "Usage: edgewatt profiles [--json] [--data DIR]\n"
    "       edgewatt profiles new TABLE.csv --id ID --family F --model M ...  (--help says more)\n"
    "       edgewatt profiles quantities          (what a profile may call a value, and its unit)\n"
    "Lists the device profiles: id, kind, family, model, confidence, pieces of evidence from outside.\n\n"
    "  --json       one JSON array\n"
    "  --data DIR   the user's profiles of this data folder too (marked *)\n\n"
    "confidence: document (a vendor's document, or a frame or dump of a real device), driver (in a\n"
    "maintained open driver), candidate (inferred), none (no public table).\n";

struct listing {
    bool json;
    const char *data_dir;
    int problems;
};

static void on_problem(void *user, const char *path, const struct ew_reason *reason)
{
    struct listing *listing = user;
    listing->problems++;
    fprintf(stderr, "%s:%s: %s\n", path, reason->path, reason->text);
}

static void put_catalogue(struct ew_jw *w, const struct profile *profile)
{
    ew_jw_open_array(w, "catalogue");
    for (int i = 0; i < profile->catalogue_count; i++)
        ew_jw_text(w, NULL, profile->catalogue[i]);
    ew_jw_close_array(w);
    ew_jw_open_array(w, "asks");
    for (int i = 0; i < PROFILE_ASK_COUNT; i++)
        if (profile->asks & 1u << i)
            ew_jw_text(w, NULL, profile_asks[i]);
    ew_jw_close_array(w);
    ew_jw_open_array(w, "offers");
    for (int i = 0; i < profile->offer_count; i++)
        ew_jw_text(w, NULL, profile->offers[i]);
    ew_jw_close_array(w);
}

static void print_json(const struct library *library)
{
    struct ew_buf buf;
    struct ew_jw w;
    ew_buf_init(&buf, 16 << 20);
    ew_jw_init(&w, &buf);
    ew_jw_open_array(&w, NULL);
    for (int i = 0; i < library_count(library); i++) {
        const struct library_entry *entry = library_at(library, i);
        ew_jw_open_object(&w, NULL);
        ew_jw_text(&w, "id", entry->profile.id);
        ew_jw_text(&w, "family", entry->profile.family);
        ew_jw_text(&w, "model", entry->profile.model);
        ew_jw_text(&w, "version", entry->profile.version);
        ew_jw_text(&w, "kind", profile_kind_name(entry->profile.kind));
        ew_jw_text(&w, "confidence", profile_confidence_name(entry->profile.confidence));
        ew_jw_int(&w, "evidence", entry->profile.evidence_count);
        ew_jw_bool(&w, "own", entry->own);
        ew_jw_open_array(&w, "aliases");
        for (int k = 0; k < entry->alias_count; k++)
            ew_jw_text(&w, NULL, entry->aliases[k]);
        ew_jw_close_array(&w);
        put_catalogue(&w, &entry->profile);
        ew_jw_open_array(&w, "quantities");
        for (int k = 0; k < entry->profile.register_count; k++)
            if (!entry->profile.registers[k].hidden)
                ew_jw_text(&w, NULL, entry->profile.registers[k].quantity);
        ew_jw_close_array(&w);
        ew_jw_close_object(&w);
    }
    ew_jw_close_array(&w);
    printf("%s\n", ew_buf_text(&buf));
    ew_buf_done(&buf);
}

static void print_table(const struct library *library)
{
    static const char row[] = "%s%-*s  %-8s  %-*s  %-*s  %-10s  %s\n";
    int id = 2, family = 6, model = 5; // widths in bytes are good enough: names are mostly ASCII
    for (int i = 0; i < library_count(library); i++) {
        const struct profile *profile = &library_at(library, i)->profile;
        id = (int)strlen(profile->id) > id ? (int)strlen(profile->id) : id;
        family = (int)strlen(profile->family) > family ? (int)strlen(profile->family) : family;
        model = (int)strlen(profile->model) > model ? (int)strlen(profile->model) : model;
    }
    printf(row, " ", id, "ID", "KIND", family, "FAMILY", model, "MODEL", "CONFIDENCE", "EVIDENCE");
    for (int i = 0; i < library_count(library); i++) {
        const struct library_entry *entry = library_at(library, i);
        const struct profile *profile = &entry->profile;
        char evidence[12];
        (void)ew_format(evidence, sizeof(evidence), "%d", profile->evidence_count);
        printf(row, entry->own ? "*" : " ", id, profile->id, profile_kind_name(profile->kind), family,
               profile->family, model, profile->model, profile_confidence_name(profile->confidence),
               evidence);
    }
}

static int print_quantities(void)
{
    char name[PROFILE_NAME_MAX];
    for (int i = 0; profile_quantity_at(i, name); i++) {
        const char *unit = "";
        (void)profile_quantity_known(name, &unit);
        printf("%-32s%s%s\n", name, unit[0] ? " " : "", unit);
    }
    puts("\n_mean, _min or _max may follow what is measured; partial_ goes before energies and volume; a "
         "harmonic\n"
         "ends with its order (2 to 63), inputs and outputs with their number.");
    return 0;
}

int profiles_main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "quantities") == 0)
        return print_quantities();
    if (argc > 1 && strcmp(argv[1], "new") == 0)
        return new_profile_main(argc - 1, argv + 1);
    static const struct option names[] = {{"json", no_argument, NULL, 'j'},
                                          {"data", required_argument, NULL, 'd'},
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
    struct listing listing = {0};
    for (int c; (c = getopt_long(argc, argv, "", names, NULL)) != -1;) {
        if (c == 'h') {
            fputs(help, stdout);
            return 0;
        }
        if (c == 'j')
            listing.json = true;
        else if (c == 'd')
            listing.data_dir = optarg;
        else
            return 2;
    }
    if (optind != argc) {
        fputs(help, stderr);
        return 2;
    }
    char share[PATH_MAX];
    struct ew_reason reason;
    struct library *library = NULL;
    if (ew_share_dir(share, &reason) != EW_OK ||
        library_load(share, listing.data_dir, on_problem, &listing, &library, &reason) != EW_OK) {
        fprintf(stderr, "edgewatt profiles: %s: %s\n", reason.path, reason.text);
        return 1;
    }
    if (listing.json)
        print_json(library);
    else
        print_table(library);
    library_free(library);
    return listing.problems ? 1 : 0;
}
