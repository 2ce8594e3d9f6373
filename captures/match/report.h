/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What scepmatch says: for people, and as JSON (one object).
 */
#ifndef MATCH_REPORT_H
#define MATCH_REPORT_H

#include "across.h"
#include "between.h"

/* Everything that is known in the end. */
typedef struct {
    GPtrArray            *sources;   /* of match_source * */
    const uint64_t       *records;   /* of each source, those that the filter took */
    const clock_estimate *clocks;    /* of each source; that of the reference is the identity */
    const int            *tied_by;   /* for each source the one that its clock was compared with; -1: none, or the reference */
    const GPtrArray      *groups;    /* of pair_group * */
    const GPtrArray      *pairs;     /* of between_pair * */
    const GArray         *links;     /* of across_link */
} match_result;

void report_text(GString *out, const match_result *result);
void report_json(GString *out, const match_result *result);

#endif
