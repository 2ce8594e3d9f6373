/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The conversations of one source, from frames made by the rules of the standards. Expected values are what was sent.
 */
#include <string.h>

#include "match/streams.h"
#include "match_traffic.h"

enum { DEVICE = 0xc000020a, SERVER = 0xcb007105 }; /* 192.0.2.10, 203.0.113.5 */
enum { SYN = WIRE_SYN, ACK = WIRE_ACK, FIN = WIRE_FIN, RST = WIRE_RST };

/* From the device's port 50001 to the server's 443, and back. */
#define TO_SERVER .source = DEVICE, .destination = SERVER, .source_port = 50001, .destination_port = 443
#define TO_DEVICE .source = SERVER, .destination = DEVICE, .source_port = 443, .destination_port = 50001

#define PACKET(...) (&(traffic_packet){ __VA_ARGS__ })

/* A table that is fed. */
typedef struct {
    stream_table *table;
    match_source *source;
    int64_t       time; /* of the next record */
} feeder;

static feeder
begin(void)
{
    return (feeder){ stream_table_new(3), traffic_source("test"), START };
}

static void
end(feeder *feeder)
{
    stream_table_free(feeder->table);
    source_close(feeder->source);
}

/* Feeds a packet; the next is a millisecond later. `from`, when it is not NULL, gets who sent it. */
static stream_conversation *
feed_from(feeder *feeder, const traffic_packet *packet, stream_side *from)
{
    match_record         record;
    wire_segment         segment;
    stream_conversation *conversation;
    stream_side          side;
    char                *problem;

    traffic_add(feeder->source, feeder->time, packet);
    g_assert_true(source_next(feeder->source, &record, &problem));
    g_assert_true(wire_segment_read(record.link, record.octets, record.captured, record.length, &segment));
    conversation = stream_table_add(feeder->table, &record, &segment, from ? from : &side);
    g_assert_nonnull(conversation);
    g_assert_cmpuint(conversation->last_number, ==, record.number);
    feeder->time += MILLISECOND;
    return conversation;
}

static stream_conversation *
feed(feeder *feeder, const traffic_packet *packet)
{
    return feed_from(feeder, packet, NULL);
}

static void
assert_conversations(const feeder *feeder, guint count)
{
    const GPtrArray *conversations = stream_table_conversations(feeder->table);

    g_assert_cmpuint(conversations->len, ==, count);
    for (guint i = 0; i < count; i++) {
        const stream_conversation *conversation = conversations->pdata[i];

        g_assert_cmpuint(conversation->index, ==, i);
        g_assert_cmpuint(conversation->source, ==, 3);
    }
}

static void
assert_ends(const stream_conversation *conversation, uint32_t client, uint16_t client_port, uint32_t server,
            uint16_t server_port)
{
    uint32_t ends[2] = { GUINT32_TO_BE(client), GUINT32_TO_BE(server) };

    g_assert_cmpuint(conversation->ip_version, ==, 4);
    g_assert_cmpmem(conversation->client, 4, &ends[0], 4);
    g_assert_cmpmem(conversation->server, 4, &ends[1], 4);
    g_assert_cmpuint(conversation->client_port, ==, client_port);
    g_assert_cmpuint(conversation->server_port, ==, server_port);
}

/* The handshake, with the initial sequence numbers 1000 and 5000. */
static stream_conversation *
shake_hands(feeder *feeder)
{
    feed(feeder, PACKET(TO_SERVER, .flags = SYN, .sequence = 1000, .mss = 1460, .hops = 128));
    feed(feeder, PACKET(TO_DEVICE, .flags = SYN | ACK, .sequence = 5000, .acknowledgement = 1001, .mss = 1380,
                        .hops = 57));
    return feed(feeder, PACKET(TO_SERVER, .flags = ACK, .sequence = 1001, .acknowledgement = 5001, .hops = 128));
}

/* --- what a conversation is --- */

