#include "core/remote/remote.h"

#include <string.h>

enum { WORDS_MAX = 4, STALE_PERIODS = 3 };

uint16_t remote_address(enum remote_kind kind, int64_t id)
{
    static const int bases[] = {REMOTE_DEVICE, REMOTE_CIRCUIT, REMOTE_ZONE, 0};
    if (kind == REMOTE_KIND_SITE)
        return REMOTE_ALL;
    return id >= 1 && id <= REMOTE_IDS ? (uint16_t)(bases[kind] + id) : 0;
}

// The place of an address, or where it would be.
static int place(const struct remote_table *table, uint16_t address)
{
    int low = 0, high = table->count;
    while (low < high) {
        int middle = (low + high) / 2;
        if (table->values[middle].address < address)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool is_at(const struct remote_table *table, int at, uint16_t address)
{
    return at < table->count && table->values[at].address == address;
}

bool remote_set(struct remote_table *table, const struct remote_value *value)
{
    int at = place(table, value->address);
    if (!is_at(table, at, value->address)) {
        if (table->count == REMOTE_VALUES_MAX)
            return false;
        memmove(&table->values[at + 1], &table->values[at],
                (size_t)(table->count - at) * sizeof(*table->values));
        table->count++;
    }
    table->values[at] = *value;
    return true;
}

void remote_remove(struct remote_table *table, uint16_t address)
{
    int at = place(table, address);
    if (!is_at(table, at, address))
        return;
    table->count--;
    memmove(&table->values[at], &table->values[at + 1], (size_t)(table->count - at) * sizeof(*table->values));
}

static bool known(const struct remote_value *value, int64_t up_ms)
{
    if (!(value->wh >= 0 && value->wh < 18446744073709551615.0)) // NaN too
        return false;
    return value->period_ms == 0 || up_ms - value->up_ms <= STALE_PERIODS * value->period_ms;
}

static enum frame_exception find(const struct remote_table *table, uint8_t unit,
                                 const struct frame_request *request, int64_t up_ms, uint64_t *ret)
{
    if (unit != REMOTE_UNIT)
        return FRAME_NO_PATH;
    if (request->function != 3 && request->function != 4)
        return FRAME_ILLEGAL_FUNCTION;
    int at = place(table, request->address);
    if (!is_at(table, at, request->address))
        return FRAME_ILLEGAL_ADDRESS;
    if (request->count > WORDS_MAX)
        return FRAME_ILLEGAL_VALUE;
    if (!known(&table->values[at], up_ms))
        return FRAME_NO_TARGET;
    *ret = (uint64_t)table->values[at].wh;
    bool fits = request->count == WORDS_MAX || *ret >> (16 * request->count) == 0;
    return fits ? FRAME_NO_EXCEPTION : FRAME_ILLEGAL_VALUE;
}

size_t remote_answer(const struct remote_table *table, uint8_t unit, const uint8_t *pdu, size_t len,
                     int64_t up_ms, uint8_t ret_pdu[FRAME_PDU_MAX])
{
    struct frame_request request;
    uint64_t wh = 0;
    uint16_t words[WORDS_MAX];
    enum frame_exception exception = frame_request_read(pdu, len, &request);
    if (exception == FRAME_NO_EXCEPTION)
        exception = find(table, unit, &request, up_ms, &wh);
    if (exception != FRAME_NO_EXCEPTION)
        return frame_answer_exception(pdu[0], exception, ret_pdu);
    for (int i = 0; i < request.count; i++)
        words[i] = (uint16_t)(wh >> (16 * (request.count - 1 - i)));
    return frame_answer_registers(request.function, words, request.count, ret_pdu);
}
