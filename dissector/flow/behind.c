/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What NDES asks of the registration point and of the CA while a PKIOperation waits, and which PKIOperation that is. A
 * transactionID or the public key of a request that was read decides; else that each lies within the other's waiting
 * time, and the order: verified first, issued next, notified last, and who came first takes the first turn.
 */
#include <string.h>

#include "internal.h"

/* Frames of two interfaces are not always in the order in which they were on the wire. */
#define SKEW (FLOW_SECOND / 200)

/* Nor are lines of logs: they are written before or after what they tell of. */
#define LOG_SKEW (FLOW_SECOND / 2)

/* How far apart a transaction may be on the clocks of two capturing machines. */
#define CLOCKS (120 * FLOW_SECOND)

/* Nobody waits longer for an answer that does not come: the time-out of a Web Application Proxy. */
#define PATIENCE (300 * FLOW_SECOND)

/* Ports of TLS, and of DCE/RPC's endpoint mapper (C706 chapter 6). */
enum { HTTPS = 443, ENDPOINT_MAPPER = 135 };

/* Percent. */
enum { BY_KEY = 100, ALONE = 92, AMONG_MANY = 70, BY_TIME_ALONE = 75, BY_NAME_ALONE = 65 };

/* After its Notify NDES has only the answer to sign: when that comes tells more than what came before. */
#define AFTER_NOTIFY 3

/* Answers of one kind differ by less than this, in octets. */
#define SAME_ANSWER 12

/* A PKIOperation as NDES got it, and what NDES asked for it. */
typedef struct {
    flow_exchange *at_ndes;
    flow_group    *group;
    int64_t        begin, end; /* of its waiting time */
    bool           is_answered;
    const char    *transaction_id, *request_key;
    flow_exchange *verify, *ca, *notify;
    bool           has_mapping; /* a conversation in which NDES asked for the CA's port */
} operation;

typedef struct {
    flow_model *model;
    GArray     *operations;   /* of operation, by begin */
    GHashTable *machines;     /* addresses (interned) at which the PKIOperations came in */
    GHashTable *transactions; /* transactionID (interned) -> GPtrArray of operation * */
    GHashTable *keys;         /* request_key (interned) -> likewise */
    GPtrArray  *left;         /* of flow_exchange * that no PKIOperation was found for */
    uint32_t    usual[2][2];  /* octets of request and answer of the last VerifyRequest and Notify that were inferred */
} joining;

bool
flow_is_behind(flow_step step)
{
    return step == FLOW_VERIFY_REQUEST || step == FLOW_CA_ISSUE || step == FLOW_NOTIFY;
}

enum { REGISTRATION_POINT = 1, MANAGEMENT = 2, LOOKED_AT = 4 };

/* What a server is by its name. Names are few, conversations many. */
static unsigned
kind_of_name(flow_model *model, const char *name)
{
    const flow_recognition *known;
    unsigned                kind = name ? GPOINTER_TO_UINT(g_hash_table_lookup(model->names, name)) : LOOKED_AT;

    if (kind)
        return kind;
    known = flow_knowledge_recognition(flow_known(model));
    kind = LOOKED_AT | (flow_matches(known->registration_names, name) ? REGISTRATION_POINT : 0) |
           (flow_matches(known->management_names, name) ? MANAGEMENT : 0);
    g_hash_table_insert(model->names, (gpointer)name, GUINT_TO_POINTER(kind));
    return kind;
}

bool
flow_is_management(flow_model *model, const flow_conversation *conversation)
{
    return (kind_of_name(model, conversation->server_name) & MANAGEMENT) ||
           (model->told->len > 0 && flow_server_is_told(model, conversation, "mdm"));
}

static bool
is_registration_point(flow_model *model, const flow_conversation *conversation)
{
    return (kind_of_name(model, conversation->server_name) & REGISTRATION_POINT) ||
           (model->told->len > 0 && flow_server_is_told(model, conversation, "crp"));
}

/* True when nothing was asked in it. */
static bool
has_no_call(const flow_conversation *conversation)
{
    return !conversation->exchanges && (!conversation->turns || conversation->turns->len == 0);
}

/* True for a connection without a call to where RPC was spoken in another. Addresses are interned. */
static bool
goes_to_ca(const flow_model *model, const flow_conversation *conversation)
{
    return !conversation->is_tls && conversation->server.port != HTTPS && has_no_call(conversation) &&
           g_hash_table_contains(model->speaks_rpc, conversation->server.address);
}

