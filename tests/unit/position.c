/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Where a frame stands: at which step, what comes next, in words, and between which other steps.
 */
#include <string.h>

#include "flow_support.h"

static flow_position
position_of(const flow_part *part, int64_t time, flow_side from)
{
    flow_position position;

    flow_position_of(part, at(time).frame, from, &position);
    g_assert_true(position.part == part);
    g_assert_true(g_utf8_validate(position.sentence, -1, NULL));
    return position;
}

/* `sentence` is what comes behind "Conversation 1 of 3 on device-wap (role): ". */
static void
assert_position(const flow_part *part, int64_t time, flow_side from, flow_step step, const char *next,
                const char *sentence)
{
    flow_position position = position_of(part, time, from);
    const char   *text = strstr(position.sentence, "): ");

    g_test_message("at %d: %s", (int)time, position.sentence);
    g_assert_nonnull(text);
    g_assert_cmpstr(text + 3, ==, sentence);
    g_assert_cmpstr(flow_step_name(position.step), ==, flow_step_name(step));
    g_assert_cmpstr(position.next, ==, next);
    g_free(position.sentence);
}

/* The third conversation of a Windows device, every frame of it. */
static void
test_windows(void)
{
    flow_model        *model = new_model(NULL);
    flow_conversation *own[3];
    flow_exchange     *operation;
    const flow_part   *part;
    flow_position      position;

    windows_read(model, DEVICE, WAP, 0, "A1", SUCCESS, own);
    operation = own[2]->exchanges->pdata[0];
    operation->request = at(6020); /* three segments each */
    operation->request_end = at(6022);
    operation->response = at(6518);
    evaluate(model, 10000);
    part = part_of(own[2]);
    position = position_of(part, 6000, FLOW_CLIENT);
    g_assert_true(g_str_has_prefix(position.sentence, "Conversation 3 of 3 on device-wap (enrolment): "));
    g_free(position.sentence);
    assert_position(part, 6000, FLOW_CLIENT, FLOW_TCP_HANDSHAKE, "tls-handshake",
                    "SYN sent, waiting for SYN-ACK; expected next: TLS handshake");
    assert_position(part, 6001, FLOW_SERVER, FLOW_TCP_HANDSHAKE, "tls-handshake",
                    "SYN-ACK received, waiting for the client's ACK; expected next: TLS handshake");
    assert_position(part, 6002, FLOW_CLIENT, FLOW_TCP_HANDSHAKE, "tls-handshake",
                    "TCP handshake complete; expected next: TLS handshake");
    assert_position(part, 6003, FLOW_CLIENT, FLOW_TLS_HANDSHAKE, "pki-operation",
                    "TLS handshake, ClientHello sent; expected next: PKIOperation");
    assert_position(part, 6004, FLOW_SERVER, FLOW_TLS_HANDSHAKE, "pki-operation",
                    "TLS handshake, ServerHello received; expected next: PKIOperation");
    assert_position(part, 6010, FLOW_SERVER, FLOW_TLS_HANDSHAKE, "pki-operation",
                    "TLS handshake complete; expected next: PKIOperation");
    assert_position(part, 6020, FLOW_CLIENT, FLOW_PKI_OPERATION, "cert-rep",
                    "PKIOperation is being sent; expected next: CertRep");
    assert_position(part, 6021, FLOW_SERVER, FLOW_PKI_OPERATION, "cert-rep",
                    "PKIOperation is being sent; expected next: CertRep");
    assert_position(part, 6022, FLOW_CLIENT, FLOW_PKI_OPERATION, "cert-rep",
                    "PKIOperation sent, waiting for the answer; expected next: CertRep");
    assert_position(part, 6100, FLOW_SERVER, FLOW_PKI_OPERATION, "cert-rep",
                    "PKIOperation sent, waiting for the answer; expected next: CertRep");
    assert_position(part, 6518, FLOW_SERVER, FLOW_CERT_REP, NULL, "the answer to PKIOperation arrives");
    assert_position(part, 6520, FLOW_SERVER, FLOW_CERT_REP, NULL,
                    "PKIOperation answered in 0.498 s with HTTP 200, SUCCESS");
    assert_position(part, 6540, FLOW_CLIENT, FLOW_PKI_OPERATION, NULL,
                    "PKIOperation answered in 0.498 s with HTTP 200, SUCCESS; being closed");
    flow_model_free(model);
}

