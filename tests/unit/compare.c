/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * An enrolment against the expected flows that are built in: which one it is, which steps came, what became of it, and
 * when the device tries again.
 */
#include <string.h>

#include "flow_support.h"

#define BEFORE "sync not-visible, "
#define BEHIND "verify-request not-visible, ca-issue not-visible, notify not-visible, "

/* The only enrolment. */
static const flow_enrolment *
only(flow_model *model, int64_t time)
{
    const flow_result *result = evaluate(model, time);

    g_assert_cmpuint(result->enrolments->len, ==, 1);
    return enrolment_of(result, 1);
}

/* The steps of the enrolment itself, from 0: a synchronisation before it is not counted. */
static const flow_expectation *
expected_at(const flow_enrolment *enrolment, guint index)
{
    const flow_expectation *first = enrolment->steps->pdata[0];

    index += first->step == FLOW_SYNC;
    g_assert_cmpuint(index, <, enrolment->steps->len);
    return enrolment->steps->pdata[index];
}

static void
test_choice(void)
{
    static const struct {
        const char *flow, *user_agent, *message;
    } cases[] = {
        { "windows", WINDOWS_AGENT, "default" },
        { "windows", "Mozilla/4.0 (compatible; Win32; NDES client 10.0)", "default" },
        { "ios", IOS_AGENT, "SCEP Authority" },
        { "ios", IOS_AGENT, "SCEP%20Authority" },
        { "ios", NULL, "SCEP Authority" },
        { "android", ANDROID_AGENT, "ca" },
        { "android", NULL, "ca" },
        { "macos", MACOS_AGENT, "" },
        { "macos", MACOS_AGENT, "A profile's own name" },
        { "rfc8894", "curl/7.88.1", NULL },
        { "rfc8894", NULL, "0" },
        { "rfc8894", NULL, NULL },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        flow_model           *model = new_model(NULL);
        const flow_enrolment *enrolment;

        device_read(model, DEVICE, 0, FLOW_GET_CA_CERT, FLOW_GET_CA_CAPS, cases[i].message, cases[i].user_agent,
                    SUCCESS);
        enrolment = only(model, 1000);
        g_test_message("%s, %s", cases[i].user_agent, cases[i].message);
        g_assert_cmpstr(enrolment->flow, ==, cases[i].flow);
        g_assert_nonnull(enrolment->flow_title);
        g_assert_true(enrolment->verdict == FLOW_COMPLETE);
        flow_model_free(model);
    }
}

static void
test_windows(void)
{
    for (int is_encrypted = 0; is_encrypted < 2; is_encrypted++) {
        flow_model           *model = new_model(NULL);
        flow_conversation    *own[3];
        const flow_enrolment *enrolment;

        if (is_encrypted)
            windows_encrypted(model, DEVICE, WAP, NAME, 0, own);
        else
            windows_read(model, DEVICE, WAP, 0, "A1", SUCCESS, own);
        enrolment = only(model, 10000);
        g_assert_cmpstr(enrolment->flow, ==, "windows-mdm");
        assert_steps(enrolment,
                     BEFORE
                 "get-ca-cert ok, get-ca-caps ok, get-ca-caps ok, get-ca-cert ok, pki-operation ok, " BEHIND
                     "cert-rep ok");
        g_assert_true(enrolment->verdict == FLOW_COMPLETE);
        for (int i = 0; i < 3; i++) {
            static const char *const roles[] = { "discovery-mdm", "discovery", "enrolment" };

            assert_roles(part_of(own[i]), roles[i]);
            g_assert_cmpuint(part_of(own[i])->number, ==, i + 1);
            g_assert_true(part_of(own[i])->basis == (is_encrypted ? FLOW_INFERRED : FLOW_DECRYPTED));
        }
        g_assert_cmpstr(expected_at(enrolment, 2)->role, ==, "discovery");
        g_assert_true(expected_at(enrolment, 2)->part == part_of(own[1]));
        g_assert_cmpstr(expected_at(enrolment, 2)->seen_by, ==, "capture");
        g_assert_true(expected_at(enrolment, 8)->exchange == expected_at(enrolment, 4)->exchange);
        g_assert_cmpstr(part_of(own[0])->expected_next, ==, "get-ca-caps");
        g_assert_cmpstr(part_of(own[1])->expected_next, ==, "pki-operation");
        g_assert_cmpstr(enrolment->device, ==, DEVICE);
        g_assert_cmpstr(enrolment->server, ==, NAME);
        g_assert_cmpstr(enrolment->server_endpoint.address, ==, WAP);
        g_assert_cmpuint(enrolment->begin.frame, ==, 1);
        g_assert_cmpuint(enrolment->end.frame, ==, at(6520).frame);
        g_assert_cmpuint(enrolment->attempt, ==, 1);
        g_assert_cmpint(enrolment->retry_due, ==, 0);
        flow_model_free(model);
    }
}

