/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * From TCP segments to what a conversation tells (RFC 9293, RFC 5246, RFC 8446). DCE/RPC is left to rpc_calls.c.
 */
#include "track.h"

#include <arpa/inet.h>
#include <string.h>

#include "../wire/rpc.h"
#include "../wire/stream.h"
#include "../wire/tls.h"
#include "rpc_calls.h"

/* Nothing in SCEP comes near: beyond it a conversation is something else. Those to servers of that name may be shared by
 * many devices. */
#define MAX_TURNS       24
#define MAX_NAMED_TURNS 4096
#define MAX_OCTETS      (4u << 20)

/* Fragment lengths of TLS 1.3 records that hold one Finished, with SHA-256 and SHA-384: 4 + 32 + 1 + 16, 4 + 48 + 1 + 16
 * (RFC 8446 4.4.4, 5.2), and one alert: 2 + 1 + 16. */
#define FINISHED_SHA256 53
#define FINISHED_SHA384 69
#define ALERT_TLS13     19

/* Octets of a header of a TLS record. */
#define RECORD_HEADER 5

#define TLS_1_3 0x0304

/* Two ends, the smaller one first, as they stand in the packets. */
typedef union {
    struct {
        uint8_t  addresses[2][16];
        uint16_t ports[2];
        uint16_t ip_version;
        uint16_t copy; /* 0, or one more than the other point where the connection was captured too */
    };
    uint64_t words[5]; /* the same, to be compared fast */
} ends;

/* State of one conversation while its segments come; as long as the file. */
struct track {
    tracker           *all;
    flow_conversation *conversation;
    ends               ends;
    track             *before;        /* an earlier conversation between the same ends */
    track             *original;      /* the same connection where it was captured first; NULL when this is it */
    uint32_t           first_frame;
    uint16_t           point;         /* where it was captured */
    uint8_t            client;        /* which of the two ends: 0 or 1 */
    bool               is_doubled;    /* it was captured at other points too: they have tracks of their own */
    bool               is_clear;      /* its first octets have shown that it is no TLS */
    bool               is_looked_at;  /* and the client's, whether it is DCE/RPC */
    bool               ccs[2];        /* ChangeCipherSpec was sent */
    bool               finished[2];
    bool               server_spoke;  /* since the last request */
    uint32_t           client_isn;
    uint64_t           data[2];       /* octets of application data that each side sent, TLS records included */
    flow_moment        data_begin[2]; /* of what has not been counted */
    uint64_t           counted[2];    /* of these, what belongs to requests and answers that were read */
    flow_moment        now;           /* of the segment that is being taken */
    flow_side          from;
    wire_stream        streams[2];
    wire_tls_half      tls[2];
    GByteArray        *decrypted[2];  /* handshake octets that make no whole message yet */
    rpc_calls         *calls;         /* of DCE/RPC; NULL when it is none */
};

struct tracker {
    flow_model           *model;
    flow_read_certificate read;
    GHashTable           *tracks; /* ends, of the track itself -> the latest track */
    GPtrArray            *owned;  /* of track * */
    ends                  last_ends;
    track                *last;   /* most segments follow one of the same conversation */
};

static guint
hash_ends(gconstpointer data)
{
    const ends *key = data;
    uint64_t    hash = 0;

    for (size_t i = 0; i < G_N_ELEMENTS(key->words); i++)
        hash = (hash ^ key->words[i]) * UINT64_C(0x9e3779b97f4a7c15); /* 2^64 by the golden ratio */
    return (guint)(hash >> 32);
}

static gboolean
equal_ends(gconstpointer a, gconstpointer b)
{
    return memcmp(a, b, sizeof(ends)) == 0;
}

static void
free_track(gpointer data)
{
    track *one = data;

    for (int side = 0; side < 2; side++) {
        wire_stream_clear(&one->streams[side]);
        wire_tls_half_clear(&one->tls[side]);
        if (one->decrypted[side])
            g_byte_array_unref(one->decrypted[side]);
    }
    rpc_calls_free(one->calls);
    g_free(one);
}

tracker *
tracker_new(flow_model *model, flow_read_certificate read)
{
    tracker *all = g_new0(tracker, 1);

    all->model = model;
    all->read = read;
    all->tracks = g_hash_table_new(hash_ends, equal_ends);
    all->owned = g_ptr_array_new_with_free_func(free_track);
    return all;
}

