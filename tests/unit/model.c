/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The model of a file: what it keeps, what it numbers, and when it evaluates.
 */
#include <string.h>

#include "flow_support.h"

static void
test_strings(void)
{
    flow_model *model = new_model(NULL);
    char        text[] = "scep.contoso.com";
    const char *kept = flow_intern(model, text);

    text[0] = 'x';
    g_assert_cmpstr(kept, ==, "scep.contoso.com");
    g_assert_true(flow_intern(model, "scep.contoso.com") == kept);
    g_assert_null(flow_intern(model, NULL));
    flow_model_free(model);
    flow_model_free(NULL);
}

static void
test_conversation(void)
{
    flow_model        *model = new_model(NULL);
    char               client[] = DEVICE;
    flow_conversation *one = flow_add_conversation(model, 7, client, 50000, WAP, 443, "wap-outside", at(5));

    client[0] = 'x';
    g_assert_cmpstr(one->client.address, ==, DEVICE);
    g_assert_cmpuint(one->client.port, ==, 50000);
    g_assert_cmpstr(one->server.address, ==, WAP);
    g_assert_cmpuint(one->tcp_stream, ==, 7);
    g_assert_cmpstr(one->vantage, ==, "wap-outside");
    g_assert_cmpuint(one->first.frame, ==, 6);
    g_assert_cmpuint(one->last.frame, ==, 6);
    g_assert_cmpint(one->alert_description, ==, -1);
    flow_swap_sides(one);
    g_assert_cmpstr(one->client.address, ==, WAP);
    g_assert_cmpuint(one->client.port, ==, 443);
    g_assert_cmpstr(one->server.address, ==, DEVICE);
    g_assert_null(flow_parts_of(one));
    flow_model_free(model);
}

/* What was not captured or is not known is 0, NULL or -1. */
static void
test_exchange(void)
{
    flow_model        *model = new_model(NULL);
    flow_conversation *one = begin(model, DEVICE, WAP, NULL, 0);
    flow_exchange     *first = flow_add_exchange(one, FLOW_DECRYPTED, at(20));
    flow_exchange     *second = flow_add_exchange(one, FLOW_LOG, at(30));

    g_assert_cmpuint(one->exchanges->len, ==, 2);
    g_assert_true(one->exchanges->pdata[0] == first && one->exchanges->pdata[1] == second);
    g_assert_cmpuint(first->request.frame, ==, 21);
    g_assert_cmpuint(first->request_end.frame, ==, 21);
    g_assert_cmpuint(first->response.frame, ==, 0);
    g_assert_cmpint(first->message_type, ==, -1);
    g_assert_cmpint(first->pki_status, ==, -1);
    g_assert_cmpint(first->fail_info, ==, -1);
    g_assert_cmpint(first->http_status, ==, 0);
    g_assert_null(first->user_agent);
    g_assert_true(second->basis == FLOW_LOG);
    flow_model_free(model);
}

static unsigned certificates_read;

static void
read_certificate(flow_model *model, const uint8_t *der, size_t length, flow_certificate *certificate)
{
    certificates_read++;
    g_assert_cmpuint(length, ==, 3);
    if (der[0] == 'a')
        certificate->subject = flow_intern(model, "CN=a");
}

static void
test_certificates(void)
{
    flow_model             *model = new_model(NULL);
    uint8_t                 der[] = "abc";
    const flow_certificate *one = flow_certificate_of(model, der, 3, read_certificate);

    g_assert_cmpstr(one->subject, ==, "CN=a");
    g_assert_true(flow_certificate_of(model, (const uint8_t *)"abc", 3, read_certificate) == one);
    g_assert_cmpuint(certificates_read, ==, 1);
    der[0] = 'x'; /* the key is a copy */
    g_assert_true(flow_certificate_of(model, (const uint8_t *)"abc", 3, read_certificate) == one);
    g_assert_null(flow_certificate_of(model, der, 3, read_certificate));
    g_assert_null(flow_certificate_of(model, der, 3, read_certificate));
    g_assert_cmpuint(certificates_read, ==, 2);
    flow_model_free(model);
}

