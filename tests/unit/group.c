/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Whose enrolment a request belongs to.
 */
#include <string.h>

#include "flow_support.h"

#define NAT "203.0.113.1"

static const flow_exchange *
exchange_at(const flow_conversation *conversation, unsigned index)
{
    return conversation->exchanges->pdata[index];
}

/* Of the PKIOperation of device_read(). */
static void
rename_transaction(flow_conversation *conversation, const char *transaction)
{
    ((flow_exchange *)conversation->exchanges->pdata[2])->transaction_id =
        flow_intern(conversation->model, transaction);
}

/* All of `conversations` belong to one enrolment alone, and it has no other. */
static const flow_enrolment *
assert_together(flow_conversation *const *conversations, unsigned count)
{
    const flow_enrolment *enrolment = part_of(conversations[0])->enrolment;

    for (unsigned i = 1; i < count; i++)
        g_assert_true(part_of(conversations[i])->enrolment == enrolment);
    g_assert_cmpuint(enrolment->parts->len, ==, count);
    return enrolment;
}

/* Three Windows devices behind one address, 150 ms after each other, interleaved in all their stages. */
static void
test_nat_read(void)
{
    enum { DEVICES = 3 };

    flow_model        *model = new_model(NULL);
    flow_conversation *own[DEVICES][3];

    for (int i = 0; i < DEVICES; i++) {
        char transaction[] = { 'A', (char)('1' + i), '\0' };

        windows_read(model, NAT, WAP, 150 * i, transaction, i == 1 ? FAILURE : SUCCESS, own[i]);
    }
    g_assert_cmpuint(evaluate(model, 20000)->enrolments->len, ==, DEVICES);
    for (int i = 0; i < DEVICES; i++) {
        const flow_enrolment *enrolment = assert_together(own[i], 3);

        g_assert_cmpuint(enrolment->number, ==, i + 1);
        g_assert_true(enrolment->verdict == (i == 1 ? FLOW_VERDICT_FAILED : FLOW_COMPLETE));
        g_assert_cmpstr(enrolment->transaction_id, ==, exchange_at(own[i][2], 0)->transaction_id);
    }
    flow_model_free(model);
}

static void
test_nat_inferred(void)
{
    enum { DEVICES = 4 };

    flow_model        *model = new_model(NULL);
    flow_conversation *own[DEVICES][3];

    for (int i = 0; i < DEVICES; i++)
        windows_encrypted(model, NAT, WAP, NAME, 150 * i, own[i]);
    g_assert_cmpuint(evaluate(model, 20000)->enrolments->len, ==, DEVICES);
    for (int i = 0; i < DEVICES; i++) {
        g_assert_true(assert_together(own[i], 3)->verdict == FLOW_COMPLETE);
        g_assert_cmpuint(part_of(own[i][0])->enrolment->number, ==, i + 1);
    }
    flow_model_free(model);
}

/* A proxy's one connection to NDES, over which two devices take turns. */
static void
test_shared_connection(void)
{
    static const char *const transactions[] = { "A1", "B2" };
    flow_model              *model = new_model(NULL);
    flow_conversation       *one = begin(model, WAP_INSIDE, NDES, INNER_NAME, 0);
    const GPtrArray         *parts;

    for (int i = 0; i < 2; i++) {
        int64_t from = 1000 * i;

        answer(ask(one, from + 20, FLOW_GET_CA_CERT, "ca", NULL), from + 30, 200);
        answer(ask(one, from + 40, FLOW_GET_CA_CAPS, "ca", NULL), from + 50, 200);
        answer_operation(ask_operation(one, from + 60, transactions[i], PKCS_REQ, NULL), from + 80, SUCCESS);
    }
    g_assert_cmpuint(evaluate(model, 3000)->enrolments->len, ==, 2);
    parts = flow_parts_of(one);
    g_assert_cmpuint(parts->len, ==, 2);
    for (guint i = 0; i < 2; i++) {
        const flow_part *part = parts->pdata[i];

        g_assert_cmpuint(part->enrolment->number, ==, i + 1);
        g_assert_cmpstr(part->enrolment->transaction_id, ==, transactions[i]);
        for (guint j = 0; j < 3; j++)
            g_assert_true(exchange_at(one, 3 * i + j)->enrolment == part->enrolment);
    }
    flow_model_free(model);
}

