/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What NDES asks of the registration point and of the CA, and which PKIOperation waited for it; and the device's
 * synchronisation before.
 */
#include <string.h>

#include "flow_support.h"

/* A web server that has nothing to do with enrolments. */
#define OTHER_SERVER "203.0.113.80"

/* Ports: an unknown one of the CA's dynamic ones, and DCE/RPC's endpoint mapper. */
enum { OTHER_DYNAMIC_PORT = 49711, ENDPOINT_MAPPER = 135 };

/* RFC 8446 6 */
enum { BAD_CERTIFICATE = 42, UNKNOWN_CA = 48 };

/* RFC 8894 3.2.1.4 */
enum { BAD_REQUEST = 2 };

static void
assert_joined(const flow_exchange *call, const flow_exchange *operation, unsigned confidence, const char *reason)
{
    g_assert_true(call->operation_of == operation);
    g_assert_true(call->enrolment == operation->enrolment);
    g_assert_nonnull(call->enrolment);
    g_assert_cmpuint(call->onward_confidence, ==, confidence);
    g_assert_cmpstr(call->onward_reason, ==, reason);
}

/* It is of no PKIOperation. */
static void
assert_alone(const flow_exchange *call)
{
    g_assert_null(call->operation_of);
    g_assert_cmpuint(call->onward_confidence, ==, 0);
    g_assert_null(call->onward_reason);
}

static void
assert_leg(const flow_conversation *conversation, const char *leg)
{
    g_assert_cmpstr(flow_leg_name(part_of(conversation)->leg), ==, leg);
}

static const flow_enrolment *
only(flow_model *model, int64_t time)
{
    const flow_result *result = evaluate(model, time);

    g_assert_cmpuint(result->enrolments->len, ==, 1);
    return enrolment_of(result, 1);
}

static flow_conversation *
begin_crp(flow_model *model, int64_t time)
{
    return begin(model, NDES, CRP, CRP_NAME, time);
}

/* A PKIOperation at 100 that NDES refuses at 2000. */
static flow_exchange *
refused_operation(flow_model *model)
{
    flow_exchange *operation = operation_at_ndes(model, 100, "A1", 1900);

    operation->pki_status = FAILURE;
    operation->fail_info = BAD_REQUEST;
    return operation;
}

/* --- what was read --- */

/* The second comes first: the order says nothing when the transaction is known. */
static void
test_by_transaction(void)
{
    flow_model        *model = new_model(NULL);
    flow_exchange     *first = operation_at_ndes(model, 100, "A1", 1000);
    flow_exchange     *second = operation_at_ndes(model, 130, "B2", 1000);
    flow_conversation *crp = begin_crp(model, 180);
    flow_exchange     *calls[4] = { call(crp, 200, FLOW_VERIFY_REQUEST, "B2", 50),
                                    call(crp, 260, FLOW_VERIFY_REQUEST, "A1", 50),
                                    call(crp, 400, FLOW_NOTIFY, "A1", 20), call(crp, 430, FLOW_NOTIFY, "B2", 20) };
    const flow_result *result = evaluate(model, 5000);

    g_assert_cmpuint(result->enrolments->len, ==, 2);
    assert_joined(calls[0], second, 100, "the same transaction");
    assert_joined(calls[1], first, 100, "the same transaction");
    assert_joined(calls[2], first, 100, "the same transaction");
    assert_joined(calls[3], second, 100, "the same transaction");
    /* The connection has a part in either. */
    g_assert_cmpuint(flow_parts_of(crp)->len, ==, 2);
    for (guint i = 0; i < 2; i++) {
        const flow_part *part = flow_parts_of(crp)->pdata[i];

        g_assert_true(part->leg == FLOW_NDES_CRP);
        g_assert_true(part->basis == FLOW_DECRYPTED);
        g_assert_cmpuint(part->confidence, ==, 100);
        g_assert_cmpuint(part->number, ==, 2);
        g_assert_cmpuint(part->continues, ==, 1);
        assert_roles(part, "verify,notify");
        assert_part_steps(part, "tcp-handshake ok, tls-handshake ok, verify-request ok, notify ok");
    }
    assert_steps(enrolment_of(result, 1),
                 "pki-operation ok, verify-request ok, ca-issue not-visible, notify ok, cert-rep ok");
    flow_model_free(model);
}

