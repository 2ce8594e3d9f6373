/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What stands around NDES's calls: connections that did not come about, a registration point without PKIOperation, calls
 * whose interface is not known, proxies, and the device's synchronisation before.
 */
#include <string.h>

#include "behind_support.h"

/* Ports: an unknown one of the CA's dynamic ones, and DCE/RPC's endpoint mapper. */
enum { OTHER_DYNAMIC_PORT = 49711, ENDPOINT_MAPPER = 135 };

/* RFC 8446 6 */
enum { BAD_CERTIFICATE = 42, UNKNOWN_CA = 48 };

/* --- connections without a call --- */

typedef enum { REFUSED, SILENT, REJECTED_BY_NDES, REJECTED_BY_SERVER, RPC_REFUSED, FINE } trouble;

static const struct {
    const char *what, *servers, *address;
    uint16_t    port;
    int64_t     time;
    trouble     trouble;
    const char *leg, *finding; /* NULL: it has no part */
} bare_cases[] = {
    { "registration point refuses", NULL, CRP, 443, 300, REFUSED, "ndes-crp", "crp-unreachable" },
    { "registration point is silent", NULL, CRP, 443, 300, SILENT, "ndes-crp", "crp-unreachable" },
    { "its certificate is not accepted", NULL, CRP, 443, 300, REJECTED_BY_NDES, "ndes-crp",
      "crp-certificate-not-accepted" },
    { "it breaks off", NULL, CRP, 443, 300, REJECTED_BY_SERVER, "ndes-crp", "crp-tls-refused" },
    { "at an odd port, told", "crp=" CRP, CRP, 8443, 300, REFUSED, "ndes-crp", "crp-unreachable" },
    { "endpoint mapper refuses", NULL, CA, ENDPOINT_MAPPER, 300, REFUSED, "ndes-ca", "ca-rpc-unavailable" },
    { "endpoint mapper is silent", NULL, CA, ENDPOINT_MAPPER, 300, SILENT, "ndes-ca", "ca-rpc-unavailable" },
    { "the CA refuses", NULL, CA, OTHER_DYNAMIC_PORT, 300, RPC_REFUSED, "ndes-ca", "ca-rpc-refused" },
    { "CA, told, refuses", "ca=" CA, CA, OTHER_DYNAMIC_PORT, 300, REFUSED, "ndes-ca", "ca-rpc-unavailable" },
    /* Nothing tells what is there. */
    { "some port", NULL, OTHER_SERVER, 8080, 300, REFUSED, NULL, NULL },
    { "nothing wrong", NULL, CRP, 443, 300, FINE, NULL, NULL },
    { "before", NULL, CRP, 443, 50, REFUSED, NULL, NULL },
    { "after", NULL, CRP, 443, 2500, REFUSED, NULL, NULL },
};

static flow_conversation *
begin_in_trouble(flow_model *model, const char *address, uint16_t port, int64_t time, trouble trouble)
{
    flow_conversation *conversation;

    if (trouble == RPC_REFUSED) {
        conversation = begin_rpc(model, NDES, time);
        conversation->is_rpc_refused = true;
    } else if (trouble == REFUSED || trouble == SILENT) {
        conversation = begin_with_syn(model, NDES, address, time);
    } else {
        conversation = begin(model, NDES, address, PLAIN_NAME, time);
    }
    conversation->server.port = port;
    if (trouble == REFUSED)
        refuse(conversation, time + 1);
    else if (trouble == REJECTED_BY_NDES)
        break_off(conversation, time + 8, FLOW_CLIENT, UNKNOWN_CA);
    else if (trouble == REJECTED_BY_SERVER)
        break_off(conversation, time + 8, FLOW_SERVER, BAD_CERTIFICATE);
    return conversation;
}