/* The same, their discoveries both before their PKIOperations: two devices at once. */
static void
test_shared_connection_interleaved(void)
{
    flow_model        *model = new_model(NULL);
    flow_conversation *front[2], *inner = begin(model, WAP_INSIDE, NDES, INNER_NAME, 30);
    static const char *const transactions[] = { "A1", "B2" };
    static const char *const devices[] = { DEVICE, OTHER_DEVICE };

    for (int i = 0; i < 2; i++)
        front[i] = begin(model, devices[i], WAP, NAME, i);
    for (int stage = 0; stage < 3; stage++) {
        for (int i = 0; i < 2; i++) {
            int64_t        time = 100 + 200 * stage + 100 * i;
            flow_step      step = (const flow_step[]){ FLOW_GET_CA_CERT, FLOW_GET_CA_CAPS, FLOW_PKI_OPERATION }[stage];
            flow_exchange *outside, *inside;

            if (step == FLOW_PKI_OPERATION) {
                outside = ask_operation(front[i], time, transactions[i], PKCS_REQ, NULL);
                inside = ask_operation(inner, time + 10, transactions[i], PKCS_REQ, NULL);
                answer_operation(inside, time + 30, SUCCESS);
                answer_operation(outside, time + 40, SUCCESS);
            } else {
                outside = ask(front[i], time, step, "ca", NULL);
                inside = ask(inner, time + 10, step, "ca", NULL);
                answer(inside, time + 30, 200);
                answer(outside, time + 40, 200);
            }
        }
    }
    g_assert_cmpuint(evaluate(model, 3000)->enrolments->len, ==, 2);
    g_assert_cmpuint(flow_parts_of(inner)->len, ==, 2);
    for (unsigned i = 0; i < 6; i++)
        g_assert_true(exchange_at(inner, i)->enrolment == part_of(front[i % 2])->enrolment);
    flow_model_free(model);
}

/* certmonger: GetCACert with message=0 and 1, GetCACaps twice, PKIOperation, each on a connection of its own. */
static void
test_doubled_discovery(void)
{
    flow_model        *model = new_model(NULL);
    flow_conversation *own[5];

    for (int i = 0; i < 5; i++)
        own[i] = begin(model, DEVICE, WAP, NAME, 300 * i);
    answer(ask(own[0], 20, FLOW_GET_CA_CERT, "0", NULL), 30, 200);
    answer(ask(own[1], 320, FLOW_GET_CA_CERT, "1", NULL), 330, 200);
    answer(ask(own[2], 620, FLOW_GET_CA_CAPS, "0", NULL), 630, 200);
    answer(ask(own[3], 920, FLOW_GET_CA_CAPS, "0", NULL), 930, 200);
    answer_operation(ask_operation(own[4], 1220, "1234", PKCS_REQ, NULL), 1300, SUCCESS);
    g_assert_cmpuint(evaluate(model, 5000)->enrolments->len, ==, 1);
    g_assert_true(assert_together(own, 5)->verdict == FLOW_COMPLETE);
    flow_model_free(model);
}

static void
test_polls(void)
{
    flow_model           *model = new_model(NULL);
    flow_conversation    *own[4], *other;
    const flow_enrolment *enrolment;

    /* The polls come long after, as someone has to decide first; in between another device enrols. */
    own[0] = device_read(model, DEVICE, 0, FLOW_GET_CA_CERT, FLOW_GET_CA_CAPS, NULL, NULL, PENDING);
    rename_transaction(own[0], "A1");
    other = device_read(model, OTHER_DEVICE, 1000, FLOW_GET_CA_CERT, FLOW_GET_CA_CAPS, NULL, NULL, SUCCESS);
    for (int i = 1; i < 4; i++) {
        int64_t time = i * 15 * MINUTES;

        own[i] = begin(model, DEVICE, WAP, NAME, time);
        answer_operation(ask_operation(own[i], time + 20, "A1", CERT_POLL, NULL), time + 30, i < 3 ? PENDING : SUCCESS);
    }
    g_assert_cmpuint(evaluate(model, HOURS)->enrolments->len, ==, 2);
    enrolment = assert_together(own, 4);
    g_assert_true(enrolment->verdict == FLOW_COMPLETE);
    g_assert_cmpstr(enrolment->transaction_id, ==, "A1");
    g_assert_cmpuint(enrolment->end.frame, ==, at(45 * MINUTES + 30).frame);
    g_assert_cmpuint(part_of(other)->enrolment->parts->len, ==, 1);
    flow_model_free(model);
}

