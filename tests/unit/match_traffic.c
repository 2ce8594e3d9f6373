/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Frames and sources for the tests of scepmatch's conversations.
 */
#include "match_traffic.h"

#include <string.h>

typedef struct stored {
    int64_t time;  /* < 0: none */
    GBytes *frame; /* NULL: a line of a log */
    size_t  length;
} stored;

struct match_source {
    char   *name;
    GArray *records; /* of stored */
    guint   next;
    bool    is_broken;
};

static void
put(GByteArray *out, uint64_t value, unsigned octets)
{
    while (octets-- > 0) {
        guint8 octet = (guint8)(value >> 8 * octets);

        g_byte_array_append(out, &octet, 1);
    }
}

static void
put_zeros(GByteArray *out, size_t count)
{
    guint before = out->len;

    g_byte_array_set_size(out, before + (guint)count);
    if (count > 0)
        memset(out->data + before, 0, count);
}

/* RFC 791 3.1. */
static void
put_ipv4(GByteArray *out, const traffic_packet *packet, size_t length)
{
    put(out, 0x0800, 2);
    put(out, 0x4500, 2);
    put(out, packet->is_offloaded ? 0 : 20 + length, 2);
    put(out, packet->identification, 2);
    put(out, 0x4000, 2);
    put(out, packet->hops ? packet->hops : 64, 1);
    put(out, 6, 1);
    put(out, 0, 2);
    put(out, packet->source, 4);
    put(out, packet->destination, 4);
}

/* RFC 8200 3. */
static void
put_ipv6(GByteArray *out, const traffic_packet *packet, size_t length)
{
    put(out, 0x86dd, 2);
    put(out, 0x60000000, 4);
    put(out, packet->is_offloaded ? 0 : length, 2);
    put(out, 6, 1);
    put(out, packet->hops ? packet->hops : 64, 1);
    put_zeros(out, 12);
    put(out, packet->source, 4);
    put_zeros(out, 12);
    put(out, packet->destination, 4);
}

/* RFC 9293 3.1. */
static void
put_tcp(GByteArray *out, const traffic_packet *packet)
{
    unsigned words = 5 + (packet->mss != 0) + 3 * (packet->options != 0);

    put(out, packet->source_port, 2);
    put(out, packet->destination_port, 2);
    put(out, packet->sequence, 4);
    put(out, packet->acknowledgement, 4);
    put(out, words << 4, 1);
    put(out, packet->flags, 1);
    put(out, packet->window ? packet->window : 64240, 2);
    put(out, 0, 4);
    if (packet->mss)
        put(out, 0x02040000 | packet->mss, 4);
    if (packet->options) {
        put(out, 0x0101080a, 4);
        put(out, packet->options, 4);
        put(out, 0, 4);
    }
}

GBytes *
traffic_frame(const traffic_packet *packet, size_t *length)
{
    GByteArray *out = g_byte_array_new();
    size_t      tcp = 20 + (packet->mss ? 4 : 0) + (packet->options ? 12 : 0) + packet->length;

    put_zeros(out, 12);
    (packet->version == 6 ? put_ipv6 : put_ipv4)(out, packet, tcp);
    put_tcp(out, packet);
    *length = out->len + packet->length;
    if (packet->captured == 0 || out->len < packet->captured) {
        size_t there = packet->captured == 0 ? packet->length : MIN(packet->length, packet->captured - out->len);

        if (packet->payload)
            g_byte_array_append(out, packet->payload, (guint)there);
        else
            put_zeros(out, there);
    } else {
        g_byte_array_set_size(out, (guint)packet->captured);
    }
    return g_byte_array_free_to_bytes(out);
}

GByteArray *
traffic_hello(unsigned type, const uint8_t random[32], const char *session_id, size_t fill)
{
    GByteArray *out = g_byte_array_new();
    size_t      session = strlen(session_id), choice = type == 1 ? 6 : 3;
    size_t      body = 2 + 32 + 1 + session + choice + 2 + 4 + fill;

    put(out, 22, 1);
    put(out, 0x0301, 2);
    put(out, body + 4, 2);
    put(out, type, 1);
    put(out, body, 3);
    put(out, 0x0303, 2);
    g_byte_array_append(out, random, 32);
    put(out, session, 1);
    g_byte_array_append(out, (const guint8 *)session_id, (guint)session);
    put(out, type == 1 ? 0x0002c02f0100 : 0xc02f00, (unsigned)choice); /* cipher suites, compression */
    put(out, 4 + fill, 2);
    put(out, 21, 2);
    put(out, fill, 2);
    put_zeros(out, fill);
    return out;
}

static void
clear_stored(gpointer record)
{
    GBytes *frame = ((stored *)record)->frame;

    if (frame)
        g_bytes_unref(frame);
}

match_source *
traffic_source(const char *name)
{
    match_source *source = g_new0(match_source, 1);

    source->name = g_strdup(name);
    source->records = g_array_new(FALSE, FALSE, sizeof(stored));
    g_array_set_clear_func(source->records, clear_stored);
    return source;
}

uint32_t
traffic_add_frame(match_source *source, int64_t time, GBytes *frame, size_t length)
{
    stored record = { time, frame ? g_bytes_ref(frame) : NULL, length };

    g_array_append_val(source->records, record);
    return source->records->len;
}

