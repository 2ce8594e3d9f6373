/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * An enrolment against the expected flow: which steps came and which did not, and what became of it.
 */
#include "align.h"

#include <string.h>

/* A PKIOperation that is not decided yet, RFC 8894 3.2.1.3. */
enum { PENDING = 3 };

static void
add_name(GPtrArray *names, const flow_conversation *conversation)
{
    const char *name = conversation->vantage ? conversation->vantage : "capture";

    if (!g_ptr_array_find_with_equal_func(names, name, g_str_equal, NULL))
        g_ptr_array_add(names, (gpointer)name);
}

/* Adds the points at which the connection of an exchange was captured as well while it was made. */
static void
add_twins(GPtrArray *names, const flow_exchange *exchange)
{
    const flow_model *model = exchange->conversation->model;
    const GPtrArray  *twins = g_hash_table_lookup(model->twins, exchange->conversation);

    for (guint i = 0; twins && i < twins->len; i++) {
        const flow_conversation *twin = twins->pdata[i];

        if (twin->first.time <= exchange->request_end.time + FLOW_SECOND &&
            twin->last.time + FLOW_SECOND >= exchange->request_end.time)
            add_name(names, twin);
    }
}

/* Adds the vantage points and logs that saw an exchange on its leg: packets first. */
static void
add_witnesses(GPtrArray *names, const flow_exchange *exchange)
{
    const flow_exchange *witness;

    if (!exchange)
        return;
    if (exchange->testimony && exchange->testimony->failed_in)
        add_name(names, exchange->testimony->failed_in);
    add_name(names, exchange->conversation);
    add_twins(names, exchange);
    for (guint i = 1; (witness = flow_witness(exchange, i)) != NULL; i++)
        add_name(names, witness->conversation);
}

