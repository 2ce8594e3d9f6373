/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The conversations of an enrolment: which role each has, which steps it took and how they went.
 */
#include "align.h"

#include <string.h>

/* A PKIOperation that is not decided yet, RFC 8894 3.2.1.3. */
enum { PENDING = 3 };

bool
flow_is_over(const flow_conversation *conversation)
{
    flow_tcp_state state = flow_tcp_state_of(conversation);

    return state != FLOW_TCP_ESTABLISHED || conversation->model->last.time > conversation->last.time + FLOW_GIVEN_UP;
}

/* A log that goes on without the end of a call will not have it any more. */
static flow_state
state_told(const flow_exchange *exchange)
{
    const flow_conversation *conversation = exchange->conversation;

    if (exchange->response_end.frame)
        return exchange->has_hresult || !flow_is_answered_well(exchange) ? FLOW_FAILED : FLOW_OK;
    if (exchange->testimony && !exchange->testimony->messages)
        return FLOW_FAILED; /* a line without a status */
    return conversation->model->last.time > conversation->last.time + FLOW_GIVEN_UP ||
                   conversation->log->last.time > conversation->last.time + FLOW_GIVEN_UP
               ? FLOW_FAILED
               : FLOW_WAITING;
}

static flow_state
state_of(const flow_exchange *exchange)
{
    if (exchange->basis == FLOW_LOG)
        return state_told(exchange);
    if (exchange->response_end.frame == 0) {
        const flow_conversation *conversation = exchange->conversation;

        return conversation->fin[FLOW_CLIENT].frame || conversation->fin[FLOW_SERVER].frame || flow_is_over(conversation) ||
                       conversation->alert.frame
                   ? FLOW_FAILED
                   : FLOW_WAITING;
    }
    if (exchange->basis != FLOW_INFERRED && exchange->step == FLOW_PKI_OPERATION && exchange->pki_status == PENDING)
        return FLOW_OK;
    return flow_is_answered_well(exchange) ? FLOW_OK : FLOW_FAILED;
}

static void
add_part_step(flow_part *part, flow_step step, flow_state state, flow_moment begin, flow_moment end,
              const flow_exchange *exchange, bool is_expected)
{
    flow_part_step one = { step, state, begin, end, exchange, is_expected };

    if (begin.frame != 0)
        g_array_append_val(part->steps, one);
}

static void
add_handshakes(flow_part *part)
{
    const flow_conversation *conversation = part->conversation;
    flow_tcp_state           tcp = flow_tcp_state_of(conversation);
    flow_tls_state           tls = flow_tls_state_of(conversation);
    flow_state               state = FLOW_OK;

    if (conversation->log)
        return;
    if (tcp == FLOW_TCP_REFUSED || tcp == FLOW_TCP_NO_ANSWER)
        state = FLOW_FAILED;
    else if (!conversation->established.frame)
        state = FLOW_WAITING;
    add_part_step(part, FLOW_TCP_HANDSHAKE, state, conversation->syn,
                  conversation->established.frame ? conversation->established : conversation->reset, NULL, true);
    if (!conversation->is_tls)
        return;
    state = tls == FLOW_TLS_ESTABLISHED ? FLOW_OK : tls == FLOW_TLS_FAILED ? FLOW_FAILED : FLOW_WAITING;
    add_part_step(part, FLOW_TLS_HANDSHAKE, state, conversation->client_hello,
                  conversation->tls_established.frame ? conversation->tls_established
                  : conversation->alert.frame         ? conversation->alert
                                                      : conversation->reset,
                  NULL, true);
}

/* Roles that no .flow file gives. */
const char *
flow_role_behind(flow_step step)
{
    return step == FLOW_VERIFY_REQUEST ? "verify" : step == FLOW_NOTIFY ? "notify" : "ca-rpc";
}

#define MORE_ROLES 4

flow_part *
flow_shadow_part(const flow_part *of, const flow_conversation *twin)
{
    flow_part *part = g_memdup2(of, sizeof *of);

    part->conversation = twin;
    part->roles = (const char **)g_memdup2(of->roles, sizeof *of->roles * (g_strv_length((char **)of->roles) + 1));
    part->steps = g_array_new(FALSE, TRUE, sizeof(flow_part_step));
    add_handshakes(part);
    return part;
}

/* The part to which a line of a log belongs: what a log tells of one role is in one part, whatever conversations it was
 * in. */
static flow_part *
part_told(const flow_enrolment *enrolment, const flow_conversation *conversation, const char *role)
{
    for (guint i = 0; i < enrolment->parts->len; i++) {
        flow_part               *part = enrolment->parts->pdata[i];
        const flow_conversation *other = part->conversation;

        if (other->log == conversation->log && g_strcmp0(part->roles[0], role) == 0 &&
            other->client.address == conversation->client.address && other->server.address == conversation->server.address)
            return part;
    }
    return NULL;
}

