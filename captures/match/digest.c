/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The median of many numbers.
 */
#include "digest.h"

#include <stdlib.h>
#include <string.h>

#include <glib.h>

#define MOST 128
#define FEW  8

void
digest_add(digest *digest, int64_t value)
{
    digest->least = digest->count == 0 ? value : MIN(digest->least, value);
    digest->most = digest->count == 0 ? value : MAX(digest->most, value);
    digest->stride = MAX(digest->stride, 1);
    if (digest->count++ % digest->stride != 0)
        return;
    if (digest->kept == MOST) {
        digest->kept = 0;
        digest->stride *= 2;
        for (unsigned i = 0; i < MOST; i += 2)
            digest->values[digest->kept++] = digest->values[i];
    }
    /* Room doubles whenever it is full; halving leaves it as it is. */
    if (digest->kept == 0 || (digest->kept >= FEW && (digest->kept & (digest->kept - 1)) == 0))
        digest->values = g_renew(int64_t, digest->values, MAX(FEW, 2 * digest->kept));
    digest->values[digest->kept++] = value;
}

static int
by_value(const void *a, const void *b)
{
    const int64_t *one = a, *other = b;

    return *one < *other ? -1 : *one > *other;
}

int64_t
digest_median(digest *digest)
{
    if (digest->kept == 0)
        return 0;
    qsort(digest->values, digest->kept, sizeof *digest->values, by_value);
    return digest->values[(digest->kept - 1) / 2];
}

void
digest_clear(digest *digest)
{
    g_free(digest->values);
    memset(digest, 0, sizeof *digest);
}
