/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Connections that were captured at several points, and merged into one file: they are known by the client's random number
 * or by the initial sequence numbers, whatever a router made of the addresses. One of each counts, the others are witnesses.
 */
#include "internal.h"

/* The one of two that counts: that which could be read, else the one that began first. */
static bool
counts_more(const flow_conversation *one, const flow_conversation *other)
{
    guint read = one->exchanges ? one->exchanges->len : 0, other_read = other->exchanges ? other->exchanges->len : 0;

    return read != other_read ? read > other_read : one->first.frame < other->first.frame;
}

/* True when there is more than one point at all. */
static bool
has_points(const flow_model *model)
{
    const char *vantage = NULL;

    for (guint i = 0; i < model->conversations->len; i++) {
        const flow_conversation *conversation = model->conversations->pdata[i];

        if (!conversation->vantage)
            continue;
        if (vantage && conversation->vantage != vantage)
            return true;
        vantage = conversation->vantage;
    }
    return false;
}

static void
meet(GHashTable *known, flow_conversation *conversation)
{
    flow_conversation *other = conversation->identity ? g_hash_table_lookup(known, &conversation->identity) : NULL;

    if (conversation->identity == 0)
        return;
    if (!other) {
        g_hash_table_insert(known, &conversation->identity, conversation);
    } else if (other->vantage != conversation->vantage) {
        if (counts_more(conversation, other)) {
            other->twin = conversation;
            g_hash_table_replace(known, &conversation->identity, conversation);
        } else {
            conversation->twin = other;
        }
    }
}

static void
add_twin(flow_model *model, flow_conversation *conversation)
{
    GPtrArray *twins = g_hash_table_lookup(model->twins, conversation->twin);

    if (!twins) {
        twins = g_ptr_array_new();
        g_hash_table_insert(model->twins, (gpointer)conversation->twin, twins);
    }
    g_ptr_array_add(twins, conversation);
}

void
flow_find_twins(flow_model *model)
{
    bool        may_be = has_points(model);
    GHashTable *known = may_be ? g_hash_table_new(g_int64_hash, g_int64_equal) : NULL;

    g_ptr_array_set_size(model->distinct, 0);
    g_hash_table_remove_all(model->twins);
    for (guint i = 0; i < model->conversations->len; i++) {
        flow_conversation *conversation = model->conversations->pdata[i];

        conversation->twin = NULL;
        if (may_be)
            meet(known, conversation);
    }
    for (guint i = 0; i < model->conversations->len; i++) {
        flow_conversation *conversation = model->conversations->pdata[i];

        while (conversation->twin && conversation->twin->twin) /* three points */
            conversation->twin = conversation->twin->twin;
        if (conversation->twin)
            add_twin(model, conversation);
        else
            g_ptr_array_add(model->distinct, conversation);
    }
    if (known)
        g_hash_table_unref(known);
}

/* The next request of `list` from `at` on that is the same as `exchange`; NULL when there is none. */
static flow_exchange *
same_in(const GPtrArray *list, guint *at, const flow_exchange *exchange)
{
    for (guint i = *at; list && i < list->len; i++) {
        flow_exchange *other = list->pdata[i];

        if (other->step == exchange->step && g_strcmp0(other->message, exchange->message) == 0 &&
            g_strcmp0(other->transaction_id, exchange->transaction_id) == 0) {
            *at = i + 1;
            return other;
        }
    }
    return NULL;
}

static void
hear_read(flow_model *model, const flow_conversation *twin)
{
    const GPtrArray *exchanges = twin->twin->exchanges;
    guint            at = 0;

    for (guint i = 0; exchanges && i < exchanges->len; i++) {
        flow_exchange *exchange = exchanges->pdata[i], *same = same_in(twin->exchanges, &at, exchange);

        if (same)
            flow_add_witness(model, exchange, same);
    }
}

