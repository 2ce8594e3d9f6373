/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What happens to conversations between sources, as a made network lets it happen: packets are lost, delayed, doubled, cut
 * and forged where the test says so. Delays are what the network was told to take.
 */
#include <string.h>

#include "match/between.h"
#include "match_traffic.h"

#define CLIENT STREAM_CLIENT
#define SERVER STREAM_SERVER

enum { FIRST = SEEN_BY_FIRST, SECOND = SEEN_BY_SECOND, THIRD = SEEN_BY_THIRD, BOTH = FIRST | SECOND };

enum { DEVICE = 0xc000020a, PROXY = 0xcb007105 }; /* 192.0.2.10, 203.0.113.5 */

/* A millisecond from an end to the source next to it, 10 between two sources. */
#define NEAR    (1 * MILLISECOND)
#define BETWEEN (10 * MILLISECOND)

#define SOURCES TRAFFIC_VIEWS

/* What was told of a record. */
typedef struct {
    between_fate fate;
    unsigned     order; /* 1 for the first; 0: nothing was told */
} told;

typedef struct {
    GPtrArray           *sources;
    clock_estimate       clocks[SOURCES];
    traffic_conversation conversation; /* the first one */
    GPtrArray           *tables, *groups, *pairs;
    GArray              *told[SOURCES]; /* of told, by number less one */
    unsigned             count;     /* of records that were told of */
    unsigned             kept, dropped;
    unsigned             fails_at;  /* the sink fails at that record; 0: never */
    int64_t              last_time;
    unsigned             last_source;
    bool                 is_ordered;
} network;

/* --- the network --- */

/* The nth conversation, between sources one after the other. */
static traffic_conversation
conversation_of(const network *network, unsigned n)
{
    traffic_conversation conversation = { .now = START + n * SECOND, .pause = 30 * MILLISECOND };
    unsigned             count = network->sources->len;

    conversation.next[CLIENT] = 0x10000000 + n * 1000003;
    conversation.next[SERVER] = 0xfffff000 + n * 900001;
    for (unsigned i = 0; i < count; i++)
        conversation.views[i] = (traffic_view){
            .source = network->sources->pdata[i],
            .client = DEVICE,
            .server = PROXY,
            .client_port = (uint16_t)(50000 + n),
            .server_port = 443,
            .after = { NEAR + i * BETWEEN, NEAR + (count - 1 - i) * BETWEEN },
            .hops = { (uint8_t)(128 - i), (uint8_t)(64 - (count - 1 - i)) },
        };
    return conversation;
}

static void
free_source(gpointer source)
{
    source_close(source);
}

static void
free_table(gpointer table)
{
    stream_table_free(table);
}

static void
begin(network *network, unsigned count)
{
    memset(network, 0, sizeof *network);
    network->sources = g_ptr_array_new_with_free_func(free_source);
    for (unsigned i = 0; i < count; i++) {
        g_ptr_array_add(network->sources, traffic_source("test"));
        network->clocks[i] = (clock_estimate){ .quality = CLOCK_ACCURATE, .steps = g_array_new(FALSE, FALSE, sizeof(clock_step)) };
        network->told[i] = g_array_new(FALSE, TRUE, sizeof(told));
    }
    network->conversation = conversation_of(network, 0);
}

static void
end(network *network)
{
    g_ptr_array_unref(network->pairs);
    g_ptr_array_unref(network->groups);
    g_ptr_array_unref(network->tables);
    for (unsigned i = 0; i < network->sources->len; i++) {
        g_array_unref(network->clocks[i].steps);
        g_array_unref(network->told[i]);
    }
    g_ptr_array_unref(network->sources);
}

/* --- the sink --- */

/* What is kept is the record's place in `told`, by which one can tell that it is the record that comes back. */
typedef struct {
    unsigned source;
    uint32_t number;
} kept;

/* The double of the source tells which record it gave last. */
static void *
keep(void *user, unsigned source)
{
    network *network = user;
    kept     record = { source, traffic_last_number(network->sources->pdata[source]) };

    network->kept++;
    return g_memdup2(&record, sizeof record);
}

