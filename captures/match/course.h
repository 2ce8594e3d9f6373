/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A conversation on its course from the client to the server: the sources that see it, in that order, what each has
 * seen so far, and the ways between them. It exists from the first packet that any of them has to the last.
 */
#ifndef MATCH_COURSE_H
#define MATCH_COURSE_H

#include "ways.h"

/* What a source has seen of a direction. */
typedef struct {
    bool     is_begun;
    uint64_t next;
    uint64_t retransmitted;
    GArray  *holes; /* ranges that others came before; NULL when there is none */
} course_seen;

/* The conversation at one of its sources. */
typedef struct {
    const stream_conversation *conversation;
    way                       *ways[2];       /* to the next source on the client's and the server's side, or NULL */
    int64_t                    shifts[2];     /* from its offsets to those of the first source */
    bool                       has_shifts[2];
    course_seen                directions[2];
    uint32_t                   duplicates;    /* that have come so far */
} course_member;

typedef struct {
    unsigned      left;    /* sources that have packets of it still to come */
    unsigned      records; /* of it that wait to be decided; both are the caller's to count */
    unsigned      count;
    course_member members[]; /* from the client to the server */
} course;

/* `pairs` are those of one group, in their order, with their sources. Of sources whose clocks are not known there
 * is no way to others. */
course *course_new(way_set *set, between_pair *const *pairs, const clock_estimate *clocks);

/* Writes what was counted to the pairs. */
void course_free(course *course);

/* The member of a source, which has one. */
course_member *course_member_of(course *course, unsigned source);

/* Takes a packet that the member's source has at a time of the reference clock. Returns how many passages it has:
 * none when it cannot be compared, one or two: onwards first. */
unsigned course_take(course_member *member, const match_record *record, int64_t time, const wire_segment *segment,
                     passage passages[2]);

#endif
