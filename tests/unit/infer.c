/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What is called SCEP although it cannot be read, and what is not: the sizes are those of recorded captures.
 */
#include <string.h>

#include "flow_support.h"

#define PAUSE 60000 /* flows/recognition.conf: [tries] */

static unsigned
count(flow_model *model, int64_t time)
{
    return evaluate(model, time)->enrolments->len;
}

/* As an iPhone asks, on one connection. */
static flow_conversation *
three_requests(flow_model *model, const char *client, const char *server, const char *name, int64_t time)
{
    flow_conversation *one = begin(model, client, server, name, time);

    turn(one, time + 20, SMALL_REQUEST, CERT_ANSWER, 10);
    turn(one, time + 40, SMALL_REQUEST, CAPS_ANSWER, 10);
    turn(one, time + 60, OPERATION, OPERATION_ANSWER, 200);
    finish(one, time + 300);
    return one;
}

static void
assert_windows(const flow_enrolment *enrolment, flow_conversation *const own[3])
{
    g_assert_cmpstr(enrolment->flow, ==, "windows-mdm");
    g_assert_cmpuint(enrolment->parts->len, ==, 3);
    assert_part_steps(part_of(own[0]), "tcp-handshake ok, tls-handshake ok, get-ca-cert ok, get-ca-caps ok");
    assert_part_steps(part_of(own[1]), "tcp-handshake ok, tls-handshake ok, get-ca-caps ok, get-ca-cert ok");
    assert_part_steps(part_of(own[2]), "tcp-handshake ok, tls-handshake ok, pki-operation ok");
    assert_roles(part_of(own[0]), "discovery-mdm");
    assert_roles(part_of(own[1]), "discovery");
    assert_roles(part_of(own[2]), "enrolment");
}

static void
test_by_sizes(void)
{
    flow_model           *model = new_model(NULL);
    flow_conversation    *own[3];
    const flow_enrolment *enrolment;
    const flow_exchange  *operation;

    windows_encrypted(model, DEVICE, WAP, PLAIN_NAME, 0, own);
    g_assert_cmpuint(count(model, 7000), ==, 1);
    enrolment = enrolment_of(flow_evaluate(model), 1);
    assert_windows(enrolment, own);
    for (int i = 0; i < 3; i++) {
        const flow_part *part = part_of(own[i]);

        g_assert_true(part->basis == FLOW_INFERRED);
        g_assert_cmpuint(part->confidence, >=, 60);
        g_assert_cmpuint(part->confidence, <, 100);
        g_assert_nonnull(part->reason);
    }
    g_assert_cmpuint(enrolment->confidence, <, 100);
    assert_contains(enrolment->confidence_reason, "5 requests to " PLAIN_NAME);
    operation = g_array_index(part_of(own[2])->steps, flow_part_step, 2).exchange;
    assert_contains(operation->reason, "a request of 7000 octets");
    assert_contains(operation->reason, "2500");
    g_assert_cmpuint(operation->request_octets, ==, 7000);
    g_assert_cmpint(operation->http_status, ==, 0);
    g_assert_null(operation->operation);
    flow_model_free(model);
}

/* Without any name at all; and a device whose PKIOperation nobody answered. */
static void
test_unanswered(void)
{
    flow_model           *model = new_model(NULL);
    flow_conversation    *own[3];
    const flow_enrolment *enrolment;
    flow_turn            *last;

    windows_encrypted(model, DEVICE, WAP, NULL, 0, own);
    last = &g_array_index(own[2]->turns, flow_turn, 0);
    last->response = last->response_end = (flow_moment){ 0, 0 };
    last->octets[FLOW_SERVER] = 0;
    last->records[FLOW_SERVER] = 0;
    g_assert_cmpuint(count(model, 30000), ==, 1);
    enrolment = enrolment_of(flow_evaluate(model), 1);
    g_assert_true(enrolment->verdict == FLOW_VERDICT_FAILED);
    assert_part_steps(part_of(own[2]), "tcp-handshake ok, tls-handshake ok, pki-operation failed");
    assert_contains(part_of(own[2])->reason, "without an answer");
    flow_model_free(model);
}

