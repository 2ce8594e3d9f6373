/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The same conversation at several sources, as a made network shows it to them: addresses, sequence numbers and times
 * are changed on the way, packets are lost, captures begin late. Who belongs to whom, and what lies between, is known
 * from how it was made.
 */
#include <string.h>

#include "match/pairs.h"
#include "match_traffic.h"

#define CLIENT STREAM_CLIENT
#define SERVER STREAM_SERVER
#define BOTH   (SEEN_BY_FIRST | SEEN_BY_SECOND)

/* In place of captures/match/clock.c: events as they come; clocks that only have an offset. */
typedef struct {
    int64_t reference, other;
    bool    to_other;
} clock_event;

struct clock_fit {
    GArray *events; /* of clock_event */
};

void
clock_fit_add(clock_fit *fit, int64_t reference, int64_t other, bool to_other, int64_t slack)
{
    clock_event event = { reference, other, to_other };

    g_assert_cmpint(slack, ==, 0);
    g_array_append_val(fit->events, event);
}

int64_t
clock_to_reference_after(const clock_estimate *estimate, int64_t other, int64_t previous G_GNUC_UNUSED)
{
    return other - estimate->offset;
}

int64_t
clock_to_reference(const clock_estimate *estimate, int64_t other)
{
    return other - estimate->offset;
}

/* --- a network --- */

#define SOURCES TRAFFIC_VIEWS

typedef struct {
    match_source *sources[SOURCES];
    unsigned      count;
    GPtrArray    *tables;
    GPtrArray    *groups;
} network;

static void
begin(network *network, unsigned count)
{
    memset(network, 0, sizeof *network);
    network->count = count;
    for (unsigned i = 0; i < count; i++)
        network->sources[i] = traffic_source("test");
}

static void
free_table(gpointer table)
{
    stream_table_free(table);
}

/* Reads the sources and finds pairs. */
static void
find(network *network)
{
    network->tables = g_ptr_array_new_with_free_func(free_table);
    for (unsigned i = 0; i < network->count; i++) {
        stream_table *table = stream_table_new(i);
        match_record  record;
        wire_segment  segment;
        stream_side   from;
        char         *problem;

        g_assert_true(source_rewind(network->sources[i], &problem));
        while (source_next(network->sources[i], &record, &problem)) {
            if (wire_segment_read(record.link, record.octets, record.captured, record.length, &segment))
                stream_table_add(table, &record, &segment, &from);
        }
        g_ptr_array_add(network->tables, table);
    }
    network->groups = pairs_find(network->tables);
}

static void
end(network *network)
{
    g_ptr_array_unref(network->groups);
    g_ptr_array_unref(network->tables);
    for (unsigned i = 0; i < network->count; i++)
        source_close(network->sources[i]);
}

/* 192.0.2.10, 203.0.113.5; behind a translator, 198.51.100.7 and 10.0.0.20. */
enum { DEVICE = 0xc000020a, PROXY = 0xcb007105, OUTSIDE = 0xc6336407, INSIDE = 0x0a000014 };

/* From the client a millisecond to the first source, 10 more to the second, one more to the server. */
#define NEAR (1 * MILLISECOND)
#define BETWEEN (10 * MILLISECOND)

/* The nth conversation. */
static traffic_conversation
conversation_of(const network *network, unsigned n)
{
    traffic_conversation conversation = { .now = START + n * SECOND, .pause = 30 * MILLISECOND };

    conversation.next[CLIENT] = 0x10000000 + n * 1000003;
    conversation.next[SERVER] = 0xfffff000 + n * 900001;
    for (unsigned i = 0; i < network->count; i++)
        conversation.views[i] = (traffic_view){
            .source = network->sources[i],
            .client = DEVICE,
            .server = PROXY,
            .client_port = (uint16_t)(50000 + n),
            .server_port = 443,
            .after = { NEAR + i * BETWEEN, NEAR + (network->count - 1 - i) * BETWEEN },
            .hops = { (uint8_t)(128 - i), (uint8_t)(64 - (network->count - 1 - i)) },
        };
    return conversation;
}

/* The second source is behind a translator of addresses and ports. */
static void
translate(traffic_conversation *conversation, unsigned n)
{
    traffic_view *view = &conversation->views[1];

    view->client = OUTSIDE;
    view->server = INSIDE;
    view->client_port = (uint16_t)(1024 + n);
    view->server_port = 8443;
}

/* The second source is behind a firewall that rewrites initial sequence numbers. */
static void
rewrite(traffic_conversation *conversation, unsigned n)
{
    conversation->views[1].rewritten[CLIENT] = 0x55555555 + n * 77;
    conversation->views[1].rewritten[SERVER] = 0xaaaaaaaa + n * 99;
}

/* --- what was found --- */

static pair_group *
group_of(const network *network, unsigned source, unsigned index)
{
    for (guint i = 0; i < network->groups->len; i++) {
        pair_group          *group = network->groups->pdata[i];
        stream_conversation *conversation = pairs_seen_by(group, source);

        if (conversation && conversation->index == index)
            return group;
    }
    g_assert_not_reached();
}

/* Each conversation of each source is in one group, and each group has one of each source at most. */
static void
assert_complete(const network *network)
{
    unsigned all = 0, in_groups = 0;

    for (unsigned i = 0; i < network->count; i++)
        all += stream_table_conversations(network->tables->pdata[i])->len;
    for (guint i = 0; i < network->groups->len; i++) {
        const pair_group *group = network->groups->pdata[i];

        for (guint k = 0; k < group->seen->len; k++) {
            const stream_conversation *conversation = group->seen->pdata[k];

            g_assert_true(k == 0 || conversation->source > ((stream_conversation *)group->seen->pdata[k - 1])->source);
            g_assert_true(group->absent[conversation->source] == PAIR_SEEN);
        }
        g_assert_cmpuint(group->seen->len, >, 0);
        g_assert_true((group->reason == NULL) == (group->seen->len > 1));
        in_groups += group->seen->len;
    }
    g_assert_cmpuint(in_groups, ==, all);
}