/* The clocks of two machines: the call lies 90 s before, or another 130 s before, the operation. A transaction comes twice:
 * whichever is nearer has it. */
static void
test_by_transaction_elsewhere(void)
{
    flow_model        *model = new_model(NULL);
    flow_conversation *crp = begin_crp(model, 10);
    flow_exchange     *far = call(crp, 1000, FLOW_VERIFY_REQUEST, "A1", 50);
    flow_exchange     *near = call(crp, 50000, FLOW_VERIFY_REQUEST, "B2", 50);
    flow_exchange     *late = operation_at_ndes(model, 131000, "A1", 500);
    flow_exchange     *soon = operation_at_ndes(model, 140000, "B2", 500);
    flow_exchange     *again;

    evaluate(model, 150000);
    assert_alone(far);
    assert_joined(near, soon, 100, "the same transaction");
    g_assert_true(late->enrolment != far->enrolment);
    flow_model_free(model);

    model = new_model(NULL);
    soon = operation_at_ndes(model, 100, "A1", 500);
    crp = begin_crp(model, 900);
    near = call(crp, 1000, FLOW_NOTIFY, "A1", 50); /* 0.9 s after the one, 99 s before the other */
    again = operation_at_ndes(model, 100000, "A1", 500);
    evaluate(model, 150000);
    assert_joined(near, soon, 100, "the same transaction");
    g_assert_true(again->enrolment != NULL);
    flow_model_free(model);

    /* 59 s after the one, which waits for it; 1 s before the other. */
    model = new_model(NULL);
    soon = operation_at_ndes(model, 100, "A1", 100000);
    near = call(begin_crp(model, 58900), 59000, FLOW_VERIFY_REQUEST, "A1", 50);
    operation_at_ndes(model, 60000, "A1", 500);
    evaluate(model, 150000);
    assert_joined(near, soon, 100, "the same transaction");
    flow_model_free(model);
}

static void
test_by_request(void)
{
    flow_model        *model = new_model(NULL);
    flow_exchange     *first = operation_at_ndes(model, 100, "A1", 1000);
    flow_exchange     *second = operation_at_ndes(model, 130, "B2", 1000);
    flow_exchange     *verify = call(begin_crp(model, 180), 200, FLOW_VERIFY_REQUEST, NULL, 50);
    flow_exchange     *issue = rpc_call(begin_rpc(model, NDES, 300), 310, 50);

    first->request_key = flow_intern(model, "one");
    second->request_key = flow_intern(model, "other");
    verify->request_key = issue->request_key = flow_intern(model, "other");
    evaluate(model, 5000);
    assert_joined(verify, second, 100, "the same certificate request");
    assert_joined(issue, second, 100, "the same certificate request");
    assert_leg(issue->conversation, "ndes-ca");
    assert_roles(part_of(issue->conversation), "ca-rpc");
    flow_model_free(model);
}

/* Nothing says whose they are: whoever came first is served first. 200 - 100 = 100 ms, 230 - 130 = 100 ms. */
static void
test_by_order(void)
{
    flow_model        *model = new_model(NULL);
    flow_exchange     *first = operation_at_ndes(model, 100, "A1", 1000);
    flow_exchange     *second = operation_at_ndes(model, 130, "B2", 1000);
    flow_conversation *crp = begin_crp(model, 180);
    flow_exchange     *verify[2] = { call(crp, 200, FLOW_VERIFY_REQUEST, NULL, 20),
                                     call(crp, 230, FLOW_VERIFY_REQUEST, NULL, 20) };
    flow_exchange     *notify[2] = { call(crp, 300, FLOW_NOTIFY, NULL, 20), call(crp, 330, FLOW_NOTIFY, NULL, 20) };

    evaluate(model, 5000);
    assert_joined(verify[0], first, 70,
                  "asked 100.0 ms after the PKIOperation came, by the order of the 2 that waited for it");
    assert_joined(verify[1], second, 92, "asked 100.0 ms after the PKIOperation came, while it waited");
    assert_joined(notify[0], first, 70,
                  "asked 200.0 ms after the PKIOperation came, by the order of the 2 that waited for it");
    assert_joined(notify[1], second, 92, "asked 200.0 ms after the PKIOperation came, while it waited");
    flow_model_free(model);
}

