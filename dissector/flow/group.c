/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Whose enrolment a request belongs to. A transactionID decides where it can be read; else the device's address, the
 * conversation, the user agent and what an enrolment still lacks: of several that are under way behind one address, the
 * oldest one that waits for this step.
 */
#include <string.h>

#include "internal.h"

/* An enrolment that was silent for so long is over; polls find theirs by its transactionID. */
#define PATIENCE (600 * FLOW_SECOND)

/* Requests of one connection that was kept are one try unless the pause is longer than this; also how far before its
 * PKIOperation a discovery may lie. */
#define TRY (120 * FLOW_SECOND)

/* A PKIOperation may begin so long after a discovery and still go with it although another discovery came between. */
#define SOON (2 * FLOW_SECOND)

/* How many enrolments that began before or after are looked at where any could be meant. */
#define NEAR 256

/* RFC 8894 3.2.1.2 and 3.2.1.3 */
enum { RENEWAL_REQ = 17, PKCS_REQ = 19, CERT_POLL = 20, GET_CERT = 21, GET_CRL = 22, PENDING = 3 };

/* What a CA says that does not issue, [MS-WCCE] 3.2.1.4.2.1.1. */
enum { CR_DISP_ERROR = 1, CR_DISP_DENIED = 2 };

/* What is kept of an enrolment while requests are handed out. */
typedef struct {
    flow_group    group; /* first, to be cast back */
    const char   *user_agent;
    unsigned      caps, certificates, operations;
    bool          is_finished; /* its PKIOperation has an answer that ends it */
    bool          is_absorbed;
} slot;

/* Whether the answer to a PKIOperation that cannot be read holds a certificate. */
static bool
is_long_enough(const flow_exchange *exchange)
{
    const flow_recognition *known = flow_knowledge_recognition(flow_known(exchange->conversation->model));
    flow_range              answer = known->answer[FLOW_CERT_REP];

    if (exchange->basis == FLOW_LOG && exchange->response_octets == 0)
        return true; /* the log does not tell */
    return exchange->response_octets >= answer.low && exchange->response_octets <= answer.high;
}

bool
flow_is_answered_well(const flow_exchange *exchange)
{
    if (exchange->response_end.frame == 0 || !exchange->is_answer_readable)
        return false;
    if (exchange->basis == FLOW_INFERRED && exchange->step == FLOW_PKI_OPERATION)
        return is_long_enough(exchange);
    if (exchange->basis == FLOW_INFERRED)
        return exchange->verified != 0;
    if (exchange->step == FLOW_CA_ISSUE)
        return !exchange->has_hresult && exchange->disposition != CR_DISP_ERROR &&
               exchange->disposition != CR_DISP_DENIED && exchange->disposition >= -1;
    if (exchange->basis == FLOW_LOG && exchange->step == FLOW_PKI_OPERATION)
        return is_long_enough(exchange);
    return exchange->http_status < 300 && exchange->verified != 0 &&
           (exchange->step != FLOW_PKI_OPERATION || exchange->pki_status == 0);
}

/* True when the device has what it wanted, or was told that it will not get it. */
static bool
ends_enrolment(const flow_exchange *exchange)
{
    if (exchange->step != FLOW_PKI_OPERATION || exchange->response_end.frame == 0)
        return false;
    if (exchange->basis != FLOW_DECRYPTED)
        return flow_is_answered_well(exchange);
    return exchange->pki_status >= 0 && exchange->pki_status != PENDING && exchange->message_type < GET_CERT;
}

static slot *
new_slot(flow_model *model, GPtrArray *slots)
{
    slot *one = g_new0(slot, 1);

    one->group.enrolment = flow_enrolment_new(model);
    one->group.exchanges = g_ptr_array_new();
    one->group.onward = g_ptr_array_new();
    one->group.bare = g_ptr_array_new();
    one->group.behind = g_ptr_array_new();
    one->group.behind_bare = g_ptr_array_new();
    one->group.syncs = g_ptr_array_new();
    g_ptr_array_add(slots, one);
    return one;
}

flow_group *
flow_group_new(flow_model *model, GPtrArray *groups)
{
    return &new_slot(model, groups)->group;
}

void
flow_extend(flow_enrolment *enrolment, flow_moment begin, flow_moment end)
{
    if (enrolment->begin.frame == 0 || begin.time < enrolment->begin.time)
        enrolment->begin = begin;
    if (end.frame != 0 && (enrolment->end.frame == 0 || end.time > enrolment->end.time))
        enrolment->end = end;
    if (enrolment->end.frame == 0 || enrolment->end.time < enrolment->begin.time)
        enrolment->end = enrolment->begin; /* the clock was set back */
}

