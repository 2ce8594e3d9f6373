/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Logs as evidence: what the reference logs (of a published, healthy enrolment) and others like them make. Expected values
 * are the logs' own, or differences of their times.
 */
#include <string.h>

#include "logs_support.h"

/* Adds all four, CRP.log `ahead` of UTC. */
static unsigned
add_reference(flow_model *model, int64_t ahead)
{
    return add_reference_requests(model) + add_reference_plugin(model) + add_reference_crp_requests(model) +
           add_reference_crp(model, ahead);
}

static const flow_part *
part_with(const flow_enrolment *enrolment, const char *role)
{
    for (guint i = 0; i < enrolment->parts->len; i++) {
        const flow_part *part = enrolment->parts->pdata[i];

        if (strcmp(part->roles[0], role) == 0)
            return part;
    }
    g_error("no part is %s", role);
}

static const flow_part_step *
step_in(const flow_part *part, flow_step step)
{
    for (guint i = 0; i < part->steps->len; i++) {
        const flow_part_step *one = &g_array_index(part->steps, flow_part_step, i);

        if (one->step == step)
            return one;
    }
    g_error("no %s", flow_step_name(step));
}

static int64_t
duration(const flow_part_step *step)
{
    return (step->end.time - step->begin.time) / MILLISECOND;
}

static const flow_expectation *
expectation_of(const flow_enrolment *enrolment, flow_step step)
{
    for (guint i = 0; i < enrolment->steps->len; i++) {
        const flow_expectation *one = enrolment->steps->pdata[i];

        if (one->step == step)
            return one;
    }
    return NULL;
}

static int64_t
time_of(const flow_timing *timing, flow_time_part part)
{
    int64_t sum = 0;

    for (guint i = 0; i < timing->spans->len; i++) {
        const flow_span *span = &g_array_index(timing->spans, flow_span, i);

        if (span->part == part)
            sum += span->time;
    }
    return sum / MILLISECOND;
}