/* The conversation with that index at the first source is the one with the other index at the second. */
static void
assert_pair(const network *network, unsigned one, unsigned other, pair_basis basis)
{
    const pair_group          *group = group_of(network, 0, one);
    const stream_conversation *conversation = pairs_seen_by(group, 1);

    g_assert_nonnull(conversation);
    g_assert_cmpuint(conversation->index, ==, other);
    g_assert_cmpstr(pair_basis_name(group->basis), ==, pair_basis_name(basis));
}

static void
assert_alone(const network *network, unsigned source, unsigned index, pair_absence absence)
{
    const pair_group *group = group_of(network, source, index);

    g_assert_cmpuint(group->seen->len, ==, 1);
    g_assert_cmpint(group->absent[!source], ==, absence);
}

/* --- by TLS --- */

static void
make_random(uint8_t random[32], unsigned n, unsigned kind)
{
    for (unsigned i = 0; i < 32; i++)
        random[i] = (uint8_t)(n * 37 + kind * 101 + i * i + 1);
}

/* Hellos that are all of the same size. */
static void
say_hello(traffic_conversation *conversation, stream_side from, unsigned n, unsigned seen_by)
{
    uint8_t     random[32];
    GByteArray *hello;

    make_random(random, n, from);
    hello = traffic_hello(from == CLIENT ? 1 : 2, random, "", 100);
    traffic_say(conversation, from, hello->data, hello->len, seen_by);
    g_byte_array_unref(hello);
}

/* Twenty devices behind a translator and a firewall that rewrites sequence numbers, at the same time; the second
 * source has them in another order. */
static void
test_twenty_devices(void)
{
    enum { COUNT = 20 };

    network network;

    begin(&network, 2);
    for (unsigned source = 0; source < 2; source++) {
        for (unsigned i = 0; i < COUNT; i++) {
            unsigned             n = source == 0 ? i : (i * 7 + 3) % COUNT;
            traffic_conversation conversation = conversation_of(&network, n);
            unsigned             seen_by = 1u << source;

            conversation.now = START;
            translate(&conversation, (n * 3 + 1) % COUNT);
            rewrite(&conversation, n);
            traffic_shake_hands(&conversation, seen_by);
            say_hello(&conversation, CLIENT, n, seen_by);
            say_hello(&conversation, SERVER, n, seen_by);
            traffic_part(&conversation, seen_by);
        }
    }
    find(&network);
    assert_complete(&network);
    g_assert_cmpuint(network.groups->len, ==, COUNT);
    g_assert_cmpuint(pairs_share(network.groups, 0, 1), ==, COUNT);
    for (unsigned i = 0; i < COUNT; i++)
        assert_pair(&network, (i * 7 + 3) % COUNT, i, PAIR_TLS_RANDOM);
    end(&network);
}

/* The ServerHello was lost at one source; at another the begin of the capture. */
static void
test_client_hello_alone(void)
{
    network network;

    begin(&network, 2);
    for (unsigned n = 0; n < 3; n++) {
        traffic_conversation conversation = conversation_of(&network, n);

        translate(&conversation, n);
        rewrite(&conversation, n);
        traffic_shake_hands(&conversation, n == 2 ? SEEN_BY_FIRST : BOTH);
        say_hello(&conversation, CLIENT, n, BOTH);
        say_hello(&conversation, SERVER, n, n == 1 ? BOTH : SEEN_BY_FIRST);
    }
    find(&network);
    assert_complete(&network);
    for (unsigned n = 0; n < 3; n++)
        assert_pair(&network, n, n, PAIR_TLS_RANDOM);
    end(&network);
}

/* A client's random alone is not enough when the server's says otherwise; nor are sequence numbers. */
static void
test_contradiction(void)
{
    network              network;
    traffic_conversation conversation;

    begin(&network, 2);
    conversation = conversation_of(&network, 0);
    traffic_shake_hands(&conversation, BOTH);
    say_hello(&conversation, CLIENT, 0, BOTH);
    say_hello(&conversation, SERVER, 1, SEEN_BY_FIRST);
    conversation.next[SERVER] -= 155 - 4; /* whatever */
    say_hello(&conversation, SERVER, 2, SEEN_BY_SECOND);
    find(&network);
    assert_complete(&network);
    assert_alone(&network, 0, 0, PAIR_UNLIKE);
    assert_alone(&network, 1, 0, PAIR_UNLIKE);
    end(&network);
}

/* --- by sequence numbers --- */

static void
test_translated(void)
{
    network network;

    begin(&network, 2);
    for (unsigned n = 0; n < 5; n++) {
        traffic_conversation conversation = conversation_of(&network, n);

        translate(&conversation, 4 - n);
        traffic_shake_hands(&conversation, BOTH);
        traffic_say(&conversation, CLIENT, "GET / HTTP/1.1\r\n\r\n", 18, BOTH);
        traffic_say(&conversation, SERVER, "HTTP/1.1 200 OK\r\n\r\n", 19, BOTH);
    }
    find(&network);
    assert_complete(&network);
    for (unsigned n = 0; n < 5; n++)
        assert_pair(&network, n, n, PAIR_SEQUENCE);
    end(&network);
}

/* Nothing but a SYN: without an answer, refused, with an answer that did not come through, and seen in one
 * direction. */