/* What happens behind NDES cannot be seen here, and a look says where it can. */
static void
test_not_visible(void)
{
    static const char *const looks[] = { "NDESPlugin.log", "certsrv.msc", "CertificateRequestStatus" };
    flow_model              *model = new_model(NULL);
    const flow_enrolment    *enrolment;

    windows_read(model, DEVICE, WAP, 0, "A1", SUCCESS, NULL);
    enrolment = only(model, 10000);
    for (guint i = 0; i < G_N_ELEMENTS(looks); i++) {
        const flow_expectation *one = expected_at(enrolment, 5 + i);

        g_assert_true(one->state == FLOW_NOT_VISIBLE);
        assert_contains(one->look, looks[i]);
        g_assert_null(one->seen_by);
        g_assert_null(one->part);
        g_assert_null(one->exchange);
    }
    g_assert_null(expected_at(enrolment, 0)->look);
    flow_model_free(model);
}

/* What devices may do otherwise and are healthy. */
static void
test_variants(void)
{
    enum { CAPS_FIRST, REPEATED, SEPARATE, BY_GET, CASES };

    for (int i = 0; i < CASES; i++) {
        flow_model           *model = new_model(NULL);
        flow_conversation    *one;
        const flow_enrolment *enrolment;

        if (i == SEPARATE) {
            flow_conversation *own[3];

            for (int j = 0; j < 3; j++)
                own[j] = begin(model, DEVICE, WAP, NAME, 100 * j);
            answer(ask(own[0], 20, FLOW_GET_CA_CERT, "ca", ANDROID_AGENT), 30, 200);
            answer(ask(own[1], 120, FLOW_GET_CA_CAPS, "ca", ANDROID_AGENT), 130, 200);
            answer_operation(ask_operation(own[2], 220, "A1", PKCS_REQ, ANDROID_AGENT), 230, SUCCESS);
        } else {
            one = begin(model, DEVICE, WAP, NAME, 0);
            if (i == CAPS_FIRST)
                answer(ask(one, 20, FLOW_GET_CA_CAPS, "ca", ANDROID_AGENT), 30, 200);
            answer(ask(one, 40, FLOW_GET_CA_CERT, "ca", ANDROID_AGENT), 50, 200);
            if (i != CAPS_FIRST)
                answer(ask(one, 60, FLOW_GET_CA_CAPS, "ca", ANDROID_AGENT), 70, 200);
            if (i == REPEATED)
                answer(ask(one, 80, FLOW_GET_CA_CAPS, "ca", ANDROID_AGENT), 90, 200);
            ask_operation(one, 100, "A1", PKCS_REQ, ANDROID_AGENT)->is_post = i != BY_GET;
            answer_operation(one->exchanges->pdata[one->exchanges->len - 1], 200, SUCCESS);
        }
        g_test_message("variant %d", i);
        enrolment = only(model, 1000);
        g_assert_cmpstr(enrolment->flow, ==, "android");
        g_assert_true(enrolment->verdict == FLOW_COMPLETE);
        assert_steps(enrolment, BEFORE "get-ca-cert ok, get-ca-caps ok, pki-operation ok, " BEHIND "cert-rep ok");
        g_assert_cmpuint(enrolment->findings->len, ==, 0);
        for (guint j = 0; j < enrolment->parts->len; j++) {
            const flow_part *part = enrolment->parts->pdata[j];

            for (guint k = 0; k < part->steps->len; k++)
                g_assert_true(g_array_index(part->steps, flow_part_step, k).is_expected);
        }
        flow_model_free(model);
    }
}

