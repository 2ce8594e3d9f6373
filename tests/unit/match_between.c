/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What happens to conversations between sources, as a made network lets it happen: packets are lost, delayed, doubled,
 * cut and forged where the test says so. Delays are what the network was told to take.
 */
#include <string.h>

#include "match/between.h"
#include "match_traffic.h"

#define CLIENT STREAM_CLIENT
#define SERVER STREAM_SERVER

enum { ONE = SEEN_BY_FIRST, OTHER = SEEN_BY_SECOND, THIRD = SEEN_BY_THIRD, BOTH = ONE | OTHER };

enum { DEVICE = 0xc000020a, PROXY = 0xcb007105 }; /* 192.0.2.10, 203.0.113.5 */

/* A millisecond from an end to the source next to it, 10 between two sources. */
#define NEAR    (1 * MILLISECOND)
#define BETWEEN (10 * MILLISECOND)

#define SOURCES TRAFFIC_VIEWS

/* What was told of a record. */
typedef struct told_record {
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
        network->clocks[i] = (clock_estimate){ .quality = CLOCK_ACCURATE };
        network->clocks[i].steps = g_array_new(FALSE, FALSE, sizeof(clock_step));
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

static void *
keep(void *user, unsigned source, const match_record *record)
{
    network *network = user;
    kept     place = { source, record->number };

    network->kept++;
    return g_memdup2(&place, sizeof place);
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
        say(&network, CLIENT, 500, ONE);
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
        for (unsigned i = 0; i < 2; i++) /* so that it is known that both were capturing */
            traffic_add(network.sources->pdata[i], START - SECOND, NULL);
        for (size_t i = 0; i < G_N_ELEMENTS(packets); i++) {
            stream_side    from = packets[i].from;
            traffic_packet packet = { .flags = (uint8_t)packets[i].flags };
            unsigned       span = !!(packet.flags & (WIRE_SYN | WIRE_FIN));

            if (i == lost) {
                traffic_send(&network.conversation, from, packet, from == CLIENT ? ONE : OTHER);
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
    say_again(&network, CLIENT, 500, ONE);
    second = number(&network, 0);
    network.conversation.now += SECOND;
    part(&network);
    find(&network);
    assert_direction(&network, CLIENT, "lost 1, again 1");
    assert_twins(&network, first[0], first[1], BETWEEN + 500 * MILLISECOND);
    assert_absent(&network, 0, second);
    end(&network);
}

/* Without them, by how fast they can have been: the second copy left too late to be what arrived. */
static void
test_too_fast(void)
{
    network  network;
    uint32_t first[2], second[2];

    begin(&network, 2);
    shake_hands(&network);
    network.conversation.pause = 505 * MILLISECOND;
    network.conversation.views[1].after[CLIENT] += 500 * MILLISECOND;
    say(&network, CLIENT, 500, BOTH);
    memcpy(first, network.conversation.numbers, sizeof first);
    network.conversation.views[1].after[CLIENT] -= 500 * MILLISECOND;
    say_again(&network, CLIENT, 500, BOTH);
    memcpy(second, network.conversation.numbers, sizeof second);
    part(&network);
    find(&network);
    assert_direction(&network, CLIENT, "again 1");
    assert_twins(&network, first[0], first[1], BETWEEN + 500 * MILLISECOND);
    assert_twins(&network, second[0], second[1], BETWEEN);
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
            say(&network, CLIENT, cases[i].sent[sent], ONE);
        for (; cases[i].arrives[arrived]; arrived++, at += (unsigned)cases[i].arrives[arrived - 1])
            network.conversation.next[CLIENT] -= (uint32_t)cases[i].arrives[arrived];
        for (unsigned k = 0; cases[i].arrives[k]; k++)
            say(&network, CLIENT, cases[i].arrives[k], OTHER);
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
    say(&network, CLIENT, 5 * 1000, ONE);
    whole = number(&network, 0);
    for (unsigned i = 0; i < 5; i++) {
        network.conversation.next[CLIENT] -= i == 0 ? 5000 : 0;
        say(&network, CLIENT, 1000, i == 2 ? 0 : OTHER);
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

/* One of the pieces comes twice instead: that makes up for nothing. */
static void
test_doubled_piece(void)
{
    network network;

    begin(&network, 2);
    shake_hands(&network);
    say(&network, CLIENT, 3 * 1000, ONE);
    network.conversation.next[CLIENT] -= 3000;
    say(&network, CLIENT, 1000, OTHER);
    say_again(&network, CLIENT, 1000, OTHER);
    say(&network, CLIENT, 1000, 0);
    say(&network, CLIENT, 1000, OTHER);
    part(&network);
    find(&network);
    assert_direction(&network, CLIENT, "lost 1, injected 1");
    end(&network);
}

/* Pieces of which some are lost do not mean that large packets never arrive; and of a packet that was put together from
 * several, one that the sender's capture missed does not make a forged one. */
static void
test_partly(void)
{
    network network;

    begin(&network, 2);
    shake_hands(&network);
    for (int i = 0; i < 4; i++) {
        say(&network, CLIENT, 3000, ONE);
        network.conversation.next[CLIENT] -= 3000;
        say(&network, CLIENT, 1000, OTHER);
        say(&network, CLIENT, 1000, 0);
        say(&network, CLIENT, 1000, OTHER);
    }
    say(&network, SERVER, 1000, OTHER);
    network.conversation.next[SERVER] -= 1000;
    say(&network, SERVER, 2000, ONE);
    part(&network);
    find(&network);
    assert_direction(&network, CLIENT, "lost 4");
    g_assert_false(direction_of(&network, CLIENT)->is_black_hole);
    g_assert_cmpuint(direction_of(&network, CLIENT)->lost_large, ==, 0);
    assert_direction(&network, SERVER, "");
    end(&network);
}

/* Sent again together with more, and cut elsewhere on the way. */
static void
test_put_together(void)
{
    network network;

    begin(&network, 2);
    shake_hands(&network);
    say(&network, CLIENT, 100, BOTH);
    network.conversation.next[CLIENT] -= 100;
    say(&network, CLIENT, 300, ONE);
    network.conversation.next[CLIENT] -= 300;
    say(&network, CLIENT, 200, OTHER);
    say(&network, CLIENT, 100, OTHER);
    part(&network);
    find(&network);
    assert_direction(&network, CLIENT, "");
    assert_direction(&network, SERVER, "");
    g_assert_cmpuint(fate_of(&network, 0, 5)->twin_number, ==, 6);
    end(&network);
}

/* The sender's capture has packets in another order than they were sent: none was sent twice. */
static void
test_captured_in_disorder(void)
{
    network network;

    begin(&network, 2);
    shake_hands(&network);
    network.conversation.pause = MILLISECOND;
    for (unsigned i = 0; i < 12; i++) {
        network.conversation.views[0].after[CLIENT] = NEAR + (i % 6 == 0 ? 2500 * MICROSECOND : 0);
        say(&network, CLIENT, 100, BOTH);
    }
    traffic_sort(network.sources->pdata[0]);
    network.conversation.views[0].after[CLIENT] = NEAR;
    network.conversation.now += 30 * MILLISECOND;
    network.conversation.pause = 30 * MILLISECOND;
    part(&network);
    find(&network);
    g_assert_cmpuint(direction_of(&network, CLIENT)->retransmitted, ==, 0);
    g_assert_cmpuint(direction_of(&network, CLIENT)->lost, ==, 0);
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
    reset(&network, SERVER, ONE);
    reset(&network, CLIENT, OTHER);
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

/* A reset in the server's name only. */
static void
test_injected_reset(void)
{
    network             network;
    const between_pair *pair;

    begin(&network, 2);
    shake_hands(&network);
    reset(&network, SERVER, ONE);
    say(&network, CLIENT, 300, BOTH);
    find(&network);
    pair = network.pairs->pdata[0];
    g_assert_true(!pair->is_reset_injected[CLIENT] && pair->is_reset_injected[SERVER]);
    end(&network);
}

/* Forged data, and a FIN, that the server never sent. */
static void
test_injected_data(void)
{
    network network;

    begin(&network, 2);
    shake_hands(&network);
    say(&network, CLIENT, 300, BOTH);
    say(&network, SERVER, 200, ONE);
    traffic_send(&network.conversation, SERVER, (traffic_packet){ .flags = WIRE_FIN | WIRE_ACK }, ONE);
    acknowledge(&network, SERVER, ONE); /* which counts for nothing */
    network.conversation.next[SERVER] -= 201;
    say(&network, CLIENT, 300, BOTH);
    say(&network, SERVER, 5000, BOTH);
    part(&network);
    find(&network);
    assert_direction(&network, CLIENT, "");
    /* The data that the server did send has, at the first source, 4799 new octets. */
    assert_direction(&network, SERVER, "injected 2");
    g_assert_false(((between_pair *)network.pairs->pdata[0])->is_reset_injected[SERVER]);
    end(&network);
}

/* Large packets leave again and again; small ones arrive. */
static void
test_black_hole(void)
{
    static const struct {
        size_t   length;
        unsigned times;
        bool     arrives, is_black_hole;
        unsigned large;
    } cases[] = {
        { 1460, 5, false, true, 5 },
        { 1460, 2, false, false, 2 },  /* may be chance */
        { 1460, 5, true, false, 5 },   /* at last it gets through: they were as long as the longest that arrived */
        { 500, 5, false, false, 5 },   /* nobody's MTU is so small */
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        network network;

        begin(&network, 2);
        shake_hands(&network);
        say(&network, CLIENT, 400, BOTH);
        for (unsigned k = 0; k < cases[i].times; k++) {
            say(&network, SERVER, cases[i].length, OTHER);
            network.conversation.now += 300 * MILLISECOND << k;
            network.conversation.next[SERVER] -= (uint32_t)cases[i].length;
        }
        if (cases[i].arrives)
            say(&network, SERVER, cases[i].length, BOTH);
        reset(&network, SERVER, BOTH);
        find(&network);
        g_assert_cmpuint(direction_of(&network, SERVER)->lost, ==, cases[i].times);
        g_assert_cmpuint(direction_of(&network, SERVER)->lost_large, ==, cases[i].large);
        g_assert_cmpint(direction_of(&network, SERVER)->is_black_hole, ==, cases[i].is_black_hole);
        g_assert_false(direction_of(&network, CLIENT)->is_black_hole);
        end(&network);
    }
}

static void
test_clamped(void)
{
    network network;

    begin(&network, 2);
    network.conversation.views[1].mss = 1380;
    shake_hands(&network);
    find(&network);
    g_assert_true(direction_of(&network, CLIENT)->has_mss_changed);
    g_assert_true(direction_of(&network, SERVER)->has_mss_changed);
    end(&network);
}

/* Clocks that differ, drift aside: what is found is the same, on the clock of the first. A third source without a
 * clock, and one whose clock is bound on one side only. */
static void
test_clocks(void)
{
    for (int is_bound = 0; is_bound < 2; is_bound++) {
        network network;

        begin(&network, 2);
        network.conversation.views[1].clock = network.clocks[1].offset = 37 * SECOND + 250 * MILLISECOND;
        if (is_bound) {
            network.clocks[1].quality = CLOCK_NONE;
            network.clocks[1].uncertainty = CLOCK_UNBOUNDED;
            network.clocks[1].events[1] = 3;
        }
        shake_hands(&network);
        say(&network, CLIENT, 300, BOTH);
        say(&network, CLIENT, 300, ONE);
        say_again(&network, CLIENT, 300, BOTH);
        part(&network);
        find(&network);
        assert_direction(&network, CLIENT, "lost 1, again 1");
        assert_twins(&network, 6, 5, BETWEEN);
        g_assert_cmpint(fate_of(&network, 1, 1)->time, ==, START + NEAR + BETWEEN);
        g_assert_cmpuint(direction_of(&network, CLIENT)->delay.count, ==, is_bound ? 0 : 6);
        end(&network);
    }
}

static void
test_no_clock(void)
{
    network network;

    begin(&network, 2);
    network.clocks[1].quality = CLOCK_NONE;
    network.clocks[1].uncertainty = CLOCK_UNBOUNDED;
    shake_hands(&network);
    say(&network, CLIENT, 300, ONE);
    part(&network);
    find(&network);
    g_assert_cmpuint(network.pairs->len, ==, 1);
    assert_direction(&network, CLIENT, "");
    for (uint32_t i = 1; i <= 7; i++)
        assert_unexpected(&network, 0, i);
    end(&network);
}

/* A clock that is known to 15 ms only: the second source seems to have packets before the first. */
static void
test_uncertain(void)
{
    network network;

    begin(&network, 2);
    network.clocks[1].uncertainty = 15 * MILLISECOND;
    network.conversation.views[1].clock = -14 * MILLISECOND;
    shake_hands(&network);
    say(&network, CLIENT, 300, BOTH);
    say(&network, CLIENT, 300, ONE);
    say_again(&network, CLIENT, 300, BOTH);
    say(&network, CLIENT, 2000, ONE);
    network.conversation.next[CLIENT] -= 2000;
    say(&network, CLIENT, 1000, OTHER);
    say(&network, CLIENT, 1000, OTHER);
    part(&network);
    find(&network);
    assert_direction(&network, CLIENT, "lost 1, again 1");
    assert_direction(&network, SERVER, "");
    assert_twins(&network, 4, 4, BETWEEN - 14 * MILLISECOND);
    /* Which copy it was that arrived is not known: the second seems to have been sent after that. */
    g_assert_cmpuint(fate_of(&network, 1, 5)->twin_number, !=, 0);
    end(&network);
}

/* Likewise; the sender's capture missed a packet, and its copy is not what arrived of that. */
static void
test_uncertain_copies(void)
{
    network  network;
    uint32_t missed, copy[2];

    begin(&network, 2);
    network.clocks[1].uncertainty = 15 * MILLISECOND;
    network.conversation.views[1].clock = -14 * MILLISECOND;
    shake_hands(&network);
    network.conversation.pause = 20 * MILLISECOND;
    say(&network, CLIENT, 300, OTHER);
    missed = number(&network, 1);
    say_again(&network, CLIENT, 300, BOTH);
    memcpy(copy, network.conversation.numbers, sizeof copy);
    network.conversation.now += SECOND;
    part(&network);
    find(&network);
    assert_direction(&network, CLIENT, "injected 1");
    assert_twins(&network, copy[0], copy[1], BETWEEN - 14 * MILLISECOND);
    assert_absent(&network, 1, missed);
    end(&network);
}

/* What was captured while the other source was not capturing yet, or any more, ought not to be there. */
static void
test_shorter_capture(void)
{
    network              network;
    traffic_conversation other;

    begin(&network, 2);
    other = network.conversation;
    shake_hands(&network);
    say(&network, CLIENT, 300, BOTH);
    network.conversation.now += 5 * SECOND;
    say(&network, CLIENT, 300, ONE);
    say(&network, SERVER, 300, ONE);
    find(&network);
    assert_direction(&network, CLIENT, "");
    assert_unexpected(&network, 0, 5);
    assert_unexpected(&network, 0, 6);
    end(&network);

    /* The same, with something else that shows that the second one was capturing. */
    begin(&network, 2);
    network.conversation = other;
    for (int i = 0; i < 2; i++)
        network.conversation.views[i].source = network.sources->pdata[i];
    traffic_add(network.sources->pdata[1], START - SECOND, NULL);
    shake_hands(&network);
    say(&network, CLIENT, 300, BOTH);
    network.conversation.now += 5 * SECOND;
    say(&network, CLIENT, 300, ONE);
    say(&network, SERVER, 300, ONE);
    traffic_add(network.sources->pdata[1], START + 60 * SECOND, NULL);
    find(&network);
    assert_direction(&network, CLIENT, "lost 1");
    assert_direction(&network, SERVER, "injected 1");
    end(&network);
}

/* The other source has nothing more of the conversation, and something else at once and later: it was capturing. */
static void
test_nothing_more(void)
{
    network network;

    begin(&network, 2);
    shake_hands(&network);
    say(&network, CLIENT, 300, ONE);
    for (int i = 0; i < 2; i++)
        traffic_add(network.sources->pdata[1],
                    network.conversation.now - network.conversation.pause + NEAR + 5 * MILLISECOND + i * SECOND, NULL);
    find(&network);
    assert_direction(&network, CLIENT, "lost 1");
    end(&network);
}

/* A capture that began in the middle, whose offsets are others. */
static void
test_late_capture(void)
{
    network network;

    begin(&network, 2);
    traffic_shake_hands(&network.conversation, ONE);
    say(&network, CLIENT, 300, ONE);
    say(&network, SERVER, 5000, ONE);
    say(&network, CLIENT, 300, BOTH);
    say(&network, SERVER, 1000, OTHER); /* lost */
    say_again(&network, SERVER, 1000, BOTH);
    part(&network);
    find(&network);
    assert_direction(&network, CLIENT, "");
    assert_direction(&network, SERVER, "lost 1, again 1");
    for (uint32_t i = 1; i <= 5; i++)
        assert_unexpected(&network, 0, i);
    assert_twins(&network, 6, 1, BETWEEN);
    assert_twins(&network, 7, 3, -BETWEEN);
    end(&network);
}

/* Several layers of one machine, and keep-alives: they are no copies. */
static void
test_no_copies(void)
{
    network        network;
    traffic_packet packet = { .flags = WIRE_ACK, .length = 700, .identification = 9 };

    begin(&network, 2);
    shake_hands(&network);
    network.conversation.pause = MILLISECOND;
    traffic_send(&network.conversation, CLIENT, packet, BOTH);
    network.conversation.next[CLIENT] -= 700;
    traffic_send(&network.conversation, CLIENT, packet, ONE);
    network.conversation.now += 30 * MILLISECOND;
    network.conversation.pause = 30 * MILLISECOND;
    acknowledge(&network, SERVER, BOTH);
    for (int i = 0; i < 3; i++) {
        network.conversation.next[CLIENT]--;
        say(&network, CLIENT, 1, BOTH);
        acknowledge(&network, SERVER, BOTH);
    }
    part(&network);
    find(&network);
    assert_direction(&network, CLIENT, "");
    assert_direction(&network, SERVER, "");
    assert_twins(&network, 4, 4, BETWEEN);
    assert_unexpected(&network, 0, 5);
    end(&network);
}

/* The same ports again: each conversation is a pair of its own. */
static void
test_ports_again(void)
{
    network network;

    begin(&network, 2);
    for (int i = 0; i < 3; i++) {
        shake_hands(&network);
        say(&network, CLIENT, 300, i == 1 ? ONE : BOTH);
        reset(&network, SERVER, BOTH);
        network.conversation.next[CLIENT] += 100000;
        network.conversation.next[SERVER] += 100000;
    }
    find(&network);
    g_assert_cmpuint(network.pairs->len, ==, 3);
    for (unsigned i = 0; i < 3; i++)
        g_assert_cmpuint(((between_pair *)network.pairs->pdata[i])->directions[CLIENT].lost, ==, i == 1);
    end(&network);
}

/* The first source is the server's, whose conversation comes in by the second. */
static void
test_turned_round(void)
{
    network              network;
    traffic_view         before;
    const between_pair  *pair;

    begin(&network, 2);
    before = network.conversation.views[0];
    network.conversation.views[0] = network.conversation.views[1];
    network.conversation.views[1] = before;
    for (int i = 0; i < 2; i++)
        network.conversation.views[i].source = network.sources->pdata[i];
    shake_hands(&network);
    say(&network, CLIENT, 300, OTHER);
    say_again(&network, CLIENT, 300, BOTH);
    say(&network, SERVER, 300, BOTH);
    part(&network);
    find(&network);
    pair = network.pairs->pdata[0];
    g_assert_cmpuint(pair->sources[0], ==, 1);
    g_assert_cmpuint(pair->sources[1], ==, 0);
    assert_direction(&network, CLIENT, "lost 1, again 1");
    assert_delay(&network, CLIENT, BETWEEN, BETWEEN, BETWEEN, 5);
    assert_delay(&network, SERVER, BETWEEN, BETWEEN, BETWEEN, 3);
    end(&network);
}

/* Three sources one after the other: pairs are those next to each other, and a record is told of the next one on
 * its way. */
static void
test_three_sources(void)
{
    static const unsigned all[2][3] = { { 1, 2, 1 }, { 1, 0, 1 } }; /* where twins are, by sender and source */
    network               network;

    begin(&network, 3);
    traffic_shake_hands(&network.conversation, SEEN_BY_ALL);
    say(&network, CLIENT, 100, ONE | OTHER); /* lost between the second and the third */
    say_again(&network, CLIENT, 100, SEEN_BY_ALL);
    say(&network, SERVER, 100, OTHER | THIRD);
    say_again(&network, SERVER, 100, SEEN_BY_ALL);
    traffic_part(&network.conversation, SEEN_BY_ALL);
    find(&network);
    g_assert_cmpuint(network.pairs->len, ==, 2);
    for (unsigned i = 0; i < 2; i++) {
        const between_pair *pair = network.pairs->pdata[i];

        g_assert_cmpuint(pair->sources[0], ==, i);
        g_assert_cmpuint(pair->sources[1], ==, i + 1);
        g_assert_cmpuint(pair->directions[CLIENT].lost, ==, i == 1);
        g_assert_cmpuint(pair->directions[SERVER].lost, ==, i == 0);
        g_assert_cmpuint(pair->directions[CLIENT].retransmitted, ==, 1);
        g_assert_cmpuint(pair->directions[SERVER].retransmitted, ==, 1);
    }
    for (unsigned source = 0; source < 3; source++) {
        g_assert_cmpuint(fate_of(&network, source, 1)->twin_source, ==, all[CLIENT][source]);
        g_assert_cmpuint(fate_of(&network, source, 1)->twin_number, ==, 1);
        g_assert_cmpint(fate_of(&network, source, 1)->twin_delay, ==, source == 2 ? -BETWEEN : BETWEEN);
        g_assert_cmpuint(fate_of(&network, source, 2)->twin_source, ==, all[SERVER][source]);
    }
    /* What was lost behind the second was seen before it. */
    g_assert_cmpuint(fate_of(&network, 1, 4)->twin_source, ==, 0);
    g_assert_true(fate_of(&network, 1, 4)->is_absent);
    g_assert_cmpuint(fate_of(&network, 1, 4)->absent_source, ==, 2);
    g_assert_cmpuint(fate_of(&network, 0, 4)->twin_source, ==, 1);
    g_assert_false(fate_of(&network, 0, 4)->is_absent);
    end(&network);
}

/* Everything else goes through, in its place: lines of logs, other packets, conversations of one source, records
 * without a time, records out of order, and records of the same time in the order of the sources. */
static void
test_order(void)
{
    network              network;
    traffic_conversation alone;
    match_source        *one, *other;
    GBytes              *nothing = g_bytes_new_static("nothing", 7);

    begin(&network, 3);
    one = network.sources->pdata[0];
    other = network.sources->pdata[1];
    network.conversation.views[2].source = NULL;
    traffic_add(one, -1, NULL);
    shake_hands(&network);
    traffic_add(other, network.conversation.now - 5 * MILLISECOND, NULL);
    traffic_add(other, network.conversation.now - 50 * MILLISECOND, NULL); /* was in order when it was captured */
    traffic_add_frame(one, network.conversation.now, nothing, 7);
    traffic_add_frame(other, network.conversation.now, nothing, 7);
    traffic_add(network.sources->pdata[2], network.conversation.now, NULL);
    traffic_add(one, network.conversation.now, NULL);
    network.conversation.now += MILLISECOND;
    say(&network, CLIENT, 100, ONE);
    for (int i = 0; i < 100; i++)
        traffic_add(network.sources->pdata[2], network.conversation.now + i * 50 * MILLISECOND, NULL);
    alone = conversation_of(&network, 1);
    alone.views[2].source = NULL;
    traffic_shake_hands(&alone, OTHER);
    traffic_add(other, -1, NULL);
    network.conversation.now += 10 * SECOND;
    part(&network);
    find(&network);
    assert_direction(&network, CLIENT, "lost 1");
    assert_unexpected(&network, 0, 1);
    g_assert_cmpint(fate_of(&network, 0, 1)->time, ==, 0);
    assert_twins(&network, 2, 1, BETWEEN);
    for (uint32_t i = 1; i <= traffic_count(network.sources->pdata[2]); i++)
        g_assert_false(fate_of(&network, 2, i)->is_expected);
    g_bytes_unref(nothing);
    end(&network);
}

/* A source whose times jump far ahead and back: everything is told all the same, if not in order. */
static void
test_wild_times(void)
{
    network network;
    char   *problem;

    begin(&network, 2);
    shake_hands(&network);
    for (int i = 0; i < 50; i++) {
        say(&network, CLIENT, 100, BOTH);
        if (i == 20)
            traffic_add(network.sources->pdata[0], INT64_MAX, NULL);
        if (i == 30)
            traffic_add(network.sources->pdata[0], START + 3600 * SECOND, NULL);
        if (i == 40)
            traffic_add(network.sources->pdata[0], 0, NULL);
    }
    problem = try_find(&network);
    g_assert_null(problem);
    g_assert_cmpuint(network.count, ==,
                     traffic_count(network.sources->pdata[0]) + traffic_count(network.sources->pdata[1]));
    end(&network);
}

/* A packet waits for its twin while so many others come that there is no room: it is given up, and nothing is said
 * of it. */
static void
test_full(void)
{
    enum { COUNT = 530000 };

    network network;

    begin(&network, 2);
    shake_hands(&network);
    network.conversation.views[1].after[CLIENT] = NEAR + BETWEEN + SECOND;
    say(&network, CLIENT, 100, BOTH);
    network.conversation.views[1].after[CLIENT] = NEAR + BETWEEN;
    for (int i = 0; i < COUNT; i++)
        traffic_add(network.sources->pdata[0], network.conversation.now + i * 1500, NULL);
    network.conversation.now += 2 * SECOND;
    say(&network, CLIENT, 100, BOTH);
    traffic_sort(network.sources->pdata[1]);
    g_assert_null(try_find(&network)); /* without a sink there is room */
    g_assert_true(network.is_ordered);
    assert_direction(&network, CLIENT, "undecided 1");
    assert_unexpected(&network, 0, 4);
    assert_unexpected(&network, 1, 4);
    assert_twins(&network, traffic_count(network.sources->pdata[0]), 5, BETWEEN);
    end(&network);
}

/* When something goes wrong, that is told, and nothing is left behind. */
static void
test_problems(void)
{
    network network;
    char   *problem;

    begin(&network, 2);
    shake_hands(&network);
    say(&network, CLIENT, 100, ONE);
    part(&network);
    network.fails_at = 3;
    problem = try_find(&network);
    g_assert_cmpstr(problem, ==, "the disk is full");
    g_assert_cmpuint(network.count, ==, 3);
    g_assert_cmpuint(network.dropped, ==, network.kept - 3);
    g_free(problem);
    end(&network);

    begin(&network, 2);
    shake_hands(&network);
    traffic_break(network.sources->pdata[1]);
    problem = try_find(&network);
    g_assert_cmpstr(problem, ==, "test: cannot be read again");
    g_assert_cmpuint(network.count, ==, 0);
    g_free(problem);
    end(&network);
}

/* When a packet was seen by both; 0: never. */
typedef struct {
    int64_t times[2];
} moments;

/* The place of a record in its source, when the times of all are sorted. */
static uint32_t
place_of(const GArray *times, int64_t time)
{
    for (guint i = 0; i < times->len; i++) {
        if (g_array_index(times, int64_t, i) == time)
            return i + 1;
    }
    g_assert_not_reached();
}

static gint
by_value(gconstpointer a, gconstpointer b)
{
    const int64_t *one = a, *other = b;

    return *one < *other ? -1 : *one > *other;
}

/* Packets cross each other, are lost and sent again, for nothing or not: each one's fate is what was made of it. */
static void
test_chaos(void)
{
    for (unsigned round = 0; round < 100; round++) {
        network  network;
        GArray  *times[2] = { g_array_new(FALSE, FALSE, sizeof(int64_t)), g_array_new(FALSE, FALSE, sizeof(int64_t)) };
        GArray  *sent = g_array_new(FALSE, FALSE, sizeof(moments));
        uint64_t lost[2] = { 0 }, again[2] = { 0 };
        GRand   *dice = g_rand_new_with_seed(round);

        begin(&network, 2);
        network.conversation.identifications[CLIENT] = 1;
        network.conversation.identifications[SERVER] = 30000;
        network.conversation.pause = 997 * MICROSECOND;
        for (unsigned i = 0; i < 203; i++) {
            stream_side from = i == 1 || (i > 2 && i < 200 && g_rand_boolean(dice)) ? SERVER : CLIENT;
            unsigned    sender = from, receiver = !from;
            bool        is_lost = i > 2 && i < 200 && g_rand_int_range(dice, 0, 10) == 0;
            bool        is_again = i > 2 && i < 200 && g_rand_int_range(dice, 0, 10) == 0;
            uint32_t    length = (uint32_t)g_rand_int_range(dice, 2, 2000), before = network.conversation.next[from];
            moments     seen;

            if (i < 3 || i > 199) /* far apart from all others */
                network.conversation.now += SECOND / 2;
            network.conversation.views[receiver].after[from] = NEAR + BETWEEN + g_rand_int_range(dice, 0, 3000000);
            for (unsigned k = 0; k < 1 + (unsigned)is_again; k++) {
                seen.times[sender] = network.conversation.now + network.conversation.views[sender].after[from];
                seen.times[receiver] = network.conversation.now + network.conversation.views[receiver].after[from];
                g_array_append_val(times[sender], seen.times[sender]);
                if (k == 0 && is_lost) {
                    seen.times[receiver] = 0;
                    lost[from]++;
                } else {
                    g_array_append_val(times[receiver], seen.times[receiver]);
                }
                g_array_append_val(sent, seen);
                if (i == 0)
                    traffic_send(&network.conversation, from, (traffic_packet){ .flags = WIRE_SYN }, BOTH);
                else if (i == 1)
                    traffic_send(&network.conversation, from, (traffic_packet){ .flags = WIRE_SYN | WIRE_ACK }, BOTH);
                else
                    say(&network, from, length, k == 0 && is_lost ? 1u << sender : BOTH);
                again[from] += k;
                if (k == 0 && is_again) {
                    network.conversation.next[from] = before;
                    network.conversation.now += g_rand_int_range(dice, 0, 40000000);
                }
            }
        }
        for (unsigned i = 0; i < 2; i++) {
            traffic_sort(network.sources->pdata[i]);
            g_array_sort(times[i], by_value);
        }
        find(&network);
        for (int from = 0; from < 2; from++) {
            g_assert_cmpuint(direction_of(&network, from)->lost, ==, lost[from]);
            g_assert_cmpuint(direction_of(&network, from)->retransmitted, ==, again[from]);
            g_assert_cmpuint(direction_of(&network, from)->injected, ==, 0);
        }
        for (guint i = 0; i < sent->len; i++) {
            const int64_t *seen = g_array_index(sent, moments, i).times;

            if (seen[0] == 0)
                assert_absent(&network, 1, place_of(times[1], seen[1]));
            else if (seen[1] == 0)
                assert_absent(&network, 0, place_of(times[0], seen[0]));
            else
                assert_twins(&network, place_of(times[0], seen[0]), place_of(times[1], seen[1]), seen[1] - seen[0]);
        }
        end(&network);
        g_rand_free(dice);
        g_array_unref(sent);
        g_array_unref(times[0]);
        g_array_unref(times[1]);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/match/between/healthy", test_healthy);
    g_test_add_func("/match/between/same-file", test_same_file);
    g_test_add_func("/match/between/lost", test_lost);
    g_test_add_func("/match/between/each-lost", test_each_lost);
    g_test_add_func("/match/between/identified", test_identified);
    g_test_add_func("/match/between/pieces", test_pieces);
    g_test_add_func("/match/between/lost-piece", test_lost_piece);
    g_test_add_func("/match/between/reordered", test_reordered);
    g_test_add_func("/match/between/injected", test_injected);
    g_test_add_func("/match/between/injected-data", test_injected_data);
    g_test_add_func("/match/between/black-hole", test_black_hole);
    g_test_add_func("/match/between/clamped", test_clamped);
    g_test_add_func("/match/between/clocks", test_clocks);
    g_test_add_func("/match/between/no-clock", test_no_clock);
    g_test_add_func("/match/between/uncertain", test_uncertain);
    g_test_add_func("/match/between/uncertain-copies", test_uncertain_copies);
    g_test_add_func("/match/between/shorter-capture", test_shorter_capture);
    g_test_add_func("/match/between/late-capture", test_late_capture);
    g_test_add_func("/match/between/no-copies", test_no_copies);
    g_test_add_func("/match/between/ports-again", test_ports_again);
    g_test_add_func("/match/between/turned-round", test_turned_round);
    g_test_add_func("/match/between/three-sources", test_three_sources);
    g_test_add_func("/match/between/order", test_order);
    g_test_add_func("/match/between/wild-times", test_wild_times);
    g_test_add_func("/match/between/full", test_full);
    g_test_add_func("/match/between/problems", test_problems);
    g_test_add_func("/match/between/too-fast", test_too_fast);
    g_test_add_func("/match/between/doubled-piece", test_doubled_piece);
    g_test_add_func("/match/between/partly", test_partly);
    g_test_add_func("/match/between/put-together", test_put_together);
    g_test_add_func("/match/between/captured-in-disorder", test_captured_in_disorder);
    g_test_add_func("/match/between/injected-reset", test_injected_reset);
    g_test_add_func("/match/between/nothing-more", test_nothing_more);
    g_test_add_func("/match/between/chaos", test_chaos);
    return g_test_run();
}