void
tracker_free(tracker *all)
{
    if (!all)
        return;
    g_hash_table_unref(all->tracks);
    g_ptr_array_unref(all->owned);
    g_free(all);
}

/* The ends of a segment; returns the index of its sender. */
static int
read_ends(const wire_segment *segment, ends *key)
{
    size_t width = segment->ip_version == 4 ? 4 : 16;
    int    order = memcmp(segment->source, segment->destination, width), sender;

    if (order == 0)
        order = segment->source_port < segment->destination_port ? -1 : 1;
    sender = order < 0 ? 0 : 1;
    memset(key, 0, sizeof *key);
    memcpy(key->addresses[sender], segment->source, width);
    memcpy(key->addresses[1 - sender], segment->destination, width);
    key->ports[sender] = segment->source_port;
    key->ports[1 - sender] = segment->destination_port;
    key->ip_version = segment->ip_version;
    return sender;
}

/* As text, in `text`, which has room for any. */
static const char *
address_text(unsigned ip_version, const uint8_t *octets, char text[INET6_ADDRSTRLEN])
{
    return inet_ntop(ip_version == 4 ? AF_INET : AF_INET6, octets, text, INET6_ADDRSTRLEN);
}

/* True when this segment cannot belong to the conversation that is there: a SYN of another connection. */
static bool
begins_anew(const track *one, const wire_segment *segment)
{
    const flow_conversation *conversation = one->conversation;

    if ((segment->flags & (WIRE_SYN | WIRE_ACK)) != WIRE_SYN)
        return false;
    if (conversation->syn.frame && one->client_isn == segment->sequence)
        return false;
    return conversation->has_start || conversation->octets[0] + conversation->octets[1] > 0;
}

/* Who sent the first segment: a SYN, a ClientHello or a call comes from the client, an answer to a call from the server,
 * else the server has the smaller port. */
static bool
is_from_client(const wire_segment *segment)
{
    wire_rpc_sender sender = wire_rpc_look(segment->payload, segment->captured);

    if (segment->flags & WIRE_SYN)
        return !(segment->flags & WIRE_ACK);
    if (segment->captured > 5 && segment->payload[0] == WIRE_TLS_HANDSHAKE)
        return segment->payload[5] == WIRE_TLS_CLIENT_HELLO;
    if (sender != WIRE_RPC_NOBODY)
        return sender == WIRE_RPC_CLIENT;
    return segment->destination_port <= segment->source_port;
}

static track *
new_track(tracker *all, const wire_segment *segment, const ends *key, int sender, flow_moment now)
{
    track *one = g_new0(track, 1);
    bool   from_client = is_from_client(segment);
    char   texts[2][INET6_ADDRSTRLEN];
    const char *source = address_text(segment->ip_version, segment->source, texts[0]);
    const char *destination = address_text(segment->ip_version, segment->destination, texts[1]);

    one->all = all;
    one->client = (uint8_t)(from_client ? sender : 1 - sender);
    one->first_frame = now.frame;
    one->conversation = from_client
                            ? flow_add_conversation(all->model, 0, source, segment->source_port, destination,
                                                    segment->destination_port, NULL, now)
                            : flow_add_conversation(all->model, 0, destination, segment->destination_port, source,
                                                    segment->source_port, NULL, now);
    one->before = g_hash_table_lookup(all->tracks, key);
    one->point = segment->point;
    one->is_doubled = one->before && one->before->is_doubled;
    one->ends = *key;
    g_hash_table_replace(all->tracks, &one->ends, one);
    g_ptr_array_add(all->owned, one);
    return one;
}

/* True for the SYN of a connection that is known from another point: it was captured at two. */
static bool
is_copy(const track *one, const wire_segment *segment)
{
    return (segment->flags & (WIRE_SYN | WIRE_ACK)) == WIRE_SYN && one->conversation->syn.frame &&
           one->client_isn == segment->sequence;
}