static void
test_hardly_anything(void)
{
    const traffic_packet syn = { .flags = WIRE_SYN, .mss = 1460 };
    const traffic_packet answer = { .flags = WIRE_SYN | WIRE_ACK, .mss = 1460 };
    const traffic_packet refusal = { .flags = WIRE_RST | WIRE_ACK };
    network              network;

    begin(&network, 2);
    for (unsigned n = 0; n < 4; n++) {
        traffic_conversation conversation = conversation_of(&network, n);

        translate(&conversation, n);
        traffic_send(&conversation, CLIENT, syn, n == 3 ? SEEN_BY_FIRST : BOTH);
        if (n == 1)
            traffic_send(&conversation, SERVER, refusal, BOTH);
        if (n == 2)
            traffic_send(&conversation, SERVER, answer, SEEN_BY_SECOND);
        if (n == 3)
            traffic_send(&conversation, SERVER, answer, BOTH);
    }
    find(&network);
    assert_complete(&network);
    for (unsigned n = 0; n < 4; n++)
        assert_pair(&network, n, n, PAIR_SEQUENCE);
    end(&network);
}

/* A capture that began in the middle of a conversation, and one that began in the middle of the same one, later; ports
 * that are used again on both sides. */
static void
test_in_the_middle(void)
{
    network              network;
    traffic_conversation conversation;
    int64_t              shift;

    begin(&network, 2);
    conversation = conversation_of(&network, 0);
    traffic_shake_hands(&conversation, SEEN_BY_FIRST);
    traffic_say(&conversation, CLIENT, NULL, 100, SEEN_BY_FIRST);
    traffic_say(&conversation, SERVER, NULL, 5000, SEEN_BY_FIRST);
    traffic_say(&conversation, CLIENT, NULL, 100, BOTH);
    traffic_say(&conversation, SERVER, NULL, 500, BOTH);

    conversation = conversation_of(&network, 1);
    traffic_say(&conversation, CLIENT, NULL, 100, SEEN_BY_FIRST);
    traffic_say(&conversation, SERVER, NULL, 100, SEEN_BY_FIRST);
    traffic_say(&conversation, SERVER, NULL, 500, BOTH);
    traffic_say(&conversation, CLIENT, NULL, 100, BOTH);
    traffic_part(&conversation, BOTH);

    /* The same ports again, and once more where only one source sees it. */
    conversation.now += SECOND;
    conversation.next[CLIENT] += 0x30000000;
    traffic_shake_hands(&conversation, BOTH);
    conversation.next[CLIENT] += 0x30000000;
    traffic_shake_hands(&conversation, SEEN_BY_SECOND);
    find(&network);
    assert_complete(&network);
    for (unsigned i = 0; i < 3; i++)
        assert_pair(&network, i, i, PAIR_SEQUENCE);
    assert_alone(&network, 1, 3, PAIR_UNLIKE);

    /* The first octet that the second source has follows a SYN and 100, and a SYN and 5000. */
    const pair_group          *group = group_of(&network, 0, 0);
    const stream_conversation *one = pairs_seen_by(group, 0), *other = pairs_seen_by(group, 1);

    g_assert_true(pairs_shift(group, one, other, CLIENT, &shift));
    g_assert_cmpuint(other->directions[CLIENT].first + (uint64_t)shift, ==, 1 + 100);
    g_assert_true(pairs_shift(group, one, other, SERVER, &shift));
    g_assert_cmpuint(other->directions[SERVER].first + (uint64_t)shift, ==, 1 + 5000);
    g_assert_true(pairs_shift(group, other, one, SERVER, &shift));
    g_assert_cmpuint(1 + 5000 + (uint64_t)shift, ==, other->directions[SERVER].first);
    end(&network);
}

/* Devices that use the same ports, and numbers that are near each other, and the order in which they come is
 * another one. */
static void
test_same_ports(void)
{
    network network;

    begin(&network, 2);
    for (unsigned source = 0; source < 2; source++) {
        for (unsigned i = 0; i < 2; i++) {
            unsigned             n = source == 0 ? i : !i;
            traffic_conversation conversation = conversation_of(&network, 0);

            conversation.views[0].client = conversation.views[1].client = DEVICE + n;
            conversation.next[CLIENT] += n * 50;
            traffic_say(&conversation, CLIENT, NULL, 500, 1u << source);
        }
    }
    find(&network);
    assert_pair(&network, 0, 1, PAIR_SEQUENCE);
    assert_pair(&network, 1, 0, PAIR_SEQUENCE);
    end(&network);
}

/* The first source began later. */
static void
test_in_the_middle_first(void)
{
    network              network;
    traffic_conversation conversation;

    begin(&network, 2);
    conversation = conversation_of(&network, 0);
    traffic_say(&conversation, CLIENT, NULL, 500, SEEN_BY_SECOND);
    traffic_say(&conversation, SERVER, NULL, 500, SEEN_BY_SECOND);
    traffic_say(&conversation, CLIENT, NULL, 100, BOTH);
    traffic_say(&conversation, SERVER, NULL, 500, BOTH);
    find(&network);
    assert_pair(&network, 0, 0, PAIR_SEQUENCE);
    end(&network);
}

