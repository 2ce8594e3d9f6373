/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The TCP conversations of one source (RFC 9293). A packet is first asked whether it begins another conversation
 * between the same ports, then who of the two sent it, then whether it is a packet that was captured before; what is
 * left counts.
 */
#include "streams.h"

#include <string.h>

#include "marks.h"
#include "wire/octets.h"
#include "wire/tls.h"

#define MILLISECOND INT64_C(1000000)
#define SECOND      INT64_C(1000000000)

/* The same packet, captured at several layers, comes again so soon. Without an identification it may as well be a
 * copy that was sent again, which takes at least a round trip. */
#define DUPLICATE_TIME         (20 * MILLISECOND)
#define DUPLICATE_TIME_UNNAMED MILLISECOND

/* After its end, what comes so much later and elsewhere in the sequence numbers is not the conversation's. */
#define PAUSE (10 * SECOND)

/* Octets that may come before the first one seen, or lie around the last. */
#define NEAR (1 << 16)

/* No window is larger (RFC 7323 2.3): acknowledgements from further away are not believed. */
#define MAX_WINDOW (UINT64_C(1) << 30)

#define PAYLOAD_HASHED 64
#define HEAD_HASHED    16

/* Packets that are remembered to find duplicates, a power of two. */
#define RECENT 4096

/* How it is known who the client is, the better the higher. */
enum { BY_ORDER, BY_PORTS, BY_HELLO, BY_SYN };

/* Both ends, the lower one first, so that both directions have the same. */
typedef struct {
    uint64_t words[5];
} endpoints;

/* Of a direction, what nobody else needs. */
typedef struct {
    bool     is_begun;
    bool     is_hashed;       /* as far as it goes */
    uint64_t next;            /* behind everything that was captured or acknowledged */
    uint64_t acknowledged;    /* of the other direction; 0: nothing yet */
    uint64_t advance[2];      /* the last packet that brought new octets: from where to where … */
    int64_t  advance_time;
    uint16_t advance_identification;
} progress;

typedef struct {
    stream_conversation told; /* the first member, so that the one leads to the other */
    endpoints           ends;
    unsigned            certainty;
    progress            directions[2];
} tracked;

/* A packet on its way through this file. */
typedef struct {
    const match_record *record;
    const wire_segment *segment;
    bool                has_time;
    uint16_t            identification;
    uint32_t            span; /* sequence numbers that it takes */
} packet;

struct stream_table {
    unsigned    source;
    GPtrArray  *conversations; /* of tracked * */
    GHashTable *current;       /* of tracked * by their ends: the last one between those */
    tracked    *last;
    struct {
        uint64_t print;
        int64_t  time;
    } recent[RECENT]; /* the last packet with a print that ends so */
};

static bool begins_anew(const tracked *conversation, const packet *packet);
static void orient(tracked *conversation, const packet *packet);
static void take(stream_table *table, tracked *conversation, stream_side from, const packet *packet);

/* --- the table --- */

/* Mixed with numbers of this run, so that nobody can make a file whose conversations all come to the same. */
static guint
hash_of_ends(gconstpointer key)
{
    static gsize     seed;
    const endpoints *ends = key;

    if (g_once_init_enter(&seed))
        g_once_init_leave(&seed, (gsize)((uint64_t)g_random_int() << 32 | g_random_int()) | 1);

    uint64_t hash = seed;

    for (size_t i = 0; i < G_N_ELEMENTS(ends->words); i++) {
        hash = (hash ^ ends->words[i]) * UINT64_C(0x9e3779b97f4a7c15);
        hash ^= hash >> 32;
        hash *= seed;
        hash ^= hash >> 29;
    }
    return (guint)(hash ^ hash >> 32);
}

static gboolean
are_same_ends(gconstpointer a, gconstpointer b)
{
    return memcmp(a, b, sizeof(endpoints)) == 0;
}

static void
conversation_free(gpointer conversation)
{
    tracked *tracked = conversation;

    if (!tracked)
        return;
    for (int side = 0; side < 2; side++) {
        stream_marks_clear(&tracked->told.directions[side].octets);
        stream_marks_clear(&tracked->told.directions[side].acknowledged);
    }
    g_free(tracked);
}