/* The track at a segment's point when `one` is from another; NULL when it is to be made under `key`. */
static track *
track_at_point(const tracker *all, track *one, const wire_segment *segment, ends *key)
{
    track *other;

    if (!one || one->point == segment->point || !(one->is_doubled || is_copy(one, segment)))
        return one;
    key->copy = (uint16_t)(segment->point + 1);
    other = g_hash_table_lookup(all->tracks, key);
    if (other || is_copy(one, segment)) {
        one->is_doubled = true;
        return other;
    }
    key->copy = 0;
    return one;
}

track_place
tracker_place(tracker *all, const wire_segment *segment, flow_moment now)
{
    track_place place = { NULL, FLOW_CLIENT, false };
    track      *original;
    ends        key;
    int         sender = read_ends(segment, &key);

    if (all->last && memcmp(&key, &all->last_ends, sizeof key) == 0)
        place.track = all->last;
    else
        place.track = g_hash_table_lookup(all->tracks, &key);
    original = place.track;
    place.track = track_at_point(all, original, segment, &key);
    if (!place.track || begins_anew(place.track, segment)) {
        place.track = new_track(all, segment, &key, sender, now);
        place.track->original = key.copy && is_copy(original, segment) ? original : NULL;
        place.is_new = true;
    }
    all->last = key.copy ? NULL : place.track;
    all->last_ends = key;
    place.from = sender == place.track->client ? FLOW_CLIENT : FLOW_SERVER;
    return place;
}

/* The latest track under `key` that had begun by `frame`, or NULL. */
static track *
track_in(const tracker *all, const ends *key, uint32_t frame)
{
    track *one = g_hash_table_lookup(all->tracks, key);

    while (one && one->first_frame > frame)
        one = one->before;
    return one;
}

track_place
tracker_find(const tracker *all, const wire_segment *segment, uint32_t frame)
{
    track_place place = { NULL, FLOW_CLIENT, false };
    ends        key;
    int         sender = read_ends(segment, &key);

    place.track = track_in(all, &key, frame);
    if (place.track && place.track->is_doubled && place.track->point != segment->point) {
        track *other;

        key.copy = (uint16_t)(segment->point + 1);
        other = track_in(all, &key, frame);
        place.track = other ? other : place.track;
    }
    if (place.track)
        place.from = sender == place.track->client ? FLOW_CLIENT : FLOW_SERVER;
    return place;
}

track *
track_original(track *track)
{
    return track->original ? track->original : track;
}

flow_conversation *
track_conversation(const track *track)
{
    return track->conversation;
}

void
track_name(track *track, unsigned tcp_stream, const char *vantage)
{
    track->conversation->tcp_stream = tcp_stream;
    track->conversation->vantage = flow_intern(track->all->model, vantage);
}

/* --- requests and answers in encrypted data --- */

static flow_turn *
last_turn(const flow_conversation *conversation)
{
    return conversation->turns && conversation->turns->len
               ? &g_array_index(conversation->turns, flow_turn, conversation->turns->len - 1)
               : NULL;
}

static void
become_busy(track *one)
{
    flow_conversation *conversation = one->conversation;

    conversation->is_busy = true;
    if (conversation->turns)
        g_array_unref(conversation->turns);
    conversation->turns = NULL;
    for (int side = 0; side < 2; side++) {
        wire_stream_clear(&one->streams[side]);
        wire_tls_half_clear(&one->tls[side]);
    }
    rpc_calls_free(one->calls);
    one->calls = NULL;
    flow_changed(conversation);
}

/* Notes application data of the side that sent. */
static void
note_data(track *one, uint64_t octets)
{
    if (one->data[one->from] == one->counted[one->from])
        one->data_begin[one->from] = one->now;
    one->data[one->from] += octets;
}

