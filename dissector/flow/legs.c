/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Which request continues which on the other side of the proxy, and between whom a conversation therefore is. What was
 * read is compared by its content; what is encrypted by time, for the one lies within the other, and by size.
 */
#include <string.h>

#include "internal.h"

/* Frames of two interfaces are not always in the order in which they were on the wire. */
#define SKEW (FLOW_SECOND / 200)

/* Nor are lines of logs, which are written by another machine's clock. */
#define LOG_SKEW (FLOW_SECOND / 2)

/* A line so much later than a request without an answer is about another. */
#define PATIENCE (300 * FLOW_SECOND)

/* Requests before and after a line of a log that are compared with it. */
#define NEAR 512

/* A proxy changes headers: requests and answers differ by less than this, in octets. */
#define HEADERS 1000

static bool
differ(const char *a, const char *b)
{
    return g_strcmp0(a, b) != 0;
}

static uint32_t
distance(uint32_t a, uint32_t b)
{
    return a > b ? a - b : b - a;
}

/* By how much an exchange may have been earlier or later than its times say. */
static int64_t
earlier(const flow_exchange *exchange)
{
    return exchange->testimony ? LOG_SKEW : 0;
}

static int64_t
later(const flow_exchange *exchange)
{
    return exchange->testimony ? earlier(exchange) + exchange->testimony->slack : 0;
}

/* True when `inner` was sent while `front` waited. */
static bool
lies_within(const flow_exchange *inner, const flow_exchange *front)
{
    int64_t before = later(inner), after = earlier(inner);

    if (inner->request_end.time + SKEW + before < front->request.time)
        return false;
    if (front->response_end.frame == 0)
        return !inner->testimony || inner->request.time < front->request.time + PATIENCE;
    if (inner->response_end.frame != 0)
        return inner->response_end.time <= front->response_end.time + SKEW + after;
    return inner->request_end.time <= front->response_end.time + after;
}

static bool
are_read(const flow_exchange *front, const flow_exchange *inner)
{
    return front->basis != FLOW_INFERRED && inner->basis != FLOW_INFERRED;
}

/* True when the two may be the same request on two legs. */
static bool
may_continue(const flow_exchange *front, const flow_exchange *inner)
{
    const flow_conversation *outside = front->conversation, *inside = inner->conversation;

    /* No request is in the middle of two proxies. */
    if (front->onward || front->inward || inner->onward || inner->inward)
        return false;
    if (outside == inside || !differ(outside->client.address, inside->client.address) ||
        (!differ(outside->server.address, inside->server.address) && outside->server.port == inside->server.port) ||
        !lies_within(inner, front))
        return false;
    if (front->step != inner->step && front->step != FLOW_OTHER_REQUEST && inner->step != FLOW_OTHER_REQUEST)
        return false;
    if (inner->testimony)
        return !(front->message && inner->message && differ(front->message, inner->message)) &&
               !(front->transaction_id && inner->transaction_id && differ(front->transaction_id, inner->transaction_id));
    if (are_read(front, inner))
        return !differ(front->message, inner->message) && !differ(front->transaction_id, inner->transaction_id) &&
               !differ(front->operation, inner->operation);
    return distance(front->request_octets, inner->request_octets) <= HEADERS &&
           (!front->response_end.frame || !inner->response_end.frame ||
            distance(front->response_octets, inner->response_octets) <= HEADERS);
}

static const char *
reason_of(flow_model *model, const flow_exchange *front, const flow_exchange *inner)
{
    double delay = (double)(inner->request_end.time - front->request_end.time) / 1e6;

    if (inner->testimony)
        return flow_result_printf(model, "%s has it while the device waited", inner->testimony->log->name);
    if (are_read(front, inner)) {
        if (front->transaction_id && inner->transaction_id)
            return flow_result_printf(model, "the same transaction, %.1f ms later", delay);
        return flow_result_printf(model, "the same request, %.1f ms later, while the device waited", delay);
    }
    return flow_result_printf(model,
                              "sent %.1f ms later while the device waited; %u and %u octets there, %u and %u here",
                              delay, front->request_octets, front->response_octets, inner->request_octets,
                              inner->response_octets);
}

