/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The enrolments as a ladder: an arrow for each step of each conversation, between columns that are named by role and
 * address.
 */
#include "ladder.h"

#include <epan/column-utils.h>
#include <epan/packet.h>
#include <epan/tap.h>

#include "../../dissector/compat.h"
#include "../../dissector/transport/flow_track.h"
#include "at_end.h"
#include "layout.h"
#include "outcome.h"

#define LABEL_WIDTH 20 /* the distance of two columns in tshark */

/* A frame that may turn out to be a step's, kept until the end of tshark's only pass. */
typedef struct {
    const flow_conversation *conversation;
    uint32_t                 frame;
    char                    *time;
} kept_frame;

/* What the arrow of a frame is made of. */
typedef struct {
    compat_sequence *sequence;
    const flow_part *part;
    uint32_t         frame;
    const char      *time; /* as the user wants times shown */
} place;

/* What the two sides of a leg are. */
static const char *const roles[][2] = {
    [FLOW_DEVICE_WAP] = { "device", "WAP" },   [FLOW_WAP_NDES] = { "WAP", "NDES" },
    [FLOW_DEVICE_NDES] = { "device", "NDES" }, [FLOW_NDES_CRP] = { "NDES", "CRP" },
    [FLOW_NDES_CA] = { "NDES", "CA" },         [FLOW_NDES_INTUNE] = { "NDES", "Intune" },
    [FLOW_DEVICE_MDM] = { "device", "MDM" },
};

/* Sets an address that is shown as it is written here. */
static void
set_column(address *column, const flow_part *part, flow_side side)
{
    const flow_endpoint *endpoint = side == FLOW_CLIENT ? &part->conversation->client : &part->conversation->server;
    const char          *role = part->leg < G_N_ELEMENTS(roles) ? roles[part->leg][side] : NULL;
    char                *text = g_strdup_printf("%s%s%s", role ? role : "", role ? " " : "",
                                                endpoint->address ? endpoint->address : "unknown");

    alloc_address_wmem(NULL, column, AT_STRINGZ, (int)strlen(text) + 1, text);
    g_free(text);
}

/* Adds an arrow. `label` and `story` are taken; the story may be NULL. */
static void
add_arrow(const place *at, flow_side from, char *label, char *story)
{
    const flow_part         *part = at->part;
    const flow_conversation *conversation = part->conversation;
    const flow_endpoint     *source = from == FLOW_CLIENT ? &conversation->client : &conversation->server;
    const flow_endpoint     *target = from == FLOW_CLIENT ? &conversation->server : &conversation->client;
    compat_sequence_item    *item = g_new0(compat_sequence_item, 1);
    char                    *names = g_strjoinv(", ", (char **)part->roles);

    item->frame_number = at->frame;
    set_column(&item->src_addr, part, from);
    set_column(&item->dst_addr, part, from == FLOW_CLIENT ? FLOW_SERVER : FLOW_CLIENT);
    item->port_src = source->port;
    item->port_dst = target->port;
    item->frame_label = label;
    item->time_str = g_strdup(at->time);
    item->comment = g_strdup_printf("%u.%u %s, %s%s%s", part->enrolment->number, part->number, flow_leg_name(part->leg),
                                    names, story ? ": " : "", story ? story : "");
    item->conv_num = (uint16_t)part->enrolment->number;
    item->display = TRUE;
    item->line_style = 1;
    g_queue_push_tail(at->sequence->items, item);
    g_free(names);
    g_free(story);
}

/* "GetCACaps", or "GetCACaps (82 %)" when it was inferred and there is room. */
static char *
label_of_request(const flow_exchange *exchange)
{
    const char *name = flow_operation_name(exchange->step);
    char       *label = g_strdup_printf("%s (%u %%)", name, exchange->confidence);

    if (exchange->basis != FLOW_INFERRED || strlen(label) > LABEL_WIDTH) {
        g_free(label);
        label = g_strdup(name);
    }
    return label;
}

/* "200 GetCACert", "CertRep SUCCESS", "answer (82 %)". */
static char *
label_of_answer(const flow_exchange *exchange)
{
    const char *status = outcome_pki_status(exchange->pki_status);
    int         http_status = flow_http_status(exchange);

    if (exchange->verified >= 0)
        return http_status ? g_strdup_printf("%d %s", http_status, exchange->verified ? "true" : "false")
                           : g_strdup(exchange->verified ? "true" : "false");
    if (exchange->disposition >= 0)
        return g_strdup(outcome_disposition(exchange->disposition));
    if (status)
        return g_strdup_printf("CertRep %s", status);
    if (http_status > 0)
        return g_strdup_printf("%d %s", http_status, flow_operation_name(exchange->step));
    if (exchange->basis == FLOW_INFERRED)
        return g_strdup_printf("answer (%u %%)", exchange->confidence);
    return g_strdup("answer");
}

static char *
story_of_request(const flow_exchange *exchange)
{
    if (exchange->basis == FLOW_INFERRED)
        return g_strdup_printf("%s, %u octets of TLS%s%s", flow_operation_name(exchange->step),
                               exchange->request_octets, exchange->reason ? ": " : "",
                               exchange->reason ? exchange->reason : "");
    return g_strdup_printf("%s%s%s%s%s",
                           exchange->operation ? exchange->operation : flow_operation_name(exchange->step),
                           exchange->message ? ", message " : "", exchange->message ? exchange->message : "",
                           exchange->transaction_id ? ", transaction " : "",
                           exchange->transaction_id ? exchange->transaction_id : "");
}

