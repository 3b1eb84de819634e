#include "core/scan/guess.h"

#include <math.h>
#include <string.h>

enum {
    BITS_MAX = 10, // of one measured value
    BITS_F32 = 8,  // a plausible range is some hundredth of all floating-point patterns
    SIGNATURE_BITS = 40,
    LIKELY_BITS = 10,
    LIKELY_LEAD = 3, // over the next profile
    POSSIBLE_BITS = 3
};

// What is plausible on a low-voltage site, the most telling first.
static const struct plausible {
    const char *quantity;
    double min, max;
} plausible[] = {
    {"frequency", 45, 66},     {"voltage_l1_n", 80, 300},         {"voltage_l1_l2", 130, 520},
    {"voltage_l2_n", 80, 300}, {"rated_current", 6, 125},         {"power_factor", -1, 1},
    {"temperature", -30, 110}, {"current_l1", 0.01, 6300},        {"current_limit", 1, 125},
    {"active_power", 1, 2e6},  {"active_energy_import", 1, 1e12},
};

size_t guess_memory(int profile_count)
{
    size_t clues = (size_t)profile_count * GUESS_CLUES_MAX;
    return clues * (sizeof(struct guess_clue) + sizeof(struct guess_question)) + 4 * _Alignof(max_align_t);
}

// ---- Clues -----------------------------------------------------------------------------------------------

static double no_param(const void *user, const char *name, double fallback)
{
    (void)user;
    (void)name;
    return fallback;
}

static bool is_fixed(const struct profile_register *r)
{
    return !r->fc.param[0] && !r->address.param[0] && !r->words.param[0] && !r->scale.param[0];
}

// How much a value in min..max would surprise in a register of this type.
static double surprise(const struct profile_register *r, const struct profile_bound *bound, double min,
                       double max)
{
    if (r->type == PROFILE_F32 || r->type == PROFILE_F64)
        return BITS_F32;
    double scale = fabs(bound->scale) > 0 ? fabs(bound->scale) : 1;
    double fitting = (max - min) / scale + 1, all = ldexp(1, 16 * bound->words), bits = 0;
    while (fitting * 2 <= all && bits < BITS_MAX) {
        all /= 2;
        bits++;
    }
    return bits;
}

static uint16_t question_of(struct guess_book *book, const struct profile_bound *bound)
{
    int words = bound->words < GUESS_WORDS_MAX ? bound->words : GUESS_WORDS_MAX;
    for (int i = 0; i < book->question_count; i++) {
        const struct guess_question *q = &book->questions[i];
        if (q->fc == bound->fc && q->address == bound->address && q->count == words)
            return (uint16_t)i;
    }
    book->questions[book->question_count] =
        (struct guess_question){.fc = bound->fc, .count = (uint8_t)words, .address = bound->address};
    return (uint16_t)book->question_count++;
}

static bool add_clue(struct guess_book *book, int profile, int index, double min, double max, bool signature)
{
    const struct profile *p = book->profiles[profile];
    const struct profile_register *r = &p->registers[index];
    struct profile_bound bound;
    if (!is_fixed(r) || profile_bind(p, index, no_param, NULL, &bound, NULL) != EW_OK || bound.fc < 3)
        return false;
    struct guess_clue *clue = &book->clues[book->clue_count];
    *clue = (struct guess_clue){.profile = (uint16_t)profile,
                                .index = (uint16_t)index,
                                .signature = signature,
                                .bits = signature ? SIGNATURE_BITS : surprise(r, &bound, min, max),
                                .min = min,
                                .max = max};
    if (clue->bits < 1)
        return false;
    clue->question = question_of(book, &bound);
    book->clue_count++;
    return true;
}

static void add_profile(struct guess_book *book, int profile)
{
    const struct profile *p = book->profiles[profile];
    int clues = 0;
    if (p->identify_register >= 0)
        clues += add_clue(book, profile, p->identify_register, 0, 0, true);
    for (size_t i = 0; i < sizeof(plausible) / sizeof(plausible[0]) && clues < GUESS_CLUES_MAX; i++) {
        int index = profile_find(p, plausible[i].quantity);
        if (index < 0)
            continue;
        const struct profile_register *r = &p->registers[index];
        if (r->scale_from[0] < 0 && r->sign_from < 0 && r->type != PROFILE_STRING)
            clues += add_clue(book, profile, index, plausible[i].min, plausible[i].max, false);
    }
}

enum ew_err guess_book_build(const struct profile *const *profiles, int profile_count, struct ew_arena *arena,
                             struct guess_book *ret)
{
    size_t clues = (size_t)profile_count * GUESS_CLUES_MAX;
    *ret = (struct guess_book){.profile_count = profile_count, .profiles = profiles};
    ret->questions = ew_arena_take(arena, clues, sizeof(*ret->questions));
    ret->clues = ew_arena_take(arena, clues, sizeof(*ret->clues));
    if (profile_count > 0 && (!ret->questions || !ret->clues))
        return EW_E_FULL;
    for (int i = 0; i < profile_count; i++)
        add_profile(ret, i);
    return EW_OK;
}