/* A request that a twin has only in encrypted form, like the one that was inferred, or read, elsewhere. */
static flow_exchange *
like(flow_model *model, flow_conversation *twin, const flow_exchange *exchange, const flow_turn *turn)
{
    flow_exchange *same = flow_exchange_new(twin, FLOW_INFERRED);

    same->step = exchange->step;
    same->request = turn->request;
    same->request_end = turn->request_end;
    same->response = turn->response;
    same->response_end = turn->response_end;
    same->request_octets = turn->octets[FLOW_CLIENT];
    same->response_octets = turn->octets[FLOW_SERVER];
    same->is_answer_readable = exchange->is_answer_readable;
    same->confidence = exchange->confidence;
    same->reason = "the same connection, captured elsewhere";
    g_ptr_array_add(model->inferred, same);
    return same;
}

/* The requests that candidates have of conversations with twins: flow_conversation -> GPtrArray of flow_exchange *. */
static GHashTable *
requests_with_twins(const flow_model *model, const GPtrArray *exchanges)
{
    GHashTable *requests = g_hash_table_new_full(NULL, NULL, NULL, (GDestroyNotify)g_ptr_array_unref);

    for (guint i = 0; i < exchanges->len; i++) {
        flow_exchange *exchange = exchanges->pdata[i];
        GPtrArray     *list;

        if (!g_hash_table_contains(model->twins, exchange->conversation))
            continue;
        list = g_hash_table_lookup(requests, exchange->conversation);
        if (!list) {
            list = g_ptr_array_new();
            g_hash_table_insert(requests, exchange->conversation, list);
        }
        g_ptr_array_add(list, exchange);
    }
    return requests;
}

static void
hear_unread(flow_model *model, flow_conversation *twin, const GPtrArray *exchanges)
{
    GArray *turns = flow_turns_of(twin);

    for (guint i = 0; i < exchanges->len && i < turns->len; i++)
        flow_add_witness(model, exchanges->pdata[i],
                         like(model, twin, exchanges->pdata[i], &g_array_index(turns, flow_turn, i)));
    g_array_unref(turns);
}

void
flow_hear_twins(flow_model *model, const GPtrArray *exchanges)
{
    GHashTable    *requests;
    GHashTableIter iterator;
    gpointer       key, value;

    if (g_hash_table_size(model->twins) == 0)
        return;
    requests = requests_with_twins(model, exchanges);
    g_hash_table_iter_init(&iterator, requests);
    while (g_hash_table_iter_next(&iterator, &key, &value)) {
        const GPtrArray *twins = g_hash_table_lookup(model->twins, key);

        for (guint i = 0; i < twins->len; i++) {
            flow_conversation *twin = twins->pdata[i];

            if (twin->exchanges)
                hear_read(model, twin);
            else if (twin->turns)
                hear_unread(model, twin, value);
        }
    }
    g_hash_table_unref(requests);
}

/* The steps of a part as one of its twins has seen them. */
static void
add_shadow_steps(flow_part *shadow, const flow_part *part)
{
    for (guint i = 0; i < part->steps->len; i++) {
        flow_part_step       step = g_array_index(part->steps, flow_part_step, i);
        const flow_exchange *exchange = step.exchange, *witness;

        for (guint j = 1; exchange && (witness = flow_witness(exchange, j)) != NULL; j++) {
            if (witness->conversation != shadow->conversation)
                continue;
            ((flow_exchange *)witness)->state = exchange->state;
            ((flow_exchange *)witness)->enrolment = part->enrolment;
            step.exchange = witness;
            step.begin = witness->request_end;
            step.end = witness->response_end;
            g_array_append_val(shadow->steps, step);
        }
    }
}

void
flow_add_shadows(flow_model *model, const flow_enrolment *enrolment)
{
    for (guint i = 0; g_hash_table_size(model->twins) > 0 && i < enrolment->parts->len; i++) {
        flow_part       *part = enrolment->parts->pdata[i];
        const GPtrArray *twins = g_hash_table_lookup(model->twins, part->conversation);

        for (guint j = 0; twins && j < twins->len; j++) {
            flow_part *shadow = flow_shadow_part(part, twins->pdata[j]);

            add_shadow_steps(shadow, part);
            g_ptr_array_add(model->shadows, shadow);
            flow_index_part(model, shadow);
        }
    }
}
