/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Which conversations are SCEP's. What was read speaks for itself; where nothing can be read, the sizes of requests and
 * answers, their order and the server's name have to do. Everything that a client asked of a server within one try counts:
 * ordinary traffic always has something in it that no enrolment has.
 */
#include <stdlib.h>
#include <string.h>

#include "internal.h"

/* Below it nothing is called SCEP, above it is never sure. Percent. */
#define ENOUGH 60
#define SURE   95

/* An enrolment has five requests; a handful more when some are repeated. */
#define MANY 12

/* An answer of 100 Continue (RFC 9110 15.2.1) in a TLS record of its own. */
#define MAX_INTERIM 90

/* What one client asked of one server without a longer pause. */
typedef struct {
    GPtrArray *conversations; /* of flow_conversation *, by first frame */
    GArray    *asked;         /* of asked, by time of request */
    int64_t    last;          /* time of its last packet */
} try;

typedef struct {
    flow_conversation *conversation;
    flow_turn          turn;
    flow_step          step; /* FLOW_STEP_NONE: nothing that SCEP asks */
} asked;

static bool
within(flow_range range, uint32_t value)
{
    return value >= range.low && value <= range.high;
}

bool
flow_address_is_told(flow_model *model, const char *role, const char *text)
{
    for (guint i = 0; text && i < model->told->len; i++) {
        const flow_told *told = &g_array_index(model->told, flow_told, i);

        if (strcmp(told->role, role) == 0) {
            char *lower = g_ascii_strdown(text, -1);
            bool  fits = g_pattern_match_simple(told->pattern, lower);

            g_free(lower);
            if (fits)
                return true;
        }
    }
    return false;
}

bool
flow_server_is_told(flow_model *model, const flow_conversation *conversation, const char *role)
{
    return flow_address_is_told(model, role, conversation->server.address) || flow_address_is_told(model, role, conversation->server_name);
}

static bool
is_told_scep(const flow_conversation *conversation)
{
    flow_model *model = conversation->model;

    return model->told->len > 0 &&
           (flow_server_is_told(model, conversation, "server") || flow_server_is_told(model, conversation, "ndes") ||
            flow_server_is_told(model, conversation, "wap"));
}

static bool
has_name_of_scep(const flow_conversation *conversation)
{
    const flow_recognition *known = flow_knowledge_recognition(flow_known(conversation->model));

    if (conversation->server_name)
        return flow_matches(known->names, conversation->server_name);
    for (const char *const *name = conversation->certificate ? conversation->certificate->names : NULL; name && *name;
         name++) {
        if (flow_matches(known->names, *name))
            return true;
    }
    return false;
}

bool
flow_is_named(const flow_conversation *conversation)
{
    return is_told_scep(conversation) || has_name_of_scep(conversation) ||
           g_hash_table_contains(conversation->model->logged, conversation->server.address);
}

/* "address port", and with a name of the server that too. */
static char *
endpoint_key(const flow_conversation *conversation, bool with_name)
{
    return g_strdup_printf("%s %u %s", conversation->server.address, conversation->server.port,
                           with_name && conversation->server_name ? conversation->server_name : "");
}

static void
learn_server(flow_model *model, const flow_conversation *conversation)
{
    g_hash_table_add(model->servers, endpoint_key(conversation, false));
    g_hash_table_add(model->servers, endpoint_key(conversation, true));
}

/* True when the server of this conversation was seen to answer SCEP. One address may serve many names. */
static bool
is_learned(flow_model *model, const flow_conversation *conversation)
{
    char *key = endpoint_key(conversation, true);
    bool  known = g_hash_table_contains(model->servers, key);

    g_free(key);
    return known;
}

static flow_step
step_of(const flow_recognition *known, const flow_turn *turn)
{
    uint32_t request = turn->octets[FLOW_CLIENT], answer = turn->octets[FLOW_SERVER];

    if (within(known->request[FLOW_PKI_OPERATION], request))
        return FLOW_PKI_OPERATION;
    if (!within(known->request[FLOW_GET_CA_CAPS], request) && !within(known->request[FLOW_GET_CA_CERT], request))
        return FLOW_STEP_NONE;
    if (answer == 0)
        return FLOW_OTHER_REQUEST;
    if (within(known->answer[FLOW_GET_CA_CAPS], answer))
        return FLOW_GET_CA_CAPS;
    if (within(known->answer[FLOW_GET_CA_CERT], answer))
        return FLOW_GET_CA_CERT;
    return FLOW_STEP_NONE;
}

