/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the tests of dissector/flow/behind.c share.
 */
#include "behind_support.h"

/* RFC 8894 3.2.1.4 */
enum { BAD_REQUEST = 2 };

void
assert_joined(const flow_exchange *call, const flow_exchange *operation, unsigned confidence, const char *reason)
{
    g_assert_true(call->operation_of == operation);
    g_assert_true(call->enrolment == operation->enrolment);
    g_assert_nonnull(call->enrolment);
    g_assert_cmpuint(call->onward_confidence, ==, confidence);
    g_assert_cmpstr(call->onward_reason, ==, reason);
}

void
assert_alone(const flow_exchange *call)
{
    g_assert_null(call->operation_of);
    g_assert_cmpuint(call->onward_confidence, ==, 0);
    g_assert_null(call->onward_reason);
}

void
assert_leg(const flow_conversation *conversation, const char *leg)
{
    g_assert_cmpstr(flow_leg_name(part_of(conversation)->leg), ==, leg);
}

const flow_enrolment *
only(flow_model *model, int64_t time)
{
    const flow_result *result = evaluate(model, time);

    g_assert_cmpuint(result->enrolments->len, ==, 1);
    return enrolment_of(result, 1);
}

flow_conversation *
begin_crp(flow_model *model, int64_t time)
{
    return begin(model, NDES, CRP, CRP_NAME, time);
}

flow_exchange *
refused_operation(flow_model *model)
{
    flow_exchange *operation = operation_at_ndes(model, 100, "A1", 1900);

    operation->pki_status = FAILURE;
    operation->fail_info = BAD_REQUEST;
    return operation;
}