/* Of another transaction than any that is known: it is of an enrolment whose PKIOperation was not captured. */
static void
test_other_transaction(void)
{
    flow_model        *model = new_model(NULL);
    flow_exchange     *first = operation_at_ndes(model, 100, "A1", 1000);
    flow_exchange     *verify = call(begin_crp(model, 180), 200, FLOW_VERIFY_REQUEST, "Z9", 20);
    const flow_result *result = evaluate(model, 5000);

    assert_alone(verify);
    g_assert_cmpuint(result->enrolments->len, ==, 2);
    g_assert_true(verify->enrolment == enrolment_of(result, 2));
    g_assert_cmpstr(verify->enrolment->transaction_id, ==, "Z9");
    g_assert_true(first->enrolment == enrolment_of(result, 1));
    flow_model_free(model);
}

/* Calls of a client at which no PKIOperation came in, or that end after the answer. */
static void
test_not_within(void)
{
    flow_model    *model = new_model(NULL);
    flow_exchange *others, *late, *early;

    operation_at_ndes(model, 200, "A1", 1000);
    others = call(begin(model, OTHER_DEVICE, CRP, CRP_NAME, 280), 300, FLOW_VERIFY_REQUEST, NULL, 20);
    early = call(begin_crp(model, 100), 120, FLOW_VERIFY_REQUEST, NULL, 200);
    late = call(begin_crp(model, 1100), 1120, FLOW_VERIFY_REQUEST, NULL, 200);
    evaluate(model, 5000);
    assert_alone(others);
    assert_alone(early);
    assert_alone(late);
    flow_model_free(model);
}

/* NDES got no answer out: what it asked belongs to it all the same, until the connection ended. */
static void
test_unanswered_operation(void)
{
    flow_model        *model = new_model(NULL);
    flow_exchange     *hung = operation_at_ndes(model, 100, "A1", 0), *later;
    flow_conversation *crp = begin_crp(model, 180);
    flow_exchange     *verify = call(crp, 200, FLOW_VERIFY_REQUEST, NULL, 20);
    flow_exchange     *issue = rpc_call(begin_rpc(model, NDES, 300), 310, 40000);
    flow_exchange     *another;

    finish(hung->conversation, 30000);
    later = operation_at_ndes(model, 31000, "B2", 1000);
    another = rpc_call(begin_rpc(model, NDES, 31100), 31110, 50);
    evaluate(model, 60000);
    assert_joined(verify, hung, 92, "asked 100.0 ms after the PKIOperation came, while it waited");
    assert_joined(issue, hung, 92, "asked 210.0 ms after the PKIOperation came, while it waited");
    /* The device of the first is gone; the second was not verified, where one would see it. */
    assert_alone(another);
    g_assert_true(later->enrolment != hung->enrolment);
    g_assert_true(state_of_step(hung->enrolment, FLOW_VERIFY_REQUEST) == FLOW_OK);
    g_assert_true(state_of_step(hung->enrolment, FLOW_CA_ISSUE) == FLOW_OK); /* after the device had gone */
    g_assert_true(state_of_step(hung->enrolment, FLOW_NOTIFY) == FLOW_MISSING);
    flow_model_free(model);
}

