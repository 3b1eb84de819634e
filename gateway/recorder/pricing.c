#include "recorder/pricing_priv.h"

#include "base/buf.h"
#include <stdlib.h>
#include <string.h>

struct pricing *pricing_new(struct store *store, const struct sampler *sampler)
{
    struct pricing *p = calloc(1, sizeof(*p));
    if (!p)
        abort();
    p->store = store;
    p->sampler = sampler;
    p->zone = (struct calendar_zone){.count = 1, .transitions = {{INT64_MIN, 0}}};
    ew_copy(p->currency, sizeof(p->currency), "EUR");
    pricing_plan(p);
    return p;
}

void pricing_free(struct pricing *p)
{
    if (!p)
        return;
    free(p->sums);
    free(p);
}

int64_t pricing_date(struct calendar_date date)
{
    return (int64_t)date.year * 10000 + date.month * 100LL + date.day;
}

struct calendar_date pricing_date_split(int64_t date)
{
    return (struct calendar_date){(int)(date / 10000), (int)(date / 100 % 100), (int)(date % 100)};
}

int pricing_digits(const struct pricing *p)
{
    return tariff_currency_digits(p->currency);
}

const char *pricing_currency(const struct pricing *p)
{
    return p->currency;
}

// ---- Configuration ---------------------------------------------------------------------------------------

static void changed(struct pricing *p, int64_t now_ms)
{
    p->changed_ms = now_ms > 0 ? now_ms : 1;
}

void pricing_site(struct pricing *p, const struct calendar_zone *zone, const char *currency, int64_t now_ms)
{
    p->zone = *zone;
    p->zoned = true;
    ew_copy(p->currency, sizeof(p->currency), currency);
    changed(p, now_ms);
}

const struct site_tariff *pricing_tariff_of(const struct pricing *p, int64_t id)
{
    for (int i = 0; i < p->tariff_count; i++)
        if (p->tariffs[i].id == id)
            return &p->tariffs[i];
    return NULL;
}

// Prices and names need no rebuild: they are looked up when a question is answered.
void pricing_tariff(struct pricing *p, int64_t id, const struct site_tariff *tariff, int64_t now_ms)
{
    (void)now_ms;
    int at = 0;
    while (at < p->tariff_count && p->tariffs[at].id != id)
        at++;
    if (tariff && at < PRICING_TARIFFS_MAX) {
        p->tariffs[at] = *tariff;
        p->tariff_count += at == p->tariff_count;
    } else if (!tariff && at < p->tariff_count) {
        p->tariffs[at] = p->tariffs[--p->tariff_count];
    }
}

void pricing_rule(struct pricing *p, int64_t id, const struct site_cost_rule *rule, int64_t now_ms)
{
    int at = 0;
    while (at < p->rule_count && p->rules[at].id != id)
        at++;
    if (rule && at < PRICING_RULES_MAX) {
        p->rules[at] = *rule;
        p->rule_count += at == p->rule_count;
    } else if (!rule && at < p->rule_count) {
        p->rules[at] = p->rules[--p->rule_count];
    }
    changed(p, now_ms);
}

static int by_order(const void *a, const void *b)
{
    const struct site_cost_rule *one = a, *other = b;
    if (one->order != other->order)
        return one->order < other->order ? -1 : 1;
    return (one->id > other->id) - (one->id < other->id);
}

static void hash(uint64_t *state, int64_t value)
{
    for (int i = 0; i < 8; i++) // FNV-1a
        *state = (*state ^ ((uint64_t)value >> (8 * i) & 0xFF)) * 1099511628211U;
}

void pricing_plan(struct pricing *p)
{
    uint64_t state = 14695981039346656037U;
    hash(&state, p->services_hash);
    qsort(p->rules, (size_t)p->rule_count, sizeof(*p->rules), by_order);
    for (int service = 0; service < SITE_SERVICE_COUNT; service++) {
        struct tariff_rule rules[PRICING_RULES_MAX];
        int count = 0;
        hash(&state, service);
        for (int i = 0; i < p->rule_count; i++) {
            const struct tariff_rule *r = &p->rules[i].rule;
            if ((int)p->rules[i].service != service)
                continue;
            rules[count++] = *r;
            const int64_t fields[] = {r->tariff,   r->from_date, r->to_date, r->yearly,
                                      r->from_min, r->to_min,    r->weekdays};
            for (size_t f = 0; f < sizeof(fields) / sizeof(fields[0]); f++)
                hash(&state, fields[f]);
        }
        if (!tariff_plan_make(rules, count,
                              &p->plans[service])) // config does not let more than five tariffs in
            (void)tariff_plan_make(rules, 0, &p->plans[service]);
    }
    for (int i = 0; i < p->zone.count; i++) {
        hash(&state, p->zone.transitions[i].at_s);
        hash(&state, p->zone.transitions[i].offset_s);
    }
    p->rules_hash = (int64_t)(state >> 1);
}

// A gas or water meter that becomes known, or a device that begins to count something else: what was made of
// its past goes by other rules now. Places and exclusion need no rebuild: they are looked up by questions.
void pricing_note_services(struct pricing *p, int64_t now_ms)
{
    int count;
    const struct history_member *members = sampler_members(p->sampler, &count);
    uint64_t state = 14695981039346656037U;
    for (int i = 0; i < count; i++) {
        bool first = i == 0 || members[i - 1].device != members[i].device;
        enum site_service before = first ? SITE_ELECTRICITY : members[i - 1].place.service;
        if (members[i].place.service == before)
            continue;
        hash(&state, members[i].device);
        hash(&state, members[i].since_s);
        hash(&state, members[i].place.service);
    }
    if ((int64_t)(state >> 1) == p->services_hash)
        return;
    p->services_hash = (int64_t)(state >> 1);
    changed(p, now_ms);
}

enum ew_err pricing_load(struct pricing *p, struct ew_reason *reason)
{
    pricing_note_services(p, 1);
    pricing_plan(p);
    return pricing_load_state(p, reason);
}
