/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Where the time of a PKIOperation went. The numbers beside each case are milliseconds of its packets; what is expected is
 * what lies between them.
 */
#include <string.h>

#include "flow_support.h"

/* "PART/LEG~ TIME(BEGIN+TIME,BEGIN+TIME) …" in milliseconds, ~ for what is estimated. What is always true of a timing is
 * asserted on the way. */
static void
assert_spans(const flow_timing *timing, const char *expected)
{
    GString *text = g_string_new(NULL);
    int64_t  sum = 0, last = -1, most = 0;

    for (guint i = 0; i < timing->spans->len; i++) {
        const flow_span *span = &g_array_index(timing->spans, flow_span, i);
        int64_t          stretches = 0;

        g_string_append_printf(text, "%s%s%s%s%s %" G_GINT64_FORMAT "(", i ? " " : "", flow_time_part_name(span->part),
                               span->leg == FLOW_LEG_UNKNOWN ? "" : "/",
                               span->leg == FLOW_LEG_UNKNOWN ? "" : flow_leg_name(span->leg),
                               span->is_estimated ? "~" : "", span->time / MILLISECOND);
        g_assert_cmpuint(span->count, >, 0);
        g_assert_cmpuint(span->count, <=, FLOW_STRETCHES);
        g_assert_cmpint(span->stretches[0].begin, >, last);
        last = span->stretches[0].begin;
        for (unsigned j = 0; j < span->count; j++) {
            g_string_append_printf(text, "%s%" G_GINT64_FORMAT "+%" G_GINT64_FORMAT, j ? "," : "",
                                   span->stretches[j].begin / MILLISECOND, span->stretches[j].time / MILLISECOND);
            stretches += span->stretches[j].time;
        }
        g_string_append_c(text, ')');
        g_assert_cmpint(stretches, ==, span->time);
        sum += span->time;
        most = MAX(most, span->time);
    }
    g_assert_cmpint(sum, ==, timing->total);
    g_assert_true(timing->spans->len ? timing->slowest && timing->slowest->time == most : !timing->slowest);
    g_assert_cmpstr(text->str, ==, expected);
    g_string_free(text, TRUE);
}

static const flow_timing *
only_timing(flow_model *model, const flow_exchange *operation)
{
    const flow_timing *timing;

    evaluate(model, 60000);
    g_assert_cmpuint(operation->enrolment->timings->len, ==, 1);
    timing = operation->enrolment->timings->pdata[0];
    g_assert_true(timing->operation == (operation->inward ? operation->inward : operation));
    return timing;
}

static void
assert_slowest(const flow_timing *timing, flow_time_part part, int64_t time)
{
    g_assert_cmpstr(flow_time_part_name(timing->slowest->part), ==, flow_time_part_name(part));
    g_assert_cmpint(timing->slowest->time, ==, time * MILLISECOND);
}

/* The request from 100 to 110, the answer from 1100 to 1120. */
static flow_exchange *
long_operation(flow_model *model)
{
    flow_exchange *operation = operation_at_ndes(model, 100, "A1", 1000);

    operation->request_end = at(110);
    operation->response_end = at(1120);
    return operation;
}

/* 10 + 20 for the octets, 1100 - 110 = 990 for whatever is behind. */
static void
test_front(void)
{
    flow_model        *model = new_model(NULL);
    flow_exchange     *operation = long_operation(model);
    const flow_timing *timing = only_timing(model, operation);

    g_assert_cmpint(timing->total, ==, 1020 * MILLISECOND);
    assert_spans(timing, "network/device-ndes 30(0+10,1000+20) behind 990(10+990)");
    assert_slowest(timing, FLOW_TIME_BEHIND, 990);
    flow_model_free(model);
}

/* SYN at 0, SYN-ACK at 40, ACK at 41: captured beside the client, 40 to the server and back. Half of it belongs behind the
 * request (110 + 20), half before the answer (1100 - 20). */