/* The device of the first gave up before NDES asked anything: what comes later is for the second. */
static void
test_given_up(void)
{
    flow_model    *model = new_model(NULL);
    flow_exchange *hung = operation_at_ndes(model, 100, "A1", 0), *later, *verify;

    finish(hung->conversation, 30000);
    later = operation_at_ndes(model, 31000, "B2", 1000);
    verify = call(begin_crp(model, 31080), 31100, FLOW_VERIFY_REQUEST, NULL, 20);
    evaluate(model, 60000);
    assert_joined(verify, later, 92, "asked 100.0 ms after the PKIOperation came, while it waited");
    flow_model_free(model);
}

/* Interfaces whose frames are out of step by a few milliseconds: 5 are borne, before and after. */
static void
test_skew(void)
{
    static const struct {
        int64_t begin, end;
        bool    is_joined;
    } cases[] = { { 95, 1105, true }, { 94, 200, false }, { 200, 1106, false } };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        flow_model    *model = new_model(NULL);
        flow_exchange *operation = operation_at_ndes(model, 100, "A1", 1000);
        flow_exchange *verify = call(begin_crp(model, 20), cases[i].begin, FLOW_VERIFY_REQUEST, NULL,
                                     cases[i].end - cases[i].begin);

        evaluate(model, 5000);
        g_assert_true((verify->operation_of == operation) == cases[i].is_joined);
        flow_model_free(model);
    }
}

/* Nobody waits for ever: 300 s after it a call is of another. */
static void
test_forgotten_operation(void)
{
    static const struct {
        int64_t begin;
        bool    is_joined;
    } cases[] = { { 299000, true }, { 302000, false } };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        flow_model    *model = new_model(NULL);
        flow_exchange *hung = operation_at_ndes(model, 100, "A1", 0);
        flow_exchange *verify =
            call(begin_crp(model, cases[i].begin - 20), cases[i].begin, FLOW_VERIFY_REQUEST, NULL, 20);

        evaluate(model, 310000);
        g_assert_true((verify->operation_of == hung) == cases[i].is_joined);
        flow_model_free(model);
    }
}

/* After a refusal by the registration point NDES asks nobody any more. */
static void
test_not_verified(void)
{
    flow_model    *model = new_model(NULL);
    flow_exchange *operation = refused_operation(model);
    flow_exchange *verify = call(begin_crp(model, 180), 200, FLOW_VERIFY_REQUEST, NULL, 20);
    flow_exchange *issue = rpc_call(begin_rpc(model, NDES, 300), 310, 50);
    flow_exchange *notify = call(begin_crp(model, 400), 420, FLOW_NOTIFY, NULL, 20);

    verify->verified = 0;
    evaluate(model, 60000);
    g_assert_true(verify->operation_of == operation);
    g_assert_true(verify->state == FLOW_FAILED);
    assert_alone(issue);
    assert_alone(notify);
    g_assert_null(issue->enrolment);
    g_assert_true(notify->enrolment != operation->enrolment);
    assert_steps(operation->enrolment,
                 "pki-operation failed, verify-request failed, ca-issue not-visible, notify missing, cert-rep failed");
    flow_model_free(model);
}

/* --- ten at once --- */

/* Each of a device of its own, 70 ms apart, of 500 ms: up to eight wait at any time. When a VerifyRequest is sent, others
 * wait for their Notify, and the other way round; calls do not overlap, so that one connection can carry them all. */
enum {
    MANY = 10,
    APART = 70,
    VERIFY_AT = 65,
    VERIFY_WAIT = 13,
    CA_AT = 100,
    CA_WAIT = 70,
    NOTIFY_AT = 270,
    NOTIFY_WAIT = 4,
};

typedef struct {
    flow_conversation *asked_in;
    flow_exchange     *verify, *ca, *notify; /* NULL where encrypted */
    flow_conversation *verify_in, *notify_in, *ca_in;
    int64_t            begin;
} one_of_many;