/* The same key again, hence the same transactionID: after a discovery of its own it is a second enrolment. */
static void
test_renewal(void)
{
    flow_model        *model = new_model(NULL);
    flow_conversation *first = device_read(model, DEVICE, 0, FLOW_GET_CA_CERT, FLOW_GET_CA_CAPS, NULL, NULL, SUCCESS);
    flow_conversation *second = begin(model, DEVICE, WAP, NAME, 3000);

    rename_transaction(first, "A1");
    answer(ask(second, 3020, FLOW_GET_CA_CERT, NULL, NULL), 3030, 200);
    answer(ask(second, 3040, FLOW_GET_CA_CAPS, NULL, NULL), 3050, 200);
    answer_operation(ask_operation(second, 3060, "A1", RENEWAL_REQ, NULL), 3090, SUCCESS);
    g_assert_cmpuint(evaluate(model, 5000)->enrolments->len, ==, 2);
    g_assert_cmpuint(part_of(first)->enrolment->number, ==, 1);
    g_assert_cmpuint(part_of(second)->enrolment->number, ==, 2);
    assert_steps(part_of(second)->enrolment,
                 "get-ca-cert ok, get-ca-caps ok, pki-operation ok, cert-rep ok");
    flow_model_free(model);
}

/* A device that was refused repeats everything six seconds later. */
static void
test_retry(void)
{
    flow_model        *model = new_model(NULL);
    flow_conversation *tries[2][3];
    flow_exchange     *refused;

    windows_read(model, DEVICE, WAP, 0, "A1", FAILURE, tries[0]);
    windows_read(model, DEVICE, WAP, 13000, "A1", SUCCESS, tries[1]);
    refused = tries[0][2]->exchanges->pdata[0];
    answer(refused, 6520, 503);
    refused->pki_status = -1;
    g_assert_cmpuint(evaluate(model, 30000)->enrolments->len, ==, 2);
    g_assert_true(assert_together(tries[0], 3)->verdict == FLOW_VERDICT_FAILED);
    g_assert_true(assert_together(tries[1], 3)->verdict == FLOW_COMPLETE);
    g_assert_cmpuint(part_of(tries[0][0])->enrolment->attempt, ==, 1);
    g_assert_cmpuint(part_of(tries[1][0])->enrolment->attempt, ==, 2);
    flow_model_free(model);
}

/* Whoever has its certificate and asks for it by GetCert, in another transaction, does not enrol. */
static void
test_get_cert(void)
{
    flow_model           *model = new_model(NULL);
    flow_conversation    *own[2];
    const flow_enrolment *enrolment;

    own[0] = device_read(model, DEVICE, 0, FLOW_GET_CA_CERT, FLOW_GET_CA_CAPS, NULL, NULL, SUCCESS);
    own[1] = begin(model, DEVICE, WAP, NAME, 1000);
    answer_operation(ask_operation(own[1], 1020, "another", GET_CERT, NULL), 1040, SUCCESS);
    g_assert_cmpuint(evaluate(model, 5000)->enrolments->len, ==, 1);
    enrolment = assert_together(own, 2);
    g_assert_true(enrolment->verdict == FLOW_COMPLETE);
    g_assert_cmpstr(enrolment->transaction_id, ==, DEVICE " at 0");
    flow_model_free(model);
}

