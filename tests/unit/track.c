/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What a conversation tells, from segments made by hand: lengths of TLS records are those of openssl 3 with
 * ECDHE-RSA-AES256-GCM-SHA384 and TLS_AES_256_GCM_SHA384.
 */
#include "transport/track.h"

#include <string.h>

#include <arpa/inet.h>

#include "flow_support.h"
#include "wire/tls.h"

enum {
    SYN = WIRE_SYN,
    ACK = WIRE_ACK,
    FIN = WIRE_FIN | WIRE_ACK,
    RST = WIRE_RST | WIRE_ACK,
    SYN_ACK = WIRE_SYN | WIRE_ACK
};

enum {
    FINISHED = 40,          /* TLS 1.2: explicit nonce, 16 octets of message, tag */
    ENCRYPTED_ALERT = 26,   /* likewise, with 2 octets */
    FINISHED_13 = 69,       /* 4 + 48 + content type + tag */
    FINISHED_13_SHA256 = 53,
    ALERT_13 = 19,
    TICKET_13 = 250,
};

/* One connection, and the file that it is in. Every segment is a frame, a millisecond after the one before. */
typedef struct {
    flow_model *model;
    tracker    *all;
    uint32_t    frame;
    int64_t     time;
    unsigned    ip_version;
    uint8_t     addresses[2][16];
    uint16_t    ports[2];
    uint32_t    sequence[2]; /* what comes next */
    track_place place;       /* of the last segment */
} connection;

/* --- segments --- */

static void
set_ends(connection *one, const char *client, uint16_t client_port, const char *server, uint16_t server_port)
{
    one->ip_version = strchr(client, ':') ? 6 : 4;
    g_assert_cmpint(inet_pton(one->ip_version == 6 ? AF_INET6 : AF_INET, client, one->addresses[FLOW_CLIENT]), ==, 1);
    g_assert_cmpint(inet_pton(one->ip_version == 6 ? AF_INET6 : AF_INET, server, one->addresses[FLOW_SERVER]), ==, 1);
    one->ports[FLOW_CLIENT] = client_port;
    one->ports[FLOW_SERVER] = server_port;
    one->sequence[FLOW_CLIENT] = 1000;
    one->sequence[FLOW_SERVER] = 0xfffffff0; /* to wrap around */
}

static const char *const names[] = { "scep.contoso.com", NULL };

static void
read_certificate(flow_model *model, const uint8_t *der, size_t length, flow_certificate *certificate)
{
    g_assert_cmpmem(der, length, "certificate", 11);
    certificate->subject = flow_intern(model, "CN=scep.contoso.com");
    certificate->issuer = flow_intern(model, "CN=Contoso CA");
    certificate->names = g_memdup2(names, sizeof names);
}

static connection *
new_connection(void)
{
    connection *one = g_new0(connection, 1);

    one->model = new_model(NULL);
    one->all = tracker_new(one->model, read_certificate);
    set_ends(one, DEVICE, 50000, WAP, 443);
    return one;
}

static void
end(connection *one)
{
    tracker_free(one->all);
    flow_model_free(one->model);
    g_free(one);
}

/* A segment as it would be next, but `moved` octets later in its stream. Of the payload `captured` octets are there. */
static flow_conversation *
send_part(connection *one, flow_side from, unsigned flags, const uint8_t *payload, size_t captured, size_t length,
          int32_t moved)
{
    uint8_t     *copy = g_memdup2(payload, captured); /* gone when it has been taken */
    flow_moment  now = { ++one->frame, BEGIN + one->time++ * MILLISECOND };
    wire_segment segment = {
        .ip_version = one->ip_version,
        .source = one->addresses[from],
        .destination = one->addresses[1 - from],
        .source_port = one->ports[from],
        .destination_port = one->ports[1 - from],
        .sequence = one->sequence[from] + (uint32_t)moved,
        .acknowledgement = flags & WIRE_ACK ? one->sequence[1 - from] : 0,
        .window = 1000,
        .flags = (uint8_t)flags,
        .payload = copy,
        .captured = captured,
        .length = length,
    };
    track_place  found;

    flow_model_saw_frame(one->model, now.frame, now.time);
    one->place = tracker_place(one->all, &segment, now);
    track_segment(one->place, &segment, now);
    found = tracker_find(one->all, &segment, now.frame);
    g_assert_true(found.track == one->place.track && found.from == one->place.from);
    if (moved == 0)
        one->sequence[from] += (uint32_t)length + (flags & WIRE_SYN ? 1 : 0) + (flags & WIRE_FIN ? 1 : 0);
    g_free(copy);
    return track_conversation(one->place.track);
}

static flow_conversation *
send_flags(connection *one, flow_side from, unsigned flags)
{
    return send_part(one, from, flags, NULL, 0, 0, 0);
}

/* The octets in one segment; freed. */
static flow_conversation *
send_data(connection *one, flow_side from, GByteArray *octets)
{
    flow_conversation *conversation = send_part(one, from, ACK | WIRE_PSH, octets->data, octets->len, octets->len, 0);

    g_byte_array_unref(octets);
    return conversation;
}

static flow_conversation *
handshake_tcp(connection *one)
{
    send_flags(one, FLOW_CLIENT, SYN);
    send_flags(one, FLOW_SERVER, SYN_ACK);
    return send_flags(one, FLOW_CLIENT, ACK);
}

/* --- TLS --- */

static void
add_number(GByteArray *octets, unsigned number, unsigned width)
{
    for (unsigned i = width; i > 0; i--) {
        uint8_t octet = (uint8_t)(number >> (8 * (i - 1)));

        g_byte_array_append(octets, &octet, 1);
    }
}

static void
add_zeros(GByteArray *octets, unsigned count)
{
    if (count == 0)
        return;
    g_byte_array_set_size(octets, octets->len + count);
    memset(octets->data + octets->len - count, 0, count);
}

/* Takes `inner`, with its length before it. */
static void
add_with_length(GByteArray *octets, GByteArray *inner, unsigned width)
{
    add_number(octets, inner->len, width);
    g_byte_array_append(octets, inner->data, inner->len);
    g_byte_array_unref(inner);
}

static void
add_record(GByteArray *octets, unsigned type, GByteArray *fragment)
{
    add_number(octets, type, 1);
    add_number(octets, 0x0303, 2);
    add_with_length(octets, fragment, 2);
}

