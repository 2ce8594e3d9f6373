/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Conversations as three sources see them, with whatever an input makes of their packets; or as two sources of which
 * one is a copy of the other, where everything must be found again at once. What holds whatever is captured: each
 * conversation is in one group, each record is decided once, and nothing is counted that was not there.
 *
 * The first octet of an input says which, and how clocks are known. Then come packets of eight octets each: whose, who
 * sees them and with which flags, how far in their stream and how long, and when.
 */
#include <string.h>

#include "../unit/match_traffic.h"
#include "fuzz.h"
#include "match/between.h"

#define CONVERSATIONS 4
#define MOST_PACKETS  1500

/* What the sink has been told. */
typedef struct {
    GPtrArray *sources;
    unsigned   kept, told, fails_at;
    GArray    *decided[TRAFFIC_VIEWS]; /* bool, by number less one */
    bool       is_copy;
} listener;

typedef struct {
    unsigned source;
    uint32_t number;
} kept;

int
LLVMFuzzerInitialize(int *argc G_GNUC_UNUSED, char ***argv G_GNUC_UNUSED)
{
    return 0;
}

static void *
keep(void *user, unsigned source, const match_record *record)
{
    listener *listener = user;
    kept      place = { source, record->number };

    listener->kept++;
    return g_memdup2(&place, sizeof place);
}

static void
drop(void *user, void *record)
{
    listener *listener = user;

    listener->kept--;
    g_free(record);
}

static bool
decided(void *user, void *record, const between_fate *fate, char **problem)
{
    listener *listener = user;
    kept     *place = record;
    bool     *is_decided = &g_array_index(listener->decided[fate->source], bool, fate->number - 1);

    g_assert_true(place->source == fate->source && place->number == fate->number && !*is_decided);
    g_free(place);
    *is_decided = true;
    listener->told++;
    if (fate->twin_number != 0) {
        g_assert_true(fate->is_expected && fate->twin_source != fate->source);
        g_assert_cmpuint(fate->twin_number, <=, traffic_count(listener->sources->pdata[fate->twin_source]));
    }
    if (fate->is_absent)
        g_assert_true(fate->is_expected && fate->absent_source != fate->source);
    if (listener->is_copy)
        g_assert_true(!fate->is_absent && (fate->twin_number == 0 || fate->twin_number == fate->number));
    if (listener->told == listener->fails_at)
        *problem = g_strdup("enough");
    return listener->told != listener->fails_at;
}

/* --- sources --- */