stream_table *
stream_table_new(unsigned source)
{
    stream_table *table = g_new0(stream_table, 1);

    table->source = source;
    table->conversations = g_ptr_array_new_with_free_func(conversation_free);
    table->current = g_hash_table_new(hash_of_ends, are_same_ends);
    return table;
}

void
stream_table_free(stream_table *table)
{
    if (!table)
        return;
    g_hash_table_unref(table->current);
    g_ptr_array_unref(table->conversations);
    g_free(table);
}

const GPtrArray *
stream_table_conversations(const stream_table *table)
{
    return table->conversations;
}

void
stream_table_drop(stream_table *table, stream_conversation *conversation)
{
    tracked *dropped = table->conversations->pdata[conversation->index];

    if (g_hash_table_lookup(table->current, &dropped->ends) == dropped)
        g_hash_table_remove(table->current, &dropped->ends);
    if (table->last == dropped)
        table->last = NULL;
    table->conversations->pdata[conversation->index] = NULL;
    conversation_free(dropped);
}

static size_t
address_length(const wire_segment *segment)
{
    return segment->ip_version == 4 ? 4 : 16;
}

static endpoints
ends_of(const wire_segment *segment)
{
    struct {
        uint8_t  address[16];
        uint16_t port;
    } ends[2] = { 0 };
    endpoints key = { { 0 } };
    size_t    length = address_length(segment);
    int       order, lower;

    memcpy(ends[0].address, segment->source, length);
    memcpy(ends[1].address, segment->destination, length);
    ends[0].port = segment->source_port;
    ends[1].port = segment->destination_port;
    order = memcmp(ends[0].address, ends[1].address, sizeof ends[0].address);
    lower = order != 0 ? order > 0 : ends[0].port > ends[1].port;
    memcpy(&key.words[0], ends[lower].address, sizeof ends[0].address);
    memcpy(&key.words[2], ends[!lower].address, sizeof ends[0].address);
    key.words[4] = (uint64_t)segment->ip_version << 32 | (uint64_t)ends[lower].port << 16 | ends[!lower].port;
    return key;
}

static tracked *
begin_conversation(stream_table *table, const endpoints *ends, const packet *packet)
{
    const wire_segment  *segment = packet->segment;
    tracked             *conversation = g_new0(tracked, 1);
    stream_conversation *told = &conversation->told;
    size_t               length = address_length(segment);

    conversation->ends = *ends;
    conversation->certainty = segment->source_port != segment->destination_port ? BY_PORTS : BY_ORDER;
    told->source = table->source;
    told->index = table->conversations->len;
    told->ip_version = (uint8_t)segment->ip_version;
    /* Ports of clients are high ones, as a rule. */
    if (segment->source_port >= segment->destination_port) {
        memcpy(told->client, segment->source, length);
        memcpy(told->server, segment->destination, length);
        told->client_port = segment->source_port;
        told->server_port = segment->destination_port;
    } else {
        memcpy(told->client, segment->destination, length);
        memcpy(told->server, segment->source, length);
        told->client_port = segment->destination_port;
        told->server_port = segment->source_port;
    }
    told->first_number = packet->record->number;
    if (packet->has_time)
        told->first_time = told->last_time = packet->record->time;
    g_ptr_array_add(table->conversations, conversation);
    g_hash_table_replace(table->current, &conversation->ends, conversation);
    return conversation;
}

bool
stream_has_time(const match_record *record)
{
    return record->has_time && record->time >= 0 && record->time < INT64_C(1) << 62;
}

stream_conversation *
stream_table_add(stream_table *table, const match_record *record, const wire_segment *segment, stream_side *from)
{
    endpoints ends = ends_of(segment);
    tracked  *conversation = table->last;
    packet    packet = { .record = record, .segment = segment, .has_time = stream_has_time(record) };

    packet.identification = stream_identification(record, segment);
    if (!(segment->flags & WIRE_RST))
        packet.span = (uint32_t)MIN(segment->length, MAX_WINDOW) + !!(segment->flags & WIRE_SYN) +
                      !!(segment->flags & WIRE_FIN);
    if (!conversation || !are_same_ends(&conversation->ends, &ends))
        conversation = g_hash_table_lookup(table->current, &ends);
    if (!conversation || begins_anew(conversation, &packet))
        conversation = begin_conversation(table, &ends, &packet);
    table->last = conversation;
    orient(conversation, &packet);
    *from = stream_side_of(&conversation->told, segment);
    take(table, conversation, *from, &packet);
    return &conversation->told;
}