// ---- Scores ----------------------------------------------------------------------------------------------

static bool fits_signature(const struct profile *p, const struct profile_value *v)
{
    for (int i = 0; i < p->identify_count; i++) {
        const struct profile_identity *want = &p->identify[i];
        if (want->text[0] ? strncmp(v->text, want->text, strlen(want->text)) == 0 : v->raw == want->raw)
            return true;
    }
    return false;
}

struct score {
    bool out; // can't be this model
    bool sure;
    double bits;
};

static void weigh(const struct guess_book *book, const struct guess_clue *clue,
                  const struct guess_answer *answer, struct score *score)
{
    const struct profile *p = book->profiles[clue->profile];
    struct profile_bound bound;
    struct profile_value v;
    if (answer->heard == GUESS_REFUSED && !clue->signature) // older firmware may not have the signature
        score->out = true;
    if (answer->heard != GUESS_READ || profile_bind(p, clue->index, no_param, NULL, &bound, NULL) != EW_OK)
        return;
    profile_decode(p, clue->index, &bound, answer->registers, &v);
    if (clue->signature) {
        score->sure = fits_signature(p, &v);
        score->out |= !score->sure;
        score->bits += score->sure ? clue->bits : 0;
        return;
    }
    // No value, and 0 where nothing is connected: neither for nor against.
    if (v.quality != PROFILE_GOOD || v.raw == 0 || !(fabs(v.number) > 0))
        return;
    double value =
        p->registers[clue->index].divide_above > 0 && v.number > p->registers[clue->index].divide_above
            ? v.number / 10
            : v.number;
    if (value >= clue->min && value <= clue->max)
        score->bits += clue->bits;
    else
        score->bits -= BITS_MAX;
}

// first: the profile's first clue. Returns the index behind its last.
static int score_of(const struct guess_book *book, int first, const struct guess_answer *answers,
                    struct score *ret)
{
    int profile = book->clues[first].profile, i = first;
    *ret = (struct score){0};
    for (; i < book->clue_count && book->clues[i].profile == profile; i++)
        weigh(book, &book->clues[i], &answers[book->clues[i].question], ret);
    return i;
}

int guess_next(const struct guess_book *book, const struct guess_answer *answers)
{
    int asked = 0, silent = 0, end = 0;
    for (int i = 0; i < book->question_count; i++) {
        asked += answers[i].heard != GUESS_NOT_ASKED;
        silent += answers[i].heard == GUESS_SILENT;
    }
    if (asked >= GUESS_ASK_MAX || silent >= GUESS_SILENT_MAX)
        return -1;
    // Signatures first; they may settle it.
    for (int i = 0; i < book->clue_count; i++)
        if (book->clues[i].signature && answers[book->clues[i].question].heard == GUESS_NOT_ASKED)
            return book->clues[i].question;
    for (int first = 0; first < book->clue_count; first = end) {
        struct score score;
        end = score_of(book, first, answers, &score);
        for (int i = first; i < end && !score.out && score.bits > -BITS_MAX; i++)
            if (answers[book->clues[i].question].heard == GUESS_NOT_ASKED)
                return book->clues[i].question;
    }
    return -1;
}

enum { RANKED = GUESS_BEST + 1 }; // one more than is told, for the lead over it

static void insert(struct guess list[RANKED], int *count, struct guess one)
{
    int at = *count;
    while (at > 0 && list[at - 1].bits < one.bits)
        at--;
    if (at == RANKED)
        return;
    int last = *count < RANKED ? (*count)++ : RANKED - 1;
    for (int i = last; i > at; i--)
        list[i] = list[i - 1];
    list[at] = one;
}

int guess_rank(const struct guess_book *book, const struct guess_answer *answers,
               struct guess ret[GUESS_BEST])
{
    struct guess list[RANKED];
    int count = 0;
    for (int first = 0, end = 0; first < book->clue_count; first = end) {
        struct score score;
        end = score_of(book, first, answers, &score);
        if (score.out || (!score.sure && score.bits < POSSIBLE_BITS))
            continue;
        insert(
            list, &count,
            (struct guess){book->clues[first].profile, score.sure ? GUESS_SURE : GUESS_POSSIBLE, score.bits});
    }
    if (count > 0 && list[0].sure != GUESS_SURE && list[0].bits >= LIKELY_BITS &&
        (count == 1 || list[0].bits - list[1].bits >= LIKELY_LEAD))
        list[0].sure = GUESS_LIKELY;
    int told = count < GUESS_BEST ? count : GUESS_BEST;
    for (int i = 0; i < told; i++)
        ret[i] = list[i];
    return told;
}

const char *guess_sure_name(enum guess_sure sure)
{
    static const char *const names[] = {"possible", "likely", "sure"};
    return names[sure];
}
