/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Where a frame stands in its conversation: at which step, what comes next, and that in a sentence.
 */
#include <string.h>

#include "internal.h"

/* Parts of the leg that this one is on. */
static unsigned
count_on_leg(const flow_part *part, unsigned *number)
{
    const GPtrArray *parts = part->enrolment->parts;
    unsigned         count = 0;

    for (guint i = 0; i < parts->len; i++) {
        const flow_part *other = parts->pdata[i];

        count += other->leg == part->leg;
        if (other->number == part->number)
            *number = count;
    }
    return count;
}

static const flow_part_step *
step_at(const flow_part *part, guint index)
{
    return &g_array_index(part->steps, flow_part_step, index);
}

/* The index of the last step that has begun by `frame`, or -1. Requests begin with their first segment. */
static int
last_begun(const flow_part *part, uint32_t frame)
{
    int found = -1;

    for (guint i = 0; i < part->steps->len; i++) {
        const flow_part_step *step = step_at(part, i);
        uint32_t              begin = step->exchange && step->exchange->request.frame ? step->exchange->request.frame
                                                                                      : step->begin.frame;

        if (begin <= frame)
            found = (int)i;
    }
    return found;
}

static const char *
tcp_words(const flow_conversation *conversation, uint32_t frame)
{
    switch (flow_tcp_state_of(conversation)) {
    case FLOW_TCP_REFUSED:
        return frame >= conversation->reset.frame ? "the server refuses the connection"
                                                  : "SYN sent, which the server will refuse";
    case FLOW_TCP_NO_ANSWER:
        return "SYN sent, and nobody answers";
    default:
        break;
    }
    if (conversation->established.frame && frame >= conversation->established.frame)
        return "TCP handshake complete";
    if (conversation->syn_ack.frame && frame >= conversation->syn_ack.frame)
        return "SYN-ACK received, waiting for the client's ACK";
    return "SYN sent, waiting for SYN-ACK";
}

static const char *
tls_words(const flow_conversation *conversation, uint32_t frame)
{
    if (conversation->alert.frame && frame >= conversation->alert.frame && !conversation->alert_is_closing)
        return NULL;
    if (conversation->tls_established.frame && frame >= conversation->tls_established.frame)
        return "TLS handshake complete";
    if (flow_tls_state_of(conversation) == FLOW_TLS_FAILED)
        return conversation->server_hello.frame && frame >= conversation->server_hello.frame
                   ? "TLS handshake, which will not be completed"
                   : "ClientHello sent, and no ServerHello comes";
    if (conversation->server_hello.frame && frame >= conversation->server_hello.frame)
        return conversation->is_resumed ? "TLS handshake, session resumed" : "TLS handshake, ServerHello received";
    return "TLS handshake, ClientHello sent";
}

/* How a request is doing at `frame`. */
static void
tell_exchange(GString *text, const flow_exchange *exchange, uint32_t frame)
{
    const char *name = flow_operation_name(exchange->step);
    const char *probably = exchange->basis == FLOW_INFERRED ? "probably " : "";

    if (exchange->response_end.frame && frame >= exchange->response_end.frame) {
        g_string_append_printf(text, "%s%s answered in %.3f s", probably, name,
                               (double)(exchange->response_end.time - exchange->request_end.time) / 1e9);
        if (exchange->http_status)
            g_string_append_printf(text, " with HTTP %d", exchange->http_status);
        if (exchange->verified >= 0)
            g_string_append(text, exchange->verified ? ", true" : ", false");
        if (exchange->pki_status >= 0)
            g_string_append(text, exchange->pki_status == 0   ? ", SUCCESS"
                                  : exchange->pki_status == 3 ? ", PENDING"
                                                              : ", FAILURE");
        else if (exchange->state == FLOW_FAILED)
            g_string_append(text, ", not as it should be");
    } else if (exchange->response.frame && frame >= exchange->response.frame) {
        g_string_append_printf(text, "the answer to %s%s arrives", probably, name);
    } else if (frame < exchange->request_end.frame) {
        g_string_append_printf(text, "%s%s is being sent", probably, name);
    } else {
        g_string_append_printf(text, "%s%s sent, %s", probably, name,
                               exchange->response_end.frame ? "waiting for the answer" : "which nobody answers");
    }
}