/* The four logs are one healthy enrolment, and every line has its place. */
static void
test_reference(void)
{
    flow_model           *model = new_model(NULL);
    unsigned              lines = add_reference(model, 0), told = 0;
    const flow_result    *result = evaluate(model, 10000);
    const flow_enrolment *enrolment = enrolment_of(result, 1);
    const flow_part      *verify, *notify;
    const flow_timing    *timing;

    g_assert_cmpuint(result->enrolments->len, ==, 1);
    g_assert_cmpint(enrolment->verdict, ==, FLOW_COMPLETE);
    g_assert_cmpstr(enrolment->flow, ==, "windows-mdm");
    g_assert_cmpstr(enrolment->device_id, ==, "38fdb94d-db5c-468d-b8d6-37aff538e934");
    g_assert_cmpstr(enrolment->user_id, ==, "4514c247-96e3-4c6e-9d60-806ac5fa7e2f");
    g_assert_cmpuint(enrolment->findings->len, ==, 0);

    /* Three conversations' worth of requests, and the two calls. */
    g_assert_cmpuint(enrolment->parts->len, ==, 5);
    g_assert_cmpuint(part_with(enrolment, "discovery-mdm")->steps->len, ==, 2);
    g_assert_cmpuint(part_with(enrolment, "discovery")->steps->len, ==, 2);
    g_assert_cmpuint(part_with(enrolment, "enrolment")->steps->len, ==, 1);
    for (guint i = 0; i < enrolment->parts->len; i++)
        g_assert_cmpint(((flow_part *)enrolment->parts->pdata[i])->basis, ==, FLOW_LOG);

    verify = part_with(enrolment, "verify");
    notify = part_with(enrolment, "notify");
    g_assert_cmpint(verify->leg, ==, FLOW_NDES_CRP);
    g_assert_cmpstr(verify->conversation->client.address, ==, LOGGED_NDES); /* as the CRP's IIS log has it */
    g_assert_cmpstr(verify->conversation->server.address, ==, LOGGED_CRP);
    g_assert_cmpint(duration(step_in(verify, FLOW_VERIFY_REQUEST)), ==, 411); /* 11.789 to 12.200 */
    g_assert_cmpint(step_in(verify, FLOW_VERIFY_REQUEST)->exchange->verified, ==, 1);
    g_assert_cmpint(flow_http_status(step_in(verify, FLOW_VERIFY_REQUEST)->exchange), ==, 201);
    g_assert_cmpint(duration(step_in(verify, FLOW_CRP_PHASE_1)), ==, 230); /* 11.851 to 12.081 */
    g_assert_cmpint(duration(step_in(verify, FLOW_CRP_PHASE_2)), ==, 1);
    g_assert_cmpint(duration(step_in(verify, FLOW_CRP_PHASE_3)), ==, 68); /* 12.082 to 12.150 */
    g_assert_cmpint(duration(step_in(notify, FLOW_NOTIFY)), ==, 140);     /* 12.270 to 12.410 */
    g_assert_cmpint(flow_http_status(step_in(notify, FLOW_NOTIFY)->exchange), ==, 204);
    g_assert_cmpint(duration(step_in(notify, FLOW_STATE_MESSAGE)), ==, 40); /* 12.331 to 12.371 */

    for (flow_step step = FLOW_TEMPLATE_PERMISSION; step <= FLOW_STATE_MESSAGE; step++)
        g_assert_cmpint(expectation_of(enrolment, step)->state, ==, FLOW_OK);
    g_assert_cmpstr(expectation_of(enrolment, FLOW_VERIFY_REQUEST)->seen_by, ==,
                    "NDESPlugin.log, CRP.log, crp/u_ex160610.log");
    g_assert_cmpstr(expectation_of(enrolment, FLOW_PKI_OPERATION)->seen_by, ==, "ndes/u_ex160610.log");
    g_assert_cmpint(expectation_of(enrolment, FLOW_CA_ISSUE)->state, ==, FLOW_NOT_VISIBLE);

    /* 502 ms, of which 411 for VerifyRequest and 70, from 12.200 to 12.270, for the CA. */
    timing = enrolment->timings->pdata[0];
    g_assert_cmpint(timing->total / MILLISECOND, ==, 502);
    g_assert_cmpint(time_of(timing, FLOW_TIME_VERIFY), ==, 411);
    g_assert_cmpint(time_of(timing, FLOW_TIME_CA), ==, 70);

    for (guint i = 0; i < result->logs->len; i++)
        told += ((flow_log *)result->logs->pdata[i])->told;
    g_assert_cmpuint(told, ==, lines);
    flow_model_free(model);
}

/* Evaluated again, and after more lines, the logs tell the same. */
static void
test_again(void)
{
    flow_model           *model = new_model(NULL);
    const flow_enrolment *enrolment;

    add_reference_crp(model, 120 * MINUTES);
    evaluate(model, 8000);
    add_reference_plugin(model);
    evaluate(model, 8001);
    add_reference_crp_requests(model);
    add_reference_requests(model);
    evaluate(model, 9000);
    enrolment = enrolment_of(evaluate(model, 10000), 1);
    g_assert_cmpint(enrolment->verdict, ==, FLOW_COMPLETE);
    g_assert_cmpint(duration(step_in(part_with(enrolment, "verify"), FLOW_CRP_PHASE_1)), ==, 230);
    g_assert_cmpint(step_in(part_with(enrolment, "verify"), FLOW_CRP_PHASE_1)->begin.time, ==, BEGIN + 5851 * MILLISECOND);
    flow_model_free(model);
}