static void
test_too_little(void)
{
    flow_model *model = new_model(NULL);

    three_requests(model, DEVICE, WAP, PLAIN_NAME, 0);
    three_requests(model, OTHER_DEVICE, WAP, NULL, 1000);
    g_assert_cmpuint(count(model, 5000), ==, 0);
    flow_model_free(model);
}

static void
test_named(void)
{
    static const char *const certificate_names[] = { "www.contoso.com", "ndes01.contoso.com", NULL };
    flow_certificate         certificate = { "CN=a", "CN=b", certificate_names, 0, G_MAXINT64, false };
    static const char *const names[] = { NAME, "SCEP.contoso.com", "eu-scep.contoso.com", "ndes.contoso.com" };

    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        flow_model        *model = new_model(NULL);
        flow_conversation *one = three_requests(model, DEVICE, WAP, names[i], 0);

        g_assert_true(flow_is_named(one));
        g_assert_cmpuint(count(model, 5000), ==, 1);
        assert_part_steps(part_of(one),
                          "tcp-handshake ok, tls-handshake ok, get-ca-cert ok, get-ca-caps ok, pki-operation ok");
        flow_model_free(model);
    }

    flow_model        *model = new_model(NULL);
    flow_conversation *one = three_requests(model, DEVICE, WAP, NULL, 0), *named_otherwise;

    one->certificate = &certificate;
    g_assert_true(flow_is_named(one));
    g_assert_cmpuint(count(model, 5000), ==, 1);
    /* The name that the client asked for counts more than all that the certificate is good for. */
    named_otherwise = three_requests(model, OTHER_DEVICE, NDES, PLAIN_NAME, 10000);
    named_otherwise->certificate = &certificate;
    g_assert_false(flow_is_named(named_otherwise));
    g_assert_cmpuint(count(model, 15000), ==, 1);
    flow_model_free(model);
}

static void
test_preference(void)
{
    static const struct {
        const char *servers;
        unsigned    enrolments;
    } cases[] = {
        { PLAIN_NAME, 1 },
        { "PORTAL.contoso.com", 1 },
        { WAP, 1 },
        { "a.example, " WAP " b.example", 1 },
        { "wap=" WAP, 1 },
        { "ndes=" PLAIN_NAME, 1 },
        { "server=" WAP, 1 },
        { "192.0.2.21", 0 },
        { "contoso.com", 0 },
        { "device=" DEVICE, 0 },
        { "", 0 },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        flow_model        *model = new_model(cases[i].servers);
        flow_conversation *one = three_requests(model, DEVICE, WAP, PLAIN_NAME, 0);

        g_test_message("servers: %s", cases[i].servers);
        g_assert_cmpuint(count(model, 5000), ==, cases[i].enrolments);
        if (cases[i].enrolments)
            g_assert_cmpuint(part_of(one)->confidence, ==, 100); /* nothing is left to guesses */
        flow_model_free(model);
    }
}

/* A download in the same try: whoever does that is no SCEP client. */
static void
test_one_odd(void)
{
    enum { DOWNLOAD = 100000 };

    flow_model        *model = new_model(NULL);
    flow_conversation *own[3];

    windows_encrypted(model, DEVICE, WAP, PLAIN_NAME, 0, own);
    turn(own[1], 2055, SMALL_REQUEST, DOWNLOAD, 1);
    g_assert_cmpuint(count(model, 7000), ==, 0);
    flow_model_free(model);

    /* Likewise on another connection to the same server, before or after; but not to another server. */
    for (int i = 0; i < 3; i++) {
        model = new_model(NULL);
        if (i == 0)
            turn(begin(model, DEVICE, WAP, PLAIN_NAME, 0), 20, SMALL_REQUEST, DOWNLOAD, 100);
        windows_encrypted(model, DEVICE, WAP, PLAIN_NAME, 1000, NULL);
        if (i > 0)
            turn(begin(model, DEVICE, i == 1 ? WAP : NDES, PLAIN_NAME, 8000), 8020, SMALL_REQUEST, DOWNLOAD, 100);
        g_assert_cmpuint(count(model, 20000), ==, i == 2 ? 1 : 0);
        flow_model_free(model);
    }
}