static flow_part *
add_part(flow_model *model, flow_group *group, const flow_expected *flow, const flow_conversation *conversation)
{
    flow_part *part = flow_part_in(group->enrolment, conversation);

    if (part)
        return part;
    part = g_new0(flow_part, 1);
    part->conversation = conversation;
    part->enrolment = group->enrolment;
    part->number = group->enrolment->parts->len + 1;
    part->steps = g_array_new(FALSE, TRUE, sizeof(flow_part_step));
    part->roles = g_new0(const char *, flow->stages->len + MORE_ROLES + 1);
    part->basis = FLOW_INFERRED;
    part->leg = flow_leg_of(model, conversation, group, flow);
    g_ptr_array_add(group->enrolment->parts, part);
    add_handshakes(part);
    return part;
}

static void
add_role(flow_part *part, const char *role)
{
    const char **at = part->roles;

    for (; *at; at++) {
        if (strcmp(*at, role) == 0)
            return;
    }
    *at = role;
}

/* The parts of a call that logs tell of. */
static void
add_phases(flow_part *part, const flow_exchange *exchange)
{
    const flow_exchange *witness;

    for (guint i = 0; (witness = flow_witness(exchange, i)) != NULL; i++) {
        const GPtrArray *phases = witness->testimony ? witness->testimony->phases : NULL;

        for (guint j = 0; phases && j < phases->len; j++) {
            flow_exchange *phase = phases->pdata[j];

            phase->enrolment = part->enrolment;
            phase->state = state_told(phase);
            if (phase->state == FLOW_WAITING && (witness->response_end.frame || exchange->response_end.frame))
                phase->state = FLOW_FAILED; /* the call is over without it */
            add_part_step(part, phase->step, phase->state, phase->request, phase->response_end, phase, true);
        }
    }
}

/* Adds an exchange to its conversation's part. */
static void
add_to_part(flow_model *model, flow_group *group, const flow_expected *flow, flow_exchange *exchange, const char *role,
            bool is_expected)
{
    const flow_conversation *failed_in = exchange->testimony ? exchange->testimony->failed_in : NULL;
    flow_part               *part = NULL;

    if (exchange->conversation->log && !failed_in)
        part = part_told(group->enrolment, exchange->conversation, role ? role : "unknown");
    if (!part)
        part = add_part(model, group, flow, failed_in ? failed_in : exchange->conversation);
    add_role(part, role ? role : "unknown");
    if (exchange->basis >= part->basis || part->confidence == 0) {
        part->basis = exchange->basis;
        part->confidence = exchange->confidence;
        part->reason = exchange->basis == FLOW_DECRYPTED ? "the requests were read"
                       : exchange->basis == FLOW_LOG     ? "the log tells"
                                                         : exchange->reason;
    }
    add_part_step(part, exchange->step, exchange->state, exchange->request_end, exchange->response_end, exchange,
                  is_expected);
    add_phases(part, exchange);
}

/* What a request without a known operation must have been: the step whose place it took. */
static void
name_unknown(const flow_alignment *one, flow_exchange *exchange, int stage)
{
    if (exchange->step != FLOW_OTHER_REQUEST || exchange->basis != FLOW_INFERRED || stage < 0)
        return;
    for (int i = 0; flow_stage_at(one->flow, (unsigned)stage)->steps[i] != FLOW_STEP_NONE; i++) {
        if (one->taken[stage][i] == exchange)
            exchange->step = flow_stage_at(one->flow, (unsigned)stage)->steps[i];
    }
}

/* The role of a conversation in which nothing was asked: what the device had to do next when it began. */
static const char *
role_of_bare(const flow_alignment *one, const flow_group *group, const flow_conversation *conversation)
{
    const flow_expected *flow = one->flow;
    int                  done = -1;

    for (unsigned i = 0; i < group->exchanges->len; i++) {
        const flow_exchange *exchange = group->exchanges->pdata[i];

        if (exchange->request.time < conversation->first.time && one->stage[i] >= 0)
            done = MAX(done, one->stage[i]);
    }
    /* A stage that lacks something goes on. */
    for (int i = MAX(done, 0); i < (int)flow->stages->len; i++) {
        const flow_stage *stage = flow_stage_at(flow, (unsigned)i);

        for (int j = 0; stage->steps[j] != FLOW_STEP_NONE; j++) {
            const flow_exchange *exchange = one->taken[i][j];

            if (!exchange || exchange->request.time > conversation->first.time || exchange->state == FLOW_FAILED)
                return stage->role;
        }
    }
    return flow->stages->len ? flow_stage_at(flow, flow->stages->len - 1)->role : "unknown";
}