static void
test_bare(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(bare_cases); i++) {
        flow_model           *model = new_model(bare_cases[i].servers);
        flow_exchange        *operation = refused_operation(model);
        flow_conversation    *bare = begin_in_trouble(model, bare_cases[i].address, bare_cases[i].port,
                                                      bare_cases[i].time, bare_cases[i].trouble);
        const flow_enrolment *enrolment;

        if (bare_cases[i].trouble == FINE)
            bare->records[FLOW_CLIENT] = 1; /* goes on */
        g_test_message("%s", bare_cases[i].what);
        /* It is not over yet in the case that is fine. */
        enrolment = only(model, bare_cases[i].trouble == FINE ? 2100 : 60000);
        g_assert_true(enrolment == operation->enrolment);
        if (!bare_cases[i].leg) {
            g_assert_null(flow_parts_of(bare));
            g_assert_nonnull(finding_of(enrolment, "scep-bad-request"));
        } else {
            assert_leg(bare, bare_cases[i].leg);
            g_assert_true(part_of(bare)->enrolment == enrolment);
            g_assert_cmpuint(count_findings(enrolment, bare_cases[i].finding), ==, 1);
            g_assert_true(finding_of(enrolment, bare_cases[i].finding)->part == part_of(bare));
            g_assert_null(finding_of(enrolment, "tcp-refused"));
            g_assert_null(finding_of(enrolment, "tcp-no-answer"));
            /* Whoever tried to ask would have been seen asking. */
            g_assert_true(state_of_step(enrolment, strcmp(bare_cases[i].leg, "ndes-ca") == 0
                                                       ? FLOW_CA_ISSUE
                                                       : FLOW_VERIFY_REQUEST) == FLOW_MISSING);
        }
        flow_model_free(model);
    }
}

/* A port of the CA that another connection made known as such, by a call or by the question for it. */
static void
test_bare_known_ca(void)
{
    for (int is_mapper = 0; is_mapper < 2; is_mapper++) {
        flow_model           *model = new_model(NULL);
        flow_conversation    *known = begin_rpc(model, NDES, 150), *bare;
        const flow_enrolment *enrolment;

        refused_operation(model);
        if (is_mapper) {
            known->server.port = ENDPOINT_MAPPER;
            known->rpc_interface = "endpoint mapper";
        }
        bare = begin_in_trouble(model, CA, OTHER_DYNAMIC_PORT, 300, REFUSED);
        enrolment = only(model, 60000);
        assert_leg(bare, "ndes-ca");
        assert_leg(known, "ndes-ca");
        g_assert_true(finding_of(enrolment, "ca-rpc-unavailable")->part == part_of(bare));
        g_assert_null(finding_of(enrolment, "crp-unreachable"));
        flow_model_free(model);
    }
}

/* One machine is both: TLS's port is the registration point's. */
static void
test_bare_same_machine(void)
{
    flow_model        *model = new_model(NULL);
    flow_conversation *known = begin_rpc(model, NDES, 150), *bare;

    refused_operation(model);
    rpc_call(known, 200, 20);
    bare = begin_in_trouble(model, CA, 443, 300, REFUSED);
    only(model, 60000);
    assert_leg(known, "ndes-ca");
    assert_leg(bare, "ndes-crp");
    flow_model_free(model);
}

/* --- at the registration point alone --- */

