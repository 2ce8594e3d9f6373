/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The clocks of logs. A log whose records have no time zone tells local time; which zone that is follows from the events
 * that others have seen as well: the difference that most of them agree on. What is left beyond whole quarters of an hour
 * is how far the two machines' clocks are apart.
 */
#include <stdlib.h>

#include "internal.h"

#define QUARTER (900 * FLOW_SECOND)

/* From west to east, as far as time zones go. */
#define WEST (-14 * 3600 * FLOW_SECOND)
#define EAST (14 * 3600 * FLOW_SECOND)

/* Clocks of machines that are in one domain are not further apart, or Kerberos would not work for them. */
#define APART (300 * FLOW_SECOND)

/* What one event may add to the difference of two clocks: one sees it a little earlier than the other. */
#define BLUR FLOW_SECOND

/* One event alone fits some zone by chance unless it fits well. */
#define WELL (5 * FLOW_SECOND)

/* How many events are compared at most: zones show in the first. */
#define MANY_EVENTS 200
#define MANY_PAIRS  200000

/* An event of the log and one of others that may be the same. */
typedef struct {
    int64_t  difference; /* the log's clock less the others' */
    unsigned event;
} pair;

/* Pairs that agree. */
typedef struct {
    unsigned count;      /* of different events */
    int64_t  difference; /* the middle one */
} agreement;

int64_t
flow_middle_of(const flow_exchange *exchange)
{
    int64_t end = exchange->response_end.frame ? exchange->response_end.time : exchange->request_end.time;

    return exchange->request.time + (end - exchange->request.time) / 2 +
           (exchange->testimony ? exchange->testimony->slack / 2 : 0);
}

static int64_t
slack_of(const flow_exchange *exchange)
{
    return exchange->testimony ? exchange->testimony->slack : 0;
}

static int64_t
nearest_quarter(int64_t time)
{
    return (time + (time < 0 ? -QUARTER / 2 : QUARTER / 2)) / QUARTER * QUARTER;
}

/* Calls in encrypted conversations are not told apart yet; a call is made while a PKIOperation waits. */
static bool
may_be_same(const flow_exchange *one, const flow_exchange *other)
{
    return other->step == one->step ||
           (flow_is_behind(one->step) && (other->step == FLOW_STEP_NONE || other->step == FLOW_PKI_OPERATION));
}

static gint
by_difference(gconstpointer a, gconstpointer b)
{
    const pair *first = a, *second = b;

    return first->difference < second->difference ? -1 : first->difference > second->difference;
}

static GArray *
pairs_of(const GPtrArray *own, const GPtrArray *others, bool has_zone, int64_t *width)
{
    GArray *pairs = g_array_new(FALSE, FALSE, sizeof(pair));

    *width = 0;
    for (guint i = 0; i < own->len && i < MANY_EVENTS; i++) {
        const flow_exchange *one = own->pdata[i];

        for (guint j = 0; j < others->len && pairs->len < MANY_PAIRS; j++) {
            const flow_exchange *other = others->pdata[j];
            pair                 found = { flow_middle_of(one) - flow_middle_of(other), i };

            if (!may_be_same(one, other) || found.difference < (has_zone ? -APART : WEST - APART) ||
                found.difference > (has_zone ? APART : EAST + APART))
                continue;
            if (!has_zone && ABS(found.difference - nearest_quarter(found.difference)) > APART)
                continue;
            *width = MAX(*width, BLUR + slack_of(one) + slack_of(other));
            g_array_append_val(pairs, found);
        }
    }
    g_array_sort(pairs, by_difference);
    return pairs;
}

/* How unlikely a difference is among equals: clocks are rather right. */
static int64_t
oddness(int64_t difference, bool has_zone)
{
    return ABS(has_zone ? difference : difference - nearest_quarter(difference));
}

static const pair *
pair_at(const GArray *pairs, guint index)
{
    return &g_array_index(pairs, pair, index);
}

/* The difference on which most events agree, within `width`; of those in the zone `but` none, unless that is INT64_MIN. */
static agreement
best_agreement(const GArray *pairs, int64_t width, bool has_zone, int64_t but)
{
    agreement best = { 0, 0 };
    unsigned  seen[MANY_EVENTS] = { 0 }, count = 0;

    for (guint begin = 0, end = 0; begin < pairs->len; begin++) {
        int64_t middle;

        for (; end < pairs->len && pair_at(pairs, end)->difference - pair_at(pairs, begin)->difference <= width; end++)
            count += seen[pair_at(pairs, end)->event]++ == 0;
        middle = pair_at(pairs, begin + (end - begin) / 2)->difference;
        if ((but == INT64_MIN || nearest_quarter(middle) != but) &&
            (count > best.count ||
             (count == best.count && oddness(middle, has_zone) < oddness(best.difference, has_zone))))
            best = (agreement){ count, middle };
        count -= --seen[pair_at(pairs, begin)->event] == 0;
    }
    return best;
}

