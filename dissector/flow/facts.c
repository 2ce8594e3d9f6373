/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The facts that the catalogue's conditions and texts may name: of a request, of its conversation, of its enrolment.
 */
#include "facts.h"
#include "log_facts.h"

#include <string.h>

static const char *
yes(bool is)
{
    return is ? "yes" : NULL;
}

static const char *
number(flow_subject *about, double value)
{
    g_snprintf(about->text, sizeof about->text, value == (double)(int64_t)value ? "%.0f" : "%.3f", value);
    return about->text;
}

static const char *
joined(flow_subject *about, const char *const *words)
{
    char *text = g_strjoinv(", ", (char **)words);

    g_strlcpy(about->text, text, sizeof about->text);
    g_free(text);
    return about->text;
}

static double
seconds(int64_t from, int64_t to)
{
    return to > from ? (double)(to - from) / 1e9 : 0;
}

/* --- about an exchange --- */

static const char *
tell_step(flow_subject *about)
{
    return flow_step_name(about->exchange->step);
}

static const char *
tell_operation(flow_subject *about)
{
    return about->exchange->operation ? about->exchange->operation : flow_operation_name(about->exchange->step);
}

static const char *
tell_method(flow_subject *about)
{
    if (about->exchange->basis == FLOW_INFERRED)
        return NULL;
    return about->exchange->is_post ? "POST" : "GET";
}

static const char *
tell_http_status(flow_subject *about)
{
    int status = flow_http_status(about->exchange);

    return status ? number(about, status) : NULL;
}

static const char *
tell_http_server(flow_subject *about)
{
    return about->exchange->http_server;
}

static const char *
tell_http_location(flow_subject *about)
{
    return about->exchange->location;
}

static const char *
tell_content_type(flow_subject *about)
{
    return about->exchange->content_type;
}

static const char *
tell_target_length(flow_subject *about)
{
    return about->exchange->target_length ? number(about, about->exchange->target_length) : NULL;
}

static const char *
tell_user_agent(flow_subject *about)
{
    return about->exchange->user_agent;
}

static const char *
tell_answered(flow_subject *about)
{
    return about->exchange->response_end.frame ? "yes" : "no";
}

static const char *
tell_wait(flow_subject *about)
{
    const flow_exchange     *exchange = about->exchange;
    const flow_conversation *conversation = exchange->conversation;
    int64_t                  until = exchange->response_end.time;

    if (!exchange->response_end.frame)
        until = flow_tcp_state_of(conversation) == FLOW_TCP_ESTABLISHED ? about->model->last.time : conversation->last.time;
    return number(about, seconds(exchange->request_end.time, until));
}

/* Not all logs have them. */
static const char *
octets(flow_subject *about, uint32_t count)
{
    return count || !about->exchange->testimony ? number(about, count) : NULL;
}

static const char *
tell_request_octets(flow_subject *about)
{
    return octets(about, about->exchange->request_octets);
}

static const char *
tell_answer_octets(flow_subject *about)
{
    return octets(about, about->exchange->response_octets);
}

static const char *
tell_basis(flow_subject *about)
{
    return flow_basis_name(about->exchange->basis);
}

/* Only a capture that sees both sides of the proxy can tell. */
static const char *
tell_forwarded(flow_subject *about)
{
    const flow_exchange *exchange = about->exchange;

    if (exchange->inward || about->part->leg != FLOW_DEVICE_WAP)
        return NULL;
    if (exchange->onward)
        return "yes";
    return g_hash_table_size(about->model->inside) > 0 || flow_is_seen_at(about->model, exchange->conversation, "wap")
               ? "no"
               : NULL;
}

static const char *
tell_inward(flow_subject *about)
{
    return yes(about->exchange->inward != NULL);
}

static const char *
tell_pki_status(flow_subject *about)
{
    return about->exchange->pki_status >= 0 ? number(about, about->exchange->pki_status) : NULL;
}

static const char *
tell_fail_info(flow_subject *about)
{
    return about->exchange->fail_info >= 0 ? number(about, about->exchange->fail_info) : NULL;
}