stream_side
stream_side_of(const stream_conversation *conversation, const wire_segment *segment)
{
    return segment->source_port == conversation->client_port &&
                   memcmp(segment->source, conversation->client, address_length(segment)) == 0
               ? STREAM_CLIENT
               : STREAM_SERVER;
}

uint16_t
stream_identification(const match_record *record, const wire_segment *segment)
{
    enum { BEFORE_SOURCE = 8, SIZE = 2 }; /* RFC 791 3.1 */

    wire_octets frame = { record->octets, record->captured };

    return segment->ip_version == 4
               ? (uint16_t)wire_u16(frame, (size_t)(segment->source - record->octets) - BEFORE_SOURCE)
               : 0;
}

/* --- which conversation, and who is who --- */

/* True when `sequence` stands a little before the first octet of a direction whose SYN is not known: it is its SYN,
 * which was captured late. */
static bool
leads_to(const stream_direction *direction, uint32_t sequence)
{
    return (uint32_t)direction->first + direction->isn - sequence <= NEAR;
}

static bool
is_new_syn(const tracked *conversation, stream_side from, const wire_segment *segment)
{
    const stream_direction *own = &conversation->told.directions[from], *other = &conversation->told.directions[!from];

    /* What it acknowledges may be more than a SYN, RFC 7413. */
    if ((segment->flags & WIRE_ACK) && other->has_isn)
        return segment->acknowledgement - other->isn - 1 > NEAR;
    if (own->has_isn)
        return own->isn != segment->sequence;
    return conversation->directions[from].is_begun && !leads_to(own, segment->sequence);
}

static bool
begins_anew(const tracked *conversation, const packet *packet)
{
    const stream_conversation *told = &conversation->told;
    stream_side                from = stream_side_of(told, packet->segment);
    const stream_direction    *own = &told->directions[from];
    uint64_t                   offset, next = conversation->directions[from].next;

    if (packet->segment->flags & WIRE_SYN)
        return is_new_syn(conversation, from, packet->segment);
    if (!(told->is_reset || (told->has_fin[0] && told->has_fin[1])) || !packet->has_time ||
        packet->record->time - told->last_time < PAUSE)
        return false;
    return !stream_offset(own, packet->segment->sequence, next, &offset) || offset > next + NEAR ||
           offset + NEAR < next;
}

/* The handshake message that a payload begins with: 0 when it is no TLS, or has nothing of the message. */
static unsigned
first_message(const wire_segment *segment, wire_octets *body)
{
    wire_octets in = { segment->payload, segment->captured }, record, header;

    if (wire_u8(in, 0) != WIRE_TLS_HANDSHAKE || !wire_take(&in, 5, &record) || wire_u8(record, 1) != 3 ||
        !wire_take(&in, 4, &header) || !wire_take(&in, MIN(in.length, wire_u24(header, 1)), body) || body->length == 0)
        return 0;
    return wire_u8(header, 0);
}

static void
swap_sides(tracked *conversation)
{
    stream_conversation *told = &conversation->told;
    stream_conversation  before = *told;
    progress             direction = conversation->directions[0];

    memcpy(told->client, before.server, sizeof told->client);
    memcpy(told->server, before.client, sizeof told->server);
    told->client_port = before.server_port;
    told->server_port = before.client_port;
    for (int side = 0; side < 2; side++) {
        told->has_fin[side] = before.has_fin[!side];
        told->directions[side] = before.directions[!side];
    }
    conversation->directions[0] = conversation->directions[1];
    conversation->directions[1] = direction;
}