static void
add_packet(traffic_conversation *conversations, const uint8_t octets[8], int64_t *now)
{
    static const size_t   lengths[] = { 0, 1, 10, 100, 536, 1460, 2920, 60000 };
    static const char     text[] =
        "GET /certsrv/mscep/mscep.dll?operation=GetCACaps HTTP/1.1\r\nHost: localhost\r\n\r\n";
    static const uint8_t  flags[] = { WIRE_ACK, WIRE_ACK, WIRE_ACK, WIRE_ACK | WIRE_PSH, WIRE_SYN, WIRE_SYN | WIRE_ACK,
                                      WIRE_FIN | WIRE_ACK, WIRE_RST };
    traffic_conversation *conversation = &conversations[octets[0] % CONVERSATIONS];
    stream_side           from = octets[0] >> 2 & 1;
    traffic_packet        packet = { .flags = flags[octets[1] & 7], .length = lengths[octets[1] >> 3 & 7] };
    uint8_t               random[32];
    GByteArray           *hello = NULL;

    packet.version = octets[0] & 0x80 ? 6 : 4;
    packet.identification = octets[2] & 1 ? octets[2] : 0;
    packet.is_offloaded = (octets[2] & 6) == 6;
    if (octets[2] & 8)
        packet.mss = 1460;
    if (packet.length == 100) {
        memset(random, octets[3] & 7, sizeof random);
        hello = traffic_hello(1 + from, random, octets[3] & 8 ? "session" : "", octets[3] & 16 ? 100 : 0);
        packet.payload = hello->data;
        packet.length = hello->len;
    } else if (packet.length == 10) {
        packet.length = octets[3] % sizeof text;
        packet.payload = text;
    }
    if (octets[4] & 1) /* again, or something that is missing is behind it */
        packet.sequence = conversation->next[from] + (uint32_t)((int8_t)octets[3] * (octets[4] & 2 ? 365 : 1));
    else if ((octets[4] & 6) == 6) /* from anywhere */
        packet.sequence = (uint32_t)octets[3] << 24;
    if (octets[4] & 8)
        packet.acknowledgement = conversation->next[!from] + (uint32_t)((int8_t)octets[3] * 100);
    *now += (int64_t)octets[5] * octets[5] * octets[5] * 100 * (octets[4] & 16 ? 100 : 1);
    if (octets[4] & 32)
        *now -= (int64_t)octets[5] * MILLISECOND;
    conversation->now = octets[4] & 64 && octets[5] > 250 ? -1 - 3600 * SECOND : *now;
    for (unsigned i = 0; i < TRAFFIC_VIEWS; i++) {
        conversation->views[i].after[!(octets[6] & 1)] = (int64_t)octets[6] * 300 * MICROSECOND * (1 + i);
        conversation->views[i].captured = octets[7] & 0x80 ? 54 + (octets[7] & 0x70) : 0;
    }
    traffic_send(conversation, from, packet, octets[7] & 7);
    if (hello)
        g_byte_array_unref(hello);
}

/* Four conversations: two that differ in a port, one behind a translator for some, one whose numbers are rewritten
 * for some. */
static void
make_conversations(traffic_conversation conversations[CONVERSATIONS], const GPtrArray *sources)
{
    memset(conversations, 0, CONVERSATIONS * sizeof *conversations);
    for (unsigned n = 0; n < CONVERSATIONS; n++) {
        conversations[n].next[0] = 0xffffff00 + (n & 1);
        conversations[n].next[1] = 0x1000 * n;
        for (unsigned i = 0; i < sources->len; i++) {
            traffic_view *view = &conversations[n].views[i];

            view->source = sources->pdata[i];
            view->client = 1;
            view->server = 2 + (n == 2 && i > 0);
            view->client_port = (uint16_t)(50000 + (n == 1) + (n == 2 ? i : 0));
            view->server_port = 443;
            view->hops[0] = (uint8_t)(128 - i);
            view->hops[1] = (uint8_t)(60 + i);
            view->rewritten[0] = n == 3 ? i * 77777 : 0;
        }
    }
}

static void
make_sources(GPtrArray *sources, const uint8_t *data, size_t size, bool is_copy)
{
    traffic_conversation conversations[CONVERSATIONS];
    int64_t              now = START;

    make_conversations(conversations, sources);
    for (unsigned n = 0; n < CONVERSATIONS && is_copy; n++) {
        conversations[n].views[1] = conversations[n].views[0];
        conversations[n].views[1].source = sources->pdata[1];
    }
    for (size_t at = 0; at + 8 <= size && at < MOST_PACKETS * 8; at += 8) {
        uint8_t octets[8];

        memcpy(octets, data + at, sizeof octets);
        if (octets[0] & 0x40) { /* no TCP at all */
            for (unsigned i = 0; i < sources->len; i++)
                traffic_add(sources->pdata[i], now, NULL);
            continue;
        }
        if (is_copy) { /* one after the other */
            octets[4] &= ~(32 | 64);
            octets[5] |= 1;
            octets[6] = 0;
            octets[7] |= 3;
        }
        add_packet(conversations, octets, &now);
    }
}

/* --- what holds --- */