static void
add_calls(flow_model *model, one_of_many all[MANY], bool is_read, bool has_transactions, bool is_kept)
{
    flow_conversation *crp = is_kept ? begin_crp(model, 5000) : NULL;
    flow_conversation *ca = is_kept ? begin_rpc(model, NDES, 5000) : NULL;

    /* In order of time: a kept connection has its calls so. */
    for (int64_t time = 0; time < MANY * APART + 500; time++) {
        for (int i = 0; i < MANY; i++) {
            one_of_many *one = &all[i];
            int64_t      now = time - APART * i;
            char        *id = has_transactions ? g_strdup_printf("T%d", i) : NULL;

            if (now == VERIFY_AT - 20)
                one->verify_in = crp ? crp : begin_crp(model, one->begin + now);
            if (now == NOTIFY_AT - 20)
                one->notify_in = crp ? crp : begin_crp(model, one->begin + now);
            if (now == CA_AT - 20)
                one->ca_in = ca ? ca : begin_rpc(model, NDES, one->begin + now);
            if (now == CA_AT)
                one->ca = rpc_call(one->ca_in, one->begin + now, CA_WAIT);
            if (now == VERIFY_AT && is_read)
                one->verify = call(one->verify_in, one->begin + now, FLOW_VERIFY_REQUEST, id, VERIFY_WAIT);
            else if (now == VERIFY_AT)
                verify_turn(one->verify_in, one->begin + now, VERIFY_WAIT);
            if (now == NOTIFY_AT && is_read)
                one->notify = call(one->notify_in, one->begin + now, FLOW_NOTIFY, id, NOTIFY_WAIT);
            else if (now == NOTIFY_AT)
                notify_turn(one->notify_in, one->begin + now, NOTIFY_WAIT);
            g_free(id);
        }
    }
}

/* The step of the enrolment that began at this time. */
static void
assert_call(const flow_enrolment *enrolment, flow_step step, int64_t time, const flow_conversation *conversation)
{
    for (guint i = 0; i < enrolment->steps->len; i++) {
        const flow_expectation *one = enrolment->steps->pdata[i];

        if (one->step != step)
            continue;
        g_assert_true(one->state == FLOW_OK);
        g_assert_cmpuint(one->exchange->request.frame, ==, at(time).frame);
        g_assert_true(one->exchange->conversation == conversation);
        return;
    }
    g_assert_not_reached();
}

static void
test_ten(gconstpointer data)
{
    unsigned           how = GPOINTER_TO_UINT(data);
    bool               is_operation_read = how & 1, is_call_read = how & 2;
    bool               has_transactions = how & 4, is_kept = how & 8;
    flow_model        *model = new_model(NULL);
    one_of_many        all[MANY] = { 0 };
    const flow_result *result;

    for (int i = 0; i < MANY; i++) {
        char              *device = g_strdup_printf("192.0.2.%d", 100 + i), *id = g_strdup_printf("T%d", i);
        flow_conversation *own[3];

        if (is_operation_read)
            windows_read(model, device, NDES, APART * i, flow_intern(model, id), SUCCESS, own);
        else
            windows_encrypted(model, device, NDES, INNER_NAME, APART * i, own);
        all[i].asked_in = own[2];
        all[i].begin = 6020 + APART * i;
        g_free(device);
        g_free(id);
    }
    add_calls(model, all, is_call_read, has_transactions, is_kept);
    result = evaluate(model, 60000);
    g_assert_cmpuint(result->enrolments->len, ==, MANY);
    for (int i = 0; i < MANY; i++) {
        const flow_enrolment *enrolment = part_of(all[i].asked_in)->enrolment;

        g_assert_cmpuint(enrolment->findings->len, ==, 0);
        assert_call(enrolment, FLOW_VERIFY_REQUEST, all[i].begin + VERIFY_AT, all[i].verify_in);
        assert_call(enrolment, FLOW_CA_ISSUE, all[i].begin + CA_AT, all[i].ca_in);
        assert_call(enrolment, FLOW_NOTIFY, all[i].begin + NOTIFY_AT, all[i].notify_in);
        g_assert_true(all[i].ca->enrolment == enrolment);
        /* Device, registration point and CA: three of the first, one or two, one. */
        g_assert_cmpuint(enrolment->parts->len, ==, is_kept ? 5 : 6);
    }
    flow_model_free(model);
}

