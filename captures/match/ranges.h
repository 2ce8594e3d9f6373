/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Ranges of a stream that one side has seen and the other has not yet: apart from one another, in the order of their
 * offsets, in a ring. They mostly come and go in that order, so that both cost next to nothing; what does not is
 * bounded.
 */
#ifndef MATCH_RANGES_H
#define MATCH_RANGES_H

#include <stdbool.h>
#include <stdint.h>

/* `owner` is the caller's; a range without one is done, and only waits for those before it. */
typedef struct {
    uint64_t begin;
    uint32_t length, left; /* left: octets that the other side has not seen */
    void    *owner;
} range;

/* Zeroed to begin with. */
typedef struct {
    range   *ring;
    uint32_t capacity, first, count; /* capacity is a power of two */
} range_queue;

void range_queue_clear(range_queue *queue);

/* False when the range touches another one, or would have to be put too far before the last. */
bool range_queue_insert(range_queue *queue, range new_range);

/* The first range that ends behind `offset`, done or not; NULL when there is none. Valid until the queue is changed. */
range *range_queue_find(const range_queue *queue, uint64_t offset);

/* Takes away those at the front that are done. */
void range_queue_tidy(range_queue *queue);

#endif
