/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Which line of a log is about which request or call: that of packets, or where none was captured that of the log that
 * knows it best. The client's port or the transaction decides where both have it, else addresses, what was asked, and time.
 */
#include <stdlib.h>
#include <string.h>

#include "internal.h"

/* How far a log's idea of a request may lie from another's, beside what the clocks are known to differ. */
#define TOLERANCE (2 * FLOW_SECOND)

/* Nothing takes longer than a proxy's patience. */
#define LONGEST (300 * FLOW_SECOND)

/* What makes two less alike, in ns of distance. */
#define OTHER_STEP   (FLOW_SECOND / 2)
#define OTHER_STATUS FLOW_SECOND
#define OTHER_LENGTH (FLOW_SECOND / 4)

/* Two that are nearly as alike are rivals. */
#define ALIKE (FLOW_SECOND / 4)

/* What the order of lines outweighs: how far durations differ that two machines measured. */
#define LITTLE (FLOW_SECOND / 100)

/* How many lines before one may have been taken for it. */
#define NEIGHBOURS 64

/* Requests that are compared with one line at most. */
#define MANY 2048

/* Percent. */
enum { BY_KEY = 100, ALONE = 96, AMONG_MANY = 70 };

/* A line and a request that may be the same. */
typedef struct {
    flow_exchange *told, *seen;
    int64_t        distance; /* ns, what else differs counted in */
    bool           by_key;
} likeness;

static bool
differ(const char *a, const char *b)
{
    return a && b && strcmp(a, b) != 0;
}

/* Blanks of a header stand as "+" in a log. */
static bool
differ_as_agents(const char *told, const char *seen)
{
    char *blank;
    bool  result;

    if (!told || !seen)
        return false;
    blank = g_strdelimit(g_strdup(seen), "+", ' ');
    result = strcmp(told, blank) != 0;
    g_free(blank);
    return result;
}

static bool
is_call(flow_step step)
{
    return step == FLOW_VERIFY_REQUEST || step == FLOW_NOTIFY;
}

/* True when what was seen may have been this step. What is encrypted was told by its size alone, if at all. */
static bool
is_possible(flow_step told, const flow_exchange *seen)
{
    if (seen->step == told || told == FLOW_STEP_NONE)
        return true;
    return seen->basis == FLOW_INFERRED && !seen->conversation->is_rpc && !flow_is_logged(seen) &&
           is_call(told) == (is_call(seen->step) || seen->step == FLOW_STEP_NONE) && seen->step != FLOW_PKI_OPERATION &&
           told != FLOW_PKI_OPERATION;
}

static bool
has_witness_of(const flow_exchange *seen, const flow_log *log)
{
    if (seen->testimony && seen->testimony->log == log)
        return true;
    for (guint i = 0; seen->witnesses && i < seen->witnesses->len; i++) {
        const flow_testimony *testimony = ((flow_exchange *)seen->witnesses->pdata[i])->testimony;

        if (testimony && testimony->log == log)
            return true;
    }
    return false;
}

static int64_t
end_of(const flow_exchange *exchange)
{
    return exchange->response_end.frame ? exchange->response_end.time : exchange->request_end.time;
}

/* When a call began: the policy module's log has the making of its connection in it. */
static int64_t
begin_of(const flow_exchange *seen, const flow_exchange *told)
{
    return g_strcmp0(told->testimony->log->kind, "ndes-plugin") == 0 ? flow_begin_of(seen).time : seen->request.time;
}

/* How far apart two are in time. Messages are exact, so that begin and end count; of a line how long it took, and what
 * whole seconds do not leave open. */
static int64_t
time_between(const flow_exchange *told, const flow_exchange *seen)
{
    int64_t slack = told->testimony->slack + (seen->testimony ? seen->testimony->slack : 0);
    int64_t apart = ABS(flow_middle_of(told) - flow_middle_of(seen));

    int64_t lasted = end_of(told) - told->request.time;

    if (slack == 0)
        return ABS(told->request.time - begin_of(seen, told)) + ABS(end_of(told) - end_of(seen));
    return MAX(0, apart - slack / 2) + (lasted > 0 ? ABS(lasted - (end_of(seen) - seen->request.time)) : 0);
}