static void
test_whole(void)
{
    feeder                  feeder = begin();
    stream_conversation    *conversation = shake_hands(&feeder);
    const stream_direction *client = &conversation->directions[STREAM_CLIENT];
    const stream_direction *server = &conversation->directions[STREAM_SERVER];
    stream_side             from;

    assert_ends(conversation, DEVICE, 50001, SERVER, 443);
    g_assert_true(conversation->has_start && !conversation->has_fin[0] && !conversation->is_reset);
    feed_from(&feeder, PACKET(TO_SERVER, .flags = ACK, .sequence = 1001, .acknowledgement = 5001, .length = 100),
              &from);
    g_assert_cmpint(from, ==, STREAM_CLIENT);
    feed_from(&feeder, PACKET(TO_DEVICE, .flags = ACK | FIN, .sequence = 5001, .acknowledgement = 1101, .length = 700),
              &from);
    g_assert_cmpint(from, ==, STREAM_SERVER);
    g_assert_true(!conversation->has_fin[STREAM_CLIENT] && conversation->has_fin[STREAM_SERVER]);
    /* What a RST brings along (RFC 9293 3.5.3) is no part of the stream. */
    feed(&feeder, PACKET(TO_SERVER, .flags = RST | ACK, .sequence = 1101, .acknowledgement = 5702, .length = 20));
    g_assert_true(conversation->is_reset);
    assert_conversations(&feeder, 1);

    g_assert_true(client->has_isn && client->isn == 1000 && client->mss == 1460 && client->ttl == 128);
    g_assert_true(server->has_isn && server->isn == 5000 && server->mss == 1380 && server->ttl == 57);
    g_assert_cmpuint(client->first, ==, 0);
    g_assert_cmpuint(client->length, ==, 1 + 100); /* SYN and data */
    g_assert_cmpuint(server->length, ==, 1 + 700 + 1); /* and FIN */
    g_assert_cmpuint(client->packets, ==, 4);
    g_assert_cmpuint(server->packets, ==, 2);
    g_assert_cmpuint(conversation->packets, ==, 6);
    g_assert_cmpuint(conversation->first_number, ==, 1);
    g_assert_cmpuint(conversation->last_number, ==, 6);
    g_assert_cmpint(conversation->first_time, ==, START);
    g_assert_cmpint(conversation->last_time, ==, START + 5 * MILLISECOND);
    end(&feeder);
}

static void
test_ipv6(void)
{
    feeder               feeder = begin();
    stream_conversation *conversation = feed(&feeder, PACKET(TO_SERVER, .version = 6, .flags = SYN, .sequence = 7));
    uint8_t              address[16] = { [12] = 0xc0, 0x00, 0x02, 0x0a };

    g_assert_cmpuint(conversation->ip_version, ==, 6);
    g_assert_cmpmem(conversation->client, 16, address, 16);
    /* The same numbers as an address of IPv4 are another conversation. */
    g_assert_true(feed(&feeder, PACKET(TO_SERVER, .flags = SYN, .sequence = 7)) != conversation);
    end(&feeder);
}

/* Ports that are used again, and what only looks so. */
static void
test_ports_again(void)
{
    feeder               feeder = begin();
    stream_conversation *first = shake_hands(&feeder);

    /* The SYN and the SYN-ACK were sent again. */
    feeder.time += SECOND;
    g_assert_true(feed(&feeder, PACKET(TO_SERVER, .flags = SYN, .sequence = 1000)) == first);
    g_assert_true(feed(&feeder, PACKET(TO_DEVICE, .flags = SYN | ACK, .sequence = 5000, .acknowledgement = 1001)) ==
                  first);
    assert_conversations(&feeder, 1);

    /* Another SYN, while the first conversation is still open. */
    stream_conversation *second = feed(&feeder, PACKET(TO_SERVER, .flags = SYN, .sequence = 900000));

    g_assert_true(second != first);
    g_assert_true(feed(&feeder, PACKET(TO_DEVICE, .flags = SYN | ACK, .sequence = 77, .acknowledgement = 900001)) ==
                  second);
    /* One whose SYN was not captured. */
    stream_conversation *third = feed(&feeder, PACKET(TO_DEVICE, .flags = SYN | ACK, .sequence = 88,
                                                      .acknowledgement = 1234));

    g_assert_true(third != second);
    g_assert_true(third->directions[STREAM_SERVER].isn == 88 && !third->directions[STREAM_CLIENT].has_isn);
    assert_ends(third, DEVICE, 50001, SERVER, 443);
    assert_conversations(&feeder, 3);
    end(&feeder);
}

static void
test_after_end(void)
{
    feeder               feeder = begin();
    stream_conversation *first = shake_hands(&feeder);

    feed(&feeder, PACKET(TO_SERVER, .flags = FIN | ACK, .sequence = 1001, .acknowledgement = 5001));
    feed(&feeder, PACKET(TO_DEVICE, .flags = FIN | ACK, .sequence = 5001, .acknowledgement = 1002));
    /* The last acknowledgement was lost, and the FIN comes again after all. */
    feeder.time += 60 * SECOND;
    g_assert_true(feed(&feeder, PACKET(TO_DEVICE, .flags = FIN | ACK, .sequence = 5001, .acknowledgement = 1002)) ==
                  first);
    /* Far away, but soon: nobody could use the ports again. */
    g_assert_true(feed(&feeder, PACKET(TO_SERVER, .flags = ACK, .sequence = 70000000, .acknowledgement = 5002)) ==
                  first);
    feeder.time += 60 * SECOND;
    g_assert_true(feed(&feeder, PACKET(TO_SERVER, .flags = ACK, .sequence = 70000000, .acknowledgement = 9)) != first);
    /* A pause alone is none. */
    feeder.time += 3600 * SECOND;
    feed(&feeder, PACKET(TO_SERVER, .flags = ACK, .sequence = 90000000, .acknowledgement = 9));
    assert_conversations(&feeder, 2);
    end(&feeder);
}