static bool
decided(void *user, void *record, const between_fate *fate, char **problem)
{
    network *network = user;
    kept    *kept = record;
    GArray  *all = network->told[fate->source];
    told    *told;

    g_assert_cmpuint(kept->source, ==, fate->source);
    g_assert_cmpuint(kept->number, ==, fate->number);
    if (all->len < fate->number)
        g_array_set_size(all, fate->number);
    told = &g_array_index(all, struct told_record, fate->number - 1);
    g_assert_cmpuint(told->order, ==, 0); /* once */
    told->order = ++network->count;
    told->fate = *fate;
    if (fate->time < network->last_time || (fate->time == network->last_time && fate->source < network->last_source))
        network->is_ordered = false;
    network->last_time = fate->time;
    network->last_source = fate->source;
    g_free(kept);
    if (network->count != network->fails_at)
        return true;
    *problem = g_strdup("the disk is full");
    return false;
}

static void
drop(void *user, void *kept)
{
    network *network = user;

    network->dropped++;
    g_free(kept);
}

/* Finds pairs and what is between them; NULL, or the problem. */
static char *
try_find(network *network)
{
    between_sink sink = { keep, decided, network, drop };
    char        *problem;

    network->tables = g_ptr_array_new_with_free_func(free_table);
    network->is_ordered = true;
    for (unsigned i = 0; i < network->sources->len; i++) {
        stream_table *table = stream_table_new(i);
        match_record  record;
        wire_segment  segment;
        stream_side   from;

        while (source_next(network->sources->pdata[i], &record, &problem)) {
            if (wire_segment_read(record.link, record.octets, record.captured, record.length, &segment))
                stream_table_add(table, &record, &segment, &from);
        }
        g_ptr_array_add(network->tables, table);
    }
    network->groups = pairs_find(network->tables);
    network->pairs = between_find(network->sources, network->groups, network->clocks, &sink, &problem);
    g_assert_true((network->pairs == NULL) == (problem != NULL));
    if (!network->pairs)
        network->pairs = g_ptr_array_new();
    return problem;
}

static void
assert_same(const between_pair *one, const between_pair *other)
{
    g_assert_true(one->group == other->group);
    g_assert_cmpmem(one->directions, sizeof one->directions, other->directions, sizeof other->directions);
    g_assert_cmpmem(one->is_reset_injected, sizeof one->is_reset_injected, other->is_reset_injected,
                    sizeof other->is_reset_injected);
}

/* Likewise; everything is told once and in order, and without a sink the same is found. */
static void
find(network *network)
{
    char      *problem = try_find(network);
    GPtrArray *others;
    unsigned   all = 0;

    g_assert_null(problem);
    for (unsigned i = 0; i < network->sources->len; i++)
        all += traffic_count(network->sources->pdata[i]);
    g_assert_cmpuint(network->count, ==, all);
    g_assert_cmpuint(network->kept, ==, all);
    g_assert_cmpuint(network->dropped, ==, 0);
    g_assert_true(network->is_ordered);
    others = between_find(network->sources, network->groups, network->clocks, NULL, &problem);
    g_assert_cmpuint(others->len, ==, network->pairs->len);
    for (guint i = 0; i < others->len; i++)
        assert_same(others->pdata[i], network->pairs->pdata[i]);
    g_ptr_array_unref(others);
}

/* --- what is expected --- */

static const between_direction *
direction_of(const network *network, stream_side from)
{
    const between_pair *pair = network->pairs->pdata[0];

    return &pair->directions[from];
}

static const between_fate *
fate_of(const network *network, unsigned source, uint32_t number)
{
    const told *told;

    g_assert_cmpuint(number, <=, network->told[source]->len);
    told = &g_array_index(network->told[source], struct told_record, number - 1);
    g_assert_cmpuint(told->order, >, 0);
    return &told->fate;
}

static void
assert_twins(const network *network, uint32_t one, uint32_t other, int64_t delay)
{
    const between_fate *fate = fate_of(network, 0, one), *other_fate = fate_of(network, 1, other);

    g_assert_cmpuint(fate->twin_number, ==, other);
    g_assert_cmpuint(fate->twin_source, ==, 1);
    g_assert_cmpint(fate->twin_delay, ==, delay);
    g_assert_true(fate->is_expected && !fate->is_absent);
    g_assert_cmpuint(other_fate->twin_number, ==, one);
    g_assert_cmpuint(other_fate->twin_source, ==, 0);
    g_assert_cmpint(other_fate->twin_delay, ==, -delay);
    g_assert_true(other_fate->is_expected && !other_fate->is_absent);
}

