#include "base/arena.h"

#include <stdint.h>
#include <string.h>

void ew_arena_init(struct ew_arena *arena, void *block, size_t size)
{
    *arena = (struct ew_arena){.block = block, .size = size};
}

void *ew_arena_take(struct ew_arena *arena, size_t count, size_t size)
{
    size_t align = _Alignof(max_align_t);
    size_t misfit = ((uintptr_t)arena->block + arena->used) % align;
    size_t start = arena->used + (misfit ? align - misfit : 0);
    if (start > arena->size || (size && count > (arena->size - start) / size))
        return NULL;
    arena->used = start + count * size;
    memset(arena->block + start, 0, count * size);
    return arena->block + start;
}