flow_leg
flow_leg_behind(flow_model *model, const flow_conversation *conversation)
{
    if (conversation->is_rpc || conversation->server.port == ENDPOINT_MAPPER ||
        flow_server_is_told(model, conversation, "ca") || goes_to_ca(model, conversation))
        return FLOW_NDES_CA;
    for (guint i = 0; conversation->exchanges && i < conversation->exchanges->len; i++) {
        const flow_exchange *exchange = conversation->exchanges->pdata[i];

        if (g_strcmp0(exchange->product, "Intune") == 0)
            return FLOW_NDES_INTUNE;
    }
    return flow_is_management(model, conversation) ? FLOW_NDES_INTUNE : FLOW_NDES_CRP;
}

/* --- the PKIOperations --- */

static void
index_by(GHashTable *index, const char *key, operation *one)
{
    GPtrArray *list = key ? g_hash_table_lookup(index, key) : NULL;

    if (!key)
        return;
    if (!list) {
        list = g_ptr_array_new();
        g_hash_table_insert(index, (gpointer)key, list);
    }
    g_ptr_array_add(list, one);
}

/* When a PKIOperation waited no more: it was answered, or the connection ended. */
static int64_t
end_of(const flow_exchange *exchange)
{
    const flow_conversation *conversation = exchange->conversation;
    const flow_moment       *ends[] = { &conversation->fin[FLOW_CLIENT], &conversation->fin[FLOW_SERVER],
                                        &conversation->reset };
    int64_t                  end = exchange->request.time + PATIENCE;

    if (exchange->response.frame)
        return exchange->response.time;
    for (size_t i = 0; i < G_N_ELEMENTS(ends); i++) {
        if (ends[i]->frame)
            end = MIN(end, ends[i]->time);
    }
    return end;
}

static void
add_operation(joining *all, flow_group *group, flow_exchange *front)
{
    flow_exchange *inner = front->onward ? front->onward : front;
    operation      one = { .at_ndes = inner,
                           .group = group,
                           .begin = inner->request.time,
                           .end = end_of(inner) + (inner->testimony ? inner->testimony->slack : 0),
                           .is_answered = inner->response.frame != 0,
                           .transaction_id = front->transaction_id,
                           .request_key = front->request_key };

    if (!one.transaction_id)
        one.transaction_id = inner->transaction_id;
    if (!one.request_key)
        one.request_key = inner->request_key;
    g_array_append_val(all->operations, one);
}

static gint
by_begin(gconstpointer a, gconstpointer b)
{
    const operation *first = a, *second = b;

    return first->begin < second->begin ? -1 : first->begin > second->begin;
}

static void
find_operations(joining *all, const GPtrArray *groups)
{
    for (guint i = 0; i < groups->len; i++) {
        flow_group *group = groups->pdata[i];

        for (guint j = 0; j < group->exchanges->len; j++) {
            flow_exchange *exchange = group->exchanges->pdata[j];

            if (exchange->step == FLOW_PKI_OPERATION)
                add_operation(all, group, exchange);
        }
    }
    g_array_sort(all->operations, by_begin);
    for (guint i = 0; i < all->operations->len; i++) {
        operation *one = &g_array_index(all->operations, operation, i);

        g_hash_table_add(all->machines, (gpointer)one->at_ndes->conversation->server.address);
        index_by(all->transactions, one->transaction_id, one);
        index_by(all->keys, one->request_key, one);
    }
}

/* How exact the times of packets and of logs are. */
static int64_t
latitude_of(const flow_testimony *testimony)
{
    return testimony ? SKEW + LOG_SKEW + testimony->slack : SKEW;
}

/* How exact those of an operation and a call are. */
static int64_t
latitude(const operation *one, const flow_exchange *inner)
{
    return MAX(latitude_of(inner->testimony), one->at_ndes->testimony ? SKEW + LOG_SKEW : SKEW);
}

/* True when what lasted from `begin` to `end` did so while the operation waited. Whoever got no answer may have gone before
 * NDES got one. */
static bool
waited(const operation *one, int64_t begin, int64_t end, int64_t latitude)
{
    return begin + latitude >= one->begin && (one->is_answered ? end : begin) <= one->end + latitude;
}

/* A Notify that a log tells of may go on while NDES answers already: it is made by another thread. */
static bool
lies_within(const operation *one, const flow_exchange *inner)
{
    bool    goes_on = inner->testimony && inner->step == FLOW_NOTIFY;
    int64_t end = inner->response_end.frame && !goes_on ? inner->response_end.time : inner->request_end.time;

    return waited(one, inner->request.time, end, latitude(one, inner));
}

/* Addresses are interned. The log of NDES's policy module has none. */
static bool
is_of_ndes(const operation *one, const flow_conversation *conversation)
{
    return !conversation->client.address || one->at_ndes->conversation->server.address == conversation->client.address;
}

/* --- joining --- */

static flow_exchange **
place_for(operation *one, flow_step step)
{
    return step == FLOW_VERIFY_REQUEST ? &one->verify : step == FLOW_NOTIFY ? &one->notify : &one->ca;
}

