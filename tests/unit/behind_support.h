/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the tests of dissector/flow/behind.c share.
 */
#ifndef TESTS_BEHIND_SUPPORT_H
#define TESTS_BEHIND_SUPPORT_H

#include "flow_support.h"

/* A web server that has nothing to do with enrolments. */
#define OTHER_SERVER "203.0.113.80"

/* The call was joined to this PKIOperation, so surely and for this reason. */
void assert_joined(const flow_exchange *call, const flow_exchange *operation, unsigned confidence, const char *reason);

/* It is of no PKIOperation. */
void assert_alone(const flow_exchange *call);

void assert_leg(const flow_conversation *conversation, const char *leg);

/* The file's only enrolment, as of `time`. */
const flow_enrolment *only(flow_model *model, int64_t time);

/* A conversation of NDES with the registration point. */
flow_conversation *begin_crp(flow_model *model, int64_t time);

/* A PKIOperation at 100 that NDES refuses at 2000. */
flow_exchange *refused_operation(flow_model *model);

#endif
