/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Where the time of a PKIOperation went. The moments that packets show divide it: what lies between two of them belongs to
 * whoever had to act then. So that the parts add up, each moment counts only when it is not before the one before it.
 */
#include "internal.h"

/* The division in the making: everything up to `at` has been given to somebody. */
typedef struct {
    flow_timing *timing;
    int64_t      begin, end, at;
} division;

static flow_span *
span_of(flow_timing *timing, flow_time_part part, flow_leg leg)
{
    flow_span fresh = { .part = part, .leg = leg };

    for (guint i = 0; i < timing->spans->len; i++) {
        flow_span *span = &g_array_index(timing->spans, flow_span, i);

        if (span->part == part && span->leg == leg)
            return span;
    }
    g_array_append_val(timing->spans, fresh);
    return &g_array_index(timing->spans, flow_span, timing->spans->len - 1);
}

/* Gives the time up to `until` to a part. */
static void
give(division *one, flow_time_part part, flow_leg leg, int64_t until)
{
    flow_span *span;
    int64_t    begin = one->at - one->begin, time;

    until = MIN(until, one->end);
    if (until <= one->at)
        return;
    time = until - one->at;
    span = span_of(one->timing, part, leg);
    span->time += time;
    if (span->count > 0 && (span->stretches[span->count - 1].begin + span->stretches[span->count - 1].time == begin ||
                            span->count == FLOW_STRETCHES)) {
        span->stretches[span->count - 1].time += time;
    } else {
        span->stretches[span->count].begin = begin;
        span->stretches[span->count++].time = time;
    }
    one->at = until;
}

static void
give_estimated(division *one, flow_time_part part, flow_leg leg, int64_t until)
{
    int64_t before = one->at;

    give(one, part, leg, until);
    if (one->at > before)
        span_of(one->timing, part, leg)->is_estimated = true;
}

/* How long a packet is under way on a conversation from where it was captured to the server and back: what passed between
 * SYN and SYN-ACK; 0 when it was captured at the server, or not at all. */
static int64_t
round_trip(const flow_conversation *conversation)
{
    int64_t there, here;

    if (!conversation->syn.frame || !conversation->syn_ack.frame || !conversation->established.frame)
        return 0;
    there = conversation->syn_ack.time - conversation->syn.time;
    here = conversation->established.time - conversation->syn_ack.time;
    return there > here && conversation->syn_repeats == 0 ? there : 0;
}

/* A call of NDES, from the making of its connection to the end of its answer. */
static void
give_call(division *one, const flow_exchange *call, flow_leg leg, flow_time_part before, flow_time_part during)
{
    const flow_conversation *conversation = call->conversation;

    if (conversation->first.time >= one->at && conversation->has_start) {
        give(one, before, FLOW_LEG_UNKNOWN, conversation->first.time);
        give(one, FLOW_TIME_NETWORK, leg,
             conversation->tls_established.frame && conversation->tls_established.time <= call->request.time
                 ? conversation->tls_established.time
                 : MAX(conversation->established.time, conversation->first.time));
    }
    give(one, before, FLOW_LEG_UNKNOWN, call->request.time);
    give(one, during, FLOW_LEG_UNKNOWN,
         call->response_end.frame ? call->response_end.time : call->conversation->last.time);
}

static const flow_exchange *
call_for(const flow_group *group, const flow_exchange *at_ndes, flow_step step)
{
    for (guint i = 0; i < group->behind->len; i++) {
        const flow_exchange *call = group->behind->pdata[i];

        if (call->step == step && call->operation_of == at_ndes)
            return call;
    }
    return NULL;
}