static void
add_exchange(slot *one, flow_exchange *exchange)
{
    flow_enrolment *enrolment = one->group.enrolment;

    g_ptr_array_add(one->group.exchanges, exchange);
    exchange->enrolment = enrolment;
    flow_extend(enrolment, flow_begin_of(exchange), exchange->response_end.frame ? exchange->response_end : exchange->request_end);
    one->caps += exchange->step == FLOW_GET_CA_CAPS;
    one->certificates += exchange->step == FLOW_GET_CA_CERT;
    one->operations += exchange->step == FLOW_PKI_OPERATION;
    one->is_finished = one->is_finished || ends_enrolment(exchange);
    if (exchange->user_agent)
        one->user_agent = exchange->user_agent;
    if (exchange->transaction_id && (!enrolment->transaction_id || exchange->message_type == PKCS_REQ ||
                                     exchange->message_type == RENEWAL_REQ))
        enrolment->transaction_id = exchange->transaction_id;
    if (exchange->subject)
        enrolment->subject = exchange->subject;
    if (exchange->onward) {
        g_ptr_array_add(one->group.onward, exchange->onward);
        exchange->onward->enrolment = enrolment;
    }
}

static const flow_exchange *
last_of(const slot *one)
{
    return one->group.exchanges->len ? one->group.exchanges->pdata[one->group.exchanges->len - 1] : NULL;
}

static bool
has_conversation(const slot *one, const flow_conversation *conversation)
{
    for (guint i = one->group.exchanges->len; i > 0; i--) {
        if (((flow_exchange *)one->group.exchanges->pdata[i - 1])->conversation == conversation)
            return true;
    }
    return false;
}

/* True when the enrolment has this request already, with a good answer, in another conversation. */
static bool
is_answered_elsewhere(const slot *one, const flow_exchange *exchange)
{
    for (guint i = 0; i < one->group.exchanges->len; i++) {
        const flow_exchange *other = one->group.exchanges->pdata[i];

        if (other->step == exchange->step && other->conversation != exchange->conversation &&
            flow_is_answered_well(other) && g_strcmp0(other->message, exchange->message) == 0)
            return true;
    }
    return false;
}

static bool
has_same_ends(const flow_conversation *a, const flow_conversation *b)
{
    return g_strcmp0(a->client.address, b->client.address) == 0 &&
           g_strcmp0(a->server.address, b->server.address) == 0 && a->server.port == b->server.port;
}

/* True when a request is what a flow has at this place. What cannot be read is known by its step alone. */
static bool
is_at_place(const flow_exchange *exchange, const flow_stage *stage, flow_step step)
{
    return exchange->step == step &&
           (exchange->basis == FLOW_INFERRED || step == FLOW_PKI_OPERATION || !stage->messages || !*stage->messages ||
            flow_matches(stage->messages, exchange->message));
}

/* True when the requests so far and this one are the first ones of a flow of known devices. */
static bool
continues_a_flow(const slot *one, const flow_exchange *next)
{
    const GPtrArray *flows = flow_knowledge_flows(flow_known(last_of(one)->conversation->model));

    for (guint i = 0; i < flows->len; i++) {
        const flow_expected *flow = flows->pdata[i];
        guint                at = 0, count = one->group.exchanges->len;
        bool                 fits = !flow->is_fallback;

        for (guint j = 0; fits && at <= count && j < flow->stages->len; j++) {
            const flow_stage *stage = flow->stages->pdata[j];

            for (const flow_step *step = stage->steps; fits && at <= count && *step != FLOW_STEP_NONE; step++, at++)
                fits = is_at_place(at < count ? one->group.exchanges->pdata[at] : next, stage, *step);
        }
        if (fits && at > count)
            return true;
    }
    return false;
}