/* --- who is who --- */

static void
test_client_by_ports(void)
{
    feeder      feeder = begin();
    stream_side from;

    assert_ends(feed_from(&feeder, PACKET(TO_DEVICE, .flags = ACK, .sequence = 1, .length = 5), &from), DEVICE, 50001,
                SERVER, 443);
    g_assert_cmpint(from, ==, STREAM_SERVER);
    end(&feeder);
}

/* A proxy's client may use any port, the server one that is higher. */
static void
test_client_by_hello(void)
{
    const uint8_t        random[32] = "0123456789abcdef0123456789abcdef";
    GByteArray          *hello = traffic_hello(1, random, "", 0);
    feeder               feeder = begin();
    stream_side          from;
    traffic_packet       packet = { .source = SERVER, .destination = DEVICE, .source_port = 8443,
                                    .destination_port = 50001, .flags = ACK, .sequence = 50 };
    stream_conversation *conversation = feed_from(&feeder, &packet, &from);

    g_assert_cmpint(from, ==, STREAM_SERVER);
    packet.payload = hello->data;
    packet.length = hello->len;
    g_assert_true(feed_from(&feeder, &packet, &from) == conversation);
    g_assert_cmpint(from, ==, STREAM_CLIENT);
    assert_ends(conversation, SERVER, 8443, DEVICE, 50001);
    g_assert_cmpmem(conversation->client_random, 32, random, 32);
    g_assert_cmpuint(conversation->directions[STREAM_CLIENT].length, ==, hello->len);
    g_assert_cmpuint(conversation->directions[STREAM_SERVER].packets, ==, 0);
    end(&feeder);
    g_byte_array_unref(hello);
}

/* The SYN knows best, even when it was captured after what followed it; what follows counts from it. */
static void
test_late_syn(void)
{
    feeder                  feeder = begin();
    traffic_packet          packet = { .source = SERVER, .destination = DEVICE, .source_port = 443,
                                       .destination_port = 50001, .flags = ACK, .sequence = 1001, .length = 10 };
    stream_conversation    *conversation = feed(&feeder, &packet);
    const stream_direction *client = &conversation->directions[STREAM_CLIENT];
    stream_side             from;

    packet = (traffic_packet){ .source = SERVER, .destination = DEVICE, .source_port = 443, .destination_port = 50001,
                               .flags = SYN, .sequence = 1000 };
    g_assert_true(feed_from(&feeder, &packet, &from) == conversation);
    g_assert_cmpint(from, ==, STREAM_CLIENT);
    assert_ends(conversation, SERVER, 443, DEVICE, 50001);
    packet = (traffic_packet){ .source = SERVER, .destination = DEVICE, .source_port = 443, .destination_port = 50001,
                               .flags = ACK, .sequence = 1011, .length = 10 };
    feed(&feeder, &packet);
    g_assert_true(client->has_isn && client->isn == 1000 && client->first == 0);
    g_assert_cmpuint(client->length, ==, 1 + 20);
    end(&feeder);
}

/* --- offsets --- */

/* 5 GB in segments of 60000 octets, of which the headers were captured, beginning just before the numbers go round. */
static void
test_long_stream(void)
{
    enum { SEGMENT = 60000, SEGMENTS = 83334 };

    feeder               feeder = begin();
    uint32_t             sequence = 0xfffffff0;
    stream_conversation *conversation;
    uint64_t             offset;

    feed(&feeder, PACKET(TO_SERVER, .flags = SYN, .sequence = sequence++));
    for (unsigned i = 0; i < SEGMENTS; i++, sequence += SEGMENT)
        feed(&feeder, PACKET(TO_SERVER, .flags = ACK, .sequence = sequence, .length = SEGMENT, .captured = 54));
    assert_conversations(&feeder, 1);
    conversation = stream_table_conversations(feeder.table)->pdata[0];

    const stream_direction *client = &conversation->directions[STREAM_CLIENT];
    const stream_mark      *last = &client->octets.marks[client->octets.count - 1];

    g_assert_cmpuint(client->length, ==, 1 + (uint64_t)SEGMENT * SEGMENTS);
    g_assert_cmpuint(client->length, >, UINT32_MAX);
    g_assert_cmpuint(last->offset, >, UINT32_MAX);
    /* The octet lies in the segment of that record: the SYN is the first one. */
    g_assert_cmpuint((last->offset - 1) / SEGMENT + 2, ==, last->number);
    g_assert_true(stream_offset(client, sequence, client->length - 5, &offset));
    g_assert_cmpuint(offset, ==, client->length);
    g_assert_true(stream_offset(client, 0xfffffff0, 100, &offset) && offset == 0);
    g_assert_false(stream_offset(client, 0xffffffef, 100, &offset));
    end(&feeder);
}

