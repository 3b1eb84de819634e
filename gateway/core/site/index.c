// Hash tables with open addressing in the caller's arena. FNV-1a; a site file made to collide costs at most
// items^2 comparisons of 4096 devices.
#include "core/site/site_priv.h"

#include <assert.h>

static uint32_t slots_for(size_t items)
{
    uint32_t size = 8;
    while (size < items * 2)
        size *= 2;
    return size;
}

size_t site_index_memory(size_t items)
{
    return slots_for(items) * sizeof(uint32_t) + _Alignof(max_align_t);
}

void site_index_init(struct site_index *index, struct ew_arena *arena, size_t items)
{
    index->size = slots_for(items);
    index->slots = ew_arena_take(arena, index->size, sizeof(uint32_t));
    assert(index->slots);
}

int64_t site_index_find(const struct site_index *index, uint32_t hash, site_same_fn *same, const void *user)
{
    for (uint32_t at = hash & (index->size - 1); index->slots[at]; at = (at + 1) & (index->size - 1))
        if (same(user, index->slots[at] - 1))
            return index->slots[at] - 1;
    return -1;
}

int64_t site_index_put(struct site_index *index, uint32_t hash, uint32_t item, site_same_fn *same,
                       const void *user)
{
    int64_t found = site_index_find(index, hash, same, user);
    if (found >= 0)
        return found;
    uint32_t at = hash & (index->size - 1);
    while (index->slots[at])
        at = (at + 1) & (index->size - 1);
    index->slots[at] = item + 1;
    return -1;
}

uint32_t site_hash(const void *data, size_t len)
{
    const unsigned char *bytes = data;
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ bytes[i]) * 16777619u;
    return hash;
}