/* Two tickets of one length stand before the first answer of TLS 1.3 (RFC 8446 4.6.1). */
static void
take_tickets_out(const flow_conversation *conversation, flow_turn *turn)
{
    uint32_t tickets = 2u * (turn->first_records[0] + 5u);

    if (conversation->version == 0x0304 && turn->records[FLOW_SERVER] > 2 &&
        turn->first_records[0] == turn->first_records[1] && turn->octets[FLOW_SERVER] > tickets) {
        turn->octets[FLOW_SERVER] -= tickets;
        turn->records[FLOW_SERVER] = (uint16_t)(turn->records[FLOW_SERVER] - 2);
    }
}

GArray *
flow_turns_of(const flow_conversation *conversation)
{
    const GArray *turns = conversation->turns;
    GArray       *list = g_array_new(FALSE, FALSE, sizeof(flow_turn));

    for (guint i = 0; turns && i < turns->len; i++) {
        flow_turn one = g_array_index(turns, flow_turn, i);

        if (i == 0)
            take_tickets_out(conversation, &one);
        while (i + 1 < turns->len && one.octets[FLOW_SERVER] < MAX_INTERIM) {
            const flow_turn *rest = &g_array_index(turns, flow_turn, ++i);

            one.request_end = rest->request_end;
            one.response = rest->response;
            one.response_end = rest->response_end;
            one.octets[FLOW_CLIENT] += rest->octets[FLOW_CLIENT];
            one.octets[FLOW_SERVER] = rest->octets[FLOW_SERVER];
            one.records[FLOW_CLIENT] = (uint16_t)(one.records[FLOW_CLIENT] + rest->records[FLOW_CLIENT]);
            one.records[FLOW_SERVER] = rest->records[FLOW_SERVER];
        }
        g_array_append_val(list, one);
    }
    return list;
}

/* Adds what a conversation asked to `list`. */
static void
add_turns(GArray *list, flow_conversation *conversation)
{
    const flow_recognition *known = flow_knowledge_recognition(flow_known(conversation->model));
    GArray                 *turns = flow_turns_of(conversation);

    for (guint i = 0; i < turns->len; i++) {
        asked one = { conversation, g_array_index(turns, flow_turn, i), FLOW_STEP_NONE };

        one.step = step_of(known, &one.turn);
        g_array_append_val(list, one);
    }
    g_array_unref(turns);
}

static gint
by_request(gconstpointer a, gconstpointer b)
{
    const asked *first = a, *second = b;

    if (first->turn.request.time != second->turn.request.time)
        return first->turn.request.time < second->turn.request.time ? -1 : 1;
    return first->turn.request.frame < second->turn.request.frame ? -1
                                                                  : first->turn.request.frame > second->turn.request.frame;
}

/* True when the answers to `step` are all of about one size: there are two at least, and the same was asked. */
static bool
answers_agree(const GArray *list, flow_step step)
{
    uint32_t low = UINT32_MAX, high = 0;
    unsigned count = 0;

    for (guint i = 0; i < list->len; i++) {
        const asked *one = &g_array_index(list, asked, i);
        uint32_t     octets = one->turn.octets[FLOW_SERVER];

        if (one->step != step || octets == 0)
            continue;
        count++;
        low = MIN(low, octets);
        high = MAX(high, octets);
    }
    return count >= 2 && high - low <= 16 + low / 16;
}

/* True when the requests come in the order of a flow of known devices, with as many conversations. */
static bool
is_order_of_a_flow(flow_model *model, const GArray *list)
{
    const GPtrArray *flows = flow_knowledge_flows(flow_known(model));

    for (guint i = 0; i < flows->len; i++) {
        const flow_expected *flow = flows->pdata[i];
        guint                at = 0;
        bool                 fits = !flow->is_fallback;

        for (guint j = 0; fits && j < flow->stages->len; j++) {
            const flow_stage *stage = flow->stages->pdata[j];

            for (const flow_step *step = stage->steps; fits && *step != FLOW_STEP_NONE; step++, at++)
                fits = at < list->len && g_array_index(list, asked, at).step == *step;
        }
        if (fits && at == list->len)
            return true;
    }
    return false;
}

/* How sure it is that these requests are enrolments, in percent: 0 when something in them is not. Several devices behind
 * one address may be under way at once, so that only the counts have to be right at any time. */
