/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * An enrolment against the expected flow: which flow it is, which role each conversation has, which steps came and which
 * did not, and what became of it.
 */
#include <string.h>

#include "internal.h"

/* What a deviation costs when flows are weighed against each other. */
enum {
    COST_TAIL = 1,       /* it stops early */
    COST_FALLBACK = 2,   /* a flow that fits anything says nothing */
    COST_GROUPING = 3,   /* conversations begin or end elsewhere; a proxy does that */
    COST_UNEXPECTED = 3, /* a step that is not in the flow, or once too often */
    COST_MISSING = 4,
    COST_ORDER = 5,
    WORTH_AGENT = 30,    /* a user agent that is this device's, or is not */
    WORTH_MESSAGE = 2,
};

/* The device waits for its answer at least so long before it gives up. */
#define GIVEN_UP (3 * FLOW_SECOND)

/* SCEP's answers, RFC 8894 3.2.1.3 */
enum { SUCCESS = 0, PENDING = 3 };

/* Where each exchange of a group stands in a flow. */
typedef struct {
    const flow_expected *flow;
    int                 *stage;  /* for each exchange its stage's index, or -1 */
    bool                *is_late; /* for each exchange: a later stage came before it */
    const flow_exchange ***taken; /* for each stage and step the exchange that took it, or NULL */
    unsigned             cost;
} alignment;

static const flow_stage *
stage_at(const flow_expected *flow, unsigned index)
{
    return flow->stages->pdata[index];
}

static unsigned
step_count(const flow_stage *stage)
{
    unsigned count = 0;

    while (stage->steps[count] != FLOW_STEP_NONE)
        count++;
    return count;
}

static alignment *
new_alignment(const flow_expected *flow, unsigned exchanges)
{
    alignment *one = g_new0(alignment, 1);

    one->flow = flow;
    one->stage = g_new(int, exchanges + 1);
    one->is_late = g_new0(bool, exchanges + 1);
    one->taken = g_new0(const flow_exchange **, flow->stages->len + 1);
    for (unsigned i = 0; i < flow->stages->len; i++)
        one->taken[i] = g_new0(const flow_exchange *, step_count(stage_at(flow, i)) + 1);
    return one;
}

static void
free_alignment(alignment *one)
{
    if (!one)
        return;
    for (unsigned i = 0; i < one->flow->stages->len; i++)
        g_free(one->taken[i]);
    g_free(one->taken);
    g_free(one->stage);
    g_free(one->is_late);
    g_free(one);
}

/* The index of the exchange's step in a stage, or -1. One whose operation cannot be told fits the first that is free. */
static int
step_in(const alignment *one, unsigned stage, const flow_exchange *exchange)
{
    const flow_stage *expected = stage_at(one->flow, stage);

    if (expected->messages && *expected->messages && exchange->basis != FLOW_INFERRED &&
        exchange->step != FLOW_PKI_OPERATION && !flow_matches(expected->messages, exchange->message))
        return -1;
    for (int i = 0; expected->steps[i] != FLOW_STEP_NONE; i++) {
        if (expected->steps[i] == exchange->step)
            return i;
        if (exchange->step == FLOW_OTHER_REQUEST && exchange->basis == FLOW_INFERRED && !one->taken[stage][i] &&
            expected->steps[i] != FLOW_PKI_OPERATION)
            return i;
    }
    return -1;
}

/* The stage that an exchange belongs to: the one its conversation is in, then the first that lacks it, then the last that
 * has it already. */
static int
stage_for(const alignment *one, const flow_group *group, unsigned index)
{
    const flow_exchange *exchange = group->exchanges->pdata[index];
    int                  repeated = -1;

    for (unsigned i = index; i > 0; i--) {
        const flow_exchange *before = group->exchanges->pdata[i - 1];
        int                  stage = one->stage[i - 1], step;

        if (before->conversation != exchange->conversation || stage < 0)
            continue;
        step = step_in(one, (unsigned)stage, exchange);
        if (step >= 0 && !one->taken[stage][step])
            return stage;
        break;
    }
    for (unsigned i = 0; i < one->flow->stages->len; i++) {
        int step = step_in(one, i, exchange);

        if (step < 0)
            continue;
        if (!one->taken[i][step])
            return (int)i;
        repeated = (int)i;
    }
    return repeated;
}

