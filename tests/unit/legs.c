/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Which request goes on as which behind the proxy, and what a leg is called.
 */
#include <string.h>

#include "flow_support.h"

/* An encrypted request in a conversation of its own; `wait` 0: without an answer. */
static flow_conversation *
lone(flow_model *model, const char *client, const char *server, const char *name, int64_t time, uint32_t request,
     uint32_t octets, int64_t wait)
{
    flow_conversation *one = begin(model, client, server, name, time - 20);

    turn(one, time, request, wait ? octets : 0, wait);
    return one;
}

static const flow_exchange *
asked(const flow_conversation *conversation)
{
    const flow_part *part = part_of(conversation);

    for (guint i = 0; i < part->steps->len; i++) {
        const flow_exchange *exchange = g_array_index(part->steps, flow_part_step, i).exchange;

        if (exchange)
            return exchange;
    }
    g_assert_not_reached();
}

static void
assert_pair(const flow_conversation *front, const flow_conversation *inner)
{
    g_assert_true(asked(front)->onward == asked(inner));
    g_assert_true(asked(inner)->inward == asked(front));
    g_assert_true(asked(front)->enrolment == asked(inner)->enrolment);
    g_assert_true(part_of(front)->leg == FLOW_DEVICE_WAP);
    g_assert_true(part_of(inner)->leg == FLOW_WAP_NDES);
    g_assert_cmpuint(part_of(inner)->continues, ==, part_of(front)->number);
    g_assert_nonnull(asked(front)->onward_reason);
}

static void
test_by_transaction(void)
{
    flow_model        *model = new_model(NULL);
    flow_conversation *front[2], *inner[2];
    flow_exchange     *outside[2], *inside[2];

    for (int i = 0; i < 2; i++)
        front[i] = begin(model, i ? OTHER_DEVICE : DEVICE, WAP, NAME, i);
    for (int i = 0; i < 2; i++)
        inner[i] = begin(model, WAP_INSIDE, NDES, INNER_NAME, 30 + i);
    /* Both wait; the answers cross. Only the transaction tells. */
    outside[0] = ask_operation(front[0], 20, "A1", PKCS_REQ, NULL);
    outside[1] = ask_operation(front[1], 21, "B2", PKCS_REQ, NULL);
    inside[1] = ask_operation(inner[1], 50, "B2", PKCS_REQ, NULL);
    inside[0] = ask_operation(inner[0], 51, "A1", PKCS_REQ, NULL);
    for (int i = 0; i < 2; i++)
        answer_operation(inside[i], 100 + i, SUCCESS);
    for (int i = 0; i < 2; i++)
        answer_operation(outside[i], 110 + i, SUCCESS);
    g_assert_cmpuint(evaluate(model, 1000)->enrolments->len, ==, 2);
    assert_pair(front[0], inner[0]);
    assert_pair(front[1], inner[1]);
    g_assert_cmpuint(outside[0]->onward_confidence, ==, 100);
    assert_contains(outside[0]->onward_reason, "the same transaction, 31.0 ms later");
    flow_model_free(model);
}

static void
test_by_content(void)
{
    flow_model        *model = new_model(NULL);
    flow_conversation *front = begin(model, DEVICE, WAP, NAME, 0),
                      *inner = begin(model, WAP_INSIDE, NDES, INNER_NAME, 5);
    flow_exchange     *outside[2], *inside[2];

    /* One after the other on connections that were kept, the message tells them apart. */
    outside[0] = ask(front, 20, FLOW_GET_CA_CERT, "MDM", NULL);
    inside[0] = ask(inner, 25, FLOW_GET_CA_CERT, "MDM", NULL);
    answer(inside[0], 30, 200);
    answer(outside[0], 35, 200);
    outside[1] = ask(front, 40, FLOW_GET_CA_CAPS, "MDM", NULL);
    inside[1] = ask(inner, 45, FLOW_GET_CA_CAPS, "default", NULL);
    answer(inside[1], 50, 200);
    answer(outside[1], 55, 200);
    evaluate(model, 1000);
    g_assert_true(outside[0]->onward == inside[0] && inside[0]->inward == outside[0]);
    g_assert_cmpuint(outside[0]->onward_confidence, >=, 90);
    g_assert_cmpuint(outside[0]->onward_confidence, <, 100);
    assert_contains(outside[0]->onward_reason, "the same request, 5.0 ms later");
    g_assert_null(outside[1]->onward);
    g_assert_null(inside[1]->inward);
    flow_model_free(model);
}