static unsigned
judge(flow_model *model, const GArray *list, bool is_known)
{
    unsigned caps = 0, certificates = 0, operations = 0, confidence = 20;
    bool     is_old_tls = true;

    for (guint i = 0; i < list->len; i++) {
        const asked *one = &g_array_index(list, asked, i);

        if (one->step == FLOW_STEP_NONE || one->conversation->is_busy)
            return 0;
        if (one->conversation->protocol && strcmp(one->conversation->protocol, "http/1.1") != 0)
            return 0;
        is_old_tls = is_old_tls && one->conversation->version <= 0x0303 && !one->conversation->offers_h2;
        caps += one->step == FLOW_GET_CA_CAPS;
        certificates += one->step == FLOW_GET_CA_CERT;
        operations += one->step == FLOW_PKI_OPERATION;
        if (!is_known && (operations > caps || operations > certificates || list->len > MANY * MAX(operations, 1)))
            return 0;
    }
    if (list->len == 0 || (!is_known && (operations == 0 || caps + certificates > 4 * operations)))
        return 0;
    if (answers_agree(list, FLOW_GET_CA_CAPS))
        confidence += 15;
    if (answers_agree(list, FLOW_GET_CA_CERT))
        confidence += 15;
    if (is_order_of_a_flow(model, list))
        confidence += list->len > 3 ? 20 : 10;
    if (is_old_tls)
        confidence += 10;
    if (operations > 0)
        confidence += 5;
    return MIN(confidence + (is_known ? 40 : 0), SURE);
}

static const char *
reason_of(flow_model *model, const asked *one)
{
    const flow_turn *turn = &one->turn;

    switch (one->step) {
    case FLOW_PKI_OPERATION:
        if (turn->response.frame == 0)
            return flow_result_printf(model, "a request of %u octets, as only a PKIOperation has, without an answer",
                                      turn->octets[FLOW_CLIENT]);
        return flow_result_printf(model, "a request of %u octets, as only a PKIOperation has, answered by %u",
                                  turn->octets[FLOW_CLIENT], turn->octets[FLOW_SERVER]);
    case FLOW_GET_CA_CAPS:
        return flow_result_printf(model, "a request of %u octets answered by %u: keywords rather than certificates",
                                  turn->octets[FLOW_CLIENT], turn->octets[FLOW_SERVER]);
    case FLOW_GET_CA_CERT:
        return flow_result_printf(model, "a request of %u octets answered by %u: as long as certificates",
                                  turn->octets[FLOW_CLIENT], turn->octets[FLOW_SERVER]);
    default:
        if (turn->response.frame)
            return flow_result_printf(model, "a request of %u octets answered by %u, after which the device stopped",
                                      turn->octets[FLOW_CLIENT], turn->octets[FLOW_SERVER]);
        return flow_result_printf(model, "a request of %u octets without an answer", turn->octets[FLOW_CLIENT]);
    }
}

static void
add_inferred(flow_model *model, flow_candidates *candidates, const asked *one, unsigned confidence)
{
    flow_exchange *exchange = flow_exchange_new(one->conversation, FLOW_INFERRED);

    exchange->step = one->step;
    exchange->request = one->turn.request;
    exchange->request_end = one->turn.request_end;
    exchange->response = one->turn.response;
    exchange->response_end = one->turn.response_end;
    exchange->request_octets = one->turn.octets[FLOW_CLIENT];
    exchange->response_octets = one->turn.octets[FLOW_SERVER];
    exchange->request_records = one->turn.records[FLOW_CLIENT];
    exchange->response_records = one->turn.records[FLOW_SERVER];
    exchange->is_answer_readable = one->step != FLOW_OTHER_REQUEST;
    exchange->confidence = confidence;
    exchange->reason = reason_of(model, one);
    g_ptr_array_add(model->inferred, exchange);
    g_ptr_array_add(candidates->exchanges, exchange);
}

static void
free_try(gpointer data)
{
    try *one = data;

    g_ptr_array_unref(one->conversations);
    g_array_unref(one->asked);
    g_free(one);
}

/* True when a conversation may hold SCEP that cannot be read. */
static bool
is_unread(const flow_conversation *conversation)
{
    return conversation->is_tls && !conversation->is_readable && !conversation->exchanges && conversation->turns;
}

/* The tries in the file: conversations of one client with one server, cut at longer pauses. */
static GPtrArray *
find_tries(flow_model *model)
{
    const flow_recognition *known = flow_knowledge_recognition(flow_known(model));
    GPtrArray              *tries = g_ptr_array_new_with_free_func(free_try);
    GHashTable             *latest = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

    for (guint i = 0; i < model->distinct->len; i++) {
        flow_conversation *conversation = model->distinct->pdata[i];
        char              *key, *server;
        try               *one;

        if (!is_unread(conversation))
            continue;
        server = endpoint_key(conversation, true);
        key = g_strdup_printf("%s %s", conversation->client.address, server);
        one = g_hash_table_lookup(latest, key);
        if (!one || conversation->first.time > one->last + known->pause) {
            one = g_new0(try, 1);
            one->conversations = g_ptr_array_new();
            one->asked = g_array_new(FALSE, FALSE, sizeof(asked));
            g_ptr_array_add(tries, one);
            g_hash_table_insert(latest, g_strdup(key), one);
        }
        g_ptr_array_add(one->conversations, conversation);
        one->last = MAX(one->last, conversation->last.time);
        g_free(key);
        g_free(server);
    }
    g_hash_table_unref(latest);
    for (guint i = 0; i < tries->len; i++) {
        try *one = tries->pdata[i];

        for (guint j = 0; j < one->conversations->len; j++)
            add_turns(one->asked, one->conversations->pdata[j]);
        g_array_sort(one->asked, by_request);
    }
    return tries;
}