static GByteArray *
zeros(unsigned count)
{
    GByteArray *octets = g_byte_array_new();

    add_zeros(octets, count);
    return octets;
}

/* Appends a record of encrypted or meaningless octets. */
static void
add_opaque(GByteArray *octets, unsigned type, unsigned length)
{
    add_record(octets, type, zeros(length));
}

static GByteArray *
opaque(unsigned type, unsigned length)
{
    GByteArray *octets = g_byte_array_new();

    add_opaque(octets, type, length);
    return octets;
}

static GByteArray *
message(unsigned type, GByteArray *body)
{
    GByteArray *octets = g_byte_array_new();

    add_number(octets, type, 1);
    add_with_length(octets, body, 3);
    return octets;
}

static void
add_extension(GByteArray *extensions, unsigned type, GByteArray *data)
{
    add_number(extensions, type, 2);
    add_with_length(extensions, data, 2);
}

static GByteArray *
protocol_list(const char *const *protocols)
{
    GByteArray *list = g_byte_array_new(), *data = g_byte_array_new();

    for (; *protocols; protocols++) {
        add_number(list, (unsigned)strlen(*protocols), 1);
        g_byte_array_append(list, (const uint8_t *)*protocols, (guint)strlen(*protocols));
    }
    add_with_length(data, list, 2);
    return data;
}

/* Protocols may be NULL, as may the name. */
static GByteArray *
client_hello(const char *name, unsigned version, const char *const *protocols)
{
    GByteArray *body = g_byte_array_new(), *extensions = g_byte_array_new(), *record = g_byte_array_new();

    add_number(body, 0x0303, 2);
    add_zeros(body, 32);
    add_number(body, 0, 1);
    add_number(body, 2, 2);
    add_number(body, 0xc030, 2);
    add_number(body, 0x0100, 2);
    if (name) {
        GByteArray *entry = g_byte_array_new(), *list = g_byte_array_new(), *data = g_byte_array_new();

        g_byte_array_append(entry, (const uint8_t *)name, (guint)strlen(name));
        add_number(list, 0, 1);
        add_with_length(list, entry, 2);
        add_with_length(data, list, 2);
        add_extension(extensions, 0, data);
    }
    if (protocols)
        add_extension(extensions, 16, protocol_list(protocols));
    if (version == 0x0304) {
        GByteArray *data = g_byte_array_new();

        add_number(data, 2, 1);
        add_number(data, version, 2);
        add_extension(extensions, 43, data);
    }
    add_with_length(body, extensions, 2);
    add_record(record, WIRE_TLS_HANDSHAKE, message(WIRE_TLS_CLIENT_HELLO, body));
    return record;
}

static void
add_server_hello(GByteArray *octets, unsigned version, const char *protocol)
{
    GByteArray *body = g_byte_array_new(), *extensions = g_byte_array_new();

    add_number(body, 0x0303, 2);
    add_number(body, 0x01020304, 4);
    add_zeros(body, 28);
    add_number(body, 0, 1);
    add_number(body, version == 0x0304 ? 0x1302 : 0xc030, 2);
    add_number(body, 0, 1);
    if (protocol)
        add_extension(extensions, 16, protocol_list((const char *const[]){ protocol, NULL }));
    if (version == 0x0304) {
        GByteArray *data = g_byte_array_new();

        add_number(data, version, 2);
        add_extension(extensions, 43, data);
    }
    add_with_length(body, extensions, 2);
    add_record(octets, WIRE_TLS_HANDSHAKE, message(WIRE_TLS_SERVER_HELLO, body));
}

/* A Certificate message of TLS 1.2, with one certificate or none. */
static void
add_certificate(GByteArray *octets, bool is_empty)
{
    GByteArray *list = g_byte_array_new(), *body = g_byte_array_new();

    if (!is_empty) {
        GByteArray *certificate = g_byte_array_new();

        g_byte_array_append(certificate, (const uint8_t *)"certificate", 11);
        add_with_length(list, certificate, 3);
    }
    add_with_length(body, list, 3);
    add_record(octets, WIRE_TLS_HANDSHAKE, message(WIRE_TLS_CERTIFICATE, body));
}

static void
add_message(GByteArray *octets, unsigned type, unsigned length)
{
    add_record(octets, WIRE_TLS_HANDSHAKE, message(type, zeros(length)));
}

/* ServerHello to ServerHelloDone. */
static GByteArray *
server_flight(bool asks_certificate)
{
    GByteArray *octets = g_byte_array_new();

    add_server_hello(octets, 0x0303, NULL);
    add_certificate(octets, false);
    add_message(octets, WIRE_TLS_SERVER_KEY_EXCHANGE, 300);
    if (asks_certificate)
        add_message(octets, WIRE_TLS_CERTIFICATE_REQUEST, 30);
    add_message(octets, WIRE_TLS_SERVER_HELLO_DONE, 0);
    return octets;
}

static void
add_finished(GByteArray *octets)
{
    add_opaque(octets, WIRE_TLS_CHANGE_CIPHER_SPEC, 1);
    add_opaque(octets, WIRE_TLS_HANDSHAKE, FINISHED);
}

static GByteArray *
finished(void)
{
    GByteArray *octets = g_byte_array_new();

    add_finished(octets);
    return octets;
}

static GByteArray *
client_flight(void)
{
    GByteArray *octets = g_byte_array_new();

    add_message(octets, WIRE_TLS_CLIENT_KEY_EXCHANGE, 66);
    add_finished(octets);
    return octets;
}

static flow_conversation *
handshake_tls12(connection *one, const char *name)
{
    handshake_tcp(one);
    send_data(one, FLOW_CLIENT, client_hello(name, 0x0303, NULL));
    send_data(one, FLOW_SERVER, server_flight(false));
    send_data(one, FLOW_CLIENT, client_flight());
    return send_data(one, FLOW_SERVER, finished());
}

/* The server's first flight of TLS 1.3: ServerHello, ChangeCipherSpec, then records that all look alike. */
static GByteArray *
server_flight13(unsigned finished_length)
{
    static const unsigned lengths[] = { 27, 1200, 281 }; /* EncryptedExtensions, Certificate, CertificateVerify */
    GByteArray           *octets = g_byte_array_new();

    add_server_hello(octets, 0x0304, NULL);
    add_opaque(octets, WIRE_TLS_CHANGE_CIPHER_SPEC, 1);
    for (size_t i = 0; i < G_N_ELEMENTS(lengths); i++)
        add_opaque(octets, WIRE_TLS_APPLICATION_DATA, lengths[i]);
    add_opaque(octets, WIRE_TLS_APPLICATION_DATA, finished_length);
    return octets;
}