static void
join(joining *all, operation *one, flow_exchange *inner, unsigned confidence, const char *reason)
{
    flow_exchange **place = place_for(one, inner->step);
    const char     *client = inner->conversation->client.address ? inner->conversation->client.address
                                                                 : one->at_ndes->conversation->server.address;

    if (!*place)
        *place = inner;
    inner->operation_of = one->at_ndes;
    inner->enrolment = one->group->enrolment;
    inner->onward_confidence = confidence;
    inner->onward_reason = reason;
    g_ptr_array_add(one->group->behind, inner);
    if (inner->testimony)
        flow_extend(one->group->enrolment, inner->request, inner->response_end);
    g_hash_table_add(inner->step == FLOW_CA_ISSUE ? all->model->calls_ca : all->model->calls_crp, (gpointer)client);
}

/* Of the PKIOperations with this key the one whose waiting time holds `inner`, else the nearest. */
static operation *
operation_by_key(GHashTable *index, const char *key, const flow_exchange *inner)
{
    const GPtrArray *list = key ? g_hash_table_lookup(index, key) : NULL;
    operation       *nearest = NULL;
    int64_t          least = CLOCKS;

    for (guint i = 0; list && i < list->len; i++) {
        operation *one = list->pdata[i];
        int64_t    far;

        if (lies_within(one, inner))
            return one;
        far = ABS(one->begin - inner->request.time);
        if (far < least) {
            nearest = one;
            least = far;
        }
    }
    return nearest;
}

static int64_t
over(const flow_exchange *call)
{
    return call->response_end.frame ? call->response_end.time : call->request_end.time;
}

/* From when to when an operation can be at a step: what was captured before it has to be over, and well, what was captured
 * after it not begun. False when it cannot be there at all. */
static bool
window_of(const operation *one, flow_step step, bool is_verified, int64_t *from, int64_t *to)
{
    *from = one->begin;
    *to = one->end;
    if (step == FLOW_VERIFY_REQUEST) {
        if (one->ca)
            *to = one->ca->request.time;
        else if (one->notify)
            *to = one->notify->request.time;
        return !one->verify;
    }
    if (one->verify) {
        if (!one->verify->response_end.frame || !flow_is_answered_well(one->verify))
            return false;
        *from = one->verify->response_end.time;
    } else if (is_verified) {
        return false;
    }
    if (step == FLOW_CA_ISSUE) {
        if (one->notify)
            *to = one->notify->request.time;
        return !one->ca;
    }
    if (one->ca)
        *from = over(one->ca);
    return !one->notify;
}

/* True when the operation has a call for this step already, by order alone. */
static bool
is_guessed(operation *one, flow_step step)
{
    const flow_exchange *call = *place_for(one, step);

    return call && call->onward_confidence < BY_KEY;
}

/* The operation whose step a call is. Of several that could be meant they take their turns: the one first whose window lies
 * earliest, so that the pauses before and after the calls are as even as may be. `rivals`: how many others there are. */
static operation *
operation_by_order(joining *all, const flow_exchange *inner, flow_step step, unsigned *rivals)
{
    const char *client = inner->conversation->client.address;
    bool        is_verified = g_hash_table_contains(all->model->calls_crp, client);
    operation  *best = NULL;
    double      best_middle = 0;

    *rivals = 0;
    for (guint i = 0; i < all->operations->len; i++) {
        operation *one = &g_array_index(all->operations, operation, i);
        int64_t    from, to, skew = latitude(one, inner);
        double     middle;

        if (one->begin > inner->request.time + skew)
            break;
        if (one->end + skew < inner->request.time || !is_of_ndes(one, inner->conversation) || !lies_within(one, inner))
            continue;
        if (inner->transaction_id && one->transaction_id)
            continue; /* both are known, and differ */
        /* What a guess took may be this one's: what is left over is no surer. */
        if (inner->testimony && is_guessed(one, step))
            ++*rivals;
        if (!window_of(one, step, is_verified, &from, &to) || inner->request.time + skew < from ||
            (to != one->end && over(inner) > to + skew))
            continue;
        middle = (double)from + (step == FLOW_NOTIFY ? AFTER_NOTIFY : 1) * (double)to;
        *rivals += best != NULL;
        if (!best || middle < best_middle) {
            best = one;
            best_middle = middle;
        }
    }
    return best;
}

static const char *
reason_by_order(flow_model *model, const operation *one, const flow_exchange *inner, unsigned rivals)
{
    double delay = (double)(inner->request.time - one->begin) / 1e6;

    if (inner->testimony || one->at_ndes->testimony)
        return rivals == 0 ? "asked while the PKIOperation waited"
                           : flow_result_printf(model, "asked while %u PKIOperations waited, by their order", rivals + 1);
    if (rivals == 0)
        return flow_result_printf(model, "asked %.1f ms after the PKIOperation came, while it waited", delay);
    return flow_result_printf(model,
                              "asked %.1f ms after the PKIOperation came, by the order of the %u that waited for it",
                              delay, rivals + 1);
}

