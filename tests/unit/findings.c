/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The catalogue applied to enrolments: what is said, once, at which frame, with its texts filled in.
 */
#include <string.h>

#include "flow_support.h"

static const flow_enrolment *
only(flow_model *model, int64_t time)
{
    const flow_result *result = evaluate(model, time);

    g_assert_cmpuint(result->enrolments->len, ==, 1);
    return enrolment_of(result, 1);
}

static void
assert_filled(const char *text)
{
    g_assert_nonnull(text);
    g_assert_true(g_utf8_validate(text, -1, NULL));
    if (strpbrk(text, "{}") || strstr(text, " ? ") || strstr(text, "(?)"))
        g_error("not filled in: %s", text);
}

/* The only finding is this one; texts are whole. */
static const flow_finding *
assert_only(const flow_enrolment *enrolment, const char *id, flow_severity severity, int64_t time)
{
    const flow_finding *finding;

    for (guint i = 0; i < enrolment->findings->len; i++)
        g_test_message("%s", ((const flow_finding *)enrolment->findings->pdata[i])->id);
    g_assert_cmpuint(enrolment->findings->len, ==, 1);
    finding = enrolment->findings->pdata[0];
    g_assert_cmpstr(finding->id, ==, id);
    g_assert_true(finding->severity == severity);
    g_assert_cmpuint(finding->where.frame, ==, at(time).frame);
    assert_filled(finding->what);
    assert_filled(finding->cause);
    assert_filled(finding->fix);
    assert_filled(finding->look);
    return finding;
}

/* A healthy discovery, then a PKIOperation without answer at 6020. */
static flow_exchange *
windows_until_operation(flow_model *model, flow_conversation *own[3])
{
    flow_exchange *operation;

    windows_read(model, DEVICE, WAP, 0, "A1", SUCCESS, own);
    operation = own[2]->exchanges->pdata[0];
    operation->response = operation->response_end = (flow_moment){ 0, 0 };
    operation->http_status = 0;
    operation->pki_status = -1;
    operation->is_answer_readable = false;
    own[2]->fin[0] = own[2]->fin[1] = (flow_moment){ 0, 0 };
    own[2]->last = operation->request_end;
    return operation;
}

static void
test_none(void)
{
    flow_model *model = new_model(NULL);

    windows_read(model, DEVICE, WAP, 0, "A1", SUCCESS, NULL);
    g_assert_cmpuint(only(model, 60000)->findings->len, ==, 0);
    flow_model_free(model);
    model = new_model(NULL);
    windows_encrypted(model, DEVICE, WAP, NAME, 0, NULL);
    g_assert_cmpuint(only(model, 60000)->findings->len, ==, 0);
    flow_model_free(model);
}

static void
test_refused(void)
{
    flow_model         *model = new_model(WAP);
    flow_conversation  *one = begin_with_syn(model, DEVICE, WAP, 0);
    const flow_finding *finding;

    refuse(one, 3);
    one->last = at(7);
    finding = assert_only(only(model, 60000), "tcp-refused", FLOW_ERROR, 3);
    g_assert_true(finding->part == part_of(one));
    g_assert_null(finding->exchange);
    g_assert_true(finding->leg == part_of(one)->leg);
    assert_contains(finding->what, WAP " refused the connection of " DEVICE " to port 443");
    assert_contains(finding->look, "findstr :443");
    flow_model_free(model);
}

static void
test_no_answer(void)
{
    flow_model        *model = new_model(WAP);
    flow_conversation *one = begin_with_syn(model, DEVICE, WAP, 0);

    one->syn_repeats = 3;
    one->last = at(7000);
    assert_contains(assert_only(only(model, 60000), "tcp-no-answer", FLOW_ERROR, 7000)->what, "sent again 3 times");
    flow_model_free(model);
}