/* Without a SYN, offsets are sequence numbers, from 2^32 on. */
static void
test_middle(void)
{
    feeder                  feeder = begin();
    stream_conversation    *conversation = feed(&feeder, PACKET(TO_SERVER, .flags = ACK, .sequence = 3000,
                                                                .length = 100, .acknowledgement = 9000));
    const stream_direction *client = &conversation->directions[STREAM_CLIENT];
    const stream_direction *server = &conversation->directions[STREAM_SERVER];

    /* This comes late. */
    feed(&feeder, PACKET(TO_SERVER, .flags = ACK, .sequence = 2900, .length = 100, .acknowledgement = 9000));
    g_assert_true(!client->has_isn && !conversation->has_start);
    g_assert_cmpuint(client->first, ==, (UINT64_C(1) << 32) + 2900);
    g_assert_cmpuint(client->length, ==, 200);
    /* What is acknowledged tells of the other direction. */
    g_assert_cmpuint(server->first, ==, (UINT64_C(1) << 32) + 9000);
    g_assert_cmpuint(server->packets, ==, 0);
    feed(&feeder, PACKET(TO_DEVICE, .flags = ACK, .sequence = 9000, .length = 50, .acknowledgement = 3100));
    g_assert_cmpuint(server->first, ==, (UINT64_C(1) << 32) + 9000);
    g_assert_cmpuint(server->length, ==, 50);
    end(&feeder);
}

/* Of a capture with short snapshots, and of segments whose length only the capture knows, all octets count. */
static void
test_lengths(void)
{
    feeder                  feeder = begin();
    stream_conversation    *conversation = shake_hands(&feeder);
    const stream_direction *client = &conversation->directions[STREAM_CLIENT];

    feed(&feeder, PACKET(TO_SERVER, .flags = ACK, .sequence = 1001, .length = 1460, .captured = 64));
    g_assert_cmpuint(client->length, ==, 1 + 1460);
    feed(&feeder, PACKET(TO_SERVER, .flags = ACK, .sequence = 2461, .length = 70000, .is_offloaded = true,
                         .captured = 96));
    g_assert_cmpuint(client->length, ==, 1 + 1460 + 70000);
    feed(&feeder, PACKET(TO_SERVER, .version = 6, .flags = ACK, .sequence = 1, .length = 70000, .is_offloaded = true));
    conversation = stream_table_conversations(feeder.table)->pdata[1];
    g_assert_cmpuint(conversation->directions[STREAM_CLIENT].length, ==, 70000);
    end(&feeder);
}

/* --- marks --- */

/* 150,000 octets after the handshake, a millisecond for each 1000, cut into pieces of `cut`. Gives the marks that
 * are made and what time they ought to have: that at which the piece which has the octet begins. */
static stream_marks
marks_of_cut(feeder *feeder, size_t cut)
{
    enum { OCTETS = 150000, STRIDE = 8192 }; /* of 4096, there would be 37 */

    stream_conversation *conversation = shake_hands(feeder);
    const stream_marks  *marks = &conversation->directions[STREAM_CLIENT].octets;
    int64_t              begin = feeder->time;

    for (size_t at = 0; at < OCTETS; at += cut) {
        feeder->time = begin + (int64_t)at * MICROSECOND;
        feed(feeder, PACKET(TO_SERVER, .flags = ACK, .sequence = 1001 + (uint32_t)at, .length = MIN(cut, OCTETS - at),
                            .acknowledgement = 5001));
    }
    g_assert_cmpuint(marks->stride, ==, STRIDE);
    g_assert_cmpuint(marks->count, ==, OCTETS / STRIDE + 1);
    for (unsigned i = 0; i < marks->count; i++) {
        const stream_mark *mark = &marks->marks[i];
        size_t             piece = mark->offset == 0 ? 0 : (mark->offset - 1) / cut;

        g_assert_cmpuint(mark->offset, ==, i * marks->stride);
        g_assert_cmpint(mark->time, ==, mark->offset == 0 ? START : begin + (int64_t)(piece * cut) * MICROSECOND);
        g_assert_cmpuint(mark->number, ==, mark->offset == 0 ? 1 : 4 + piece);
    }
    return *marks;
}

static void
test_marks(void)
{
    static const size_t cuts[] = { 60000, 17, 1460, 1024, 33000 };
    feeder              feeders[G_N_ELEMENTS(cuts)];
    stream_marks        marks[G_N_ELEMENTS(cuts)];

    for (size_t i = 0; i < G_N_ELEMENTS(cuts); i++) {
        feeders[i] = begin();
        marks[i] = marks_of_cut(&feeders[i], cuts[i]);
        g_assert_cmpuint(marks[i].count, ==, marks[0].count);
        for (unsigned k = 0; k < marks[i].count; k++)
            g_assert_cmpuint(marks[i].marks[k].offset, ==, marks[0].marks[k].offset);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(cuts); i++)
        end(&feeders[i]);
}

static const stream_mark *
mark_at(const stream_marks *marks, uint64_t offset)
{
    for (unsigned i = 0; i < marks->count; i++) {
        if (marks->marks[i].offset == offset)
            return &marks->marks[i];
    }
    return NULL;
}