/* From the device inwards. */
static int
rank_of(flow_leg leg)
{
    switch (leg) {
    case FLOW_DEVICE_MDM: return 0;
    case FLOW_WAP_NDES: return 2;
    case FLOW_NDES_CRP:
    case FLOW_NDES_INTUNE: return 3;
    case FLOW_NDES_CA: return 4;
    default: return 1;
    }
}

static gint
by_first(gconstpointer a, gconstpointer b)
{
    const flow_part *first = *(flow_part *const *)a, *second = *(flow_part *const *)b;
    int              rank_first = rank_of(first->leg), rank_second = rank_of(second->leg);

    if (rank_first != rank_second)
        return rank_first < rank_second ? -1 : 1;
    if (first->conversation->log != second->conversation->log)
        return first->conversation->first.time < second->conversation->first.time ? -1 : 1;
    return first->conversation->first.frame < second->conversation->first.frame ? -1 : 1;
}

/* Lines of logs do not stand in the order of time among packets. A call stands before its parts. */
static gint
by_moment(gconstpointer a, gconstpointer b)
{
    const flow_part_step *first = a, *second = b;
    bool                  is_part = first->step >= FLOW_TEMPLATE_PERMISSION;

    if (first->begin.time != second->begin.time)
        return first->begin.time < second->begin.time ? -1 : 1;
    if (is_part != (second->step >= FLOW_TEMPLATE_PERMISSION))
        return is_part ? 1 : -1;
    return first->begin.frame < second->begin.frame ? -1 : first->begin.frame > second->begin.frame;
}

static gint
by_frame(gconstpointer a, gconstpointer b)
{
    const flow_part_step *first = a, *second = b;

    return first->begin.frame < second->begin.frame ? -1 : first->begin.frame > second->begin.frame;
}

/* The role of a request for which the flow has no place: whoever asks for something else of the CA discovers. */
static const char *
role_of_extra(const flow_expected *flow, const flow_exchange *exchange)
{
    if (exchange->step != FLOW_GET_CA_CAPS && exchange->step != FLOW_GET_CA_CERT &&
        exchange->step != FLOW_GET_NEXT_CA_CERT)
        return NULL;
    for (unsigned i = flow->stages->len; i > 0; i--) {
        const flow_stage *stage = flow_stage_at(flow, i - 1);

        for (const flow_step *step = stage->steps; *step != FLOW_STEP_NONE; step++) {
            if (*step == FLOW_GET_CA_CERT)
                return stage->role;
        }
    }
    return NULL;
}

/* True when the registration point had verified the request before a conversation began. */
static bool
part_has_verified(const flow_group *group, const flow_conversation *conversation)
{
    for (unsigned i = 0; i < group->behind->len; i++) {
        const flow_exchange *exchange = group->behind->pdata[i];

        if (exchange->step == FLOW_VERIFY_REQUEST && exchange->response_end.frame &&
            exchange->response_end.time <= conversation->first.time)
            return true;
    }
    return false;
}

/* The one step of a synchronisation: it goes on for as long as there is data. */
static void
add_sync(flow_part *part)
{
    const flow_conversation *conversation = part->conversation;
    flow_moment              begin = conversation->tls_established, end = { 0, 0 };
    bool                     has_data = conversation->records[FLOW_CLIENT] > 0 && conversation->records[FLOW_SERVER] > 0;

    if (!begin.frame)
        return;
    if (has_data)
        end = conversation->last;
    add_part_step(part, FLOW_SYNC, has_data ? FLOW_OK : flow_is_over(conversation) ? FLOW_FAILED : FLOW_WAITING, begin, end,
                  NULL, true);
}

/* A part on a leg that the group's SCEP does not tell. */
static flow_part *
add_part_on(flow_model *model, flow_group *group, const flow_expected *flow, const flow_conversation *conversation,
            flow_leg leg)
{
    flow_part *part = add_part(model, group, flow, conversation);

    part->leg = leg;
    return part;
}

/* True for a VerifyRequest that cannot be read, after which NDES asked nobody anything more and refused: what it got was
 * no. */
static bool
was_refused(const flow_group *group, const flow_exchange *verify)
{
    if (verify->basis != FLOW_INFERRED || verify->step != FLOW_VERIFY_REQUEST || !verify->response_end.frame ||
        !verify->operation_of || verify->operation_of->state != FLOW_FAILED)
        return false;
    for (unsigned i = 0; i < group->behind->len; i++) {
        const flow_exchange *other = group->behind->pdata[i];

        if (other != verify && other->operation_of == verify->operation_of)
            return false;
    }
    return true;
}

/* True for a PKIOperation of which only a log tells, when the registration point refused it or NDES was not able to ask: HTTP
 * says 200 then, too. */