/* Seen at one source, and expected and not seen at the other. */
static void
assert_absent(const network *network, unsigned source, uint32_t number)
{
    const between_fate *fate = fate_of(network, source, number);

    g_assert_cmpuint(fate->twin_number, ==, 0);
    g_assert_true(fate->is_expected && fate->is_absent);
    g_assert_cmpuint(fate->absent_source, ==, !source);
}

static void
assert_unexpected(const network *network, unsigned source, uint32_t number)
{
    const between_fate *fate = fate_of(network, source, number);

    g_assert_cmpuint(fate->twin_number, ==, 0);
    g_assert_true(!fate->is_expected && !fate->is_absent);
}

/* "lost N, acks N, again N, reordered N, injected N", those that are not 0. */
static void
assert_direction(const network *network, stream_side from, const char *expected)
{
    const between_direction *direction = direction_of(network, from);
    GString                 *text = g_string_new(NULL);
    const struct {
        const char *name;
        uint64_t    count;
    } counts[] = { { "lost", direction->lost },           { "acks", direction->lost_acknowledgements },
                   { "again", direction->retransmitted }, { "reordered", direction->reordered },
                   { "injected", direction->injected },   { "undecided", direction->undecided } };

    for (size_t i = 0; i < G_N_ELEMENTS(counts); i++) {
        if (counts[i].count)
            g_string_append_printf(text, "%s%s %u", text->len ? ", " : "", counts[i].name, (unsigned)counts[i].count);
    }
    g_assert_cmpstr(text->str, ==, expected);
    g_string_free(text, TRUE);
}

static void
assert_delay(const network *network, stream_side from, int64_t min, int64_t median, int64_t max, uint64_t count)
{
    const between_delay *delay = &direction_of(network, from)->delay;

    g_assert_cmpint(delay->min, ==, min);
    g_assert_cmpint(delay->median, ==, median);
    g_assert_cmpint(delay->max, ==, max);
    g_assert_cmpuint(delay->count, ==, count);
}

/* --- what the first conversation says --- */

static void
say(network *network, stream_side from, size_t length, unsigned seen_by)
{
    traffic_say(&network->conversation, from, NULL, length, seen_by);
}

static void
say_again(network *network, stream_side from, size_t length, unsigned seen_by)
{
    network->conversation.next[from] -= (uint32_t)length;
    say(network, from, length, seen_by);
}

static void
acknowledge(network *network, stream_side from, unsigned seen_by)
{
    traffic_send(&network->conversation, from, (traffic_packet){ .flags = WIRE_ACK }, seen_by);
}

static void
reset(network *network, stream_side from, unsigned seen_by)
{
    traffic_send(&network->conversation, from, (traffic_packet){ .flags = WIRE_RST | WIRE_ACK }, seen_by);
}

static void
shake_hands(network *network)
{
    traffic_shake_hands(&network->conversation, BOTH);
}

static void
part(network *network)
{
    traffic_part(&network->conversation, BOTH);
}

/* The numbers of the last packet's records. */
static uint32_t
number(const network *network, unsigned source)
{
    return network->conversation.numbers[source];
}

/* --- tests --- */