static const char *
tell_hresult(flow_subject *about)
{
    const flow_exchange *witness;

    for (guint i = 0; (witness = flow_witness(about->exchange, i)) != NULL; i++) {
        if (witness->has_hresult) {
            g_snprintf(about->text, sizeof about->text, "0x%08x", witness->hresult);
            return about->text;
        }
    }
    return NULL;
}

static const char *
tell_message_type(flow_subject *about)
{
    return about->exchange->message_type >= 0 ? number(about, about->exchange->message_type) : NULL;
}

static const char *
tell_answer_readable(flow_subject *about)
{
    if (!about->exchange->response_end.frame || about->exchange->basis == FLOW_INFERRED)
        return NULL;
    return about->exchange->is_answer_readable ? "yes" : "no";
}

static const char *
tell_problem(flow_subject *about)
{
    return about->exchange->problem;
}

static const char *
tell_transaction(flow_subject *about)
{
    return about->exchange->transaction_id;
}

static const char *
tell_verified(flow_subject *about)
{
    const flow_exchange *witness;

    for (guint i = 0; (witness = flow_witness(about->exchange, i)) != NULL; i++) {
        if (witness->verified >= 0)
            return witness->verified ? "true" : "false";
    }
    return NULL;
}

static const char *
tell_code(flow_subject *about)
{
    return about->exchange->code;
}

static const char *
tell_code_meaning(flow_subject *about)
{
    return about->exchange->code_meaning;
}

static const char *
tell_product(flow_subject *about)
{
    return about->exchange->product;
}

static const char *
tell_http_substatus(flow_subject *about)
{
    unsigned substatus = flow_http_substatus(about->exchange);

    return substatus ? number(about, substatus) : NULL;
}

static const char *
tell_disposition(flow_subject *about)
{
    return about->exchange->disposition >= 0 ? number(about, about->exchange->disposition) : NULL;
}

static const char *
tell_exchange_state(flow_subject *about)
{
    return flow_state_name(about->exchange->state);
}

/* --- about a conversation --- */

static const flow_conversation *
conversation_of(const flow_subject *about)
{
    return about->part->conversation;
}

static const char *
tell_leg(flow_subject *about)
{
    return flow_leg_name(about->part->leg);
}

static const char *
tell_role(flow_subject *about)
{
    return joined(about, about->part->roles);
}

static const char *
tell_conversation(flow_subject *about)
{
    return number(about, about->part->number);
}

static const char *
tell_tcp(flow_subject *about)
{
    if (conversation_of(about)->log)
        return NULL; /* logs do not tell */
    return flow_tcp_state_name(flow_tcp_state_of(conversation_of(about)));
}

static const char *
side_name(flow_side side)
{
    return side == FLOW_CLIENT ? "client" : "server";
}

static const char *
tell_reset_by(flow_subject *about)
{
    return conversation_of(about)->reset.frame ? side_name(conversation_of(about)->reset_by) : NULL;
}

static const char *
tell_closed_by(flow_subject *about)
{
    const flow_moment *fin = conversation_of(about)->fin;

    if (!fin[FLOW_CLIENT].frame && !fin[FLOW_SERVER].frame)
        return NULL;
    return side_name(!fin[FLOW_SERVER].frame || (fin[FLOW_CLIENT].frame && fin[FLOW_CLIENT].frame < fin[FLOW_SERVER].frame)
                         ? FLOW_CLIENT
                         : FLOW_SERVER);
}

static const char *
tell_after(flow_subject *about)
{
    const flow_conversation *conversation = conversation_of(about);
    const flow_exchange     *last = NULL;

    for (guint i = 0; i < about->part->steps->len; i++) {
        const flow_part_step *step = &g_array_index(about->part->steps, flow_part_step, i);

        if (step->exchange)
            last = step->exchange;
    }
    if (last)
        return last->response_end.frame ? "answer" : "request";
    if (conversation->tls_established.frame)
        return "tls-handshake";
    if (conversation->server_hello.frame)
        return "server-hello";
    if (conversation->client_hello.frame)
        return "client-hello";
    return conversation->established.frame ? "tcp-handshake" : "syn";
}

static const char *
tell_syn_repeats(flow_subject *about)
{
    return number(about, conversation_of(about)->syn_repeats);
}

