/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What happened to a conversation between two sources, once their clocks are known: both files are read again side by side
 * in the order of the reference clock, and ranges of the stream that one has seen are looked for at the other. Memory is
 * bounded by what is under way.
 */
#ifndef MATCH_BETWEEN_H
#define MATCH_BETWEEN_H

#include "pairs.h"

typedef struct {
    int64_t  min, median, max; /* ns; of one-way delays, with the clocks' uncertainty in them */
    uint64_t count;            /* 0: none was measured */
} between_delay;

/* One direction of a pair: from the source that is nearer to its sender to the other. */
typedef struct {
    uint64_t      lost;          /* packets that the sender's side has and the other's has not (nor a later copy that it was
                                  * captured from elsewhere) */
    uint64_t      retransmitted; /* by the sender, as its side shows */
    uint64_t      reordered;
    uint64_t      injected;      /* packets of the other side that the sender's has not: RST, FIN, data */
    uint64_t      lost_large;    /* of the lost: at least as long as the longest that arrived */
    bool          is_black_hole; /* large packets leave again and again and never arrive while small ones do */
    bool          has_mss_changed, has_ttl_changed;
    between_delay delay;
} between_direction;

typedef struct {
    pair_group       *group;
    unsigned          sources[2];    /* [0] is nearer to the client */
    between_direction directions[2]; /* by stream_side of the sender */
    bool              is_reset_injected[2]; /* by stream_side in whose name: a RST that it never sent */
} between_pair;

/* What is known of a record when it has been decided. */
typedef struct {
    unsigned     source;
    uint32_t     number;
    int64_t      time;          /* on the reference clock */
    unsigned     twin_source;   /* where it was seen too … */
    uint32_t     twin_number;   /* 0: nowhere */
    int64_t      twin_delay;    /* ns later there */
    bool         is_expected;   /* the conversation was seen at another source at that time, so that it ought to be there */
    unsigned     absent_source; /* where it ought to be and is not */
} between_fate;

/* Called for every record of every source in the order of the reference clock; `keep` is asked when it is read and gives
 * what `decided` gets back. */
typedef struct {
    void *(*keep)(void *user, unsigned source);
    bool (*decided)(void *user, void *kept, const between_fate *fate, char **problem);
    void *user;
} between_sink;

/* `clocks`: of each source against the reference, in their order. `sink` may be NULL. Returns the pairs (of between_pair *,
 * owned by the caller); NULL with a problem. */
GPtrArray *between_find(GPtrArray *sources, const GPtrArray *groups, const clock_estimate *clocks,
                        const between_sink *sink, char **problem);

#endif