/* Joins a call as this step; false when no operation waits for it. */
static bool
join_as(joining *all, flow_exchange *inner, flow_step step)
{
    unsigned   rivals;
    operation *one = operation_by_order(all, inner, step, &rivals);

    if (!one)
        return false;
    inner->step = step;
    join(all, one, inner, rivals == 0 ? ALONE : AMONG_MANY, reason_by_order(all->model, one, inner, rivals));
    return true;
}

/* Joins a call by what was read of it. */
static bool
join_by_key(joining *all, flow_exchange *inner)
{
    operation *one = operation_by_key(all->transactions, inner->transaction_id, inner);

    if (one) {
        join(all, one, inner, BY_KEY, "the same transaction");
        return true;
    }
    one = operation_by_key(all->keys, inner->request_key, inner);
    if (one)
        join(all, one, inner, BY_KEY, "the same certificate request");
    return one != NULL;
}

/* --- calls that cannot be read --- */

static bool
within(flow_range range, uint32_t value)
{
    return value >= range.low && value <= range.high;
}

static bool
is_sized_as(const flow_recognition *known, flow_step step, const flow_turn *turn)
{
    return within(known->request[step], turn->octets[FLOW_CLIENT]) &&
           (!turn->response.frame || within(known->answer[step], turn->octets[FLOW_SERVER]));
}

/* True when a PKIOperation at the same machine waited from before to after the turn. */
static bool
is_nested(const joining *all, const flow_conversation *conversation, const flow_turn *turn)
{
    int64_t end = turn->response_end.frame ? turn->response_end.time : turn->request_end.time;

    for (guint i = 0; i < all->operations->len; i++) {
        const operation *one = &g_array_index(all->operations, operation, i);

        if (one->begin > turn->request.time + latitude_of(one->at_ndes->testimony))
            break;
        if (waited(one, turn->request.time, end, latitude_of(one->at_ndes->testimony)) && is_of_ndes(one, conversation))
            return true;
    }
    return false;
}

/* What NDES asked of one server. */
typedef struct {
    GPtrArray *inferred;  /* of flow_exchange * */
    bool       is_strange; /* something in it that is not for a PKIOperation */
    bool       is_named;
} callee;

static void
free_callee(gpointer data)
{
    callee *one = data;

    g_ptr_array_unref(one->inferred);
    g_free(one);
}

/* A turn as a call whose step is not known yet. */
static flow_exchange *
add_inferred(flow_model *model, flow_conversation *conversation, const flow_turn *turn)
{
    flow_exchange *exchange = flow_exchange_new(conversation, FLOW_INFERRED);

    exchange->request = turn->request;
    exchange->request_end = turn->request_end;
    exchange->response = turn->response;
    exchange->response_end = turn->response_end;
    exchange->request_octets = turn->octets[FLOW_CLIENT];
    exchange->response_octets = turn->octets[FLOW_SERVER];
    exchange->request_records = turn->records[FLOW_CLIENT];
    exchange->response_records = turn->records[FLOW_SERVER];
    g_ptr_array_add(model->inferred, exchange);
    return exchange;
}

static void
take_turns(joining *all, callee *one, flow_conversation *conversation)
{
    const flow_recognition *known = flow_knowledge_recognition(flow_known(all->model));
    GArray                 *turns = flow_turns_of(conversation);

    for (guint i = 0; i < turns->len; i++) {
        const flow_turn *turn = &g_array_index(turns, flow_turn, i);

        if (is_nested(all, conversation, turn) &&
            (one->is_named || is_sized_as(known, FLOW_VERIFY_REQUEST, turn) || is_sized_as(known, FLOW_NOTIFY, turn)))
            g_ptr_array_add(one->inferred, add_inferred(all->model, conversation, turn));
        else
            one->is_strange = true;
    }
    g_array_unref(turns);
}

static gint
by_request(gconstpointer a, gconstpointer b)
{
    const flow_exchange *first = *(flow_exchange *const *)a, *second = *(flow_exchange *const *)b;

    if (first->request.time != second->request.time)
        return first->request.time < second->request.time ? -1 : 1;
    return first->request.frame < second->request.frame ? -1 : first->request.frame > second->request.frame;
}

/* Adds the calls in encrypted conversations of NDES to `calls`: everything that it asked of one server has to lie within
 * the waiting time of PKIOperations. */