/* `rivals`: how many other requests the inner one could continue. */
static void
pair(flow_model *model, flow_exchange *front, flow_exchange *inner, unsigned rivals)
{
    bool     by_content = are_read(front, inner);
    unsigned alone = by_content ? 98 : 92, among_many = by_content ? 25 : 20;

    front->onward = inner;
    inner->inward = front;
    if (front->basis == FLOW_INFERRED && inner->testimony)
        front->step = inner->step;
    front->onward_reason = reason_of(model, front, inner);
    front->onward_confidence = by_content && front->transaction_id && inner->transaction_id ? 100
                               : rivals == 0                      ? alone
                                                                  : alone / (1 + rivals) + among_many;
    g_hash_table_add(model->inside, (gpointer)inner->conversation->client.address);
    g_hash_table_add(model->ndes, (gpointer)inner->conversation->server.address);
    g_hash_table_add(model->outside, (gpointer)front->conversation->server.address);
}

/* Of the requests that still wait when `inner` begins, the one that is answered first after it: a proxy hands an answer on
 * at once, and choosing so leaves as few as possible alone. */
static flow_exchange *
front_of(const GPtrArray *waiting, const flow_exchange *inner, unsigned *rivals)
{
    flow_exchange *best = NULL;

    *rivals = 0;
    for (guint i = 0; i < waiting->len; i++) {
        flow_exchange *front = waiting->pdata[i];

        if (!may_continue(front, inner))
            continue;
        *rivals += best != NULL;
        if (!best || (front->response_end.frame &&
                      (!best->response_end.frame || front->response_end.time < best->response_end.time)))
            best = front;
    }
    return best;
}

/* How far apart in time a line and a request are, beyond what whole seconds leave open. */
static int64_t
time_between(const flow_exchange *line, const flow_exchange *front)
{
    int64_t apart = ABS(flow_middle_of(line) - flow_middle_of(front));

    return MAX(0, apart - line->testimony->slack / 2);
}

/* The request of packets that a line of NDES's log continues: the nearest in time. */
static flow_exchange *
front_of_line(const flow_candidates *candidates, guint line, unsigned *rivals)
{
    const flow_exchange *inner = candidates->exchanges->pdata[line];
    int64_t              latest = inner->request.time + later(inner), best_time = 0;
    flow_exchange       *best = NULL;

    *rivals = 0;
    for (guint i = line > NEAR ? line - NEAR : 0; i < candidates->exchanges->len && i < line + NEAR; i++) {
        flow_exchange *front = candidates->exchanges->pdata[i];
        int64_t        time;

        if (front->request.time > latest)
            break;
        if (front->testimony || !may_continue(front, inner))
            continue;
        time = time_between(inner, front);
        *rivals += best != NULL;
        if (!best || time < best_time) {
            best = front;
            best_time = time;
        }
    }
    return best;
}

/* What logs tell continues what was captured, never the other way round. */
static void
pair_lines(flow_model *model, const flow_candidates *candidates)
{
    for (guint i = 0; i < candidates->exchanges->len; i++) {
        flow_exchange *inner = candidates->exchanges->pdata[i], *front;
        unsigned       rivals;

        if (!inner->testimony)
            continue;
        front = front_of_line(candidates, i, &rivals);
        if (!front)
            continue;
        pair(model, front, inner, rivals);
        inner->testimony->log->joined += inner->testimony->lines;
        if (front->request_end.time > inner->request.time)
            flow_move(inner, inner->testimony->moved + MIN(front->request_end.time - inner->request.time,
                                                           inner->testimony->slack));
    }
}

void
flow_pair_legs(flow_model *model, flow_candidates *candidates)
{
    GPtrArray *waiting = g_ptr_array_new(); /* in order of their requests */

    for (guint i = 0; i < candidates->exchanges->len; i++) {
        flow_exchange *exchange = candidates->exchanges->pdata[i], *front;
        unsigned       rivals;

        if (exchange->testimony)
            continue;
        for (guint j = waiting->len; j > 0; j--) {
            const flow_exchange *before = waiting->pdata[j - 1];

            if (before->response_end.frame && before->response_end.time + SKEW < exchange->request.time)
                g_ptr_array_remove_index(waiting, j - 1);
        }
        front = front_of(waiting, exchange, &rivals);
        if (front)
            pair(model, front, exchange, rivals);
        for (guint j = waiting->len; !front && j > 0; j--) {
            flow_exchange *inner = waiting->pdata[j - 1];

            if (exchange->request.time < inner->request.time + SKEW && may_continue(exchange, inner)) {
                pair(model, exchange, inner, 0);
                break;
            }
        }
        g_ptr_array_add(waiting, exchange);
    }
    g_ptr_array_unref(waiting);
    if (model->logs->len > 0)
        pair_lines(model, candidates);
}