/* True when the two overlap, near enough. */
static bool
is_near(const flow_exchange *told, const flow_exchange *seen)
{
    int64_t begin = told->request.time, end = end_of(told) + told->testimony->slack;
    int64_t slack = seen->testimony ? seen->testimony->slack : 0;

    return seen->request.time <= end + TOLERANCE && end_of(seen) + slack + TOLERANCE >= begin;
}

/* Compares the two; false when they are not the same. */
static bool
compare(const flow_exchange *told, const flow_exchange *seen, likeness *found)
{
    const flow_conversation *line = told->conversation, *conversation = seen->conversation;
    bool                     has_port = line->client.port && conversation->client.port;

    if ((told->step == FLOW_STEP_NONE && !has_port) || !is_possible(told->step, seen) || has_witness_of(seen, told->testimony->log) ||
        differ(line->client.address, conversation->client.address) ||
        differ(line->server.address, conversation->server.address) ||
        (line->server.port && conversation->server.port && line->server.port != conversation->server.port) ||
        (has_port && line->client.port != conversation->client.port) ||
        differ(told->transaction_id, seen->transaction_id) || differ(told->message, seen->message) ||
        differ_as_agents(told->user_agent, seen->user_agent) || !is_near(told, seen))
        return false;
    found->by_key = has_port || (told->transaction_id && seen->transaction_id);
    found->distance = time_between(told, seen);
    if (told->step != seen->step && seen->step != FLOW_STEP_NONE && told->step != FLOW_STEP_NONE)
        found->distance += OTHER_STEP;
    if (told->http_status && seen->http_status && told->http_status != seen->http_status)
        found->distance += OTHER_STATUS;
    if (told->target_length && seen->target_length && told->target_length != seen->target_length)
        found->distance += OTHER_LENGTH;
    return true;
}

static gint
by_time(gconstpointer a, gconstpointer b)
{
    const flow_exchange *first = *(flow_exchange *const *)a, *second = *(flow_exchange *const *)b;

    if (first->request.time != second->request.time)
        return first->request.time < second->request.time ? -1 : 1;
    return first->request.frame < second->request.frame ? -1 : first->request.frame > second->request.frame;
}

/* When a request is taken to have been sent: a PKIOperation of which a log tells as late as may be, for the device asked
 * for other things before. */
static int64_t
turn_of(const flow_exchange *exchange)
{
    return exchange->request.time +
           (exchange->testimony && exchange->step == FLOW_PKI_OPERATION ? exchange->testimony->slack : 0);
}

static gint
by_turn(gconstpointer a, gconstpointer b)
{
    int64_t first = turn_of(*(flow_exchange *const *)a), second = turn_of(*(flow_exchange *const *)b);

    return first != second ? first < second ? -1 : 1 : by_time(a, b);
}

