/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The report for programs. Keys may be added behind those that are there, but neither renamed nor reordered.
 */
#include "report_json.h"

#include "json.h"
#include "layout.h"

/* A number of each side. */
static void
add_sides(GString *out, const char *key, uint64_t client, uint64_t server)
{
    json_key(out, key);
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
    json_key(out, "tls");
    g_string_append_c(out, '{');
    json_key(out, "state");
    json_text(out, flow_tls_state_name(state));
    json_key(out, "version");
    json_text(out, flow_tls_version_name(conversation->version));
    json_key(out, "sni");
    json_text(out, conversation->server_name);
    json_key(out, "alert");
    json_text(out, is_told ? flow_alert_name(conversation->alert_description) : NULL);
    g_string_append_c(out, '}');
}

static void
add_certificate(GString *out, const char *key, const flow_certificate *certificate)
{
    json_key(out, key);
    if (!certificate) {
        g_string_append(out, "null");
        return;
    }
    g_string_append_c(out, '{');
    json_key(out, "subject");
    json_text(out, certificate->subject);
    json_key(out, "issuer");
    json_text(out, certificate->issuer);
    json_key(out, "names");
    json_texts(out, certificate->names);
    json_key(out, "not_before");
    json_taken_text(out, layout_time(certificate->not_before));
    json_key(out, "not_after");
    json_taken_text(out, layout_time(certificate->not_after));
    g_string_append_c(out, '}');
}

/* What only NDES's calls have: what was said, and how it is known for whom they were made. */
static void
add_call(GString *out, const flow_exchange *exchange)
{
    char *hresult = exchange->has_hresult ? g_strdup_printf("0x%08x", exchange->hresult) : NULL;

    json_key(out, "http_substatus");
    json_positive(out, flow_http_substatus(exchange));
    json_key(out, "verified");
    if (exchange->verified >= 0)
        json_bool(out, exchange->verified != 0);
    else
        json_text(out, NULL);
    json_key(out, "code");
    json_text(out, exchange->code);
    json_key(out, "transaction_id");
    json_text(out, exchange->transaction_id);
    json_key(out, "disposition");
    json_number(out, exchange->disposition >= 0, exchange->disposition);
    json_key(out, "hresult");
    json_taken_text(out, hresult);
    json_key(out, "pki_operation_frame");
    json_positive(out, exchange->operation_of ? exchange->operation_of->request_end.frame : 0);
    json_key(out, "joined_confidence");
    json_positive(out, exchange->onward_confidence);
    json_key(out, "joined_reason");
    json_text(out, exchange->onward_reason);
}

/* The logs that tell of it. */
static void
add_witnesses(GString *out, const flow_exchange *exchange)
{
    const flow_exchange *witness;

    json_key(out, "logs");
    g_string_append_c(out, '[');
    for (guint i = 0; (witness = flow_witness(exchange, i)) != NULL; i++) {
        const flow_testimony *testimony = witness->testimony;

        if (!testimony)
            continue;
        json_begin(out);
        g_string_append_c(out, '{');
        json_key(out, "log");
        json_text(out, testimony->log->name);
        json_key(out, "line");
        json_positive(out, testimony->line);
        json_key(out, "lines");
        json_positive(out, testimony->lines);
        json_key(out, "frame");
        json_positive(out, witness->request.frame);
        json_key(out, "confidence");
        json_positive(out, testimony->of ? testimony->confidence : 0);
        json_key(out, "win32_status");
        json_number(out, testimony->win32_status >= 0, testimony->win32_status);
        json_key(out, "reason");
        json_text(out, testimony->reason);
        json_key(out, "problem");
        json_text(out, witness->problem);
        g_string_append_c(out, '}');
    }
    g_string_append_c(out, ']');
}