static void
test_crp_alone(void)
{
    flow_model           *model = new_model(NULL);
    flow_conversation    *crp = begin_crp(model, 180);
    flow_exchange        *verify[2], *notify[2];
    const flow_result    *result;
    const flow_enrolment *enrolment;

    verify[0] = call(crp, 200, FLOW_VERIFY_REQUEST, "A1", 20);
    verify[1] = call(crp, 230, FLOW_VERIFY_REQUEST, "B2", 20);
    notify[1] = call(crp, 300, FLOW_NOTIFY, "B2", 20);
    notify[0] = call(crp, 330, FLOW_NOTIFY, "A1", 20);
    verify[0]->subject = "CN=device";
    result = evaluate(model, 5000);
    g_assert_cmpuint(result->enrolments->len, ==, 2);
    for (unsigned i = 0; i < 2; i++) {
        enrolment = enrolment_of(result, i + 1);
        g_assert_true(verify[i]->enrolment == enrolment);
        g_assert_true(notify[i]->enrolment == enrolment);
        g_assert_cmpstr(enrolment->transaction_id, ==, i ? "B2" : "A1");
        g_assert_true(enrolment->verdict == FLOW_COMPLETE);
        g_assert_null(enrolment->device);
        g_assert_cmpuint(enrolment->findings->len, ==, 0);
        g_assert_cmpuint(enrolment->timings->len, ==, 0);
        assert_steps(enrolment, "pki-operation not-visible, verify-request ok, ca-issue not-visible, notify ok, "
                                "cert-rep not-visible");
        for (guint j = 0; j < enrolment->steps->len; j++) {
            const flow_expectation *one = enrolment->steps->pdata[j];

            g_assert_true((one->state == FLOW_NOT_VISIBLE) == (one->look != NULL));
        }
    }
    enrolment = enrolment_of(result, 1);
    g_assert_cmpstr(enrolment->subject, ==, "CN=device");
    g_assert_cmpstr(enrolment->server, ==, CRP_NAME);
    g_assert_cmpuint(enrolment->begin.frame, ==, at(180).frame); /* the connection's */
    g_assert_cmpuint(enrolment->end.frame, ==, at(350).frame);
    g_assert_cmpuint(enrolment_of(result, 2)->begin.frame, ==, at(230).frame);
    flow_model_free(model);
}

static void
test_crp_verdicts(void)
{
    enum { ALL, NOT_VERIFIED, TELLS_FAILURE, NO_NOTIFY, NOTIFY_FAILS, NO_ANSWER, CASES };

    static const flow_verdict verdicts[CASES] = { FLOW_COMPLETE, FLOW_VERDICT_FAILED, FLOW_VERDICT_FAILED,
                                                  FLOW_INCOMPLETE, FLOW_VERDICT_FAILED, FLOW_VERDICT_FAILED };

    for (int i = 0; i < CASES; i++) {
        flow_model        *model = new_model(NULL);
        flow_conversation *crp = begin_crp(model, 180);
        flow_exchange     *verify = call(crp, 200, FLOW_VERIFY_REQUEST, "A1", i == NO_ANSWER ? 0 : 20), *notify;

        if (i == NOT_VERIFIED)
            verify->verified = 0;
        if (i != NOT_VERIFIED && i != NO_NOTIFY && i != NO_ANSWER) {
            notify = call(crp, 300, FLOW_NOTIFY, "A1", 20);
            notify->tells_failure = i == TELLS_FAILURE;
            notify->http_status = i == NOTIFY_FAILS ? 500 : 204;
        }
        g_test_message("case %d", i);
        g_assert_cmpstr(flow_verdict_name(only(model, 60000)->verdict), ==, flow_verdict_name(verdicts[i]));
        flow_model_free(model);
    }
}

/* No transaction can be told: a Notify is of the first that was verified, not of one that was refused. */
static void
test_crp_by_order(void)
{
    flow_model        *model = new_model(NULL);
    flow_conversation *crp = begin_crp(model, 180);
    flow_exchange     *refused = call(crp, 200, FLOW_VERIFY_REQUEST, NULL, 20), *verified, *notify, *others;

    refused->verified = 0;
    verified = call(crp, 230, FLOW_VERIFY_REQUEST, NULL, 20);
    others = call(begin(model, OTHER_DEVICE, CRP, CRP_NAME, 240), 270, FLOW_NOTIFY, NULL, 20);
    notify = call(crp, 300, FLOW_NOTIFY, NULL, 20);
    g_assert_cmpuint(evaluate(model, 5000)->enrolments->len, ==, 3);
    g_assert_true(notify->enrolment == verified->enrolment);
    g_assert_true(refused->enrolment != verified->enrolment);
    g_assert_true(others->enrolment != verified->enrolment && others->enrolment != refused->enrolment);
    g_assert_true(refused->enrolment->verdict == FLOW_VERDICT_FAILED);
    g_assert_true(verified->enrolment->verdict == FLOW_COMPLETE);
    flow_model_free(model);
}

/* Encrypted: the registration point's name, sizes and order have to do. Of a server without such a name nothing is
 * said. */
