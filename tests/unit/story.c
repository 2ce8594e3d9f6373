/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the transport tells, in states and in words; and the names that everybody uses.
 */
#include <string.h>

#include "flow/knowledge.h"
#include "flow_support.h"

static void
assert_story(const flow_conversation *conversation, const char *expected)
{
    char *story = flow_story(conversation);

    g_assert_cmpstr(story, ==, expected);
    g_free(story);
}

static void
test_whole(void)
{
    flow_model        *model = new_model(NULL);
    flow_conversation *one = begin(model, DEVICE, WAP, NAME, 0);

    one->server_hello = one->client_hello;
    finish(one, 1199);
    assert_story(one,
                 "TCP handshake in 2.0 ms; TLS 1.2 with scep.contoso.com, handshake in 7.0 ms; closed by the client "
                 "after 1.200 s");
    one->is_resumed = true;
    one->fin[FLOW_CLIENT] = at(1250);
    assert_story(one,
                 "TCP handshake in 2.0 ms; TLS 1.2 with scep.contoso.com, resumed, handshake in 7.0 ms; closed by the "
                 "server after 1.200 s");
    one->server_name = NULL;
    one->retransmissions[FLOW_CLIENT] = 1;
    one->retransmissions[FLOW_SERVER] = 2;
    one->has_losses = true;
    assert_story(one,
                 "TCP handshake in 2.0 ms; TLS 1.2 without a server name, resumed, handshake in 7.0 ms; closed by the "
                 "server after 1.200 s; 1 segments of the client and 2 of the server came again; the capture lacks "
                 "segments");
    flow_model_free(model);
}

static void
test_tcp_states(void)
{
    flow_model        *model = new_model(NULL);
    flow_conversation *one = begin_with_syn(model, DEVICE, WAP, 0);

    g_assert_true(flow_tcp_state_of(one) == FLOW_TCP_NO_ANSWER);
    one->reset = at(1);
    one->reset_by = FLOW_CLIENT; /* it gave up */
    g_assert_true(flow_tcp_state_of(one) == FLOW_TCP_NO_ANSWER);
    one->reset_by = FLOW_SERVER;
    g_assert_true(flow_tcp_state_of(one) == FLOW_TCP_REFUSED);

    one = begin(model, DEVICE, WAP, NAME, 100);
    g_assert_true(flow_tcp_state_of(one) == FLOW_TCP_ESTABLISHED);
    one->reset = at(150);
    g_assert_true(flow_tcp_state_of(one) == FLOW_TCP_RESET);
    one->fin[FLOW_CLIENT] = at(140); /* a reset by who has nothing left to say */
    g_assert_true(flow_tcp_state_of(one) == FLOW_TCP_CLOSED);

    one = flow_add_conversation(model, 0, DEVICE, 50000, WAP, 443, NULL, at(200)); /* begun before the capture */
    one->octets[FLOW_CLIENT] = 1;
    g_assert_true(flow_tcp_state_of(one) == FLOW_TCP_ESTABLISHED);
    flow_model_free(model);
}

static void
test_tls_states(void)
{
    flow_model        *model = new_model(NULL);
    flow_conversation *one = begin(model, DEVICE, WAP, NAME, 0);

    g_assert_true(flow_tls_state_of(one) == FLOW_TLS_ESTABLISHED);
    one->tls_established = (flow_moment){ 0, 0 };
    g_assert_true(flow_tls_state_of(one) == FLOW_TLS_HANDSHAKING);
    one->alert = at(20);
    g_assert_true(flow_tls_state_of(one) == FLOW_TLS_FAILED);
    one->alert = (flow_moment){ 0, 0 };
    one->is_foreign_protocol = true;
    g_assert_true(flow_tls_state_of(one) == FLOW_TLS_FAILED);
    one->is_foreign_protocol = false;
    evaluate(model, 60000); /* nothing comes any more */
    g_assert_true(flow_tls_state_of(one) == FLOW_TLS_FAILED);
    one->is_tls = false;
    g_assert_true(flow_tls_state_of(one) == FLOW_TLS_NONE);
    flow_model_free(model);
}

static void
test_filter(void)
{
    flow_model        *model = new_model(NULL);
    flow_conversation *own[3];
    char              *filter;

    windows_read(model, DEVICE, WAP, 0, "A1", SUCCESS, own);
    own[0]->tcp_stream = 3;
    own[1]->tcp_stream = 5;
    own[2]->tcp_stream = 8;
    filter = flow_filter_of(enrolment_of(evaluate(model, 10000), 1));
    assert_contains(filter, "3");
    g_assert_true(g_str_has_prefix(filter, "tcp.stream in {3, 5, 8}"));
    g_free(filter);
    flow_model_free(model);
}

/* The names of the contract; and no number, however wrong, is without one. */
static void
test_names(void)
{
    g_assert_cmpstr(flow_leg_name(FLOW_DEVICE_WAP), ==, "device-wap");
    g_assert_cmpstr(flow_leg_name(FLOW_DEVICE_MDM), ==, "device-mdm");
    g_assert_cmpstr(flow_leg_name((flow_leg)99), ==, "unknown");
    g_assert_cmpstr(flow_state_name(FLOW_OUT_OF_ORDER), ==, "out-of-order");
    g_assert_cmpstr(flow_state_name(FLOW_NOT_VISIBLE), ==, "not-visible");
    g_assert_cmpstr(flow_state_name((flow_state)99), ==, "unknown");
    g_assert_cmpstr(flow_basis_name(FLOW_LOG), ==, "log");
    g_assert_cmpstr(flow_verdict_name(FLOW_INCOMPLETE), ==, "incomplete");
    g_assert_cmpstr(flow_severity_name(FLOW_NOTE), ==, "note");
    g_assert_cmpstr(flow_tcp_state_name(FLOW_TCP_NO_ANSWER), ==, "no-answer");
    g_assert_cmpstr(flow_tls_state_name(FLOW_TLS_HANDSHAKING), ==, "handshaking");
    g_assert_cmpstr(flow_tls_version_name(0x0303), ==, "TLS 1.2");
    g_assert_cmpstr(flow_tls_version_name(0x0304), ==, "TLS 1.3");
    g_assert_null(flow_tls_version_name(0));
    g_assert_cmpstr(flow_alert_name(48), ==, "unknown_ca");
    g_assert_cmpstr(flow_alert_name(70), ==, "protocol_version");
    g_assert_nonnull(flow_alert_name(255));
    g_assert_nonnull(flow_alert_meaning(-1));
    for (int step = FLOW_STEP_NONE + 1; step < FLOW_STEPS; step++)
        g_assert_true(flow_step_by_name(flow_step_name((flow_step)step)) == (flow_step)step);
    g_assert_true(flow_step_by_name("none") == FLOW_STEP_NONE);
    g_assert_cmpstr(flow_operation_name(FLOW_PKI_OPERATION), ==, "PKIOperation");
    g_assert_cmpstr(flow_step_name(FLOW_CERT_REP), ==, "cert-rep");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/story/whole", test_whole);
    g_test_add_func("/story/tcp-states", test_tcp_states);
    g_test_add_func("/story/tls-states", test_tls_states);
    g_test_add_func("/story/filter", test_filter);
    g_test_add_func("/story/names", test_names);
    return g_test_run();
}
