/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The reports, of results made by hand: what stands in them, that the text keeps to its columns whatever packets said,
 * and that the JSON is JSON (python3 reads it) with the keys of the contract in their order.
 */
#include <string.h>

#include "flow/flow.h"

#include "../../plugin/view/layout.h"
#include "../../plugin/view/report_json.h"
#include "../../plugin/view/report_text.h"

#define SECOND  G_GINT64_CONSTANT(1000000000)
#define BEGIN   (G_GINT64_CONSTANT(1465526646) * SECOND) /* date -u -d @1465526646: Fri Jun 10 02:44:06 UTC 2016 */
#define COLUMNS 100

/* What the reports ask of the engine, told by the test. */
static flow_tcp_state told_tcp = FLOW_TCP_CLOSED;
static flow_tls_state told_tls = FLOW_TLS_ESTABLISHED;

flow_tcp_state
flow_tcp_state_of(const flow_conversation *conversation G_GNUC_UNUSED)
{
    return told_tcp;
}

flow_tls_state
flow_tls_state_of(const flow_conversation *conversation G_GNUC_UNUSED)
{
    return told_tls;
}

char *
flow_filter_of(const flow_enrolment *enrolment)
{
    return g_strdup_printf("tcp.stream in {0..2} && scepflow.enrolment == %u", enrolment->number);
}

/* An enrolment of one conversation with a handshake, two requests that were read and one whose answer is missing. */
typedef struct {
    flow_result       result;
    flow_enrolment    enrolment;
    flow_conversation conversation;
    flow_certificate  certificate;
    flow_exchange     caps, operation;
    flow_part         part;
    flow_expectation  expected[3];
    flow_finding      finding;
    const char       *roles[3];
} sample;

static flow_moment
at(uint32_t frame, int64_t after)
{
    return (flow_moment){ frame, BEGIN + after };
}

static void
add_step(sample *one, flow_step step, flow_state state, flow_moment begin, flow_moment end,
         const flow_exchange *exchange)
{
    flow_part_step added = { step, state, begin, end, exchange, true };

    g_array_append_val(one->part.steps, added);
}

static void
make_conversation(sample *one)
{
    static const char *const names[] = { "scep.contoso.com", NULL };
    flow_conversation       *conversation = &one->conversation;

    one->certificate = (flow_certificate){ "CN=scep.contoso.com", "CN=\"Contoso\" CA", names, BEGIN - 86400 * SECOND,
                                           BEGIN + 86400 * SECOND, false };
    conversation->tcp_stream = 7;
    conversation->client = (flow_endpoint){ "192.0.2.10", 50001 };
    conversation->server = (flow_endpoint){ "2001:db8::1", 443 };
    conversation->first = at(1, 0);
    conversation->last = at(22, 2 * SECOND);
    conversation->version = 0x0303;
    conversation->cipher_suite = 0xc02f;
    conversation->server_name = "scep.contoso.com";
    conversation->is_tls = true;
    conversation->is_resumed = true;
    conversation->certificate = &one->certificate;
    conversation->retransmissions[FLOW_SERVER] = 3;
    conversation->octets[FLOW_CLIENT] = 1234;
    conversation->octets[FLOW_SERVER] = G_GUINT64_CONSTANT(5000000000);
    conversation->records[FLOW_CLIENT] = 4;
    conversation->records[FLOW_SERVER] = 2;
}

static void
make_exchanges(sample *one)
{
    one->caps = (flow_exchange){ .conversation = &one->conversation, .basis = FLOW_DECRYPTED, .step = FLOW_GET_CA_CAPS,
                                 .operation = "GetCACaps", .http_status = 200, .message_type = -1, .pki_status = -1,
                                 .fail_info = -1, .verified = -1, .disposition = -1, .confidence = 100 };
    one->operation = (flow_exchange){ .conversation = &one->conversation, .basis = FLOW_DECRYPTED,
                                      .step = FLOW_PKI_OPERATION, .operation = "PKIOperation", .http_status = 200,
                                      .message_type = 19, .pki_status = 2, .fail_info = 2, .verified = -1,
                                      .disposition = -1, .has_hresult = true, .hresult = 0x80070057,
                                      .confidence = 100 };
}