static void
test_alert(void)
{
    flow_model         *model = new_model(NULL);
    flow_conversation  *one = begin(model, DEVICE, WAP, NAME, 0);
    const flow_finding *finding;

    one->tls_established = (flow_moment){ 0, 0 };
    one->flight = FLOW_FLIGHT_SERVER_DONE;
    one->alert = at(8);
    one->alert_by = FLOW_CLIENT;
    one->alert_level = 2;
    one->alert_description = 48;
    one->reset = one->last = at(12);
    one->reset_by = FLOW_CLIENT;
    finding = assert_only(only(model, 60000), "wap-ext-cert-untrusted", FLOW_ERROR, 8);
    g_assert_true(finding->leg == FLOW_DEVICE_WAP);
    g_assert_true(finding->part == part_of(one));
    flow_model_free(model);
}

static void
test_certificate(void)
{
    static const char *const names[] = { "scep.contoso.com", NULL };
    flow_certificate certificate = { "CN=scep.contoso.com", "CN=Contoso CA", names, 0, BEGIN - 86400 * SECOND, false };
    flow_model              *model = new_model(NULL);
    flow_conversation       *one = begin(model, DEVICE, WAP, NAME, 0);
    const flow_finding      *finding;

    one->certificate = &certificate;
    one->tls_established = (flow_moment){ 0, 0 };
    one->flight = FLOW_FLIGHT_SERVER_DONE;
    one->alert = at(8);
    one->alert_by = FLOW_CLIENT;
    one->alert_description = 45;
    finish(one, 9);
    finding = assert_only(only(model, 60000), "tls-expired", FLOW_ERROR, 8);
    assert_contains(finding->what, "2016-06-09"); /* date -u -d @1465440246 */
    flow_model_free(model);
}