static flow_conversation *
handshake_tls13(connection *one, unsigned finished_length)
{
    GByteArray *octets = opaque(WIRE_TLS_CHANGE_CIPHER_SPEC, 1);

    handshake_tcp(one);
    send_data(one, FLOW_CLIENT, client_hello(NAME, 0x0304, NULL));
    send_data(one, FLOW_SERVER, server_flight13(finished_length));
    add_opaque(octets, WIRE_TLS_APPLICATION_DATA, finished_length);
    return send_data(one, FLOW_CLIENT, octets);
}

static const flow_turn *
turn_at(const flow_conversation *conversation, guint index)
{
    g_assert_nonnull(conversation->turns);
    g_assert_cmpuint(index, <, conversation->turns->len);
    return &g_array_index(conversation->turns, flow_turn, index);
}

static void
assert_story(const flow_conversation *conversation, const char *expected)
{
    char *story = flow_story(conversation);

    g_assert_cmpstr(story, ==, expected);
    g_free(story);
}

/* --- TCP --- */

static void
test_handshake(void)
{
    connection        *one = new_connection();
    flow_conversation *conversation = send_flags(one, FLOW_CLIENT, SYN);

    g_assert_true(one->place.is_new && one->place.from == FLOW_CLIENT);
    g_assert_cmpstr(conversation->client.address, ==, DEVICE);
    g_assert_cmpuint(conversation->client.port, ==, 50000);
    g_assert_cmpstr(conversation->server.address, ==, WAP);
    g_assert_cmpuint(conversation->server.port, ==, 443);
    g_assert_true(conversation->has_start);
    g_assert_cmpuint(conversation->established.frame, ==, 0);
    g_assert_true(send_flags(one, FLOW_SERVER, SYN_ACK) == conversation);
    g_assert_true(!one->place.is_new && one->place.from == FLOW_SERVER);
    g_assert_cmpuint(conversation->established.frame, ==, 0);
    send_flags(one, FLOW_CLIENT, ACK);
    g_assert_cmpuint(conversation->syn.frame, ==, 1);
    g_assert_cmpuint(conversation->syn_ack.frame, ==, 2);
    g_assert_cmpuint(conversation->established.frame, ==, 3);
    g_assert_cmpuint(conversation->syn_repeats, ==, 0);
    g_assert_true(flow_tcp_state_of(conversation) == FLOW_TCP_ESTABLISHED);
    g_assert_true(flow_tls_state_of(conversation) == FLOW_TLS_NONE);
    assert_story(conversation, "TCP handshake in 2.0 ms; still open after 2.0 ms");
    end(one);
}

static void
test_refused(void)
{
    connection        *one = new_connection();
    flow_conversation *conversation = send_flags(one, FLOW_CLIENT, SYN);

    send_flags(one, FLOW_SERVER, RST);
    g_assert_cmpuint(conversation->reset.frame, ==, 2);
    g_assert_true(conversation->reset_by == FLOW_SERVER);
    g_assert_true(flow_tcp_state_of(conversation) == FLOW_TCP_REFUSED);
    assert_story(conversation, "the server refuses the connection");
    end(one);
}

static void
test_no_answer(void)
{
    connection        *one = new_connection();
    flow_conversation *conversation = send_flags(one, FLOW_CLIENT, SYN);

    for (int i = 0; i < 3; i++) {
        one->sequence[FLOW_CLIENT]--; /* the same SYN */
        one->time += 1000 << i;
        g_assert_true(send_flags(one, FLOW_CLIENT, SYN) == conversation);
    }
    g_assert_cmpuint(conversation->syn_repeats, ==, 3);
    g_assert_cmpuint(conversation->syn.frame, ==, 1);
    g_assert_cmpuint(conversation->last.frame, ==, 4);
    g_assert_true(flow_tcp_state_of(conversation) == FLOW_TCP_NO_ANSWER);
    assert_story(conversation, "nobody answers the SYN, sent 4 times");
    end(one);
}

static void
test_reset(void)
{
    for (int by = FLOW_CLIENT; by <= FLOW_SERVER; by++) {
        connection        *one = new_connection();
        flow_conversation *conversation = handshake_tcp(one);

        send_flags(one, (flow_side)by, RST);
        g_assert_true(flow_tcp_state_of(conversation) == FLOW_TCP_RESET);
        g_assert_true(conversation->reset_by == (flow_side)by);
        g_assert_cmpuint(conversation->reset.frame, ==, 4);
        assert_story(conversation, by == FLOW_CLIENT ? "TCP handshake in 2.0 ms; reset by the client after 3.0 ms"
                                                     : "TCP handshake in 2.0 ms; reset by the server after 3.0 ms");
        /* The first tells. */
        send_flags(one, (flow_side)(1 - by), RST);
        g_assert_true(conversation->reset_by == (flow_side)by);
        end(one);
    }
}

static void
test_fin(void)
{
    for (int first = FLOW_CLIENT; first <= FLOW_SERVER; first++) {
        connection        *one = new_connection();
        flow_conversation *conversation = handshake_tcp(one);

        send_flags(one, (flow_side)first, FIN);
        g_assert_cmpuint(conversation->fin[first].frame, ==, 4);
        g_assert_cmpuint(conversation->fin[1 - first].frame, ==, 0);
        send_flags(one, (flow_side)(1 - first), FIN);
        g_assert_cmpuint(conversation->fin[1 - first].frame, ==, 5);
        g_assert_true(flow_tcp_state_of(conversation) == FLOW_TCP_CLOSED);
        assert_story(conversation, first == FLOW_CLIENT ? "TCP handshake in 2.0 ms; closed by the client after 4.0 ms"
                                                        : "TCP handshake in 2.0 ms; closed by the server after 4.0 ms");
        end(one);
    }
}