static void
test_healthy(void)
{
    network             network;
    const between_pair *pair;

    begin(&network, 2);
    shake_hands(&network);
    say(&network, CLIENT, 300, BOTH);
    network.conversation.views[1].after[CLIENT] += 2 * MILLISECOND;
    say(&network, CLIENT, 400, BOTH);
    network.conversation.views[1].after[CLIENT] += 2 * MILLISECOND;
    say(&network, CLIENT, 500, BOTH);
    network.conversation.views[1].after[CLIENT] -= 4 * MILLISECOND;
    say(&network, SERVER, 3000, BOTH);
    part(&network);
    find(&network);
    g_assert_cmpuint(network.pairs->len, ==, 1);
    pair = network.pairs->pdata[0];
    g_assert_true(pair->group == network.groups->pdata[0]);
    g_assert_cmpuint(pair->sources[0], ==, 0);
    g_assert_cmpuint(pair->sources[1], ==, 1);
    assert_direction(&network, CLIENT, "");
    assert_direction(&network, SERVER, "");
    /* SYN, ACK, three of data, FIN, ACK; SYN-ACK, data, FIN. */
    assert_delay(&network, CLIENT, BETWEEN, BETWEEN, BETWEEN + 4 * MILLISECOND, 7);
    assert_delay(&network, SERVER, BETWEEN, BETWEEN, BETWEEN, 3);
    g_assert_true(!direction_of(&network, CLIENT)->has_mss_changed && direction_of(&network, CLIENT)->has_ttl_changed);
    g_assert_true(!pair->is_reset_injected[0] && !pair->is_reset_injected[1]);
    for (uint32_t i = 1; i <= 10; i++) {
        bool    is_server = i == 2 || i == 7 || i == 9;
        int64_t more = i == 5 ? 2 * MILLISECOND : i == 6 ? 4 * MILLISECOND : 0;

        assert_twins(&network, i, i, is_server ? -BETWEEN : BETWEEN + more);
    }
    end(&network);
}

static void
test_same_file(void)
{
    network network;

    begin(&network, 2);
    network.conversation.views[1] = network.conversation.views[0];
    network.conversation.views[1].source = network.sources->pdata[1];
    shake_hands(&network);
    for (int i = 0; i < 50; i++) {
        say(&network, CLIENT, 1000, BOTH);
        if (i % 10 == 3)
            say_again(&network, CLIENT, 1000, BOTH);
        acknowledge(&network, SERVER, BOTH);
        acknowledge(&network, SERVER, BOTH);
    }
    reset(&network, SERVER, BOTH);
    find(&network);
    assert_direction(&network, CLIENT, "again 5");
    assert_direction(&network, SERVER, "");
    for (uint32_t i = 1; i <= traffic_count(network.sources->pdata[0]); i++)
        assert_twins(&network, i, i, 0);
    assert_delay(&network, CLIENT, 0, 0, 0, 2 + 55);
    g_assert_false(direction_of(&network, CLIENT)->has_ttl_changed);
    end(&network);
}

/* One that is lost and sent again; the copy is what arrived. Followed by others, and as the last one. */
static void
test_lost(void)
{
    network  network;
    uint32_t lost, copy[2];

    for (int is_last = 0; is_last < 2; is_last++) {
        begin(&network, 2);
        shake_hands(&network);
        say(&network, CLIENT, 500, BOTH);
        say(&network, CLIENT, 500, FIRST);
        lost = number(&network, 0);
        if (!is_last) {
            say(&network, CLIENT, 500, BOTH);
            network.conversation.next[CLIENT] -= 500;
        }
        network.conversation.now += 300 * MILLISECOND;
        say_again(&network, CLIENT, 500, BOTH);
        copy[0] = number(&network, 0);
        copy[1] = number(&network, 1);
        if (!is_last)
            network.conversation.next[CLIENT] += 500;
        part(&network);
        find(&network);
        assert_direction(&network, CLIENT, "lost 1, again 1");
        assert_direction(&network, SERVER, "");
        assert_absent(&network, 0, lost);
        assert_twins(&network, copy[0], copy[1], BETWEEN);
        assert_delay(&network, CLIENT, BETWEEN, BETWEEN, BETWEEN, is_last ? 6 : 7);
        end(&network);
    }
}