/* Octets that came again, or that others came before, have no marks: nobody knows which copy the other side's is. */
static void
test_marks_of_copies(void)
{
    feeder               feeder = begin();
    stream_conversation *conversation = shake_hands(&feeder);
    const stream_marks  *marks = &conversation->directions[STREAM_CLIENT].octets;

    feed(&feeder, PACKET(TO_SERVER, .flags = ACK, .sequence = 1001, .length = 10)); /* 1 to 10 */
    g_assert_cmpint(mark_at(marks, 7)->time, ==, START + 3 * MILLISECOND);
    feed(&feeder, PACKET(TO_SERVER, .flags = ACK, .sequence = 1006, .length = 10)); /* 6 to 15 */
    g_assert_nonnull(mark_at(marks, 5));
    g_assert_null(mark_at(marks, 6));
    g_assert_null(mark_at(marks, 10));
    g_assert_cmpint(mark_at(marks, 11)->time, ==, START + 4 * MILLISECOND);
    feed(&feeder, PACKET(TO_SERVER, .flags = ACK, .sequence = 1018, .length = 2)); /* 18 and 19 */
    feed(&feeder, PACKET(TO_SERVER, .flags = ACK, .sequence = 1016, .length = 2)); /* 16 and 17, which are late */
    g_assert_null(mark_at(marks, 16));
    g_assert_null(mark_at(marks, 17));
    g_assert_nonnull(mark_at(marks, 18));
    /* What the server acknowledges was sent before, and is now sent again. */
    feed(&feeder, PACKET(TO_DEVICE, .flags = ACK, .sequence = 5001, .acknowledgement = 1022));
    feed(&feeder, PACKET(TO_SERVER, .flags = ACK, .sequence = 1020, .length = 3)); /* 20 to 22 */
    g_assert_null(mark_at(marks, 21));
    g_assert_nonnull(mark_at(marks, 22));
    /* The SYN, too. */
    g_assert_nonnull(mark_at(marks, 0));
    feed(&feeder, PACKET(TO_SERVER, .flags = SYN, .sequence = 1000));
    g_assert_null(mark_at(marks, 0));
    /* A keep-alive is no copy. */
    feed(&feeder, PACKET(TO_SERVER, .flags = ACK, .sequence = 1022, .length = 1));
    g_assert_nonnull(mark_at(marks, 22));
    end(&feeder);
}

/* Acknowledgements are marked by what they acknowledge; of many, few are, and the same ones whatever else there was. */
static void
test_marks_of_acknowledgements(void)
{
    enum { COUNT = 1000, EACH = 1460 };

    feeder               feeder = begin();
    stream_conversation *conversation = shake_hands(&feeder);
    const stream_marks  *marks = &conversation->directions[STREAM_SERVER].acknowledged;

    g_assert_cmpuint(marks->count, ==, 1);
    g_assert_cmpuint(marks->marks[0].offset, ==, 1); /* the SYN-ACK */
    g_assert_cmpint(marks->marks[0].time, ==, START + MILLISECOND);
    for (unsigned i = 1; i <= COUNT; i++) {
        feed(&feeder, PACKET(TO_SERVER, .flags = ACK, .sequence = 1001 + (i - 1) * EACH, .length = EACH));
        for (int again = 0; again < 2; again++) /* the first of them counts */
            feed(&feeder, PACKET(TO_DEVICE, .flags = ACK, .sequence = 5001, .acknowledgement = 1001 + i * EACH));
    }
    g_assert_cmpuint(marks->count, <=, STREAM_MARKS);
    g_assert_cmpuint(marks->count, >=, STREAM_MARKS / 2 - 1);
    for (unsigned i = 1; i < marks->count; i++) {
        const stream_mark *mark = &marks->marks[i];
        unsigned           turn = (unsigned)((mark->offset - 1) / EACH);

        g_assert_cmpuint((mark->offset - 1) % EACH, ==, 0);
        g_assert_cmpuint(mark->offset / marks->stride, >, mark[-1].offset / marks->stride);
        /* It is the first that passes the multiple. */
        g_assert_cmpuint((mark->offset - EACH) / marks->stride, <, mark->offset / marks->stride);
        g_assert_cmpuint(mark->number, ==, 3 + 3 * (turn - 1) + 2);
    }
    /* One from beyond every window is not believed. */
    unsigned count = marks->count;

    feed(&feeder, PACKET(TO_DEVICE, .flags = ACK, .sequence = 5001, .acknowledgement = 1001 + 0x7f000000));
    g_assert_cmpuint(marks->count, ==, count);
    end(&feeder);
}

/* --- duplicates --- */