static sample *
make(unsigned number, flow_verdict verdict)
{
    sample         *one = g_new0(sample, 1);
    flow_enrolment *enrolment = &one->enrolment;

    make_conversation(one);
    make_exchanges(one);
    one->roles[0] = "discovery-mdm";
    one->roles[1] = "enrolment";
    one->part = (flow_part){ .conversation = &one->conversation, .enrolment = enrolment, .number = 1,
                             .leg = FLOW_DEVICE_WAP, .roles = one->roles, .basis = FLOW_DECRYPTED, .confidence = 100,
                             .reason = "the requests were read",
                             .steps = g_array_new(FALSE, TRUE, sizeof(flow_part_step)) };
    add_step(one, FLOW_TCP_HANDSHAKE, FLOW_OK, at(1, 0), at(3, SECOND / 4000), NULL);
    add_step(one, FLOW_GET_CA_CAPS, FLOW_OK, at(9, SECOND / 10), at(11, SECOND / 10 + 12300000), &one->caps);
    add_step(one, FLOW_PKI_OPERATION, verdict == FLOW_COMPLETE ? FLOW_OK : FLOW_FAILED, at(15, SECOND), at(0, -BEGIN),
             &one->operation);
    one->expected[0] = (flow_expectation){ FLOW_GET_CA_CAPS, "discovery", FLOW_OK, &one->part, &one->caps,
                                           "client, wap", NULL };
    one->expected[1] = (flow_expectation){ FLOW_PKI_OPERATION, "enrolment", FLOW_FAILED, NULL, NULL, NULL, NULL };
    one->expected[2] = (flow_expectation){ FLOW_NOTIFY, NULL, FLOW_NOT_VISIBLE, NULL, NULL, NULL,
                                           "NDESPlugin.log on NDES: Exiting Notify with 0x0" };
    one->finding = (flow_finding){ "bad-request", FLOW_ERROR, at(33, SECOND), &one->part, NULL, FLOW_DEVICE_WAP,
                                   "NDES refused.", "The challenge is used up.",
                                   "Let the device synchronise again.", NULL };
    *enrolment = (flow_enrolment){ .number = number, .verdict = verdict, .flow = "windows-mdm",
                                   .flow_title = "Windows device of an MDM", .device = "192.0.2.10",
                                   .server = "scep.contoso.com", .server_endpoint = { "2001:db8::1", 443 },
                                   .begin = at(1, 0), .end = at(33, 6502 * (SECOND / 1000)), .attempt = 1,
                                   .confidence = 100, .parts = g_ptr_array_new(), .steps = g_ptr_array_new(),
                                   .findings = g_ptr_array_new(),
                                   .timings = g_ptr_array_new() };
    g_ptr_array_add(enrolment->parts, &one->part);
    for (unsigned i = 0; i < G_N_ELEMENTS(one->expected); i++)
        g_ptr_array_add(enrolment->steps, &one->expected[i]);
    if (verdict != FLOW_COMPLETE)
        g_ptr_array_add(enrolment->findings, &one->finding);
    one->result.enrolments = g_ptr_array_new();
    g_ptr_array_add(one->result.enrolments, enrolment);
    return one;
}

static void
discard(sample *one)
{
    g_ptr_array_free(one->result.enrolments, TRUE);
    g_ptr_array_free(one->enrolment.parts, TRUE);
    g_ptr_array_free(one->enrolment.steps, TRUE);
    g_ptr_array_free(one->enrolment.findings, TRUE);
    g_ptr_array_free(one->enrolment.timings, TRUE);
    g_array_free(one->part.steps, TRUE);
    g_free(one);
}

/* No line is too wide, nothing moves the cursor, no blanks at the ends of lines. */
static void
assert_fits(const char *text)
{
    char **lines = g_strsplit(text, "\n", -1);

    g_assert_true(g_utf8_validate(text, -1, NULL));
    g_assert_true(g_str_has_suffix(text, "\n"));
    for (unsigned i = 0; lines[i]; i++) {
        unsigned width = 0;

        for (const char *c = lines[i]; *c; c = g_utf8_next_char(c)) {
            gunichar character = g_utf8_get_char(c);

            g_assert_true(g_unichar_isprint(character) || g_unichar_ismark(character));
            width += g_unichar_iswide(character) ? 2 : !g_unichar_ismark(character);
        }
        if (width > COLUMNS)
            g_error("%u columns: %s", width, lines[i]);
        g_assert_false(g_str_has_suffix(lines[i], " "));
    }
    g_strfreev(lines);
}

static char *
text_of(const flow_result *result, GHashTable *shown)
{
    GString *out = g_string_new(NULL);

    report_text(out, result, shown);
    return g_string_free(out, FALSE);
}

#define MILLISECOND (SECOND / 1000)

static void
add_span(flow_timing *timing, flow_time_part part, flow_leg leg, bool is_estimated, int64_t begin, int64_t time)
{
    flow_span span = { .part = part, .leg = leg, .is_estimated = is_estimated, .time = time * MILLISECOND, .count = 1,
                       .stretches = { { begin * MILLISECOND, time * MILLISECOND } } };

    g_array_append_val(timing->spans, span);
}