static unsigned
confidence_of(const GArray *pairs, int64_t width, const agreement *best)
{
    agreement rival = best_agreement(pairs, width, false, nearest_quarter(best->difference));

    if (rival.count > 0)
        return 100 * best->count / (best->count + rival.count);
    if (best->count == 1)
        return oddness(best->difference, false) <= WELL ? 90 : 60;
    return 98;
}

/* What the user, or the log itself, says of its zone. */
bool
flow_has_zone(flow_log *log)
{
    flow_model *model = log->model;

    log->zone = 0;
    if (g_strcmp0(log->format, "iis") == 0 || g_strcmp0(log->format, "httperr") == 0) {
        log->zone_basis = FLOW_ZONE_UTC;
    } else if (log->with_zone * 2 >= log->lines - log->malformed) {
        log->zone_basis = FLOW_ZONE_BIAS;
    } else if (model->log_zone) {
        int32_t interval = g_time_zone_find_interval(model->log_zone, G_TIME_TYPE_STANDARD, log->first.time / FLOW_SECOND);

        log->zone_basis = FLOW_ZONE_TOLD;
        log->zone = -FLOW_SECOND * g_time_zone_get_offset(model->log_zone, MAX(interval, 0));
    } else {
        log->zone_basis = FLOW_ZONE_ASSUMED;
        return false;
    }
    log->zone_confidence = 100;
    return true;
}

static void
move_moment(flow_moment *moment, int64_t by)
{
    if (moment->frame)
        moment->time += by;
}

static void
move_exchange(flow_exchange *exchange, int64_t by)
{
    move_moment(&exchange->request, by);
    move_moment(&exchange->request_end, by);
    move_moment(&exchange->response, by);
    move_moment(&exchange->response_end, by);
}

void
flow_move(flow_exchange *exchange, int64_t moved)
{
    flow_testimony *testimony = exchange->testimony;
    int64_t         by = moved - testimony->moved;

    if (by == 0)
        return;
    testimony->moved = moved;
    move_exchange(exchange, by);
    for (guint i = 0; testimony->phases && i < testimony->phases->len; i++)
        move_exchange(testimony->phases->pdata[i], by);
    for (guint i = 0; testimony->messages && i < testimony->messages->len; i++)
        move_moment(&g_array_index(testimony->messages, flow_message, i).where, by);
    move_moment(&exchange->conversation->first, by);
    move_moment(&exchange->conversation->last, by);
}

static void
move_all(const flow_log *log, const GPtrArray *own)
{
    for (guint i = 0; i < own->len; i++)
        flow_move(own->pdata[i], log->zone - log->skew);
}

static void
infer_zone(flow_log *log, const GPtrArray *own, const GArray *pairs, int64_t width, const agreement *best)
{
    log->zone_basis = FLOW_ZONE_INFERRED;
    log->zone_confidence = confidence_of(pairs, width, best);
    log->zone = -nearest_quarter(best->difference);
    log->fits = best->count;
    move_all(log, own);
}

void
flow_set_clock(flow_log *log, const GPtrArray *own, const GPtrArray *others)
{
    bool      is_told;
    int64_t   width, rest;
    GArray   *pairs;
    agreement best;

    log->zone_confidence = 0;
    log->skew = 0;
    is_told = flow_has_zone(log);
    move_all(log, own);
    pairs = pairs_of(own, others, is_told, &width);
    best = best_agreement(pairs, width, is_told, INT64_MIN);
    log->fits = best.count;
    log->is_reference = best.count == 0;
    if (best.count > 0) {
        if (!is_told)
            infer_zone(log, own, pairs, width, &best);
        rest = is_told ? best.difference : best.difference - nearest_quarter(best.difference);
        if (ABS(rest) > width / 2) {
            log->skew = rest;
            move_all(log, own);
        }
    }
    g_array_unref(pairs);
}

void
flow_set_zone_by(flow_log *log, const GPtrArray *own, const GPtrArray *operations)
{
    GArray   *pairs;
    agreement best;
    int64_t   width;

    pairs = pairs_of(own, operations, false, &width);
    best = best_agreement(pairs, width, false, INT64_MIN);
    if (best.count > 0)
        infer_zone(log, own, pairs, width, &best);
    g_array_unref(pairs);
}