static void
test_duplicates(void)
{
    feeder                  feeder = begin();
    stream_conversation    *conversation = shake_hands(&feeder);
    const stream_direction *client = &conversation->directions[STREAM_CLIENT];
    traffic_packet          packet = { TO_SERVER, .flags = ACK, .sequence = 1001, .acknowledgement = 5001, .length = 20,
                                       .identification = 7 };

    feed(&feeder, &packet);
    feed(&feeder, &packet); /* another layer, a millisecond later */
    g_assert_cmpuint(conversation->duplicates, ==, 1);
    g_assert_cmpuint(conversation->packets, ==, 5);
    g_assert_cmpuint(client->packets, ==, 3);
    g_assert_cmpuint(client->length, ==, 21);
    g_assert_nonnull(mark_at(&client->octets, 1)); /* it is no copy that was sent again */
    packet.identification = 8; /* this is */
    feed(&feeder, &packet);
    g_assert_cmpuint(conversation->duplicates, ==, 1);
    g_assert_null(mark_at(&client->octets, 1));
    feeder.time += 100 * MILLISECOND;
    feed(&feeder, &packet); /* too late, whatever it is */
    g_assert_cmpuint(conversation->duplicates, ==, 1);

    /* Other flags, an other acknowledgement, another payload. */
    packet.flags = ACK | WIRE_PSH;
    feed(&feeder, &packet);
    packet.acknowledgement++;
    feed(&feeder, &packet);
    packet.payload = "01234567890123456789";
    feed(&feeder, &packet);
    g_assert_cmpuint(conversation->duplicates, ==, 1);
    end(&feeder);
}

/* A burst at one layer, then the same burst at the next. */
static void
test_duplicate_bursts(void)
{
    enum { BURST = 40 };

    feeder               feeder = begin();
    stream_conversation *conversation = shake_hands(&feeder);

    for (unsigned i = 0; i < 3 * BURST; i++) {
        feed(&feeder, PACKET(TO_SERVER, .flags = ACK, .sequence = 1001 + i % BURST * 100, .length = 100,
                             .identification = (uint16_t)(100 + i % BURST)));
        feeder.time -= MILLISECOND - 10 * MICROSECOND;
    }
    g_assert_cmpuint(conversation->duplicates, ==, 2 * BURST);
    end(&feeder);
}

/* Without an identification only what comes at once is a duplicate, and only if its options are the same, too. */
static void
test_duplicates_unnamed(void)
{
    feeder               feeder = begin();
    traffic_packet       packet = { TO_SERVER, .version = 6, .flags = ACK, .sequence = 1, .acknowledgement = 1,
                                    .options = 5 };
    stream_conversation *conversation = feed(&feeder, &packet);

    feed(&feeder, &packet); /* after a millisecond: sent again */
    g_assert_cmpuint(conversation->duplicates, ==, 0);
    feeder.time -= 900 * MICROSECOND;
    feed(&feeder, &packet);
    g_assert_cmpuint(conversation->duplicates, ==, 1);
    packet.options = 6;
    feeder.time -= 900 * MICROSECOND;
    feed(&feeder, &packet);
    g_assert_cmpuint(conversation->duplicates, ==, 1);
    end(&feeder);
}

/* What is to be sent in one piece, and below it the pieces that the network card makes; then one of those sent
 * again. */
static void
test_offloaded_pieces(void)
{
    feeder               feeder = begin();
    stream_conversation *conversation = shake_hands(&feeder);
    const stream_marks  *marks = &conversation->directions[STREAM_CLIENT].octets;
    const unsigned       lengths[] = { 1460, 1460, 1460, 620 };

    feed(&feeder, PACKET(TO_SERVER, .flags = ACK, .sequence = 1001, .length = 5000, .identification = 10));
    for (unsigned i = 0; i < G_N_ELEMENTS(lengths); i++)
        feed(&feeder, PACKET(TO_SERVER, .flags = ACK, .sequence = 1001 + i * 1460, .length = lengths[i],
                             .identification = (uint16_t)(10 + i)));
    g_assert_cmpuint(conversation->duplicates, ==, 4);
    g_assert_cmpuint(marks->count, >, 16);
    feed(&feeder, PACKET(TO_SERVER, .flags = ACK, .sequence = 1001 + 1460, .length = 1460, .identification = 14));
    g_assert_cmpuint(conversation->duplicates, ==, 4);
    end(&feeder);
}

/* --- payload --- */