/* A capture that began after 9 GB. */
static void
test_in_the_middle_of_much(void)
{
    enum { SEGMENT = 60000, SEGMENTS = 150000 };

    network              network;
    traffic_conversation conversation;
    int64_t              shift;

    begin(&network, 2);
    conversation = conversation_of(&network, 0);
    conversation.pause = 100 * MICROSECOND;
    for (int i = 0; i < 2; i++)
        conversation.views[i].captured = 54 + 4; /* the SYN's option, too */
    traffic_shake_hands(&conversation, SEEN_BY_FIRST);
    for (unsigned i = 0; i < SEGMENTS; i++)
        traffic_say(&conversation, SERVER, NULL, SEGMENT, SEEN_BY_FIRST);
    traffic_say(&conversation, CLIENT, NULL, 100, BOTH);
    for (unsigned i = 0; i < 10; i++)
        traffic_say(&conversation, SERVER, NULL, SEGMENT, BOTH);
    find(&network);
    assert_pair(&network, 0, 0, PAIR_SEQUENCE);

    const pair_group          *group = group_of(&network, 0, 0);
    const stream_conversation *one = pairs_seen_by(group, 0), *other = pairs_seen_by(group, 1);

    g_assert_true(pairs_shift(group, one, other, SERVER, &shift));
    g_assert_cmpuint(other->directions[SERVER].first + (uint64_t)shift, ==, 1 + (uint64_t)SEGMENT * SEGMENTS);
    end(&network);
}

/* The same file twice: everything is a pair, whatever it is. */
static void
test_same_file(void)
{
    network network;

    begin(&network, 2);
    for (unsigned n = 0; n < 6; n++) {
        traffic_conversation conversation = conversation_of(&network, n);

        conversation.views[1] = conversation.views[0];
        conversation.views[1].source = network.sources[1];
        if (n == 5) /* the same ports as before */
            conversation.views[0].client_port = conversation.views[1].client_port = 50004;
        if (n == 0) { /* nothing but acknowledgements */
            traffic_send(&conversation, CLIENT, (traffic_packet){ .flags = WIRE_ACK }, BOTH);
            continue;
        }
        if (n == 1) {
            traffic_send(&conversation, CLIENT, (traffic_packet){ .flags = WIRE_SYN }, BOTH);
            continue;
        }
        if (n != 2)
            traffic_shake_hands(&conversation, BOTH);
        if (n == 3)
            say_hello(&conversation, CLIENT, n, BOTH);
        traffic_say(&conversation, SERVER, "HTTP/1.1 200 OK\r\n\r\n", 19, BOTH);
        traffic_part(&conversation, BOTH);
    }
    find(&network);
    assert_complete(&network);
    for (unsigned i = 0; i < 6; i++)
        assert_pair(&network, i, i, i == 3 ? PAIR_TLS_RANDOM : PAIR_SEQUENCE);
    end(&network);
}

/* --- by payload --- */

static void
ask(traffic_conversation *conversation, const char *path, unsigned seen_by)
{
    static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nPOSTPKIOperation";
    char             *request = g_strdup_printf("GET /certsrv/mscep/mscep.dll?operation=GetCACaps&message=%s", path);

    traffic_say(conversation, CLIENT, request, strlen(request), seen_by);
    traffic_say(conversation, SERVER, answer, strlen(answer), seen_by);
    g_free(request);
}

/* Rewritten sequence numbers without TLS: where ports are kept they tell, else the lengths do; of those that are
 * all alike, the order, as long as both sources have as many. */
static void
test_rewritten(void)
{
    static const char *const paths[] = { "a", "bb", "a", "ccc", "a" };
    network                  network;

    for (int is_translated = 0; is_translated < 2; is_translated++) {
        begin(&network, 2);
        for (unsigned n = 0; n < G_N_ELEMENTS(paths); n++) {
            traffic_conversation conversation = conversation_of(&network, n);

            if (is_translated)
                translate(&conversation, n);
            rewrite(&conversation, n);
            traffic_shake_hands(&conversation, BOTH);
            ask(&conversation, paths[n], BOTH);
            traffic_part(&conversation, BOTH);
        }
        find(&network);
        assert_complete(&network);
        for (unsigned n = 0; n < G_N_ELEMENTS(paths); n++)
            assert_pair(&network, n, n, PAIR_PAYLOAD);
        end(&network);
    }
}

/* The second source lacks one of those that are alike: nobody knows which. */
static void
test_alike(void)
{
    network network;

    begin(&network, 2);
    for (unsigned n = 0; n < 4; n++) {
        traffic_conversation conversation = conversation_of(&network, n);
        unsigned             seen_by = n == 1 ? SEEN_BY_FIRST : BOTH;

        translate(&conversation, n);
        rewrite(&conversation, n);
        traffic_shake_hands(&conversation, seen_by);
        ask(&conversation, n == 3 ? "another" : "the same", seen_by);
        traffic_part(&conversation, seen_by);
    }
    find(&network);
    assert_complete(&network);
    for (unsigned i = 0; i < 3; i++)
        assert_alone(&network, 0, i, PAIR_ALIKE);
    for (unsigned i = 0; i < 2; i++)
        assert_alone(&network, 1, i, PAIR_ALIKE);
    assert_pair(&network, 3, 2, PAIR_PAYLOAD);
    g_assert_nonnull(strstr(group_of(&network, 0, 0)->reason, "several"));
    end(&network);
}

/* Where sequence numbers are kept, others are other conversations, even if the payload is the same. */
static void
test_not_rewritten(void)
{
    network              network;
    traffic_conversation conversation;

    begin(&network, 2);
    for (unsigned n = 0; n < 2; n++) {
        conversation = conversation_of(&network, n);
        traffic_shake_hands(&conversation, n == 0 ? BOTH : SEEN_BY_FIRST);
        ask(&conversation, "the same", n == 0 ? BOTH : SEEN_BY_FIRST);
    }
    conversation = conversation_of(&network, 2);
    traffic_shake_hands(&conversation, SEEN_BY_SECOND);
    ask(&conversation, "the same", SEEN_BY_SECOND);
    find(&network);
    assert_complete(&network);
    assert_pair(&network, 0, 0, PAIR_SEQUENCE);
    assert_alone(&network, 0, 1, PAIR_UNLIKE);
    assert_alone(&network, 1, 1, PAIR_UNLIKE);
    end(&network);
}