/* What vantage point the capture of a conversation has: as told, or as its interface is named. */
static const char *
vantage_of(flow_model *model, const flow_conversation *conversation)
{
    static const struct {
        const char *prefix, *vantage;
    } names[] = { { "client", "client" }, { "device", "client" }, { "wap", "wap" }, { "ndes", "ndes" }, { "crp", "crp" } };
    char       *lower;
    const char *vantage = NULL;

    if (conversation->log)
        return g_strcmp0(conversation->log->kind, "crp") == 0 ? "crp" : "ndes";
    if (model->vantage)
        return model->vantage;
    lower = conversation->vantage ? g_ascii_strdown(conversation->vantage, -1) : NULL;
    for (size_t i = 0; lower && i < G_N_ELEMENTS(names) && !vantage; i++) {
        if (g_str_has_prefix(lower, names[i].prefix))
            vantage = names[i].vantage;
    }
    g_free(lower);
    return vantage;
}

bool
flow_is_seen_at(flow_model *model, const flow_conversation *conversation, const char *vantage)
{
    return g_strcmp0(vantage_of(model, conversation), vantage) == 0;
}

/* True when the requests are spread over conversations in a way in which the device itself never does it. */
static bool
is_grouped_by_proxy(const flow_group *group, const flow_expected *expected)
{
    GHashTable *seen;
    guint       conversations;

    if (!expected->keeps_conversations || group->onward->len > 0)
        return false;
    seen = g_hash_table_new(NULL, NULL);
    for (guint i = 0; i < group->exchanges->len; i++)
        g_hash_table_add(seen, ((flow_exchange *)group->exchanges->pdata[i])->conversation);
    conversations = g_hash_table_size(seen);
    g_hash_table_unref(seen);
    return group->exchanges->len > 1 && conversations > expected->stages->len;
}

static bool
has_internal_name(flow_model *model, const flow_conversation *conversation, const flow_group *group)
{
    const flow_recognition *known = flow_knowledge_recognition(flow_known(model));
    const char             *name = conversation->server_name;

    for (guint i = 0; !name && i < group->exchanges->len; i++) {
        const flow_exchange *exchange = group->exchanges->pdata[i];

        if (exchange->conversation == conversation)
            name = exchange->host;
    }
    return flow_matches(known->internal_names, name);
}

/* True when it is not the device that began a conversation of its enrolment: then it was the proxy. */
static bool
is_another_client(const flow_conversation *conversation, const flow_group *group)
{
    for (guint i = 0; i < group->exchanges->len; i++) {
        const flow_exchange *exchange = group->exchanges->pdata[i];

        if (!differ(exchange->conversation->client.address, conversation->client.address))
            return false;
    }
    return group->exchanges->len > 0;
}

flow_leg
flow_leg_of(flow_model *model, const flow_conversation *conversation, const flow_group *group,
            const flow_expected *expected)
{
    bool at_ndes = flow_is_seen_at(model, conversation, "ndes");
    bool is_proxied = at_ndes || (!flow_is_seen_at(model, conversation, "client") && is_grouped_by_proxy(group, expected));

    for (guint i = 0; i < group->onward->len; i++) {
        if (((flow_exchange *)group->onward->pdata[i])->conversation == conversation)
            return FLOW_WAP_NDES;
    }
    for (guint i = 0; i < group->exchanges->len; i++) {
        const flow_exchange *exchange = group->exchanges->pdata[i];

        if (exchange->conversation == conversation && exchange->onward)
            return FLOW_DEVICE_WAP;
    }
    if (flow_address_is_told(model, "wap", conversation->client.address) || is_another_client(conversation, group))
        return FLOW_WAP_NDES;
    if (flow_address_is_told(model, "device", conversation->client.address)) {
        if (at_ndes)
            return FLOW_DEVICE_NDES;
        is_proxied = false;
    }
    if (flow_server_is_told(model, conversation, "wap"))
        return FLOW_DEVICE_WAP;
    if (g_hash_table_contains(model->outside, conversation->server.address))
        return FLOW_DEVICE_WAP;
    if (g_hash_table_contains(model->inside, conversation->client.address))
        return FLOW_WAP_NDES;
    if (g_hash_table_contains(model->ndes, conversation->server.address) || flow_server_is_told(model, conversation, "ndes"))
        return is_proxied ? FLOW_WAP_NDES : FLOW_DEVICE_NDES;
    if (is_proxied)
        return FLOW_WAP_NDES;
    if (flow_is_seen_at(model, conversation, "wap"))
        return has_internal_name(model, conversation, group) ? FLOW_WAP_NDES : FLOW_DEVICE_WAP;
    return has_internal_name(model, conversation, group) ? FLOW_DEVICE_NDES : FLOW_DEVICE_WAP;
}