/* Everybody who saw an exchange. */
static const char *
witnesses(flow_model *model, const flow_exchange *exchange)
{
    GPtrArray  *names = g_ptr_array_new();
    char       *text;
    const char *kept;

    add_witnesses(names, exchange);
    add_witnesses(names, exchange->onward);
    g_ptr_array_add(names, NULL);
    text = g_strjoinv(", ", (char **)names->pdata);
    kept = flow_result_string(model, text);
    g_free(text);
    g_ptr_array_unref(names);
    return kept;
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
    if (operation->basis == FLOW_DECRYPTED && operation->pki_status == PENDING)
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

/* True when the log of NDES's policy module has the time of an operation, or any at all where there is no operation. */
static bool
is_logged_by_plugin(const flow_model *model, const flow_exchange *operation)
{
    for (unsigned i = 0; i < model->logs->len; i++) {
        const flow_log *log = model->logs->pdata[i];

        if (g_strcmp0(log->kind, "ndes-plugin") == 0 &&
            (!operation || (operation->request.time >= log->first.time + log->zone - FLOW_SECOND &&
                            operation->request.time <= log->last.time + log->zone)))
            return true;
    }
    return false;
}

/* True when NDES's calls for a step were captured or logged, so that one that is missing was not made. */
static bool
would_be_seen(const flow_model *model, flow_step step, const flow_exchange *operation)
{
    GHashTable          *callers = step == FLOW_CA_ISSUE ? model->calls_ca : model->calls_crp;
    const flow_exchange *inner = operation && operation->onward ? operation->onward : operation;

    if (step != FLOW_CA_ISSUE && is_logged_by_plugin(model, inner))
        return true;
    if (!inner)
        return step != FLOW_CA_ISSUE && g_hash_table_size(callers) > 0;
    return g_hash_table_contains(callers, inner->conversation->server.address);
}

/* Whose log tells of a part of the registration point's calls. */
static const char *
log_of_phase(flow_step step)
{
    return step == FLOW_CHALLENGE_VERIFIED ? "ndes-plugin" : "crp";
}

/* True when a log of that kind tells of a call. */
static bool
has_log_of(const flow_exchange *call, const char *kind)
{
    const flow_exchange *witness;

    for (guint i = 0; (witness = flow_witness(call, i)) != NULL; i++) {
        if (witness->testimony && witness->testimony->messages && g_strcmp0(witness->testimony->log->kind, kind) == 0)
            return true;
    }
    return false;
}

static bool
has_log(const flow_model *model, const char *kind)
{
    for (unsigned i = 0; i < model->logs->len; i++) {
        if (g_strcmp0(((flow_log *)model->logs->pdata[i])->kind, kind) == 0)
            return true;
    }
    return false;
}

/* The last part `step` of a call, with the part of the enrolment that it stands in, or NULL. */
static const flow_part_step *
find_phase(const flow_group *group, const flow_exchange *call, flow_step step, const flow_part **part)
{
    const flow_part_step *found = NULL;

    *part = call ? flow_part_in(group->enrolment, call->conversation) : NULL;
    for (guint i = 0; *part && i < (*part)->steps->len; i++) {
        const flow_part_step *one = &g_array_index((*part)->steps, flow_part_step, i);

        if (one->step == step)
            found = one;
    }
    return found;
}

/* A part of a call: expected only where there are logs of those that could tell. */
static void
expect_phase(flow_model *model, flow_group *group, const flow_expected *flow, flow_step step,
             const flow_exchange *operation)
{
    flow_step             of = step == FLOW_STATE_MESSAGE ? FLOW_NOTIFY : FLOW_VERIFY_REQUEST;
    const flow_exchange  *call = call_of(group, of, operation);
    const flow_part      *part;
    const flow_part_step *phase = find_phase(group, call, step, &part);
    flow_expectation     *expected;

    if (!phase && !has_log(model, "ndes-plugin") && !has_log(model, "crp"))
        return;
    if (!phase && call && step == FLOW_TEMPLATE_PERMISSION && has_log_of(call, log_of_phase(step)))
        return; /* it is an option of the registration point's */
    expected = add_expectation(group->enrolment, step, flow_role_behind(of), phase ? phase->state : FLOW_NOT_VISIBLE);
    if (phase) {
        expected->part = part;
        expected->exchange = phase->exchange;
        expected->seen_by = phase->exchange->conversation->vantage;
    } else if (call && has_log_of(call, log_of_phase(step))) {
        expected->state = FLOW_MISSING;
    } else {
        expected->look = flow->looks[step];
    }
}

static void
expect_call(flow_model *model, flow_group *group, const flow_expected *flow, flow_step step,
            const flow_exchange *operation)
{
    const flow_exchange *call = call_of(group, step, operation);
    bool                 is_visible = call || would_be_seen(model, step, operation);
    flow_expectation    *expected =
        add_expectation(group->enrolment, step, is_visible ? flow_role_behind(step) : NULL,
                        call                                            ? call->state
                        : !is_visible                                   ? FLOW_NOT_VISIBLE
                        : operation && operation->state == FLOW_WAITING ? FLOW_WAITING
                                                                        : FLOW_MISSING);

    if (call)
        take_exchange(model, expected, call, group->enrolment);
    else if (!is_visible && (operation || group->behind->len > 0))
        expected->look = flow->looks[step];
}

/* The steps behind NDES. */
static void
expect_behind(flow_model *model, flow_group *group, const flow_expected *flow, const flow_exchange *operation)
{
    static const flow_step usual[] = { FLOW_VERIFY_REQUEST, FLOW_TEMPLATE_PERMISSION, FLOW_CRP_PHASE_1, FLOW_CRP_PHASE_2,
                                       FLOW_CRP_PHASE_3,    FLOW_CHALLENGE_VERIFIED,  FLOW_CA_ISSUE,    FLOW_NOTIFY,
                                       FLOW_STATE_MESSAGE,  FLOW_STEP_NONE };
    const flow_step       *steps = flow->behind;

    if ((!steps || *steps == FLOW_STEP_NONE) && group->behind->len + group->behind_bare->len > 0)
        steps = usual;
    for (const flow_step *step = steps; step && *step != FLOW_STEP_NONE; step++) {
        if (*step >= FLOW_TEMPLATE_PERMISSION)
            expect_phase(model, group, flow, *step, operation);
        else
            expect_call(model, group, flow, *step, operation);
    }
}

/* The steps before the first request: only the device's own capture shows them. */
static void
expect_before(flow_group *group, const flow_expected *flow)
{
    for (const flow_step *step = flow->before; step && *step != FLOW_STEP_NONE; step++) {
        flow_part        *part = NULL;
        flow_expectation *expected;

        if (*step == FLOW_SYNC && group->syncs->len > 0)
            part = flow_part_in(group->enrolment, group->syncs->pdata[group->syncs->len - 1]);
        expected = add_expectation(group->enrolment, *step, NULL, FLOW_NOT_VISIBLE);
        if (part) {
            expected->role = flow_step_name(*step);
            expected->part = part;
            expected->state = part->steps->len > 0
                                  ? g_array_index(part->steps, flow_part_step, part->steps->len - 1).state
                                  : FLOW_WAITING;
            expected->seen_by = part->conversation->vantage ? part->conversation->vantage : "capture";
        } else if (group->exchanges->len > 0) {
            expected->look = flow->looks[*step];
        }
    }
}

static void
add_expectations(flow_model *model, flow_group *group, const flow_alignment *one)
{
    flow_enrolment      *enrolment = group->enrolment;
    const flow_exchange *operation = last_operation(group);
    bool                 is_behind_only = group->exchanges->len + group->bare->len == 0;
    flow_state           not_yet = enrolment->verdict != FLOW_VERDICT_FAILED &&
                                 model->last.time < enrolment->end.time + FLOW_GIVEN_UP
                                       ? FLOW_WAITING
                                       : FLOW_MISSING;
    flow_expectation    *expected;

    if (is_behind_only)
        not_yet = FLOW_NOT_VISIBLE;
    expect_before(group, one->flow);
    for (unsigned i = 0; i < one->flow->stages->len; i++) {
        const flow_stage *stage = flow_stage_at(one->flow, i);

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
    if (operation && operation->basis == FLOW_DECRYPTED && operation->pki_status == PENDING)
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

/* The device and the user by the registration point's log. */
static void
name_ids(const flow_group *group)
{
    const flow_exchange *witness;

    for (unsigned i = 0; i < group->behind->len; i++) {
        for (guint j = 0; (witness = flow_witness(group->behind->pdata[i], j)) != NULL; j++) {
            if (witness->testimony && witness->testimony->device_id)
                group->enrolment->device_id = witness->testimony->device_id;
            if (witness->testimony && witness->testimony->user_id)
                group->enrolment->user_id = witness->testimony->user_id;
        }
    }
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
    name_ids(group);
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
    flow_alignment      *one = flow_choose(model, group);

    if (!one)
        return;
    enrolment->flow = one->flow->name;
    enrolment->flow_title = one->flow->title;
    flow_add_parts(model, group, one);
    enrolment->verdict = verdict_of(group);
    add_expectations(model, group, one);
    for (unsigned i = 0; i < enrolment->parts->len; i++) {
        flow_part *part = enrolment->parts->pdata[i];

        part->expected_next = next_after(enrolment, part);
    }
    describe(model, group);
    schedule(model, enrolment, one->flow);
    flow_alignment_free(one);
}