/* The zone of CRP.log follows from the calls that the other logs have too. */
static void
test_zones(void)
{
    static const struct {
        int64_t ahead; /* minutes */
        bool    with_plugin;
    } cases[] = { { 0, true },    { 120, true },  { -420, true }, { 330, true }, { 345, true },
                  { 765, true },  { -570, true }, { 840, true },  { 60, false }, { -300, false } };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        flow_model     *model = new_model(NULL);
        const flow_log *log;

        add_reference_requests(model);
        if (cases[i].with_plugin)
            add_reference_plugin(model);
        add_reference_crp_requests(model);
        add_reference_crp(model, cases[i].ahead * MINUTES);
        evaluate(model, 10000);
        log = log_of(model, CRP_LOG);
        g_test_message("%d minutes", (int)cases[i].ahead);
        g_assert_cmpint(log->zone_basis, ==, FLOW_ZONE_INFERRED);
        g_assert_cmpint(log->zone, ==, -cases[i].ahead * 60 * SECOND);
        g_assert_cmpuint(log->zone_confidence, >=, 90);
        g_assert_cmpint(log->skew, ==, 0);
        flow_model_free(model);
    }
}

/* Alone, nothing tells the zone; the user may. */
static void
test_zone_told(void)
{
    flow_settings settings = { .log_time_zone = "+02:00" };
    flow_model   *model = flow_model_new(built_in(), &settings);

    add_reference_crp(model, 120 * MINUTES);
    evaluate(model, 10000);
    g_assert_cmpint(log_of(model, CRP_LOG)->zone_basis, ==, FLOW_ZONE_TOLD);
    g_assert_cmpint(log_of(model, CRP_LOG)->zone, ==, -7200 * SECOND);
    flow_model_free(model);

    model = new_model(NULL);
    add_reference_crp(model, 120 * MINUTES);
    evaluate(model, 10000);
    g_assert_cmpint(log_of(model, CRP_LOG)->zone_basis, ==, FLOW_ZONE_ASSUMED);
    g_assert_cmpint(log_of(model, CRP_LOG)->zone, ==, 0);
    flow_model_free(model);
    g_assert_true(flow_zone_is_known("auto"));
    g_assert_true(flow_zone_is_known("-0730"));
    g_assert_false(flow_zone_is_known("yesterday"));
}

/* A clock that is 42 s ahead, beyond the zone: said, and the lines still find what they are about. */
static void
test_skew(void)
{
    flow_model           *model = new_model(NULL);
    const flow_enrolment *enrolment;

    add_reference_requests(model);
    add_reference_plugin(model);
    add_reference_crp(model, 120 * MINUTES + 42000);
    enrolment = enrolment_of(evaluate(model, 60000), 1);
    g_assert_cmpint(log_of(model, CRP_LOG)->zone, ==, -7200 * SECOND);
    g_assert_cmpint(ABS(log_of(model, CRP_LOG)->skew - 42 * SECOND), <=, 100 * MILLISECOND);
    g_assert_cmpstr(expectation_of(enrolment, FLOW_VERIFY_REQUEST)->seen_by, ==, "NDESPlugin.log, CRP.log");
    flow_model_free(model);
}

/* Each log alone is an enrolment, as far as it can tell. */
static void
test_alone(void)
{
    static unsigned (*const adders[])(flow_model *) = { add_reference_requests, add_reference_plugin,
                                                        add_reference_crp_requests };

    for (size_t i = 0; i < G_N_ELEMENTS(adders); i++) {
        flow_model        *model = new_model(NULL);
        unsigned           lines = adders[i](model);
        const flow_result *result;

        result = evaluate(model, 10000);
        g_assert_cmpuint(result->enrolments->len, ==, 1);
        g_assert_cmpint(enrolment_of(result, 1)->verdict, ==, FLOW_COMPLETE);
        g_assert_cmpuint(((flow_log *)result->logs->pdata[0])->told, ==, lines);
        g_assert_cmpuint(((flow_log *)result->logs->pdata[0])->joined, ==, 0);
        flow_model_free(model);
    }
}