/* --- what cannot be read --- */

/* The two by their sizes; of the first nothing is known yet, and what is not there is not Notify. */
static void
test_unread(void)
{
    flow_model           *model = new_model(NULL);
    flow_exchange        *operation = operation_at_ndes(model, 100, "A1", 1000);
    flow_conversation    *crp = begin_crp(model, 180);
    const flow_enrolment *enrolment;
    const flow_part      *part;
    const flow_exchange  *verify, *notify;

    verify_turn(crp, 200, 50);
    notify_turn(crp, 400, 20);
    enrolment = only(model, 5000);
    part = part_of(crp);
    g_assert_true(part->leg == FLOW_NDES_CRP);
    g_assert_true(part->basis == FLOW_INFERRED);
    g_assert_cmpuint(part->confidence, ==, 92); /* the name says whose it is */
    assert_part_steps(part, "tcp-handshake ok, tls-handshake ok, verify-request ok, notify ok");
    assert_steps(enrolment, "pki-operation ok, verify-request ok, ca-issue not-visible, notify ok, cert-rep ok");
    verify = g_array_index(part->steps, flow_part_step, 2).exchange;
    notify = g_array_index(part->steps, flow_part_step, 3).exchange;
    assert_joined(verify, operation, 92, "asked 100.0 ms after the PKIOperation came, while it waited");
    assert_joined(notify, operation, 92, "asked 300.0 ms after the PKIOperation came, while it waited");
    g_assert_cmpstr(verify->reason, ==, "1332 octets answered by 235, while the PKIOperation waited");
    g_assert_cmpstr(notify->reason, ==,
                    "1630 octets answered by 168, while the PKIOperation waited, after VerifyRequest");
    g_assert_cmpuint(enrolment->findings->len, ==, 0);
    flow_model_free(model);
}

/* By its size the second VerifyRequest's answer is one to a Notify; but nothing was verified before it. */
static void
test_unread_by_place(void)
{
    flow_model        *model = new_model(NULL);
    flow_exchange     *second;
    flow_conversation *crp = begin_crp(model, 180);
    const flow_part   *part;

    operation_at_ndes(model, 100, "A1", 1000);
    verify_turn(crp, 200, 50);
    notify_turn(crp, 400, 20);
    second = operation_at_ndes(model, 2000, "B2", 1000);
    turn(crp, 2200, VERIFY, NOTIFY_ANSWER, 50);
    notify_turn(crp, 2400, 20);
    evaluate(model, 5000);
    g_assert_cmpuint(flow_parts_of(crp)->len, ==, 2);
    part = flow_parts_of(crp)->pdata[1];
    g_assert_true(part->enrolment == second->enrolment);
    assert_part_steps(part, "tcp-handshake ok, tls-handshake ok, verify-request ok, notify ok");
    flow_model_free(model);
}

/* Servers that NDES asks something of, at the times of `turns` (0 ends them), while a PKIOperation waits from 1000 to
 * 2000. */