static void
test_hellos(void)
{
    static const uint8_t retry[32] = { /* RFC 8446 4.1.3 */
        0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
        0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c
    };
    const uint8_t client[32] = "abcdefghijklmnopqrstuvwxyzabcdef", server[32] = "ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEF";
    const uint8_t nothing[32] = { 0 };
    GByteArray   *hellos[] = { traffic_hello(1, client, "an old one", 300), traffic_hello(2, retry, "one", 0),
                               traffic_hello(2, server, "two", 0) };
    feeder        feeder = begin();
    stream_conversation *conversation = shake_hands(&feeder);
    uint64_t             session_id;

    /* The hello is cut, behind its random. */
    feed(&feeder, PACKET(TO_SERVER, .flags = ACK, .sequence = 1001, .payload = hellos[0]->data, .length = 150));
    g_assert_cmpmem(conversation->client_random, 32, client, 32);
    g_assert_cmpmem(conversation->server_random, 32, nothing, 32);
    session_id = conversation->session_id;
    g_assert_cmpuint(session_id, !=, 0);
    /* A retry has the same random everywhere. */
    feed(&feeder, PACKET(TO_DEVICE, .flags = ACK, .sequence = 5001, .payload = hellos[1]->data,
                         .length = hellos[1]->len));
    g_assert_cmpmem(conversation->server_random, 32, nothing, 32);
    feed(&feeder, PACKET(TO_DEVICE, .flags = ACK, .sequence = 5101, .payload = hellos[2]->data,
                         .length = hellos[2]->len));
    g_assert_cmpmem(conversation->server_random, 32, server, 32);
    g_assert_cmpuint(conversation->session_id, !=, session_id); /* the one that the server has chosen */
    session_id = conversation->session_id;

    /* The same session elsewhere has the same number, another one another. */
    feed(&feeder, PACKET(TO_SERVER, .flags = SYN, .sequence = 2000000));
    conversation = feed(&feeder, PACKET(TO_DEVICE, .flags = ACK, .sequence = 1, .payload = hellos[2]->data,
                                        .length = hellos[2]->len));
    g_assert_cmpuint(conversation->session_id, ==, session_id);
    feed(&feeder, PACKET(TO_SERVER, .flags = SYN, .sequence = 3000000));
    hellos[2]->data[44] ^= 1; /* behind record, message, version, random and length */
    conversation = feed(&feeder, PACKET(TO_DEVICE, .flags = ACK, .sequence = 1, .payload = hellos[2]->data,
                                        .length = hellos[2]->len));
    g_assert_cmpuint(conversation->session_id, !=, session_id);
    end(&feeder);
    for (size_t i = 0; i < G_N_ELEMENTS(hellos); i++)
        g_byte_array_unref(hellos[i]);
}

/* The random of a hello that was cut within it is not known; nor is anything of other handshake messages taken for
 * one. */
static void
test_no_hello(void)
{
    const uint8_t        random[32] = "abcdefghijklmnopqrstuvwxyzabcdef", nothing[32] = { 0 };
    GByteArray          *hello = traffic_hello(1, random, "", 0), *other = traffic_hello(11, random, "", 0);
    feeder               feeder = begin();
    stream_conversation *conversation = shake_hands(&feeder);

    feed(&feeder, PACKET(TO_SERVER, .flags = ACK, .sequence = 1001, .payload = hello->data, .length = hello->len,
                         .captured = 54 + 5 + 4 + 2 + 31));
    feed(&feeder, PACKET(TO_SERVER, .flags = ACK, .sequence = 3001, .payload = other->data, .length = other->len));
    feed(&feeder, PACKET(TO_DEVICE, .flags = ACK, .sequence = 5001, .payload = hello->data, .length = hello->len));
    g_assert_cmpmem(conversation->client_random, 32, nothing, 32);
    g_assert_cmpmem(conversation->server_random, 32, nothing, 32);
    end(&feeder);
    g_byte_array_unref(hello);
    g_byte_array_unref(other);
}

/* The direction of a conversation whose client sends `text` in pieces of `cut`. */
static stream_direction
direction_of(feeder *feeder, const char *text, size_t cut, size_t captured)
{
    stream_conversation *conversation = shake_hands(feeder);

    for (size_t at = 0; at < strlen(text); at += cut)
        feed(feeder, PACKET(TO_SERVER, .flags = ACK, .sequence = 1001 + (uint32_t)at, .payload = text + at,
                            .length = MIN(cut, strlen(text) - at), .captured = captured));
    return conversation->directions[STREAM_CLIENT];
}

static uint32_t
fnv(const char *text, size_t length)
{
    uint32_t hash = 2166136261u; /* http://www.isthe.com/chongo/tech/comp/fnv */

    for (size_t i = 0; i < length; i++)
        hash = (hash ^ (uint8_t)text[i]) * 16777619u;
    return hash;
}

static void
test_payload_hash(void)
{
    static const char text[] = "POST /certsrv/mscep/mscep.dll/pkiclient.exe?operation=PKIOperation&message=MDM HTTP/1";
    static const struct {
        const char *text;
        size_t      cut, captured, hashed;
    } cases[] = {
        { text, 1000, 0, 64 },
        { text, 1, 0, 64 },
        { text, 7, 0, 64 },
        { text, 63, 0, 64 },
        { "GET / HTTP/1.1\r\n\r\n", 5, 0, 18 },
        { "short", 5, 0, 5 },
        { text, 1000, 54 + 20, 20 }, /* cut by the capture: the rest is not known, and what follows does not count */
        { text, 40, 54 + 20, 20 },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        feeder           feeder = begin();
        stream_direction direction = direction_of(&feeder, cases[i].text, cases[i].cut, cases[i].captured);

        g_assert_cmpuint(direction.hashed, ==, cases[i].hashed);
        g_assert_cmpuint(direction.payload_hash, ==, fnv(cases[i].text, cases[i].hashed));
        g_assert_cmpuint(direction.head_hash, ==, cases[i].hashed < 16 ? 0 : fnv(cases[i].text, 16));
        g_assert_cmpuint(direction.payload_at, ==, 1);
        end(&feeder);
    }
}