static char *
story_of_answer(const flow_exchange *exchange)
{
    char *outcome = outcome_of(exchange);
    char *duration = layout_duration(exchange->response_end.time - exchange->request_end.time);
    char *story = g_strdup_printf("%s after %s%s%s", outcome ? outcome : "answer", duration,
                                  exchange->problem ? ": " : "", exchange->problem ? exchange->problem : "");

    g_free(duration);
    g_free(outcome);
    return story;
}

static void
add_exchange(const place *at, const flow_exchange *exchange)
{
    if (exchange->request_end.frame == at->frame)
        add_arrow(at, FLOW_CLIENT, label_of_request(exchange), story_of_request(exchange));
    if (exchange->response_end.frame == at->frame)
        add_arrow(at, FLOW_SERVER, label_of_answer(exchange), story_of_answer(exchange));
}

/* What the frame did to the connection. */
static void
add_transport(const place *at)
{
    const flow_conversation *conversation = at->part->conversation;
    const char              *version = flow_tls_version_name(conversation->version);

    if (conversation->established.frame == at->frame)
        add_arrow(at, FLOW_CLIENT, g_strdup("TCP handshake"), flow_story(conversation));
    else if (conversation->syn.frame == at->frame && !conversation->established.frame)
        add_arrow(at, FLOW_CLIENT, g_strdup("SYN"), flow_story(conversation));
    /* The client finishes a handshake of TLS 1.3 and a resumed one, the server a full one of the versions before. */
    if (conversation->tls_established.frame == at->frame)
        add_arrow(at, conversation->is_resumed || conversation->version >= 0x0304 ? FLOW_CLIENT : FLOW_SERVER,
                  g_strdup_printf("%s %s", version ? version : "TLS",
                                  conversation->is_resumed ? "resumed" : "handshake"),
                  NULL);
    else if (conversation->client_hello.frame == at->frame && !conversation->tls_established.frame)
        add_arrow(at, FLOW_CLIENT, g_strdup("TLS ClientHello"), g_strdup(conversation->server_name));
    if (conversation->alert.frame == at->frame && !conversation->alert_is_closing) {
        int description = conversation->alert_description;

        add_arrow(at, conversation->alert_by,
                  description < 0 ? g_strdup("TLS alert") : g_strdup_printf("TLS alert %d", description),
                  g_strdup_printf("%s: %s", flow_alert_name(description), flow_alert_meaning(description)));
    }
    /* Behind an orderly end it tells nothing. */
    if (conversation->reset.frame == at->frame && flow_tcp_state_of(conversation) != FLOW_TCP_CLOSED)
        add_arrow(at, conversation->reset_by, g_strdup("RST"),
                  g_strdup_printf("connection %s", flow_tcp_state_name(flow_tcp_state_of(conversation))));
}

static void
add_frame(compat_sequence *sequence, const flow_conversation *conversation, uint32_t frame, const char *time)
{
    const GPtrArray *parts = flow_parts_of(conversation);

    for (unsigned i = 0; parts && i < parts->len; i++) {
        place at = { sequence, parts->pdata[i], frame, time };

        /* A conversation that carries several enrolments is set up once. */
        if (i == 0 && !conversation->log)
            add_transport(&at);
        for (unsigned j = 0; j < at.part->steps->len; j++) {
            const flow_part_step *step = &g_array_index(at.part->steps, flow_part_step, j);

            if (step->exchange && step->step < FLOW_TEMPLATE_PERMISSION)
                add_exchange(&at, step->exchange);
        }
    }
}

static void
complete(void *tapdata, void *kept)
{
    GArray *frames = kept;

    flow_track_result();
    for (unsigned i = 0; i < frames->len; i++) {
        const kept_frame *one = &g_array_index(frames, kept_frame, i);

        add_frame(tapdata, one->conversation, one->frame, one->time);
        g_free(one->time);
    }
    g_array_free(frames, TRUE);
}

static tap_packet_status
tap_packet(void *tapdata, packet_info *pinfo, epan_dissect_t *edt _U_, const void *data, tap_flags_t flags _U_)
{
    const flow_conversation *conversation = data;
    char                     time[COL_MAX_LEN];

    if (!conversation || conversation->is_busy)
        return TAP_PACKET_DONT_REDRAW;
    set_fd_time(pinfo->epan, pinfo->fd, time);
    if (at_end_is_reached()) {
        flow_track_result();
        add_frame(tapdata, conversation, pinfo->num, time);
    } else {
        void     **kept = at_end(tapdata, complete);
        kept_frame one = { conversation, pinfo->num, g_strdup(time) };

        if (!*kept)
            *kept = g_array_new(FALSE, FALSE, sizeof(kept_frame));
        g_array_append_val(*kept, one);
    }
    return TAP_PACKET_REDRAW;
}

void
ladder_register(int proto_scepflow)
{
    register_seq_analysis("scep", "SCEP Flows", proto_scepflow, "scepflow", TL_REQUIRES_NOTHING, tap_packet);
}