/* Finds out who is the client, if this packet knows better than those before. */
static void
orient(tracked *conversation, const packet *packet)
{
    const wire_segment *segment = packet->segment;
    stream_side         should_be;
    wire_octets         body;
    unsigned            certainty = conversation->certainty;
    unsigned            message = certainty < BY_HELLO ? first_message(segment, &body) : 0;

    if (certainty < BY_SYN && (segment->flags & WIRE_SYN)) {
        should_be = segment->flags & WIRE_ACK ? STREAM_SERVER : STREAM_CLIENT;
        certainty = BY_SYN;
    } else if (message == WIRE_TLS_CLIENT_HELLO || message == WIRE_TLS_SERVER_HELLO) {
        should_be = message == WIRE_TLS_CLIENT_HELLO ? STREAM_CLIENT : STREAM_SERVER;
        certainty = BY_HELLO;
    } else {
        return;
    }
    conversation->certainty = certainty;
    if (stream_side_of(&conversation->told, segment) != should_be)
        swap_sides(conversation);
}

/* --- duplicates --- */

static uint64_t
octets_at(wire_octets octets, size_t offset)
{
    return (uint64_t)wire_u32(octets, offset) << 32 | wire_u32(octets, offset + 4);
}

static uint64_t
mixed(uint64_t print, uint64_t value)
{
    print = (print ^ value) * UINT64_C(0x9e3779b97f4a7c15);
    return print ^ print >> 32;
}

/* What two captures of one packet have in common, and no other packet. */
static uint64_t
print_of(const stream_conversation *told, stream_side from, const packet *packet)
{
    enum { BEFORE_PAYLOAD = 20, SAMPLE = 8 };

    const wire_segment *segment = packet->segment;
    wire_octets         payload = { segment->payload, segment->captured };
    uint64_t            print = mixed((uint64_t)told->index << 1 | from,
                                      (uint64_t)segment->sequence << 32 | segment->acknowledgement);

    print = mixed(print, (uint64_t)packet->identification << 32 | (uint32_t)segment->window << 16 | segment->flags);
    print = mixed(print, segment->length);
    if (payload.length >= SAMPLE)
        print = mixed(mixed(print, octets_at(payload, 0)), octets_at(payload, payload.length - SAMPLE));
    if (packet->identification == 0) { /* then options tell (RFC 2018, RFC 7323), or the checksum when there are none */
        wire_octets frame = { packet->record->octets, packet->record->captured };
        wire_octets header = wire_part(frame, (size_t)(segment->payload - packet->record->octets) - BEFORE_PAYLOAD,
                                       BEFORE_PAYLOAD);

        print = mixed(mixed(mixed(print, octets_at(header, 0)), octets_at(header, 8)), wire_u32(header, 16));
    }
    return print;
}

/* True for a part of the packet before it: one layer sees what is to be sent in one piece, the next one what the
 * network card made of it, whose identifications count up. A copy that was sent again counts on behind them. */
static bool
is_piece(const progress *own, const packet *packet, uint64_t begin)
{
    uint64_t end = begin + packet->span, before = begin - own->advance[0];
    unsigned count = (uint16_t)(packet->identification - own->advance_identification);

    if (packet->span == 0 || begin < own->advance[0] || end > own->advance[1] ||
        packet->span == own->advance[1] - own->advance[0])
        return false;
    if (packet->identification == 0)
        return packet->record->time - own->advance_time < DUPLICATE_TIME_UNNAMED;
    if (packet->record->time - own->advance_time >= DUPLICATE_TIME)
        return false;
    return count == 0 ? before == 0 : before % count == 0 && before / count >= packet->span;
}

static bool
is_duplicate(stream_table *table, const stream_conversation *told, stream_side from, const packet *packet)
{
    uint64_t print = print_of(told, from, packet);
    size_t   place = print % RECENT;
    int64_t  time = packet->record->time, soon = packet->identification ? DUPLICATE_TIME : DUPLICATE_TIME_UNNAMED;

    if (table->recent[place].print == print && ABS(time - table->recent[place].time) < soon)
        return true;
    table->recent[place].print = print;
    table->recent[place].time = time;
    return false;
}

/* --- what a packet brings --- */

/* Begins a direction whose SYN was not captured, at the offset that stands for a sequence number. */
static void
begin_direction(progress *own, stream_direction *direction, uint32_t sequence)
{
    own->is_begun = true;
    own->next = direction->first = (UINT64_C(1) << 32) + sequence;
}