/* 360 ms, a cell of the bar for each 10: the network from 0 to 10 and from 340 on, VerifyRequest from 10 to 114, the CA
 * until 340. */
static void
add_timing(sample *one, flow_timing *timing)
{
    flow_span *network;

    one->operation.request_end.frame = 15;
    one->operation.response_end.frame = 30;
    *timing = (flow_timing){ &one->operation, 360 * MILLISECOND, g_array_new(FALSE, TRUE, sizeof(flow_span)), NULL };
    add_span(timing, FLOW_TIME_NETWORK, FLOW_DEVICE_WAP, false, 0, 10);
    add_span(timing, FLOW_TIME_VERIFY, FLOW_LEG_UNKNOWN, false, 10, 104);
    add_span(timing, FLOW_TIME_CA, FLOW_LEG_UNKNOWN, true, 114, 226);
    network = &g_array_index(timing->spans, flow_span, 0);
    network->stretches[1].begin = 340 * MILLISECOND;
    network->stretches[1].time = 20 * MILLISECOND;
    network->time = 30 * MILLISECOND;
    network->count = 2;
    timing->slowest = &g_array_index(timing->spans, flow_span, 2);
    g_ptr_array_add(one->enrolment.timings, timing);
}

/* Each of the NULL-terminated parts stands in the text behind the one before. */
static void
assert_order(const char *text, const char *const *parts)
{
    const char *position = text;

    for (; *parts; parts++) {
        const char *found = strstr(position, *parts);

        if (!found)
            g_error("\"%s\" is missing or out of order in:\n%s", *parts, text);
        position = found + strlen(*parts);
    }
}

static void
test_text_failed(void)
{
    sample *one = make(1, FLOW_VERDICT_FAILED);
    char   *text;

    one->enrolment.retry_due = BEGIN + 900 * SECOND;
    one->enrolment.retry_basis = "every 15 minutes";
    one->enrolment.transaction_id = "5D0C9B2F";
    one->enrolment.attempt = 2;
    text = text_of(&one->result, NULL);
    assert_fits(text);
    assert_order(text, (const char *[]){
                           "✗ Enrolment 1 failed: 192.0.2.10 → scep.contoso.com ([2001:db8::1]:443)\n",
                           "Windows device of an MDM (windows-mdm)", "transaction 5D0C9B2F",
                           "2016-06-10T02:44:06.000000Z, took 6.502 s", "try 2",
                           /* The finding before the tables. */
                           "✗ error bad-request: conversation 1, device-wap, frame 33", "What:  NDES refused.",
                           "Cause: The challenge", "Fix:   Let the device",
                           "device-wap", "7  closed · TLS 1.2, resumed", "decrypted", "1–22",
                           "✓ ok", "TCP handshake", "+0 µs", "250 µs", "1 → 3",
                           "✓ ok", "GetCACaps", "+100.0 ms", "12.3 ms", "9 → 11", "HTTP 200",
                           "✗ failed", "PKIOperation", "+1.000 s", "15 →", "HTTP 200, FAILURE",
                           "Against the expected flow", "✓ ok", "GetCACaps", "discovery", "client, wap",
                           "· not-visible", "Notify", "look: NDESPlugin.log",
                           "Next try: due 2016-06-10T02:59:06.000000Z (every 15 minutes)",
                           "1 enrolment: 1 failed\n", NULL });
    g_assert_nonnull(strstr(text, "badRequest"));
    g_assert_nonnull(strstr(text, "0x80070057"));
    g_assert_null(strstr(text, "Look:"));
    g_assert_null(strstr(text, "inferred"));
    g_free(text);
    discard(one);
}

static void
test_text_inferred(void)
{
    sample        *one = make(1, FLOW_PENDING);
    flow_exchange *exchange = &one->caps;
    char          *text;

    exchange->basis = FLOW_INFERRED;
    exchange->http_status = 0;
    exchange->confidence = 82;
    one->part.basis = FLOW_INFERRED;
    one->part.confidence = 85;
    one->part.reason = "two small requests";
    one->part.continues = 4;
    one->operation.inward = exchange;
    exchange->onward_confidence = 98;
    exchange->onward_reason = "same length";
    one->conversation.alert = at(20, SECOND);
    one->conversation.alert_description = 48;
    one->conversation.alert_by = FLOW_CLIENT;
    one->enrolment.confidence = 85;
    one->enrolment.confidence_reason = "three requests of the right sizes";
    told_tls = FLOW_TLS_HANDSHAKING;
    text = text_of(&one->result, NULL);
    told_tls = FLOW_TLS_ESTABLISHED;
    assert_fits(text);
    assert_order(text, (const char *[]){ "… Enrolment 1 pending", "inferred, 85 %: three requests of the right sizes",
                                         "closed · TLS 1.2 not", "inferred, 85 %",
                                         "continues conversation 4 (98 %: same", "two small requests",
                                         "inferred, 82 %", "1 enrolment: 1 pending\n", NULL });
    g_assert_nonnull(strstr(text, "unknown_ca"));
    g_free(text);
    discard(one);
}