static void
find_unread(joining *all, const flow_candidates *candidates, GPtrArray *calls)
{
    GHashTable    *scep = g_hash_table_new(NULL, NULL);
    GHashTable    *callees = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, free_callee);
    GHashTableIter iterator;
    gpointer       value;

    for (guint i = 0; i < candidates->exchanges->len; i++)
        g_hash_table_add(scep, ((flow_exchange *)candidates->exchanges->pdata[i])->conversation);
    for (guint i = 0; i < all->model->distinct->len; i++) {
        flow_conversation *conversation = all->model->distinct->pdata[i];
        char              *key;
        callee            *one;

        if (!conversation->is_tls || conversation->is_readable || conversation->exchanges || !conversation->turns ||
            g_hash_table_contains(scep, conversation) || !g_hash_table_contains(all->machines, conversation->client.address))
            continue;
        key = g_strdup_printf("%s %s %u", conversation->client.address, conversation->server.address,
                              conversation->server.port);
        one = g_hash_table_lookup(callees, key);
        if (!one) {
            one = g_new0(callee, 1);
            one->inferred = g_ptr_array_new();
            g_hash_table_insert(callees, g_strdup(key), one);
        }
        one->is_named = one->is_named || is_registration_point(all->model, conversation) ||
                        flow_is_management(all->model, conversation);
        take_turns(all, one, conversation);
        g_free(key);
    }
    g_hash_table_iter_init(&iterator, callees);
    while (g_hash_table_iter_next(&iterator, NULL, &value)) {
        callee *one = value;

        for (guint i = 0; i < one->inferred->len && (one->is_named || !one->is_strange); i++) {
            flow_exchange *exchange = one->inferred->pdata[i];

            exchange->confidence = one->is_named ? ALONE : BY_TIME_ALONE;
            g_ptr_array_add(calls, exchange);
        }
    }
    g_ptr_array_sort(calls, by_request);
    g_hash_table_unref(callees);
    g_hash_table_unref(scep);
}

static uint32_t
distance(uint32_t a, uint32_t b)
{
    return a > b ? a - b : b - a;
}

/* Whether a call that could be either is a Notify: by the answer, which has no body, and by the sizes of those before. */
static bool
is_rather_notify(const joining *all, const flow_exchange *inner)
{
    const uint32_t *verify = all->usual[0], *notify = all->usual[1];

    if (!verify[1])
        return false;
    if (!notify[1])
        return inner->response_octets + SAME_ANSWER < verify[1];
    if (distance(verify[1], notify[1]) > SAME_ANSWER)
        return distance(inner->response_octets, notify[1]) < distance(inner->response_octets, verify[1]);
    return distance(inner->request_octets, notify[0]) < distance(inner->request_octets, verify[0]);
}

/* Takes an encrypted call for one of the two by its sizes. */
static void
tell_unread(joining *all, flow_exchange *inner)
{
    const flow_recognition *known = flow_knowledge_recognition(flow_known(all->model));
    bool                    is_notify = is_rather_notify(all, inner);

    inner->step = is_notify ? FLOW_NOTIFY : FLOW_VERIFY_REQUEST;
    inner->is_answer_readable = within(known->answer[inner->step], inner->response_octets);
    if (inner->response.frame) {
        all->usual[is_notify][0] = inner->request_octets;
        all->usual[is_notify][1] = inner->response_octets;
    }
}

static void
explain_unread(joining *all, flow_exchange *inner)
{
    inner->reason = flow_result_printf(all->model, "%u octets answered by %u, while the PKIOperation waited%s",
                                       inner->request_octets, inner->response_octets,
                                       inner->step == FLOW_NOTIFY ? ", after VerifyRequest" : "");
}

/* A call of an RPC interface that is not known, because its binding was not captured. */
static void
join_unbound(joining *all, flow_exchange *inner)
{
    if (!join_as(all, inner, FLOW_CA_ISSUE))
        return;
    inner->confidence = BY_TIME_ALONE;
    inner->reason = "a call between VerifyRequest and Notify, of an interface that was bound before the capture began";
    inner->is_answer_readable = true;
}

/* Joins those of the calls that are this step. What sizes alone tell may be the other one after all. */
static void
join_step(joining *all, const GPtrArray *calls, flow_step step)
{
    flow_step other = step == FLOW_NOTIFY ? FLOW_VERIFY_REQUEST : FLOW_NOTIFY;

    for (guint i = 0; i < calls->len; i++) {
        flow_exchange *inner = calls->pdata[i];

        if (inner->step != step || inner->operation_of || join_as(all, inner, step))
            continue;
        if (inner->basis == FLOW_INFERRED && !inner->conversation->is_rpc && !flow_is_logged(inner))
            inner->step = other;
    }
}

static gint
by_middle(gconstpointer a, gconstpointer b)
{
    const flow_exchange *first = *(flow_exchange *const *)a, *second = *(flow_exchange *const *)b;
    double               one = (double)first->request.time + (double)over(first);
    double               other = (double)second->request.time + (double)over(second);

    return one != other ? one < other ? -1 : 1 : by_request(a, b);
}