static void
test_crp_unread(void)
{
    for (int is_named = 0; is_named < 2; is_named++) {
        flow_model        *model = new_model(NULL);
        flow_conversation *crp = begin(model, NDES, CRP, is_named ? CRP_NAME : PLAIN_NAME, 180);
        const flow_result *result;

        verify_turn(crp, 200, 20);
        verify_turn(crp, 230, 20);
        notify_turn(crp, 300, 20);
        notify_turn(crp, 330, 20);
        verify_turn(crp, 400, 20);
        result = evaluate(model, 60000);
        g_assert_cmpuint(result->enrolments->len, ==, is_named ? 3 : 0);
        for (unsigned i = 0; is_named && i < 3; i++) {
            const flow_enrolment *enrolment = enrolment_of(result, i + 1);
            const flow_part      *part = enrolment->parts->pdata[0];

            g_assert_true(enrolment->verdict == (i == 2 ? FLOW_INCOMPLETE : FLOW_COMPLETE));
            g_assert_true(part->basis == FLOW_INFERRED);
            g_assert_cmpuint(part->confidence, ==, 65);
            assert_part_steps(part, i == 2 ? "tcp-handshake ok, tls-handshake ok, verify-request ok"
                                           : "tcp-handshake ok, tls-handshake ok, verify-request ok, notify ok");
        }
        flow_model_free(model);
    }
}

/* The same with NDES's side: one enrolment, which begins at NDES. */
static void
test_crp_merged(void)
{
    flow_model           *model = new_model(NULL);
    flow_exchange        *operation = operation_at_ndes(model, 100, "A1", 1000);
    flow_conversation    *crp = begin_crp(model, 180);
    const flow_enrolment *enrolment;

    call(crp, 200, FLOW_VERIFY_REQUEST, "A1", 20);
    call(crp, 330, FLOW_NOTIFY, "A1", 20);
    enrolment = only(model, 5000);
    g_assert_true(enrolment == operation->enrolment);
    g_assert_cmpuint(enrolment->parts->len, ==, 2);
    g_assert_cmpuint(enrolment->begin.frame, ==, at(80).frame);
    g_assert_cmpstr(enrolment->server, ==, INNER_NAME);
    assert_steps(enrolment, "pki-operation ok, verify-request ok, ca-issue not-visible, notify ok, cert-rep ok");
    flow_model_free(model);
}

/* --- the CA --- */

/* The binding was before the capture: the call may be for anything. */
static void
test_unbound(void)
{
    static const struct {
        const char *what;
        int64_t     time;
        bool        has_crp, is_joined;
    } cases[] = {
        { "between the two", 300, true, true },
        { "before VerifyRequest was answered", 210, true, false },
        { "after Notify", 500, true, false },
        { "before the PKIOperation", 50, true, false },
        { "after the PKIOperation", 1500, true, false },
        { "nothing of the registration point was captured", 300, false, true },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        flow_model        *model = new_model(NULL);
        flow_exchange     *operation = operation_at_ndes(model, 100, "A1", 1000), *unbound;
        flow_conversation *ca = begin_rpc(model, NDES, 10);

        if (cases[i].has_crp) {
            flow_conversation *crp = begin_crp(model, 180);

            call(crp, 200, FLOW_VERIFY_REQUEST, "A1", 50);
            call(crp, 400, FLOW_NOTIFY, "A1", 20);
        }
        ca->rpc_interface = NULL;
        ca->has_start = false;
        unbound = rpc_call(ca, cases[i].time, 30);
        unbound->basis = FLOW_INFERRED;
        unbound->step = FLOW_STEP_NONE;
        for (int again = 0; again < 3; again++) {
            g_test_message("%s, %d", cases[i].what, again);
            evaluate(model, 5000 + again);
            flow_changed(ca);
            if (!cases[i].is_joined) {
                assert_alone(unbound);
                g_assert_true(unbound->step == FLOW_STEP_NONE);
                g_assert_null(flow_parts_of(ca));
                g_assert_true(!cases[i].has_crp ||
                              state_of_step(operation->enrolment, FLOW_CA_ISSUE) == FLOW_NOT_VISIBLE);
                continue;
            }
            g_assert_true(unbound->operation_of == operation);
            g_assert_true(unbound->step == FLOW_CA_ISSUE);
            g_assert_cmpuint(unbound->confidence, ==, 75);
            g_assert_cmpuint(part_of(ca)->confidence, ==, 75);
            g_assert_true(part_of(ca)->basis == FLOW_INFERRED);
            assert_leg(ca, "ndes-ca");
            g_assert_true(state_of_step(operation->enrolment, FLOW_CA_ISSUE) == FLOW_OK);
        }
        flow_model_free(model);
    }
}