/* A connection that does not come about in the middle of an enrolment is that enrolment's. */
static void
test_bare(void)
{
    for (int is_tls = 0; is_tls < 2; is_tls++) {
        flow_model           *model = new_model(NULL);
        flow_conversation    *own[3], *other[3], *bare;
        const flow_enrolment *enrolment;

        windows_read(model, OTHER_DEVICE, WAP, 500, "B2", SUCCESS, other);
        windows_read(model, DEVICE, WAP, 0, "A1", SUCCESS, own);
        /* Its third connection is refused, or its server's certificate. */
        g_ptr_array_set_size(own[2]->exchanges, 0);
        g_clear_pointer(&own[2]->exchanges, g_ptr_array_unref);
        bare = own[2];
        bare->is_readable = false;
        bare->fin[0] = bare->fin[1] = (flow_moment){ 0, 0 };
        bare->tls_established = (flow_moment){ 0, 0 };
        bare->flight = FLOW_FLIGHT_SERVER_DONE;
        bare->last = at(6008);
        if (is_tls) {
            bare->alert = at(6008);
            bare->alert_description = 48;
            bare->alert_level = 2;
        } else {
            bare->syn_ack = bare->established = bare->client_hello = bare->server_hello = (flow_moment){ 0, 0 };
            bare->is_tls = false;
            bare->octets[0] = bare->octets[1] = 0;
            bare->reset = at(6008);
            bare->reset_by = FLOW_SERVER;
        }
        g_assert_cmpuint(evaluate(model, 20000)->enrolments->len, ==, 2);
        enrolment = assert_together(own, 3);
        g_assert_true(enrolment->verdict == FLOW_VERDICT_FAILED);
        assert_roles(part_of(bare), "enrolment");
        g_assert_true(assert_together(other, 3)->verdict == FLOW_COMPLETE);
        flow_model_free(model);
    }
}

/* Nothing but a connection that fails: an enrolment when the server is known for SCEP, nothing else. */
static void
test_bare_alone(void)
{
    static const struct {
        const char *servers, *name;
        unsigned    enrolments;
    } cases[] = { { NULL, NAME, 1 }, { WAP, NULL, 1 }, { NULL, PLAIN_NAME, 0 }, { NULL, NULL, 0 } };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        flow_model           *model = new_model(cases[i].servers);
        flow_conversation    *one = begin(model, DEVICE, WAP, cases[i].name, 0);
        const flow_enrolment *enrolment;

        one->tls_established = (flow_moment){ 0, 0 };
        one->flight = FLOW_FLIGHT_SERVER_DONE;
        one->alert = one->last = at(10);
        one->alert_description = 48;
        finish(one, 20);
        g_test_message("case %zu", i);
        g_assert_cmpuint(evaluate(model, 20000)->enrolments->len, ==, cases[i].enrolments);
        if (cases[i].enrolments) {
            enrolment = assert_together(&one, 1);
            g_assert_true(enrolment->verdict == FLOW_VERDICT_FAILED);
            g_assert_cmpstr(enrolment->device, ==, DEVICE);
        }
        flow_model_free(model);
    }

    flow_model *model = new_model(WAP);

    refuse(begin_with_syn(model, DEVICE, WAP, 0), 1);
    refuse(begin_with_syn(model, DEVICE, WAP, 500), 501);
    refuse(begin_with_syn(model, OTHER_DEVICE, WAP, 600), 601);
    g_assert_cmpuint(evaluate(model, 20000)->enrolments->len, ==, 2);
    g_assert_cmpuint(enrolment_of(flow_evaluate(model), 1)->parts->len, ==, 2);
    flow_model_free(model);
}

/* The proxy cannot connect to NDES while the device waits. */
static void
test_bare_inside(void)
{
    flow_model        *model = new_model("ndes=" NDES);
    flow_conversation *front = begin(model, DEVICE, WAP, NAME, 0), *inner, *other;

    other = device_read(model, OTHER_DEVICE, 10000, FLOW_GET_CA_CERT, FLOW_GET_CA_CAPS, NULL, NULL, SUCCESS);
    inner = begin_with_syn(model, WAP_INSIDE, NDES, 30);
    refuse(inner, 31);
    answer(ask(front, 20, FLOW_GET_CA_CERT, "MDM", NULL), 50, 502);
    g_assert_cmpuint(evaluate(model, 20000)->enrolments->len, ==, 2);
    g_assert_true(part_of(inner)->enrolment == part_of(front)->enrolment);
    g_assert_cmpstr(flow_leg_name(part_of(inner)->leg), ==, "wap-ndes");
    g_assert_cmpuint(part_of(other)->enrolment->parts->len, ==, 1);
    flow_model_free(model);
}