static bool
was_refused_behind(const flow_group *group, const flow_exchange *operation)
{
    if (operation->basis != FLOW_LOG || operation->step != FLOW_PKI_OPERATION)
        return false;
    for (unsigned i = 0; i < group->behind->len; i++) {
        const flow_exchange *call = group->behind->pdata[i];

        if (call->operation_of == operation && call->step == FLOW_VERIFY_REQUEST &&
            (call->basis == FLOW_LOG ? state_told(call) == FLOW_FAILED
                                     : call->response_end.frame && !flow_is_answered_well(call)))
            return true;
    }
    return false;
}

/* What NDES asked for the enrolment, and where it did not get as far as asking. */
static void
add_parts_behind(flow_model *model, flow_group *group, const flow_expected *flow)
{
    for (unsigned i = 0; i < group->behind->len; i++) {
        flow_exchange *exchange = group->behind->pdata[i];

        exchange->state = was_refused(group, exchange) ? FLOW_FAILED : state_of(exchange);
        add_to_part(model, group, flow, exchange, flow_role_behind(exchange->step), true);
        flow_part_in(group->enrolment, exchange->conversation)->leg = flow_leg_behind(model, exchange->conversation);
    }
    for (unsigned i = 0; i < group->behind_bare->len; i++) {
        const flow_conversation *conversation = group->behind_bare->pdata[i];
        flow_leg                 leg = flow_leg_behind(model, conversation);
        flow_part               *part = add_part_on(model, group, flow, conversation, leg);

        if (part->roles[0])
            continue; /* a log tells */
        add_role(part, leg == FLOW_NDES_CA ? "ca-rpc" : part_has_verified(group, conversation) ? "notify" : "verify");
        part->confidence = leg == FLOW_NDES_CA ? 90 : 70;
        part->reason = "NDES began it while the PKIOperation waited";
    }
    for (unsigned i = 0; i < group->syncs->len; i++) {
        flow_part *part = add_part_on(model, group, flow, group->syncs->pdata[i], FLOW_DEVICE_MDM);

        add_role(part, flow_step_name(FLOW_SYNC));
        add_sync(part);
        part->confidence = 90;
        part->reason = "the server's name is one of a management service";
    }
}

void
flow_add_parts(flow_model *model, flow_group *group, const flow_alignment *one)
{
    flow_enrolment *enrolment = group->enrolment;

    for (unsigned i = 0; i < group->exchanges->len; i++) {
        flow_exchange *exchange = group->exchanges->pdata[i];
        bool           is_expected = one->stage[i] >= 0;
        const char    *role = is_expected ? flow_stage_at(one->flow, (unsigned)one->stage[i])->role
                                          : role_of_extra(one->flow, exchange);

        exchange->state = was_refused_behind(group, exchange) ? FLOW_FAILED : state_of(exchange);
        if (one->is_late[i] && exchange->state == FLOW_OK)
            exchange->state = FLOW_OUT_OF_ORDER;
        name_unknown(one, exchange, one->stage[i]);
        add_to_part(model, group, one->flow, exchange, role, is_expected);
        if (exchange->onward) {
            exchange->onward->state =
                was_refused_behind(group, exchange->onward) ? FLOW_FAILED : state_of(exchange->onward);
            if (exchange->onward->step == FLOW_OTHER_REQUEST && exchange->onward->basis == FLOW_INFERRED)
                exchange->onward->step = exchange->step;
            add_to_part(model, group, one->flow, exchange->onward, role, is_expected);
        }
    }
    for (unsigned i = 0; i < group->bare->len; i++) {
        const flow_conversation *conversation = group->bare->pdata[i];
        flow_part               *part = add_part(model, group, one->flow, conversation);

        add_role(part, role_of_bare(one, group, conversation));
        part->confidence = flow_is_named(conversation) || group->exchanges->len ? 90 : 70;
        part->reason = group->exchanges->len ? "it goes where the others went, at the time of this step"
                                             : "the server's name, or what the preferences say of it";
    }
    add_parts_behind(model, group, one->flow);
    g_ptr_array_sort(enrolment->parts, by_first);
    for (unsigned i = 0; i < enrolment->parts->len; i++) {
        flow_part *part = enrolment->parts->pdata[i];

        part->number = i + 1;
        g_array_sort(part->steps, model->logs->len > 0 ? by_moment : by_frame);
    }
    for (unsigned i = 0; i < group->exchanges->len; i++) {
        const flow_exchange *exchange = group->exchanges->pdata[i];

        if (exchange->onward)
            flow_part_in(enrolment, exchange->onward->conversation)->continues =
                flow_part_in(enrolment, exchange->conversation)->number;
    }
    for (unsigned i = 0; i < group->behind->len; i++) {
        const flow_exchange *exchange = group->behind->pdata[i];

        if (exchange->operation_of)
            flow_part_in(enrolment, exchange->conversation)->continues =
                flow_part_in(enrolment, exchange->operation_of->conversation)->number;
    }
}