static void
add_part_step(GString *out, const flow_part_step *step)
{
    const flow_exchange *exchange = step->exchange;

    json_begin(out);
    g_string_append_c(out, '{');
    json_key(out, "step");
    json_text(out, flow_step_name(step->step));
    json_key(out, "state");
    json_text(out, flow_state_name(step->state));
    json_key(out, "request_frame");
    json_positive(out, step->begin.frame);
    json_key(out, "response_frame");
    json_positive(out, step->end.frame);
    json_key(out, "http_status");
    json_positive(out, exchange ? flow_http_status(exchange) : 0);
    json_key(out, "time");
    if (step->begin.frame && step->end.frame)
        layout_append_seconds(out, step->end.time - step->begin.time);
    else
        g_string_append(out, "null");
    json_key(out, "pki_status");
    json_number(out, exchange && exchange->pki_status >= 0, exchange ? exchange->pki_status : 0);
    json_key(out, "fail_info");
    json_number(out, exchange && exchange->fail_info >= 0, exchange ? exchange->fail_info : 0);
    json_key(out, "operation");
    json_text(out, exchange ? exchange->operation : NULL);
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

    json_begin(out);
    g_string_append_c(out, '{');
    json_key(out, "number");
    json_number(out, true, part->number);
    json_key(out, "tcp_stream");
    json_number(out, !conversation->log, conversation->tcp_stream);
    json_key(out, "leg");
    json_text(out, part->leg == FLOW_LEG_UNKNOWN ? NULL : flow_leg_name(part->leg));
    json_key(out, "role");
    json_texts(out, (const char *const *)part->roles);
    json_key(out, "basis");
    json_text(out, flow_basis_name(part->basis));
    json_key(out, "confidence");
    json_number(out, true, part->confidence);
    json_key(out, "client");
    json_taken_text(out, layout_endpoint(conversation->client.address, conversation->client.port));
    json_key(out, "server");
    json_taken_text(out, layout_endpoint(conversation->server.address, conversation->server.port));
    json_key(out, "first_frame");
    json_positive(out, conversation->first.frame);
    json_key(out, "last_frame");
    json_positive(out, conversation->last.frame);
    json_key(out, "tcp");
    json_text(out, conversation->log ? NULL : flow_tcp_state_name(flow_tcp_state_of(conversation)));
    add_tls(out, conversation);
    json_key(out, "steps");
    g_string_append_c(out, '[');
    for (unsigned i = 0; i < part->steps->len; i++)
        add_part_step(out, &g_array_index(part->steps, flow_part_step, i));
    g_string_append_c(out, ']');
    json_key(out, "reason");
    json_text(out, part->reason);
    json_key(out, "continues");
    json_positive(out, part->continues);
    add_sides(out, "retransmissions", conversation->retransmissions[FLOW_CLIENT],
              conversation->retransmissions[FLOW_SERVER]);
    add_sides(out, "bytes", conversation->octets[FLOW_CLIENT], conversation->octets[FLOW_SERVER]);
    add_sides(out, "records", conversation->records[FLOW_CLIENT], conversation->records[FLOW_SERVER]);
    json_key(out, "cipher");
    json_text(out, cipher);
    add_certificate(out, "certificate", conversation->certificate);
    json_key(out, "resumed");
    json_bool(out, conversation->is_resumed);
    json_key(out, "client_certificate_state");
    json_text(out, flow_client_certificate_name(conversation));
    add_certificate(out, "client_certificate", conversation->client_certificate);
    json_key(out, "renegotiated");
    json_bool(out, conversation->renegotiations > 0);
    json_key(out, "rpc");
    json_text(out, conversation->rpc_interface);
    json_key(out, "log");
    json_text(out, conversation->log ? conversation->log->name : NULL);
    g_string_append_c(out, '}');
    g_free(cipher);
}

static void
add_expectation(GString *out, gconstpointer data)
{
    const flow_expectation *expectation = data;
    char **seen_by = expectation->seen_by ? g_strsplit(expectation->seen_by, ", ", -1) : NULL;

    json_begin(out);
    g_string_append_c(out, '{');
    json_key(out, "step");
    json_text(out, flow_step_name(expectation->step));
    json_key(out, "state");
    json_text(out, flow_state_name(expectation->state));
    json_key(out, "conversation");
    json_positive(out, expectation->part ? expectation->part->number : 0);
    json_key(out, "seen_by");
    json_texts(out, (const char *const *)seen_by);
    json_key(out, "role");
    json_text(out, expectation->role);
    json_key(out, "look");
    json_text(out, expectation->look);
    g_string_append_c(out, '}');
    g_strfreev(seen_by);
}

static void
add_finding(GString *out, gconstpointer data)
{
    const flow_finding *finding = data;
    json_begin(out);
    g_string_append_c(out, '{');
    json_key(out, "id");
    json_text(out, finding->id);
    json_key(out, "severity");
    json_text(out, flow_severity_name(finding->severity));
    json_key(out, "frame");
    json_positive(out, finding->where.frame);
    json_key(out, "conversation");
    json_positive(out, finding->part ? finding->part->number : 0);
    json_key(out, "leg");
    json_text(out, finding->leg == FLOW_LEG_UNKNOWN ? NULL : flow_leg_name(finding->leg));
    json_key(out, "what");
    json_text(out, finding->what);
    json_key(out, "cause");
    json_text(out, finding->cause);
    json_key(out, "fix");
    json_text(out, finding->fix);
    json_key(out, "look");
    json_text(out, finding->look);
    g_string_append_c(out, '}');
}