/* Numbers follow the begin of enrolments, whichever conversation came in first and was answered first. */
static void
test_numbers(void)
{
    flow_model        *model = new_model(NULL);
    flow_conversation *late, *early;
    const flow_result *result;

    early = begin(model, DEVICE, WAP, NAME, 0);
    late = begin(model, OTHER_DEVICE, WAP, NAME, 15);
    answer(ask(late, 30, FLOW_GET_CA_CAPS, "ca", ANDROID_AGENT), 40, 200);
    answer(ask(early, 50, FLOW_GET_CA_CAPS, "ca", ANDROID_AGENT), 60, 200);
    result = evaluate(model, 100);
    g_assert_cmpuint(result->enrolments->len, ==, 2);
    g_assert_cmpstr(enrolment_of(result, 1)->device, ==, DEVICE);
    g_assert_cmpstr(enrolment_of(result, 2)->device, ==, OTHER_DEVICE);
    g_assert_cmpuint(enrolment_of(result, 1)->begin.frame, ==, 1);
    g_assert_cmpuint(enrolment_of(result, 1)->end.frame, ==, 61);
    flow_model_free(model);
}

/* A connection that was refused before makes an enrolment the earlier one. */
static void
test_numbers_with_bare(void)
{
    flow_model        *model = new_model(NULL);
    flow_conversation *one, *other;
    const flow_result *result;

    refuse(begin_with_syn(model, OTHER_DEVICE, WAP, 0), 1);
    one = begin(model, DEVICE, WAP, NAME, 50);
    other = begin(model, OTHER_DEVICE, WAP, NAME, 100);
    answer(ask(one, 80, FLOW_GET_CA_CAPS, "ca", ANDROID_AGENT), 90, 200);
    answer(ask(other, 150, FLOW_GET_CA_CAPS, "ca", ANDROID_AGENT), 160, 200);
    result = evaluate(model, 200);
    g_assert_cmpuint(result->enrolments->len, ==, 2);
    g_assert_cmpstr(enrolment_of(result, 1)->device, ==, OTHER_DEVICE);
    g_assert_cmpuint(enrolment_of(result, 1)->begin.frame, ==, 1);
    g_assert_cmpuint(enrolment_of(result, 1)->parts->len, ==, 2);
    g_assert_true(part_of(other)->enrolment == enrolment_of(result, 1));
    g_assert_true(part_of(one)->enrolment == enrolment_of(result, 2));
    flow_model_free(model);
}

/* Nothing is done again without a reason; and what was said before is forgotten when there is one. */
static void
test_again(void)
{
    flow_model        *model = new_model(NULL);
    flow_conversation *own[3];
    const flow_result *result;
    const flow_part   *part;

    windows_encrypted(model, DEVICE, WAP, NAME, 0, own);
    result = evaluate(model, 7000);
    part = part_of(own[0]);
    g_assert_true(flow_evaluate(model) == result);
    g_assert_true(part_of(own[0]) == part);
    for (int i = 0; i < 3; i++) {
        own[i]->is_readable = true;
        flow_changed(own[i]);
    }
    g_assert_cmpuint(flow_evaluate(model)->enrolments->len, ==, 0);
    g_assert_null(flow_parts_of(own[0]));
    flow_model_free(model);
}

/* What was read keeps its place when it is evaluated again. */
static void
test_again_when_read(void)
{
    flow_model        *model = new_model(NULL);
    flow_conversation *own[3];
    flow_exchange     *operation;

    windows_read(model, DEVICE, WAP, 0, "A1", SUCCESS, own);
    operation = own[2]->exchanges->pdata[0];
    for (int i = 0; i < 3; i++) {
        const flow_result *result = evaluate(model, 7000);

        g_assert_cmpuint(result->enrolments->len, ==, 1);
        g_assert_true(operation->enrolment == enrolment_of(result, 1));
        g_assert_true(operation->state == FLOW_OK);
        g_assert_cmpuint(operation->confidence, ==, 100);
        g_assert_null(operation->reason);
        flow_changed(own[0]);
    }
    flow_model_free(model);
}