/* Snapshots of one source are short: the first octets are enough when they are nobody else's. */
static void
test_truncated(void)
{
    network              network;
    traffic_conversation conversation;

    begin(&network, 2);
    conversation = conversation_of(&network, 0);
    translate(&conversation, 0);
    rewrite(&conversation, 0);
    conversation.views[1].captured = 54 + 20;
    traffic_shake_hands(&conversation, BOTH);
    ask(&conversation, "a", BOTH);
    find(&network);
    assert_pair(&network, 0, 0, PAIR_PAYLOAD);
    end(&network);
}

/* --- alone --- */

static void
test_reasons(void)
{
    network              network;
    traffic_conversation conversation;
    clock_estimate       clocks[3] = { { .offset = 0 } };

    begin(&network, 2);
    conversation = conversation_of(&network, 0);
    traffic_shake_hands(&conversation, BOTH);
    conversation = conversation_of(&network, 1);
    traffic_shake_hands(&conversation, SEEN_BY_FIRST);
    conversation = conversation_of(&network, 2);
    traffic_send(&conversation, CLIENT, (traffic_packet){ .flags = WIRE_ACK }, SEEN_BY_FIRST);
    /* A translator that captures on both sides has the conversation twice; the other source has the second. */
    conversation = conversation_of(&network, 3);
    conversation.views[2] = conversation.views[0];
    conversation.views[0].client = OUTSIDE;
    say_hello(&conversation, CLIENT, 3, SEEN_BY_ALL);
    say_hello(&conversation, SERVER, 3, SEEN_BY_ALL);
    /* Likewise without TLS, and behind yet another one. */
    conversation = conversation_of(&network, 4);
    conversation.views[2] = conversation.views[0];
    conversation.views[2].client = OUTSIDE;
    conversation.views[1].client = INSIDE;
    traffic_shake_hands(&conversation, SEEN_BY_ALL);
    /* Long after everything else. */
    conversation = conversation_of(&network, 1000);
    traffic_shake_hands(&conversation, SEEN_BY_FIRST);
    find(&network);
    g_ptr_array_unref(network.groups);
    g_ptr_array_add(network.tables, NULL); /* a log */
    network.groups = pairs_find(network.tables);

    assert_complete(&network);
    assert_pair(&network, 0, 0, PAIR_SEQUENCE);
    g_assert_cmpint(group_of(&network, 0, 0)->absent[2], ==, PAIR_NOT_SOUGHT);
    assert_alone(&network, 0, 1, PAIR_UNLIKE);
    assert_alone(&network, 0, 2, PAIR_NAMELESS);
    assert_alone(&network, 0, 3, PAIR_TAKEN);
    assert_pair(&network, 4, 1, PAIR_TLS_RANDOM);
    assert_pair(&network, 5, 2, PAIR_SEQUENCE);
    assert_alone(&network, 0, 6, PAIR_TAKEN);
    assert_alone(&network, 0, 7, PAIR_UNLIKE);

    pairs_explain(network.groups, network.tables, clocks);
    assert_alone(&network, 0, 1, PAIR_UNLIKE);
    assert_alone(&network, 0, 7, PAIR_OUTSIDE);
    g_assert_nonnull(strstr(group_of(&network, 0, 7)->reason, "at that time"));
    clocks[1].offset = 997 * SECOND; /* so that its source is of before everything of the first */
    pairs_explain(network.groups, network.tables, clocks);
    assert_alone(&network, 0, 1, PAIR_OUTSIDE);
    end(&network);
}

/* Where there is nothing else, nothing is missed. */
static void
test_one_source(void)
{
    network              network;
    traffic_conversation conversation;

    begin(&network, 1);
    conversation = conversation_of(&network, 0);
    traffic_shake_hands(&conversation, SEEN_BY_FIRST);
    find(&network);
    g_assert_cmpuint(network.groups->len, ==, 1);
    g_assert_null(group_of(&network, 0, 0)->reason);
    end(&network);
}

static void
test_three_sources(void)
{
    network              network;
    traffic_conversation conversation;

    begin(&network, 3);
    for (unsigned n = 0; n < 4; n++) {
        conversation = conversation_of(&network, n);
        translate(&conversation, n);
        traffic_shake_hands(&conversation, n == 1 ? SEEN_BY_SECOND | SEEN_BY_THIRD
                                           : n == 2 ? SEEN_BY_FIRST | SEEN_BY_THIRD : SEEN_BY_ALL);
        if (n == 3) { /* to the third, a firewall: it has the hello with the others in common, they the numbers */
            say_hello(&conversation, CLIENT, n, SEEN_BY_SECOND | SEEN_BY_THIRD);
        }
    }
    find(&network);
    assert_complete(&network);
    g_assert_cmpuint(network.groups->len, ==, 4);
    g_assert_cmpuint(group_of(&network, 0, 0)->seen->len, ==, 3);
    g_assert_true(pairs_seen_by(group_of(&network, 1, 1), 2) == pairs_seen_by(group_of(&network, 2, 1), 2));
    g_assert_null(pairs_seen_by(group_of(&network, 1, 1), 0));
    g_assert_true(group_of(&network, 0, 1) == group_of(&network, 2, 2));
    g_assert_true(group_of(&network, 0, 2) == group_of(&network, 1, 2));
    g_assert_true(group_of(&network, 0, 2) == group_of(&network, 2, 3));
    g_assert_cmpint(group_of(&network, 0, 2)->basis, ==, PAIR_SEQUENCE);
    g_assert_cmpuint(pairs_share(network.groups, 0, 1), ==, 2);
    g_assert_cmpuint(pairs_share(network.groups, 0, 2), ==, 3);
    end(&network);
}