/* What NDES did, up to `until`. */
static void
give_ndes(division *one, flow_model *model, const flow_group *group, const flow_exchange *at_ndes, int64_t until)
{
    const flow_exchange *verify = call_for(group, at_ndes, FLOW_VERIFY_REQUEST);
    const flow_exchange *ca = call_for(group, at_ndes, FLOW_CA_ISSUE);
    const flow_exchange *notify = call_for(group, at_ndes, FLOW_NOTIFY);
    flow_time_part       before = FLOW_TIME_NDES_BEFORE;

    if (!verify && !ca && !notify) {
        give(one, FLOW_TIME_BEHIND, FLOW_LEG_UNKNOWN, until);
        return;
    }
    if (verify) {
        give_call(one, verify, flow_leg_behind(model, verify->conversation), before, FLOW_TIME_VERIFY);
        before = FLOW_TIME_NDES_BETWEEN;
    }
    if (ca) {
        give_call(one, ca, FLOW_NDES_CA, before, FLOW_TIME_CA);
        before = FLOW_TIME_NDES_BETWEEN;
    } else if (verify && notify && flow_is_answered_well(verify) &&
               !g_hash_table_contains(model->calls_ca, at_ndes->conversation->server.address)) {
        /* No call to a CA was captured: it is what NDES waited for between the two. */
        int64_t begun = notify->conversation->first.time > one->at ? notify->conversation->first.time
                                                                   : notify->request.time;

        give_estimated(one, FLOW_TIME_CA, FLOW_LEG_UNKNOWN, MIN(begun, notify->request.time));
    }
    if (notify)
        give_call(one, notify, flow_leg_behind(model, notify->conversation), before, FLOW_TIME_NOTIFY);
    give(one, FLOW_TIME_NDES_AFTER, FLOW_LEG_UNKNOWN, until);
}

static gint
by_begin(gconstpointer a, gconstpointer b)
{
    const flow_span *first = a, *second = b;

    return first->stretches[0].begin < second->stretches[0].begin ? -1
                                                                   : first->stretches[0].begin > second->stretches[0].begin;
}

static flow_timing *
divide(flow_model *model, const flow_group *group, const flow_exchange *front, flow_leg front_leg, flow_leg inner_leg)
{
    const flow_exchange *inner = front->onward && front->onward->response_end.frame ? front->onward : NULL;
    flow_timing         *timing = g_new0(flow_timing, 1);
    division             one = { timing, front->request.time, front->response_end.time, front->request.time };
    /* Half of a round trip lies before what is behind a leg, half after it. */
    int64_t front_trip = round_trip(front->conversation), inner_trip;

    timing->operation = front;
    timing->total = one.end - one.begin;
    timing->spans = g_array_new(FALSE, TRUE, sizeof(flow_span));
    give(&one, FLOW_TIME_NETWORK, front_leg, front->request_end.time);
    give_estimated(&one, FLOW_TIME_NETWORK, front_leg, MIN(front->request_end.time + front_trip / 2,
                                                          front->response.time));
    if (inner) {
        inner_trip = round_trip(inner->conversation);
        give(&one, FLOW_TIME_WAP, FLOW_LEG_UNKNOWN, inner->request.time);
        give(&one, FLOW_TIME_NETWORK, inner_leg, inner->request_end.time);
        give_estimated(&one, FLOW_TIME_NETWORK, inner_leg,
                       MIN(inner->request_end.time + inner_trip / 2, inner->response.time));
        give_ndes(&one, model, group, inner, inner->response.time - inner_trip / 2);
        give(&one, FLOW_TIME_NETWORK, inner_leg, inner->response_end.time);
        give(&one, FLOW_TIME_WAP, FLOW_LEG_UNKNOWN, front->response.time - front_trip / 2);
    } else {
        give_ndes(&one, model, group, front, front->response.time - front_trip / 2);
    }
    give(&one, FLOW_TIME_NETWORK, front_leg, one.end);
    g_array_sort(timing->spans, by_begin);
    for (guint i = 0; i < timing->spans->len; i++) {
        const flow_span *span = &g_array_index(timing->spans, flow_span, i);

        if (!timing->slowest || span->time > timing->slowest->time)
            timing->slowest = span;
    }
    return timing;
}

void
flow_time(flow_model *model, const flow_group *group)
{
    for (guint i = 0; i < group->exchanges->len; i++) {
        const flow_exchange *front = group->exchanges->pdata[i];
        const flow_part     *part = flow_part_in(group->enrolment, front->conversation), *inner = NULL;

        if (front->step != FLOW_PKI_OPERATION || !front->response_end.frame || !part ||
            front->response_end.time < front->request.time)
            continue;
        if (front->onward)
            inner = flow_part_in(group->enrolment, front->onward->conversation);
        g_ptr_array_add(group->enrolment->timings,
                        divide(model, group, front, part->leg, inner ? inner->leg : FLOW_LEG_UNKNOWN));
    }
}