/* It counted, and then the call that has the place came to be known: one call, not two. */
static void
test_unbound_no_more(void)
{
    flow_model        *model = new_model(NULL);
    flow_exchange     *operation = operation_at_ndes(model, 100, "A1", 1000), *unbound, *bound;
    flow_conversation *ca = begin_rpc(model, NDES, 10);

    ca->rpc_interface = NULL;
    unbound = rpc_call(ca, 300, 30);
    unbound->basis = FLOW_INFERRED;
    unbound->step = FLOW_STEP_NONE;
    evaluate(model, 400);
    g_assert_true(unbound->step == FLOW_CA_ISSUE);
    bound = rpc_call(begin_rpc(model, NDES, 200), 250, 30);
    evaluate(model, 5000);
    g_assert_true(bound->operation_of == operation);
    assert_alone(unbound);
    g_assert_true(unbound->step == FLOW_STEP_NONE);
    flow_model_free(model);
}

/* Not only NDES asks a CA. */
static void
test_ca_alone(void)
{
    flow_model    *model = new_model(NULL);
    flow_exchange *issue = rpc_call(begin_rpc(model, NDES, 100), 110, 50);

    g_assert_cmpuint(evaluate(model, 5000)->enrolments->len, ==, 0);
    g_assert_null(issue->enrolment);
    flow_model_free(model);
}

/* --- two legs --- */

static void
test_proxy(void)
{
    flow_model           *model = new_model(NULL);
    flow_conversation    *front = begin(model, DEVICE, WAP, NAME, 0);
    flow_conversation    *inner = begin(model, WAP_INSIDE, NDES, INNER_NAME, 30);
    flow_exchange        *outside = ask_operation(front, 20, "A1", PKCS_REQ, NULL);
    flow_exchange        *inside = ask_operation(inner, 50, "A1", PKCS_REQ, NULL);
    flow_exchange        *verify = call(begin_crp(model, 80), 100, FLOW_VERIFY_REQUEST, NULL, 20);
    flow_exchange        *issue = rpc_call(begin_rpc(model, NDES, 130), 140, 20);
    const flow_enrolment *enrolment;

    answer_operation(inside, 190, SUCCESS);
    answer_operation(outside, 200, SUCCESS);
    enrolment = only(model, 5000);
    g_assert_true(outside->onward == inside);
    assert_joined(verify, inside, 92, "asked 50.0 ms after the PKIOperation came, while it waited");
    assert_joined(issue, inside, 92, "asked 90.0 ms after the PKIOperation came, while it waited");
    g_assert_cmpuint(enrolment->parts->len, ==, 4);
    for (guint i = 0; i < 4; i++) {
        static const char *const legs[] = { "device-wap", "wap-ndes", "ndes-crp", "ndes-ca" };
        static const unsigned    continues[] = { 0, 1, 2, 2 };
        const flow_part         *part = enrolment->parts->pdata[i];

        g_assert_cmpstr(flow_leg_name(part->leg), ==, legs[i]);
        g_assert_cmpuint(part->continues, ==, continues[i]);
        g_assert_cmpuint(part->number, ==, i + 1);
    }
    assert_steps(enrolment, "pki-operation ok, verify-request ok, ca-issue ok, notify missing, cert-rep ok");
    g_assert_cmpstr(enrolment->device, ==, DEVICE);
    g_assert_cmpstr(enrolment->server, ==, NAME);
    flow_model_free(model);
}