/* Application data of `octets` on TCP, or with no record of its own a part that was lost. */
static void
add_data(track *one, uint32_t octets, unsigned record_length)
{
    flow_conversation *conversation = one->conversation;
    flow_turn         *turn = last_turn(conversation);

    if (conversation->is_busy || conversation->is_readable)
        return;
    if (one->from == FLOW_CLIENT && (!turn || turn->response.frame)) {
        flow_turn begun = { .request = one->now };

        if (conversation->turns && conversation->turns->len >= MAX_TURNS &&
            (conversation->turns->len >= MAX_NAMED_TURNS || !flow_is_named(conversation))) {
            become_busy(one);
            return;
        }
        if (!conversation->turns)
            conversation->turns = g_array_new(FALSE, FALSE, sizeof(flow_turn));
        g_array_append_val(conversation->turns, begun);
        turn = last_turn(conversation);
        flow_changed(conversation);
    }
    if (!turn)
        return;
    turn->octets[one->from] += octets;
    if (record_length > 0) {
        if (one->from == FLOW_SERVER && turn->records[FLOW_SERVER] < 2)
            turn->first_records[turn->records[FLOW_SERVER]] = (uint16_t)record_length;
        turn->records[one->from]++;
    }
    if (one->from == FLOW_CLIENT) {
        turn->request_end = one->now;
    } else {
        if (!turn->response.frame) {
            turn->response = one->now;
            flow_changed(conversation);
        }
        turn->response_end = one->now;
    }
}

/* --- TLS --- */

static void
establish(track *one)
{
    flow_conversation *conversation = one->conversation;

    if (conversation->tls_established.frame)
        return;
    conversation->tls_established = one->now;
    conversation->flight = FLOW_FLIGHT_FINISHED;
    flow_changed(conversation);
}

static void
finish_side(track *one)
{
    flow_conversation *conversation = one->conversation;

    if (one->finished[one->from])
        return;
    one->finished[one->from] = true;
    if (one->finished[FLOW_CLIENT] && one->finished[FLOW_SERVER])
        establish(one);
    else if (one->from == FLOW_CLIENT)
        conversation->flight = MAX(conversation->flight, FLOW_FLIGHT_CLIENT_FINISHED);
    else
        conversation->flight = MAX(conversation->flight, FLOW_FLIGHT_SERVER_DONE);
}

static void
set_alert(track *one, int level, int description, bool is_closing)
{
    flow_conversation *conversation = one->conversation;

    if (conversation->alert.frame && !(conversation->alert_is_closing && !is_closing) &&
        !(conversation->alert_description < 0 && description >= 0 && conversation->alert_by == one->from))
        return;
    conversation->alert = one->now;
    conversation->alert_by = one->from;
    conversation->alert_level = level;
    conversation->alert_description = description;
    conversation->alert_is_closing = is_closing;
    flow_changed(conversation);
}

/* An alert whose content is encrypted: after the handshake, and not during a request, it says goodbye. */
static void
meet_encrypted_alert(track *one)
{
    const flow_conversation *conversation = one->conversation;
    const flow_turn         *turn = last_turn(conversation);
    bool                     is_closing = conversation->tls_established.frame != 0;

    if (conversation->version == TLS_1_3 && one->from == FLOW_CLIENT && !turn && !conversation->is_readable)
        is_closing = false; /* the server's certificate was only just read */
    set_alert(one, -1, -1, is_closing);
}

/* Records of TLS 1.3 that look like application data before both sides have finished. */
static bool
is_hidden_handshake(track *one, unsigned length)
{
    flow_conversation *conversation = one->conversation;

    if (conversation->version != TLS_1_3 || conversation->tls_established.frame)
        return false;
    if (one->from == FLOW_SERVER) {
        if (!one->finished[FLOW_SERVER])
            conversation->flight = MAX(conversation->flight, FLOW_FLIGHT_SERVER_DONE);
        return true;
    }
    if (length == FINISHED_SHA256 || length == FINISHED_SHA384) {
        one->finished[FLOW_SERVER] = true;
        finish_side(one);
    }
    return true;
}