static void
test_by_time(void)
{
    flow_model          *model = new_model(NULL);
    flow_conversation   *front = lone(model, DEVICE, WAP, NAME, 100, 7000, 2500, 500);
    flow_conversation   *inner = lone(model, WAP_INSIDE, NDES, INNER_NAME, 130, 7300, 2400, 400);
    const flow_exchange *exchange;

    g_assert_cmpuint(evaluate(model, 1000)->enrolments->len, ==, 1);
    assert_pair(front, inner);
    exchange = asked(front);
    g_assert_cmpuint(exchange->onward_confidence, >=, 80);
    g_assert_cmpuint(exchange->onward_confidence, <, 100);
    assert_contains(exchange->onward_reason, "30.0 ms later");
    assert_contains(exchange->onward_reason, "7000");
    assert_contains(exchange->onward_reason, "7300");
    flow_model_free(model);
}

/* Whatever the frames' order at two interfaces: a millisecond the other way is nothing. */
static void
test_skew(void)
{
    flow_model        *model = new_model(NULL);
    flow_conversation *inner = lone(model, WAP_INSIDE, NDES, INNER_NAME, 100, 7000, 2500, 480);
    flow_conversation *front = lone(model, DEVICE, WAP, NAME, 101, 7000, 2500, 499);

    evaluate(model, 1000);
    assert_pair(front, inner);
    flow_model_free(model);
}

/* Two devices wait at once. What the proxy hands on may lie within what it got from the one or from the other. */
static void
test_nested(void)
{
    flow_model        *model = new_model(NULL);
    flow_conversation *slow = lone(model, DEVICE, WAP, NAME, 100, 7000, 2500, 400);
    flow_conversation *quick = lone(model, OTHER_DEVICE, WAP, NAME, 110, 7000, 2500, 100);
    flow_conversation *inner_quick = lone(model, WAP_INSIDE, NDES, INNER_NAME, 120, 7000, 2500, 80);
    flow_conversation *inner_slow = lone(model, WAP_INSIDE, NDES, INNER_NAME, 125, 7000, 2500, 370);

    evaluate(model, 1000);
    assert_pair(slow, inner_slow);
    assert_pair(quick, inner_quick);
    flow_model_free(model);
}

static void
test_crossing(void)
{
    flow_model        *model = new_model(NULL);
    flow_conversation *first = lone(model, DEVICE, WAP, NAME, 100, 7000, 2500, 100);
    flow_conversation *inner_first = lone(model, WAP_INSIDE, NDES, INNER_NAME, 110, 7000, 2500, 80);
    flow_conversation *second = lone(model, OTHER_DEVICE, WAP, NAME, 120, 7000, 2500, 200);
    flow_conversation *inner_second = lone(model, WAP_INSIDE, NDES, INNER_NAME, 130, 7000, 2500, 180);

    evaluate(model, 1000);
    assert_pair(first, inner_first);
    assert_pair(second, inner_second);
    flow_model_free(model);
}

/* The second request's answer passes the first's: what is answered later inside cannot be what was answered sooner. */
static void
test_overtaking(void)
{
    flow_model        *model = new_model(NULL);
    flow_conversation *first = lone(model, DEVICE, WAP, NAME, 100, 7000, 2500, 300);
    flow_conversation *second = lone(model, OTHER_DEVICE, WAP, NAME, 105, 7000, 2500, 100);
    flow_conversation *inner_first = lone(model, WAP_INSIDE, NDES, INNER_NAME, 110, 7000, 2500, 270);
    flow_conversation *inner_second = lone(model, WAP_INSIDE, NDES, INNER_NAME, 115, 7000, 2500, 70);

    evaluate(model, 1000);
    assert_pair(first, inner_first);
    assert_pair(second, inner_second);
    flow_model_free(model);
}