#define DOTS_11 "···········"
#define CELLS_10 "██████████"

/* 30 / 360 is 8.3 %, 104 / 360 is 28.9 %, 226 / 360 is 62.8 %. Of the cell from 110 to 120 VerifyRequest has 4, the CA 6:
 * more than half. */
static void
test_text_timing(void)
{
    sample     *one = make(1, FLOW_COMPLETE);
    flow_timing timing;
    char       *text;

    add_timing(one, &timing);
    text = text_of(&one->result, NULL);
    assert_fits(text);
    assert_order(text,
                 (const char *[]){
                     "Against the expected flow",
                     "\n\n  Where the time of the PKIOperation went (frames 15 → 30, 360.0 ms)\n",
                     "     network device-wap              30.0 ms    8 %  █" DOTS_11 DOTS_11 DOTS_11 "██\n",
                     "     VerifyRequest                  104.0 ms   29 %  ·" CELLS_10 "▒" DOTS_11 DOTS_11 "··\n",
                     "     CA                            ~226.0 ms   63 %  " DOTS_11 CELLS_10 CELLS_10 "███··\n",
                     "1 enrolment: 1 complete", NULL });
    g_free(text);
    g_array_free(timing.spans, TRUE);
    /* Answered at once: there is nothing to divide. */
    timing.spans = g_array_new(FALSE, TRUE, sizeof(flow_span));
    timing.total = 0;
    timing.slowest = NULL;
    text = text_of(&one->result, NULL);
    assert_fits(text);
    assert_order(text, (const char *[]){ "(frames 15 → 30, 0 µs)\n\n1 enrolment", NULL });
    g_free(text);
    g_array_free(timing.spans, TRUE);
    discard(one);
}

/* Twenty enrolments: listed at the top, the complete ones told briefly. */
static void
test_text_many(void)
{
    flow_result result = { .enrolments = g_ptr_array_new() };
    sample     *all[20];
    char       *text, **lines;

    for (unsigned i = 0; i < G_N_ELEMENTS(all); i++) {
        all[i] = make(i + 1, i == 4 ? FLOW_VERDICT_FAILED : i == 5 ? FLOW_INCOMPLETE : FLOW_COMPLETE);
        g_ptr_array_add(result.enrolments, &all[i]->enrolment);
    }
    text = text_of(&result, NULL);
    assert_fits(text);
    lines = g_strsplit(text, "\n", -1);
    g_assert_true(g_str_has_prefix(lines[0], "   1  ✓ complete    2016-06-10T02:44:06Z  192.0.2.10 →"));
    g_assert_true(g_str_has_prefix(lines[4], "   5  ✗ failed      2016-06-10T02:44:06Z  192.0.2.10 →"));
    g_assert_true(g_str_has_suffix(lines[4], "  bad-request"));
    g_assert_true(g_str_has_prefix(lines[19], "  20  ✓ complete"));
    g_assert_cmpuint(g_strv_length(lines), <, 220);
    assert_order(text, (const char *[]){ "✓ Enrolment 1 complete",
                                         "1  device-wap, discovery-mdm, enrolment (tcp.stream 7", "✓ GetCACaps 12.3 ms",
                                         "1 of 2 expected steps ok; not visible here: Notify",
                                         "✗ Enrolment 5 failed", "What:  NDES refused.", "✓ Enrolment 20 complete",
                                         "20 enrolments: 18 complete, 1 failed, 1 incomplete\n", NULL });
    g_strfreev(lines);
    g_free(text);
    for (unsigned i = 0; i < G_N_ELEMENTS(all); i++)
        discard(all[i]);
    g_ptr_array_free(result.enrolments, TRUE);
}

static void
test_text_filter(void)
{
    sample     *first = make(1, FLOW_COMPLETE), *second = make(2, FLOW_COMPLETE);
    GHashTable *shown = g_hash_table_new(NULL, NULL);
    char       *text;

    g_ptr_array_add(first->result.enrolments, &second->enrolment);
    text = text_of(&first->result, shown);
    g_assert_cmpstr(text, ==, "No enrolment passes the filter (2 in the capture).\n");
    g_free(text);
    g_hash_table_add(shown, &second->conversation);
    text = text_of(&first->result, shown);
    assert_fits(text);
    g_assert_true(g_str_has_prefix(text, "✓ Enrolment 2 complete"));
    g_assert_null(strstr(text, "Enrolment 1"));
    assert_order(text, (const char *[]){ "Against the expected flow", "1 enrolment: 1 complete (2 in the capture)\n",
                                         NULL });
    g_free(text);
    g_hash_table_destroy(shown);
    discard(first);
    discard(second);
}

