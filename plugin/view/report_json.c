/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The report for programs. Keys may be added behind those that are there, but neither renamed nor reordered.
 */
#include "report_json.h"

#include <string.h>

#include "layout.h"

/* Begins the next element of an array or object. */
static void
begin_element(GString *out)
{
    if (out->len && !strchr("{[:", out->str[out->len - 1]))
        g_string_append_c(out, ',');
}

static void
add_key(GString *out, const char *key)
{
    begin_element(out);
    g_string_append_printf(out, "\"%s\":", key);
}

/* `text` is valid UTF-8; NULL becomes null. */
static void
add_text(GString *out, const char *text)
{
    begin_element(out);
    if (!text) {
        g_string_append(out, "null");
        return;
    }
    g_string_append_c(out, '"');
    for (; *text; text = g_utf8_next_char(text)) {
        gunichar c = g_utf8_get_char(text);

        if (c == '"' || c == '\\')
            g_string_append_printf(out, "\\%c", (char)c);
        else if (c < 0x20 || c == 0x7f || c == 0x2028 || c == 0x2029)
            g_string_append_printf(out, "\\u%04x", c);
        else
            g_string_append_unichar(out, c);
    }
    g_string_append_c(out, '"');
}

static void
add_taken_text(GString *out, char *text)
{
    add_text(out, text);
    g_free(text);
}

static void
add_number(GString *out, bool is_known, int64_t number)
{
    begin_element(out);
    if (is_known)
        g_string_append_printf(out, "%" G_GINT64_FORMAT, number);
    else
        g_string_append(out, "null");
}

/* Of frames, status codes and whatever else is never 0. */
static void
add_positive(GString *out, int64_t number)
{
    add_number(out, number > 0, number);
}

static void
add_bool(GString *out, bool value)
{
    begin_element(out);
    g_string_append(out, value ? "true" : "false");
}

static void
add_texts(GString *out, const char *const *texts)
{
    begin_element(out);
    g_string_append_c(out, '[');
    for (; texts && *texts; texts++)
        add_text(out, *texts);
    g_string_append_c(out, ']');
}

/* A number of each side. */
static void
add_sides(GString *out, const char *key, uint64_t client, uint64_t server)
{
    add_key(out, key);
    g_string_append_printf(out, "{\"client\":%" G_GUINT64_FORMAT ",\"server\":%" G_GUINT64_FORMAT "}", client, server);
}

static void
add_tls(GString *out, const flow_conversation *conversation)
{
    flow_tls_state state = flow_tls_state_of(conversation);
    bool           is_told = conversation->alert.frame && !conversation->alert_is_closing;

    /* A handshake that never ended has failed as well: the contract knows no fourth state. */
    if (state == FLOW_TLS_HANDSHAKING)
        state = FLOW_TLS_FAILED;
    add_key(out, "tls");
    g_string_append_c(out, '{');
    add_key(out, "state");
    add_text(out, flow_tls_state_name(state));
    add_key(out, "version");
    add_text(out, flow_tls_version_name(conversation->version));
    add_key(out, "sni");
    add_text(out, conversation->server_name);
    add_key(out, "alert");
    add_text(out, is_told ? flow_alert_name(conversation->alert_description) : NULL);
    g_string_append_c(out, '}');
}

static void
add_certificate(GString *out, const char *key, const flow_certificate *certificate)
{
    add_key(out, key);
    if (!certificate) {
        g_string_append(out, "null");
        return;
    }
    g_string_append_c(out, '{');
    add_key(out, "subject");
    add_text(out, certificate->subject);
    add_key(out, "issuer");
    add_text(out, certificate->issuer);
    add_key(out, "names");
    add_texts(out, certificate->names);
    add_key(out, "not_before");
    add_taken_text(out, layout_time(certificate->not_before));
    add_key(out, "not_after");
    add_taken_text(out, layout_time(certificate->not_after));
    g_string_append_c(out, '}');
}