/* Time goes by, and nothing else happens: a request that still waited when it was asked last has failed now. */
static void
test_time_goes_by(void)
{
    flow_model        *model = new_model(NULL);
    flow_conversation *one = begin(model, DEVICE, WAP, NAME, 0);

    ask(one, 20, FLOW_GET_CA_CAPS, "ca", ANDROID_AGENT);
    g_assert_true(enrolment_of(evaluate(model, 100), 1)->verdict == FLOW_INCOMPLETE);
    g_assert_true(enrolment_of(evaluate(model, 20000), 1)->verdict == FLOW_VERDICT_FAILED);
    flow_model_free(model);
}

/* On the way through a file of many conversations the result may be behind, at its end it is not. */
static void
test_lately(void)
{
    enum { MANY = 200 };

    flow_model        *model = new_model(NULL);
    const flow_result *result;
    unsigned           largest = 0;

    for (int i = 0; i < MANY; i++) {
        char client[20];

        g_snprintf(client, sizeof client, "192.0.2.%d", i);
        device_read(model, client, i * 1000, FLOW_GET_CA_CERT, FLOW_GET_CA_CAPS, "ca", ANDROID_AGENT, SUCCESS);
        result = flow_evaluate_lately(model);
        largest = MAX(largest, i + 1 - result->enrolments->len);
        if (i < 10)
            g_assert_cmpuint(result->enrolments->len, ==, i + 1);
    }
    g_assert_cmpuint(largest, <, MANY / 2);
    g_assert_cmpuint(flow_evaluate(model)->enrolments->len, ==, MANY);
    flow_model_free(model);
}

static void
test_hint(void)
{
    flow_model *model = new_model(NULL);

    g_assert_null(evaluate(model, 0)->hint);
    begin(model, DEVICE, WAP, PLAIN_NAME, 0);
    refuse(begin_with_syn(model, DEVICE, WAP, 100), 101);
    begin_with_syn(model, DEVICE, NDES, 200);
    assert_contains(evaluate(model, 10000)->hint,
                    "Of its 3 TCP conversations 1 are encrypted and 2 found nobody listening");
    windows_encrypted(model, DEVICE, WAP, NAME, 20000, NULL);
    g_assert_null(evaluate(model, 30000)->hint);
    flow_model_free(model);
}

static void
test_expected_flow(void)
{
    flow_settings      settings = { .expected_flow = "RFC8894" };
    flow_model        *model = flow_model_new(built_in(), &settings);

    windows_encrypted(model, DEVICE, WAP, NAME, 0, NULL);
    g_assert_cmpstr(enrolment_of(evaluate(model, 7000), 1)->flow, ==, "rfc8894");
    flow_model_free(model);
    model = flow_model_new(built_in(), NULL);
    windows_encrypted(model, DEVICE, WAP, NAME, 0, NULL);
    g_assert_cmpstr(enrolment_of(evaluate(model, 7000), 1)->flow, ==, "windows-mdm");
    flow_model_free(model);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/model/strings", test_strings);
    g_test_add_func("/model/conversation", test_conversation);
    g_test_add_func("/model/exchange", test_exchange);
    g_test_add_func("/model/certificates", test_certificates);
    g_test_add_func("/model/numbers", test_numbers);
    g_test_add_func("/model/numbers-with-bare", test_numbers_with_bare);
    g_test_add_func("/model/again", test_again);
    g_test_add_func("/model/again-when-read", test_again_when_read);
    g_test_add_func("/model/lately", test_lately);
    g_test_add_func("/model/hint", test_hint);
    g_test_add_func("/model/expected-flow", test_expected_flow);
    g_test_add_func("/model/time-goes-by", test_time_goes_by);
    return g_test_run();
}