/* What was captured at NDES and what its logs tell are the same requests: packets first, every line a witness. */
static void
test_packets(void)
{
    flow_model           *model = new_model(NULL);
    flow_conversation    *conversations[3];
    const flow_result    *result;
    const flow_enrolment *enrolment;
    unsigned              lines;

    (void)conversations;
    lines = add_reference_requests(model);
    for (unsigned i = 0; i < 3; i++) {
        static const struct {
            int64_t     time;
            flow_step   steps[2];
            const char *message, *agent;
        } asked[] = { { 100, { FLOW_GET_CA_CERT, FLOW_GET_CA_CAPS }, "MDM", NULL },
                      { 2100, { FLOW_GET_CA_CAPS, FLOW_GET_CA_CERT }, "default", WINDOWS_AGENT },
                      { 5700, { FLOW_PKI_OPERATION, FLOW_STEP_NONE }, NULL, WINDOWS_AGENT } };
        flow_conversation *one = flow_add_conversation(model, i, LOGGED_WAP, (uint16_t)(50001 + i), LOGGED_NDES, 443, NULL,
                                                       at(asked[i].time));

        for (unsigned j = 0; j < 2 && asked[i].steps[j] != FLOW_STEP_NONE; j++) {
            flow_exchange *exchange = flow_add_exchange(one, FLOW_DECRYPTED, at(asked[i].time + 20 + 50 * j));

            exchange->step = asked[i].steps[j];
            exchange->message = asked[i].message;
            exchange->user_agent = asked[i].agent;
            exchange->response = exchange->response_end =
                at(asked[i].time + 50 + 50 * j + (asked[i].steps[j] == FLOW_PKI_OPERATION ? 460 : 0));
            exchange->http_status = 200;
            exchange->is_answer_readable = true;
            exchange->pki_status = asked[i].steps[j] == FLOW_PKI_OPERATION ? 0 : -1;
            one->last = exchange->response_end;
        }
    }
    result = evaluate(model, 10000);
    g_assert_cmpuint(result->enrolments->len, ==, 1);
    enrolment = enrolment_of(result, 1);
    g_assert_cmpuint(enrolment->parts->len, ==, 3);
    for (guint i = 0; i < enrolment->parts->len; i++)
        g_assert_null(((flow_part *)enrolment->parts->pdata[i])->conversation->log);
    g_assert_cmpuint(log_of(model, NDES_IIS)->joined, ==, lines);
    g_assert_cmpstr(expectation_of(enrolment, FLOW_PKI_OPERATION)->seen_by, ==, "capture, u_ex160610.log");
    flow_model_free(model);
}

/* The registration point said no, or could not be asked: HTTP says 200 to the device all the same. */
static void
test_failures(void)
{
    static const struct {
        const char *lines[4], *thread[4];
        int         level[4], verified;
        uint32_t    hresult;
        const char *problem;
    } cases[] = {
        { { "Calling VerifyRequest ...", "Verify challenge returns false", "Exiting VerifyRequest with 0x0" },
          { "1", "1", "1" }, { 1, 1, 1 }, 0, 0, "Verify challenge returns false" },
        /* The library's own thread tells why. */
        { { "Calling VerifyRequest ...", "WINHTTP_CALLBACK_STATUS_FLAG_CERT_CN_INVALID",
            "Failed to send http request /CMCertificateRegistration/Certificate/VerifyRequest. Error 12175",
            "Exiting VerifyRequest with 0x80072f8f" },
          { "1", "7", "1", "1" }, { 1, 3, 3, 1 }, -1, 0x80072f8f, "WINHTTP_CALLBACK_STATUS_FLAG_CERT_CN_INVALID" },
        { { "Calling VerifyRequest ...",
            "Verify challenge returns <!DOCTYPE html>\r\n<html><head><title>403 - Forbidden: Access is denied.</title>",
            "Exiting VerifyRequest with 0x80004005" },
          { "1", "1", "1" }, { 1, 1, 1 }, -1, 0x80004005, "a page: 403 - Forbidden: Access is denied." },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        flow_model           *model = new_model(NULL);
        const flow_enrolment *enrolment;
        const flow_exchange  *verify;

        add_reference_requests(model);
        for (unsigned j = 0; j < 4 && cases[i].lines[j]; j++)
            add_message(model, PLUGIN, 5800 + j, cases[i].thread[j], cases[i].level[j], true, cases[i].lines[j]);
        enrolment = enrolment_of(evaluate(model, 10000), 1);
        g_assert_cmpint(enrolment->verdict, ==, FLOW_VERDICT_FAILED);
        verify = expectation_of(enrolment, FLOW_VERIFY_REQUEST)->exchange;
        g_assert_cmpint(verify->state, ==, FLOW_FAILED);
        g_assert_cmpint(verify->verified, ==, cases[i].verified);
        g_assert_cmphex(verify->hresult, ==, cases[i].hresult);
        g_assert_cmpstr(verify->problem, ==, cases[i].problem);
        g_assert_cmpint(expectation_of(enrolment, FLOW_PKI_OPERATION)->state, ==, FLOW_FAILED);
        g_assert_cmpint(expectation_of(enrolment, FLOW_NOTIFY)->state, ==, FLOW_MISSING);
        flow_model_free(model);
    }
}