uint32_t
traffic_add(match_source *source, int64_t time, const traffic_packet *packet)
{
    size_t   length = 0;
    GBytes  *frame = packet ? traffic_frame(packet, &length) : NULL;
    uint32_t number = traffic_add_frame(source, time, frame, length);

    if (frame)
        g_bytes_unref(frame);
    return number;
}

uint32_t
traffic_count(const match_source *source)
{
    return source->records->len;
}

static gint
by_time(gconstpointer a, gconstpointer b)
{
    const stored *one = a, *other = b;

    return one->time < other->time ? -1 : one->time > other->time;
}

void
traffic_sort(match_source *source)
{
    g_array_sort(source->records, by_time); /* stable */
}

void
traffic_break(match_source *source)
{
    source->is_broken = true;
}

static uint32_t
add_as_seen(const traffic_conversation *conversation, unsigned source, stream_side from, const traffic_packet *sent)
{
    const traffic_view *view = &conversation->views[source];
    traffic_packet      packet = *sent;
    bool                is_client = from == STREAM_CLIENT;

    packet.source = is_client ? view->client : view->server;
    packet.destination = is_client ? view->server : view->client;
    packet.source_port = is_client ? view->client_port : view->server_port;
    packet.destination_port = is_client ? view->server_port : view->client_port;
    packet.sequence += view->rewritten[from];
    packet.acknowledgement += packet.flags & WIRE_ACK ? view->rewritten[!from] : 0;
    packet.hops = view->hops[from];
    packet.mss = packet.mss && view->mss ? view->mss : packet.mss;
    packet.captured = view->captured;
    return traffic_add(view->source, conversation->now + view->after[from] + view->clock, &packet);
}

void
traffic_send(traffic_conversation *conversation, stream_side from, traffic_packet packet, unsigned seen_by)
{
    unsigned span = (unsigned)packet.length + !!(packet.flags & WIRE_SYN) + !!(packet.flags & WIRE_FIN);

    if (packet.sequence == 0)
        packet.sequence = conversation->next[from];
    if (packet.flags & WIRE_ACK && packet.acknowledgement == 0)
        packet.acknowledgement = conversation->next[!from];
    if (conversation->identifications[from] != 0 && packet.identification == 0) {
        conversation->identifications[from] = (uint16_t)(conversation->identifications[from] % UINT16_MAX + 1);
        packet.identification = conversation->identifications[from];
    }
    for (unsigned i = 0; i < TRAFFIC_VIEWS; i++) {
        if (conversation->views[i].source && (seen_by & 1u << i))
            conversation->numbers[i] = add_as_seen(conversation, i, from, &packet);
    }
    if ((int32_t)(packet.sequence + span - conversation->next[from]) > 0 && !(packet.flags & WIRE_RST))
        conversation->next[from] = packet.sequence + span;
    conversation->now += conversation->pause;
}

void
traffic_shake_hands(traffic_conversation *conversation, unsigned seen_by)
{
    traffic_send(conversation, STREAM_CLIENT, (traffic_packet){ .flags = WIRE_SYN, .mss = 1460 }, seen_by);
    traffic_send(conversation, STREAM_SERVER, (traffic_packet){ .flags = WIRE_SYN | WIRE_ACK, .mss = 1460 }, seen_by);
    traffic_send(conversation, STREAM_CLIENT, (traffic_packet){ .flags = WIRE_ACK }, seen_by);
}

void
traffic_say(traffic_conversation *conversation, stream_side from, const void *payload, size_t length, unsigned seen_by)
{
    traffic_packet packet = { .flags = WIRE_ACK | WIRE_PSH, .payload = payload, .length = length };

    traffic_send(conversation, from, packet, seen_by);
}

void
traffic_part(traffic_conversation *conversation, unsigned seen_by)
{
    traffic_send(conversation, STREAM_CLIENT, (traffic_packet){ .flags = WIRE_FIN | WIRE_ACK }, seen_by);
    traffic_send(conversation, STREAM_SERVER, (traffic_packet){ .flags = WIRE_FIN | WIRE_ACK }, seen_by);
    traffic_send(conversation, STREAM_CLIENT, (traffic_packet){ .flags = WIRE_ACK }, seen_by);
}

/* --- in place of captures/match/source.c --- */

void
source_close(match_source *source)
{
    g_array_unref(source->records);
    g_free(source->name);
    g_free(source);
}

const char *
source_name(const match_source *source)
{
    return source->name;
}

bool
source_next(match_source *source, match_record *record, char **problem)
{
    const stored *stored;

    *problem = NULL;
    memset(record, 0, sizeof *record);
    if (source->next == source->records->len)
        return false;
    stored = &g_array_index(source->records, struct stored, source->next++);
    record->number = source->next;
    record->has_time = stored->time >= 0;
    record->time = MAX(stored->time, 0);
    record->is_log = stored->frame == NULL;
    record->link = WIRE_LINK_ETHERNET;
    if (stored->frame)
        record->octets = g_bytes_get_data(stored->frame, &record->captured);
    record->length = (uint32_t)stored->length;
    return true;
}

bool
source_rewind(match_source *source, char **problem)
{
    *problem = source->is_broken ? g_strdup_printf("%s: cannot be read again", source->name) : NULL;
    source->next = 0;
    return !source->is_broken;
}