static void
test_trip(void)
{
    static const struct {
        int64_t     syn_ack, established;
        uint32_t    repeats;
        const char *expected;
    } cases[] = {
        { 40, 41, 0, "network/device-ndes~ 70(0+30,980+40) behind 950(30+950)" },
        /* At the server: it is the ACK that takes long. */
        { 1, 41, 0, "network/device-ndes 30(0+10,1000+20) behind 990(10+990)" },
        /* The first SYN was lost: how long it took says nothing. */
        { 40, 41, 1, "network/device-ndes 30(0+10,1000+20) behind 990(10+990)" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        flow_model        *model = new_model(NULL);
        flow_exchange     *operation = long_operation(model);
        flow_conversation *conversation = operation->conversation;

        conversation->first = conversation->syn = at(0);
        conversation->syn_ack = at(cases[i].syn_ack);
        conversation->established = at(cases[i].established);
        conversation->syn_repeats = cases[i].repeats;
        assert_spans(only_timing(model, operation), cases[i].expected);
        flow_model_free(model);
    }
}

/* A way that is longer than the answer took: 1000 there and back, 200 in all. Nothing is behind it. */
static void
test_long_trip(void)
{
    flow_model        *model = new_model(NULL);
    flow_exchange     *operation = operation_at_ndes(model, 2000, "A1", 200);
    flow_conversation *conversation = operation->conversation;

    conversation->first = conversation->syn = at(0);
    conversation->syn_ack = at(1000);
    conversation->established = at(1001);
    assert_spans(only_timing(model, operation), "network/device-ndes~ 200(0+200)");
    flow_model_free(model);
}

/* From 100 to 1000. Connections for each call: to the registration point 120 to 130 and 320 to 330 (TLS is established),
 * to the CA 220 to 222 (TCP is). Calls 140 to 200, 230 to 300, 340 to 400. */
static void
test_calls(void)
{
    flow_model        *model = new_model(NULL);
    flow_exchange     *operation = operation_at_ndes(model, 100, "A1", 900);
    const flow_timing *timing;

    call(begin(model, NDES, CRP, CRP_NAME, 120), 140, FLOW_VERIFY_REQUEST, "A1", 60);
    rpc_call(begin_rpc(model, NDES, 220), 230, 70);
    call(begin(model, NDES, CRP, CRP_NAME, 320), 340, FLOW_NOTIFY, "A1", 60);
    timing = only_timing(model, operation);
    g_assert_cmpint(timing->total, ==, 900 * MILLISECOND);
    assert_spans(timing, "ndes-before 30(0+20,30+10) network/ndes-crp 20(20+10,220+10) verify-request 60(40+60) "
                         "ndes-between 58(100+20,122+8,200+20,230+10) network/ndes-ca 2(120+2) ca-issue 70(130+70) "
                         "notify 60(240+60) ndes-after 600(300+600)");
    assert_slowest(timing, FLOW_TIME_NDES_AFTER, 600);
    flow_model_free(model);
}

/* The CA's call is somewhere between 200 and 340, or 320, when NDES began to connect for Notify. */
static void
test_ca_not_captured(void)
{
    for (int is_kept = 0; is_kept < 2; is_kept++) {
        flow_model        *model = new_model(NULL);
        flow_exchange     *operation = operation_at_ndes(model, 100, "A1", 900);
        flow_conversation *crp = begin(model, NDES, CRP, CRP_NAME, 20);

        call(crp, 140, FLOW_VERIFY_REQUEST, "A1", 60);
        call(is_kept ? crp : begin(model, NDES, CRP, CRP_NAME, 320), 340, FLOW_NOTIFY, "A1", 60);
        assert_spans(only_timing(model, operation),
                     is_kept ? "ndes-before 40(0+40) verify-request 60(40+60) ca-issue~ 140(100+140) notify 60(240+60) "
                               "ndes-after 600(300+600)"
                             : "ndes-before 40(0+40) verify-request 60(40+60) ca-issue~ 120(100+120) "
                               "network/ndes-crp 10(220+10) ndes-between 10(230+10) notify 60(240+60) "
                               "ndes-after 600(300+600)");
        flow_model_free(model);
    }
}

/* It was refused: nothing follows VerifyRequest. */
static void
test_verify_only(void)
{
    flow_model    *model = new_model(NULL);
    flow_exchange *operation = operation_at_ndes(model, 100, "A1", 900);

    call(begin(model, NDES, CRP, CRP_NAME, 20), 140, FLOW_VERIFY_REQUEST, "A1", 800)->verified = 0;
    assert_spans(only_timing(model, operation), "ndes-before 40(0+40) verify-request 800(40+800) ndes-after 60(840+60)");
    flow_model_free(model);
}

/* Outside from 20–25 to 300–310, inside from 60–64 to 250–256, VerifyRequest from 100 to 150. */
static void
test_two_legs(void)
{
    for (int is_answered = 0; is_answered < 2; is_answered++) {
        flow_model        *model = new_model(NULL);
        flow_conversation *front = begin(model, DEVICE, WAP, NAME, 0);
        flow_conversation *inner = begin(model, WAP_INSIDE, NDES, INNER_NAME, 40);
        flow_exchange     *outside = ask_operation(front, 20, "A1", PKCS_REQ, NULL);
        flow_exchange     *inside = ask_operation(inner, 60, "A1", PKCS_REQ, NULL);
        const flow_timing *timing;

        call(begin(model, NDES, CRP, CRP_NAME, 1), 100, FLOW_VERIFY_REQUEST, "A1", 50);
        outside->request_end = at(25);
        inside->request_end = at(64);
        if (is_answered) {
            answer_operation(inside, 250, SUCCESS);
            inside->response_end = at(256);
        }
        answer_operation(outside, 300, SUCCESS);
        outside->response_end = at(310);
        timing = only_timing(model, inside);
        g_assert_true(timing->operation == outside);
        g_assert_cmpint(timing->total, ==, 290 * MILLISECOND);
        /* Of an answer that is missing inside nothing can be told: 25 to 300. */
        assert_spans(timing, is_answered ? "network/device-wap 15(0+5,280+10) wap 79(5+35,236+44) "
                                           "network/wap-ndes 10(40+4,230+6) ndes-before 36(44+36) "
                                           "verify-request 50(80+50) ndes-after 100(130+100)"
                                         : "network/device-wap 15(0+5,280+10) behind 275(5+275)");
        flow_model_free(model);
    }
}

/* Interfaces that are not in step: VerifyRequest begins 3 before the operation, Notify ends 4 after it. 200 to 990 is the
 * CA's. */
static void
test_clocks(void)
{
    flow_model        *model = new_model(NULL);
    flow_exchange     *operation = operation_at_ndes(model, 100, "A1", 900);
    flow_conversation *crp = begin(model, NDES, CRP, CRP_NAME, 20);

    call(crp, 97, FLOW_VERIFY_REQUEST, "A1", 103);
    call(crp, 990, FLOW_NOTIFY, "A1", 14);
    assert_spans(only_timing(model, operation), "verify-request 100(0+100) ca-issue~ 790(100+790) notify 10(890+10)");
    flow_model_free(model);
}

/* The CA is asked (150) before VerifyRequest is over (200), and Notify sent (240) before the CA is done (250): whoever
 * was first has the time. Another machine's clock: the whole call lies before the operation. */
static void
test_overlaps(void)
{
    flow_model        *model = new_model(NULL);
    flow_exchange     *operation = operation_at_ndes(model, 100, "A1", 900);
    flow_conversation *crp = begin(model, NDES, CRP, CRP_NAME, 20);

    operation->request_key = rpc_call(begin_rpc(model, NDES, 30), 150, 100)->request_key = flow_intern(model, "one");
    call(crp, 140, FLOW_VERIFY_REQUEST, "A1", 60);
    call(crp, 240, FLOW_NOTIFY, "A1", 60);
    assert_spans(only_timing(model, operation), "ndes-before 40(0+40) verify-request 60(40+60) ca-issue 50(100+50) "
                                                "notify 50(150+50) ndes-after 700(200+700)");
    flow_model_free(model);

    model = new_model(NULL);
    operation = operation_at_ndes(model, 5000, "A1", 900);
    call(begin(model, NDES, CRP, CRP_NAME, 20), 140, FLOW_VERIFY_REQUEST, "A1", 60);
    assert_spans(only_timing(model, operation), "ndes-after 900(0+900)");
    flow_model_free(model);
}

/* Answered in the moment in which it was asked; before it; not at all. */
static void
test_nothing(void)
{
    flow_model    *model = new_model(NULL);
    flow_exchange *operation = operation_at_ndes(model, 100, "A1", 900);

    operation->response = operation->response_end = at(100);
    assert_spans(only_timing(model, operation), "");
    flow_model_free(model);
    for (int is_answered = 0; is_answered < 2; is_answered++) {
        model = new_model(NULL);
        operation = operation_at_ndes(model, 100, "A1", is_answered ? 900 : 0);
        if (is_answered)
            operation->response.time = operation->response_end.time = at(99).time;
        evaluate(model, 60000);
        g_assert_cmpuint(operation->enrolment->timings->len, ==, 0);
        flow_model_free(model);
    }
}

/* Each PKIOperation has a timing of its own, with its own calls. */
static void
test_poll(void)
{
    flow_model            *model = new_model(NULL);
    flow_exchange         *first = operation_at_ndes(model, 100, "A1", 100), *poll;
    const flow_enrolment  *enrolment;

    first->pki_status = PENDING;
    poll = ask_operation(begin(model, WAP_INSIDE, NDES, INNER_NAME, 4980), 5000, "A1", CERT_POLL, NULL);
    answer_operation(poll, 5300, SUCCESS);
    call(begin(model, NDES, CRP, CRP_NAME, 20), 5100, FLOW_NOTIFY, NULL, 50);
    evaluate(model, 60000);
    enrolment = first->enrolment;
    g_assert_true(poll->enrolment == enrolment);
    g_assert_cmpuint(enrolment->timings->len, ==, 2);
    g_assert_true(((flow_timing *)enrolment->timings->pdata[1])->operation == poll);
    assert_spans(enrolment->timings->pdata[0], "behind 100(0+100)");
    assert_spans(enrolment->timings->pdata[1], "ndes-before 100(0+100) notify 50(100+50) ndes-after 150(150+150)");
    flow_model_free(model);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/timing/front", test_front);
    g_test_add_func("/timing/trip", test_trip);
    g_test_add_func("/timing/long-trip", test_long_trip);
    g_test_add_func("/timing/calls", test_calls);
    g_test_add_func("/timing/ca-not-captured", test_ca_not_captured);
    g_test_add_func("/timing/verify-only", test_verify_only);
    g_test_add_func("/timing/two-legs", test_two_legs);
    g_test_add_func("/timing/clocks", test_clocks);
    g_test_add_func("/timing/overlaps", test_overlaps);
    g_test_add_func("/timing/nothing", test_nothing);
    g_test_add_func("/timing/poll", test_poll);
    return g_test_run();
}