static void
check_direction(const stream_direction *direction)
{
    const stream_marks *marks[] = { &direction->octets, &direction->acknowledged };

    for (int kind = 0; kind < 2; kind++) {
        g_assert_cmpuint(marks[kind]->count, <=, STREAM_MARKS);
        for (unsigned i = 1; i < marks[kind]->count; i++)
            g_assert_cmpuint(marks[kind]->marks[i].offset, >, marks[kind]->marks[i - 1].offset);
        for (unsigned i = 0; i < marks[kind]->count && kind == 0; i++) {
            g_assert_cmpuint(marks[kind]->marks[i].offset, >=, direction->first);
            g_assert_cmpuint(marks[kind]->marks[i].offset, <, stream_end(direction));
        }
    }
    g_assert_true((direction->payload_hash == 0) == (direction->hashed == 0) || direction->hashed > 0);
    g_assert_cmpuint(direction->hashed, <=, 64);
    g_assert_true(direction->has_isn || direction->isn == 0);
}

static GPtrArray *
tables_of(const GPtrArray *sources)
{
    GPtrArray *tables = g_ptr_array_new();

    for (unsigned i = 0; i < sources->len; i++) {
        stream_table *table = stream_table_new(i);
        match_record  record;
        wire_segment  segment;
        stream_side   from;
        char         *problem;

        while (source_next(sources->pdata[i], &record, &problem)) {
            if (!record.is_log &&
                wire_segment_read(record.link, record.octets, record.captured, record.length, &segment)) {
                stream_conversation *conversation = stream_table_add(table, &record, &segment, &from);

                g_assert_true(from == stream_side_of(conversation, &segment));
                g_assert_true(conversation->last_number == record.number);
                g_assert_cmpuint(conversation->duplicates, <=, conversation->packets);
                check_direction(&conversation->directions[from]);
                check_direction(&conversation->directions[!from]);
            }
        }
        g_ptr_array_add(tables, table);
    }
    return tables;
}

static void
check_groups(const GPtrArray *tables, const GPtrArray *groups, bool is_copy)
{
    unsigned all = 0, in_groups = 0;

    for (unsigned i = 0; i < tables->len; i++)
        all += stream_table_conversations(tables->pdata[i])->len;
    for (guint i = 0; i < groups->len; i++) {
        const pair_group *group = groups->pdata[i];

        g_assert_true((group->reason != NULL) == (group->seen->len == 1));
        for (guint k = 0; k < group->seen->len; k++) {
            const stream_conversation *conversation = group->seen->pdata[k];

            g_assert_true(k == 0 || conversation->source > ((stream_conversation *)group->seen->pdata[k - 1])->source);
            g_assert_true(pairs_seen_by(group, conversation->source) == conversation);
            g_assert_true(!is_copy || conversation->index == ((stream_conversation *)group->seen->pdata[0])->index);
        }
        g_assert_true(!is_copy || group->seen->len == 2);
        in_groups += group->seen->len;
    }
    g_assert_cmpuint(all, ==, in_groups);
}

static void
check_pair(const between_pair *pair, bool is_copy)
{
    for (int from = 0; from < 2; from++) {
        const between_direction   *direction = &pair->directions[from];
        const stream_conversation *sender = pairs_seen_by(pair->group, pair->sources[from]);
        const stream_conversation *receiver = pairs_seen_by(pair->group, pair->sources[!from]);

        g_assert_cmpuint(direction->lost + direction->lost_acknowledgements, <=, sender->packets);
        g_assert_cmpuint(direction->delay.count, <=, sender->packets);
        g_assert_cmpuint(direction->injected, <=, receiver->packets);
        g_assert_cmpuint(direction->retransmitted, <=, sender->packets);
        g_assert_cmpuint(direction->reordered, <=, sender->packets);
        g_assert_cmpuint(direction->lost_large, <=, direction->lost);
        g_assert_true(direction->delay.count == 0 || (direction->delay.min <= direction->delay.median &&
                                                      direction->delay.median <= direction->delay.max));
        if (is_copy) {
            g_assert_cmpuint(direction->lost + direction->lost_acknowledgements + direction->injected, ==, 0);
            g_assert_cmpuint(direction->reordered + direction->undecided, ==, 0);
            g_assert_true(direction->delay.max == 0 && direction->delay.min == 0);
        }
    }
}