/* A new connection between the same ends: a SYN with another number, whether the one before was closed or not. */
static void
test_port_reuse(void)
{
    for (int is_closed = 0; is_closed < 2; is_closed++) {
        connection        *one = new_connection();
        flow_conversation *first = handshake_tcp(one), *second;
        track_place        place = one->place;
        wire_segment       segment = { .ip_version = 4,
                                       .source = one->addresses[FLOW_CLIENT],
                                       .destination = one->addresses[FLOW_SERVER],
                                       .source_port = one->ports[FLOW_CLIENT],
                                       .destination_port = one->ports[FLOW_SERVER] };

        if (is_closed) {
            send_flags(one, FLOW_CLIENT, FIN);
            send_flags(one, FLOW_SERVER, FIN);
        }
        one->sequence[FLOW_CLIENT] += 100000;
        second = send_flags(one, FLOW_CLIENT, SYN);
        g_assert_true(second != first && one->place.is_new);
        g_assert_true(send_flags(one, FLOW_SERVER, SYN_ACK) == second);
        g_assert_cmpuint(first->syn_repeats, ==, 0);
        g_assert_cmpuint(first->last.frame, ==, is_closed ? 5 : 3);
        /* Frames of the first are found in the first. */
        g_assert_true(tracker_find(one->all, &segment, 3).track == place.track);
        g_assert_true(tracker_find(one->all, &segment, one->frame).track == one->place.track);
        segment.source_port++;
        g_assert_null(tracker_find(one->all, &segment, 3).track);
        end(one);
    }
}

static void
test_retransmissions(void)
{
    connection        *one = new_connection();
    flow_conversation *conversation = handshake_tls12(one, NAME);
    uint64_t           octets = conversation->octets[FLOW_SERVER];
    GByteArray        *answer = opaque(WIRE_TLS_APPLICATION_DATA, 1000);
    static const uint8_t zero;

    send_data(one, FLOW_CLIENT, opaque(WIRE_TLS_APPLICATION_DATA, 295));
    send_part(one, FLOW_SERVER, ACK, answer->data, answer->len, answer->len, 0);
    for (int i = 0; i < 2; i++)
        send_part(one, FLOW_SERVER, ACK, answer->data, answer->len, answer->len, -(int32_t)answer->len);
    g_assert_cmpuint(conversation->retransmissions[FLOW_SERVER], ==, 2);
    g_assert_cmpuint(conversation->retransmissions[FLOW_CLIENT], ==, 0);
    g_assert_cmpuint(conversation->octets[FLOW_SERVER], ==, octets + answer->len);
    g_assert_cmpuint(conversation->turns->len, ==, 1);
    g_assert_cmpuint(turn_at(conversation, 0)->octets[FLOW_SERVER], ==, 1005);
    /* A keep-alive is none. */
    octets = conversation->octets[FLOW_CLIENT];
    send_part(one, FLOW_CLIENT, ACK, &zero, 1, 1, -1);
    g_assert_cmpuint(conversation->retransmissions[FLOW_CLIENT], ==, 0);
    g_assert_cmpuint(conversation->octets[FLOW_CLIENT], ==, octets);
    g_assert_false(conversation->has_losses);
    g_byte_array_unref(answer);
    end(one);
}

/* Segments that change places are no loss. */
static void
test_early(void)
{
    connection        *one = new_connection();
    flow_conversation *conversation = handshake_tls12(one, NAME);
    GByteArray        *answer = opaque(WIRE_TLS_APPLICATION_DATA, 2000);

    send_data(one, FLOW_CLIENT, opaque(WIRE_TLS_APPLICATION_DATA, 295));
    send_part(one, FLOW_SERVER, ACK, answer->data + 1000, 1005, 1005, 1000);
    g_assert_cmpuint(turn_at(conversation, 0)->response.frame, ==, 0);
    send_part(one, FLOW_SERVER, ACK, answer->data, 1000, 1000, 0);
    one->sequence[FLOW_SERVER] += 1005;
    send_flags(one, FLOW_CLIENT, ACK);
    g_assert_false(conversation->has_losses);
    g_assert_cmpuint(conversation->retransmissions[FLOW_SERVER], ==, 0);
    g_assert_cmpuint(turn_at(conversation, 0)->octets[FLOW_SERVER], ==, 2005);
    g_byte_array_unref(answer);
    end(one);
}

/* A segment that was acknowledged and is not in the capture: the answer has its octets all the same. */
static void
test_lost(void)
{
    connection        *one = new_connection();
    flow_conversation *conversation = handshake_tls12(one, NAME);
    GByteArray        *answer = opaque(WIRE_TLS_APPLICATION_DATA, 3000);

    send_data(one, FLOW_CLIENT, opaque(WIRE_TLS_APPLICATION_DATA, 295));
    send_part(one, FLOW_SERVER, ACK, answer->data, 1000, 1000, 0);
    one->sequence[FLOW_SERVER] += 1000; /* lost */
    send_part(one, FLOW_SERVER, ACK, answer->data + 2000, 1005, 1005, 0);
    send_flags(one, FLOW_CLIENT, ACK);
    g_assert_true(conversation->has_losses);
    send_data(one, FLOW_CLIENT, opaque(WIRE_TLS_APPLICATION_DATA, 295));
    send_data(one, FLOW_SERVER, opaque(WIRE_TLS_APPLICATION_DATA, 195));
    g_assert_cmpuint(conversation->turns->len, ==, 2);
    g_assert_cmpuint(turn_at(conversation, 0)->octets[FLOW_SERVER], >=, 3005);
    g_assert_cmpuint(turn_at(conversation, 0)->octets[FLOW_SERVER], <=, 4005);
    g_assert_cmpuint(turn_at(conversation, 1)->octets[FLOW_SERVER], ==, 200);
    g_byte_array_unref(answer);
    end(one);
}

/* The octets of the segment that is missing belong to the record whose header came: they count once. */
static void
test_lost_counts_once(void)
{
    connection        *one = new_connection();
    flow_conversation *conversation = handshake_tls12(one, NAME);
    GByteArray        *answer = opaque(WIRE_TLS_APPLICATION_DATA, 3000);

    send_data(one, FLOW_CLIENT, opaque(WIRE_TLS_APPLICATION_DATA, 295));
    send_part(one, FLOW_SERVER, ACK, answer->data, 1000, 1000, 0);
    one->sequence[FLOW_SERVER] += 1000;
    send_part(one, FLOW_SERVER, ACK, answer->data + 2000, 1005, 1005, 0);
    send_flags(one, FLOW_CLIENT, ACK);
    g_assert_cmpuint(turn_at(conversation, 0)->octets[FLOW_SERVER], ==, 3005);
    g_byte_array_unref(answer);
    end(one);
}

