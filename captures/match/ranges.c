/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A ring of ranges in the order of their offsets.
 */
#include "ranges.h"

#include <glib.h>

/* A range is put before so many others at most. */
#define MOST_MOVED 256

#define FEW 4

static range *
at(const range_queue *queue, uint32_t index)
{
    return &queue->ring[(queue->first + index) & (queue->capacity - 1)];
}

static uint64_t
end_of(const range *range)
{
    return range->begin + range->length;
}

void
range_queue_clear(range_queue *queue)
{
    g_free(queue->ring);
    *queue = (range_queue){ 0 };
}

static void
grow(range_queue *queue)
{
    range_queue larger = { .capacity = MAX(FEW, 2 * queue->capacity), .count = queue->count };

    larger.ring = g_new(range, larger.capacity);
    for (uint32_t i = 0; i < queue->count; i++)
        larger.ring[i] = *at(queue, i);
    g_free(queue->ring);
    *queue = larger;
}

bool
range_queue_insert(range_queue *queue, range new_range)
{
    uint32_t index = queue->count;

    while (index > 0 && queue->count - index <= MOST_MOVED && at(queue, index - 1)->begin >= end_of(&new_range))
        index--;
    if (index > 0 && end_of(at(queue, index - 1)) > new_range.begin)
        return false;
    if (queue->count == queue->capacity)
        grow(queue);
    for (uint32_t i = queue->count; i > index; i--)
        *at(queue, i) = *at(queue, i - 1);
    *at(queue, index) = new_range;
    queue->count++;
    return true;
}

range *
range_queue_find(const range_queue *queue, uint64_t offset)
{
    uint32_t low = 0, high = queue->count;

    if (queue->count == 0)
        return NULL;
    if (end_of(at(queue, 0)) > offset) /* mostly */
        return at(queue, 0);
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (end_of(at(queue, middle)) > offset)
            high = middle;
        else
            low = middle + 1;
    }
    return low < queue->count ? at(queue, low) : NULL;
}

void
range_queue_tidy(range_queue *queue)
{
    while (queue->count > 0 && !at(queue, 0)->owner) {
        queue->first = (queue->first + 1) & (queue->capacity - 1);
        queue->count--;
    }
}