static void
test_rivals(void)
{
    unsigned confidences[3];

    for (unsigned rivals = 0; rivals < 3; rivals++) {
        static const char *const clients[] = { DEVICE, OTHER_DEVICE, "192.0.2.12" };
        flow_model              *model = new_model(NULL);
        flow_conversation       *fronts[3];

        for (unsigned i = 0; i <= rivals; i++)
            fronts[i] = lone(model, clients[i], WAP, NAME, 100 + i, 7000, 2500, 500 + i);
        lone(model, WAP_INSIDE, NDES, INNER_NAME, 130, 7000, 2500, 400);
        evaluate(model, 1000);
        g_assert_nonnull(asked(fronts[0])->onward);
        confidences[rivals] = asked(fronts[0])->onward_confidence;
        flow_model_free(model);
    }
    g_assert_cmpuint(confidences[0], >, confidences[1]);
    g_assert_cmpuint(confidences[1], >, confidences[2]);
    g_assert_cmpuint(confidences[2], >, 0);
}

/* One that is no continuation: of another size, of another step, sent too early, answered too late, with the same
 * server. */
static void
test_no_pair(void)
{
    static const struct {
        const char *what;
        const char *server;
        int64_t     time, wait;
        uint32_t    request, answer;
    } cases[] = {
        { "the request is longer", NDES, 130, 400, 8500, 2500 },
        { "the request is shorter", NDES, 130, 400, 5500, 2500 },
        { "the answer is longer", NDES, 130, 400, 7000, 4000 },
        { "another step", NDES, 130, 400, 300, 3500 },
        { "sent before", NDES, 70, 400, 7000, 2500 },
        { "sent when all was over", NDES, 650, 100, 7000, 2500 },
        { "answered after the device was", NDES, 130, 600, 7000, 2500 },
        { "the same server", WAP, 130, 400, 7000, 2500 },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        flow_model        *model = new_model(NULL);
        flow_conversation *front = lone(model, DEVICE, WAP, NAME, 100, 7000, 2500, 500);
        flow_conversation *other = lone(model, WAP_INSIDE, cases[i].server, INNER_NAME, cases[i].time, cases[i].request,
                                        cases[i].answer, cases[i].wait);

        g_test_message("%s", cases[i].what);
        evaluate(model, 2000);
        g_assert_null(asked(front)->onward);
        g_assert_null(asked(other)->inward);
        flow_model_free(model);
    }
}

/* The proxy waits for NDES and gives up: its own answer is an error page, the request inside has none. */
static void
test_unanswered_inside(void)
{
    flow_model        *model = new_model(NULL);
    flow_conversation *front = lone(model, DEVICE, WAP, NAME, 100, 7000, 600, 500);
    flow_conversation *inner = lone(model, WAP_INSIDE, NDES, INNER_NAME, 130, 7000, 0, 0);

    finish(inner, 590);
    g_assert_cmpuint(evaluate(model, 1000)->enrolments->len, ==, 1);
    assert_pair(front, inner);
    flow_model_free(model);
}

/* Read in front of the proxy, encrypted behind it. */
static void
test_half_read(void)
{
    flow_model        *model = new_model(NULL);
    flow_conversation *front = begin(model, DEVICE, WAP, NAME, 80);
    flow_exchange     *operation = ask_operation(front, 100, "A1", PKCS_REQ, WINDOWS_AGENT);
    flow_conversation *inner = lone(model, WAP_INSIDE, NDES, INNER_NAME, 130, OPERATION + 200, OPERATION_ANSWER, 400);

    answer_operation(operation, 600, SUCCESS);
    evaluate(model, 1000);
    assert_pair(front, inner);
    g_assert_cmpuint(operation->onward_confidence, <, 100);
    flow_model_free(model);
}