/* Frames that were cut when they were captured. */
static void
test_cut(void)
{
    connection        *one = new_connection();
    flow_conversation *conversation = handshake_tls12(one, NAME);
    GByteArray        *answer = opaque(WIRE_TLS_APPLICATION_DATA, 1395);

    send_data(one, FLOW_CLIENT, opaque(WIRE_TLS_APPLICATION_DATA, 295));
    for (int i = 0; i < 2; i++)
        send_part(one, FLOW_SERVER, ACK, answer->data, 20, answer->len, 0);
    g_assert_cmpuint(turn_at(conversation, 0)->octets[FLOW_SERVER], ==, 2800);
    g_assert_cmpuint(turn_at(conversation, 0)->records[FLOW_SERVER], ==, 2);
    g_byte_array_unref(answer);
    end(one);
}

static void
test_ipv6(void)
{
    connection        *one = new_connection();
    flow_conversation *conversation;

    set_ends(one, "2001:db8:0:1::10", 50000, "2001:db8:0:1::20", 443);
    conversation = handshake_tls12(one, NAME);
    g_assert_cmpstr(conversation->client.address, ==, "2001:db8:0:1::10");
    g_assert_cmpstr(conversation->server.address, ==, "2001:db8:0:1::20");
    g_assert_cmpuint(conversation->tls_established.frame, ==, 7);
    end(one);
}

/* The capture begins in the middle: the server is the one with the port of a service, or that answered a SYN. */
static void
test_middle(void)
{
    connection        *one = new_connection();
    flow_conversation *conversation;

    conversation = send_data(one, FLOW_SERVER, opaque(WIRE_TLS_APPLICATION_DATA, 500));
    g_assert_cmpstr(conversation->client.address, ==, DEVICE);
    g_assert_true(one->place.from == FLOW_SERVER);
    g_assert_false(conversation->has_start);
    g_assert_null(conversation->turns); /* an answer whose request is not there */
    send_data(one, FLOW_CLIENT, opaque(WIRE_TLS_APPLICATION_DATA, 295));
    send_data(one, FLOW_SERVER, opaque(WIRE_TLS_APPLICATION_DATA, 195));
    g_assert_true(conversation->is_tls);
    g_assert_true(flow_tls_state_of(conversation) == FLOW_TLS_ESTABLISHED);
    g_assert_cmpuint(conversation->turns->len, ==, 1);
    g_assert_cmpuint(turn_at(conversation, 0)->octets[FLOW_CLIENT], ==, 300);
    g_assert_cmpuint(turn_at(conversation, 0)->octets[FLOW_SERVER], ==, 200);
    assert_story(conversation, "begun before the capture; TLS; still open after 2.0 ms");
    end(one);

    one = new_connection();
    set_ends(one, DEVICE, 443, WAP, 50000); /* whatever the ports */
    conversation = send_flags(one, FLOW_SERVER, SYN_ACK);
    g_assert_cmpstr(conversation->client.address, ==, DEVICE);
    g_assert_true(one->place.from == FLOW_SERVER);
    end(one);

    one = new_connection();
    set_ends(one, DEVICE, 443, WAP, 50000);
    conversation = send_data(one, FLOW_CLIENT, client_hello(NAME, 0x0303, NULL));
    g_assert_cmpstr(conversation->client.address, ==, DEVICE);
    g_assert_cmpstr(conversation->server_name, ==, NAME);
    end(one);
}

/* --- TLS --- */

static void
test_tls12(void)
{
    static const char *const offered[] = { "h2", "http/1.1", NULL };
    connection              *one = new_connection();
    flow_conversation       *conversation = handshake_tcp(one);

    send_data(one, FLOW_CLIENT, client_hello(NAME, 0x0303, offered));
    g_assert_true(conversation->is_tls);
    g_assert_true(conversation->flight == FLOW_FLIGHT_CLIENT_HELLO);
    g_assert_true(flow_tls_state_of(conversation) == FLOW_TLS_HANDSHAKING);
    g_assert_cmpstr(conversation->server_name, ==, NAME);
    g_assert_true(conversation->offers_h2);
    g_assert_cmphex(conversation->offered_version, ==, 0x0303);
    send_data(one, FLOW_SERVER, server_flight(false));
    g_assert_true(conversation->flight == FLOW_FLIGHT_SERVER_DONE);
    g_assert_cmphex(conversation->version, ==, 0x0303);
    g_assert_cmphex(conversation->cipher_suite, ==, 0xc030);
    g_assert_cmpstr(conversation->certificate->subject, ==, "CN=scep.contoso.com");
    g_assert_false(conversation->certificate_requested);
    send_data(one, FLOW_CLIENT, client_flight());
    g_assert_true(conversation->flight == FLOW_FLIGHT_CLIENT_FINISHED);
    g_assert_cmpuint(conversation->tls_established.frame, ==, 0);
    send_data(one, FLOW_SERVER, finished());
    g_assert_true(conversation->flight == FLOW_FLIGHT_FINISHED);
    g_assert_cmpuint(conversation->client_hello.frame, ==, 4);
    g_assert_cmpuint(conversation->server_hello.frame, ==, 5);
    g_assert_cmpuint(conversation->tls_established.frame, ==, 7);
    g_assert_true(flow_tls_state_of(conversation) == FLOW_TLS_ESTABLISHED);
    g_assert_false(conversation->is_resumed);
    g_assert_cmpuint(conversation->renegotiations, ==, 0);
    g_assert_null(conversation->turns);
    send_data(one, FLOW_CLIENT, opaque(WIRE_TLS_APPLICATION_DATA, 295));
    send_data(one, FLOW_SERVER, opaque(WIRE_TLS_APPLICATION_DATA, 235));
    send_data(one, FLOW_CLIENT, opaque(WIRE_TLS_ALERT, ENCRYPTED_ALERT));
    g_assert_true(conversation->alert_is_closing);
    g_assert_cmpuint(conversation->turns->len, ==, 1);
    g_assert_cmpuint(turn_at(conversation, 0)->octets[FLOW_CLIENT], ==, 300);
    g_assert_cmpuint(turn_at(conversation, 0)->octets[FLOW_SERVER], ==, 240);
    g_assert_cmpuint(turn_at(conversation, 0)->request.frame, ==, 8);
    g_assert_cmpuint(turn_at(conversation, 0)->response_end.frame, ==, 9);
    assert_story(conversation, "TCP handshake in 2.0 ms; TLS 1.2 with scep.contoso.com, handshake in 3.0 ms; "
                               "still open after 9.0 ms");
    end(one);
}

