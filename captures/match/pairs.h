/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The same conversation at several sources: by TLS randoms and session id, by initial sequence numbers, by payload; through
 * address and port translation, rewritten sequence numbers, loss and truncation.
 */
#ifndef MATCH_PAIRS_H
#define MATCH_PAIRS_H

#include "clock.h"
#include "streams.h"

typedef enum { PAIR_TLS_RANDOM, PAIR_SEQUENCE, PAIR_PAYLOAD } pair_basis;

const char *pair_basis_name(pair_basis basis); /* "tls-random", "sequence", "payload" */

/* One conversation as all have seen it. */
typedef struct {
    GPtrArray *seen; /* of stream_conversation *, at most one for each source, by source */
    pair_basis basis;
} pair_group;

/* `tables`: of stream_table *, one for each source (NULL for logs). Returns all conversations (of pair_group *), those that
 * several have seen and those that one has; owned by the caller, freed with the array. `fits`: for each source the clock_fit
 * of its clock against that of `reference[source]`, which it fills with the events that the pairs have in common (NULL
 * where it has to find out first who shares what: see pairs_share()). */
GPtrArray *pairs_find(const GPtrArray *tables);

/* How many conversations two sources share. */
unsigned pairs_share(const GPtrArray *groups, unsigned one, unsigned other);

/* Adds the events that two sources have in common to `fit`: `reference` is the source whose clock is the reference. Which
 * of the two is nearer to the client is found out from the events themselves (TTL, and who has a packet first when the
 * other direction contradicts); returns that source. */
unsigned pairs_events(const GPtrArray *groups, unsigned reference, unsigned other, clock_fit *fit);

#endif