/* Takes the number of a SYN. What was thought of the direction before it does not count. */
static void
take_syn(progress *own, stream_direction *direction, const wire_segment *segment)
{
    bool is_other = !direction->has_isn || (direction->isn != segment->sequence && direction->length <= 1);

    if (!is_other)
        return;
    stream_marks_clear(&direction->octets);
    own->is_begun = direction->has_isn = true;
    own->is_hashed = false;
    own->next = direction->first = direction->length = 0;
    own->advance[0] = own->advance[1] = 0;
    direction->isn = segment->sequence;
    direction->mss = segment->maximum_segment;
    direction->hashed = direction->payload_hash = direction->head_hash = 0;
}

/* FNV-1a over the first octets of the stream, however they are cut. */
static void
hash_payload(progress *own, stream_direction *direction, const wire_segment *segment, uint64_t at)
{
    wire_octets in = { segment->payload, segment->captured }, before;

    if (own->is_hashed || segment->length == 0)
        return;
    if (direction->hashed == 0) {
        if (direction->has_isn && at != 1) /* the first octets are still to come */
            return;
        direction->payload_at = at;
        direction->payload_hash = UINT32_C(2166136261);
    }
    if (at > direction->payload_at + direction->hashed ||
        !wire_take(&in, direction->payload_at + direction->hashed - at, &before))
        return;
    for (size_t i = 0; i < in.length && direction->hashed < PAYLOAD_HASHED; i++) {
        direction->payload_hash = (direction->payload_hash ^ wire_u8(in, i)) * UINT32_C(16777619);
        if (++direction->hashed == HEAD_HASHED)
            direction->head_hash = MAX(direction->payload_hash, 1);
    }
    if (direction->hashed == 0)
        direction->payload_hash = 0;
    own->is_hashed = direction->hashed == PAYLOAD_HASHED;
}

static bool
is_zero(const uint64_t random[4])
{
    return (random[0] | random[1] | random[2] | random[3]) == 0;
}

static uint64_t
hash_of(wire_octets octets)
{
    uint64_t hash = UINT64_C(14695981039346656037);

    for (size_t i = 0; i < octets.length; i++)
        hash = (hash ^ wire_u8(octets, i)) * UINT64_C(1099511628211);
    return octets.length > 0 ? MAX(hash, 1) : 0;
}

static void
take_hello(stream_conversation *told, stream_side from, uint64_t random[4], wire_octets octets, wire_octets session_id)
{
    if (!is_zero(random) || octets.length != sizeof told->client_random)
        return;
    memcpy(random, octets.data, sizeof told->client_random);
    if (session_id.length > 0 && (from == STREAM_SERVER || told->session_id == 0)) /* the server's is what holds */
        told->session_id = hash_of(session_id);
}

static void
take_payload(stream_conversation *told, stream_side from, const wire_segment *segment)
{
    wire_octets       body;
    wire_client_hello client;
    wire_server_hello server;

    if (!is_zero(from == STREAM_CLIENT ? told->client_random : told->server_random))
        return;

    unsigned message = first_message(segment, &body);

    if (from == STREAM_CLIENT && message == WIRE_TLS_CLIENT_HELLO) {
        wire_client_hello_read(body.data, body.length, &client); /* what could be read of it is there anyway */
        take_hello(told, from, told->client_random, client.random, client.session_id);
    } else if (from == STREAM_SERVER && message == WIRE_TLS_SERVER_HELLO) {
        wire_server_hello_read(body.data, body.length, &server);
        if (!server.is_retry) /* its random is the same everywhere */
            take_hello(told, from, told->server_random, server.random, server.session_id);
    }
}

static stream_mark
mark_of(const packet *packet, uint64_t begin)
{
    return (stream_mark){ .time = packet->record->time,
                          .number = packet->record->number,
                          .sequence = (uint32_t)begin,
                          .identification = packet->identification };
}

/* True for a single octet before what is expected (RFC 9293 3.8.4). */
static bool
is_keep_alive(const packet *packet, uint64_t begin, uint64_t expected)
{
    return packet->span == 1 && begin + 1 == expected && !(packet->segment->flags & (WIRE_SYN | WIRE_FIN));
}