/* What only NDES's calls have: what was said, and how it is known for whom they were made. */
static void
add_call(GString *out, const flow_exchange *exchange)
{
    char *hresult = exchange->has_hresult ? g_strdup_printf("0x%08x", exchange->hresult) : NULL;

    add_key(out, "http_substatus");
    add_positive(out, flow_http_substatus(exchange));
    add_key(out, "verified");
    if (exchange->verified >= 0)
        add_bool(out, exchange->verified != 0);
    else
        add_text(out, NULL);
    add_key(out, "code");
    add_text(out, exchange->code);
    add_key(out, "transaction_id");
    add_text(out, exchange->transaction_id);
    add_key(out, "disposition");
    add_number(out, exchange->disposition >= 0, exchange->disposition);
    add_key(out, "hresult");
    add_taken_text(out, hresult);
    add_key(out, "pki_operation_frame");
    add_positive(out, exchange->operation_of ? exchange->operation_of->request_end.frame : 0);
    add_key(out, "joined_confidence");
    add_positive(out, exchange->onward_confidence);
    add_key(out, "joined_reason");
    add_text(out, exchange->onward_reason);
}

/* The logs that tell of it. */
static void
add_witnesses(GString *out, const flow_exchange *exchange)
{
    const flow_exchange *witness;

    add_key(out, "logs");
    g_string_append_c(out, '[');
    for (guint i = 0; (witness = flow_witness(exchange, i)) != NULL; i++) {
        const flow_testimony *testimony = witness->testimony;

        if (!testimony)
            continue;
        begin_element(out);
        g_string_append_c(out, '{');
        add_key(out, "log");
        add_text(out, testimony->log->name);
        add_key(out, "line");
        add_positive(out, testimony->line);
        add_key(out, "lines");
        add_positive(out, testimony->lines);
        add_key(out, "frame");
        add_positive(out, witness->request.frame);
        add_key(out, "confidence");
        add_positive(out, testimony->of ? testimony->confidence : 0);
        add_key(out, "win32_status");
        add_number(out, testimony->win32_status >= 0, testimony->win32_status);
        add_key(out, "reason");
        add_text(out, testimony->reason);
        add_key(out, "problem");
        add_text(out, witness->problem);
        g_string_append_c(out, '}');
    }
    g_string_append_c(out, ']');
}

static void
add_part_step(GString *out, const flow_part_step *step)
{
    const flow_exchange *exchange = step->exchange;

    begin_element(out);
    g_string_append_c(out, '{');
    add_key(out, "step");
    add_text(out, flow_step_name(step->step));
    add_key(out, "state");
    add_text(out, flow_state_name(step->state));
    add_key(out, "request_frame");
    add_positive(out, step->begin.frame);
    add_key(out, "response_frame");
    add_positive(out, step->end.frame);
    add_key(out, "http_status");
    add_positive(out, exchange ? flow_http_status(exchange) : 0);
    add_key(out, "time");
    if (step->begin.frame && step->end.frame)
        layout_append_seconds(out, step->end.time - step->begin.time);
    else
        g_string_append(out, "null");
    add_key(out, "pki_status");
    add_number(out, exchange && exchange->pki_status >= 0, exchange ? exchange->pki_status : 0);
    add_key(out, "fail_info");
    add_number(out, exchange && exchange->fail_info >= 0, exchange ? exchange->fail_info : 0);
    add_key(out, "operation");
    add_text(out, exchange ? exchange->operation : NULL);
    if (exchange && step->step >= FLOW_VERIFY_REQUEST && step->step <= FLOW_NOTIFY)
        add_call(out, exchange);
    if (exchange && (exchange->testimony || exchange->witnesses))
        add_witnesses(out, exchange);
    g_string_append_c(out, '}');
}

