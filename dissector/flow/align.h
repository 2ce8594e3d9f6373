/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The requests of an enrolment laid against the stages of an expected flow, for compare.c and parts.c alone.
 */
#ifndef FLOW_ALIGN_H
#define FLOW_ALIGN_H

#include "internal.h"

/* Where each exchange of a group stands in a flow. */
typedef struct {
    const flow_expected *flow;
    int                 *stage;  /* for each exchange its stage's index, or -1 */
    bool                *is_late; /* for each exchange: a later stage came before it */
    const flow_exchange ***taken; /* for each stage and step the exchange that took it, or NULL */
    unsigned             cost;
} flow_alignment;

/* The flow that fits a group best, and where its requests stand in it; NULL when none does. */
flow_alignment *flow_choose(flow_model *model, const flow_group *group);
void            flow_alignment_free(flow_alignment *one);

const flow_stage *flow_stage_at(const flow_expected *flow, unsigned index);

/* parts.c: makes the parts of the group's enrolment, and says how each request went. */
void flow_add_parts(flow_model *model, flow_group *group, const flow_alignment *one);

/* parts.c: the role of a conversation in which NDES takes this step. */
const char *flow_role_behind(flow_step step);

#endif