static void
test_servers(void)
{
    static const struct {
        const char *what, *servers, *address, *name;
        int64_t     turns[3];
        uint32_t    answer;
        unsigned    confidence; /* 0: not taken */
        const char *leg;
    } cases[] = {
        { "one that nobody knows", NULL, OTHER_SERVER, PLAIN_NAME, { 1100, 1300 }, 235, 75, "ndes-crp" },
        { "answers that are too long", NULL, OTHER_SERVER, PLAIN_NAME, { 1100, 1300 }, 5000, 0, NULL },
        { "before", NULL, OTHER_SERVER, PLAIN_NAME, { 500 }, 235, 0, NULL },
        { "after", NULL, OTHER_SERVER, PLAIN_NAME, { 3000 }, 235, 0, NULL },
        { "within and after", NULL, OTHER_SERVER, PLAIN_NAME, { 1100, 3000 }, 235, 0, NULL },
        { "before and within", NULL, OTHER_SERVER, PLAIN_NAME, { 500, 1100 }, 235, 0, NULL },
        { "longer than it waits", NULL, OTHER_SERVER, PLAIN_NAME, { 1995 }, 235, 0, NULL },
        { "a registration point by its name", NULL, CRP, CRP_NAME, { 500, 1100, 3000 }, 235, 92, "ndes-crp" },
        { "by what the user says of the address", "crp=" CRP, CRP, PLAIN_NAME, { 500, 1100, 3000 }, 235, 92, "ndes-crp" },
        { "by what the user says of the name", "crp=portal.*", CRP, PLAIN_NAME, { 1100, 3000 }, 235, 92, "ndes-crp" },
        { "whatever it answers", "crp=" CRP, CRP, PLAIN_NAME, { 1100 }, 5000, 92, "ndes-crp" },
        { "another that the user says", "crp=" CRP, OTHER_SERVER, PLAIN_NAME, { 1100, 3000 }, 235, 0, NULL },
        { "Intune", NULL, MDM, MDM_NAME, { 500, 1100, 3000 }, 235, 92, "ndes-intune" },
        { "Intune by what the user says", "mdm=" MDM, MDM, PLAIN_NAME, { 1100, 3000 }, 235, 92, "ndes-intune" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        flow_model        *model = new_model(cases[i].servers);
        flow_exchange     *operation = operation_at_ndes(model, 1000, "A1", 1000);
        flow_conversation *conversation = begin(model, NDES, cases[i].address, cases[i].name, 480);

        for (int j = 0; j < 3 && cases[i].turns[j]; j++)
            turn(conversation, cases[i].turns[j], VERIFY, cases[i].answer, 15);
        g_test_message("%s", cases[i].what);
        g_assert_cmpuint(evaluate(model, 5000)->enrolments->len, ==, 1);
        if (cases[i].confidence) {
            g_assert_true(part_of(conversation)->enrolment == operation->enrolment);
            g_assert_cmpuint(part_of(conversation)->confidence, ==, cases[i].confidence);
            assert_leg(conversation, cases[i].leg);
        } else {
            g_assert_null(flow_parts_of(conversation));
            g_assert_cmpuint(operation->enrolment->parts->len, ==, 1);
        }
        flow_model_free(model);
    }
}

/* Another machine than NDES asks the registration point meanwhile: it is another NDES, with enrolments of its own. */
static void
test_other_client(void)
{
    flow_model        *model = new_model(NULL);
    flow_conversation *conversation = begin(model, OTHER_DEVICE, CRP, CRP_NAME, 180);
    flow_exchange     *operation = operation_at_ndes(model, 100, "A1", 1000);

    verify_turn(conversation, 200, 50);
    g_assert_cmpuint(evaluate(model, 5000)->enrolments->len, ==, 2);
    g_assert_true(part_of(conversation)->enrolment != operation->enrolment);
    g_assert_cmpuint(operation->enrolment->parts->len, ==, 1);
    flow_model_free(model);
}

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

/* --- many --- */

static void
test_five_thousand(void)
{
    enum { COUNT = 5000 };

    flow_model        *model = new_model(NULL);
    flow_exchange    **operations = g_new0(flow_exchange *, COUNT), **issues = g_new0(flow_exchange *, COUNT);
    flow_conversation **calls = g_new0(flow_conversation *, COUNT);
    const flow_result *result;

    /* One every 100 ms, each takes 250 ms. */
    for (int i = 0; i < COUNT; i++) {
        int64_t            time = 1000 + 100 * (int64_t)i;
        char              *device = g_strdup_printf("10.1.%d.%d", i / 250, i % 250), *id = g_strdup_printf("T%d", i);
        flow_conversation *own = begin(model, device, NDES, INNER_NAME, time - 20);

        operations[i] = ask_operation(own, time, id, PKCS_REQ, NULL);
        answer_operation(operations[i], time + 250, SUCCESS);
        calls[i] = begin_crp(model, time + 5);
        verify_turn(calls[i], time + 20, 30);
        issues[i] = rpc_call(begin_rpc(model, NDES, time + 60), time + 70, 50);
        notify_turn(calls[i], time + 150, 20);
        g_free(device);
        g_free(id);
    }
    result = evaluate(model, 1000000);
    g_assert_cmpuint(result->enrolments->len, ==, COUNT);
    for (int i = 0; i < COUNT; i++) {
        g_assert_true(issues[i]->operation_of == operations[i]);
        g_assert_true(part_of(calls[i])->enrolment == operations[i]->enrolment);
        g_assert_cmpuint(part_of(calls[i])->steps->len, ==, 4);
    }
    g_free(operations);
    g_free(issues);
    g_free(calls);
    flow_model_free(model);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/behind/by-transaction", test_by_transaction);
    g_test_add_func("/behind/by-transaction-elsewhere", test_by_transaction_elsewhere);
    g_test_add_func("/behind/by-request", test_by_request);
    g_test_add_func("/behind/by-order", test_by_order);
    g_test_add_func("/behind/other-transaction", test_other_transaction);
    g_test_add_func("/behind/not-within", test_not_within);
    g_test_add_func("/behind/unanswered-operation", test_unanswered_operation);
    g_test_add_func("/behind/forgotten-operation", test_forgotten_operation);
    g_test_add_func("/behind/given-up", test_given_up);
    g_test_add_func("/behind/skew", test_skew);
    g_test_add_func("/behind/not-verified", test_not_verified);
    for (unsigned how = 0; how < 16; how++) {
        char *path;

        if ((how & 4) && !(how & 2))
            continue; /* what is encrypted shows no transaction */
        path = g_strdup_printf("/behind/ten/operations-%s/calls-%s%s/%s", how & 1 ? "read" : "encrypted",
                               how & 2 ? "read" : "encrypted", how & 4 ? "-with-transaction" : "",
                               how & 8 ? "one-connection" : "own-connections");
        g_test_add_data_func(path, GUINT_TO_POINTER(how), test_ten);
        g_free(path);
    }
    g_test_add_func("/behind/unread", test_unread);
    g_test_add_func("/behind/unread/by-place", test_unread_by_place);
    g_test_add_func("/behind/servers", test_servers);
    g_test_add_func("/behind/other-client", test_other_client);
    g_test_add_func("/behind/bare", test_bare);
    g_test_add_func("/behind/bare/known-ca", test_bare_known_ca);
    g_test_add_func("/behind/bare/same-machine", test_bare_same_machine);
    g_test_add_func("/behind/crp-alone", test_crp_alone);
    g_test_add_func("/behind/crp-alone/verdicts", test_crp_verdicts);
    g_test_add_func("/behind/crp-alone/by-order", test_crp_by_order);
    g_test_add_func("/behind/crp-alone/unread", test_crp_unread);
    g_test_add_func("/behind/crp-alone/merged", test_crp_merged);
    g_test_add_func("/behind/unbound", test_unbound);
    g_test_add_func("/behind/unbound/no-more", test_unbound_no_more);
    g_test_add_func("/behind/ca-alone", test_ca_alone);
    g_test_add_func("/behind/proxy", test_proxy);
    g_test_add_func("/behind/proxy/unread", test_proxy_unread);
    g_test_add_func("/behind/sync", test_sync);
    g_test_add_func("/behind/sync/cut", test_sync_cut);
    g_test_add_func("/behind/sync/of-next", test_sync_of_next);
    g_test_add_func("/behind/sync/fails", test_sync_fails);
    g_test_add_func("/behind/five-thousand", test_five_thousand);
    return g_test_run();
}