/* Joins what is not joined by a key, in the order in which NDES asks. */
static void
join_by_order(joining *all, GPtrArray *calls)
{
    for (guint i = 0; i < calls->len; i++) {
        flow_exchange *inner = calls->pdata[i];

        if (inner->basis != FLOW_INFERRED)
            continue;
        if (inner->conversation->is_rpc)
            inner->step = FLOW_STEP_NONE; /* it may have counted in the evaluation before */
        else if (!flow_is_logged(inner))
            tell_unread(all, inner);
    }
    g_ptr_array_sort(calls, by_middle);
    join_step(all, calls, FLOW_VERIFY_REQUEST);
    join_step(all, calls, FLOW_CA_ISSUE);
    join_step(all, calls, FLOW_NOTIFY);
    join_step(all, calls, FLOW_VERIFY_REQUEST); /* what was taken for a Notify */
    join_step(all, calls, FLOW_NOTIFY);         /* what waited for one of those */
    for (guint i = 0; i < calls->len; i++) {
        flow_exchange *inner = calls->pdata[i];

        if (inner->basis != FLOW_INFERRED && !inner->operation_of)
            g_ptr_array_add(all->left, inner);
        else if (inner->basis == FLOW_INFERRED && inner->conversation->is_rpc)
            join_unbound(all, inner);
        else if (inner->basis == FLOW_INFERRED && inner->operation_of && !flow_is_logged(inner))
            explain_unread(all, inner);
    }
}

/* --- conversations without a call --- */

static bool
is_in_trouble(const flow_conversation *conversation)
{
    flow_tcp_state tcp = flow_tcp_state_of(conversation);

    return tcp == FLOW_TCP_REFUSED || tcp == FLOW_TCP_NO_ANSWER || conversation->is_rpc_refused ||
           flow_tls_state_of(conversation) == FLOW_TLS_FAILED || conversation->is_foreign_protocol ||
           (conversation->is_tls && flow_is_over(conversation));
}

/* Servers that NDES has asked, so that a connection to them alone tells something. */
static bool
is_known_callee(const GHashTable *known, const flow_conversation *conversation)
{
    return g_hash_table_contains((GHashTable *)known, conversation->server.address);
}

/* The operation that waited when a conversation began: of several, the last that came before it. */
static operation *
operation_at(joining *all, const flow_conversation *conversation)
{
    operation *found = NULL;

    for (guint i = 0; i < all->operations->len; i++) {
        operation *one = &g_array_index(all->operations, operation, i);

        if (one->begin > conversation->first.time + SKEW)
            break;
        if (one->end + SKEW >= conversation->first.time && is_of_ndes(one, conversation))
            found = one;
    }
    return found;
}

/* The operation for which a CA's port was asked: the one whose call to it comes next. */
static operation *
operation_of_mapping(joining *all, const flow_conversation *conversation)
{
    operation *found = NULL;

    for (guint i = 0; i < all->operations->len; i++) {
        operation           *one = &g_array_index(all->operations, operation, i);
        const flow_exchange *ca = one->ca;

        if (!ca || one->has_mapping || ca->conversation->client.address != conversation->client.address ||
            ca->conversation->server.address != conversation->server.address ||
            ca->conversation->first.time + SKEW < conversation->first.time ||
            conversation->first.time + SKEW < one->begin)
            continue;
        if (!found || ca->conversation->first.time < found->ca->conversation->first.time)
            found = one;
    }
    if (found)
        found->has_mapping = true;
    return found;
}

/* A call that only a log tells of, and that got no answer while a connection failed, was to be made by that. */
static void
explain_failure(const operation *one, const flow_conversation *conversation)
{
    flow_exchange *calls[] = { one->verify, one->notify };

    for (size_t i = 0; i < G_N_ELEMENTS(calls); i++) {
        flow_testimony *testimony = calls[i] ? calls[i]->testimony : NULL;

        if (!testimony || !testimony->messages || testimony->failed_in || calls[i]->http_status ||
            conversation->first.time + LOG_SKEW < calls[i]->request.time || conversation->first.time > over(calls[i]) + LOG_SKEW)
            continue;
        testimony->failed_in = conversation;
        testimony->log->joined += testimony->lines;
        return;
    }
}