/* Each packet of a conversation that is nothing but what it must be, lost in turn. */
static void
test_each_lost(void)
{
    static const struct {
        stream_side from;
        unsigned    flags;
        const char *expected;
    } packets[] = {
        { CLIENT, WIRE_SYN, "lost 1, again 1" },
        { SERVER, WIRE_SYN | WIRE_ACK, "lost 1, again 1" },
        { CLIENT, WIRE_ACK, "acks 1" }, /* one that is sent twice looks the same as two */
        { CLIENT, WIRE_FIN | WIRE_ACK, "lost 1, again 1" },
        { SERVER, WIRE_FIN | WIRE_ACK, "lost 1, again 1" },
        { CLIENT, WIRE_ACK, "acks 1" },
        { SERVER, WIRE_RST, "lost 1" },
        { CLIENT, WIRE_ACK, "" },
    };

    for (size_t lost = 0; lost + 1 < G_N_ELEMENTS(packets); lost++) {
        network  network;
        uint32_t number_lost = 0, numbers[2] = { 0 };

        begin(&network, 2);
        for (size_t i = 0; i < G_N_ELEMENTS(packets); i++) {
            stream_side    from = packets[i].from;
            traffic_packet packet = { .flags = (uint8_t)packets[i].flags };
            unsigned       span = !!(packet.flags & (WIRE_SYN | WIRE_FIN));

            if (i == lost) {
                traffic_send(&network.conversation, from, packet, from == CLIENT ? FIRST : SECOND);
                number_lost = number(&network, from == CLIENT ? 0 : 1);
                network.conversation.now += SECOND;
                network.conversation.next[from] -= span;
            }
            traffic_send(&network.conversation, from, packet, BOTH);
            if (i == lost)
                memcpy(numbers, network.conversation.numbers, sizeof numbers);
        }
        find(&network);
        assert_direction(&network, packets[lost].from, packets[lost].expected);
        assert_direction(&network, !packets[lost].from, "");
        if (packets[lost].expected[0] == 'l' && packets[lost].flags != WIRE_RST) {
            assert_absent(&network, packets[lost].from == CLIENT ? 0 : 1, number_lost);
            assert_twins(&network, numbers[0], numbers[1], packets[lost].from == CLIENT ? BETWEEN : -BETWEEN);
        }
        end(&network);
    }
}

/* Where packets have identifications, copies are told apart by them even when delays say nothing. */
static void
test_identified(void)
{
    network  network;
    uint32_t first[2], second;

    begin(&network, 2);
    network.conversation.identifications[CLIENT] = 100;
    shake_hands(&network);
    /* The first takes so long that the second was sent before it arrived; the second is lost. */
    network.conversation.views[1].after[CLIENT] += 500 * MILLISECOND;
    say(&network, CLIENT, 500, BOTH);
    memcpy(first, network.conversation.numbers, sizeof first);
    network.conversation.views[1].after[CLIENT] -= 500 * MILLISECOND;
    say_again(&network, CLIENT, 500, FIRST);
    second = number(&network, 0);
    network.conversation.now += SECOND;
    part(&network);
    find(&network);
    assert_direction(&network, CLIENT, "lost 1, again 1");
    assert_twins(&network, first[0], first[1], BETWEEN + 500 * MILLISECOND);
    assert_absent(&network, 0, second);
    end(&network);
}

/* What is sent in one piece and arrives in several, the other way round, and in other pieces. */
static void
test_pieces(void)
{
    static const struct {
        size_t sent[8], arrives[8];
    } cases[] = {
        { { 6000 }, { 1460, 1460, 1460, 1460, 160 } },
        { { 1460, 1460, 1460, 1460, 160 }, { 6000 } },
        { { 3000, 3000 }, { 1000, 1500, 2000, 1500 } },
        { { 1000, 5000 }, { 5000, 1000 } },
        { { 60000 }, { 60000 } },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        network  network;
        unsigned sent = 0, arrived = 0, at = 0;

        begin(&network, 2);
        shake_hands(&network);
        network.conversation.pause = MILLISECOND;
        for (; cases[i].sent[sent]; sent++)
            say(&network, CLIENT, cases[i].sent[sent], FIRST);
        for (; cases[i].arrives[arrived]; arrived++, at += (unsigned)cases[i].arrives[arrived - 1])
            network.conversation.next[CLIENT] -= (uint32_t)cases[i].arrives[arrived];
        for (unsigned k = 0; cases[i].arrives[k]; k++)
            say(&network, CLIENT, cases[i].arrives[k], SECOND);
        network.conversation.now += 30 * MILLISECOND;
        network.conversation.pause = 30 * MILLISECOND;
        acknowledge(&network, SERVER, BOTH);
        part(&network);
        find(&network);
        assert_direction(&network, CLIENT, "");
        assert_direction(&network, SERVER, "");
        g_assert_cmpuint(direction_of(&network, CLIENT)->delay.count, ==, 2 + sent + 2);
        /* A twin is the one that completes the range. */
        for (unsigned k = 0, end = 0; k < sent; k++) {
            unsigned piece = 0, piece_end = 0;

            end += (unsigned)cases[i].sent[k];
            while ((piece_end += (unsigned)cases[i].arrives[piece]) < end)
                piece++;
            g_assert_cmpuint(fate_of(&network, 0, 4 + k)->twin_number, ==, 4 + piece);
            /* Sent at k, arrived at sent + piece, in milliseconds, and the way. */
            g_assert_cmpint(fate_of(&network, 0, 4 + k)->twin_delay, ==, BETWEEN + (sent + piece - k) * MILLISECOND);
        }
        end(&network);
    }
}