static void
test_never(void)
{
    enum { BUSY, H2, READABLE, READ_EXCHANGE, NOT_TLS, CASES };

    for (int i = 0; i < CASES; i++) {
        flow_model        *model = new_model(NAME);
        flow_conversation *own[3];

        windows_encrypted(model, DEVICE, WAP, NAME, 0, own);
        for (int j = 0; j < 3; j++) {
            own[j]->is_busy = i == BUSY;
            own[j]->is_readable = i == READABLE;
            own[j]->is_tls = i != NOT_TLS;
            if (i == H2)
                own[j]->protocol = "h2";
            if (i == READ_EXCHANGE)
                ask(own[j], 30, FLOW_OTHER_REQUEST, NULL, NULL);
        }
        g_test_message("case %d", i);
        evaluate(model, 7000);
        for (int j = 0; j < 3; j++) {
            const GPtrArray *parts = flow_parts_of(own[j]);

            for (guint k = 0; parts && k < parts->len; k++)
                g_assert_true(((flow_part *)parts->pdata[k])->basis != FLOW_INFERRED);
        }
        flow_model_free(model);
    }
}

/* ALPN that offers HTTP/2 but ends with HTTP/1.1, or with nothing, is no reason. */
static void
test_http11(void)
{
    static const char *const protocols[] = { "http/1.1", NULL };

    for (size_t i = 0; i < G_N_ELEMENTS(protocols); i++) {
        flow_model        *model = new_model(NULL);
        flow_conversation *own[3];

        windows_encrypted(model, DEVICE, WAP, PLAIN_NAME, 0, own);
        for (int j = 0; j < 3; j++) {
            own[j]->protocol = protocols[i];
            own[j]->offers_h2 = true;
        }
        g_assert_cmpuint(count(model, 7000), ==, 1);
        flow_model_free(model);
    }
}

/* What is too little for an unknown server is enough for one that was seen to answer SCEP: encrypted or read. */
static void
test_learned(void)
{
    for (int is_read = 0; is_read < 2; is_read++) {
        flow_model        *model = new_model(NULL);
        flow_conversation *one, *same, *other_name, *other_port;

        one = three_requests(model, "192.0.2.12", WAP, PLAIN_NAME, 0); /* what comes later teaches too */
        if (is_read)
            device_read(model, DEVICE, 10000, FLOW_GET_CA_CERT, FLOW_GET_CA_CAPS, "ca", ANDROID_AGENT, SUCCESS)
                ->server_name = PLAIN_NAME;
        else
            windows_encrypted(model, DEVICE, WAP, PLAIN_NAME, 10000, NULL);
        same = three_requests(model, OTHER_DEVICE, WAP, PLAIN_NAME, 20000);
        other_name = three_requests(model, OTHER_DEVICE, WAP, "www.contoso.com", 21000);
        other_port = three_requests(model, OTHER_DEVICE, WAP, PLAIN_NAME, 22000);
        other_port->server.port = 8443;
        evaluate(model, 30000);
        g_assert_nonnull(flow_parts_of(one));
        g_assert_nonnull(flow_parts_of(same));
        g_assert_null(flow_parts_of(other_name));
        g_assert_null(flow_parts_of(other_port));
        flow_model_free(model);
    }
}