/* The index of the first of `seen` that may have anything to do with a line. */
static guint
first_near(const GPtrArray *seen, int64_t time)
{
    guint low = 0, high = seen->len;

    while (low < high) {
        guint middle = low + (high - low) / 2;

        if (((flow_exchange *)seen->pdata[middle])->request.time < time)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static gint
by_likeness(gconstpointer a, gconstpointer b)
{
    const likeness *first = a, *second = b;

    if (first->by_key != second->by_key)
        return first->by_key ? -1 : 1;
    if (first->distance != second->distance)
        return first->distance < second->distance ? -1 : 1;
    return by_time(&first->told, &second->told);
}

/* Everything in `seen`, which is in order of time, that the lines may be about. */
static GArray *
find_likenesses(const GPtrArray *told, const GPtrArray *seen)
{
    GArray *found = g_array_new(FALSE, FALSE, sizeof(likeness));

    for (guint i = 0; i < told->len; i++) {
        flow_exchange *line = told->pdata[i];
        guint          first = first_near(seen, line->request.time - LONGEST - TOLERANCE);

        for (guint j = first; j < seen->len && j < first + MANY; j++) {
            likeness one = { .told = line, .seen = seen->pdata[j] };

            if (one.seen->request.time > end_of(line) + line->testimony->slack + TOLERANCE)
                break;
            if (compare(line, one.seen, &one))
                g_array_append_val(found, one);
        }
    }
    g_array_sort(found, by_likeness);
    return found;
}

/* What an encrypted request was, and what came of it, once a log tells. */
static void
enlighten(flow_exchange *seen, const flow_exchange *told)
{
    if (seen->basis != FLOW_INFERRED)
        return;
    if (told->step != FLOW_STEP_NONE)
        seen->step = told->step;
    if (!seen->operation)
        seen->operation = told->operation;
    if (!seen->message)
        seen->message = told->message;
    if (!seen->user_agent)
        seen->user_agent = told->user_agent;
    if (!seen->transaction_id)
        seen->transaction_id = told->transaction_id;
    if (!seen->product)
        seen->product = told->product;
    if (!seen->http_status)
        seen->http_status = told->http_status;
    if (seen->verified < 0)
        seen->verified = told->verified;
    if (told->http_status)
        seen->is_answer_readable = told->is_answer_readable;
    seen->is_post = told->is_post;
    if (told->testimony->confidence > seen->confidence) {
        seen->confidence = told->testimony->confidence;
        seen->reason = told->testimony->how;
    }
}

/* The machines that a log of messages does not name. */
static void
complete_ends(flow_conversation *to, const flow_conversation *from)
{
    if (!to->log)
        return;
    if (!to->client.address)
        to->client = (flow_endpoint){ from->client.address, 0 };
    if (!to->server.address)
        to->server = from->server;
}

static const char *
how_of(flow_model *model, const likeness *one, unsigned rivals)
{
    const flow_testimony *testimony = one->told->testimony;
    const char           *by = one->by_key ? one->told->conversation->client.port ? "by port" : "by transaction"
                               : rivals    ? "by order and time"
                                           : "by time";

    if (!testimony->line)
        return flow_result_printf(model, "%s has it, %s", testimony->log->name, by);
    return flow_result_printf(model, "%s has it in line %u, %s", testimony->log->name, testimony->line, by);
}

void
flow_add_witness(flow_model *model, flow_exchange *seen, flow_exchange *witness)
{
    if (!seen->witnesses) {
        seen->witnesses = g_ptr_array_new();
        g_ptr_array_add(model->witnessed, seen);
    }
    g_ptr_array_add(seen->witnesses, witness);
}

static void
join(flow_model *model, const likeness *one, unsigned rivals)
{
    flow_testimony *testimony = one->told->testimony;

    testimony->of = one->seen;
    testimony->confidence = one->by_key ? BY_KEY : rivals == 0 ? ALONE : AMONG_MANY;
    testimony->how = how_of(model, one, rivals);
    enlighten(one->seen, one->told);
    flow_add_witness(model, one->seen, one->told);
    complete_ends(one->seen->conversation, one->told->conversation);
    complete_ends(one->told->conversation, one->seen->conversation);
    testimony->log->joined += testimony->lines;
    if (one->seen->testimony && one->seen->witnesses->len == 1)
        one->seen->testimony->log->joined += one->seen->testimony->lines;
}

/* True when a line, or a request, of another likeness could be this one's as well: what is left over after a guess is
 * a guess too. What a key decided takes no part. */
static bool
is_rival(const likeness *one, const likeness *other)
{
    const flow_exchange *taken = other->told->testimony->of;

    if (other->by_key || (taken && other->told->testimony->confidence == BY_KEY))
        return false;
    return (other->told == one->told) != (other->seen == one->seen);
}

/* How many others a line may as well be about, or may be about the same. */
static unsigned
count_rivals(const GArray *found, guint at)
{
    const likeness *one = &g_array_index(found, likeness, at);
    unsigned        rivals = 0;

    for (guint i = at + 1; i < found->len && i < at + MANY; i++) {
        const likeness *other = &g_array_index(found, likeness, i);

        if (other->distance > one->distance + ALIKE)
            break;
        rivals += is_rival(one, other);
    }
    for (guint i = at; i > 0 && i + MANY > at; i--) {
        const likeness *other = &g_array_index(found, likeness, i - 1);

        if (other->distance + ALIKE < one->distance || other->by_key)
            break;
        rivals += is_rival(one, other);
    }
    return rivals;
}

/* True when two lines were joined by a guess, and each could be about the other's request as well. */
static bool
are_exchangeable(const flow_exchange *one, const flow_exchange *other)
{
    return one->testimony->of && other->testimony->of && one->testimony->confidence < BY_KEY &&
           other->testimony->confidence < BY_KEY && one->step == other->step &&
           one->conversation->client.address == other->conversation->client.address &&
           one->conversation->server.address == other->conversation->server.address &&
           g_strcmp0(one->message, other->message) == 0 && g_strcmp0(one->user_agent, other->user_agent) == 0 &&
           one->testimony->of->step == other->testimony->of->step;
}

static void
change_witness(flow_exchange *seen, flow_exchange *from, flow_exchange *to)
{
    guint at;

    if (g_ptr_array_find(seen->witnesses, from, &at))
        seen->witnesses->pdata[at] = to;
    to->testimony->of = seen;
}

/* A web server writes its lines in the order in which requests end: of two guesses that are crossed and otherwise as good
 * the other way round, that order decides. */
static void
uncross(const GPtrArray *told)
{
    for (guint i = 1; i < told->len; i++) {
        for (guint j = i; j > 0 && i - j < NEIGHBOURS; j--) {
            flow_exchange *later = told->pdata[i], *earlier = told->pdata[j - 1];
            flow_exchange *of_later = later->testimony->of, *of_earlier = earlier->testimony->of;

            if (!are_exchangeable(earlier, later) || end_of(of_earlier) <= end_of(of_later) ||
                time_between(earlier, of_later) + time_between(later, of_earlier) >
                    time_between(earlier, of_earlier) + time_between(later, of_later) + LITTLE)
                continue;
            change_witness(of_earlier, earlier, later);
            change_witness(of_later, later, earlier);
        }
    }
}

/* Gives the lines of one log to what they are about; what is left of them is appended to `left`. */
static void
match(flow_model *model, const GPtrArray *told, const GPtrArray *seen, GPtrArray *left)
{
    GArray *found = find_likenesses(told, seen);

    for (guint i = 0; i < found->len; i++) {
        const likeness *one = &g_array_index(found, likeness, i);

        if (!one->told->testimony->of && !has_witness_of(one->seen, one->told->testimony->log) &&
            is_possible(one->told->step, one->seen))
            join(model, one, count_rivals(found, i));
    }
    g_array_unref(found);
    if (told->len > 0 && ((flow_exchange *)told->pdata[0])->testimony->slack)
        uncross(told);
    for (guint i = 0; i < told->len; i++) {
        if (!((flow_exchange *)told->pdata[i])->testimony->of)
            g_ptr_array_add(left, told->pdata[i]);
    }
}

/* Those of a log that are calls, or those that are not. */
static GPtrArray *
told_by(const flow_log *log, bool calls)
{
    GPtrArray *list = g_ptr_array_new();

    for (guint i = 0; i < log->exchanges->len; i++) {
        flow_exchange *exchange = log->exchanges->pdata[i];

        if (is_call(exchange->step) == calls)
            g_ptr_array_add(list, exchange);
    }
    return list;
}

void
flow_forget_witnesses(flow_model *model)
{
    for (guint i = 0; i < model->witnessed->len; i++) {
        flow_exchange *exchange = model->witnessed->pdata[i];

        g_ptr_array_unref(exchange->witnesses);
        exchange->witnesses = NULL;
    }
    g_ptr_array_set_size(model->witnessed, 0);
    for (guint i = 0; i < model->logs->len; i++) {
        flow_log *log = model->logs->pdata[i];

        log->joined = log->fits = 0;
        for (guint j = 0; j < log->exchanges->len; j++) {
            flow_exchange *exchange = log->exchanges->pdata[j];

            exchange->testimony->of = NULL;
            exchange->testimony->failed_in = NULL;
            exchange->testimony->how = NULL;
            flow_move(exchange, 0);
            if (exchange->testimony->messages)
                exchange->conversation->client = exchange->conversation->server = (flow_endpoint){ NULL, 0 };
        }
    }
}

static bool
is_discovery(const flow_exchange *exchange)
{
    return exchange->step == FLOW_GET_CA_CAPS || exchange->step == FLOW_GET_CA_CERT;
}

/* A client that asks one after the other has its lines in that order: within what whole seconds leave open, each begins
 * after the one before. */
static void
unfold(const GPtrArray *told)
{
    GHashTable *latest = g_hash_table_new(NULL, NULL); /* address (interned) -> flow_exchange */

    for (guint i = 0; i < told->len; i++) {
        flow_exchange       *exchange = told->pdata[i];
        gpointer             client = (gpointer)exchange->conversation->client.address;
        const flow_exchange *before = g_hash_table_lookup(latest, client);
        int64_t              late = before ? end_of(before) - exchange->request.time : 0;

        if (!is_discovery(exchange))
            continue;
        if (late > 0 && late <= exchange->testimony->slack)
            flow_move(exchange, exchange->testimony->moved + late);
        g_hash_table_insert(latest, client, exchange);
    }
    g_hash_table_unref(latest);
}

void
flow_hear_requests(flow_model *model, flow_candidates *candidates)
{
    GPtrArray *left = g_ptr_array_new();

    for (guint i = 0; i < model->logs->len; i++) {
        flow_log  *log = model->logs->pdata[i];
        GPtrArray *told = told_by(log, false);

        if (told->len > 0) {
            flow_set_clock(log, log->exchanges, candidates->exchanges);
            unfold(told);
            match(model, told, candidates->exchanges, left);
        }
        g_ptr_array_unref(told);
    }
    for (guint i = 0; i < left->len; i++) {
        if (((flow_exchange *)left->pdata[i])->step != FLOW_STEP_NONE)
            g_ptr_array_add(candidates->exchanges, left->pdata[i]);
    }
    if (left->len > 0)
        g_ptr_array_sort(candidates->exchanges, by_turn);
    g_ptr_array_unref(left);
}

/* Who knows calls best: the one that makes them, then the one that is asked, then its web server. */
static int
rank_of(const flow_log *log)
{
    if (g_strcmp0(log->kind, "ndes-plugin") == 0)
        return 0;
    return log->exchanges->len && ((flow_exchange *)log->exchanges->pdata[0])->testimony->messages ? 1 : 2;
}

static gint
by_rank(gconstpointer a, gconstpointer b)
{
    const flow_log *first = *(flow_log *const *)a, *second = *(flow_log *const *)b;
    int             difference = rank_of(first) - rank_of(second);

    return difference ? difference : (first->number > second->number) - (first->number < second->number);
}

/* Where nobody else saw a call, the PKIOperations tell about when it was. */
static void
set_clock_for_calls(flow_log *log, const GPtrArray *seen, const flow_candidates *candidates)
{
    GPtrArray *operations = g_ptr_array_new();

    flow_set_clock(log, log->exchanges, seen);
    if (log->zone_basis == FLOW_ZONE_ASSUMED) {
        for (guint i = 0; i < candidates->exchanges->len; i++) {
            flow_exchange *exchange = candidates->exchanges->pdata[i];

            if (exchange->step == FLOW_PKI_OPERATION)
                g_ptr_array_add(operations, exchange);
        }
        flow_set_zone_by(log, log->exchanges, operations);
    }
    g_ptr_array_unref(operations);
}

/* Sets the clocks of logs that have calls alone: first of those whose time zone is known, by which the others are found. */
static void
set_clocks_for_calls(const GPtrArray *logs, const GPtrArray *seen, const flow_candidates *candidates)
{
    GPtrArray *known = g_ptr_array_new();

    for (guint i = 0; i < seen->len; i++)
        g_ptr_array_add(known, seen->pdata[i]);
    for (unsigned round = 0; round < 2; round++) {
        for (guint i = 0; i < logs->len; i++) {
            flow_log  *log = logs->pdata[i];
            GPtrArray *told = told_by(log, true);
            bool       is_calls_alone = told->len == log->exchanges->len && told->len > 0;

            if (is_calls_alone && flow_has_zone(log) == (round == 0)) {
                set_clock_for_calls(log, known, candidates);
                for (guint j = 0; j < told->len; j++)
                    g_ptr_array_add(known, told->pdata[j]);
            }
            g_ptr_array_unref(told);
        }
    }
    g_ptr_array_unref(known);
}

GPtrArray *
flow_hear_calls(flow_model *model, const flow_candidates *candidates, GPtrArray *seen)
{
    GPtrArray *left = g_ptr_array_new();
    GPtrArray *logs = g_ptr_array_new();

    for (guint i = 0; i < model->logs->len; i++)
        g_ptr_array_add(logs, model->logs->pdata[i]);
    g_ptr_array_sort(logs, by_rank);
    set_clocks_for_calls(logs, seen, candidates);
    for (guint i = 0; i < logs->len; i++) {
        flow_log  *log = logs->pdata[i];
        GPtrArray *told = told_by(log, true);
        guint      before = left->len;

        g_ptr_array_sort(seen, by_time);
        match(model, told, seen, left);
        for (guint j = before; j < left->len; j++)
            g_ptr_array_add(seen, left->pdata[j]);
        g_ptr_array_unref(told);
    }
    g_ptr_array_unref(logs);
    return left;
}