static void
test_leg_names(void)
{
    static const struct {
        const char *servers, *vantage, *interface, *client, *server, *name;
        flow_leg    leg;
    } cases[] = {
        { NULL, NULL, NULL, DEVICE, WAP, NAME, FLOW_DEVICE_WAP },
        { NULL, NULL, NULL, DEVICE, NDES, INNER_NAME, FLOW_DEVICE_NDES },
        { NULL, NULL, NULL, DEVICE, NDES, "scep.contoso.local", FLOW_DEVICE_NDES },
        /* The preferences go before everything else. */
        { "wap=" WAP, NULL, NULL, DEVICE, WAP, INNER_NAME, FLOW_DEVICE_WAP },
        { "wap=" WAP_INSIDE, NULL, NULL, WAP_INSIDE, NDES, NAME, FLOW_WAP_NDES },
        { "ndes=" NDES, NULL, NULL, DEVICE, NDES, NAME, FLOW_DEVICE_NDES },
        { "ndes=" NAME, NULL, NULL, DEVICE, NDES, NAME, FLOW_DEVICE_NDES },
        { "ndes=" NDES ",wap=" DEVICE, NULL, NULL, DEVICE, NDES, NAME, FLOW_WAP_NDES },
        { "wap=" WAP, "ndes", NULL, DEVICE, WAP, NAME, FLOW_DEVICE_WAP },
        /* Where it was captured. */
        { NULL, "client", NULL, DEVICE, WAP, NAME, FLOW_DEVICE_WAP },
        { NULL, "client", NULL, DEVICE, NDES, INNER_NAME, FLOW_DEVICE_NDES },
        { NULL, "wap", NULL, DEVICE, WAP, NAME, FLOW_DEVICE_WAP },
        { NULL, "wap", NULL, WAP_INSIDE, NDES, INNER_NAME, FLOW_WAP_NDES },
        { NULL, "ndes", NULL, WAP_INSIDE, NDES, NAME, FLOW_WAP_NDES },
        /* Or what its interface is called. */
        { NULL, NULL, "ndes", WAP_INSIDE, NDES, NAME, FLOW_WAP_NDES },
        { NULL, NULL, "NDES01", WAP_INSIDE, NDES, NAME, FLOW_WAP_NDES },
        { NULL, NULL, "wap-inside", WAP_INSIDE, NDES, INNER_NAME, FLOW_WAP_NDES },
        { NULL, NULL, "wap-outside", DEVICE, WAP, NAME, FLOW_DEVICE_WAP },
        { NULL, NULL, "device", DEVICE, WAP, NAME, FLOW_DEVICE_WAP },
        { NULL, NULL, "eth0", DEVICE, NDES, INNER_NAME, FLOW_DEVICE_NDES },
        { NULL, "client", "ndes", DEVICE, WAP, NAME, FLOW_DEVICE_WAP },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        flow_settings      settings = { .servers = cases[i].servers, .vantage = cases[i].vantage };
        flow_model        *model = flow_model_new(built_in(), &settings);
        flow_conversation *one = begin(model, cases[i].client, cases[i].server, cases[i].name, 0);

        one->vantage = cases[i].interface;
        answer_operation(ask_operation(one, 20, "A1", PKCS_REQ, NULL), 100, SUCCESS);
        evaluate(model, 1000);
        g_test_message("case %zu", i);
        g_assert_cmpstr(flow_leg_name(part_of(one)->leg), ==, flow_leg_name(cases[i].leg));
        flow_model_free(model);
    }
}

/* A device that the user names is one, wherever the capture was made. */
static void
test_told_device(void)
{
    flow_settings      settings = { .servers = "device=" DEVICE, .vantage = "ndes" };
    flow_model        *model = flow_model_new(built_in(), &settings);
    flow_conversation *one = begin(model, DEVICE, NDES, INNER_NAME, 0);

    answer_operation(ask_operation(one, 20, "A1", PKCS_REQ, NULL), 100, SUCCESS);
    evaluate(model, 1000);
    g_assert_cmpstr(flow_leg_name(part_of(one)->leg), ==, "device-ndes");
    flow_model_free(model);
}