static const char *
tell_retransmissions(flow_subject *about)
{
    return number(about, conversation_of(about)->retransmissions[FLOW_CLIENT] +
                             conversation_of(about)->retransmissions[FLOW_SERVER]);
}

static const char *
tell_losses(flow_subject *about)
{
    return yes(conversation_of(about)->has_losses || conversation_of(about)->has_hole);
}

static const char *
tell_tls(flow_subject *about)
{
    return conversation_of(about)->log ? NULL : flow_tls_state_name(flow_tls_state_of(conversation_of(about)));
}

static const char *
tell_flight(flow_subject *about)
{
    static const char *const names[] = { NULL,          "client-hello",    "server-hello",
                                         "server-done", "client-finished", "finished" };

    return names[conversation_of(about)->flight];
}

static const char *
tell_version(flow_subject *about)
{
    return flow_tls_version_name(conversation_of(about)->version);
}

static const char *
tell_offered_version(flow_subject *about)
{
    return flow_tls_version_name(conversation_of(about)->offered_version);
}

static const char *
tell_sni(flow_subject *about)
{
    return conversation_of(about)->server_name;
}

static const char *
tell_alert(flow_subject *about)
{
    const flow_conversation *conversation = conversation_of(about);

    if (!conversation->alert.frame)
        return NULL;
    return conversation->alert_is_closing ? "close_notify" : flow_alert_name(conversation->alert_description);
}

static const char *
tell_alert_by(flow_subject *about)
{
    return conversation_of(about)->alert.frame ? side_name(conversation_of(about)->alert_by) : NULL;
}

static const char *
tell_resumed(flow_subject *about)
{
    return yes(conversation_of(about)->is_resumed);
}

static const char *
tell_client_certificate(flow_subject *about)
{
    return flow_client_certificate_name(conversation_of(about));
}

static const char *
tell_foreign(flow_subject *about)
{
    return conversation_of(about)->is_foreign_protocol ? conversation_of(about)->foreign_data : NULL;
}

static const char *
tell_certificate_subject(flow_subject *about)
{
    return conversation_of(about)->certificate ? conversation_of(about)->certificate->subject : NULL;
}

static const char *
tell_certificate_issuer(flow_subject *about)
{
    return conversation_of(about)->certificate ? conversation_of(about)->certificate->issuer : NULL;
}

static const char *
tell_certificate_names(flow_subject *about)
{
    return conversation_of(about)->certificate ? joined(about, conversation_of(about)->certificate->names) : NULL;
}

static const char *
tell_expired(flow_subject *about)
{
    const flow_conversation *conversation = conversation_of(about);

    return yes(conversation->certificate && conversation->certificate->not_after < conversation->first.time);
}

static const char *
tell_not_yet_valid(flow_subject *about)
{
    const flow_conversation *conversation = conversation_of(about);

    return yes(conversation->certificate && conversation->certificate->not_before > conversation->first.time);
}

/* RFC 9525 6.3: a wildcard stands for the leftmost label alone. */
static bool
name_fits(const char *pattern, const char *name)
{
    const char *rest;

    if (g_ascii_strcasecmp(pattern, name) == 0)
        return true;
    rest = strchr(name, '.');
    return g_str_has_prefix(pattern, "*.") && rest && g_ascii_strcasecmp(pattern + 1, rest) == 0;
}

static const char *
tell_name_mismatch(flow_subject *about)
{
    const flow_conversation *conversation = conversation_of(about);

    if (!conversation->certificate || !conversation->server_name)
        return NULL;
    for (const char *const *name = conversation->certificate->names; *name; name++) {
        if (name_fits(*name, conversation->server_name))
            return NULL;
    }
    return "yes";
}

static const char *
tell_self_signed(flow_subject *about)
{
    return yes(conversation_of(about)->certificate && conversation_of(about)->certificate->is_self_signed);
}

static const char *
date(flow_subject *about, int64_t time)
{
    GDateTime *moment = g_date_time_new_from_unix_utc(time / FLOW_SECOND);
    char      *text = moment ? g_date_time_format(moment, "%Y-%m-%d") : NULL;

    g_strlcpy(about->text, text ? text : "?", sizeof about->text);
    g_free(text);
    if (moment)
        g_date_time_unref(moment);
    return about->text;
}

