/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What NDES asks of the registration point and of the CA, and which PKIOperation waited for it.
 */
#include "behind_support.h"

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
    g_test_add_func("/behind/five-thousand", test_five_thousand);
    return g_test_run();
}