static void
test_text_none(void)
{
    flow_result result = { .enrolments = g_ptr_array_new() };
    char       *text = text_of(&result, NULL);

    g_assert_cmpstr(text, ==, "No SCEP enrolment in this capture.\n");
    g_free(text);
    result.hint = "There are 12 TLS conversations, none to a server that is known for SCEP; name it in the preference "
                  "scepflow.servers.";
    text = text_of(&result, NULL);
    g_assert_true(g_str_has_prefix(text, "No SCEP enrolment in this capture. There are 12 TLS conversations"));
    g_assert_true(strchr(text, '\n') == text + strlen(text) - 1);
    g_free(text);
    g_ptr_array_free(result.enrolments, TRUE);
}

/* What packets and files may say must neither widen the report nor move the cursor. */
static void
test_text_hostile(void)
{
    sample  *one = make(1, FLOW_VERDICT_FAILED);
    GString *wide = g_string_new(NULL);
    char    *text;

    for (unsigned i = 0; i < 150; i++)
        g_string_append(wide, i % 2 ? "証" : "e\xcc\x81");
    one->enrolment.subject = wide->str;
    one->enrolment.transaction_id = "\x1b[2J\r\nEnrolment 9 complete\xe2\x80\xae";
    one->enrolment.device = "fe80:0000:0000:0000:0000:0000:0000:0001";
    one->finding.what = wide->str;
    one->finding.cause = "C:\\Program\tFiles\nover\n\nlines  " "0123456789012345678901234567890123456789"
                         "0123456789012345678901234567890123456789012345678901234567890123456789";
    one->expected[2].look = wide->str;
    one->caps.problem = wide->str;
    one->roles[0] = "a-role-that-is-longer-than-its-column";
    one->part.number = 12345;
    one->conversation.tcp_stream = G_MAXUINT;
    one->conversation.first.frame = one->conversation.last.frame = G_MAXUINT32;
    one->conversation.last.frame--;
    one->conversation.server_name = wide->str;
    one->conversation.vantage = wide->str;
    text = text_of(&one->result, NULL);
    assert_fits(text);
    g_assert_nonnull(strstr(text, "\xef\xbf\xbd[2J Enrolment 9 complete\n"));
    g_assert_nonnull(strstr(text, "C:\\Program Files over lines\n"));
    g_free(text);
    g_string_free(wide, TRUE);
    discard(one);
}

static void
test_layout_times(void)
{
    static const struct {
        int64_t     duration;
        const char *text, *seconds;
    } durations[] = {
        { 0, "0 µs", "0.000000" },
        { 312499, "312 µs", "0.000312" },
        { 999500, "1.0 ms", "0.001000" },
        { 12300000, "12.3 ms", "0.012300" },
        { 999960000, "1.000 s", "0.999960" },
        { -1500 * SECOND / 1000, "-1.500 s", "-1.500000" },
        { 6502 * SECOND / 1000, "6.502 s", "6.502000" },
        { 1020 * SECOND, "17 min", "1020.000000" },
        { 7500 * SECOND, "2 h 5 min", "7500.000000" },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(durations); i++) {
        char    *text = layout_duration(durations[i].duration);
        GString *seconds = g_string_new(NULL);

        layout_append_seconds(seconds, durations[i].duration);
        g_assert_cmpstr(text, ==, durations[i].text);
        g_assert_cmpstr(seconds->str, ==, durations[i].seconds);
        g_string_free(seconds, TRUE);
        g_free(text);
    }
}

/* date -u -d 1969-12-31T23:59:59.5Z +%s.%N: -1.500000000 is half a second before -1. */
static void
test_layout_time(void)
{
    static const struct {
        int64_t     time;
        const char *text;
    } times[] = {
        { BEGIN + 123456789, "2016-06-10T02:44:06.123457Z" },
        { BEGIN + 999999600, "2016-06-10T02:44:07.000000Z" },
        { 0, "1970-01-01T00:00:00.000000Z" },
        { -SECOND / 2, "1969-12-31T23:59:59.500000Z" },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(times); i++) {
        char *text = layout_time(times[i].time);

        g_assert_cmpstr(text, ==, times[i].text);
        g_free(text);
    }
}