/* --- who is nearer, and when --- */

/* How the second source's clock differs in these tests. */
#define CLOCK (37 * SECOND + 123456789)

static clock_fit
events_of(const network *network, unsigned *nearer)
{
    clock_fit fit = { g_array_new(FALSE, FALSE, sizeof(clock_event)) };
    unsigned  answer = pairs_events(network->groups, 0, 1, &fit);

    if (nearer)
        *nearer = answer;
    return fit;
}

/* No event says that a packet went faster than `least`, in either direction; each says exactly that when `is_exact`. */
static void
assert_events(const network *network, bool is_first_near, int64_t least, bool is_exact)
{
    clock_fit fit = events_of(network, NULL);
    unsigned  counts[2] = { 0 };
    int64_t   before = 0;

    for (guint i = 0; i < fit.events->len; i++) {
        const clock_event *event = &g_array_index(fit.events, clock_event, i);
        int64_t            later = event->other - CLOCK - event->reference;
        int64_t            delay = event->to_other ? later : -later;

        g_assert_cmpint(delay, >=, least);
        if (is_exact)
            g_assert_cmpint(delay, ==, least);
        g_assert_cmpint(event->reference, >=, before);
        before = event->reference;
        counts[event->to_other]++;
    }
    g_assert_cmpuint(counts[0], >, 0);
    g_assert_cmpuint(counts[1], >, 0);
    if (network->groups->len > 0)
        g_assert_cmpuint(pairs_nearer(network->groups, 0, 1), ==, !is_first_near);
    g_array_unref(fit.events);
}

static void
exchange(traffic_conversation *conversation)
{
    traffic_shake_hands(conversation, BOTH);
    for (unsigned i = 0; i < 20; i++) {
        traffic_say(conversation, CLIENT, NULL, 300, BOTH);
        traffic_say(conversation, SERVER, NULL, 3000, BOTH);
    }
    traffic_part(conversation, BOTH);
}

/* The sources' hops and their distance tell, together or each alone. */
static void
test_events(void)
{
    static const struct {
        bool is_swapped;
        int  hops; /* 1: as they are; 0: the same for both; -1: as if it were the other way round in one direction */
    } cases[] = { { false, 1 }, { false, 0 }, { false, -1 }, { true, 1 }, { true, 0 }, { true, -1 } };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        network              network;
        traffic_conversation conversation;
        traffic_view        *one, *other;
        unsigned             nearer;
        clock_fit            fit;

        begin(&network, 2);
        conversation = conversation_of(&network, 0);
        one = &conversation.views[0];
        other = &conversation.views[1];
        if (cases[i].is_swapped) {
            traffic_view before = *one;

            *one = *other;
            *other = before;
            one->source = network.sources[0];
            other->source = network.sources[1];
        }
        if (cases[i].hops == 0)
            memcpy(other->hops, one->hops, sizeof one->hops);
        else if (cases[i].hops < 0)
            one->hops[SERVER] = (uint8_t)(2 * other->hops[SERVER] - one->hops[SERVER]);
        other->clock = CLOCK;
        exchange(&conversation);
        find(&network);
        assert_events(&network, !cases[i].is_swapped, BETWEEN, true);
        fit = events_of(&network, &nearer);
        g_assert_cmpuint(nearer, ==, cases[i].is_swapped);
        /* Of 43 packets with octets or acknowledgements of new ones most make an event, and none two. */
        g_assert_cmpuint(fit.events->len, >=, 40);
        g_assert_cmpuint(fit.events->len, <=, 2 * 46);
        g_array_unref(fit.events);
        end(&network);
    }
}

/* Hops tell where times do not, and are believed where times say something else. */
static void
test_order_by_hops(void)
{
    for (int is_swapped = 0; is_swapped < 2; is_swapped++) {
        for (int64_t sooner = 0; sooner < 2; sooner++) {
            network              network;
            traffic_conversation conversation;
            traffic_view        *one, *other;
            const pair_group    *group;
            int                  order;

            begin(&network, 2);
            conversation = conversation_of(&network, 0);
            one = &conversation.views[is_swapped];
            other = &conversation.views[!is_swapped];
            one->hops[CLIENT] = 128;
            other->hops[CLIENT] = 127;
            one->hops[SERVER] = 63;
            other->hops[SERVER] = 64;
            other->after[CLIENT] = one->after[CLIENT] - sooner * MICROSECOND; /* as if it were nearer */
            other->after[SERVER] = one->after[SERVER] + sooner * MICROSECOND;
            exchange(&conversation);
            find(&network);
            group = group_of(&network, 0, 0);
            order = pairs_order(group, pairs_seen_by(group, 0), pairs_seen_by(group, 1));
            g_assert_cmpint(is_swapped ? -order : order, >, 0);
            g_assert_cmpuint(pairs_nearer(network.groups, 0, 1), ==, is_swapped);
            end(&network);
        }
    }
}

static void
test_events_of_same_file(void)
{
    network              network;
    traffic_conversation conversation;
    unsigned             nearer;
    clock_fit            fit;

    begin(&network, 2);
    conversation = conversation_of(&network, 0);
    conversation.views[1] = conversation.views[0];
    conversation.views[1].source = network.sources[1];
    exchange(&conversation);
    find(&network);
    fit = events_of(&network, &nearer);
    g_assert_cmpuint(nearer, ==, 0);
    g_assert_cmpuint(fit.events->len, >, 40);
    for (guint i = 0; i < fit.events->len; i++) {
        const clock_event *event = &g_array_index(fit.events, clock_event, i);

        g_assert_cmpint(event->other, ==, event->reference);
    }
    g_array_unref(fit.events);
    end(&network);
}