/* Keep-alive: all steps of a Windows device on one connection, which has all roles. */
static void
test_keep_alive(void)
{
    flow_model           *model = new_model(NULL);
    flow_conversation    *one = begin(model, DEVICE, WAP, NAME, 0);
    const flow_enrolment *enrolment;

    answer(ask(one, 20, FLOW_GET_CA_CERT, "MDM", NULL), 30, 200);
    answer(ask(one, 40, FLOW_GET_CA_CAPS, "MDM", NULL), 50, 200);
    answer(ask(one, 2020, FLOW_GET_CA_CAPS, "default", WINDOWS_AGENT), 2030, 200);
    answer(ask(one, 2040, FLOW_GET_CA_CERT, "default", WINDOWS_AGENT), 2050, 200);
    answer_operation(ask_operation(one, 6020, "A1", PKCS_REQ, WINDOWS_AGENT), 6520, SUCCESS);
    enrolment = only(model, 10000);
    g_assert_cmpstr(enrolment->flow, ==, "windows-mdm");
    g_assert_true(enrolment->verdict == FLOW_COMPLETE);
    assert_roles(part_of(one), "discovery-mdm,discovery,enrolment");
    assert_steps(enrolment, BEFORE
                 "get-ca-cert ok, get-ca-caps ok, get-ca-caps ok, get-ca-cert ok, pki-operation ok, " BEHIND
                            "cert-rep ok");
    flow_model_free(model);
}

/* A client that knows its CA. */
static void
test_optional_stage(void)
{
    flow_model           *model = new_model(NULL);
    flow_conversation    *one = begin(model, DEVICE, WAP, NAME, 0);
    const flow_enrolment *enrolment;

    answer_operation(ask_operation(one, 20, "A1", PKCS_REQ, NULL), 100, SUCCESS);
    enrolment = only(model, 1000);
    g_assert_cmpstr(enrolment->flow, ==, "rfc8894");
    g_assert_true(enrolment->verdict == FLOW_COMPLETE);
    assert_steps(enrolment, "pki-operation ok, cert-rep ok");
    flow_model_free(model);
}

static void
test_missing(void)
{
    flow_model           *model = new_model(NULL);
    flow_conversation    *own[3];
    const flow_enrolment *enrolment;

    windows_read(model, DEVICE, WAP, 0, "A1", SUCCESS, own);
    g_ptr_array_remove_index(own[1]->exchanges, 0);
    enrolment = only(model, 10000);
    g_assert_cmpstr(enrolment->flow, ==, "windows-mdm");
    assert_steps(enrolment,
                 BEFORE "get-ca-cert ok, get-ca-caps ok, get-ca-caps missing, get-ca-cert ok, pki-operation ok, " BEHIND
                 "cert-rep ok");
    g_assert_null(expected_at(enrolment, 2)->part);
    g_assert_null(expected_at(enrolment, 2)->seen_by);
    flow_model_free(model);
}

static void
test_unexpected(void)
{
    flow_model           *model = new_model(NULL);
    flow_conversation    *own[3];
    const flow_enrolment *enrolment;
    const flow_part_step *step;

    windows_read(model, DEVICE, WAP, 0, "A1", SUCCESS, own);
    answer(ask(own[1], 2055, FLOW_GET_NEXT_CA_CERT, NULL, WINDOWS_AGENT), 2058, 200);
    enrolment = only(model, 10000);
    assert_steps(enrolment, BEFORE
                 "get-ca-cert ok, get-ca-caps ok, get-ca-caps ok, get-ca-cert ok, pki-operation ok, " BEHIND
                            "cert-rep ok, get-next-ca-cert unexpected");
    step = &g_array_index(part_of(own[1])->steps, flow_part_step, part_of(own[1])->steps->len - 1);
    g_assert_true(step->step == FLOW_GET_NEXT_CA_CERT);
    g_assert_false(step->is_expected);
    flow_model_free(model);
}