/* Puts each exchange in its place and counts what deviates. */
static alignment *
align(const flow_expected *flow, const flow_group *group)
{
    alignment *one = new_alignment(flow, group->exchanges->len);
    int        last = -1; /* position of the step that was taken last: stage * 64 + step */
    unsigned   missing = 0, tail = 0;

    for (unsigned i = 0; i < group->exchanges->len; i++) {
        const flow_exchange *exchange = group->exchanges->pdata[i];
        int                  stage = stage_for(one, group, i), step, position;

        one->stage[i] = stage;
        if (stage < 0) {
            one->cost += COST_UNEXPECTED;
            continue;
        }
        step = step_in(one, (unsigned)stage, exchange);
        position = stage * 64 + (stage_at(flow, (unsigned)stage)->any_order ? 0 : step);
        if (one->taken[stage][step]) {
            one->cost += COST_UNEXPECTED;
        } else if (position < last) {
            one->cost += COST_ORDER;
            one->is_late[i] = stage < last / 64;
        }
        if (!one->taken[stage][step] || flow_is_answered_well(exchange) || !flow_is_answered_well(one->taken[stage][step]))
            one->taken[stage][step] = exchange;
        last = MAX(last, position);
        if (i > 0 && flow->keeps_conversations) {
            const flow_exchange *before = group->exchanges->pdata[i - 1];

            one->cost += (before->conversation == exchange->conversation) != (one->stage[i - 1] == stage)
                             ? COST_GROUPING
                             : 0;
        }
    }
    for (unsigned i = 0; i < flow->stages->len; i++) {
        for (int j = 0; stage_at(flow, i)->steps[j] != FLOW_STEP_NONE; j++) {
            if (one->taken[i][j] || stage_at(flow, i)->is_optional)
                continue;
            if ((int)i * 64 + j > last)
                tail = COST_TAIL;
            else
                missing++;
        }
    }
    one->cost += missing * COST_MISSING + tail + (flow->is_fallback ? COST_FALLBACK : 0);
    return one;
}

/* True when something of the group was read that the flow's devices say of themselves. */
static int
weight_of_words(const flow_expected *flow, const flow_group *group)
{
    int weight = 0;

    for (unsigned i = 0; i < group->exchanges->len; i++) {
        const flow_exchange *exchange = group->exchanges->pdata[i];

        if (exchange->user_agent && flow->user_agents && *flow->user_agents)
            weight += flow_matches(flow->user_agents, exchange->user_agent) ? WORTH_AGENT : -WORTH_AGENT;
        if (exchange->message && flow->messages && *flow->messages)
            weight += flow_matches(flow->messages, exchange->message) ? WORTH_MESSAGE : -WORTH_AGENT;
    }
    return weight;
}

static alignment *
choose_flow(flow_model *model, const flow_group *group)
{
    const GPtrArray     *flows = flow_knowledge_flows(flow_known(model));
    const flow_expected *told = model->expected_flow ? flow_knowledge_flow(flow_known(model), model->expected_flow) : NULL;
    alignment           *best = NULL;
    int                  best_value = 0;
    bool                 is_read = false;

    if (told)
        return align(told, group);
    for (unsigned i = 0; i < group->exchanges->len; i++)
        is_read = is_read || ((flow_exchange *)group->exchanges->pdata[i])->basis != FLOW_INFERRED;
    for (unsigned i = 0; i < flows->len; i++) {
        const flow_expected *flow = flows->pdata[i];
        int                  words = weight_of_words(flow, group), value;
        alignment           *one;

        /* Without words only what is distinctive, or nothing in particular. */
        if (!flow->is_fallback && (is_read ? words <= 0 : group->exchanges->len == 0 || !flow->keeps_conversations))
            continue;
        one = align(flow, group);
        value = words - (int)one->cost;
        if (!best || value > best_value) {
            free_alignment(best);
            best = one;
            best_value = value;
        } else {
            free_alignment(one);
        }
    }
    return best;
}

