/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What TCP and TLS tell about a conversation, in states and in words.
 */
#include <string.h>

#include "internal.h"

flow_tcp_state
flow_tcp_state_of(const flow_conversation *conversation)
{
    bool has_fin = conversation->fin[FLOW_CLIENT].frame || conversation->fin[FLOW_SERVER].frame;
    bool has_data = conversation->octets[FLOW_CLIENT] + conversation->octets[FLOW_SERVER] > 0;

    if (conversation->syn.frame && !conversation->syn_ack.frame && !has_data && !conversation->established.frame)
        return conversation->reset.frame && conversation->reset_by == FLOW_SERVER ? FLOW_TCP_REFUSED
                                                                                  : FLOW_TCP_NO_ANSWER;
    if (has_fin)
        return FLOW_TCP_CLOSED;
    return conversation->reset.frame ? FLOW_TCP_RESET : FLOW_TCP_ESTABLISHED;
}

flow_tls_state
flow_tls_state_of(const flow_conversation *conversation)
{
    if (conversation->tls_established.frame)
        return FLOW_TLS_ESTABLISHED;
    if (!conversation->is_tls)
        return FLOW_TLS_NONE;
    if (conversation->alert.frame || conversation->is_foreign_protocol || flow_is_over(conversation))
        return FLOW_TLS_FAILED;
    return FLOW_TLS_HANDSHAKING;
}

static const char *
side_name(flow_side side)
{
    return side == FLOW_CLIENT ? "client" : "server";
}

/* "35 µs", "2.4 ms", "1.204 s"; free with g_free(). */
static char *
duration(int64_t from, int64_t to)
{
    double microseconds = (double)(to - from) / 1e3;

    if (microseconds < 1e3)
        return g_strdup_printf("%.0f µs", microseconds);
    return microseconds < 1e6 ? g_strdup_printf("%.1f ms", microseconds / 1e3)
                              : g_strdup_printf("%.3f s", microseconds / 1e6);
}

static void
append_duration(GString *text, const char *before, int64_t from, int64_t to)
{
    char *words = duration(from, to);

    g_string_append_printf(text, "%s%s", before, words);
    g_free(words);
}

static void
tell_tcp(GString *text, const flow_conversation *conversation)
{
    switch (flow_tcp_state_of(conversation)) {
    case FLOW_TCP_NO_ANSWER:
        g_string_append_printf(text, "nobody answers the SYN, sent %u times", conversation->syn_repeats + 1);
        return;
    case FLOW_TCP_REFUSED:
        g_string_append(text, "the server refuses the connection");
        return;
    default:
        break;
    }
    if (conversation->established.frame)
        append_duration(text, "TCP handshake in ", conversation->syn.time, conversation->established.time);
    else
        g_string_append(text, conversation->has_start ? "TCP handshake not complete" : "begun before the capture");
}

static void
tell_tls(GString *text, const flow_conversation *conversation)
{
    flow_tls_state state = flow_tls_state_of(conversation);

    if (state == FLOW_TLS_NONE)
        return;
    g_string_append_printf(text, "; %s", conversation->version ? flow_tls_version_name(conversation->version) : "TLS");
    if (conversation->server_name)
        g_string_append_printf(text, " with %s", conversation->server_name);
    else if (conversation->client_hello.frame)
        g_string_append(text, " without a server name");
    if (conversation->is_resumed)
        g_string_append(text, ", resumed");
    if (state == FLOW_TLS_ESTABLISHED && conversation->client_hello.frame)
        append_duration(text, ", handshake in ", conversation->client_hello.time, conversation->tls_established.time);
    else if (state == FLOW_TLS_FAILED)
        g_string_append(text, ", handshake failed");
    if (conversation->is_foreign_protocol)
        g_string_append_printf(text, ": the answer is no TLS but “%s”", conversation->foreign_data);
    if (conversation->certificate && (state == FLOW_TLS_FAILED))
        g_string_append_printf(text, "; certificate %s of %s", conversation->certificate->subject,
                               conversation->certificate->issuer);
    if (conversation->certificate_requested)
        g_string_append_printf(text, "; the server asked for a client certificate%s, %s%s",
                               conversation->certificate_requested_late ? " by renegotiation" : "",
                               conversation->client_certificate  ? "which was "
                               : conversation->certificate_sent  ? "which was sent"
                               : conversation->certificate_empty ? "and got none"
                                                                 : "and the capture does not show one",
                               conversation->client_certificate ? conversation->client_certificate->subject : "");
    else if (conversation->renegotiations > 0)
        g_string_append(text, "; the handshake was repeated later, as for a client certificate");
    if (conversation->alert.frame && !conversation->alert_is_closing) {
        if (conversation->alert_description >= 0)
            g_string_append_printf(text, "; the %s sent alert %s (%d): %s", side_name(conversation->alert_by),
                                   flow_alert_name(conversation->alert_description), conversation->alert_description,
                                   flow_alert_meaning(conversation->alert_description));
        else
            g_string_append_printf(text, "; the %s sent an encrypted alert", side_name(conversation->alert_by));
    }
}