static void
join_bare(joining *all, const flow_candidates *candidates)
{
    GHashTable *taken = g_hash_table_new(NULL, NULL), *points = g_hash_table_new(NULL, NULL);

    for (guint i = 0; i < candidates->bare->len; i++)
        g_hash_table_add(taken, candidates->bare->pdata[i]);
    for (guint i = 0; i < all->model->distinct->len; i++) {
        const flow_conversation *conversation = all->model->distinct->pdata[i];

        for (guint j = 0; conversation->exchanges && j < conversation->exchanges->len; j++) {
            const flow_exchange *exchange = conversation->exchanges->pdata[j];

            if (exchange->step != FLOW_CA_ISSUE && flow_is_behind(exchange->step))
                g_hash_table_add(points, (gpointer)conversation->server.address);
        }
        if (conversation->is_rpc || conversation->server.port == ENDPOINT_MAPPER)
            g_hash_table_add(all->model->speaks_rpc, (gpointer)conversation->server.address);
    }
    for (guint i = 0; i < all->model->distinct->len; i++) {
        flow_conversation *conversation = all->model->distinct->pdata[i];
        operation         *one;
        bool               is_ca;

        if (!has_no_call(conversation) || !g_hash_table_contains(all->machines, conversation->client.address) ||
            g_hash_table_contains(taken, conversation) ||
            (!conversation->rpc_interface && !is_in_trouble(conversation)))
            continue;
        one = conversation->rpc_interface ? operation_of_mapping(all, conversation) : NULL;
        if (!one)
            one = operation_at(all, conversation);
        if (!one)
            continue;
        is_ca = flow_leg_behind(all->model, conversation) == FLOW_NDES_CA;
        if (is_ca || conversation->server.port == HTTPS || is_registration_point(all->model, conversation) ||
            is_known_callee(points, conversation)) {
            g_ptr_array_add(one->group->behind_bare, conversation);
            if (!is_ca)
                explain_failure(one, conversation);
            g_hash_table_add(is_ca ? all->model->calls_ca : all->model->calls_crp,
                             (gpointer)conversation->client.address);
        }
    }
    g_hash_table_unref(taken);
    g_hash_table_unref(points);
}

/* --- what no PKIOperation was captured for --- */

/* The last enrolment at this registration point that still waits for its Notify: of the same transaction, or where none is
 * known the first of the same client. */
static flow_group *
group_for_notify(GPtrArray *own, const flow_exchange *notify)
{
    for (guint i = 0; i < own->len; i++) {
        flow_group          *group = own->pdata[i];
        const flow_exchange *verify = group->behind->pdata[0];
        const char          *id = verify->transaction_id;

        if (verify->step != FLOW_VERIFY_REQUEST || !verify->response_end.frame ||
            verify->response_end.time > notify->request.time + latitude_of(notify->testimony) ||
            verify->response_end.time + PATIENCE < notify->request.time)
            continue;
        if (id && notify->transaction_id ? strcmp(id, notify->transaction_id) == 0
                                         : verify->conversation->client.address ==
                                                   notify->conversation->client.address &&
                                               flow_is_answered_well(verify))
            return g_ptr_array_steal_index(own, i);
    }
    return NULL;
}

/* What was asked of registration points in conversations that cannot be read, where no PKIOperation was captured: the
 * server's name, sizes and order have to do. */
static void
add_unread_left(joining *all)
{
    const flow_recognition *known = flow_knowledge_recognition(flow_known(all->model));

    for (guint i = 0; i < all->model->distinct->len; i++) {
        flow_conversation *conversation = all->model->distinct->pdata[i];
        GArray            *turns;

        if (!conversation->is_tls || conversation->is_readable || conversation->exchanges || !conversation->turns ||
            g_hash_table_contains(all->machines, conversation->client.address) ||
            !is_registration_point(all->model, conversation))
            continue;
        turns = flow_turns_of(conversation);
        for (guint j = 0; j < turns->len; j++) {
            const flow_turn *turn = &g_array_index(turns, flow_turn, j);
            flow_exchange   *exchange;

            if (!is_sized_as(known, FLOW_VERIFY_REQUEST, turn) && !is_sized_as(known, FLOW_NOTIFY, turn))
                continue;
            exchange = add_inferred(all->model, conversation, turn);
            exchange->is_answer_readable = turn->response.frame != 0;
            exchange->confidence = BY_NAME_ALONE;
            g_ptr_array_add(all->left, exchange);
        }
        g_array_unref(turns);
    }
}

/* Which of the two an encrypted call is for which no PKIOperation was captured. */
static void
name_unread_left(joining *all, flow_exchange *exchange)
{
    tell_unread(all, exchange);
    exchange->reason = flow_result_printf(all->model, "%u octets to a registration point, answered by %u%s",
                                          exchange->request_octets, exchange->response_octets,
                                          exchange->step == FLOW_NOTIFY ? ": less than VerifyRequest" : "");
}