/* A call that never ends, lines without a call, malformed ones: all are counted. */
static void
test_accounts(void)
{
    flow_model   *model = new_model(NULL);
    flow_log_line malformed = { .is_malformed = true, .win32_status = -1, .duration = -1 };
    flow_log     *log;

    g_assert_null(add_message(model, PLUGIN, 0, "1", 1, true, "Policy module is starting"));
    g_assert_null(add_message(model, PLUGIN, 1, "1", 1, true, "Exiting VerifyRequest with 0x0"));
    g_assert_nonnull(add_message(model, PLUGIN, 2, "1", 1, true, "Calling VerifyRequest ..."));
    g_assert_nonnull(add_message(model, PLUGIN, 3, "1", 1, true, "Calling VerifyRequest ..."));
    log = log_of(model, PLUGIN);
    g_assert_null(flow_log_add(log, at(4), &malformed));
    g_assert_null(add_request_line(model, 5, FLOW_STEP_NONE, NULL, NULL, 200, 1));
    g_assert_cmpuint(log->lines, ==, 5);
    g_assert_cmpuint(log->told, ==, 2);
    g_assert_cmpuint(log->malformed, ==, 1);
    g_assert_cmpuint(log->exchanges->len, ==, 2);
    g_assert_cmpuint(evaluate(model, 60000)->enrolments->len, ==, 2);
    g_assert_cmpint(enrolment_of(flow_evaluate(model), 1)->verdict, ==, FLOW_VERDICT_FAILED);
    flow_model_free(model);
}

/* The filter has the lines. */
static void
test_filter(void)
{
    flow_model *model = new_model(NULL);
    char       *filter;
    uint32_t    first;

    first = add_request_line(model, 0, FLOW_GET_CA_CERT, "MDM", NULL, 200, 0)->first.frame;
    add_request_line(model, 0, FLOW_STEP_NONE, NULL, NULL, 200, 0);
    add_request_line(model, 0, FLOW_GET_CA_CAPS, "MDM", NULL, 200, 0);
    filter = flow_filter_of(enrolment_of(evaluate(model, 1000), 1));
    {
        char *expected = g_strdup_printf("frame.number in {%u, %u}", first, first + 2);

        g_assert_cmpstr(filter, ==, expected);
        g_free(expected);
    }
    g_free(filter);
    flow_model_free(model);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/logs/reference", test_reference);
    g_test_add_func("/logs/again", test_again);
    g_test_add_func("/logs/zones", test_zones);
    g_test_add_func("/logs/zone-told", test_zone_told);
    g_test_add_func("/logs/skew", test_skew);
    g_test_add_func("/logs/alone", test_alone);
    g_test_add_func("/logs/packets", test_packets);
    g_test_add_func("/logs/failures", test_failures);
    g_test_add_func("/logs/accounts", test_accounts);
    g_test_add_func("/logs/filter", test_filter);
    return g_test_run();
}
