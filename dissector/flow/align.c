/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Which expected flow an enrolment is: each is laid against its requests, and what deviates is counted.
 */
#include "align.h"

#include <string.h>

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

const flow_stage *
flow_stage_at(const flow_expected *flow, unsigned index)
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

static flow_alignment *
new_alignment(const flow_expected *flow, unsigned exchanges)
{
    flow_alignment *one = g_new0(flow_alignment, 1);

    one->flow = flow;
    one->stage = g_new(int, exchanges + 1);
    one->is_late = g_new0(bool, exchanges + 1);
    one->taken = g_new0(const flow_exchange **, flow->stages->len + 1);
    for (unsigned i = 0; i < flow->stages->len; i++)
        one->taken[i] = g_new0(const flow_exchange *, step_count(flow_stage_at(flow, i)) + 1);
    return one;
}

void
flow_alignment_free(flow_alignment *one)
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
step_in(const flow_alignment *one, unsigned stage, const flow_exchange *exchange)
{
    const flow_stage *expected = flow_stage_at(one->flow, stage);

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
stage_for(const flow_alignment *one, const flow_group *group, unsigned index)
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
static flow_alignment *
align(const flow_expected *flow, const flow_group *group)
{
    flow_alignment *one = new_alignment(flow, group->exchanges->len);
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
        position = stage * 64 + (flow_stage_at(flow, (unsigned)stage)->any_order ? 0 : step);
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
        for (int j = 0; flow_stage_at(flow, i)->steps[j] != FLOW_STEP_NONE; j++) {
            if (one->taken[i][j] || flow_stage_at(flow, i)->is_optional)
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

flow_alignment *
flow_choose(flow_model *model, const flow_group *group)
{
    const GPtrArray     *flows = flow_knowledge_flows(flow_known(model));
    const flow_expected *told = model->expected_flow ? flow_knowledge_flow(flow_known(model), model->expected_flow) : NULL;
    flow_alignment           *best = NULL;
    int                  best_value = 0;
    bool                 is_read = false;

    if (told)
        return align(told, group);
    for (unsigned i = 0; i < group->exchanges->len; i++)
        is_read = is_read || ((flow_exchange *)group->exchanges->pdata[i])->basis != FLOW_INFERRED;
    for (unsigned i = 0; i < flows->len; i++) {
        const flow_expected *flow = flows->pdata[i];
        int                  words = weight_of_words(flow, group), value;
        flow_alignment           *one;

        /* Without words only what is distinctive, or nothing in particular. */
        if (!flow->is_fallback && (is_read ? words <= 0 : group->exchanges->len == 0 || !flow->keeps_conversations))
            continue;
        one = align(flow, group);
        value = words - (int)one->cost;
        if (!best || value > best_value) {
            flow_alignment_free(best);
            best = one;
            best_value = value;
        } else {
            flow_alignment_free(one);
        }
    }
    return best;
}