/* Two tickets of one length before the first answer of TLS 1.3 are none of it. */
static void
test_tickets(void)
{
    enum { TICKET = 400, TICKETS = 2 * (TICKET + 5) };

    flow_model        *model = new_model(NULL);
    flow_conversation *own[3];

    windows_encrypted(model, DEVICE, WAP, NAME, 0, own);
    for (int i = 0; i < 3; i++) {
        flow_turn *first = &g_array_index(own[i]->turns, flow_turn, 0);

        own[i]->version = 0x0304;
        first->octets[FLOW_SERVER] += TICKETS;
        first->records[FLOW_SERVER] += 2;
        first->first_records[0] = first->first_records[1] = TICKET;
    }
    g_assert_cmpuint(count(model, 7000), ==, 1);
    assert_windows(enrolment_of(flow_evaluate(model), 1), own); /* 240 + 810 octets would be certificates */
    g_assert_cmpuint(g_array_index(part_of(own[1])->steps, flow_part_step, 2).exchange->response_octets, ==,
                     CAPS_ANSWER);
    g_assert_cmpuint(g_array_index(part_of(own[1])->steps, flow_part_step, 3).exchange->response_octets, ==,
                     CERT_ANSWER);
    flow_model_free(model);
}

/* Head, 100 Continue, body: one request. */
static void
test_continue(void)
{
    enum { HEAD = 400, INTERIM = 54 }; /* "HTTP/1.1 100 Continue\r\n\r\n" in a record with AES-GCM */

    flow_model          *model = new_model(NULL);
    flow_conversation   *own[3];
    const flow_part     *part;
    const flow_exchange *operation;

    windows_encrypted(model, DEVICE, WAP, PLAIN_NAME, 0, own);
    g_array_set_size(own[2]->turns, 0);
    turn(own[2], 6020, HEAD, INTERIM, 5);
    turn(own[2], 6030, OPERATION, OPERATION_ANSWER, 500);
    g_assert_cmpuint(count(model, 7000), ==, 1);
    part = part_of(own[2]);
    assert_part_steps(part, "tcp-handshake ok, tls-handshake ok, pki-operation ok");
    operation = g_array_index(part->steps, flow_part_step, 2).exchange;
    g_assert_cmpuint(operation->request_octets, ==, HEAD + OPERATION);
    g_assert_cmpuint(operation->response_octets, ==, OPERATION_ANSWER);
    g_assert_cmpuint(operation->request.frame, ==, at(6020).frame);
    g_assert_cmpuint(operation->request_end.frame, ==, at(6030).frame);
    g_assert_cmpuint(operation->response.frame, ==, at(6530).frame);
    flow_model_free(model);
}

/* After a longer pause it is another try: what was odd before does not count any more. */
static void
test_pause(void)
{
    static const struct {
        int64_t  pause;
        unsigned enrolments;
    } cases[] = { { PAUSE - 5000, 0 }, { PAUSE + 5000, 1 } };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        flow_model        *model = new_model(NULL);
        flow_conversation *odd = begin(model, DEVICE, WAP, PLAIN_NAME, 0);

        turn(odd, 20, SMALL_REQUEST, 100000, 80);
        windows_encrypted(model, DEVICE, WAP, PLAIN_NAME, 100 + cases[i].pause, NULL);
        g_assert_cmpuint(count(model, 200000), ==, cases[i].enrolments);
        flow_model_free(model);
    }
}

/* A device that tries again later is a try of its own. */
static void
test_two_tries(void)
{
    flow_model        *model = new_model(NULL);
    flow_conversation *own[3];

    windows_encrypted(model, DEVICE, WAP, PLAIN_NAME, 0, NULL);
    windows_encrypted(model, DEVICE, WAP, PLAIN_NAME, 5 * MINUTES, own);
    g_assert_cmpuint(count(model, 10 * MINUTES), ==, 2);
    assert_windows(enrolment_of(flow_evaluate(model), 2), own);
    flow_model_free(model);
}