static void
tell_end(GString *text, const flow_conversation *conversation, uint32_t frame)
{
    if (conversation->alert.frame && frame >= conversation->alert.frame && !conversation->alert_is_closing)
        g_string_append_printf(text, "; the %s sent alert %s", conversation->alert_by == FLOW_CLIENT ? "client"
                                                                                                    : "server",
                               flow_alert_name(conversation->alert_description));
    if (conversation->reset.frame && frame >= conversation->reset.frame &&
        flow_tcp_state_of(conversation) == FLOW_TCP_RESET)
        g_string_append_printf(text, "; reset by the %s", conversation->reset_by == FLOW_CLIENT ? "client" : "server");
    else if ((conversation->fin[FLOW_CLIENT].frame && frame >= conversation->fin[FLOW_CLIENT].frame) ||
             (conversation->fin[FLOW_SERVER].frame && frame >= conversation->fin[FLOW_SERVER].frame))
        g_string_append(text, "; being closed");
}

/* True when the conversation has been reset by now, or has got a fatal alert. */
static bool
is_broken_off(const flow_conversation *conversation, uint32_t frame)
{
    return (conversation->reset.frame && frame >= conversation->reset.frame) ||
           (conversation->alert.frame && frame >= conversation->alert.frame && !conversation->alert_is_closing);
}

/* The frame of the neighbouring step in time, in whichever conversation of the enrolment. */
static void
find_neighbours(const flow_part *part, uint32_t begin, uint32_t frame, flow_position *position)
{
    const GPtrArray *parts = part->enrolment->parts;

    for (guint i = 0; i < parts->len; i++) {
        const flow_part *other = parts->pdata[i];

        if (other->leg != part->leg)
            continue;
        for (guint j = 0; j < other->steps->len; j++) {
            uint32_t at = step_at(other, j)->begin.frame;

            if (at < begin && at > position->previous_frame)
                position->previous_frame = at;
            if (at > frame && (position->next_frame == 0 || at < position->next_frame))
                position->next_frame = at;
        }
    }
}

/* The step after `index` in this conversation, or what the enrolment lacks then. */
static const char *
next_step(const flow_part *part, int index)
{
    const flow_part_step *current = index >= 0 ? step_at(part, (guint)index) : NULL;

    if (index + 1 < (int)part->steps->len)
        return flow_step_name(step_at(part, (guint)(index + 1))->step);
    if (current && current->state == FLOW_FAILED)
        return NULL;
    if (current && current->step == FLOW_PKI_OPERATION && current->state == FLOW_OK)
        return NULL;
    return part->expected_next;
}

/* True when a line in this frame tells of the exchange. */
static bool
is_told_in(const flow_exchange *exchange, uint32_t frame)
{
    const GArray *messages = exchange->testimony->messages;

    if (!messages)
        return exchange->request.frame == frame;
    for (guint i = 0; i < messages->len; i++) {
        if (g_array_index(messages, flow_message, i).where.frame == frame)
            return true;
    }
    return false;
}

/* The exchange that a line of a log in this frame tells of, and its step; NULL for packets. */
static const flow_exchange *
told_in(const flow_part *part, uint32_t frame, const flow_part_step **step)
{
    for (guint i = 0; i < part->steps->len; i++) {
        const flow_exchange *exchange = step_at(part, i)->exchange, *witness;

        for (guint j = 0; exchange && (witness = flow_witness(exchange, j)) != NULL; j++) {
            if (witness->testimony && is_told_in(witness, frame)) {
                *step = step_at(part, i);
                return witness;
            }
        }
    }
    return NULL;
}

/* The part of a call that a message in this frame is about: the innermost. */
static const flow_exchange *
phase_in(const flow_exchange *told, uint32_t frame)
{
    const GPtrArray *phases = told->testimony->phases;

    for (guint i = 0; phases && i < phases->len; i++) {
        const flow_exchange *phase = phases->pdata[i];

        if (phase->request.frame <= frame && (!phase->response_end.frame || frame <= phase->response_end.frame))
            return phase;
    }
    return NULL;
}