/* Of one request to the next, and from the last one of a conversation to the first of the next. */
static void
test_next(void)
{
    flow_model        *model = new_model(NULL);
    flow_conversation *own[3];
    const flow_part   *part;

    windows_encrypted(model, DEVICE, WAP, NAME, 0, own);
    evaluate(model, 10000);
    part = part_of(own[0]);
    assert_position(part, 10, FLOW_SERVER, FLOW_TLS_HANDSHAKE, "get-ca-cert",
                    "TLS handshake complete; expected next: GetCACert");
    assert_position(part, 20, FLOW_CLIENT, FLOW_GET_CA_CERT, "get-ca-caps",
                    "probably GetCACert sent, waiting for the answer; expected next: GetCACaps");
    assert_position(part, 30, FLOW_SERVER, FLOW_GET_CA_CERT, "get-ca-caps",
                    "probably GetCACert answered in 0.010 s; expected next: GetCACaps");
    assert_position(part, 50, FLOW_SERVER, FLOW_GET_CA_CAPS, "get-ca-caps",
                    "probably GetCACaps answered in 0.010 s; expected next: GetCACaps");
    assert_position(part_of(own[1]), 2050, FLOW_SERVER, FLOW_GET_CA_CERT, "pki-operation",
                    "probably GetCACert answered in 0.010 s; expected next: PKIOperation");
    assert_position(part_of(own[2]), 6520, FLOW_SERVER, FLOW_CERT_REP, NULL,
                    "probably PKIOperation answered in 0.500 s");
    flow_model_free(model);
}

static void
test_neighbours(void)
{
    static const struct {
        int     conversation;
        int64_t time, previous, next; /* -1: none */
    } cases[] = {
        { 0, 0, -1, 3 },         /* SYN, ClientHello */
        { 0, 3, 0, 20 },         { 0, 10, 0, 20 },     { 0, 20, 3, 40 },       { 0, 30, 3, 40 },
        { 0, 40, 20, 2000 },     { 0, 60, 20, 2000 },  /* into the next conversation */
        { 1, 2000, 40, 2003 },   { 2, 6000, 2040, 6003 }, { 2, 6020, 6003, -1 }, { 2, 6540, 6003, -1 },
    };
    flow_model        *model = new_model(NULL);
    flow_conversation *own[3];

    windows_read(model, DEVICE, WAP, 0, "A1", SUCCESS, own);
    evaluate(model, 10000);
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        flow_position position = position_of(part_of(own[cases[i].conversation]), cases[i].time, FLOW_CLIENT);

        g_test_message("at %d", (int)cases[i].time);
        g_assert_cmpuint(position.previous_frame, ==, (guint)(cases[i].previous + 1));
        g_assert_cmpuint(position.next_frame, ==, (guint)(cases[i].next + 1));
        g_free(position.sentence);
    }
    flow_model_free(model);
}

static void
test_refused(void)
{
    flow_model        *model = new_model(WAP);
    flow_conversation *one = begin_with_syn(model, DEVICE, WAP, 0);

    refuse(one, 1);
    evaluate(model, 10000);
    assert_position(part_of(one), 0, FLOW_CLIENT, FLOW_TCP_HANDSHAKE, NULL, "SYN sent, which the server will refuse");
    assert_position(part_of(one), 1, FLOW_SERVER, FLOW_TCP_HANDSHAKE, NULL, "the server refuses the connection");
    flow_model_free(model);
}

static void
test_no_answer(void)
{
    flow_model        *model = new_model(WAP);
    flow_conversation *one = begin_with_syn(model, DEVICE, WAP, 0);

    one->syn_repeats = 3;
    one->last = at(7000);
    evaluate(model, 20000);
    assert_position(part_of(one), 0, FLOW_CLIENT, FLOW_TCP_HANDSHAKE, NULL, "SYN sent, and nobody answers");
    assert_position(part_of(one), 7000, FLOW_CLIENT, FLOW_TCP_HANDSHAKE, NULL, "SYN sent, and nobody answers");
    flow_model_free(model);
}

/* The device does not trust the WAP's certificate. */
static void
test_alert(void)
{
    flow_model        *model = new_model(NULL);
    flow_conversation *one = begin(model, DEVICE, WAP, NAME, 0);
    flow_position      position;

    one->tls_established = (flow_moment){ 0, 0 };
    one->flight = FLOW_FLIGHT_SERVER_DONE;
    one->alert = at(8);
    one->alert_by = FLOW_CLIENT;
    one->alert_level = 2;
    one->alert_description = 48;
    one->reset = one->last = at(12);
    one->reset_by = FLOW_CLIENT;
    evaluate(model, 10000);
    assert_position(part_of(one), 4, FLOW_SERVER, FLOW_TLS_HANDSHAKE, NULL,
                    "TLS handshake, which will not be completed");
    assert_position(part_of(one), 8, FLOW_CLIENT, FLOW_TLS_HANDSHAKE, NULL, "the client sent alert unknown_ca");
    assert_position(part_of(one), 12, FLOW_CLIENT, FLOW_TLS_HANDSHAKE, NULL,
                    "the client sent alert unknown_ca; reset by the client");
    position = position_of(part_of(one), 8, FLOW_CLIENT);
    g_assert_true(position.state == FLOW_FAILED);
    g_free(position.sentence);
    flow_model_free(model);
}