static const char *
tell_not_before(flow_subject *about)
{
    return conversation_of(about)->certificate ? date(about, conversation_of(about)->certificate->not_before) : NULL;
}

static const char *
tell_not_after(flow_subject *about)
{
    return conversation_of(about)->certificate ? date(about, conversation_of(about)->certificate->not_after) : NULL;
}

static const char *
tell_server(flow_subject *about)
{
    const flow_conversation *conversation = conversation_of(about);

    return conversation->server_name ? conversation->server_name : conversation->server.address;
}

static const char *
tell_server_address(flow_subject *about)
{
    return conversation_of(about)->server.address;
}

static const char *
tell_port(flow_subject *about)
{
    return number(about, conversation_of(about)->server.port);
}

static const char *
tell_client(flow_subject *about)
{
    return conversation_of(about)->client.address;
}

static const char *
tell_duration(flow_subject *about)
{
    return number(about, seconds(conversation_of(about)->first.time, conversation_of(about)->last.time));
}

static const char *
tell_silence(flow_subject *about)
{
    if (conversation_of(about)->log)
        return NULL;
    return number(about, seconds(conversation_of(about)->last.time, about->model->last.time));
}

static const char *
tell_stalled(flow_subject *about)
{
    return yes(!conversation_of(about)->log && flow_is_over(conversation_of(about)));
}

static const char *
tell_client_subject(flow_subject *about)
{
    const flow_certificate *certificate = conversation_of(about)->client_certificate;

    return certificate ? certificate->subject : NULL;
}

static const char *
tell_client_issuer(flow_subject *about)
{
    const flow_certificate *certificate = conversation_of(about)->client_certificate;

    return certificate ? certificate->issuer : NULL;
}

static const char *
tell_client_not_after(flow_subject *about)
{
    const flow_certificate *certificate = conversation_of(about)->client_certificate;

    return certificate ? date(about, certificate->not_after) : NULL;
}

static const char *
tell_client_expired(flow_subject *about)
{
    const flow_certificate *certificate = conversation_of(about)->client_certificate;

    return yes(certificate && certificate->not_after < conversation_of(about)->first.time);
}

static const char *
tell_rpc(flow_subject *about)
{
    const flow_conversation *conversation = conversation_of(about);

    if (!conversation->is_rpc)
        return NULL;
    return conversation->is_rpc_refused ? "refused" : conversation->is_rpc_encrypted ? "encrypted" : "clear";
}

/* --- about an enrolment --- */

static const char *
tell_flow(flow_subject *about)
{
    return about->enrolment->flow;
}

static const char *
tell_device(flow_subject *about)
{
    return about->enrolment->device;
}

static const char *
tell_verdict(flow_subject *about)
{
    return flow_verdict_name(about->enrolment->verdict);
}

static const char *
tell_discovery(flow_subject *about)
{
    bool has_any = false, has_all = true;

    for (guint i = 0; i < about->enrolment->steps->len; i++) {
        const flow_expectation *expected = about->enrolment->steps->pdata[i];

        if (expected->step != FLOW_GET_CA_CAPS && expected->step != FLOW_GET_CA_CERT)
            continue;
        has_any = has_any || expected->state == FLOW_OK || expected->state == FLOW_OUT_OF_ORDER;
        has_all = has_all && (expected->state == FLOW_OK || expected->state == FLOW_OUT_OF_ORDER);
    }
    return !has_any ? "none" : has_all ? "complete" : "partial";
}

static const char *
tell_pki_operation(flow_subject *about)
{
    for (guint i = 0; i < about->enrolment->steps->len; i++) {
        const flow_expectation *expected = about->enrolment->steps->pdata[i];

        if (expected->step == FLOW_PKI_OPERATION && expected->exchange)
            return "sent";
    }
    return "none";
}

static const char *
tell_quiet(flow_subject *about)
{
    return number(about, seconds(about->enrolment->end.time, about->model->last.time));
}

static const char *
tell_attempt(flow_subject *about)
{
    return number(about, about->enrolment->attempt);
}