/* CertEnroll before the MDM client: all came, but not in the order of this device. */
static void
test_out_of_order(void)
{
    flow_model           *model = new_model(NULL);
    flow_conversation    *own[3];
    const flow_enrolment *enrolment;
    unsigned              late = 0;

    for (int i = 0; i < 3; i++)
        own[i] = begin(model, DEVICE, WAP, NAME, (const int[]){ 0, 2000, 6000 }[i]);
    answer(ask(own[0], 20, FLOW_GET_CA_CAPS, "default", WINDOWS_AGENT), 30, 200);
    answer(ask(own[0], 40, FLOW_GET_CA_CERT, "default", WINDOWS_AGENT), 50, 200);
    answer(ask(own[1], 2020, FLOW_GET_CA_CERT, "MDM", NULL), 2030, 200);
    answer(ask(own[1], 2040, FLOW_GET_CA_CAPS, "MDM", NULL), 2050, 200);
    answer_operation(ask_operation(own[2], 6020, "A1", PKCS_REQ, WINDOWS_AGENT), 6520, SUCCESS);
    enrolment = only(model, 10000);
    g_assert_cmpstr(enrolment->flow, ==, "windows-mdm");
    for (guint i = 0; i < enrolment->steps->len; i++) {
        g_assert_true(((flow_expectation *)enrolment->steps->pdata[i])->state != FLOW_MISSING);
        late += ((flow_expectation *)enrolment->steps->pdata[i])->state == FLOW_OUT_OF_ORDER;
    }
    g_assert_cmpuint(late, >, 0);
    flow_model_free(model);
}

static void
test_seen_by(void)
{
    flow_model           *model = new_model(NULL);
    flow_conversation    *front = begin(model, DEVICE, WAP, NAME, 0),
                      *inner = begin(model, WAP_INSIDE, NDES, INNER_NAME, 30);
    flow_exchange        *outside = ask_operation(front, 20, "A1", PKCS_REQ, NULL);
    flow_exchange        *inside = ask_operation(inner, 50, "A1", PKCS_REQ, NULL);
    const flow_enrolment *enrolment;

    answer_operation(inside, 90, SUCCESS);
    answer_operation(outside, 100, SUCCESS);
    front->vantage = "wap-outside";
    inner->vantage = "wap-inside";
    enrolment = only(model, 1000);
    g_assert_cmpstr(expected_at(enrolment, 0)->seen_by, ==, "wap-outside, wap-inside");
    g_assert_true(expected_at(enrolment, 0)->part == part_of(front));
    g_assert_cmpuint(part_of(front)->number, ==, 1);
    g_assert_cmpuint(part_of(inner)->number, ==, 2);
    assert_roles(part_of(inner), "enrolment");
    g_assert_cmpstr(enrolment->device, ==, DEVICE);
    g_assert_cmpstr(enrolment->server, ==, NAME);
    flow_model_free(model);
}

/* What the last PKIOperation came to. */
static void
test_verdicts(void)
{
    static const struct {
        const char  *what;
        int          http_status, pki_status; /* 0: no answer */
        bool         is_readable;
        int64_t      until;
        flow_verdict verdict;
        flow_state   operation, cert_rep;
    } cases[] = {
        { "SUCCESS", 200, SUCCESS, true, 1000, FLOW_COMPLETE, FLOW_OK, FLOW_OK },
        { "FAILURE", 200, FAILURE, true, 1000, FLOW_VERDICT_FAILED, FLOW_FAILED, FLOW_FAILED },
        { "PENDING", 200, PENDING, true, 1000, FLOW_PENDING, FLOW_OK, FLOW_WAITING },
        { "HTTP 500", 500, -1, false, 1000, FLOW_VERDICT_FAILED, FLOW_FAILED, FLOW_FAILED },
        { "garbage", 200, -1, false, 1000, FLOW_VERDICT_FAILED, FLOW_FAILED, FLOW_FAILED },
        { "no answer yet", 0, -1, false, 1000, FLOW_INCOMPLETE, FLOW_WAITING, FLOW_WAITING },
        { "no answer for long", 0, -1, false, 20000, FLOW_VERDICT_FAILED, FLOW_FAILED, FLOW_MISSING },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        flow_model           *model = new_model(NULL);
        flow_conversation    *one = begin(model, DEVICE, WAP, NAME, 0);
        flow_exchange        *operation;
        const flow_enrolment *enrolment;

        answer(ask(one, 20, FLOW_GET_CA_CERT, "ca", ANDROID_AGENT), 30, 200);
        answer(ask(one, 40, FLOW_GET_CA_CAPS, "ca", ANDROID_AGENT), 50, 200);
        operation = ask_operation(one, 60, "A1", PKCS_REQ, ANDROID_AGENT);
        if (cases[i].http_status) {
            answer_operation(operation, 160, cases[i].pki_status);
            operation->http_status = cases[i].http_status;
            operation->is_answer_readable = cases[i].is_readable;
        }
        g_test_message("%s", cases[i].what);
        enrolment = only(model, cases[i].until);
        g_assert_cmpstr(flow_verdict_name(enrolment->verdict), ==, flow_verdict_name(cases[i].verdict));
        g_assert_cmpstr(flow_state_name(state_of_step(enrolment, FLOW_PKI_OPERATION)), ==,
                        flow_state_name(cases[i].operation));
        g_assert_cmpstr(flow_state_name(state_of_step(enrolment, FLOW_CERT_REP)), ==,
                        flow_state_name(cases[i].cert_rep));
        g_assert_true((enrolment->retry_due != 0) == (cases[i].verdict == FLOW_VERDICT_FAILED ||
                                                      cases[i].verdict == FLOW_INCOMPLETE));
        flow_model_free(model);
    }
}