/* Gives a line of JSON to python3, which prints what the expression says of it, the object being `e`. */
static char *
python(const char *line, const char *expression)
{
    char   *program = g_strdup_printf("import json, sys\ne = json.loads(sys.argv[1])\nprint(%s)", expression);
    char   *arguments[] = { (char *)"python3", (char *)"-c", program, (char *)line, NULL };
    char   *output = NULL, *complaint = NULL;
    GError *error = NULL;
    int     status;

    g_spawn_sync(NULL, arguments, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, &output, &complaint, &status, &error);
    g_assert_no_error(error);
    if (!g_spawn_check_wait_status(status, NULL))
        g_error("python3: %s", complaint);
    g_free(complaint);
    g_free(program);
    return g_strchomp(output);
}

static void
assert_python(const char *line, const char *expression, const char *expected)
{
    char *output = python(line, expression);

    g_assert_cmpstr(output, ==, expected);
    g_free(output);
}

static char *
json_of(const flow_enrolment *enrolment)
{
    GString *out = g_string_new("before\n");

    report_json(out, enrolment, NULL);
    g_assert_true(strchr(out->str + 7, '\n') == out->str + out->len - 1);
    g_string_erase(out, 0, 7);
    return g_string_free(out, FALSE);
}

static void
test_json(void)
{
    sample *one = make(3, FLOW_VERDICT_FAILED);
    char   *line;

    one->enrolment.retry_due = BEGIN + 900 * SECOND;
    line = json_of(&one->enrolment);
    assert_python(line, "*e", "enrolment verdict flow device server server_address transaction_id subject start "
                              "duration conversations steps findings attempt retry_due confidence filter timing "
                              "device_id user_id");
    assert_python(line, "*e['conversations'][0]",
                  "number tcp_stream leg role basis confidence client server first_frame last_frame tcp tls steps "
                  "reason continues retransmissions bytes records cipher certificate resumed "
                  "client_certificate_state client_certificate renegotiated rpc log");
    assert_python(line, "*e['conversations'][0]['steps'][0]",
                  "step state request_frame response_frame http_status time pki_status fail_info operation");
    assert_python(line, "*e['steps'][0]", "step state conversation seen_by role look");
    assert_python(line, "*e['findings'][0]", "id severity frame conversation leg what cause fix look");

    assert_python(line, "e['enrolment'], e['verdict'], e['flow'], e['server_address'], e['transaction_id'], e['start']",
                  "3 failed windows-mdm 2001:db8::1 None 2016-06-10T02:44:06.000000Z");
    assert_python(line, "e['duration'], e['attempt'], e['retry_due'], e['confidence'], e['filter']",
                  "6.502 1 2016-06-10T02:59:06.000000Z 100 tcp.stream in {0..2} && scepflow.enrolment == 3");
    assert_python(line, "{k: v for k, v in e['conversations'][0].items() if k not in ('steps', 'certificate')}",
                  "{'number': 1, 'tcp_stream': 7, 'leg': 'device-wap', 'role': ['discovery-mdm', 'enrolment'], "
                  "'basis': 'decrypted', 'confidence': 100, 'client': '192.0.2.10:50001', "
                  "'server': '[2001:db8::1]:443', 'first_frame': 1, 'last_frame': 22, 'tcp': 'closed', "
                  "'tls': {'state': 'established', 'version': 'TLS 1.2', 'sni': 'scep.contoso.com', 'alert': None}, "
                  "'reason': 'the requests were read', 'continues': None, "
                  "'retransmissions': {'client': 0, 'server': 3}, "
                  "'bytes': {'client': 1234, 'server': 5000000000}, 'records': {'client': 4, 'server': 2}, "
                  "'cipher': '0xc02f', 'resumed': True, 'client_certificate_state': None, "
                  "'client_certificate': None, 'renegotiated': False, 'rpc': None, 'log': None}");
    assert_python(line, "e['conversations'][0]['certificate']",
                  "{'subject': 'CN=scep.contoso.com', 'issuer': 'CN=\"Contoso\" CA', 'names': ['scep.contoso.com'], "
                  "'not_before': '2016-06-09T02:44:06.000000Z', 'not_after': '2016-06-11T02:44:06.000000Z'}");
    assert_python(line, "*(list(s.values()) for s in e['conversations'][0]['steps'])",
                  "['tcp-handshake', 'ok', 1, 3, None, 0.00025, None, None, None] "
                  "['get-ca-caps', 'ok', 9, 11, 200, 0.0123, None, None, 'GetCACaps'] "
                  "['pki-operation', 'failed', 15, None, 200, None, 2, 2, 'PKIOperation']");
    assert_python(line, "*(list(s.values()) for s in e['steps'])",
                  "['get-ca-caps', 'ok', 1, ['client', 'wap'], 'discovery', None] "
                  "['pki-operation', 'failed', None, [], 'enrolment', None] "
                  "['notify', 'not-visible', None, [], None, 'NDESPlugin.log on NDES: Exiting Notify with 0x0']");
    assert_python(line, "*e['findings'][0].values()",
                  "bad-request error 33 1 device-wap NDES refused. The challenge is used up. Let the device "
                  "synchronise again. None");
    g_free(line);
    discard(one);
}