/* The server's first flight in single octets comes to the same. */
static void
test_single_octets(void)
{
    connection        *one = new_connection();
    flow_conversation *conversation = handshake_tcp(one);
    GByteArray        *flight = server_flight(false);

    send_data(one, FLOW_CLIENT, client_hello(NAME, 0x0303, NULL));
    for (guint i = 0; i < flight->len; i++)
        send_part(one, FLOW_SERVER, ACK, flight->data + i, 1, 1, 0);
    g_assert_true(conversation->flight == FLOW_FLIGHT_SERVER_DONE);
    g_assert_cmpstr(conversation->certificate->subject, ==, "CN=scep.contoso.com");
    g_byte_array_unref(flight);
    end(one);
}

static void
test_resumed(void)
{
    connection        *one = new_connection();
    flow_conversation *conversation = handshake_tcp(one);
    GByteArray        *flight = g_byte_array_new();

    send_data(one, FLOW_CLIENT, client_hello(NAME, 0x0303, NULL));
    add_server_hello(flight, 0x0303, "http/1.1");
    add_finished(flight);
    send_data(one, FLOW_SERVER, flight);
    g_assert_true(conversation->is_resumed);
    g_assert_cmpstr(conversation->protocol, ==, "http/1.1");
    g_assert_cmpuint(conversation->tls_established.frame, ==, 0);
    send_data(one, FLOW_CLIENT, finished());
    g_assert_cmpuint(conversation->tls_established.frame, ==, 6);
    g_assert_true(conversation->is_resumed);
    g_assert_null(conversation->certificate);
    assert_story(conversation, "TCP handshake in 2.0 ms; TLS 1.2 with scep.contoso.com, resumed, handshake in 2.0 ms; "
                               "still open after 5.0 ms");
    end(one);
}

static void
test_tls13(void)
{
    static const unsigned lengths[] = { FINISHED_13, FINISHED_13_SHA256 };

    for (size_t i = 0; i < G_N_ELEMENTS(lengths); i++) {
        connection        *one = new_connection();
        flow_conversation *conversation = handshake_tls13(one, lengths[i]);
        GByteArray        *octets = g_byte_array_new();

        g_assert_cmphex(conversation->offered_version, ==, 0x0304);
        g_assert_cmphex(conversation->version, ==, 0x0304);
        g_assert_cmphex(conversation->cipher_suite, ==, 0x1302);
        g_assert_cmpuint(conversation->server_hello.frame, ==, 5);
        g_assert_cmpuint(conversation->tls_established.frame, ==, 6);
        g_assert_true(conversation->flight == FLOW_FLIGHT_FINISHED);
        g_assert_null(conversation->turns); /* nothing was asked yet */
        g_assert_false(conversation->is_resumed);
        send_data(one, FLOW_CLIENT, opaque(WIRE_TLS_APPLICATION_DATA, 295));
        add_opaque(octets, WIRE_TLS_APPLICATION_DATA, TICKET_13);
        add_opaque(octets, WIRE_TLS_APPLICATION_DATA, TICKET_13);
        send_data(one, FLOW_SERVER, octets);
        send_data(one, FLOW_SERVER, opaque(WIRE_TLS_APPLICATION_DATA, 235));
        g_assert_cmpuint(conversation->turns->len, ==, 1);
        g_assert_cmpuint(turn_at(conversation, 0)->octets[FLOW_CLIENT], ==, 300);
        g_assert_cmpuint(turn_at(conversation, 0)->octets[FLOW_SERVER], ==, 2 * (TICKET_13 + 5) + 240);
        g_assert_cmpuint(turn_at(conversation, 0)->records[FLOW_SERVER], ==, 3);
        g_assert_cmpuint(turn_at(conversation, 0)->first_records[0], ==, TICKET_13);
        g_assert_cmpuint(turn_at(conversation, 0)->first_records[1], ==, TICKET_13);
        /* Goodbye. */
        send_data(one, FLOW_CLIENT, opaque(WIRE_TLS_APPLICATION_DATA, ALERT_13));
        g_assert_true(conversation->alert_is_closing);
        g_assert_cmpint(conversation->alert_description, ==, -1);
        g_assert_cmpuint(conversation->turns->len, ==, 1);
        end(one);
    }
}

/* Instead of its Finished the client sends an alert, which with TLS 1.3 nobody can read. */
static void
test_tls13_rejected(void)
{
    connection        *one = new_connection();
    flow_conversation *conversation = handshake_tcp(one);
    GByteArray        *octets = opaque(WIRE_TLS_CHANGE_CIPHER_SPEC, 1);

    send_data(one, FLOW_CLIENT, client_hello(NAME, 0x0304, NULL));
    send_data(one, FLOW_SERVER, server_flight13(FINISHED_13));
    g_assert_true(conversation->flight == FLOW_FLIGHT_SERVER_DONE);
    add_opaque(octets, WIRE_TLS_APPLICATION_DATA, ALERT_13);
    send_data(one, FLOW_CLIENT, octets);
    g_assert_cmpuint(conversation->alert.frame, ==, 6);
    g_assert_true(conversation->alert_by == FLOW_CLIENT);
    g_assert_false(conversation->alert_is_closing);
    g_assert_cmpint(conversation->alert_description, ==, -1);
    g_assert_cmpuint(conversation->tls_established.frame, ==, 0);
    g_assert_true(flow_tls_state_of(conversation) == FLOW_TLS_FAILED);
    assert_story(conversation,
                 "TCP handshake in 2.0 ms; TLS 1.3 with scep.contoso.com, handshake failed; the client sent "
                 "an encrypted alert; still open after 5.0 ms");
    /* Unless someone else could read it. */
    track_decrypted_alert(one->place, 2, 48, (flow_moment){ 6, BEGIN });
    g_assert_cmpint(conversation->alert_description, ==, 48);
    g_assert_false(conversation->alert_is_closing);
    end(one);
}