/* The server resets instead of answering. */
static void
test_reset(void)
{
    flow_model        *model = new_model(NULL);
    flow_conversation *one = begin(model, DEVICE, WAP, NAME, 0);

    ask_operation(one, 20, "A1", PKCS_REQ, NULL);
    one->reset = one->last = at(50);
    one->reset_by = FLOW_SERVER;
    evaluate(model, 10000);
    assert_position(part_of(one), 20, FLOW_CLIENT, FLOW_PKI_OPERATION, "cert-rep",
                    "PKIOperation sent, which nobody answers; expected next: CertRep");
    assert_position(part_of(one), 50, FLOW_SERVER, FLOW_PKI_OPERATION, NULL,
                    "PKIOperation sent, which nobody answers; reset by the server");
    flow_model_free(model);
}

static void
test_outcomes(void)
{
    static const struct {
        int         http_status, pki_status;
        bool        is_readable;
        const char *sentence;
    } cases[] = {
        { 200, FAILURE, true, "PKIOperation answered in 0.100 s with HTTP 200, FAILURE" },
        { 200, PENDING, true, "PKIOperation answered in 0.100 s with HTTP 200, PENDING" },
        { 503, -1, false, "PKIOperation answered in 0.100 s with HTTP 503, not as it should be" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        flow_model        *model = new_model(NULL);
        flow_conversation *one = begin(model, DEVICE, WAP, NAME, 0);
        flow_exchange     *operation = ask_operation(one, 20, "A1", PKCS_REQ, NULL);
        flow_position      position;

        answer_operation(operation, 120, cases[i].pki_status);
        operation->http_status = cases[i].http_status;
        operation->is_answer_readable = cases[i].is_readable;
        evaluate(model, 200);
        position = position_of(part_of(one), 120, FLOW_SERVER);
        assert_contains(position.sentence, cases[i].sentence);
        g_free(position.sentence);
        flow_model_free(model);
    }
}

/* The legs are counted by themselves. */
static void
test_two_legs(void)
{
    flow_model        *model = new_model(NULL);
    flow_conversation *front = begin(model, DEVICE, WAP, NAME, 0),
                      *inner = begin(model, WAP_INSIDE, NDES, INNER_NAME, 30);
    flow_exchange     *outside = ask_operation(front, 20, "A1", PKCS_REQ, NULL);
    flow_exchange     *inside = ask_operation(inner, 50, "A1", PKCS_REQ, NULL);
    flow_position      position;

    answer_operation(inside, 90, SUCCESS);
    answer_operation(outside, 100, SUCCESS);
    evaluate(model, 1000);
    position = position_of(part_of(inner), 50, FLOW_CLIENT);
    g_assert_true(g_str_has_prefix(position.sentence, "Conversation 1 of 1 on wap-ndes (enrolment): "));
    g_assert_cmpuint(position.previous_frame, ==, at(33).frame);
    g_assert_cmpuint(position.next_frame, ==, 0);
    g_free(position.sentence);
    position = position_of(part_of(front), 20, FLOW_CLIENT); /* what the proxy does then is on the other leg */
    g_assert_cmpuint(position.previous_frame, ==, at(3).frame);
    g_assert_cmpuint(position.next_frame, ==, 0);
    g_free(position.sentence);
    flow_model_free(model);
}

/* A capture that begins in the middle. */
static void
test_before(void)
{
    flow_model        *model = new_model(NULL);
    flow_conversation *one = flow_add_conversation(model, 0, DEVICE, 50000, WAP, 443, NULL, at(0));

    ask_operation(one, 20, "A1", PKCS_REQ, NULL);
    evaluate(model, 100);
    assert_position(part_of(one), 0, FLOW_CLIENT, FLOW_STEP_NONE, "pki-operation",
                    "before anything that is known of it; expected next: PKIOperation");
    flow_model_free(model);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/position/windows", test_windows);
    g_test_add_func("/position/next", test_next);
    g_test_add_func("/position/neighbours", test_neighbours);
    g_test_add_func("/position/refused", test_refused);
    g_test_add_func("/position/no-answer", test_no_answer);
    g_test_add_func("/position/alert", test_alert);
    g_test_add_func("/position/outcomes", test_outcomes);
    g_test_add_func("/position/two-legs", test_two_legs);
    g_test_add_func("/position/before", test_before);
    g_test_add_func("/position/reset", test_reset);
    return g_test_run();
}
