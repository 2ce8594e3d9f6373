/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What happened to a conversation between two sources, once their clocks are known: both files are read again side by
 * side in the order of the reference clock, and ranges of the stream that one has seen are looked for at the other.
 * Memory is bounded by what is under way.
 */
#ifndef MATCH_BETWEEN_H
#define MATCH_BETWEEN_H

#include "pairs.h"

typedef struct {
    int64_t  min, median, max; /* ns; of one-way delays, with the clocks' uncertainty in them */
    uint64_t count;            /* 0: none was measured */
} between_delay;

/* One direction of a pair: from the source that is nearer to its sender to the other. Packets are those with SYN,
 * FIN, RST or data; mere acknowledgements are counted apart, as one that is lost does no harm when another follows.
 * What one source has of a time when the other was not capturing counts nowhere. */
typedef struct {
    uint64_t      lost;          /* packets that the sender's side has and the other's has not, or not the whole of:
                                  * each copy counts, so that one that was lost and sent again is one that is lost */
    uint64_t      lost_acknowledgements;
    uint64_t      retransmitted; /* by the sender, as its side shows */
    uint64_t      reordered;
    uint64_t      injected;      /* packets of the other side that the sender's has not: RST, FIN, data */
    uint64_t      lost_large;    /* of the lost: at least as long as the longest that arrived */
    uint64_t      undecided;     /* given up because too many were under way; not among those above */
    bool          is_black_hole; /* large packets leave again and again and never arrive while small ones do */
    bool          has_mss_changed;
    bool          has_ttl_changed; /* routers are between */
    between_delay delay;
} between_direction;

typedef struct {
    pair_group       *group;
    unsigned          sources[2];    /* [0] is nearer to the client */
    between_direction directions[2]; /* by stream_side of the sender */
    bool              is_reset_injected[2]; /* by stream_side in whose name: a RST that it never sent */
} between_pair;

/* What is known of a record when it has been decided. Where it was seen at several others, the next one on its way
 * counts, else the one before. */
typedef struct {
    unsigned     source;
    uint32_t     number;
    int64_t      time;          /* on the reference clock */
    unsigned     twin_source;   /* where it was seen too … */
    uint32_t     twin_number;   /* 0: nowhere */
    int64_t      twin_delay;    /* ns later there */
    bool         is_expected;   /* another source saw the conversation, and captured then: it ought to be there */
    unsigned     absent_source; /* where it ought to be and is not, when twin_number is 0 or another than twin_source */
    bool         is_absent;     /* there is such a source */
} between_fate;

/* Called for every record of every source in the order of the reference clock; `keep` is asked when it is read and
 * gives what `decided` gets back, once. */
typedef struct {
    void *(*keep)(void *user, unsigned source, const match_record *record);
    bool (*decided)(void *user, void *kept, const between_fate *fate, char **problem);
    void *user;
    void (*drop)(void *user, void *kept); /* may be NULL: gets what has not been decided when something went wrong */
} between_sink;

/* `clocks`: of each source against the reference, in their order; the first source is the reference. `sink` may be
 * NULL. Returns the pairs (of between_pair *, owned by the caller), of a group that more than two have seen those
 * that are next to each other on the way; NULL with a problem. Nothing is told of pairs whose clocks are not known. */
GPtrArray *between_find(GPtrArray *sources, const GPtrArray *groups, const clock_estimate *clocks,
                        const between_sink *sink, char **problem);

#endif