static void
meet_record(void *user, unsigned type, unsigned version, unsigned length)
{
    track             *one = user;
    flow_conversation *conversation = one->conversation;

    (void)version;
    if (!conversation->is_tls) {
        conversation->is_tls = true;
        flow_changed(conversation);
    }
    switch (type) {
    case WIRE_TLS_CHANGE_CIPHER_SPEC:
        one->ccs[one->from] = true;
        /* Of an old session the server is the first to finish, right after its hello (RFC 5246 7.3). */
        if (one->from == FLOW_SERVER && !one->ccs[FLOW_CLIENT] && conversation->version != TLS_1_3 &&
            conversation->flight == FLOW_FLIGHT_SERVER_HELLO)
            conversation->is_resumed = true;
        break;
    case WIRE_TLS_HANDSHAKE:
        if (!one->ccs[one->from] || conversation->version == TLS_1_3)
            break;
        if (conversation->tls_established.frame)
            conversation->renegotiations++;
        finish_side(one);
        break;
    case WIRE_TLS_ALERT:
        if (one->tls[one->from].is_encrypted)
            meet_encrypted_alert(one);
        break;
    case WIRE_TLS_APPLICATION_DATA:
        if (conversation->version == TLS_1_3 && length == ALERT_TLS13) {
            meet_encrypted_alert(one);
            break;
        }
        if (is_hidden_handshake(one, length))
            break;
        establish(one); /* it may have begun before the capture */
        conversation->records[one->from]++;
        note_data(one, length + RECORD_HEADER);
        add_data(one, length + RECORD_HEADER, length);
        break;
    default:
        break;
    }
}

static char *
text_of(wire_octets octets)
{
    char *raw, *valid;

    if (octets.length == 0)
        return NULL;
    raw = g_strndup((const char *)octets.data, octets.length);
    valid = g_utf8_make_valid(raw, -1);
    g_free(raw);
    return valid;
}

/* The client's random number, of which no two are the same (RFC 8446 4.1.2). */
static uint64_t
identity_of(wire_octets random)
{
    uint64_t identity = 0;

    for (size_t i = 0; i < random.length; i++)
        identity = identity * UINT64_C(0x100000001b3) + random.data[i]; /* the prime of FNV-1a */
    return identity;
}

static void
meet_client_hello(track *one, const uint8_t *body, size_t length)
{
    flow_conversation *conversation = one->conversation;
    wire_client_hello  hello;
    char              *name;

    if (!wire_client_hello_read(body, length, &hello) && hello.version == 0)
        return;
    if (!conversation->client_hello.frame) {
        conversation->client_hello = one->now;
        conversation->identity = identity_of(hello.random);
        conversation->flight = MAX(conversation->flight, FLOW_FLIGHT_CLIENT_HELLO);
    }
    conversation->offered_version = hello.version;
    name = text_of(hello.server_name);
    if (name || !conversation->tls_established.frame) /* a renegotiation need not say it again */
        conversation->server_name = flow_intern(one->all->model, name);
    g_free(name);
    for (size_t at = 0; at + 2 < hello.protocols.length; at += 1u + hello.protocols.data[at])
        conversation->offers_h2 |= hello.protocols.data[at] == 2 && memcmp(hello.protocols.data + at + 1, "h2", 2) == 0;
    flow_changed(conversation);
}

static void
meet_server_hello(track *one, const uint8_t *body, size_t length)
{
    flow_conversation *conversation = one->conversation;
    wire_server_hello  hello;
    char              *protocol;

    if (!wire_server_hello_read(body, length, &hello) && hello.version == 0)
        return;
    conversation->version = hello.version;
    conversation->cipher_suite = hello.cipher_suite;
    if (hello.is_retry)
        return;
    if (!conversation->server_hello.frame)
        conversation->server_hello = one->now;
    conversation->flight = MAX(conversation->flight, FLOW_FLIGHT_SERVER_HELLO);
    if (hello.version == TLS_1_3)
        conversation->is_resumed = hello.has_pre_shared_key;
    protocol = text_of(hello.protocol);
    if (protocol)
        conversation->protocol = flow_intern(one->all->model, protocol);
    g_free(protocol);
    flow_changed(conversation);
}

static void
meet_certificate(track *one, const uint8_t *body, size_t length)
{
    flow_conversation *conversation = one->conversation;
    wire_octets        first = { NULL, 0 };
    unsigned count = wire_certificates_read(body, length, conversation->version == TLS_1_3, &first, 1);
    const flow_certificate *certificate = NULL;

    if (count > 0 && one->all->read)
        certificate = flow_certificate_of(one->all->model, first.data, first.length, one->all->read);
    if (one->from == FLOW_CLIENT) {
        conversation->certificate_empty = count == 0;
        conversation->certificate_sent = count > 0;
        conversation->client_certificate = certificate;
    } else if (certificate) {
        conversation->certificate = certificate;
    }
    flow_changed(conversation);
}