/* Two devices, told apart by their user agents alone, on connections for each request. */
static void
test_user_agents(void)
{
    flow_model        *model = new_model(NULL);
    flow_conversation *own[2][3];

    for (int i = 0; i < 2; i++) {
        const char *agent = i ? IOS_AGENT : ANDROID_AGENT, *message = i ? "SCEP Authority" : "ca";

        for (int j = 0; j < 3; j++)
            own[i][j] = begin(model, NAT, WAP, NAME, 50 * i + 100 * j);
        answer(ask(own[i][0], 50 * i + 20, FLOW_GET_CA_CERT, message, agent), 50 * i + 30, 200);
        answer(ask(own[i][1], 50 * i + 120, FLOW_GET_CA_CAPS, message, agent), 50 * i + 130, 200);
        answer_operation(ask_operation(own[i][2], 50 * i + 220, i ? "B2" : "A1", PKCS_REQ, agent), 50 * i + 230,
                         SUCCESS);
    }
    g_assert_cmpuint(evaluate(model, 20000)->enrolments->len, ==, 2);
    g_assert_cmpstr(assert_together(own[0], 3)->flow, ==, "android");
    g_assert_cmpstr(assert_together(own[1], 3)->flow, ==, "ios");
    flow_model_free(model);
}

/* Two devices, two servers: neither is the other's. */
static void
test_servers(void)
{
    flow_model        *model = new_model(NULL);
    flow_conversation *one = begin(model, DEVICE, WAP, NAME, 0), *two = begin(model, DEVICE, NDES, INNER_NAME, 100);

    answer(ask(one, 20, FLOW_GET_CA_CERT, NULL, NULL), 30, 200);
    answer(ask(two, 120, FLOW_GET_CA_CAPS, NULL, NULL), 130, 200);
    g_assert_cmpuint(evaluate(model, 20000)->enrolments->len, ==, 2);
    flow_model_free(model);
}

/* Half an hour later it is another try, even when it begins where the first one stopped. */
static void
test_patience(void)
{
    flow_model        *model = new_model(NULL);
    flow_conversation *one = begin(model, DEVICE, WAP, NAME, 0), *two = begin(model, DEVICE, WAP, NAME, 30 * MINUTES);

    answer(ask(one, 20, FLOW_GET_CA_CERT, NULL, NULL), 30, 200);
    answer(ask(two, 30 * MINUTES + 20, FLOW_GET_CA_CAPS, NULL, NULL), 30 * MINUTES + 30, 200);
    g_assert_cmpuint(evaluate(model, HOURS)->enrolments->len, ==, 2);
    flow_model_free(model);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/group/nat-read", test_nat_read);
    g_test_add_func("/group/nat-inferred", test_nat_inferred);
    g_test_add_func("/group/shared-connection", test_shared_connection);
    g_test_add_func("/group/shared-connection-interleaved", test_shared_connection_interleaved);
    g_test_add_func("/group/doubled-discovery", test_doubled_discovery);
    g_test_add_func("/group/polls", test_polls);
    g_test_add_func("/group/renewal", test_renewal);
    g_test_add_func("/group/retry", test_retry);
    g_test_add_func("/group/bare", test_bare);
    g_test_add_func("/group/bare-alone", test_bare_alone);
    g_test_add_func("/group/user-agents", test_user_agents);
    g_test_add_func("/group/servers", test_servers);
    g_test_add_func("/group/patience", test_patience);
    g_test_add_func("/group/get-cert", test_get_cert);
    g_test_add_func("/group/bare-inside", test_bare_inside);
    return g_test_run();
}