bool
flow_is_over(const flow_conversation *conversation)
{
    flow_tcp_state state = flow_tcp_state_of(conversation);

    return state != FLOW_TCP_ESTABLISHED || conversation->model->last.time > conversation->last.time + GIVEN_UP;
}

static flow_state
state_of(const flow_exchange *exchange)
{
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
static const char *
role_behind(flow_step step)
{
    return step == FLOW_VERIFY_REQUEST ? "verify" : step == FLOW_NOTIFY ? "notify" : "ca-rpc";
}

#define MORE_ROLES 4

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

/* Adds an exchange to its conversation's part. */
static void
add_to_part(flow_model *model, flow_group *group, const flow_expected *flow, flow_exchange *exchange, const char *role,
            bool is_expected)
{
    flow_part *part = add_part(model, group, flow, exchange->conversation);

    add_role(part, role ? role : "unknown");
    if (exchange->basis >= part->basis || part->confidence == 0) {
        part->basis = exchange->basis;
        part->confidence = exchange->confidence;
        part->reason = exchange->basis == FLOW_DECRYPTED ? "the requests were read" : exchange->reason;
    }
    add_part_step(part, exchange->step, exchange->state, exchange->request_end, exchange->response_end, exchange,
                  is_expected);
}

/* What a request without a known operation must have been: the step whose place it took. */
static void
name_unknown(const alignment *one, flow_exchange *exchange, int stage)
{
    if (exchange->step != FLOW_OTHER_REQUEST || exchange->basis != FLOW_INFERRED || stage < 0)
        return;
    for (int i = 0; stage_at(one->flow, (unsigned)stage)->steps[i] != FLOW_STEP_NONE; i++) {
        if (one->taken[stage][i] == exchange)
            exchange->step = stage_at(one->flow, (unsigned)stage)->steps[i];
    }
}

/* The role of a conversation in which nothing was asked: what the device had to do next when it began. */
static const char *
role_of_bare(const alignment *one, const flow_group *group, const flow_conversation *conversation)
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
        const flow_stage *stage = stage_at(flow, (unsigned)i);

        for (int j = 0; stage->steps[j] != FLOW_STEP_NONE; j++) {
            const flow_exchange *exchange = one->taken[i][j];

            if (!exchange || exchange->request.time > conversation->first.time || exchange->state == FLOW_FAILED)
                return stage->role;
        }
    }
    return flow->stages->len ? stage_at(flow, flow->stages->len - 1)->role : "unknown";
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
    return first->conversation->first.frame < second->conversation->first.frame ? -1 : 1;
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
        const flow_stage *stage = stage_at(flow, i - 1);

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