/* Of what was sent in one piece, one of the pieces is lost, and sent again. */
static void
test_lost_piece(void)
{
    network  network;
    uint32_t whole, copy[2];

    begin(&network, 2);
    shake_hands(&network);
    network.conversation.pause = MILLISECOND;
    say(&network, CLIENT, 5 * 1000, FIRST);
    whole = number(&network, 0);
    for (unsigned i = 0; i < 5; i++) {
        network.conversation.next[CLIENT] -= i == 0 ? 5000 : 0;
        say(&network, CLIENT, 1000, i == 2 ? 0 : SECOND);
    }
    network.conversation.pause = 30 * MILLISECOND;
    network.conversation.next[CLIENT] -= 2000;
    say_again(&network, CLIENT, 1000, BOTH);
    memcpy(copy, network.conversation.numbers, sizeof copy);
    network.conversation.next[CLIENT] += 2000;
    part(&network);
    find(&network);
    assert_direction(&network, CLIENT, "lost 1, again 1");
    assert_twins(&network, copy[0], copy[1], BETWEEN);
    /* The most of it arrived. */
    g_assert_cmpuint(fate_of(&network, 0, whole)->twin_number, ==, 4 + 3);
    g_assert_false(direction_of(&network, CLIENT)->is_black_hole);
    end(&network);
}

static void
test_reordered(void)
{
    network network;

    begin(&network, 2);
    shake_hands(&network);
    network.conversation.pause = MILLISECOND;
    for (unsigned i = 0; i < 12; i++) {
        /* The first and the seventh are overtaken by two. */
        network.conversation.views[1].after[CLIENT] = NEAR + BETWEEN + (i % 6 == 0 ? 2500 * MICROSECOND : 0);
        say(&network, CLIENT, 100, BOTH);
    }
    traffic_sort(network.sources->pdata[1]); /* as they were captured */
    network.conversation.views[1].after[CLIENT] = NEAR + BETWEEN;
    network.conversation.now += 30 * MILLISECOND;
    network.conversation.pause = 30 * MILLISECOND;
    part(&network);
    find(&network);
    assert_direction(&network, CLIENT, "reordered 2");
    assert_direction(&network, SERVER, "");
    assert_twins(&network, 4, 6, BETWEEN + 2500 * MICROSECOND);
    assert_twins(&network, 5, 4, BETWEEN);
    assert_delay(&network, CLIENT, BETWEEN, BETWEEN, BETWEEN + 2500 * MICROSECOND, 2 + 12 + 2);
    end(&network);
}

/* Resets that a box on the way sends to both in the other's name; data that it makes up. */
static void
test_injected(void)
{
    network             network;
    const between_pair *pair;

    begin(&network, 2);
    shake_hands(&network);
    say(&network, CLIENT, 300, BOTH);
    reset(&network, SERVER, FIRST);
    reset(&network, CLIENT, SECOND);
    say(&network, SERVER, 50, BOTH);
    find(&network);
    pair = network.pairs->pdata[0];
    assert_direction(&network, CLIENT, "injected 1");
    assert_direction(&network, SERVER, "injected 1");
    g_assert_true(pair->is_reset_injected[CLIENT] && pair->is_reset_injected[SERVER]);
    assert_absent(&network, 0, 5);
    assert_absent(&network, 1, 5);
    end(&network);
}
