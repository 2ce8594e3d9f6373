/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The same conversation at several sources: by TLS randoms and session id, by initial sequence numbers, by payload;
 * through address and port translation, rewritten sequence numbers, loss and truncation.
 */
#ifndef MATCH_PAIRS_H
#define MATCH_PAIRS_H

#include "clock.h"
#include "streams.h"

typedef enum { PAIR_TLS_RANDOM, PAIR_SEQUENCE, PAIR_PAYLOAD } pair_basis;

const char *pair_basis_name(pair_basis basis); /* "tls-random", "sequence", "payload" */

/* Why a conversation has no fellow at a source, the more telling the later. */
typedef enum {
    PAIR_SEEN,       /* it has */
    PAIR_NOT_SOUGHT, /* a log, or no TCP there at all */
    PAIR_UNLIKE,
    PAIR_OUTSIDE,    /* the source has nothing of that time: found by pairs_explain() */
    PAIR_NAMELESS,   /* neither its begin nor any payload was captured */
    PAIR_ALIKE,      /* several there may be it */
    PAIR_TAKEN,      /* what is like it there is like another one at its own source, too */
} pair_absence;

/* One conversation as all have seen it. */
typedef struct {
    GPtrArray    *seen; /* of stream_conversation *, at most one for each source, by source */
    pair_basis    basis; /* the weakest that was needed */
    pair_absence *absent; /* for each source */
    const char   *reason; /* why one alone has it, the most telling for all other sources; NULL when several have */
} pair_group;

/* `tables`: of stream_table *, one for each source (NULL for logs). Returns all conversations (of pair_group *),
 * those that several have seen and those that one has; owned by the caller, freed with the array. In the order of
 * the sources, and of each source's conversations. */
GPtrArray *pairs_find(const GPtrArray *tables);

/* Adds what only the clocks tell to why conversations are alone. `clocks`: of each source against the reference. */
void pairs_explain(const GPtrArray *groups, const GPtrArray *tables, const clock_estimate *clocks);

/* How many conversations two sources share. */
unsigned pairs_share(const GPtrArray *groups, unsigned one, unsigned other);

/* Adds the events that two sources have in common to `fit`: `reference` is the source whose clock is the reference.
 * Which of the two is nearer to the client is found out from the events themselves, for each conversation: TTL, and
 * where that says nothing or contradicts itself, who waits longer for what comes back. Returns which one it is most
 * often. */
unsigned pairs_events(const GPtrArray *groups, unsigned reference, unsigned other, clock_fit *fit);

/* What a source has of a group, or NULL. */
stream_conversation *pairs_seen_by(const pair_group *group, unsigned source);

/* More than 0 when `one` was captured nearer to the client than `other`, less when further away, 0 when nothing
 * tells. */
int pairs_order(const pair_group *group, const stream_conversation *one, const stream_conversation *other);

/* Which of two sources is nearer to the client in most of what they share; `one` when nothing tells. */
unsigned pairs_nearer(const GPtrArray *groups, unsigned one, unsigned other);

/* What is to be added to an offset in `other`'s stream of a side to get that in `one`'s. False when nobody knows. */
bool pairs_shift(const pair_group *group, const stream_conversation *one, const stream_conversation *other,
                 stream_side side, int64_t *shift);

#endif
