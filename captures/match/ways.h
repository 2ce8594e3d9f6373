/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What is between two sources that have seen the same conversation: packets that one has and the other has not yet are
 * kept until it has, or cannot have them any more. Everything here is in the order of the reference clock.
 */
#ifndef MATCH_WAYS_H
#define MATCH_WAYS_H

#include "between.h"

typedef struct way way;

typedef enum {
    PASSAGE_OPEN,
    PASSAGE_SEEN,     /* at the other end too */
    PASSAGE_ABSENT,   /* it ought to be there, and is not */
    PASSAGE_UNJUDGED, /* nobody knows */
} passage_state;

/* A packet at one end of a way. The caller's, who must not free it while it is open. */
typedef struct passage {
    way             *way;
    int64_t          time;
    int64_t          twin_time;
    uint64_t         begin;       /* the first octet of the stream; without any, what is acknowledged */
    uint64_t         whole_begin; /* likewise, with octets that the source had seen before */
    uint32_t         length;      /* octets of the stream, SYN and FIN included */
    uint32_t         whole_length;
    uint32_t         sequence;    /* of a packet without octets */
    uint32_t         number;
    uint32_t         twin_number; /* 0: none yet; while open, of a part of it */
    uint16_t         identification, window;
    uint8_t          flags, hops;
    uint8_t          end;         /* 0: nearer to the client */
    uint8_t          from;        /* stream_side */
    bool             is_copy;     /* the source had seen these octets before */
    uint8_t          state;       /* passage_state */
    struct passage  *next, *previous; /* others that look the same, in a circle */
} passage;

/* What all ways share. */
typedef struct {
    GHashTable *alike; /* of passage * without octets: the first of those that look the same */
} way_set;

void way_set_init(way_set *set);
void way_set_clear(way_set *set);

/* A way whose ends are the pair's sources, which have seen the conversations `ends`. What it finds out is added to the
 * pair. `uncertainty`: of the two clocks against each other; `has_delays`: they are known well enough for delays. */
way *way_new(way_set *set, between_pair *pair, const stream_conversation *const ends[2], int64_t uncertainty,
               bool has_delays);

/* Writes what was counted to the pair. */
void way_free(way *way);

const between_pair        *way_pair(const way *way);
const stream_conversation *way_conversation(const way *way, unsigned end);

/* Nothing arrives later than this. */
int64_t way_horizon(const way *way);

/* When a packet ought to be captured at the other end, by what is known, and how far that may be wrong. */
int64_t way_time_there(const way *way, const passage *packet, int64_t *uncertainty);

/* Takes a packet: it is met by what the other end has, which may decide both, or is kept. */
void way_see(passage *packet);

/* The packet, which is open, will not be seen at the other end: `is_expected` tells whether it ought to have been.
 * `is_early`: it may yet be, but there is no room to wait. */
void way_give_up(passage *packet, bool is_expected, bool is_early);

/* The sender's end has seen so many packets of a direction that had been sent before. */
void way_count_retransmitted(way *way, stream_side from, uint64_t count);


#endif