/* Adds what logs tell of calls that were not captured; what they tell of others becomes their witness. */
static void
hear_calls(joining *all, const flow_candidates *candidates, GPtrArray *calls)
{
    GPtrArray *seen = g_ptr_array_new(), *told;

    for (guint i = 0; i < candidates->behind->len; i++)
        g_ptr_array_add(seen, candidates->behind->pdata[i]);
    for (guint i = 0; i < calls->len; i++) {
        if (((flow_exchange *)calls->pdata[i])->basis == FLOW_INFERRED)
            g_ptr_array_add(seen, calls->pdata[i]);
    }
    for (guint i = 0; i < all->left->len; i++)
        g_ptr_array_add(seen, all->left->pdata[i]);
    told = flow_hear_calls(all->model, candidates, seen);
    for (guint i = 0; i < told->len; i++) {
        if (!join_by_key(all, told->pdata[i]))
            g_ptr_array_add(calls, told->pdata[i]);
    }
    g_ptr_array_unref(told);
    g_ptr_array_unref(seen);
}

/* Lines of whole seconds leave open when a PKIOperation was: its calls tell, which it cannot have begun after. */
static void
place_operations(joining *all)
{
    for (guint i = 0; i < all->operations->len; i++) {
        operation      *one = &g_array_index(all->operations, operation, i);
        flow_testimony *testimony = one->at_ndes->testimony;
        int64_t         first = INT64_MAX;

        if (!testimony)
            continue;
        if (one->verify)
            first = MIN(first, flow_begin_of(one->verify).time);
        if (one->ca)
            first = MIN(first, flow_begin_of(one->ca).time);
        if (one->notify)
            first = MIN(first, flow_begin_of(one->notify).time);
        if (first != INT64_MAX && first > one->begin) {
            flow_move(one->at_ndes, testimony->moved + MIN(first - one->begin, testimony->slack));
            flow_extend(one->group->enrolment, one->at_ndes->request, one->at_ndes->response_end);
        }
    }
}

static void
group_left(joining *all, GPtrArray *groups)
{
    GPtrArray *own = g_ptr_array_new(); /* of flow_group *: those that lack their Notify */

    for (guint i = 0; i < all->left->len; i++) {
        flow_exchange *exchange = all->left->pdata[i];
        flow_group    *group = NULL;

        if (exchange->step == FLOW_CA_ISSUE)
            continue; /* not only NDES asks the CA */
        if (exchange->basis == FLOW_INFERRED && !flow_is_logged(exchange))
            name_unread_left(all, exchange);
        if (exchange->step == FLOW_NOTIFY)
            group = group_for_notify(own, exchange);
        if (!group)
            group = flow_group_new(all->model, groups);
        if (exchange->step == FLOW_VERIFY_REQUEST)
            g_ptr_array_add(own, group);
        g_ptr_array_add(group->behind, exchange);
        exchange->enrolment = group->enrolment;
        flow_extend(group->enrolment, flow_begin_of(exchange),
                    exchange->response_end.frame ? exchange->response_end : exchange->request_end);
        if (exchange->transaction_id)
            group->enrolment->transaction_id = exchange->transaction_id;
        if (exchange->subject)
            group->enrolment->subject = exchange->subject;
        g_hash_table_add(all->model->calls_crp, (gpointer)exchange->conversation->client.address);
    }
    g_ptr_array_unref(own);
}

void
flow_join_behind(flow_model *model, flow_candidates *candidates, GPtrArray *groups)
{
    joining    all = { .model = model };
    GPtrArray *calls;

    all.operations = g_array_new(FALSE, FALSE, sizeof(operation));
    all.machines = g_hash_table_new(NULL, NULL);
    all.transactions = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, (GDestroyNotify)g_ptr_array_unref);
    all.keys = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, (GDestroyNotify)g_ptr_array_unref);
    all.left = g_ptr_array_new();
    calls = g_ptr_array_new();
    find_operations(&all, groups);
    for (guint i = 0; i < candidates->behind->len; i++) {
        flow_exchange *inner = candidates->behind->pdata[i];

        if (inner->basis == FLOW_INFERRED || !join_by_key(&all, inner))
            g_ptr_array_add(calls, inner);
    }
    if (all.operations->len > 0)
        find_unread(&all, candidates, calls);
    add_unread_left(&all);
    if (model->logs->len > 0)
        hear_calls(&all, candidates, calls);
    join_by_order(&all, calls);
    for (guint i = 0; i < groups->len; i++)
        g_ptr_array_sort(((flow_group *)groups->pdata[i])->behind, by_request);
    if (all.operations->len > 0)
        join_bare(&all, candidates);
    place_operations(&all);
    g_ptr_array_sort(all.left, by_request);
    group_left(&all, groups);
    g_ptr_array_unref(calls);
    g_ptr_array_unref(all.left);
    g_hash_table_unref(all.keys);
    g_hash_table_unref(all.transactions);
    g_hash_table_unref(all.machines);
    g_array_unref(all.operations);
}