/* A download: acknowledgements are all that the client sends, and they are events all the time. */
static void
test_events_of_download(void)
{
    network              network;
    traffic_conversation conversation;
    clock_fit            fit;
    int64_t              last = 0;

    begin(&network, 2);
    conversation = conversation_of(&network, 0);
    conversation.views[1].clock = CLOCK;
    traffic_shake_hands(&conversation, BOTH);
    traffic_say(&conversation, CLIENT, NULL, 100, BOTH);
    for (unsigned i = 0; i < 1000; i++) {
        traffic_say(&conversation, SERVER, NULL, 1460, BOTH);
        traffic_send(&conversation, CLIENT, (traffic_packet){ .flags = WIRE_ACK }, BOTH);
    }
    find(&network);
    assert_events(&network, true, BETWEEN, true);
    fit = events_of(&network, NULL);
    for (guint i = 0; i < fit.events->len; i++) {
        const clock_event *event = &g_array_index(fit.events, clock_event, i);

        last = event->to_other ? event->reference : last;
    }
    g_assert_cmpint(last, >, conversation.now - (conversation.now - START) / 10);
    g_array_unref(fit.events);
    end(&network);
}

/* What one capture missed, and what was sent again: the first copy, which the other has, is not compared with the
 * second. */
static void
test_events_of_copies(void)
{
    network              network;
    traffic_conversation conversation;
    const traffic_packet syn = { .flags = WIRE_SYN }, answer = { .flags = WIRE_SYN | WIRE_ACK };

    begin(&network, 2);
    conversation = conversation_of(&network, 0);
    conversation.views[1].clock = CLOCK;
    traffic_send(&conversation, CLIENT, syn, SEEN_BY_SECOND);
    conversation.next[CLIENT]--;
    traffic_send(&conversation, CLIENT, syn, BOTH);
    traffic_send(&conversation, SERVER, answer, BOTH);
    traffic_send(&conversation, CLIENT, (traffic_packet){ .flags = WIRE_ACK }, BOTH);
    traffic_say(&conversation, CLIENT, NULL, 100, SEEN_BY_SECOND); /* missed by the capture there */
    traffic_send(&conversation, SERVER, (traffic_packet){ .flags = WIRE_ACK }, BOTH);
    conversation.next[CLIENT] -= 100;
    traffic_say(&conversation, CLIENT, NULL, 100, BOTH); /* sent again, for nothing */
    traffic_say(&conversation, CLIENT, NULL, 100, SEEN_BY_FIRST); /* lost */
    conversation.next[CLIENT] -= 100;
    traffic_say(&conversation, CLIENT, NULL, 100, BOTH);
    traffic_say(&conversation, SERVER, NULL, 100, SEEN_BY_FIRST); /* missed here as well */
    traffic_say(&conversation, SERVER, NULL, 100, BOTH);
    conversation.next[SERVER] -= 200;
    traffic_say(&conversation, SERVER, NULL, 100, BOTH);
    traffic_say(&conversation, CLIENT, NULL, 500, BOTH);
    find(&network);
    assert_events(&network, true, BETWEEN, false);
    end(&network);
}

/* One capture has what was sent in one piece, the other its pieces; and one began later, so that marks are
 * elsewhere. */
static void
test_events_of_pieces(void)
{
    for (int is_late = 0; is_late < 2; is_late++) {
        network              network;
        traffic_conversation conversation;

        begin(&network, 2);
        conversation = conversation_of(&network, 0);
        conversation.views[1].clock = CLOCK;
        conversation.pause = MILLISECOND;
        traffic_shake_hands(&conversation, is_late ? SEEN_BY_FIRST : BOTH);
        for (unsigned i = 0; i < 50; i++) {
            traffic_say(&conversation, CLIENT, NULL, 5 * 1460, SEEN_BY_FIRST);
            conversation.next[CLIENT] -= 5 * 1460;
            for (unsigned k = 0; k < 5; k++)
                traffic_say(&conversation, CLIENT, NULL, 1460, SEEN_BY_SECOND);
            traffic_say(&conversation, SERVER, NULL, 11, BOTH);
        }
        find(&network);
        assert_events(&network, true, BETWEEN, false);
        end(&network);
    }
}

/* Whatever is lost, missed, sent again, and when captures begin: no event tells of a packet that was too fast. Only
 * a packet that the sender's capture missed, whose acknowledgement was lost, and that was sent again as the last
 * one would. */
static void
test_events_of_chaos(void)
{
    for (unsigned round = 0; round < 300; round++) {
        network              network;
        traffic_conversation conversation;
        clock_fit            fit;
        GRand               *dice = g_rand_new_with_seed(round);

        begin(&network, 2);
        conversation = conversation_of(&network, 0);
        conversation.views[1].clock = CLOCK;
        conversation.identifications[CLIENT] = conversation.identifications[SERVER] = 1;
        traffic_shake_hands(&conversation, BOTH);
        for (unsigned i = 0; i < 100; i++) {
            stream_side from = g_rand_boolean(dice) ? CLIENT : SERVER;
            unsigned    length = (unsigned)g_rand_int_range(dice, 0, 3000);
            unsigned    what = (unsigned)g_rand_int_range(dice, 0, 10);
            unsigned    sender = from == CLIENT ? SEEN_BY_FIRST : SEEN_BY_SECOND;
            unsigned    missed = what == 0 ? BOTH & ~sender : BOTH;

            conversation.views[0].after[SERVER] = NEAR + BETWEEN + g_rand_int_range(dice, 0, 5000000);
            conversation.views[1].after[CLIENT] = NEAR + BETWEEN + g_rand_int_range(dice, 0, 5000000);
            if (what == 1)
                missed = sender; /* lost */
            traffic_say(&conversation, from, NULL, length, missed);
            if (what < 2) { /* and acknowledged, or not, and sent again */
                if (what == 0)
                    traffic_send(&conversation, !from, (traffic_packet){ .flags = WIRE_ACK }, BOTH);
                conversation.next[from] -= length;
                traffic_say(&conversation, from, NULL, length, BOTH);
            }
        }
        find(&network);
        fit = events_of(&network, NULL);
        g_assert_cmpuint(fit.events->len, >, 4);
        for (guint i = 0; i < fit.events->len; i++) {
            const clock_event *event = &g_array_index(fit.events, clock_event, i);
            int64_t            later = event->other - CLOCK - event->reference;

            g_assert_cmpint(event->to_other ? later : -later, >=, BETWEEN);
        }
        g_rand_free(dice);
        g_array_unref(fit.events);
        end(&network);
    }
}

