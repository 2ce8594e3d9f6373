/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The median of many numbers in little memory: of more than 128, every second, fourth … counts.
 */
#ifndef MATCH_DIGEST_H
#define MATCH_DIGEST_H

#include <stdint.h>

/* Zeroed to begin with. */
typedef struct {
    int64_t  least, most;
    uint64_t count;
    uint64_t stride;
    unsigned kept;
    int64_t *values;
} digest;

void    digest_add(digest *digest, int64_t value);
int64_t digest_median(digest *digest); /* 0 when there is nothing; of an even number, the lower one in the middle */
void    digest_clear(digest *digest);

#endif