/* How well `exchange` fits into an enrolment: 0 when not at all. */
static int
fit(const slot *one, const flow_exchange *exchange)
{
    const flow_exchange *last = last_of(one);
    bool                 is_discovery = exchange->step != FLOW_PKI_OPERATION;
    bool                 shares = has_conversation(one, exchange->conversation);
    const char          *transaction = one->group.enrolment->transaction_id;
    int64_t              pause;
    int                  value = 1;

    if (!last || (!shares && !has_same_ends(last->conversation, exchange->conversation)))
        return 0;
    pause = exchange->request.time - one->group.enrolment->end.time;
    if (exchange->message_type == GET_CERT || exchange->message_type == GET_CRL)
        return pause <= TRY; /* a transaction of their own, after the enrolment */
    if (exchange->transaction_id && transaction) {
        if (strcmp(exchange->transaction_id, transaction) != 0)
            return 0;
        /* The same key enrols again: after a discovery of its own it is another try. */
        return exchange->message_type == CERT_POLL || shares ? 100 : 1;
    }
    if (pause > PATIENCE)
        return 0;
    if (one->user_agent && exchange->user_agent && strcmp(one->user_agent, exchange->user_agent) != 0)
        return 0;
    if (is_discovery) {
        /* Whoever discovers after a PKIOperation begins anew. */
        if (one->operations > 0 || (!shares && pause > TRY))
            return 0;
        if (exchange->basis == FLOW_INFERRED) {
            /* Another device behind the same address, or on the same connection of a proxy. */
            if (one->caps > 0 && one->certificates > 0 && !continues_a_flow(one, exchange))
                return 0;
        } else if (!shares && is_answered_elsewhere(one, exchange)) {
            return 0;
        }
    } else if (one->is_finished && pause > TRY) {
        return 0;
    } else if (one->operations > 0 && (exchange->message_type == PKCS_REQ || exchange->message_type == RENEWAL_REQ) &&
               (!shares || one->is_finished)) {
        return 0; /* another transaction */
    }
    if (one->user_agent && exchange->user_agent)
        value += 4;
    /* A log does not tell clients behind one proxy apart: who waits for just this goes first. */
    if (exchange->basis == FLOW_LOG && continues_a_flow(one, exchange))
        value += 16;
    if (shares)
        value += exchange->basis == FLOW_INFERRED ? 8 : 2;
    if (is_discovery ? one->caps + one->certificates > 0 : one->caps + one->certificates > 0 && one->operations == 0)
        value += 1;
    return value;
}

/* Enrolments by what they are looked for by. */
typedef struct {
    GHashTable *clients;      /* address (interned) -> GPtrArray of slot *, those that may still grow */
    GHashTable *transactions; /* transactionID (interned) -> slot *, the latest */
} directory;

static GPtrArray *
slots_of(directory *known, const char *address)
{
    GPtrArray *own = g_hash_table_lookup(known->clients, address);

    if (!own) {
        own = g_ptr_array_new();
        g_hash_table_insert(known->clients, (gpointer)address, own);
    }
    return own;
}

/* True when nothing but a poll can belong to it any more. */
static bool
is_past(const slot *one, const flow_exchange *exchange)
{
    int64_t pause = exchange->request.time - one->group.enrolment->end.time;

    return pause > PATIENCE || (one->is_finished && pause > TRY);
}

/* Where an exchange belongs: the best fit, the oldest of equals. */
static slot *
slot_for(flow_model *model, GPtrArray *slots, directory *known, const flow_exchange *exchange)
{
    GPtrArray *own = slots_of(known, exchange->conversation->client.address);
    slot      *best = exchange->transaction_id ? g_hash_table_lookup(known->transactions, exchange->transaction_id) : NULL;
    int        best_fit = best ? fit(best, exchange) : 0;

    if (best_fit == 0)
        best = NULL;
    for (guint i = 0; i < own->len;) {
        slot *one = own->pdata[i];
        int   value;

        if (is_past(one, exchange)) {
            g_ptr_array_remove_index(own, i);
            continue;
        }
        value = fit(one, exchange);
        if (value > best_fit) {
            best = one;
            best_fit = value;
        }
        i++;
    }
    if (!best) {
        best = new_slot(model, slots);
        g_ptr_array_add(own, best);
    }
    if (exchange->transaction_id)
        g_hash_table_insert(known->transactions, (gpointer)exchange->transaction_id, best);
    return best;
}

static gint
by_request(gconstpointer a, gconstpointer b)
{
    const flow_exchange *first = *(flow_exchange *const *)a, *second = *(flow_exchange *const *)b;

    return first->request.time < second->request.time ? -1 : first->request.time > second->request.time;
}

/* A discovery for which no PKIOperation came belongs to the next one of that device: a client that asks twice. */
static void
absorb(GPtrArray *slots)
{
    for (guint i = 0; i < slots->len; i++) {
        slot                 *one = slots->pdata[i], *next = NULL;
        const flow_enrolment *enrolment = one->group.enrolment;

        /* In order of their first requests: those that began before this one ended are not far. */
        for (guint j = i > NEAR ? i - NEAR : 0; one->operations == 0 && !next && j < slots->len && j < i + NEAR; j++) {
            slot                 *other = slots->pdata[j];
            const flow_enrolment *another = other->group.enrolment;

            if (other->operations > 0 && !other->is_absorbed &&
                has_same_ends(last_of(other)->conversation, last_of(one)->conversation) &&
                another->end.time >= enrolment->begin.time && another->begin.time <= enrolment->end.time + SOON)
                next = other;
        }
        if (!next)
            continue;
        for (guint j = 0; j < one->group.exchanges->len; j++)
            add_exchange(next, one->group.exchanges->pdata[j]);
        g_ptr_array_sort(next->group.exchanges, by_request);
        one->is_absorbed = true;
    }
}