/* The device's leg cannot be read, so that NDES's alone tells the transaction. */
static void
test_proxy_unread(void)
{
    flow_model        *model = new_model(NULL);
    flow_conversation *own[3];
    flow_exchange     *inside, *verify, *others;

    windows_encrypted(model, DEVICE, WAP, NAME, 0, own);
    inside = ask_operation(begin(model, WAP_INSIDE, NDES, INNER_NAME, 6030), 6050, "A1", PKCS_REQ, NULL);
    answer_operation(inside, 6500, SUCCESS);
    others = call(begin_crp(model, 6080), 6100, FLOW_VERIFY_REQUEST, "Z9", 20);
    verify = call(begin_crp(model, 6180), 6200, FLOW_VERIFY_REQUEST, "A1", 20);
    evaluate(model, 20000);
    g_assert_nonnull(inside->inward);
    assert_joined(verify, inside, 100, "the same transaction");
    assert_alone(others);
    g_assert_true(part_of(own[2])->enrolment == inside->enrolment);
    flow_model_free(model);
}

/* --- the management service --- */

/* The device's enrolment begins at 700 s. */
enum { ENROLS = 700000 };

/* One that ends at `time`. */
static flow_conversation *
add_sync(flow_model *model, const char *client, int64_t time)
{
    flow_conversation *conversation = begin(model, client, MDM, MDM_NAME, time - 100);

    turn(conversation, time - 80, 2000, 9000, 20);
    turn(conversation, time - 50, 3000, 90000, 20);
    finish(conversation, time - 1);
    return conversation;
}

static void
test_sync(void)
{
    flow_model           *model = new_model(NULL);
    flow_conversation    *far, *sync, *others;
    const flow_enrolment *enrolment;
    const flow_part      *part;

    /* 601 s and 599 s before. */
    far = add_sync(model, DEVICE, ENROLS - 601000);
    sync = add_sync(model, DEVICE, ENROLS - 599000);
    others = add_sync(model, OTHER_DEVICE, ENROLS - 10000);
    windows_read(model, DEVICE, WAP, ENROLS, "A1", SUCCESS, NULL);
    enrolment = only(model, ENROLS + 20000);
    part = part_of(sync);
    g_assert_null(flow_parts_of(far));
    g_assert_null(flow_parts_of(others));
    g_assert_true(part->enrolment == enrolment);
    g_assert_true(part->leg == FLOW_DEVICE_MDM);
    g_assert_cmpuint(part->number, ==, 1);
    assert_roles(part, "sync");
    assert_part_steps(part, "tcp-handshake ok, tls-handshake ok, sync ok");
    assert_steps(enrolment, "sync ok, get-ca-cert ok, get-ca-caps ok, get-ca-caps ok, get-ca-cert ok, pki-operation ok, "
                            "verify-request not-visible, ca-issue not-visible, notify not-visible, cert-rep ok");
    g_assert_true(((flow_expectation *)enrolment->steps->pdata[0])->part == part);
    g_assert_cmpuint(enrolment->begin.frame, ==, at(ENROLS).frame);
    g_assert_cmpstr(enrolment->server, ==, NAME);
    g_assert_cmpstr(enrolment->server_endpoint.address, ==, WAP);
    g_assert_cmpstr(enrolment->device, ==, DEVICE);
    g_assert_true(enrolment->verdict == FLOW_COMPLETE);
    g_assert_cmpuint(enrolment->confidence, ==, 100);
    g_assert_cmpuint(enrolment->findings->len, ==, 0);
    flow_model_free(model);
}

/* The capture began in the middle of it: it has no step at all, and nothing is known of it yet. */
static void
test_sync_cut(void)
{
    flow_model           *model = new_model(NULL);
    flow_conversation    *sync = add_sync(model, DEVICE, ENROLS - 10000);
    const flow_enrolment *enrolment;

    sync->has_start = false;
    sync->syn = sync->syn_ack = sync->established = (flow_moment){ 0, 0 };
    sync->client_hello = sync->server_hello = sync->tls_established = (flow_moment){ 0, 0 };
    windows_read(model, DEVICE, WAP, ENROLS, "A1", SUCCESS, NULL);
    enrolment = only(model, ENROLS + 20000);
    assert_part_steps(part_of(sync), "");
    g_assert_true(state_of_step(enrolment, FLOW_SYNC) == FLOW_WAITING);
    flow_model_free(model);
}

