// Any bytes as a register table in CSV: each fault has its words, and a table without any makes a profile
// that is accepted and that printing keeps. The first byte chooses what the table does not say. Run at the
// top of the source tree.
#include "library/table.h"

#include <stdlib.h>
#include <string.h>

#define SHARE "gateway"
enum { PRINTED_MAX = 4 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

static int registers_of(const cJSON *profile)
{
    return cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(profile, "registers"));
}

static void is_kept(const cJSON *profile)
{
    struct ew_buf printed;
    struct ew_reason reason;
    cJSON *again = NULL;
    ew_buf_init(&printed, PRINTED_MAX);
    table_print(profile, &printed);
    must(!printed.full);
    must(ew_json_parse(ew_buf_text(&printed), printed.len, PRINTED_MAX, &again, &reason) == EW_OK);
    must(cJSON_Compare(profile, again, true));
    cJSON_Delete(again);
    ew_buf_done(&printed);
}

static void is_accepted(const cJSON *tree)
{
    struct ew_reason reason;
    struct ew_arena arena;
    struct profile profile;
    size_t memory_size = profile_memory(tree);
    void *memory = malloc(memory_size);
    must(memory != NULL);
    ew_arena_init(&arena, memory, memory_size);
    must(profile_read(tree, &arena, &profile, &reason) == EW_OK);
    must(profile.register_count >= registers_of(tree));
    free(memory);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int first[] = {0, 1, 30001, 40001};
    static struct table_faults faults;
    static struct table_rows rows;
    if (size < 1)
        return 0;
    uint8_t said = data[0];
    const struct table_head head = {.id = "acme-m1",
                                    .family = "Acme",
                                    .model = "M1",
                                    .kind = said & 4 ? PROFILE_STATION : PROFILE_METER,
                                    .document = said & 8 ? "Acme, M1 registers, page 4" : NULL,
                                    .first = first[said & 3],
                                    .lsw = said & 16,
                                    .max_registers = said & 32 ? 20 : 0,
                                    .holes = said & 64};
    cJSON *tree = NULL;
    enum ew_err err = table_profile(&head, (const char *)data + 1, size - 1, &rows, &tree, &faults);
    must((err == EW_OK) == (faults.count == 0));
    must(tree ? rows.count == registers_of(tree) : faults.count > 0);
    if (tree)
        err = table_check(tree, &rows, SHARE, NULL, &faults);
    must((err == EW_OK) == (faults.count == 0) && faults.count <= TABLE_FAULTS_MAX);
    for (int i = 0; i < faults.count; i++)
        must(faults.at[i].code[0] && faults.at[i].text[0]);
    if (err == EW_OK) {
        is_kept(tree);
        is_accepted(tree);
    }
    cJSON_Delete(tree);
    return 0;
}