static void
take_octets(progress *own, stream_direction *direction, const packet *packet, uint64_t begin)
{
    uint64_t end = begin + packet->span, before = own->next;
    uint64_t highest = MAX(direction->length > 0 ? stream_end(direction) : begin, end);

    /* What was acknowledged without having been captured does not come for the first time now. A single octet
     * before what is expected is a keep-alive (RFC 9293 3.8.4). */
    if (begin < before && !is_keep_alive(packet, begin, before))
        stream_marks_forget(&direction->octets, begin, end);
    if (direction->length == 0)
        direction->first = begin;
    direction->first = MIN(direction->first, begin);
    direction->length = highest - direction->first;
    if (end <= before)
        return;
    if (packet->has_time)
        stream_marks_octets(&direction->octets, MAX(begin, before), end, mark_of(packet, begin));
    own->next = end;
    own->advance[0] = begin;
    own->advance[1] = end;
    own->advance_time = packet->has_time ? packet->record->time : 0;
    own->advance_identification = packet->identification;
}

/* The other direction was received up to here. */
static void
take_acknowledgement(progress *own, progress *other, stream_direction *direction, stream_direction *acknowledged,
                     const packet *packet, uint64_t begin)
{
    uint32_t number = packet->segment->acknowledgement;
    uint64_t to;

    if (!other->is_begun)
        begin_direction(other, acknowledged, number);
    if (!stream_offset(acknowledged, number, other->next, &to) || to > other->next + MAX_WINDOW)
        return;
    other->next = MAX(other->next, to);
    if (own->acknowledged == 0 && !acknowledged->has_isn) /* others may have come before it */
        own->acknowledged = to;
    if (to <= own->acknowledged)
        return;
    if (packet->has_time)
        stream_marks_acknowledged(&direction->acknowledged, own->acknowledged, to, mark_of(packet, begin));
    own->acknowledged = to;
}

static void
take_flags(stream_conversation *told, stream_side from, const wire_segment *segment)
{
    if ((segment->flags & (WIRE_SYN | WIRE_ACK)) == WIRE_SYN && from == STREAM_CLIENT)
        told->has_start = true;
    if (segment->flags & WIRE_FIN)
        told->has_fin[from] = true;
    if (segment->flags & WIRE_RST)
        told->is_reset = true;
}

static void
take_time(stream_conversation *told, const packet *packet)
{
    told->packets++;
    told->last_number = packet->record->number;
    if (!packet->has_time)
        return;
    told->first_time = told->first_time == 0 ? packet->record->time : MIN(told->first_time, packet->record->time);
    told->last_time = MAX(told->last_time, packet->record->time);
}

static void
take(stream_table *table, tracked *conversation, stream_side from, const packet *packet)
{
    const wire_segment  *segment = packet->segment;
    stream_conversation *told = &conversation->told;
    progress            *own = &conversation->directions[from];
    stream_direction    *direction = &told->directions[from];
    uint64_t             begin = 0;
    bool                 is_inside = true;

    take_time(told, packet);
    if (segment->flags & WIRE_SYN)
        take_syn(own, direction, segment);
    else if (!own->is_begun && !(segment->flags & WIRE_RST)) /* whose number may be anything */
        begin_direction(own, direction, segment->sequence);
    is_inside = own->is_begun && stream_offset(direction, segment->sequence, own->next, &begin);
    if (packet->has_time && (is_duplicate(table, told, from, packet) || (is_inside && is_piece(own, packet, begin)))) {
        told->duplicates++;
        return;
    }
    if (direction->packets++ == 0)
        direction->ttl = segment->hops;
    take_flags(told, from, segment);
    if (is_inside && packet->span > 0) {
        take_octets(own, direction, packet, begin);
        hash_payload(own, direction, segment, begin + !!(segment->flags & WIRE_SYN));
        take_payload(told, from, segment);
    }
    if ((segment->flags & (WIRE_ACK | WIRE_RST)) == WIRE_ACK)
        take_acknowledgement(own, &conversation->directions[!from], direction, &told->directions[!from], packet, begin);
}