/* Encrypted, the size of the answer alone tells: a CertRep with a certificate is longer than a refusal. */
static void
test_verdict_by_size(void)
{
    static const struct {
        uint32_t     octets;
        flow_verdict verdict;
    } cases[] = { { 2500, FLOW_COMPLETE }, { 1500, FLOW_VERDICT_FAILED }, { 400, FLOW_VERDICT_FAILED } };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        flow_model        *model = new_model(NULL);
        flow_conversation *own[3];

        windows_encrypted(model, DEVICE, WAP, NAME, 0, own);
        g_array_index(own[2]->turns, flow_turn, 0).octets[FLOW_SERVER] = cases[i].octets;
        g_test_message("%u octets", cases[i].octets);
        g_assert_true(only(model, 10000)->verdict == cases[i].verdict);
        flow_model_free(model);
    }
}

/* The device stopped: what it did not do is missing once it could have, and is waited for until then. */
static void
test_incomplete(void)
{
    for (int is_late = 0; is_late < 2; is_late++) {
        flow_model           *model = new_model(NULL);
        flow_conversation    *one = begin(model, DEVICE, WAP, NAME, 0);
        const flow_enrolment *enrolment;

        answer(ask(one, 20, FLOW_GET_CA_CERT, "ca", ANDROID_AGENT), 30, 200);
        answer(ask(one, 40, FLOW_GET_CA_CAPS, "ca", ANDROID_AGENT), 50, 200);
        enrolment = only(model, is_late ? 60000 : 100);
        g_assert_true(enrolment->verdict == FLOW_INCOMPLETE);
        g_assert_true(state_of_step(enrolment, FLOW_GET_CA_CAPS) == FLOW_OK);
        g_assert_true(state_of_step(enrolment, FLOW_PKI_OPERATION) == (is_late ? FLOW_MISSING : FLOW_WAITING));
        g_assert_true(state_of_step(enrolment, FLOW_CERT_REP) == (is_late ? FLOW_MISSING : FLOW_WAITING));
        g_assert_cmpstr(part_of(one)->expected_next, ==, "pki-operation");
        flow_model_free(model);
    }
}

/* --- retries --- */

/* A try that fails: the first request gets 503. */
static void
fail(flow_model *model, const char *client, const char *server, const char *message, const char *user_agent,
     int64_t time)
{
    flow_conversation *one = begin(model, client, server, NAME, time);

    answer(ask(one, time + 20, FLOW_GET_CA_CERT, message, user_agent), time + 30, 503);
    finish(one, time + 40);
}

/* Times in minutes: when the tries were, from the first on, and when the one after each is due. */
typedef struct {
    unsigned attempt;
    int64_t  time, due;
} expected_try;

