/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What facts are told about; knowledge.h has their names.
 */
#ifndef FLOW_FACTS_H
#define FLOW_FACTS_H

#include "internal.h"

/* What is narrower than the entry that asks is NULL. */
struct flow_subject {
    flow_model           *model;
    const flow_enrolment *enrolment;
    const flow_part      *part;
    const flow_exchange  *exchange;
    char                  text[512]; /* of the fact that was asked last */
};

/* The fact `name` of a flow_subject (a flow_fact). */
const char *flow_tell(void *subject, const char *name);

#endif
