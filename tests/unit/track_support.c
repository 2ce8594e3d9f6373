/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Connections made by hand.
 */
#include "track_support.h"

#include <string.h>

#include <arpa/inet.h>

/* --- segments --- */

void
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
    char *subject = g_strdup_printf("CN=%.*s", (int)length, (const char *)der);

    if (strcmp(subject, "CN=certificate") == 0)
        certificate->subject = flow_intern(model, "CN=scep.contoso.com");
    else
        certificate->subject = flow_intern(model, subject);
    g_free(subject);
    certificate->issuer = flow_intern(model, "CN=Contoso CA");
    certificate->names = g_memdup2(names, sizeof names);
}

connection *
new_connection(void)
{
    connection *one = g_new0(connection, 1);

    one->model = new_model(NULL);
    one->all = tracker_new(one->model, read_certificate);
    set_ends(one, DEVICE, 50000, WAP, 443);
    return one;
}

void
end(connection *one)
{
    tracker_free(one->all);
    flow_model_free(one->model);
    g_free(one);
}

flow_conversation *
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
        .point = one->point,
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

flow_conversation *
send_flags(connection *one, flow_side from, unsigned flags)
{
    return send_part(one, from, flags, NULL, 0, 0, 0);
}

flow_conversation *
send_data(connection *one, flow_side from, GByteArray *octets)
{
    flow_conversation *conversation = send_part(one, from, ACK | WIRE_PSH, octets->data, octets->len, octets->len, 0);

    g_byte_array_unref(octets);
    return conversation;
}

flow_conversation *
handshake_tcp(connection *one)
{
    send_flags(one, FLOW_CLIENT, SYN);
    send_flags(one, FLOW_SERVER, SYN_ACK);
    return send_flags(one, FLOW_CLIENT, ACK);
}

/* --- TLS --- */

void
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

void
add_with_length(GByteArray *octets, GByteArray *inner, unsigned width)
{
    add_number(octets, inner->len, width);
    g_byte_array_append(octets, inner->data, inner->len);
    g_byte_array_unref(inner);
}

void
add_record(GByteArray *octets, unsigned type, GByteArray *fragment)
{
    add_number(octets, type, 1);
    add_number(octets, 0x0303, 2);
    add_with_length(octets, fragment, 2);
}

GByteArray *
zeros(unsigned count)
{
    GByteArray *octets = g_byte_array_new();

    add_zeros(octets, count);
    return octets;
}

void
add_opaque(GByteArray *octets, unsigned type, unsigned length)
{
    add_record(octets, type, zeros(length));
}

GByteArray *
opaque(unsigned type, unsigned length)
{
    GByteArray *octets = g_byte_array_new();

    add_opaque(octets, type, length);
    return octets;
}

GByteArray *
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

GByteArray *
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

void
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

GByteArray *
certificate_list(const char *text)
{
    GByteArray *list = g_byte_array_new(), *body = g_byte_array_new();

    if (text) {
        GByteArray *certificate = g_byte_array_new();

        g_byte_array_append(certificate, (const uint8_t *)text, (guint)strlen(text));
        add_with_length(list, certificate, 3);
    }
    add_with_length(body, list, 3);
    return body;
}

void
add_certificate(GByteArray *octets, bool is_empty)
{
    add_record(octets, WIRE_TLS_HANDSHAKE,
               message(WIRE_TLS_CERTIFICATE, certificate_list(is_empty ? NULL : "certificate")));
}

void
add_message(GByteArray *octets, unsigned type, unsigned length)
{
    add_record(octets, WIRE_TLS_HANDSHAKE, message(type, zeros(length)));
}

GByteArray *
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

void
add_finished(GByteArray *octets)
{
    add_opaque(octets, WIRE_TLS_CHANGE_CIPHER_SPEC, 1);
    add_opaque(octets, WIRE_TLS_HANDSHAKE, FINISHED);
}

GByteArray *
finished(void)
{
    GByteArray *octets = g_byte_array_new();

    add_finished(octets);
    return octets;
}

GByteArray *
client_flight(void)
{
    GByteArray *octets = g_byte_array_new();

    add_message(octets, WIRE_TLS_CLIENT_KEY_EXCHANGE, 66);
    add_finished(octets);
    return octets;
}

flow_conversation *
handshake_tls12(connection *one, const char *name)
{
    handshake_tcp(one);
    send_data(one, FLOW_CLIENT, client_hello(name, 0x0303, NULL));
    send_data(one, FLOW_SERVER, server_flight(false));
    send_data(one, FLOW_CLIENT, client_flight());
    return send_data(one, FLOW_SERVER, finished());
}

GByteArray *
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

flow_conversation *
handshake_tls13(connection *one, unsigned finished_length)
{
    GByteArray *octets = opaque(WIRE_TLS_CHANGE_CIPHER_SPEC, 1);

    handshake_tcp(one);
    send_data(one, FLOW_CLIENT, client_hello(NAME, 0x0304, NULL));
    send_data(one, FLOW_SERVER, server_flight13(finished_length));
    add_opaque(octets, WIRE_TLS_APPLICATION_DATA, finished_length);
    return send_data(one, FLOW_CLIENT, octets);
}

const flow_turn *
turn_at(const flow_conversation *conversation, guint index)
{
    g_assert_nonnull(conversation->turns);
    g_assert_cmpuint(index, <, conversation->turns->len);
    return &g_array_index(conversation->turns, flow_turn, index);
}

void
assert_story(const flow_conversation *conversation, const char *expected)
{
    char *story = flow_story(conversation);

    g_assert_cmpstr(story, ==, expected);
    g_free(story);
}