static void
assert_schedule(const char *flow, const char *message, const char *user_agent, const int *times, unsigned count,
                const expected_try *expected, const char *words)
{
    flow_model        *model = new_model(NULL);
    const flow_result *result;

    for (unsigned i = 0; i < count; i++)
        fail(model, DEVICE, WAP, message, user_agent, times[i] * MINUTES);
    result = evaluate(model, times[count - 1] * MINUTES + 10000);
    g_assert_cmpuint(result->enrolments->len, ==, count);
    for (; expected->attempt; expected++) {
        const flow_enrolment *enrolment = enrolment_of(result, expected->attempt);

        g_test_message("try %u", expected->attempt);
        g_assert_cmpstr(enrolment->flow, ==, flow);
        g_assert_cmpuint(enrolment->attempt, ==, expected->attempt);
        g_assert_cmpint(enrolment->begin.time, ==, at(expected->time * MINUTES).time);
        g_assert_cmpint(enrolment->retry_due, ==, at(expected->due * MINUTES).time);
        g_assert_cmpstr(enrolment->retry_basis, ==, words);
    }
    flow_model_free(model);
}

/* Every 5 minutes for 15 minutes: 5, 10, 15; every 15 minutes for 2 hours: 30 … 135; then every 8 hours: 615. */
static void
test_retry_windows(void)
{
    static const int          times[] = { 0, 5, 10, 15, 30, 45, 60, 75, 90, 105, 120, 135, 615, 1095 };
    static const expected_try expected[] = { { 1, 0, 5 },       { 2, 5, 10 },      { 3, 10, 15 },     { 4, 15, 30 },
                                             { 10, 105, 120 },  { 11, 120, 135 },  { 12, 135, 615 },  { 13, 615, 1095 },
                                             { 14, 1095, 1575 }, { 0, 0, 0 } };

    assert_schedule("windows-mdm", "MDM", NULL, times, G_N_ELEMENTS(times), expected,
                    "every 5 minutes for 15 minutes, every 15 minutes for 2 hours, then every 8 hours");
}

/* Every 15 minutes for 6 hours: 15 … 360, which is the 25th try; then every 6 hours: 720. */
static void
test_retry_ios(void)
{
    static const expected_try expected[] = { { 1, 0, 15 },     { 4, 45, 60 },    { 10, 135, 150 }, { 24, 345, 360 },
                                             { 25, 360, 720 }, { 26, 720, 1080 }, { 0, 0, 0 } };
    int                       times[26];

    for (int i = 0; i < 25; i++)
        times[i] = 15 * i;
    times[25] = 720;
    assert_schedule("ios", "SCEP Authority", IOS_AGENT, times, G_N_ELEMENTS(times), expected,
                    "every 15 minutes for 6 hours, then every 6 hours");
}

/* Every 3 minutes for 15 minutes: 3 … 15; every 15 minutes for 2 hours: 30 … 135; then every 8 hours: 615. */
static void
test_retry_android(void)
{
    static const int          times[] = { 0, 3, 6, 9, 12, 15, 30, 45, 60, 75, 90, 105, 120, 135, 615 };
    static const expected_try expected[] = { { 1, 0, 3 },    { 4, 9, 12 },     { 5, 12, 15 },   { 6, 15, 30 },
                                             { 10, 75, 90 }, { 14, 135, 615 }, { 15, 615, 1095 }, { 0, 0, 0 } };

    assert_schedule("android", "ca", ANDROID_AGENT, times, G_N_ELEMENTS(times), expected,
                    "every 3 minutes for 15 minutes, every 15 minutes for 2 hours, then every 8 hours");
}

/* Devices come a little later than the schedule says, for it counts from the end of what went wrong. */
static void
test_retry_late(void)
{
    flow_model        *model = new_model(NULL);
    const flow_result *result;

    for (int i = 0; i < 5; i++)
        fail(model, DEVICE, WAP, "SCEP Authority", IOS_AGENT, i * (15 * MINUTES + 2000));
    result = evaluate(model, 2 * HOURS);
    g_assert_cmpint(enrolment_of(result, 5)->retry_due, ==, at(4 * (15 * MINUTES + 2000) + 15 * MINUTES).time);
    flow_model_free(model);
}