/* Of several enrolments the next has it. */
static void
test_sync_of_next(void)
{
    flow_model        *model = new_model(NULL);
    flow_conversation *own[2][3], *sync;

    windows_read(model, DEVICE, WAP, 1000, "A1", SUCCESS, own[0]);
    sync = add_sync(model, DEVICE, ENROLS - 10000);
    windows_read(model, DEVICE, WAP, ENROLS, "B2", SUCCESS, own[1]);
    windows_read(model, DEVICE, WAP, ENROLS + 100000, "C3", SUCCESS, NULL);
    g_assert_cmpuint(evaluate(model, ENROLS + 120000)->enrolments->len, ==, 3);
    g_assert_true(part_of(sync)->enrolment == part_of(own[1][0])->enrolment);
    g_assert_true(state_of_step(part_of(own[0][0])->enrolment, FLOW_SYNC) == FLOW_NOT_VISIBLE);
    flow_model_free(model);
}

/* It fails: worth a word. When the device tries again is counted from the enrolment's begin, with or without it. */
static void
test_sync_fails(void)
{
    int64_t due[2];

    for (int has_sync = 0; has_sync < 2; has_sync++) {
        flow_model           *model = new_model(NULL);
        flow_conversation    *sync;
        const flow_enrolment *enrolment;

        if (has_sync) {
            sync = begin(model, DEVICE, MDM, MDM_NAME, ENROLS - 30000);
            break_off(sync, ENROLS - 29990, FLOW_CLIENT, UNKNOWN_CA);
        }
        windows_read(model, DEVICE, WAP, ENROLS, "A1", FAILURE, NULL);
        enrolment = only(model, ENROLS + 20000);
        g_assert_cmpuint(count_findings(enrolment, "mdm-unreachable"), ==, (unsigned)has_sync);
        g_assert_true(state_of_step(enrolment, FLOW_SYNC) == (has_sync ? FLOW_FAILED : FLOW_NOT_VISIBLE));
        if (has_sync) {
            const flow_finding *finding = finding_of(enrolment, "mdm-unreachable");

            g_assert_true(finding->part == part_of(sync));
            g_assert_true(finding->severity == FLOW_WARNING);
            assert_contains(finding->what, DEVICE);
            assert_contains(finding->what, MDM_NAME);
            g_assert_null(finding_of(enrolment, "tls-root-untrusted"));
            g_assert_null(finding_of(enrolment, "tls-alert"));
        }
        due[has_sync] = enrolment->retry_due;
        flow_model_free(model);
    }
    g_assert_cmpint(due[0], ==, at(ENROLS).time + 5 * 60 * SECOND); /* windows-mdm.flow: every 5m for 15m */
    g_assert_cmpint(due[1], ==, due[0]);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/around/bare", test_bare);
    g_test_add_func("/around/bare/known-ca", test_bare_known_ca);
    g_test_add_func("/around/bare/same-machine", test_bare_same_machine);
    g_test_add_func("/around/crp-alone", test_crp_alone);
    g_test_add_func("/around/crp-alone/verdicts", test_crp_verdicts);
    g_test_add_func("/around/crp-alone/by-order", test_crp_by_order);
    g_test_add_func("/around/crp-alone/unread", test_crp_unread);
    g_test_add_func("/around/crp-alone/merged", test_crp_merged);
    g_test_add_func("/around/unbound", test_unbound);
    g_test_add_func("/around/unbound/no-more", test_unbound_no_more);
    g_test_add_func("/around/ca-alone", test_ca_alone);
    g_test_add_func("/around/proxy", test_proxy);
    g_test_add_func("/around/proxy/unread", test_proxy_unread);
    g_test_add_func("/around/sync", test_sync);
    g_test_add_func("/around/sync/cut", test_sync_cut);
    g_test_add_func("/around/sync/of-next", test_sync_of_next);
    g_test_add_func("/around/sync/fails", test_sync_fails);
    return g_test_run();
}