/* Where a line of a log stands. */
static void
tell_line(flow_position *position, const flow_exchange *told, const flow_part_step *step, uint32_t frame)
{
    GString             *text = g_string_new(NULL);
    const flow_exchange *phase = phase_in(told, frame);

    position->told = told;
    position->step = phase ? phase->step : step->step;
    position->state = phase ? phase->state : step->state;
    g_string_append_printf(text, "%s tells of %s", told->testimony->log->name, flow_operation_name(step->step));
    if (phase)
        g_string_append_printf(text, ", %s", flow_operation_name(phase->step));
    if (phase && phase->response_end.frame && phase->response_end.frame != phase->request.frame)
        g_string_append_printf(text, ", which took %.3f s",
                               (double)(phase->response_end.time - phase->request.time) / 1e9);
    else if (!phase && step->begin.frame && step->end.frame)
        g_string_append_printf(text, ", which took %.3f s", (double)(step->end.time - step->begin.time) / 1e9);
    if (flow_http_status(step->exchange))
        g_string_append_printf(text, ", HTTP %d", flow_http_status(step->exchange));
    if (step->exchange->verified >= 0)
        g_string_append(text, step->exchange->verified ? ", true" : ", false");
    if (told != step->exchange)
        g_string_append_printf(text, "; the same as in frame %u", step->begin.frame);
    position->sentence = g_string_free(text, FALSE);
}

void
flow_position_of(const flow_part *part, uint32_t frame, flow_side from, flow_position *position)
{
    const flow_conversation *conversation = part->conversation;
    int                      index = last_begun(part, frame);
    const flow_part_step    *step = index >= 0 ? step_at(part, (guint)index) : NULL;
    GString                 *text = g_string_new(NULL);
    unsigned                 number = 0, count = count_on_leg(part, &number);
    const char              *words = NULL;
    char                    *roles = g_strjoinv(", ", (char **)part->roles);
    const flow_exchange     *told;
    gsize                    head, end;

    memset(position, 0, sizeof *position);
    position->part = part;
    told = told_in(part, frame, &step);
    if (told) {
        tell_line(position, told, step, frame);
        find_neighbours(part, step->begin.frame, frame, position);
        g_string_free(text, TRUE);
        g_free(roles);
        return;
    }
    position->step = step ? step->step : FLOW_STEP_NONE;
    position->state = step ? step->state : FLOW_WAITING;
    position->next = next_step(part, index);
    if (step && step->exchange && step->step == FLOW_PKI_OPERATION && step->exchange->response.frame &&
        frame >= step->exchange->response.frame && from == FLOW_SERVER)
        position->step = FLOW_CERT_REP;
    else if (step && step->exchange && step->step == FLOW_PKI_OPERATION &&
             (!step->exchange->response_end.frame || frame < step->exchange->response_end.frame))
        position->next = flow_step_name(FLOW_CERT_REP);
    g_string_append_printf(text, "Conversation %u of %u on %s (%s): ", number, count, flow_leg_name(part->leg), roles);
    g_free(roles);

    head = text->len;
    if (step && step->exchange)
        tell_exchange(text, step->exchange, frame);
    else if (step && step->step == FLOW_TLS_HANDSHAKE)
        words = tls_words(conversation, frame);
    else if (step && step->step == FLOW_TCP_HANDSHAKE)
        words = tcp_words(conversation, frame);
    else
        words = "before anything that is known of it";
    if (words)
        g_string_append(text, words);
    end = text->len;
    tell_end(text, conversation, frame);
    if (end == head && text->len > end)
        g_string_erase(text, (gssize)end, 2); /* the alert alone says it */
    if (is_broken_off(conversation, frame))
        position->next = NULL;
    if (position->next) {
        flow_step next = flow_step_by_name(position->next);

        g_string_append_printf(text, "; expected next: %s", flow_operation_name(next));
    }
    position->sentence = g_string_free(text, FALSE);
    find_neighbours(part, step ? step->begin.frame : frame, frame, position);
}