static void
check_events(const GPtrArray *groups, bool is_copy)
{
    clock_fit     *fit = clock_fit_new();
    clock_estimate estimate;

    pairs_events(groups, 0, 1, fit);
    clock_fit_estimate(fit, &estimate);
    g_assert_true(!is_copy || estimate.quality == CLOCK_NONE || ABS(estimate.offset) <= estimate.at_middle);
    clock_fit_free(fit);
    clock_estimate_clear(&estimate);
}

/* Finds what is between the sources, with a sink and without. */
static void
check_between(GPtrArray *sources, const GPtrArray *groups, const clock_estimate *clocks, bool is_copy,
              unsigned fails_at)
{
    listener     listener = { .sources = sources, .is_copy = is_copy, .fails_at = fails_at };
    between_sink sink = { keep, decided, &listener, drop };
    GPtrArray   *pairs, *others;
    unsigned     all = 0;
    char        *problem, *other_problem;

    for (unsigned i = 0; i < sources->len; i++) {
        listener.decided[i] = g_array_new(FALSE, TRUE, sizeof(bool));
        g_array_set_size(listener.decided[i], traffic_count(sources->pdata[i]));
        all += traffic_count(sources->pdata[i]);
    }
    pairs = between_find(sources, groups, clocks, &sink, &problem);
    g_assert_true((pairs == NULL) == (fails_at > 0 && fails_at <= all));
    g_assert_true((pairs == NULL) == (problem != NULL));
    g_assert_cmpuint(listener.kept, ==, listener.told);
    others = between_find(sources, groups, clocks, NULL, &other_problem);
    if (pairs) {
        g_assert_cmpuint(listener.told, ==, all);
        g_assert_cmpuint(pairs->len, ==, others->len);
        for (guint i = 0; i < pairs->len; i++) {
            const between_pair *pair = pairs->pdata[i], *other = others->pdata[i];

            check_pair(pair, is_copy);
            g_assert_cmpmem(pair->directions, sizeof pair->directions, other->directions, sizeof other->directions);
        }
        g_ptr_array_unref(pairs);
    }
    g_ptr_array_unref(others);
    g_free(problem);
    for (unsigned i = 0; i < sources->len; i++)
        g_array_unref(listener.decided[i]);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    clock_estimate clocks[TRAFFIC_VIEWS];
    GPtrArray     *sources = g_ptr_array_new(), *tables, *groups;
    bool           is_copy;
    unsigned       fails_at;

    if (size == 0)
        return 0;
    is_copy = *data & 1;
    fails_at = *data & 2 ? *data >> 2 : 0;
    for (unsigned i = 0; i < (is_copy ? 2u : TRAFFIC_VIEWS); i++) {
        g_ptr_array_add(sources, traffic_source("fuzz"));
        clocks[i] = (clock_estimate){ .quality = (*data & 4) && i == 2 ? CLOCK_NONE : CLOCK_ACCURATE,
                                      .uncertainty = *data & 8 ? MILLISECOND : 0,
                                      .offset = !is_copy && (*data & 16) ? i * MILLISECOND : 0,
                                      .steps = g_array_new(FALSE, FALSE, sizeof(clock_step)) };
    }
    make_sources(sources, data + 1, size - 1, is_copy);
    tables = tables_of(sources);
    groups = pairs_find(tables);
    check_groups(tables, groups, is_copy);
    check_events(groups, is_copy);
    pairs_explain(groups, tables, clocks);
    check_between(sources, groups, clocks, is_copy, fails_at);
    g_ptr_array_unref(groups);
    for (unsigned i = 0; i < sources->len; i++) {
        stream_table_free(tables->pdata[i]);
        source_close(sources->pdata[i]);
        g_array_unref(clocks[i].steps);
    }
    g_ptr_array_unref(tables);
    g_ptr_array_unref(sources);
    return 0;
}