static void
meet_handshake(void *user, unsigned type, const uint8_t *body, size_t length, size_t total)
{
    track             *one = user;
    flow_conversation *conversation = one->conversation;

    (void)total;
    switch (type) {
    case WIRE_TLS_CLIENT_HELLO:
        meet_client_hello(one, body, length);
        break;
    case WIRE_TLS_SERVER_HELLO:
        meet_server_hello(one, body, length);
        break;
    case WIRE_TLS_CERTIFICATE:
        meet_certificate(one, body, length);
        break;
    case WIRE_TLS_CERTIFICATE_REQUEST:
        conversation->certificate_requested = true;
        conversation->certificate_requested_late = conversation->tls_established.frame != 0;
        flow_changed(conversation);
        break;
    case WIRE_TLS_SERVER_HELLO_DONE:
        conversation->flight = MAX(conversation->flight, FLOW_FLIGHT_SERVER_DONE);
        break;
    default:
        break;
    }
}

static void
meet_alert(void *user, unsigned level, unsigned description)
{
    set_alert(user, (int)level, (int)description, description == 0);
}

static void
meet_foreign(void *user, const uint8_t *data, size_t length)
{
    track             *one = user;
    flow_conversation *conversation = one->conversation;
    char               text[17];

    if (one->from == FLOW_CLIENT || !conversation->client_hello.frame) {
        one->is_clear = true;
        track_is_read(one);
        return;
    }
    length = MIN(length, sizeof text - 1);
    for (size_t i = 0; i < length; i++)
        text[i] = g_ascii_isprint(data[i]) ? (char)data[i] : '.';
    text[length] = '\0';
    conversation->is_foreign_protocol = true;
    conversation->foreign_data = flow_intern(one->all->model, text);
    flow_changed(conversation);
}

static const wire_tls_sink tls_sink = { meet_record, meet_handshake, meet_alert, meet_foreign };

/* --- TCP --- */

/* Octets that are no TLS: of the client's the first tell whether they are DCE/RPC. */
static void
take_clear(track *one, const uint8_t *data, size_t captured, size_t length)
{
    flow_conversation *conversation = one->conversation;

    if (!one->is_looked_at && one->from == FLOW_CLIENT) {
        one->is_looked_at = true;
        if (wire_rpc_look(data, captured) == WIRE_RPC_CLIENT)
            one->calls = rpc_calls_new(conversation, conversation->has_start && one->data[FLOW_SERVER] == 0);
    }
    if (one->calls)
        rpc_calls_push(one->calls, one->from, one->now, data, captured, length);
    note_data(one, length);
}

static void
take_stream(void *user, const uint8_t *data, size_t captured, size_t length)
{
    track *one = user;

    if (!one->is_clear)
        wire_tls_push(&one->tls[one->from], &tls_sink, one, data, captured, length);
    if (one->is_clear)
        take_clear(one, data, captured, length);
}

static void
take_gap(void *user, uint32_t missing)
{
    track         *one = user;
    wire_tls_half *half = &one->tls[one->from];
    uint32_t       counted = half->remaining; /* with its record's header */

    one->conversation->has_losses = true;
    if (one->calls)
        rpc_calls_gap(one->calls, one->from, one->now, missing);
    if (one->is_clear)
        return;
    wire_tls_gap(half, missing);
    if (one->conversation->tls_established.frame && missing > counted)
        add_data(one, missing - counted, 0);
}

static const wire_stream_sink stream_sink = { take_stream, take_gap };

static void
take_flags(track *one, const wire_segment *segment)
{
    flow_conversation *conversation = one->conversation;
    bool               is_ack = (segment->flags & WIRE_ACK) != 0;

    if (segment->flags & WIRE_SYN) {
        if (is_ack) {
            if (!conversation->syn_ack.frame) {
                conversation->syn_ack = one->now;
                if (conversation->identity == 0 && conversation->syn.frame)
                    conversation->identity = ((uint64_t)one->client_isn << 32) | segment->sequence;
            }
        } else if (!conversation->syn.frame) {
            conversation->syn = one->now;
            conversation->has_start = true;
            one->client_isn = segment->sequence;
        } else {
            conversation->syn_repeats++;
        }
        flow_changed(conversation);
    } else if (is_ack && !(segment->flags & WIRE_RST) && one->from == FLOW_CLIENT && conversation->syn_ack.frame &&
               !conversation->established.frame) {
        conversation->established = one->now;
        flow_changed(conversation);
    }
    if ((segment->flags & WIRE_FIN) && !conversation->fin[one->from].frame) {
        conversation->fin[one->from] = one->now;
        flow_changed(conversation);
    }
    if ((segment->flags & WIRE_RST) && !conversation->reset.frame) {
        conversation->reset = one->now;
        conversation->reset_by = one->from;
        flow_changed(conversation);
    }
}