static const char *
tell_legs(flow_subject *about)
{
    const char *names[FLOW_DEVICE_MDM + 2] = { NULL };
    unsigned    count = 0;

    for (guint i = 0; i < about->enrolment->parts->len; i++) {
        const char *name = flow_leg_name(((flow_part *)about->enrolment->parts->pdata[i])->leg);
        bool        known = false;

        for (unsigned j = 0; j < count; j++)
            known = known || names[j] == name;
        if (!known)
            names[count++] = name;
    }
    return joined(about, names);
}

static const char *
tell_subject(flow_subject *about)
{
    return about->enrolment->subject;
}

/* The state of one step of the expected flow. */
static const char *
state_of_step(const flow_subject *about, flow_step step)
{
    for (guint i = 0; i < about->enrolment->steps->len; i++) {
        const flow_expectation *expected = about->enrolment->steps->pdata[i];

        if (expected->step == step)
            return flow_state_name(expected->state);
    }
    return NULL;
}

static const char *
tell_verify_state(flow_subject *about)
{
    return state_of_step(about, FLOW_VERIFY_REQUEST);
}

static const char *
tell_ca_state(flow_subject *about)
{
    return state_of_step(about, FLOW_CA_ISSUE);
}

static const char *
tell_notify_state(flow_subject *about)
{
    return state_of_step(about, FLOW_NOTIFY);
}

static const char *
tell_state_message(flow_subject *about)
{
    return state_of_step(about, FLOW_STATE_MESSAGE);
}

/* The slowest part of the PKIOperation that took longest. */
static const flow_span *
slowest_of(const flow_subject *about, const flow_timing **timing)
{
    *timing = NULL;
    for (guint i = 0; i < about->enrolment->timings->len; i++) {
        const flow_timing *one = about->enrolment->timings->pdata[i];

        if (!*timing || one->total > (*timing)->total)
            *timing = one;
    }
    return *timing ? (*timing)->slowest : NULL;
}

static const char *
tell_slowest(flow_subject *about)
{
    const flow_timing *timing;
    const flow_span   *span = slowest_of(about, &timing);

    return span ? flow_time_part_name(span->part) : NULL;
}

static const char *
tell_slowest_title(flow_subject *about)
{
    const flow_timing *timing;
    const flow_span   *span = slowest_of(about, &timing);

    return span ? flow_time_part_title(span->part) : NULL;
}

static const char *
tell_slowest_time(flow_subject *about)
{
    const flow_timing *timing;
    const flow_span   *span = slowest_of(about, &timing);

    return span ? number(about, (double)span->time / 1e9) : NULL;
}

static const char *
tell_operation_time(flow_subject *about)
{
    const flow_timing *timing;

    slowest_of(about, &timing);
    return timing ? number(about, (double)timing->total / 1e9) : NULL;
}