/* What NDES asked for the enrolment, and where it did not get as far as asking. */
static void
add_parts_behind(flow_model *model, flow_group *group, const flow_expected *flow)
{
    for (unsigned i = 0; i < group->behind->len; i++) {
        flow_exchange *exchange = group->behind->pdata[i];

        exchange->state = was_refused(group, exchange) ? FLOW_FAILED : state_of(exchange);
        add_part_on(model, group, flow, exchange->conversation, flow_leg_behind(model, exchange->conversation));
        add_to_part(model, group, flow, exchange, role_behind(exchange->step), true);
    }
    for (unsigned i = 0; i < group->behind_bare->len; i++) {
        const flow_conversation *conversation = group->behind_bare->pdata[i];
        flow_leg                 leg = flow_leg_behind(model, conversation);
        flow_part               *part = add_part_on(model, group, flow, conversation, leg);

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

static void
add_parts(flow_model *model, flow_group *group, const alignment *one)
{
    flow_enrolment *enrolment = group->enrolment;

    for (unsigned i = 0; i < group->exchanges->len; i++) {
        flow_exchange *exchange = group->exchanges->pdata[i];
        bool           is_expected = one->stage[i] >= 0;
        const char    *role = is_expected ? stage_at(one->flow, (unsigned)one->stage[i])->role
                                          : role_of_extra(one->flow, exchange);

        exchange->state = state_of(exchange);
        if (one->is_late[i] && exchange->state == FLOW_OK)
            exchange->state = FLOW_OUT_OF_ORDER;
        name_unknown(one, exchange, one->stage[i]);
        add_to_part(model, group, one->flow, exchange, role, is_expected);
        if (exchange->onward) {
            exchange->onward->state = state_of(exchange->onward);
            if (exchange->onward->step == FLOW_OTHER_REQUEST)
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
        g_array_sort(part->steps, by_frame);
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

/* The vantage points that saw an exchange. */
static const char *
witnesses(flow_model *model, const flow_exchange *exchange)
{
    const char *here = exchange->conversation->vantage;
    const char *there = exchange->onward ? exchange->onward->conversation->vantage : NULL;

    if (!here)
        return "capture";
    return there && strcmp(here, there) != 0 ? flow_result_printf(model, "%s, %s", here, there) : here;
}

static flow_expectation *
add_expectation(flow_enrolment *enrolment, flow_step step, const char *role, flow_state state)
{
    flow_expectation *one = g_new0(flow_expectation, 1);

    one->step = step;
    one->role = role;
    one->state = state;
    g_ptr_array_add(enrolment->steps, one);
    return one;
}

static void
take_exchange(flow_model *model, flow_expectation *one, const flow_exchange *exchange, const flow_enrolment *enrolment)
{
    one->exchange = exchange;
    one->part = flow_part_in(enrolment, exchange->conversation);
    one->seen_by = witnesses(model, exchange);
}

/* What the CertRep says: the answer to the last PKIOperation that had one. */
static flow_state
outcome_of(const flow_exchange *operation)
{
    if (operation->response_end.frame == 0)
        return operation->state == FLOW_WAITING ? FLOW_WAITING : FLOW_MISSING;
    if (operation->basis != FLOW_INFERRED && operation->pki_status == PENDING)
        return FLOW_WAITING;
    return operation->state;
}

static const flow_exchange *
last_operation(const flow_group *group)
{
    const flow_exchange *found = NULL;

    for (unsigned i = 0; i < group->exchanges->len; i++) {
        const flow_exchange *exchange = group->exchanges->pdata[i];

        if (exchange->step == FLOW_PKI_OPERATION && !(found && flow_is_answered_well(found)))
            found = exchange;
    }
    return found;
}

/* The last call of a step, for `operation` where there is one. */
static const flow_exchange *
call_of(const flow_group *group, flow_step step, const flow_exchange *operation)
{
    const flow_exchange *found = NULL;

    for (unsigned i = 0; i < group->behind->len; i++) {
        const flow_exchange *exchange = group->behind->pdata[i];

        if (exchange->step == step && (!operation || exchange->operation_of == operation ||
                                       exchange->operation_of == operation->onward))
            found = exchange;
    }
    return found;
}

/* True when NDES's calls for a step were captured, so that one that is missing was not made. */
static bool
would_be_seen(const flow_model *model, flow_step step, const flow_exchange *operation)
{
    GHashTable          *callers = step == FLOW_CA_ISSUE ? model->calls_ca : model->calls_crp;
    const flow_exchange *inner = operation && operation->onward ? operation->onward : operation;

    if (!inner)
        return step != FLOW_CA_ISSUE && g_hash_table_size(callers) > 0;
    return g_hash_table_contains(callers, inner->conversation->server.address);
}

/* The steps behind NDES. */
static void
expect_behind(flow_model *model, flow_group *group, const flow_expected *flow, const flow_exchange *operation)
{
    static const flow_step usual[] = { FLOW_VERIFY_REQUEST, FLOW_CA_ISSUE, FLOW_NOTIFY, FLOW_STEP_NONE };
    const flow_step       *steps = flow->behind;

    if ((!steps || *steps == FLOW_STEP_NONE) && group->behind->len + group->behind_bare->len > 0)
        steps = usual;
    for (const flow_step *step = steps; step && *step != FLOW_STEP_NONE; step++) {
        const flow_exchange *call = call_of(group, *step, operation);
        bool                 is_visible = call || would_be_seen(model, *step, operation);
        flow_expectation    *expected =
            add_expectation(group->enrolment, *step, is_visible ? role_behind(*step) : NULL,
                            call                                                ? call->state
                            : !is_visible                                       ? FLOW_NOT_VISIBLE
                            : operation && operation->state == FLOW_WAITING     ? FLOW_WAITING
                                                                                : FLOW_MISSING);

        if (call)
            take_exchange(model, expected, call, group->enrolment);
        else if (!is_visible && (operation || group->behind->len > 0))
            expected->look = flow->looks[*step];
    }
}

/* The steps before the first request: only the device's own capture shows them. */
static void
expect_before(flow_model *model, flow_group *group, const flow_expected *flow)
{
    for (const flow_step *step = flow->before; step && *step != FLOW_STEP_NONE; step++) {
        flow_part        *part = NULL;
        flow_expectation *expected;

        if (*step == FLOW_SYNC && group->syncs->len > 0)
            part = flow_part_in(group->enrolment, group->syncs->pdata[group->syncs->len - 1]);
        expected = add_expectation(group->enrolment, *step, NULL, FLOW_NOT_VISIBLE);
        if (part) {
            const flow_part_step *last = &g_array_index(part->steps, flow_part_step, MAX(part->steps->len, 1) - 1);

            expected->role = flow_step_name(*step);
            expected->part = part;
            expected->state = part->steps->len && last->state != FLOW_WAITING ? last->state : FLOW_WAITING;
            expected->seen_by = part->conversation->vantage ? part->conversation->vantage : "capture";
        } else if (group->exchanges->len > 0) {
            expected->look = flow->looks[*step];
        }
    }
    (void)model;
}

static void
add_expectations(flow_model *model, flow_group *group, const alignment *one)
{
    flow_enrolment      *enrolment = group->enrolment;
    const flow_exchange *operation = last_operation(group);
    bool                 is_behind_only = group->exchanges->len + group->bare->len == 0;
    flow_state           not_yet = enrolment->verdict != FLOW_VERDICT_FAILED &&
                                 model->last.time < enrolment->end.time + GIVEN_UP
                                       ? FLOW_WAITING
                                       : FLOW_MISSING;
    flow_expectation    *expected;

    if (is_behind_only)
        not_yet = FLOW_NOT_VISIBLE;
    expect_before(model, group, one->flow);
    for (unsigned i = 0; i < one->flow->stages->len; i++) {
        const flow_stage *stage = stage_at(one->flow, i);

        for (int j = 0; stage->steps[j] != FLOW_STEP_NONE; j++) {
            const flow_exchange *exchange = one->taken[i][j];

            if (!exchange && stage->is_optional)
                continue;
            if (exchange && stage->steps[j] == FLOW_PKI_OPERATION)
                exchange = operation;
            expected = add_expectation(enrolment, stage->steps[j], stage->role,
                                       exchange    ? exchange->state
                                       : operation ? FLOW_MISSING
                                                   : not_yet);
            if (exchange)
                take_exchange(model, expected, exchange, enrolment);
            else if (is_behind_only)
                expected->look = one->flow->looks[stage->steps[j]];
        }
    }
    expect_behind(model, group, one->flow, operation);
    expected = add_expectation(enrolment, FLOW_CERT_REP, NULL, operation ? outcome_of(operation) : not_yet);
    if (operation && operation->response_end.frame)
        take_exchange(model, expected, operation, enrolment);
    else if (is_behind_only)
        expected->look = one->flow->looks[FLOW_CERT_REP];
    for (unsigned i = 0; i < group->exchanges->len; i++) {
        const flow_exchange *exchange = group->exchanges->pdata[i];

        if (one->stage[i] < 0)
            take_exchange(model, add_expectation(enrolment, exchange->step, NULL, FLOW_UNEXPECTED), exchange, enrolment);
    }
}

/* The name of the step that is expected after what a conversation has, or NULL. */
static const char *
next_after(const flow_enrolment *enrolment, const flow_part *part)
{
    const flow_conversation *conversation = part->conversation;
    bool                     passed = false;

    if (!conversation->established.frame && conversation->has_start)
        return flow_step_name(FLOW_TCP_HANDSHAKE);
    if (conversation->is_tls && !conversation->tls_established.frame)
        return flow_step_name(FLOW_TLS_HANDSHAKE);
    for (unsigned i = 0; i < enrolment->steps->len; i++) {
        const flow_expectation *expected = enrolment->steps->pdata[i];

        if (expected->state == FLOW_NOT_VISIBLE || expected->state == FLOW_UNEXPECTED)
            continue;
        if (expected->part == part)
            passed = true;
        else if (passed || (expected->state == FLOW_MISSING && !part->steps->len))
            return flow_step_name(expected->step);
    }
    return NULL;
}

static bool
has_failed(const flow_conversation *conversation)
{
    flow_tcp_state tcp = flow_tcp_state_of(conversation);

    return tcp == FLOW_TCP_REFUSED || tcp == FLOW_TCP_NO_ANSWER || tcp == FLOW_TCP_RESET ||
           flow_tls_state_of(conversation) == FLOW_TLS_FAILED || conversation->is_foreign_protocol ||
           (conversation->established.frame && flow_is_over(conversation));
}

/* What the registration point alone knows: it was told of a certificate, or has refused. */
static flow_verdict
verdict_behind(const flow_group *group)
{
    const flow_exchange *verify = call_of(group, FLOW_VERIFY_REQUEST, NULL), *notify = call_of(group, FLOW_NOTIFY, NULL);

    if (verify && verify->state == FLOW_FAILED)
        return FLOW_VERDICT_FAILED;
    if (!notify || notify->state == FLOW_WAITING)
        return FLOW_INCOMPLETE;
    return notify->state == FLOW_FAILED || notify->tells_failure ? FLOW_VERDICT_FAILED : FLOW_COMPLETE;
}

static flow_verdict
verdict_of(const flow_group *group)
{
    const flow_exchange     *operation = last_operation(group);
    const flow_exchange     *last = group->exchanges->len ? group->exchanges->pdata[group->exchanges->len - 1] : NULL;
    const flow_conversation *bare = group->bare->len ? group->bare->pdata[group->bare->len - 1] : NULL;

    if (!last && !bare && group->behind->len > 0)
        return verdict_behind(group);
    if (operation && operation->basis != FLOW_INFERRED && operation->pki_status == PENDING)
        return FLOW_PENDING;
    if (operation && operation->state == FLOW_OK)
        return FLOW_COMPLETE;
    if (bare && (!last || bare->first.time > last->request.time) && has_failed(bare))
        return FLOW_VERDICT_FAILED;
    if (!last)
        return FLOW_INCOMPLETE;
    if (last->state == FLOW_FAILED)
        return FLOW_VERDICT_FAILED;
    return last->step == FLOW_GET_NEXT_CA_CERT && last->state == FLOW_OK ? FLOW_COMPLETE : FLOW_INCOMPLETE;
}

static void
describe(flow_model *model, flow_group *group)
{
    flow_enrolment          *enrolment = group->enrolment;
    const flow_part         *first = NULL;
    const flow_conversation *conversation;

    for (unsigned i = 0; i < enrolment->parts->len && !first; i++) {
        first = enrolment->parts->pdata[i];
        if (first->leg == FLOW_DEVICE_MDM)
            first = NULL;
    }
    if (!first)
        return;
    conversation = first->conversation;
    enrolment->server_endpoint = conversation->server;
    if (first->leg == FLOW_DEVICE_WAP || first->leg == FLOW_DEVICE_NDES)
        enrolment->device = conversation->client.address;
    enrolment->server = conversation->server_name;
    enrolment->confidence = 0;
    for (unsigned i = 0; i < enrolment->parts->len; i++) {
        const flow_part *part = enrolment->parts->pdata[i];

        if (part->confidence >= enrolment->confidence) {
            enrolment->confidence = part->confidence;
            enrolment->confidence_reason = part->reason;
        }
        if (!enrolment->server && part->leg == first->leg)
            enrolment->server = part->conversation->server_name;
    }
    for (unsigned i = 0; i < group->exchanges->len; i++) {
        const flow_exchange *exchange = group->exchanges->pdata[i];

        if (!enrolment->server && exchange->host)
            enrolment->server = exchange->host;
    }
    if (enrolment->confidence < 100 && group->exchanges->len)
        enrolment->confidence_reason =
            flow_result_printf(model, "%u requests to %s, of the sizes and in the order of an enrolment",
                               group->exchanges->len,
                               enrolment->server ? enrolment->server : conversation->server.address);
}

/* The try of the same device at the same server before this one, if that failed; or NULL. Addresses are interned. */
static const flow_enrolment *
try_before(const flow_model *model, const flow_enrolment *enrolment)
{
    for (unsigned i = enrolment->number - 1; enrolment->device && i > 0; i--) {
        const flow_enrolment *other = model->result.enrolments->pdata[i - 1];

        if (other->device == enrolment->device &&
            other->server_endpoint.address == enrolment->server_endpoint.address &&
            other->end.time <= enrolment->begin.time)
            return other->verdict == FLOW_COMPLETE ? NULL : other;
    }
    return NULL;
}

/* Which of the device's tries this is, and when the next one is due. */
static void
schedule(flow_model *model, flow_enrolment *enrolment, const flow_expected *flow)
{
    const flow_enrolment *before = try_before(model, enrolment);
    int64_t               elapsed;

    enrolment->attempt = before ? before->attempt + 1 : 1;
    enrolment->first_try = before ? before->first_try : enrolment->begin.time;
    if (enrolment->verdict == FLOW_COMPLETE || enrolment->verdict == FLOW_PENDING)
        return;
    elapsed = enrolment->begin.time - enrolment->first_try;
    for (unsigned i = 0; i < flow->retries->len; i++) {
        const flow_retry *retry = &g_array_index(flow->retries, flow_retry, i);

        if (retry->until == 0 || elapsed + retry->every <= retry->until) {
            enrolment->retry_due = enrolment->begin.time + retry->every;
            enrolment->retry_basis = flow->retry_words;
            return;
        }
    }
}

void
flow_compare(flow_model *model, flow_group *group)
{
    flow_enrolment *enrolment = group->enrolment;
    alignment      *one = choose_flow(model, group);

    if (!one)
        return;
    enrolment->flow = one->flow->name;
    enrolment->flow_title = one->flow->title;
    add_parts(model, group, one);
    enrolment->verdict = verdict_of(group);
    add_expectations(model, group, one);
    for (unsigned i = 0; i < enrolment->parts->len; i++) {
        flow_part *part = enrolment->parts->pdata[i];

        part->expected_next = next_after(enrolment, part);
    }
    describe(model, group);
    schedule(model, enrolment, one->flow);
    free_alignment(one);
}