static void
test_alert(void)
{
    connection        *one = new_connection();
    flow_conversation *conversation = handshake_tcp(one);
    GByteArray        *fragment = g_byte_array_new(), *octets = g_byte_array_new();

    send_data(one, FLOW_CLIENT, client_hello(NAME, 0x0303, NULL));
    send_data(one, FLOW_SERVER, server_flight(false));
    add_number(fragment, 2, 1);
    add_number(fragment, 48, 1);
    add_record(octets, WIRE_TLS_ALERT, fragment);
    send_data(one, FLOW_CLIENT, octets);
    send_flags(one, FLOW_CLIENT, FIN);
    g_assert_cmpuint(conversation->alert.frame, ==, 6);
    g_assert_true(conversation->alert_by == FLOW_CLIENT);
    g_assert_cmpint(conversation->alert_level, ==, 2);
    g_assert_cmpint(conversation->alert_description, ==, 48);
    g_assert_false(conversation->alert_is_closing);
    g_assert_true(flow_tls_state_of(conversation) == FLOW_TLS_FAILED);
    assert_story(conversation,
                 "TCP handshake in 2.0 ms; TLS 1.2 with scep.contoso.com, handshake failed; certificate "
                 "CN=scep.contoso.com of CN=Contoso CA; the client sent alert unknown_ca (48): it does not trust the "
                 "certificate's issuer; closed by the client after 6.0 ms");
    end(one);
}

static void
test_client_certificate(void)
{
    for (int is_empty = 0; is_empty < 2; is_empty++) {
        connection        *one = new_connection();
        flow_conversation *conversation = handshake_tcp(one);
        GByteArray        *octets = g_byte_array_new();

        send_data(one, FLOW_CLIENT, client_hello(NAME, 0x0303, NULL));
        send_data(one, FLOW_SERVER, server_flight(true));
        g_assert_true(conversation->certificate_requested);
        g_assert_false(conversation->certificate_sent || conversation->certificate_empty);
        add_certificate(octets, is_empty);
        send_data(one, FLOW_CLIENT, octets);
        g_assert_true(conversation->certificate_empty == is_empty);
        g_assert_true(conversation->certificate_sent == !is_empty);
        g_assert_cmpstr(conversation->certificate->subject, ==, "CN=scep.contoso.com"); /* the server's */
        end(one);
    }
}

static void
test_foreign(void)
{
    static const char  page[] = "HTTP/1.1 400 Bad\r\n\r\n";
    connection        *one = new_connection();
    flow_conversation *conversation = handshake_tcp(one);

    send_data(one, FLOW_CLIENT, client_hello(NULL, 0x0303, NULL));
    send_part(one, FLOW_SERVER, ACK, (const uint8_t *)page, strlen(page), strlen(page), 0);
    g_assert_true(conversation->is_foreign_protocol);
    g_assert_cmpstr(conversation->foreign_data, ==, "HTTP/1.1 400 Bad");
    g_assert_true(flow_tls_state_of(conversation) == FLOW_TLS_FAILED);
    assert_story(conversation,
                 "TCP handshake in 2.0 ms; TLS without a server name, handshake failed: the answer is no TLS "
                 "but “HTTP/1.1 400 Bad”; still open after 4.0 ms");
    end(one);
}

/* Plain HTTP is nothing of TLS. */
static void
test_plain_http(void)
{
    static const char  request[] = "GET / HTTP/1.1\r\n\r\n", page[] = "HTTP/1.1 200 OK\r\n\r\n";
    connection        *one = new_connection();
    flow_conversation *conversation = handshake_tcp(one);

    send_part(one, FLOW_CLIENT, ACK, (const uint8_t *)request, strlen(request), strlen(request), 0);
    send_part(one, FLOW_SERVER, ACK, (const uint8_t *)page, strlen(page), strlen(page), 0);
    g_assert_false(conversation->is_tls);
    g_assert_false(conversation->is_foreign_protocol);
    g_assert_null(conversation->turns);
    g_assert_true(flow_tls_state_of(conversation) == FLOW_TLS_NONE);
    end(one);
}

/* Five megabytes are no SCEP: nothing is kept of them, unless the server is one by its name. */
static void
test_busy(void)
{
    enum { RECORD = 16000, RECORDS = 5 * 1024 * 1024 / RECORD };

    static const char *const server_names[] = { PLAIN_NAME, NAME };

    for (size_t i = 0; i < G_N_ELEMENTS(server_names); i++) {
        connection        *one = new_connection();
        flow_conversation *conversation = handshake_tls12(one, server_names[i]);
        GByteArray        *record = opaque(WIRE_TLS_APPLICATION_DATA, RECORD);
        uint64_t           before = conversation->octets[FLOW_SERVER];

        send_data(one, FLOW_CLIENT, opaque(WIRE_TLS_APPLICATION_DATA, 295));
        for (int j = 0; j < RECORDS; j++)
            send_part(one, FLOW_SERVER, ACK, record->data, record->len, record->len, 0);
        g_assert_true(conversation->is_busy == (i == 0));
        g_assert_true((conversation->turns == NULL) == (i == 0));
        g_assert_cmpuint(conversation->octets[FLOW_SERVER], ==, before + (uint64_t)RECORDS * record->len);
        if (i == 1)
            g_assert_cmpuint(turn_at(conversation, 0)->octets[FLOW_SERVER], ==, RECORDS * record->len);
        /* It goes on, and nothing comes back. */
        send_data(one, FLOW_CLIENT, opaque(WIRE_TLS_APPLICATION_DATA, 295));
        send_flags(one, FLOW_CLIENT, FIN);
        g_assert_true((conversation->turns == NULL) == (i == 0));
        g_assert_cmpuint(conversation->fin[FLOW_CLIENT].frame, ==, one->frame);
        g_byte_array_unref(record);
        end(one);
    }
}

/* Likewise a great many requests. */
static void
test_many_turns(void)
{
    static const char *const server_names[] = { PLAIN_NAME, NAME };

    for (size_t i = 0; i < G_N_ELEMENTS(server_names); i++) {
        connection        *one = new_connection();
        flow_conversation *conversation = handshake_tls12(one, server_names[i]);

        for (int j = 0; j < 200; j++) {
            send_data(one, FLOW_CLIENT, opaque(WIRE_TLS_APPLICATION_DATA, 295));
            send_data(one, FLOW_SERVER, opaque(WIRE_TLS_APPLICATION_DATA, 235));
        }
        g_assert_true(conversation->is_busy == (i == 0));
        if (i == 1)
            g_assert_cmpuint(conversation->turns->len, ==, 200);
        end(one);
    }
}

/* --- what others read --- */