const flow_known_fact flow_known_facts[] = {
    { "step", FLOW_ABOUT_EXCHANGE, tell_step },
    { "state", FLOW_ABOUT_EXCHANGE, tell_exchange_state },
    { "operation", FLOW_ABOUT_EXCHANGE, tell_operation },
    { "method", FLOW_ABOUT_EXCHANGE, tell_method },
    { "http.status", FLOW_ABOUT_EXCHANGE, tell_http_status },
    { "http.server", FLOW_ABOUT_EXCHANGE, tell_http_server },
    { "http.location", FLOW_ABOUT_EXCHANGE, tell_http_location },
    { "http.content_type", FLOW_ABOUT_EXCHANGE, tell_content_type },
    { "target_length", FLOW_ABOUT_EXCHANGE, tell_target_length },
    { "user_agent", FLOW_ABOUT_EXCHANGE, tell_user_agent },
    { "answered", FLOW_ABOUT_EXCHANGE, tell_answered },
    { "wait", FLOW_ABOUT_EXCHANGE, tell_wait },
    { "request_octets", FLOW_ABOUT_EXCHANGE, tell_request_octets },
    { "answer_octets", FLOW_ABOUT_EXCHANGE, tell_answer_octets },
    { "basis", FLOW_ABOUT_EXCHANGE, tell_basis },
    { "forwarded", FLOW_ABOUT_EXCHANGE, tell_forwarded },
    { "inward", FLOW_ABOUT_EXCHANGE, tell_inward },
    { "pki_status", FLOW_ABOUT_EXCHANGE, tell_pki_status },
    { "fail_info", FLOW_ABOUT_EXCHANGE, tell_fail_info },
    { "hresult", FLOW_ABOUT_EXCHANGE, tell_hresult },
    { "message_type", FLOW_ABOUT_EXCHANGE, tell_message_type },
    { "answer_readable", FLOW_ABOUT_EXCHANGE, tell_answer_readable },
    { "problem", FLOW_ABOUT_EXCHANGE, tell_problem },
    { "transaction", FLOW_ABOUT_EXCHANGE, tell_transaction },
    { "verified", FLOW_ABOUT_EXCHANGE, tell_verified },
    { "code", FLOW_ABOUT_EXCHANGE, tell_code },
    { "code.meaning", FLOW_ABOUT_EXCHANGE, tell_code_meaning },
    { "product", FLOW_ABOUT_EXCHANGE, tell_product },
    { "http.substatus", FLOW_ABOUT_EXCHANGE, tell_http_substatus },
    { "disposition", FLOW_ABOUT_EXCHANGE, tell_disposition },
    { "log.messages", FLOW_ABOUT_EXCHANGE, flow_tell_log_messages },
    { "log.problem", FLOW_ABOUT_EXCHANGE, flow_tell_log_problem },
    { "log.win32", FLOW_ABOUT_EXCHANGE, flow_tell_log_win32 },
    { "log.reason", FLOW_ABOUT_EXCHANGE, flow_tell_log_reason },
    { "log.where", FLOW_ABOUT_EXCHANGE, flow_tell_log_where },
    { "log.failed_phase", FLOW_ABOUT_EXCHANGE, flow_tell_log_failed_phase },
    { "log.error", FLOW_ABOUT_EXCHANGE, flow_tell_log_error },
    { "log.missing", FLOW_ABOUT_EXCHANGE, flow_tell_log_missing },
    { "log.contradiction", FLOW_ABOUT_EXCHANGE, flow_tell_log_contradiction },
    { "capture", FLOW_ABOUT_EXCHANGE, flow_tell_capture },
    { "leg", FLOW_ABOUT_CONVERSATION, tell_leg },
    { "role", FLOW_ABOUT_CONVERSATION, tell_role },
    { "conversation", FLOW_ABOUT_CONVERSATION, tell_conversation },
    { "tcp", FLOW_ABOUT_CONVERSATION, tell_tcp },
    { "tcp.reset_by", FLOW_ABOUT_CONVERSATION, tell_reset_by },
    { "tcp.closed_by", FLOW_ABOUT_CONVERSATION, tell_closed_by },
    { "tcp.after", FLOW_ABOUT_CONVERSATION, tell_after },
    { "tcp.syn_repeats", FLOW_ABOUT_CONVERSATION, tell_syn_repeats },
    { "tcp.retransmissions", FLOW_ABOUT_CONVERSATION, tell_retransmissions },
    { "tcp.losses", FLOW_ABOUT_CONVERSATION, tell_losses },
    { "tls", FLOW_ABOUT_CONVERSATION, tell_tls },
    { "tls.flight", FLOW_ABOUT_CONVERSATION, tell_flight },
    { "tls.version", FLOW_ABOUT_CONVERSATION, tell_version },
    { "tls.offered_version", FLOW_ABOUT_CONVERSATION, tell_offered_version },
    { "tls.sni", FLOW_ABOUT_CONVERSATION, tell_sni },
    { "tls.alert", FLOW_ABOUT_CONVERSATION, tell_alert },
    { "tls.alert_by", FLOW_ABOUT_CONVERSATION, tell_alert_by },
    { "tls.resumed", FLOW_ABOUT_CONVERSATION, tell_resumed },
    { "tls.client_certificate", FLOW_ABOUT_CONVERSATION, tell_client_certificate },
    { "tls.foreign", FLOW_ABOUT_CONVERSATION, tell_foreign },
    { "certificate.subject", FLOW_ABOUT_CONVERSATION, tell_certificate_subject },
    { "certificate.issuer", FLOW_ABOUT_CONVERSATION, tell_certificate_issuer },
    { "certificate.names", FLOW_ABOUT_CONVERSATION, tell_certificate_names },
    { "certificate.expired", FLOW_ABOUT_CONVERSATION, tell_expired },
    { "certificate.not_yet_valid", FLOW_ABOUT_CONVERSATION, tell_not_yet_valid },
    { "certificate.name_mismatch", FLOW_ABOUT_CONVERSATION, tell_name_mismatch },
    { "certificate.self_signed", FLOW_ABOUT_CONVERSATION, tell_self_signed },
    { "certificate.not_before", FLOW_ABOUT_CONVERSATION, tell_not_before },
    { "certificate.not_after", FLOW_ABOUT_CONVERSATION, tell_not_after },
    { "client_certificate.subject", FLOW_ABOUT_CONVERSATION, tell_client_subject },
    { "client_certificate.issuer", FLOW_ABOUT_CONVERSATION, tell_client_issuer },
    { "client_certificate.not_after", FLOW_ABOUT_CONVERSATION, tell_client_not_after },
    { "client_certificate.expired", FLOW_ABOUT_CONVERSATION, tell_client_expired },
    { "rpc", FLOW_ABOUT_CONVERSATION, tell_rpc },
    { "server", FLOW_ABOUT_CONVERSATION, tell_server },
    { "server_address", FLOW_ABOUT_CONVERSATION, tell_server_address },
    { "port", FLOW_ABOUT_CONVERSATION, tell_port },
    { "client", FLOW_ABOUT_CONVERSATION, tell_client },
    { "duration", FLOW_ABOUT_CONVERSATION, tell_duration },
    { "silence", FLOW_ABOUT_CONVERSATION, tell_silence },
    { "stalled", FLOW_ABOUT_CONVERSATION, tell_stalled },
    { "flow", FLOW_ABOUT_ENROLMENT, tell_flow },
    { "device", FLOW_ABOUT_ENROLMENT, tell_device },
    { "verdict", FLOW_ABOUT_ENROLMENT, tell_verdict },
    { "discovery", FLOW_ABOUT_ENROLMENT, tell_discovery },
    { "pki_operation", FLOW_ABOUT_ENROLMENT, tell_pki_operation },
    { "quiet", FLOW_ABOUT_ENROLMENT, tell_quiet },
    { "attempt", FLOW_ABOUT_ENROLMENT, tell_attempt },
    { "legs", FLOW_ABOUT_ENROLMENT, tell_legs },
    { "subject", FLOW_ABOUT_ENROLMENT, tell_subject },
    { "verify_request", FLOW_ABOUT_ENROLMENT, tell_verify_state },
    { "ca_issue", FLOW_ABOUT_ENROLMENT, tell_ca_state },
    { "notify", FLOW_ABOUT_ENROLMENT, tell_notify_state },
    { "state_message", FLOW_ABOUT_ENROLMENT, tell_state_message },
    { "logs", FLOW_ABOUT_ENROLMENT, flow_tell_logs },
    { "logs.skewed", FLOW_ABOUT_ENROLMENT, flow_tell_log_skewed },
    { "logs.skew", FLOW_ABOUT_ENROLMENT, flow_tell_log_skew },
    { "logs.zone_unsure", FLOW_ABOUT_ENROLMENT, flow_tell_log_zone_unsure },
    { "slowest", FLOW_ABOUT_ENROLMENT, tell_slowest },
    { "slowest.title", FLOW_ABOUT_ENROLMENT, tell_slowest_title },
    { "slowest.time", FLOW_ABOUT_ENROLMENT, tell_slowest_time },
    { "operation.time", FLOW_ABOUT_ENROLMENT, tell_operation_time },
    { NULL, FLOW_ABOUT_ENROLMENT, NULL },
};

const char *
flow_tell(void *user, const char *name)
{
    flow_subject          *about = user;
    const flow_known_fact *fact = flow_known_facts;

    while (fact->name && fact->name != name && strcmp(fact->name, name) != 0)
        fact++;
    if (!fact->name || (fact->about == FLOW_ABOUT_EXCHANGE && !about->exchange) ||
        (fact->about == FLOW_ABOUT_CONVERSATION && !about->part))
        return NULL;
    return fact->tell(about);
}