/* The general one is not said beside the one that knows better. */
static void
test_hides(void)
{
    static const struct {
        int         http_status, pki_status, fail_info;
        uint32_t    hresult, target_length;
        bool        is_post;
        const char *id;
    } cases[] = {
        { 200, FAILURE, -1, 0, 100, true, "scep-failure" },
        { 200, FAILURE, 0, 0, 100, true, "scep-bad-alg" },
        { 200, FAILURE, 1, 0, 100, true, "scep-bad-message-check" },
        { 200, FAILURE, 2, 0, 100, true, "scep-bad-request" },
        { 404, -1, -1, 0, 7000, false, "get-too-long-iis" },
        { 404, -1, -1, 0, 100, true, "http-404" },
        { 414, -1, -1, 0, 7000, false, "get-too-long-lb" },
        { 413, -1, -1, 0, 100, true, "http-413" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        flow_model         *model = new_model(NULL);
        flow_conversation  *own[3];
        flow_exchange      *operation = windows_until_operation(model, own);
        const flow_finding *finding;

        operation->is_post = cases[i].is_post;
        operation->target_length = cases[i].target_length;
        answer_operation(operation, 6500, cases[i].pki_status);
        operation->http_status = cases[i].http_status;
        operation->is_answer_readable = cases[i].http_status == 200;
        operation->fail_info = cases[i].fail_info;
        finish(own[2], 6510);
        g_test_message("HTTP %d, failInfo %d", cases[i].http_status, cases[i].fail_info);
        finding = assert_only(only(model, 60000), cases[i].id, FLOW_ERROR, 6500);
        g_assert_true(finding->exchange == operation);
        g_assert_true(finding->part == part_of(own[2]));
        flow_model_free(model);
    }
}

/* What the proxy hands on is said once, where it comes from; what comes from the proxy itself there. */
static void
test_both_legs(void)
{
    for (int is_from_proxy = 0; is_from_proxy < 2; is_from_proxy++) {
        flow_model         *model = new_model(NULL);
        flow_conversation  *front = begin(model, DEVICE, WAP, NAME, 0),
                          *inner = begin(model, WAP_INSIDE, NDES, INNER_NAME, 30);
        flow_exchange      *outside = ask_operation(front, 20, "A1", PKCS_REQ, NULL), *inside = NULL;
        const flow_finding *finding;

        if (is_from_proxy) {
            answer(ask(inner, 45, FLOW_GET_CA_CAPS, NULL, NULL), 48, 200); /* of another */
        } else {
            inside = ask_operation(inner, 50, "A1", PKCS_REQ, NULL);
            answer(inside, 90, 404);
            finish(inner, 91);
        }
        answer(outside, 100, 404);
        finish(front, 101);
        evaluate(model, 60000);
        finding = assert_only(part_of(front)->enrolment, "http-404", FLOW_ERROR, is_from_proxy ? 100 : 90);
        g_assert_true(finding->exchange == (is_from_proxy ? outside : inside));
        g_assert_cmpstr(flow_leg_name(finding->leg), ==, is_from_proxy ? "device-wap" : "wap-ndes");
        flow_model_free(model);
    }
}

static void
test_unanswered(void)
{
    flow_model         *model = new_model(NULL);
    flow_conversation  *own[3];
    flow_exchange      *operation = windows_until_operation(model, own);
    const flow_finding *finding;

    finding = assert_only(only(model, 26020), "request-unanswered", FLOW_ERROR, 6020);
    assert_contains(finding->what, "PKIOperation (device-wap) got no answer from " WAP " within 20 s");
    /* A GET that is longer than the proxy takes. */
    operation->is_post = false;
    operation->target_length = 7000;
    flow_changed(own[2]);
    finding = assert_only(only(model, 26020), "get-too-long-wap", FLOW_ERROR, 6020);
    assert_contains(finding->what, "7000 octets");
    flow_model_free(model);
}

/* Not yet: three seconds are no reason to worry. */
static void
test_unanswered_yet(void)
{
    flow_model        *model = new_model(NULL);
    flow_conversation *own[3];

    windows_until_operation(model, own);
    g_assert_cmpuint(only(model, 8000)->findings->len, ==, 0);
    flow_model_free(model);
}

static void
test_reset(void)
{
    flow_model         *model = new_model(NULL);
    flow_conversation  *own[3];
    const flow_finding *finding;

    windows_until_operation(model, own);
    own[2]->reset = own[2]->last = at(6050);
    own[2]->reset_by = FLOW_SERVER;
    finding = assert_only(only(model, 60000), "request-reset", FLOW_ERROR, 6020);
    assert_contains(finding->what, "PKIOperation (7000 octets, device-wap)");
    flow_model_free(model);
}

/* The discovery was fine and nothing came after it; that is the device's own reason, and it is said of its kind. */
static void
test_no_pkioperation(void)
{
    static const struct {
        const char *message, *user_agent, *id;
    } cases[] = {
        { "default", WINDOWS_AGENT, "no-pkioperation-windows" },
        { "SCEP Authority", IOS_AGENT, "no-pkioperation-ios" },
        { "ca", ANDROID_AGENT, "no-pkioperation-android" },
        { NULL, NULL, "no-pkioperation" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        flow_model         *model = new_model(NULL);
        flow_conversation  *one = begin(model, DEVICE, WAP, NAME, 0);
        const flow_finding *finding;

        answer(ask(one, 20, FLOW_GET_CA_CAPS, cases[i].message, cases[i].user_agent), 30, 200);
        answer(ask(one, 40, FLOW_GET_CA_CERT, cases[i].message, cases[i].user_agent), 50, 200);
        g_assert_cmpuint(only(model, 5000)->findings->len, ==, 0); /* it may still come */
        flow_changed(one);
        finding = assert_only(only(model, 8050), cases[i].id, FLOW_ERROR, 50);
        assert_contains(finding->what, "within 8 s");
        g_assert_null(finding->part);
        g_assert_true(finding->leg == FLOW_LEG_UNKNOWN);
        flow_model_free(model);
    }
}

/* In the end it worked: what went wrong before is a warning. */
static void
test_survived(void)
{
    flow_model         *model = new_model(NULL);
    flow_conversation  *own[3], *bare;
    const flow_finding *finding;

    windows_read(model, DEVICE, WAP, 0, "A1", SUCCESS, own);
    bare = begin_with_syn(model, DEVICE, WAP, 5900);
    refuse(bare, 5901);
    finding = assert_only(only(model, 60000), "attempt-survived", FLOW_WARNING, 5901);
    g_assert_true(finding->part == part_of(bare));
    flow_model_free(model);
}

static void
test_pending(void)
{
    flow_model        *model = new_model(NULL);
    flow_conversation *own[3];

    windows_read(model, DEVICE, WAP, 0, "A1", PENDING, own);
    assert_contains(assert_only(only(model, 60000), "ca-pending", FLOW_WARNING, 6520)->look, "transactionID (A1)");
    flow_model_free(model);
}

/* --- behind NDES --- */

/* RFC 8894 3.2.1.4; [MS-WCCE] 3.2.1.4.2.1.1; HRESULTs of a template that is missing, and of access denied; alerts. */
enum { BAD_REQUEST = 2, DENIED = 2, UNKNOWN_CA = 48 };
#define TEMPLATE_MISSING 0x80094800
#define ACCESS_DENIED    0x80070005

typedef void (*fail)(flow_model *model);

static flow_exchange *
verify(flow_model *model, int64_t wait)
{
    return call(begin(model, NDES, CRP, CRP_NAME, 180), 200, FLOW_VERIFY_REQUEST, "A1", wait);
}

static void
verify_with_status(flow_model *model, int http_status, unsigned substatus)
{
    flow_exchange *exchange = verify(model, 50);

    exchange->http_status = http_status;
    exchange->http_substatus = substatus;
    exchange->verified = -1;
    exchange->is_answer_readable = false;
    exchange->conversation->certificate_requested = exchange->conversation->certificate_sent = true;
}

static flow_certificate client_certificate = { "CN=ndes", "CN=Contoso CA", (const char *const[]){ "ndes", NULL }, 0,
                                               BEGIN + 86400 * SECOND, false };

static void
not_verified(flow_model *model)
{
    verify(model, 50)->verified = 0;
}

static void
refused_by_intune(flow_model *model)
{
    flow_exchange *exchange = verify(model, 50);

    exchange->verified = 0;
    exchange->product = "Intune";
    exchange->code = "ChallengeExpired";
    exchange->code_meaning = "the challenge has expired";
}

static void
no_certificate(flow_model *model)
{
    verify_with_status(model, 403, 7);
}

static void
untrusted_certificate(flow_model *model)
{
    flow_exchange *exchange;

    verify_with_status(model, 403, 16);
    exchange = verify(model, 0);
    /* The same again on another connection, to which nothing came back: one finding each. */
    exchange->conversation->client_certificate = &client_certificate;
    answer(exchange, 260, 403);
    exchange->http_substatus = 16;
}

static void
stopped_pool(flow_model *model)
{
    verify_with_status(model, 503, 0);
}

static void
no_answer(flow_model *model)
{
    verify(model, 0);
}

static void
unreachable(flow_model *model)
{
    refuse(begin_with_syn(model, NDES, CRP, 200), 201);
}

static void
rejected(flow_model *model)
{
    break_off(begin(model, NDES, CRP, CRP_NAME, 180), 190, FLOW_CLIENT, UNKNOWN_CA);
}

static void
encrypted_refusal(flow_model *model)
{
    verify_turn(begin(model, NDES, CRP, CRP_NAME, 180), 200, 50);
}

static void
ca_unavailable(flow_model *model)
{
    flow_conversation *mapper = begin_with_syn(model, NDES, CA, 300);

    verify(model, 50);
    mapper->server.port = 135;
    refuse(mapper, 301);
}

static void
ca_denies(flow_model *model)
{
    flow_exchange *issue;

    verify(model, 50);
    issue = rpc_call(begin_rpc(model, NDES, 290), 300, 50);
    issue->disposition = DENIED;
    issue->has_hresult = true;
    issue->hresult = TEMPLATE_MISSING;
}

static void
ca_faults(flow_model *model)
{
    flow_exchange *issue;

    verify(model, 50);
    issue = rpc_call(begin_rpc(model, NDES, 290), 300, 50);
    issue->disposition = -1;
    issue->has_hresult = true;
    issue->hresult = ACCESS_DENIED;
}

static void
ca_is_silent(flow_model *model)
{
    verify(model, 50);
    rpc_call(begin_rpc(model, NDES, 290), 300, 0);
}

/* NDES says badRequest to all of them; the reason alone is told, where it is. */
static void
test_behind(void)
{
    static const struct {
        const char *id;
        fail        fail;
        int64_t     where;
        const char *leg, *words;
    } cases[] = {
        { "crp-verify-false", not_verified, 250, "ndes-crp", "(" CRP ") says no: VerifyRequest of transaction A1" },
        { "intune-refused", refused_by_intune, 250, "ndes-intune", "ChallengeExpired, the challenge has expired" },
        { "crp-client-certificate-missing", no_certificate, 250, "ndes-crp", CRP },
        { "crp-503", stopped_pool, 250, "ndes-crp", "HTTP 503 for VerifyRequest" },
        { "crp-no-answer", no_answer, 200, "ndes-crp", "did not answer VerifyRequest" },
        { "crp-unreachable", unreachable, 201, "ndes-crp", NDES },
        { "crp-certificate-not-accepted", rejected, 190, "ndes-crp", "unknown_ca" },
        { "crp-answer-no", encrypted_refusal, 250, "ndes-crp", "1332 octets" },
        { "ca-rpc-unavailable", ca_unavailable, 301, "ndes-ca", "port 135" },
        { "ca-denied", ca_denies, 350, "ndes-ca", "0x80094800" },
        { "ca-fault", ca_faults, 350, "ndes-ca", "0x80070005" },
        { "ca-silent", ca_is_silent, 300, "ndes-ca", "(" CA ")" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        flow_model         *model = new_model(NULL);
        flow_exchange      *operation = operation_at_ndes(model, 100, "A1", 5000);
        const flow_finding *finding;

        operation->pki_status = FAILURE;
        operation->fail_info = BAD_REQUEST;
        finish(operation->conversation, 5110);
        cases[i].fail(model);
        g_test_message("%s", cases[i].id);
        finding = assert_only(only(model, 60000), cases[i].id, FLOW_ERROR, cases[i].where);
        g_assert_cmpstr(flow_leg_name(finding->leg), ==, cases[i].leg);
        assert_contains(finding->what, cases[i].words);
        flow_model_free(model);
    }
}

/* The same twice is said twice, of each request. */
static void
test_behind_twice(void)
{
    flow_model           *model = new_model(NULL);
    flow_exchange        *operation = operation_at_ndes(model, 100, "A1", 5000);
    const flow_enrolment *enrolment;

    operation->pki_status = FAILURE;
    operation->fail_info = BAD_REQUEST;
    untrusted_certificate(model);
    enrolment = only(model, 60000);
    g_assert_cmpuint(enrolment->findings->len, ==, 2);
    g_assert_cmpuint(count_findings(enrolment, "crp-client-certificate-untrusted"), ==, 2);
    assert_contains(((flow_finding *)enrolment->findings->pdata[1])->what, "CN=ndes, issued by CN=Contoso CA");
    flow_model_free(model);
}

/* What is fine, slow, or not reported in an enrolment that is complete. `issue`: how long the CA takes. */
static void
test_behind_complete(void)
{
    static const struct {
        const char *id; /* NULL: nothing is said */
        int64_t     issue;
        int         notify_status; /* 0: there is none */
        int64_t     where;
        const char *words;
    } cases[] = {
        { NULL, 1990, 204, 0, NULL },
        { "slow-ca", 2500, 204, 5100, "The CA took 2.500 s of the 5 s" },
        { "crp-no-notify", 50, 0, 5100, "no Notify" },
        { "crp-notify-failed", 50, 500, 4020, "Notify to the registration point (" CRP ") failed: HTTP 500" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        flow_model         *model = new_model(NULL);
        flow_exchange      *exchange;
        const flow_finding *finding;

        operation_at_ndes(model, 100, "A1", 5000);
        exchange = verify(model, 1000);
        rpc_call(begin_rpc(model, NDES, 250), 1210, cases[i].issue);
        if (cases[i].notify_status) {
            exchange = call(exchange->conversation, 4000, FLOW_NOTIFY, "A1", 20);
            exchange->http_status = cases[i].notify_status;
        } else {
            exchange = call(exchange->conversation, 4900, FLOW_VERIFY_REQUEST, "B2", 20); /* of another */
        }
        g_test_message("%s", cases[i].id ? cases[i].id : "nothing");
        evaluate(model, 60000);
        if (cases[i].id) {
            finding = finding_of(enrolment_of(flow_evaluate(model), 1), cases[i].id);
            g_assert_nonnull(finding);
            g_assert_true(finding->severity == FLOW_WARNING);
            g_assert_cmpuint(finding->where.frame, ==, at(cases[i].where).frame);
            assert_contains(finding->what, cases[i].words);
        }
        for (guint j = 0; j < enrolment_of(flow_evaluate(model), 1)->findings->len; j++) {
            const flow_finding *one = enrolment_of(flow_evaluate(model), 1)->findings->pdata[j];

            if (!cases[i].id || (strcmp(one->id, cases[i].id) != 0 && !g_str_has_prefix(one->id, "slow-")))
                g_error("%s", one->id);
        }
        flow_model_free(model);
    }
}

/* Errors before warnings before notes; of equals the earlier frame first. */
static void
test_order(void)
{
    flow_model           *model = new_model(NULL);
    flow_conversation    *own[3];
    flow_exchange        *operation = windows_until_operation(model, own);
    const flow_enrolment *enrolment;

    own[0]->has_losses = true;                     /* a note */
    own[1]->has_losses = true;
    own[1]->retransmissions[FLOW_SERVER] = 9;      /* a warning */
    answer(operation, 6500, 413);
    enrolment = only(model, 60000);
    g_assert_cmpuint(enrolment->findings->len, ==, 4);
    for (guint i = 0; i < 4; i++) {
        static const char *const ids[] = { "http-413", "resent-a-lot", "capture-lossy", "capture-lossy" };
        static const int         times[] = { 6500, 2061, 61, 2061 };
        const flow_finding      *finding = enrolment->findings->pdata[i];

        g_assert_cmpstr(finding->id, ==, ids[i]);
        g_assert_cmpuint(finding->where.frame, ==, at(times[i]).frame);
    }
    g_assert_cmpuint(count_findings(enrolment, "capture-lossy"), ==, 2);
    assert_contains(finding_of(enrolment, "resent-a-lot")->what, "segments with data 9 times");
    g_assert_null(finding_of(enrolment, "http-404"));
    flow_model_free(model);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/findings/none", test_none);
    g_test_add_func("/findings/refused", test_refused);
    g_test_add_func("/findings/no-answer", test_no_answer);
    g_test_add_func("/findings/alert", test_alert);
    g_test_add_func("/findings/certificate", test_certificate);
    g_test_add_func("/findings/hides", test_hides);
    g_test_add_func("/findings/both-legs", test_both_legs);
    g_test_add_func("/findings/unanswered", test_unanswered);
    g_test_add_func("/findings/unanswered-yet", test_unanswered_yet);
    g_test_add_func("/findings/reset", test_reset);
    g_test_add_func("/findings/no-pkioperation", test_no_pkioperation);
    g_test_add_func("/findings/survived", test_survived);
    g_test_add_func("/findings/pending", test_pending);
    g_test_add_func("/findings/order", test_order);
    g_test_add_func("/findings/behind", test_behind);
    g_test_add_func("/findings/behind/twice", test_behind_twice);
    g_test_add_func("/findings/behind/complete", test_behind_complete);
    return g_test_run();
}