/* Whoever got keywords goes on to ask for certificates: short answers alone, and then nothing, are errors. */
static void
doubt(const try *one)
{
    for (guint i = 0; i < one->asked->len; i++) {
        if (g_array_index(one->asked, asked, i).step != FLOW_GET_CA_CAPS)
            return;
    }
    for (guint i = 0; i < one->asked->len; i++)
        g_array_index(one->asked, asked, i).step = FLOW_OTHER_REQUEST;
}

static void
take_try(flow_model *model, flow_candidates *candidates, const try *one, unsigned confidence)
{
    doubt(one);
    for (guint i = 0; i < one->asked->len; i++)
        add_inferred(model, candidates, &g_array_index(one->asked, asked, i), confidence);
    for (guint i = 0; i < one->conversations->len; i++)
        learn_server(model, one->conversations->pdata[i]);
}

/* Takes the tries that are enrolments; those to servers that others made known in a second round. */
static void
take_tries(flow_model *model, flow_candidates *candidates)
{
    GPtrArray *tries = find_tries(model);

    for (int round = 0; round < 2; round++) {
        for (guint i = 0; i < tries->len; i++) {
            try                     *one = tries->pdata[i];
            const flow_conversation *conversation = one ? one->conversations->pdata[0] : NULL;
            unsigned                 confidence;

            if (!one || (round == 1 && !is_learned(model, conversation)))
                continue;
            confidence = judge(model, one->asked, round == 1 || flow_is_named(conversation));
            if (is_told_scep(conversation) && confidence > 0)
                confidence = 100;
            if (confidence >= ENOUGH) {
                take_try(model, candidates, one, confidence);
                tries->pdata[i] = NULL;
                free_try(one);
            }
        }
    }
    g_ptr_array_set_free_func(tries, NULL);
    for (guint i = 0; i < tries->len; i++) {
        if (tries->pdata[i])
            free_try(tries->pdata[i]);
    }
    g_ptr_array_unref(tries);
}

/* A conversation without a request, at a server that is SCEP's. */
static bool
is_bare(flow_model *model, const flow_conversation *conversation)
{
    if (conversation->exchanges || conversation->is_busy || conversation->is_readable ||
        (conversation->turns && conversation->turns->len > 0))
        return false;
    if (!conversation->has_start && !conversation->client_hello.frame)
        return false;
    /* Whoever connects and leaves without a word looks whether somebody is there, as load balancers do. */
    if (conversation->established.frame && conversation->fin[FLOW_CLIENT].frame && !conversation->client_hello.frame)
        return false;
    return flow_is_named(conversation) || is_learned(model, conversation);
}

static gint
by_time(gconstpointer a, gconstpointer b)
{
    const flow_exchange *first = *(flow_exchange *const *)a, *second = *(flow_exchange *const *)b;

    if (first->request.time != second->request.time)
        return first->request.time < second->request.time ? -1 : 1;
    return first->request.frame < second->request.frame ? -1 : first->request.frame > second->request.frame;
}

void
flow_find_candidates(flow_model *model, flow_candidates *candidates)
{
    for (guint i = 0; i < model->distinct->len; i++) {
        flow_conversation *conversation = model->distinct->pdata[i];

        bool               is_scep = false;

        for (guint j = 0; conversation->exchanges && j < conversation->exchanges->len; j++) {
            flow_exchange *exchange = conversation->exchanges->pdata[j];
            bool           is_behind = conversation->is_rpc || flow_is_behind(exchange->step);

            g_ptr_array_add(is_behind ? candidates->behind : candidates->exchanges, exchange);
            is_scep = is_scep || !is_behind;
        }
        if (is_scep)
            learn_server(model, conversation);
    }
    take_tries(model, candidates);
    for (guint i = 0; i < model->distinct->len; i++) {
        if (is_bare(model, model->distinct->pdata[i]))
            g_ptr_array_add(candidates->bare, model->distinct->pdata[i]);
    }
    g_ptr_array_sort(candidates->exchanges, by_time);
    g_ptr_array_sort(candidates->behind, by_time);
}