/* The proxy is a server for devices and a client for what is behind it: each conversation has an order of its own. */
static void
test_both_ways(void)
{
    network network;

    begin(&network, 2);
    for (unsigned n = 0; n < 3; n++) {
        traffic_conversation conversation = conversation_of(&network, n);
        traffic_view        *one = &conversation.views[0], *other = &conversation.views[1];

        if (n == 0) {
            traffic_view before = *one;

            *one = *other;
            *other = before;
            one->source = network.sources[0];
            other->source = network.sources[1];
        }
        other->clock = CLOCK;
        exchange(&conversation);
    }
    find(&network);
    assert_events(&network, true, BETWEEN, true);
    g_assert_cmpint(pairs_order(group_of(&network, 0, 0), pairs_seen_by(group_of(&network, 0, 0), 0),
                                pairs_seen_by(group_of(&network, 0, 0), 1)), <, 0);
    end(&network);
}

/* Nothing in common, or nothing that can be compared: no events. */
static void
test_no_events(void)
{
    network              network;
    traffic_conversation conversation;
    clock_fit            fit;
    unsigned             nearer;

    begin(&network, 2);
    for (unsigned n = 0; n < 2; n++) {
        conversation = conversation_of(&network, n);
        traffic_shake_hands(&conversation, 1u << n);
    }
    find(&network);
    fit = events_of(&network, &nearer);
    g_assert_cmpuint(fit.events->len, ==, 0);
    g_assert_cmpuint(nearer, ==, 0);
    g_assert_cmpuint(pairs_share(network.groups, 0, 1), ==, 0);
    g_array_unref(fit.events);
    end(&network);
}

/* Many conversations that all look alike cost no more than others. */
static void
test_many_alike(void)
{
    enum { COUNT = 20000 };

    network network;

    begin(&network, 2);
    for (unsigned n = 0; n < COUNT; n++) {
        traffic_conversation conversation = conversation_of(&network, n);

        conversation.next[CLIENT] = n < COUNT / 2 ? 1 : 1 + n;
        conversation.next[SERVER] = 1;
        conversation.now = START;
        for (int i = 0; i < 2; i++)
            conversation.views[i].client = DEVICE + (n >> 14);
        if (n % 2)
            rewrite(&conversation, n);
        traffic_send(&conversation, CLIENT, (traffic_packet){ .flags = WIRE_SYN }, n % 3 ? BOTH : SEEN_BY_FIRST);
        traffic_say(&conversation, CLIENT, "0123456789abcdef", 16, BOTH);
    }
    find(&network);
    assert_complete(&network);
    end(&network);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/match/pairs/twenty-devices", test_twenty_devices);
    g_test_add_func("/match/pairs/client-hello-alone", test_client_hello_alone);
    g_test_add_func("/match/pairs/contradiction", test_contradiction);
    g_test_add_func("/match/pairs/translated", test_translated);
    g_test_add_func("/match/pairs/hardly-anything", test_hardly_anything);
    g_test_add_func("/match/pairs/in-the-middle", test_in_the_middle);
    g_test_add_func("/match/pairs/in-the-middle-first", test_in_the_middle_first);
    g_test_add_func("/match/pairs/same-ports", test_same_ports);
    g_test_add_func("/match/pairs/in-the-middle-of-much", test_in_the_middle_of_much);
    g_test_add_func("/match/pairs/same-file", test_same_file);
    g_test_add_func("/match/pairs/rewritten", test_rewritten);
    g_test_add_func("/match/pairs/alike", test_alike);
    g_test_add_func("/match/pairs/not-rewritten", test_not_rewritten);
    g_test_add_func("/match/pairs/truncated", test_truncated);
    g_test_add_func("/match/pairs/reasons", test_reasons);
    g_test_add_func("/match/pairs/one-source", test_one_source);
    g_test_add_func("/match/pairs/three-sources", test_three_sources);
    g_test_add_func("/match/pairs/many-alike", test_many_alike);
    g_test_add_func("/match/pairs/events", test_events);
    g_test_add_func("/match/pairs/order-by-hops", test_order_by_hops);
    g_test_add_func("/match/pairs/events-of-same-file", test_events_of_same_file);
    g_test_add_func("/match/pairs/events-of-download", test_events_of_download);
    g_test_add_func("/match/pairs/events-of-copies", test_events_of_copies);
    g_test_add_func("/match/pairs/events-of-pieces", test_events_of_pieces);
    g_test_add_func("/match/pairs/events-of-chaos", test_events_of_chaos);
    g_test_add_func("/match/pairs/both-ways", test_both_ways);
    g_test_add_func("/match/pairs/no-events", test_no_events);
    return g_test_run();
}