/* What a browser or an application does, with sizes that each by itself could be SCEP's. */
static void
test_browsing(void)
{
    typedef struct {
        uint32_t request, answer;
    } sizes;
    static const struct {
        const char *what;
        sizes       turns[20];
    } cases[] = {
        { "a POST first",
          { { 6000, 2500 }, { 300, 240 }, { 300, 3500 }, { 300, 240 }, { 300, 3500 }, { 6000, 2500 } } },
        { "the same again and again",
          { { 300, 3500 }, { 300, 3500 }, { 300, 3500 }, { 300, 3500 }, { 300, 3500 }, { 300, 3500 }, { 300, 3500 },
            { 300, 3500 }, { 300, 3500 }, { 300, 3500 }, { 300, 3500 }, { 300, 3500 }, { 300, 3500 }, { 300, 240 },
            { 6000, 2500 } } },
        { "204 No Content", { { 300, 3500 }, { 300, 70 }, { 300, 70 }, { 300, 240 }, { 6000, 70 } } },
        { "a POST for each page", { { 300, 3500 }, { 6000, 2500 }, { 300, 240 }, { 6000, 2500 }, { 6000, 2500 } } },
        { "pages alone", { { 300, 3500 }, { 300, 240 }, { 300, 240 }, { 300, 3500 } } },
        { "a large page",
          { { 300, 3500 }, { 300, 240 }, { 300, 240 }, { 300, 3500 }, { 6000, 2500 }, { 300, 20000 } } },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        for (int per_connection = 1; per_connection <= 6; per_connection += 5) {
            flow_model        *model = new_model(NULL);
            flow_conversation *one = NULL;

            for (int j = 0; cases[i].turns[j].request; j++) {
                if (j % per_connection == 0)
                    one = begin(model, DEVICE, WAP, PLAIN_NAME, 1000 * j);
                turn(one, 1000 * j + 50, cases[i].turns[j].request, cases[i].turns[j].answer, 50);
            }
            g_test_message("%s, %d on a connection", cases[i].what, per_connection);
            g_assert_cmpuint(count(model, 30000), ==, 0);
            flow_model_free(model);
        }
    }
}

/* A device that stopped after its discovery: the server's name makes it worth a word. */
static void
test_discovery_alone(void)
{
    flow_model        *model = new_model(NULL);
    flow_conversation *one = begin(model, DEVICE, WAP, NAME, 0), *two = begin(model, DEVICE, WAP, NAME, 2000);

    turn(one, 20, SMALL_REQUEST, CERT_ANSWER, 10);
    turn(one, 40, SMALL_REQUEST, CAPS_ANSWER, 10);
    turn(two, 2020, SMALL_REQUEST, CAPS_ANSWER, 10);
    turn(two, 2040, SMALL_REQUEST, CERT_ANSWER, 10);
    g_assert_cmpuint(count(model, 30000), ==, 1);
    g_assert_true(enrolment_of(flow_evaluate(model), 1)->verdict == FLOW_INCOMPLETE);
    flow_model_free(model);
}

/* Short answers alone, and then nothing, are errors rather than keywords. */
static void
test_short_answers(void)
{
    flow_model        *model = new_model(NAME);
    flow_conversation *one = begin(model, DEVICE, WAP, NAME, 0);

    turn(one, 20, SMALL_REQUEST, CAPS_ANSWER, 10);
    finish(one, 40);
    g_assert_cmpuint(count(model, 30000), ==, 1);
    g_assert_true(enrolment_of(flow_evaluate(model), 1)->verdict == FLOW_VERDICT_FAILED);
    flow_model_free(model);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/infer/by-sizes", test_by_sizes);
    g_test_add_func("/infer/unanswered", test_unanswered);
    g_test_add_func("/infer/too-little", test_too_little);
    g_test_add_func("/infer/named", test_named);
    g_test_add_func("/infer/preference", test_preference);
    g_test_add_func("/infer/one-odd", test_one_odd);
    g_test_add_func("/infer/never", test_never);
    g_test_add_func("/infer/http11", test_http11);
    g_test_add_func("/infer/learned", test_learned);
    g_test_add_func("/infer/tickets", test_tickets);
    g_test_add_func("/infer/continue", test_continue);
    g_test_add_func("/infer/pause", test_pause);
    g_test_add_func("/infer/two-tries", test_two_tries);
    g_test_add_func("/infer/browsing", test_browsing);
    g_test_add_func("/infer/discovery-alone", test_discovery_alone);
    g_test_add_func("/infer/short-answers", test_short_answers);
    return g_test_run();
}