static void
test_json_timing(void)
{
    sample     *one = make(1, FLOW_COMPLETE);
    flow_timing timing;
    char       *line = json_of(&one->enrolment);

    assert_python(line, "e['timing']", "[]");
    g_free(line);
    add_timing(one, &timing);
    line = json_of(&one->enrolment);
    assert_python(line, "len(e['timing']), *e['timing'][0]", "1 request_frame response_frame total slowest parts");
    assert_python(line, "*list(e['timing'][0].values())[:4]", "15 30 0.36 ca-issue");
    assert_python(line, "*e['timing'][0]['parts'][0]", "part leg begin time estimated");
    assert_python(line, "*(list(s.values()) for s in e['timing'][0]['parts'])",
                  "['network', 'device-wap', 0.0, 0.03, False] ['verify-request', None, 0.01, 0.104, False] "
                  "['ca-issue', None, 0.114, 0.226, True]");
    g_free(line);
    timing.slowest = NULL;
    line = json_of(&one->enrolment);
    assert_python(line, "e['timing'][0]['slowest']", "None");
    g_free(line);
    g_array_free(timing.spans, TRUE);
    discard(one);
}

/* What NDES's calls alone have, and other requests have not. */
static void
test_json_calls(void)
{
    static const flow_step steps[] = { FLOW_VERIFY_REQUEST, FLOW_CA_ISSUE, FLOW_NOTIFY };
    sample                *one = make(1, FLOW_COMPLETE);
    flow_exchange          calls[3];
    char                  *line;

    one->operation.request_end.frame = 15;
    for (unsigned i = 0; i < G_N_ELEMENTS(calls); i++) {
        calls[i] = (flow_exchange){ .conversation = &one->conversation, .basis = FLOW_DECRYPTED, .step = steps[i],
                                    .message_type = -1, .pki_status = -1, .fail_info = -1, .verified = -1,
                                    .disposition = -1, .confidence = 100 };
        add_step(one, steps[i], FLOW_OK, at(17 + i, SECOND), at(20 + i, 2 * SECOND), &calls[i]);
    }
    calls[0].http_status = 403;
    calls[0].http_substatus = 16;
    calls[0].verified = 0;
    calls[0].code = "ChallengeExpired";
    calls[0].transaction_id = "A1";
    calls[0].operation_of = &one->operation;
    calls[0].onward_confidence = 92;
    calls[0].onward_reason = "asked 10.0 ms after the PKIOperation came, while it waited";
    calls[1].has_hresult = true;
    calls[1].hresult = 0x80094012;
    calls[1].disposition = 0;
    calls[2].verified = 1;
    line = json_of(&one->enrolment);
    assert_python(line, "*e['conversations'][0]['steps'][3]",
                  "step state request_frame response_frame http_status time pki_status fail_info operation http_substatus "
                  "verified code transaction_id disposition hresult pki_operation_frame joined_confidence joined_reason");
    assert_python(line, "[len(s) for s in e['conversations'][0]['steps']]", "[9, 9, 9, 18, 18, 18]");
    assert_python(line, "*(list(s.values())[9:] for s in e['conversations'][0]['steps'][3:])",
                  "[16, False, 'ChallengeExpired', 'A1', None, None, 15, 92, 'asked 10.0 ms after the PKIOperation came, "
                  "while it waited'] "
                  "[None, None, None, None, 0, '0x80094012', None, None, None] "
                  "[None, True, None, None, None, None, None, None, None]");
    g_free(line);
    discard(one);
}