static void
test_retry_others(void)
{
    flow_model        *model = new_model(NULL);
    const flow_result *result;

    /* Neither another device's tries nor those with another server count, nor is there a schedule for any client. */
    fail(model, DEVICE, WAP, "MDM", NULL, 0);
    fail(model, OTHER_DEVICE, WAP, "MDM", NULL, MINUTES);
    fail(model, DEVICE, NDES, "MDM", NULL, 2 * MINUTES);
    fail(model, DEVICE, WAP, "MDM", NULL, 5 * MINUTES);
    fail(model, "192.0.2.12", WAP, NULL, NULL, 6 * MINUTES);
    result = evaluate(model, 7 * MINUTES);
    g_assert_cmpuint(enrolment_of(result, 1)->attempt, ==, 1);
    g_assert_cmpuint(enrolment_of(result, 2)->attempt, ==, 1);
    g_assert_cmpuint(enrolment_of(result, 3)->attempt, ==, 1);
    g_assert_cmpuint(enrolment_of(result, 4)->attempt, ==, 2);
    g_assert_cmpint(enrolment_of(result, 4)->retry_due, ==, at(10 * MINUTES).time);
    g_assert_cmpstr(enrolment_of(result, 5)->flow, ==, "rfc8894");
    g_assert_cmpint(enrolment_of(result, 5)->retry_due, ==, 0);
    g_assert_null(enrolment_of(result, 5)->retry_basis);
    flow_model_free(model);
}

/* Another server's tries in between: the third try with this one comes 5 h 50 min after its first. */
static void
test_retry_two_servers(void)
{
    static const struct {
        const char *server;
        int64_t     time;
    } tries[] = { { NDES, 0 }, { WAP, 330 }, { NDES, 331 }, { WAP, 345 }, { NDES, 350 } };
    flow_model           *model = new_model(NULL);
    const flow_enrolment *last;

    for (size_t i = 0; i < G_N_ELEMENTS(tries); i++)
        fail(model, DEVICE, tries[i].server, "SCEP Authority", IOS_AGENT, tries[i].time * MINUTES);
    last = enrolment_of(evaluate(model, 6 * HOURS), G_N_ELEMENTS(tries));
    g_assert_cmpuint(last->attempt, ==, 3);
    g_assert_cmpint(last->retry_due, ==, at((350 + 360) * MINUTES).time);
    flow_model_free(model);
}

/* What was done is done: a renewal that fails a day after an enrolment is a first try. */
static void
test_retry_after_success(void)
{
    flow_model        *model = new_model(NULL);
    const flow_result *result;

    fail(model, DEVICE, WAP, "SCEP Authority", IOS_AGENT, 0);
    device_read(model, DEVICE, 15 * MINUTES, FLOW_GET_CA_CERT, FLOW_GET_CA_CAPS, "SCEP Authority", IOS_AGENT, SUCCESS);
    fail(model, DEVICE, WAP, "SCEP Authority", IOS_AGENT, 24 * HOURS);
    result = evaluate(model, 25 * HOURS);
    g_assert_true(enrolment_of(result, 2)->verdict == FLOW_COMPLETE);
    g_assert_cmpuint(enrolment_of(result, 2)->attempt, ==, 2);
    g_assert_cmpuint(enrolment_of(result, 3)->attempt, ==, 1);
    g_assert_cmpint(enrolment_of(result, 3)->retry_due, ==, at(24 * HOURS + 15 * MINUTES).time);
    flow_model_free(model);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/compare/choice", test_choice);
    g_test_add_func("/compare/windows", test_windows);
    g_test_add_func("/compare/not-visible", test_not_visible);
    g_test_add_func("/compare/variants", test_variants);
    g_test_add_func("/compare/keep-alive", test_keep_alive);
    g_test_add_func("/compare/optional-stage", test_optional_stage);
    g_test_add_func("/compare/missing", test_missing);
    g_test_add_func("/compare/unexpected", test_unexpected);
    g_test_add_func("/compare/seen-by", test_seen_by);
    g_test_add_func("/compare/verdicts", test_verdicts);
    g_test_add_func("/compare/verdict-by-size", test_verdict_by_size);
    g_test_add_func("/compare/retry/windows", test_retry_windows);
    g_test_add_func("/compare/retry/ios", test_retry_ios);
    g_test_add_func("/compare/retry/android", test_retry_android);
    g_test_add_func("/compare/retry/late", test_retry_late);
    g_test_add_func("/compare/retry/others", test_retry_others);
    g_test_add_func("/compare/out-of-order", test_out_of_order);
    g_test_add_func("/compare/incomplete", test_incomplete);
    g_test_add_func("/compare/retry/after-success", test_retry_after_success);
    g_test_add_func("/compare/retry/two-servers", test_retry_two_servers);
    return g_test_run();
}