/* One pair tells what the ends are for conversations that have none. */
static void
test_learned_from_pairs(void)
{
    flow_model        *model = new_model(NULL);
    flow_conversation *front = lone(model, DEVICE, WAP, NAME, 100, 7000, 2500, 500);
    flow_conversation *inner = lone(model, WAP_INSIDE, NDES, NAME, 130, 7000, 2500, 400);
    flow_conversation *outside = lone(model, OTHER_DEVICE, WAP, INNER_NAME, 200100, 7000, 2500, 500);
    flow_conversation *inside = lone(model, WAP_INSIDE, "198.51.100.31", NAME, 300100, 7000, 2500, 500);
    flow_conversation *direct = lone(model, "198.51.100.99", NDES, NAME, 400100, 7000, 2500, 500);

    evaluate(model, 500000);
    assert_pair(front, inner);
    g_assert_cmpstr(flow_leg_name(part_of(outside)->leg), ==, "device-wap");
    g_assert_cmpstr(flow_leg_name(part_of(inside)->leg), ==, "wap-ndes");
    g_assert_cmpstr(flow_leg_name(part_of(direct)->leg), ==, "device-ndes");
    flow_model_free(model);
}

/* Requests of a Windows device that come each on a connection of its own were passed on by a proxy. */
static void
test_grouped_by_proxy(void)
{
    static const struct {
        int64_t   time;
        flow_step step;
    } requests[] = { { 0, FLOW_GET_CA_CERT }, { 100, FLOW_GET_CA_CAPS }, { 2000, FLOW_GET_CA_CAPS },
                     { 2100, FLOW_GET_CA_CERT }, { 6000, FLOW_PKI_OPERATION } };
    flow_model           *model = new_model(NULL);
    const flow_enrolment *enrolment;

    for (size_t i = 0; i < G_N_ELEMENTS(requests); i++) {
        flow_conversation *one = begin(model, WAP_INSIDE, NDES, NAME, requests[i].time);

        turn(one, requests[i].time + 20, requests[i].step == FLOW_PKI_OPERATION ? OPERATION : SMALL_REQUEST,
             requests[i].step == FLOW_GET_CA_CAPS   ? CAPS_ANSWER
             : requests[i].step == FLOW_GET_CA_CERT ? CERT_ANSWER
                                                    : OPERATION_ANSWER,
             20);
    }
    evaluate(model, 7000);
    enrolment = enrolment_of(flow_evaluate(model), 1);
    g_assert_cmpuint(enrolment->parts->len, ==, 5);
    for (guint i = 0; i < 5; i++)
        g_assert_cmpstr(flow_leg_name(((flow_part *)enrolment->parts->pdata[i])->leg), ==, "wap-ndes");
    g_assert_null(enrolment->device); /* no leg of the device was captured */
    flow_model_free(model);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/legs/by-transaction", test_by_transaction);
    g_test_add_func("/legs/by-content", test_by_content);
    g_test_add_func("/legs/by-time", test_by_time);
    g_test_add_func("/legs/skew", test_skew);
    g_test_add_func("/legs/nested", test_nested);
    g_test_add_func("/legs/crossing", test_crossing);
    g_test_add_func("/legs/overtaking", test_overtaking);
    g_test_add_func("/legs/rivals", test_rivals);
    g_test_add_func("/legs/no-pair", test_no_pair);
    g_test_add_func("/legs/unanswered-inside", test_unanswered_inside);
    g_test_add_func("/legs/half-read", test_half_read);
    g_test_add_func("/legs/names", test_leg_names);
    g_test_add_func("/legs/learned-from-pairs", test_learned_from_pairs);
    g_test_add_func("/legs/grouped-by-proxy", test_grouped_by_proxy);
    g_test_add_func("/legs/told-device", test_told_device);
    return g_test_run();
}