/* Octets that came twice, out of order, and in a handshake without payload. */
static void
test_payload_hash_of_copies(void)
{
    static const char    text[] = "0123456789";
    feeder               feeder = begin();
    stream_conversation *conversation = shake_hands(&feeder);
    stream_direction    *client = &conversation->directions[STREAM_CLIENT];

    g_assert_cmpuint(client->payload_hash, ==, 0);
    feed(&feeder, PACKET(TO_SERVER, .flags = ACK, .sequence = 1001 + 4, .payload = text + 4, .length = 2));
    g_assert_cmpuint(client->payload_hash, ==, 0);
    feed(&feeder, PACKET(TO_SERVER, .flags = ACK, .sequence = 1001, .payload = text, .length = 4));
    feed(&feeder, PACKET(TO_SERVER, .flags = ACK, .sequence = 1001, .payload = text, .length = 6));
    g_assert_cmpuint(client->payload_hash, ==, fnv(text, 6));
    feed(&feeder, PACKET(TO_SERVER, .flags = ACK, .sequence = 1001 + 5, .payload = text + 5, .length = 5));
    g_assert_cmpuint(client->payload_hash, ==, fnv(text, 10));
    end(&feeder);
}

/* --- what is odd --- */

static void
test_odd(void)
{
    feeder               feeder = begin();
    traffic_packet       packet;
    stream_conversation *conversation;
    stream_side          from;

    /* A connection with itself; records without time, and before 1970. */
    packet = (traffic_packet){ .source = DEVICE, .destination = DEVICE, .source_port = 9, .destination_port = 9,
                               .flags = SYN };
    conversation = feed(&feeder, &packet);
    packet.flags = SYN | ACK;
    packet.acknowledgement = 1;
    g_assert_true(feed_from(&feeder, &packet, &from) == conversation);
    feeder.time = -5;
    conversation = feed(&feeder, PACKET(TO_SERVER, .flags = SYN, .sequence = 1));
    g_assert_cmpint(conversation->first_time, ==, 0);
    g_assert_cmpuint(conversation->directions[STREAM_CLIENT].octets.count, ==, 0);
    feeder.time = START;
    /* A refused connection: the RST begins no stream. */
    feed(&feeder, PACKET(TO_DEVICE, .flags = RST | ACK, .sequence = 0, .acknowledgement = 2));
    g_assert_true(conversation->is_reset && !conversation->directions[STREAM_SERVER].has_isn);
    g_assert_cmpuint(conversation->directions[STREAM_SERVER].first, ==, 0);
    g_assert_cmpuint(conversation->directions[STREAM_SERVER].length, ==, 0);
    g_assert_cmpuint(conversation->directions[STREAM_SERVER].packets, ==, 1);
    g_assert_cmpint(conversation->first_time, ==, START);
    end(&feeder);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/match/streams/whole", test_whole);
    g_test_add_func("/match/streams/ipv6", test_ipv6);
    g_test_add_func("/match/streams/ports-again", test_ports_again);
    g_test_add_func("/match/streams/after-end", test_after_end);
    g_test_add_func("/match/streams/client-by-ports", test_client_by_ports);
    g_test_add_func("/match/streams/client-by-hello", test_client_by_hello);
    g_test_add_func("/match/streams/late-syn", test_late_syn);
    g_test_add_func("/match/streams/long-stream", test_long_stream);
    g_test_add_func("/match/streams/middle", test_middle);
    g_test_add_func("/match/streams/lengths", test_lengths);
    g_test_add_func("/match/streams/marks", test_marks);
    g_test_add_func("/match/streams/marks-of-copies", test_marks_of_copies);
    g_test_add_func("/match/streams/marks-of-acknowledgements", test_marks_of_acknowledgements);
    g_test_add_func("/match/streams/duplicates", test_duplicates);
    g_test_add_func("/match/streams/duplicate-bursts", test_duplicate_bursts);
    g_test_add_func("/match/streams/duplicates-unnamed", test_duplicates_unnamed);
    g_test_add_func("/match/streams/offloaded-pieces", test_offloaded_pieces);
    g_test_add_func("/match/streams/hellos", test_hellos);
    g_test_add_func("/match/streams/no-hello", test_no_hello);
    g_test_add_func("/match/streams/payload-hash", test_payload_hash);
    g_test_add_func("/match/streams/payload-hash-of-copies", test_payload_hash_of_copies);
    g_test_add_func("/match/streams/odd", test_odd);
    return g_test_run();
}