static void
tell_end(GString *text, const flow_conversation *conversation)
{
    int64_t begin = conversation->first.time, end = conversation->last.time;

    switch (flow_tcp_state_of(conversation)) {
    case FLOW_TCP_RESET:
        g_string_append_printf(text, "; reset by the %s", side_name(conversation->reset_by));
        append_duration(text, " after ", begin, end);
        break;
    case FLOW_TCP_CLOSED: {
        const flow_moment *fin = conversation->fin;
        flow_side          side = !fin[FLOW_SERVER].frame || (fin[FLOW_CLIENT].frame &&
                                                     fin[FLOW_CLIENT].frame < fin[FLOW_SERVER].frame)
                                      ? FLOW_CLIENT
                                      : FLOW_SERVER;

        g_string_append_printf(text, "; closed by the %s", side_name(side));
        append_duration(text, " after ", begin, end);
        break;
    }
    case FLOW_TCP_ESTABLISHED:
        append_duration(text, "; still open after ", begin, end);
        break;
    default:
        break;
    }
    if (conversation->retransmissions[FLOW_CLIENT] + conversation->retransmissions[FLOW_SERVER] > 0)
        g_string_append_printf(text, "; %u segments of the client and %u of the server came again",
                               conversation->retransmissions[FLOW_CLIENT], conversation->retransmissions[FLOW_SERVER]);
    if (conversation->has_losses)
        g_string_append(text, "; the capture lacks segments");
}

char *
flow_story(const flow_conversation *conversation)
{
    GString *text = g_string_new(NULL);

    if (conversation->log) {
        g_string_append_printf(text, "known from the log %s", conversation->log->name);
        return g_string_free(text, FALSE);
    }
    tell_tcp(text, conversation);
    tell_tls(text, conversation);
    tell_end(text, conversation);
    return g_string_free(text, FALSE);
}

static gint
by_number(gconstpointer a, gconstpointer b)
{
    uint32_t first = *(const uint32_t *)a, second = *(const uint32_t *)b;

    return (first > second) - (first < second);
}

/* Adds the frames of a log's lines about an exchange. */
static void
add_told_frames(GArray *frames, const flow_exchange *exchange)
{
    const GArray *messages = exchange->testimony ? exchange->testimony->messages : NULL;

    if (exchange->testimony && !messages)
        g_array_append_val(frames, exchange->request.frame);
    for (guint i = 0; messages && i < messages->len; i++)
        g_array_append_val(frames, g_array_index(messages, flow_message, i).where.frame);
}

/* The frames of logs that belong to an enrolment, in order. */
static GArray *
told_frames(const flow_enrolment *enrolment)
{
    GArray *frames = g_array_new(FALSE, FALSE, sizeof(uint32_t));

    for (guint i = 0; i < enrolment->parts->len; i++) {
        const flow_part *part = enrolment->parts->pdata[i];

        for (guint j = 0; j < part->steps->len; j++) {
            const flow_exchange *exchange = g_array_index(part->steps, flow_part_step, j).exchange, *witness;

            for (guint k = 0; exchange && (witness = flow_witness(exchange, k)) != NULL; k++)
                add_told_frames(frames, witness);
        }
    }
    g_array_sort(frames, by_number);
    return frames;
}

/* "frame.number in {3..9, 12}" */
static void
append_frames(GString *text, const GArray *frames)
{
    g_string_append(text, "frame.number in {");
    for (guint i = 0; i < frames->len;) {
        uint32_t first = g_array_index(frames, uint32_t, i), last = first;

        for (i++; i < frames->len && g_array_index(frames, uint32_t, i) <= last + 1; i++)
            last = g_array_index(frames, uint32_t, i);
        g_string_append_printf(text, first == last ? "%s%u" : "%s%u..%u", text->str[text->len - 1] == '{' ? "" : ", ",
                               first, last);
    }
    g_string_append_c(text, '}');
}

static void
append_streams(GString *text, const flow_enrolment *enrolment)
{
    g_string_append(text, "tcp.stream in {");
    for (guint i = 0; i < enrolment->parts->len; i++) {
        const flow_conversation *conversation = ((flow_part *)enrolment->parts->pdata[i])->conversation;

        if (!conversation->log)
            g_string_append_printf(text, "%s%u", text->str[text->len - 1] == '{' ? "" : ", ", conversation->tcp_stream);
    }
    g_string_append_c(text, '}');
}

static bool
has_packets(const flow_enrolment *enrolment)
{
    for (guint i = 0; i < enrolment->parts->len; i++) {
        if (!((flow_part *)enrolment->parts->pdata[i])->conversation->log)
            return true;
    }
    return false;
}

char *
flow_filter_of(const flow_enrolment *enrolment)
{
    GString *text = g_string_new(NULL);
    GArray  *frames = told_frames(enrolment);

    if (has_packets(enrolment) || frames->len == 0)
        append_streams(text, enrolment);
    if (frames->len > 0) {
        if (text->len > 0)
            g_string_append(text, " || ");
        append_frames(text, frames);
    }
    g_array_unref(frames);
    return g_string_free(text, FALSE);
}