static void
test_counts(void)
{
    connection        *one = new_connection();
    flow_conversation *conversation = handshake_tls12(one, NAME);
    flow_exchange     *first, *second;

    send_data(one, FLOW_CLIENT, opaque(WIRE_TLS_APPLICATION_DATA, 295));
    track_is_read(one->place.track);
    g_assert_true(conversation->is_readable);
    first = flow_add_exchange(conversation, FLOW_DECRYPTED, (flow_moment){ one->frame, BEGIN });
    track_count_request(one->place.track, first);
    send_data(one, FLOW_SERVER, opaque(WIRE_TLS_APPLICATION_DATA, 235));
    track_count_answer(one->place.track, first);
    send_data(one, FLOW_CLIENT, opaque(WIRE_TLS_APPLICATION_DATA, 1000));
    send_data(one, FLOW_CLIENT, opaque(WIRE_TLS_APPLICATION_DATA, 2000));
    second = flow_add_exchange(conversation, FLOW_DECRYPTED, (flow_moment){ one->frame, BEGIN });
    track_count_request(one->place.track, second);
    send_data(one, FLOW_SERVER, opaque(WIRE_TLS_APPLICATION_DATA, 3495));
    track_count_answer(one->place.track, second);
    g_assert_cmpuint(first->response_octets, ==, 240);
    g_assert_cmpuint(second->request_octets, ==, 3010);
    g_assert_cmpuint(second->response_octets, ==, 3500);
    end(one);
}

/* "Those that its side sent since the last": the handshake belongs to no request. */
static void
test_count_without_handshake(void)
{
    connection        *one = new_connection();
    flow_conversation *conversation = handshake_tls12(one, NAME);
    flow_exchange     *first;

    send_data(one, FLOW_CLIENT, opaque(WIRE_TLS_APPLICATION_DATA, 295));
    first = flow_add_exchange(conversation, FLOW_DECRYPTED, (flow_moment){ one->frame, BEGIN });
    track_count_request(one->place.track, first);
    g_assert_cmpuint(first->request_octets, ==, 300);
    end(one);
}

/* The certificate of TLS 1.3, once someone has decrypted it: in pieces, and with another message before it. */
static void
test_decrypted_handshake(void)
{
    connection        *one = new_connection();
    flow_conversation *conversation = handshake_tls13(one, FINISHED_13);
    GByteArray *list = g_byte_array_new(), *body = g_byte_array_new(), *certificate = g_byte_array_new(), *octets;
    track_place        server;

    g_byte_array_append(certificate, (const uint8_t *)"certificate", 11);
    add_with_length(list, certificate, 3);
    add_number(list, 0, 2); /* no extensions */
    add_number(body, 0, 1); /* no context */
    add_with_length(body, list, 3);
    octets = message(WIRE_TLS_CERTIFICATE, body);
    send_flags(one, FLOW_SERVER, ACK);
    server = one->place;
    for (guint i = 0; i < octets->len; i++)
        track_decrypted_handshake(server, octets->data + i, 1, (flow_moment){ 5, BEGIN });
    g_assert_cmpstr(conversation->certificate->subject, ==, "CN=scep.contoso.com");
    g_byte_array_unref(octets);
    end(one);
}

static void
test_name(void)
{
    connection        *one = new_connection();
    flow_conversation *conversation = send_flags(one, FLOW_CLIENT, SYN);
    char               interface[] = "wap-outside";

    track_name(one->place.track, 7, interface);
    interface[0] = 'x';
    g_assert_cmpuint(conversation->tcp_stream, ==, 7);
    g_assert_cmpstr(conversation->vantage, ==, "wap-outside");
    end(one);
}

/* An answer that goes on after it was asked for: what is said of it is what there is at the end. */
static void
test_growing_answer(void)
{
    connection           *one = new_connection();
    flow_conversation    *conversation = handshake_tls12(one, NAME);
    const flow_enrolment *enrolment;

    send_data(one, FLOW_CLIENT, opaque(WIRE_TLS_APPLICATION_DATA, 295));
    send_data(one, FLOW_SERVER, opaque(WIRE_TLS_APPLICATION_DATA, 495));
    g_assert_cmpuint(flow_evaluate(one->model)->enrolments->len, ==, 1);
    send_data(one, FLOW_SERVER, opaque(WIRE_TLS_APPLICATION_DATA, 2995));
    enrolment = enrolment_of(flow_evaluate(one->model), 1);
    g_assert_cmpuint(enrolment->end.frame, ==, one->frame);
    assert_part_steps(part_of(conversation), "tcp-handshake ok, tls-handshake ok, get-ca-cert ok");
    end(one);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/track/handshake", test_handshake);
    g_test_add_func("/track/refused", test_refused);
    g_test_add_func("/track/no-answer", test_no_answer);
    g_test_add_func("/track/reset", test_reset);
    g_test_add_func("/track/fin", test_fin);
    g_test_add_func("/track/port-reuse", test_port_reuse);
    g_test_add_func("/track/retransmissions", test_retransmissions);
    g_test_add_func("/track/early", test_early);
    g_test_add_func("/track/lost", test_lost);
    g_test_add_func("/track/cut", test_cut);
    g_test_add_func("/track/ipv6", test_ipv6);
    g_test_add_func("/track/middle", test_middle);
    g_test_add_func("/track/tls12", test_tls12);
    g_test_add_func("/track/single-octets", test_single_octets);
    g_test_add_func("/track/tls13", test_tls13);
    g_test_add_func("/track/tls13-rejected", test_tls13_rejected);
    g_test_add_func("/track/alert", test_alert);
    g_test_add_func("/track/client-certificate", test_client_certificate);
    g_test_add_func("/track/foreign", test_foreign);
    g_test_add_func("/track/plain-http", test_plain_http);
    g_test_add_func("/track/busy", test_busy);
    g_test_add_func("/track/many-turns", test_many_turns);
    g_test_add_func("/track/counts", test_counts);
    g_test_add_func("/track/decrypted-handshake", test_decrypted_handshake);
    g_test_add_func("/track/name", test_name);
    g_test_add_func("/track/lost-counts-once", test_lost_counts_once);
    g_test_add_func("/track/resumed", test_resumed);
    g_test_add_func("/track/count-without-handshake", test_count_without_handshake);
    g_test_add_func("/track/growing-answer", test_growing_answer);
    return g_test_run();
}