static void
add_span(GString *out, const flow_span *span)
{
    json_begin(out);
    g_string_append_c(out, '{');
    json_key(out, "part");
    json_text(out, flow_time_part_name(span->part));
    json_key(out, "leg");
    json_text(out, span->leg == FLOW_LEG_UNKNOWN ? NULL : flow_leg_name(span->leg));
    json_key(out, "begin");
    layout_append_seconds(out, span->stretches[0].begin);
    json_key(out, "time");
    layout_append_seconds(out, span->time);
    json_key(out, "estimated");
    json_bool(out, span->is_estimated);
    g_string_append_c(out, '}');
}

static void
add_timing(GString *out, gconstpointer data)
{
    const flow_timing *timing = data;

    json_begin(out);
    g_string_append_c(out, '{');
    json_key(out, "request_frame");
    json_positive(out, timing->operation->request_end.frame);
    json_key(out, "response_frame");
    json_positive(out, timing->operation->response_end.frame);
    json_key(out, "total");
    layout_append_seconds(out, timing->total);
    json_key(out, "slowest");
    json_text(out, timing->slowest ? flow_time_part_name(timing->slowest->part) : NULL);
    json_key(out, "parts");
    g_string_append_c(out, '[');
    for (unsigned i = 0; i < timing->spans->len; i++)
        add_span(out, &g_array_index(timing->spans, flow_span, i));
    g_string_append(out, "]}");
}

/* The elements of a GPtrArray as an array. */
static void
add_array(GString *out, const char *key, const GPtrArray *elements, void (*add)(GString *, gconstpointer))
{
    json_key(out, key);
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

    json_begin(out);
    g_string_append_c(out, '{');
    json_key(out, "name");
    json_text(out, log->name);
    json_key(out, "format");
    json_text(out, log->format);
    json_key(out, "kind");
    json_text(out, log->kind);
    json_key(out, "lines");
    json_number(out, true, log->lines);
    json_key(out, "told");
    json_number(out, true, log->told);
    json_key(out, "confirmed");
    json_number(out, true, log->joined);
    json_key(out, "malformed");
    json_number(out, true, log->malformed);
    json_key(out, "zone_basis");
    json_text(out, flow_zone_basis_name(log->zone_basis));
    json_key(out, "zone_confidence");
    json_number(out, true, log->zone_confidence);
    json_key(out, "utc_offset");
    layout_append_seconds(out, -log->zone);
    json_key(out, "clock_skew");
    layout_append_seconds(out, log->skew);
    json_key(out, "events");
    json_number(out, true, log->fits);
    g_string_append_c(out, '}');
}

void
report_json(GString *out, const flow_enrolment *enrolment, const GPtrArray *logs)
{
    g_string_append_c(out, '{');
    json_key(out, "enrolment");
    json_number(out, true, enrolment->number);
    json_key(out, "verdict");
    json_text(out, flow_verdict_name(enrolment->verdict));
    json_key(out, "flow");
    json_text(out, enrolment->flow);
    json_key(out, "device");
    json_text(out, enrolment->device);
    json_key(out, "server");
    json_text(out, enrolment->server);
    json_key(out, "server_address");
    json_text(out, enrolment->server_endpoint.address);
    json_key(out, "transaction_id");
    json_text(out, enrolment->transaction_id);
    json_key(out, "subject");
    json_text(out, enrolment->subject);
    json_key(out, "start");
    json_taken_text(out, layout_time(enrolment->begin.time));
    json_key(out, "duration");
    layout_append_seconds(out, enrolment->end.time - enrolment->begin.time);
    add_array(out, "conversations", enrolment->parts, add_part);
    add_array(out, "steps", enrolment->steps, add_expectation);
    add_array(out, "findings", enrolment->findings, add_finding);
    json_key(out, "attempt");
    json_number(out, true, enrolment->attempt);
    json_key(out, "retry_due");
    json_taken_text(out, enrolment->retry_due ? layout_time(enrolment->retry_due) : NULL);
    json_key(out, "confidence");
    json_number(out, true, enrolment->confidence);
    json_key(out, "filter");
    json_taken_text(out, flow_filter_of(enrolment));
    add_array(out, "timing", enrolment->timings, add_timing);
    json_key(out, "device_id");
    json_text(out, enrolment->device_id);
    json_key(out, "user_id");
    json_text(out, enrolment->user_id);
    if (logs && logs->len > 0)
        add_array(out, "logs", logs, add_log);
    g_string_append(out, "}\n");
}