/* The client's certificate as far as it was seen, and RPC's interface. */
static void
test_json_client(void)
{
    static const struct {
        bool        requested, sent, empty;
        const char *expected;
    } states[] = {
        { false, false, false, "None" }, { true, false, false, "requested" },
        { true, false, true, "empty" },  { true, true, false, "sent" },
    };
    static const char *const names[] = { "ndes.corp.contoso.com", NULL };
    sample                  *one = make(1, FLOW_COMPLETE);
    flow_certificate         certificate = { "CN=ndes", "CN=Contoso CA", names, BEGIN, BEGIN + 86400 * SECOND, false };
    char                    *line;

    for (unsigned i = 0; i < G_N_ELEMENTS(states); i++) {
        one->conversation.certificate_requested = states[i].requested;
        one->conversation.certificate_sent = states[i].sent;
        one->conversation.certificate_empty = states[i].empty;
        line = json_of(&one->enrolment);
        assert_python(line, "e['conversations'][0]['client_certificate_state']", states[i].expected);
        g_free(line);
    }
    one->conversation.client_certificate = &certificate;
    one->conversation.rpc_interface = "ICertRequestD";
    line = json_of(&one->enrolment);
    assert_python(line, "e['conversations'][0]['client_certificate'], e['conversations'][0]['rpc']",
                  "{'subject': 'CN=ndes', 'issuer': 'CN=Contoso CA', 'names': ['ndes.corp.contoso.com'], "
                  "'not_before': '2016-06-10T02:44:06.000000Z', 'not_after': '2016-06-11T02:44:06.000000Z'} ICertRequestD");
    g_free(line);
    discard(one);
}

static void
test_json_unknown(void)
{
    sample            *one = make(1, FLOW_INCOMPLETE);
    flow_conversation *conversation = &one->conversation;
    char              *line;

    conversation->client = conversation->server = (flow_endpoint){ NULL, 0 };
    conversation->first.frame = conversation->last.frame = 0;
    conversation->version = conversation->cipher_suite = 0;
    conversation->server_name = NULL;
    conversation->certificate = NULL;
    conversation->alert = at(20, 0);
    conversation->alert_description = 0;
    conversation->alert_is_closing = true;
    one->part.leg = FLOW_LEG_UNKNOWN;
    one->part.reason = NULL;
    one->enrolment.device = one->enrolment.server = one->enrolment.server_endpoint.address = NULL;
    g_ptr_array_set_size(one->enrolment.findings, 0);
    g_ptr_array_set_size(one->enrolment.steps, 0);
    told_tls = FLOW_TLS_HANDSHAKING;
    line = json_of(&one->enrolment);
    told_tls = FLOW_TLS_ESTABLISHED;
    assert_python(line, "[k for k, v in e.items() if v is None]",
                  "['device', 'server', 'server_address', 'transaction_id', 'subject', 'retry_due', 'device_id', 'user_id']");
    assert_python(line, "e['steps'], e['findings'], e['conversations'][0]['tls']",
                  "[] [] {'state': 'failed', 'version': None, 'sni': None, 'alert': None}");
    assert_python(line, "[k for k, v in e['conversations'][0].items() if v is None]",
                  "['leg', 'client', 'server', 'first_frame', 'last_frame', 'reason', 'continues', 'cipher', "
                  "'certificate', 'client_certificate_state', 'client_certificate', 'rpc', 'log']");
    g_free(line);
    conversation->alert_description = 48;
    conversation->alert_is_closing = false;
    line = json_of(&one->enrolment);
    assert_python(line, "e['conversations'][0]['tls']['alert']", "unknown_ca");
    g_free(line);
    discard(one);
}

/* What came in goes out, and in between there is one line of printable characters. */
static void
test_json_strings(void)
{
    static const char subject[] = "\"\\/\b\f\n\r\t\x01\x1f\x7f\xe2\x80\xa8\xe2\x80\xa9\xf0\x9f\x94\x91 \xc3\xa9";
    sample           *one = make(1, FLOW_COMPLETE);
    char             *line;

    one->enrolment.subject = subject;
    line = json_of(&one->enrolment);
    for (const char *c = line; c[1]; c++)
        g_assert_false(g_ascii_iscntrl(*c));
    g_assert_null(strstr(line, "\xe2\x80\xa8"));
    assert_python(line, "e['subject'].encode().hex()",
                  "225c2f080c0a0d09011f7fe280a8e280a9f09f949120c3a9");
    g_free(line);
    discard(one);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/report/text/failed", test_text_failed);
    g_test_add_func("/report/text/inferred", test_text_inferred);
    g_test_add_func("/report/text/timing", test_text_timing);
    g_test_add_func("/report/text/many", test_text_many);
    g_test_add_func("/report/text/filter", test_text_filter);
    g_test_add_func("/report/text/none", test_text_none);
    g_test_add_func("/report/text/hostile", test_text_hostile);
    g_test_add_func("/report/layout/durations", test_layout_times);
    g_test_add_func("/report/layout/time", test_layout_time);
    g_test_add_func("/report/json/contract", test_json);
    g_test_add_func("/report/json/timing", test_json_timing);
    g_test_add_func("/report/json/calls", test_json_calls);
    g_test_add_func("/report/json/client", test_json_client);
    g_test_add_func("/report/json/unknown", test_json_unknown);
    g_test_add_func("/report/json/strings", test_json_strings);
    return g_test_run();
}