static void
add_part(GString *out, gconstpointer data)
{
    const flow_part *part = data;
    const flow_conversation *conversation = part->conversation;
    char                    *cipher = conversation->cipher_suite
                                          ? g_strdup_printf("0x%04x", conversation->cipher_suite)
                                          : NULL;

    begin_element(out);
    g_string_append_c(out, '{');
    add_key(out, "number");
    add_number(out, true, part->number);
    add_key(out, "tcp_stream");
    add_number(out, !conversation->log, conversation->tcp_stream);
    add_key(out, "leg");
    add_text(out, part->leg == FLOW_LEG_UNKNOWN ? NULL : flow_leg_name(part->leg));
    add_key(out, "role");
    add_texts(out, (const char *const *)part->roles);
    add_key(out, "basis");
    add_text(out, flow_basis_name(part->basis));
    add_key(out, "confidence");
    add_number(out, true, part->confidence);
    add_key(out, "client");
    add_taken_text(out, layout_endpoint(conversation->client.address, conversation->client.port));
    add_key(out, "server");
    add_taken_text(out, layout_endpoint(conversation->server.address, conversation->server.port));
    add_key(out, "first_frame");
    add_positive(out, conversation->first.frame);
    add_key(out, "last_frame");
    add_positive(out, conversation->last.frame);
    add_key(out, "tcp");
    add_text(out, conversation->log ? NULL : flow_tcp_state_name(flow_tcp_state_of(conversation)));
    add_tls(out, conversation);
    add_key(out, "steps");
    g_string_append_c(out, '[');
    for (unsigned i = 0; i < part->steps->len; i++)
        add_part_step(out, &g_array_index(part->steps, flow_part_step, i));
    g_string_append_c(out, ']');
    add_key(out, "reason");
    add_text(out, part->reason);
    add_key(out, "continues");
    add_positive(out, part->continues);
    add_sides(out, "retransmissions", conversation->retransmissions[FLOW_CLIENT],
              conversation->retransmissions[FLOW_SERVER]);
    add_sides(out, "bytes", conversation->octets[FLOW_CLIENT], conversation->octets[FLOW_SERVER]);
    add_sides(out, "records", conversation->records[FLOW_CLIENT], conversation->records[FLOW_SERVER]);
    add_key(out, "cipher");
    add_text(out, cipher);
    add_certificate(out, "certificate", conversation->certificate);
    add_key(out, "resumed");
    add_bool(out, conversation->is_resumed);
    add_key(out, "client_certificate_state");
    add_text(out, flow_client_certificate_name(conversation));
    add_certificate(out, "client_certificate", conversation->client_certificate);
    add_key(out, "renegotiated");
    add_bool(out, conversation->renegotiations > 0);
    add_key(out, "rpc");
    add_text(out, conversation->rpc_interface);
    add_key(out, "log");
    add_text(out, conversation->log ? conversation->log->name : NULL);
    g_string_append_c(out, '}');
    g_free(cipher);
}

static void
add_expectation(GString *out, gconstpointer data)
{
    const flow_expectation *expectation = data;
    char **seen_by = expectation->seen_by ? g_strsplit(expectation->seen_by, ", ", -1) : NULL;

    begin_element(out);
    g_string_append_c(out, '{');
    add_key(out, "step");
    add_text(out, flow_step_name(expectation->step));
    add_key(out, "state");
    add_text(out, flow_state_name(expectation->state));
    add_key(out, "conversation");
    add_positive(out, expectation->part ? expectation->part->number : 0);
    add_key(out, "seen_by");
    add_texts(out, (const char *const *)seen_by);
    add_key(out, "role");
    add_text(out, expectation->role);
    add_key(out, "look");
    add_text(out, expectation->look);
    g_string_append_c(out, '}');
    g_strfreev(seen_by);
}

static void
add_finding(GString *out, gconstpointer data)
{
    const flow_finding *finding = data;
    begin_element(out);
    g_string_append_c(out, '{');
    add_key(out, "id");
    add_text(out, finding->id);
    add_key(out, "severity");
    add_text(out, flow_severity_name(finding->severity));
    add_key(out, "frame");
    add_positive(out, finding->where.frame);
    add_key(out, "conversation");
    add_positive(out, finding->part ? finding->part->number : 0);
    add_key(out, "leg");
    add_text(out, finding->leg == FLOW_LEG_UNKNOWN ? NULL : flow_leg_name(finding->leg));
    add_key(out, "what");
    add_text(out, finding->what);
    add_key(out, "cause");
    add_text(out, finding->cause);
    add_key(out, "fix");
    add_text(out, finding->fix);
    add_key(out, "look");
    add_text(out, finding->look);
    g_string_append_c(out, '}');
}

static void
add_span(GString *out, const flow_span *span)
{
    begin_element(out);
    g_string_append_c(out, '{');
    add_key(out, "part");
    add_text(out, flow_time_part_name(span->part));
    add_key(out, "leg");
    add_text(out, span->leg == FLOW_LEG_UNKNOWN ? NULL : flow_leg_name(span->leg));
    add_key(out, "begin");
    layout_append_seconds(out, span->stretches[0].begin);
    add_key(out, "time");
    layout_append_seconds(out, span->time);
    add_key(out, "estimated");
    add_bool(out, span->is_estimated);
    g_string_append_c(out, '}');
}

