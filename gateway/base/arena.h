// Memory for pure code: the caller lends a block, the core carves it up and never frees. Pure.
#ifndef EDGEWATT_BASE_ARENA_H
#define EDGEWATT_BASE_ARENA_H

#include <stddef.h>

struct ew_arena {
    unsigned char *block; // owned by the caller
    size_t size;
    size_t used;
};

void ew_arena_init(struct ew_arena *arena, void *block, size_t size);

// `count` zeroed items of `size` bytes, aligned for any type; NULL when the block is full.
void *ew_arena_take(struct ew_arena *arena, size_t count, size_t size);

#endif
