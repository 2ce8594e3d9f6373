/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Which conversation of the proxy with NDES continues which one of a device with the proxy. TLS ends between them, so that
 * nothing of the one is in the other: the engine of dissector/flow tells, by time and size, as it does for one capture that
 * has both.
 */
#ifndef MATCH_ACROSS_H
#define MATCH_ACROSS_H

#include "source.h"

typedef struct across across;

/* `names` of the sources, NULL-terminated. */
across *across_new(const char *const *names);
void    across_free(across *all);

/* Takes a segment that a source has in its record `number`, in order of `time`, which is on the reference clock. */
void across_take(across *all, unsigned source, uint32_t number, const wire_segment *segment, int64_t time);

/* One of the two conversations: the source that counts, and the number of its first record there. */
typedef struct {
    unsigned source;
    uint32_t first_number;
} across_end;

typedef struct {
    across_end  front, inner;
    const char *basis;      /* "decrypted" or "timing" */
    unsigned    confidence; /* percent */
    const char *reason;
} across_link;

/* What continues what, once everything has been taken: of across_link, owned by the caller; strings belong to `all`. */
GArray *across_links(across *all);

#endif