/* How a conversation without requests may belong to an enrolment: to the same server, or as the proxy's attempt to go on
 * within the time that the device waited. */
static bool
may_have(const slot *one, const flow_conversation *conversation)
{
    for (guint i = 0; i < one->group.exchanges->len; i++) {
        const flow_exchange *exchange = one->group.exchanges->pdata[i];

        if (has_same_ends(exchange->conversation, conversation))
            return !one->is_finished || conversation->first.time <= one->group.enrolment->end.time;
        if (g_strcmp0(exchange->conversation->client.address, conversation->client.address) != 0 &&
            conversation->first.time >= exchange->request.time &&
            (exchange->response_end.frame == 0 || conversation->first.time <= exchange->response_end.time))
            return true;
    }
    for (guint i = 0; i < one->group.bare->len; i++) {
        if (has_same_ends(one->group.bare->pdata[i], conversation))
            return true;
    }
    return false;
}

/* The enrolment that a conversation without requests belongs to: the nearest in time of those that may have it. */
static slot *
slot_for_bare(flow_model *model, GPtrArray *slots, const flow_conversation *conversation)
{
    slot   *best = NULL;
    int64_t best_distance = TRY;
    guint   low = 0, high = slots->len;

    /* The first that begins later. */
    while (low < high) {
        guint middle = low + (high - low) / 2;

        if (((slot *)slots->pdata[middle])->group.enrolment->begin.time <= conversation->first.time)
            low = middle + 1;
        else
            high = middle;
    }
    for (guint i = low > NEAR ? low - NEAR : 0; i < slots->len && i < low + NEAR; i++) {
        slot                 *one = slots->pdata[i];
        const flow_enrolment *enrolment = one->group.enrolment;
        int64_t               distance = 0;

        if (conversation->first.time > enrolment->end.time)
            distance = conversation->first.time - enrolment->end.time;
        else if (conversation->last.time < enrolment->begin.time)
            distance = enrolment->begin.time - conversation->last.time;
        if (distance < best_distance && may_have(one, conversation)) {
            best = one;
            best_distance = distance;
        }
    }
    return best ? best : new_slot(model, slots);
}

static gint
by_begin(gconstpointer a, gconstpointer b)
{
    const flow_enrolment *first = (*(slot *const *)a)->group.enrolment, *second = (*(slot *const *)b)->group.enrolment;

    return first->begin.time < second->begin.time ? -1 : first->begin.time > second->begin.time;
}

static void
free_slot(gpointer data)
{
    slot *one = data;

    g_ptr_array_unref(one->group.exchanges);
    g_ptr_array_unref(one->group.onward);
    g_ptr_array_unref(one->group.bare);
    g_ptr_array_unref(one->group.behind);
    g_ptr_array_unref(one->group.behind_bare);
    g_ptr_array_unref(one->group.syncs);
    g_free(one);
}

GPtrArray *
flow_group_exchanges(flow_model *model, flow_candidates *candidates)
{
    GPtrArray *slots = g_ptr_array_new_with_free_func(free_slot);
    directory  known = { g_hash_table_new_full(NULL, NULL, NULL, (GDestroyNotify)g_ptr_array_unref),
                         g_hash_table_new(NULL, NULL) };

    for (guint i = 0; i < candidates->exchanges->len; i++) {
        flow_exchange *exchange = candidates->exchanges->pdata[i];

        if (!exchange->inward)
            add_exchange(slot_for(model, slots, &known, exchange), exchange);
    }
    g_hash_table_unref(known.clients);
    g_hash_table_unref(known.transactions);
    absorb(slots);
    for (guint i = slots->len; i > 0; i--) {
        if (((slot *)slots->pdata[i - 1])->is_absorbed) {
            g_ptr_array_remove_index(model->result.enrolments, i - 1);
            g_ptr_array_remove_index(slots, i - 1);
        }
    }
    g_ptr_array_sort(slots, by_begin);
    for (guint i = 0; i < candidates->bare->len; i++) {
        flow_conversation *conversation = candidates->bare->pdata[i];
        slot              *one = slot_for_bare(model, slots, conversation);

        g_ptr_array_add(one->group.bare, conversation);
        flow_extend(one->group.enrolment, conversation->first, conversation->last);
    }
    return slots;
}