void
track_segment(track_place place, const wire_segment *segment, flow_moment now)
{
    track             *one = place.track;
    flow_conversation *conversation = one->conversation;
    wire_novelty       novelty;

    one->now = now;
    one->from = place.from;
    conversation->last = now;
    if (segment->flags & (WIRE_SYN | WIRE_FIN | WIRE_RST) || !conversation->established.frame)
        take_flags(one, segment);
    if (segment->length > 0) {
        conversation->segments[place.from]++;
        if (conversation->is_busy) {
            conversation->octets[place.from] += segment->length;
            return;
        }
        novelty = wire_stream_add(&one->streams[place.from], &stream_sink, one, segment->sequence,
                                  (segment->flags & WIRE_SYN) != 0, segment->payload, segment->captured, segment->length);
        if (novelty == WIRE_RETRANSMISSION)
            conversation->retransmissions[place.from]++;
        else if (novelty != WIRE_KEEP_ALIVE)
            conversation->octets[place.from] += segment->length;
        if (conversation->octets[0] + conversation->octets[1] > MAX_OCTETS && !flow_is_named(conversation) &&
            !(one->calls && rpc_calls_are_for_certificates(one->calls)))
            become_busy(one);
    } else if (segment->flags & WIRE_SYN) {
        wire_stream_add(&one->streams[place.from], &stream_sink, one, segment->sequence, true, segment->payload, 0, 0);
    }
    if ((segment->flags & WIRE_ACK) && !conversation->is_busy && one->streams[1 - place.from].pending) {
        one->from = 1 - place.from;
        wire_stream_acknowledged(&one->streams[one->from], &stream_sink, one, segment->acknowledgement);
    }
    conversation->has_hole = one->streams[FLOW_CLIENT].pending || one->streams[FLOW_SERVER].pending;
}

void
track_decrypted_handshake(track_place place, const uint8_t *data, size_t length, flow_moment now)
{
    track *one = place.track;

    one->now = now;
    one->from = place.from;
    wire_tls_push_handshake(&one->decrypted[place.from], &tls_sink, one, data, length);
}

void
track_decrypted_alert(track_place place, unsigned level, unsigned description, flow_moment now)
{
    place.track->now = now;
    place.track->from = place.from;
    set_alert(place.track, (int)level, (int)description, description == 0);
}

/* The octets of a side since the last call. */
static uint32_t
count(track *one, flow_side side)
{
    uint64_t octets = one->data[side] - one->counted[side];

    one->counted[side] = one->data[side];
    return (uint32_t)octets;
}

/* HTTP/2 does not send one message after the other. */
static bool
is_interleaved(const track *one)
{
    return g_strcmp0(one->conversation->protocol, "h2") == 0;
}

void
track_count_request(track *track, flow_exchange *exchange)
{
    exchange->request_octets = count(track, FLOW_CLIENT);
    if (exchange->request_octets > 0 && !is_interleaved(track))
        exchange->request = track->data_begin[FLOW_CLIENT];
    count(track, FLOW_SERVER);
}

void
track_count_answer(track *track, flow_exchange *exchange)
{
    flow_moment begin = track->data_begin[FLOW_SERVER];

    exchange->response_octets = count(track, FLOW_SERVER);
    /* An interim answer comes before the request is whole. */
    if (exchange->response_octets > 0 && begin.frame > exchange->request_end.frame && !is_interleaved(track))
        exchange->response = begin;
}

void
track_is_read(track *track)
{
    flow_conversation *conversation = track->conversation;

    if (conversation->is_readable)
        return;
    conversation->is_readable = true;
    flow_changed(conversation);
}