static void
add_timing(GString *out, gconstpointer data)
{
    const flow_timing *timing = data;

    begin_element(out);
    g_string_append_c(out, '{');
    add_key(out, "request_frame");
    add_positive(out, timing->operation->request_end.frame);
    add_key(out, "response_frame");
    add_positive(out, timing->operation->response_end.frame);
    add_key(out, "total");
    layout_append_seconds(out, timing->total);
    add_key(out, "slowest");
    add_text(out, timing->slowest ? flow_time_part_name(timing->slowest->part) : NULL);
    add_key(out, "parts");
    g_string_append_c(out, '[');
    for (unsigned i = 0; i < timing->spans->len; i++)
        add_span(out, &g_array_index(timing->spans, flow_span, i));
    g_string_append(out, "]}");
}

/* The elements of a GPtrArray as an array. */
static void
add_array(GString *out, const char *key, const GPtrArray *elements, void (*add)(GString *, gconstpointer))
{
    add_key(out, key);
    g_string_append_c(out, '[');
    for (unsigned i = 0; i < elements->len; i++)
        add(out, elements->pdata[i]);
    g_string_append_c(out, ']');
}

/* A log file: how many of its lines tell what, and how its clock stands. */
static void
add_log(GString *out, gconstpointer data)
{
    const flow_log *log = data;

    begin_element(out);
    g_string_append_c(out, '{');
    add_key(out, "name");
    add_text(out, log->name);
    add_key(out, "format");
    add_text(out, log->format);
    add_key(out, "kind");
    add_text(out, log->kind);
    add_key(out, "lines");
    add_number(out, true, log->lines);
    add_key(out, "told");
    add_number(out, true, log->told);
    add_key(out, "confirmed");
    add_number(out, true, log->joined);
    add_key(out, "malformed");
    add_number(out, true, log->malformed);
    add_key(out, "zone_basis");
    add_text(out, flow_zone_basis_name(log->zone_basis));
    add_key(out, "zone_confidence");
    add_number(out, true, log->zone_confidence);
    add_key(out, "utc_offset");
    layout_append_seconds(out, -log->zone);
    add_key(out, "clock_skew");
    layout_append_seconds(out, log->skew);
    add_key(out, "events");
    add_number(out, true, log->fits);
    g_string_append_c(out, '}');
}

void
report_json(GString *out, const flow_enrolment *enrolment, const GPtrArray *logs)
{
    g_string_append_c(out, '{');
    add_key(out, "enrolment");
    add_number(out, true, enrolment->number);
    add_key(out, "verdict");
    add_text(out, flow_verdict_name(enrolment->verdict));
    add_key(out, "flow");
    add_text(out, enrolment->flow);
    add_key(out, "device");
    add_text(out, enrolment->device);
    add_key(out, "server");
    add_text(out, enrolment->server);
    add_key(out, "server_address");
    add_text(out, enrolment->server_endpoint.address);
    add_key(out, "transaction_id");
    add_text(out, enrolment->transaction_id);
    add_key(out, "subject");
    add_text(out, enrolment->subject);
    add_key(out, "start");
    add_taken_text(out, layout_time(enrolment->begin.time));
    add_key(out, "duration");
    layout_append_seconds(out, enrolment->end.time - enrolment->begin.time);
    add_array(out, "conversations", enrolment->parts, add_part);
    add_array(out, "steps", enrolment->steps, add_expectation);
    add_array(out, "findings", enrolment->findings, add_finding);
    add_key(out, "attempt");
    add_number(out, true, enrolment->attempt);
    add_key(out, "retry_due");
    add_taken_text(out, enrolment->retry_due ? layout_time(enrolment->retry_due) : NULL);
    add_key(out, "confidence");
    add_number(out, true, enrolment->confidence);
    add_key(out, "filter");
    add_taken_text(out, flow_filter_of(enrolment));
    add_array(out, "timing", enrolment->timings, add_timing);
    add_key(out, "device_id");
    add_text(out, enrolment->device_id);
    add_key(out, "user_id");
    add_text(out, enrolment->user_id);
    if (logs && logs->len > 0)
        add_array(out, "logs", logs, add_log);
    g_string_append(out, "}\n");
}
