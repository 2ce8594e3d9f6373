/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Connections made by hand for the tests of dissector/transport/track.c: segments, and the records of TLS in them. GLib
 * only. Octets that are handed over are freed.
 */
#ifndef TESTS_TRACK_SUPPORT_H
#define TESTS_TRACK_SUPPORT_H

#include "flow_support.h"
#include "transport/track.h"
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
    uint16_t    point;       /* where it is captured */
    track_place place;       /* of the last segment */
} connection;

void set_ends(connection *one, const char *client, uint16_t client_port, const char *server, uint16_t server_port);
connection *new_connection(void);
void end(connection *one);

/* A segment as it would be next, but `moved` octets later in its stream. Of the payload `captured` octets are there. */
flow_conversation *send_part(connection *one, flow_side from, unsigned flags, const uint8_t *payload, size_t captured,
                             size_t length, int32_t moved);

flow_conversation *send_flags(connection *one, flow_side from, unsigned flags);

/* The octets in one segment; freed. */
flow_conversation *send_data(connection *one, flow_side from, GByteArray *octets);

flow_conversation *handshake_tcp(connection *one);
void add_number(GByteArray *octets, unsigned number, unsigned width);

/* Takes `inner`, with its length before it. */
void add_with_length(GByteArray *octets, GByteArray *inner, unsigned width);

void add_record(GByteArray *octets, unsigned type, GByteArray *fragment);
GByteArray *zeros(unsigned count);

/* Appends a record of encrypted or meaningless octets. */
void add_opaque(GByteArray *octets, unsigned type, unsigned length);

GByteArray *opaque(unsigned type, unsigned length);
GByteArray *message(unsigned type, GByteArray *body);

/* Protocols may be NULL, as may the name. */
GByteArray *client_hello(const char *name, unsigned version, const char *const *protocols);

void add_server_hello(GByteArray *octets, unsigned version, const char *protocol);

/* A Certificate message of TLS 1.2, with the server's certificate or none. */
void add_certificate(GByteArray *octets, bool is_empty);

/* The body of one; `text` stands for the certificate of CN=text, "certificate" for the server's; NULL: none. */
GByteArray *certificate_list(const char *text);

void add_message(GByteArray *octets, unsigned type, unsigned length);

/* ServerHello to ServerHelloDone. */
GByteArray *server_flight(bool asks_certificate);

void add_finished(GByteArray *octets);
GByteArray *finished(void);
GByteArray *client_flight(void);
flow_conversation *handshake_tls12(connection *one, const char *name);

/* The server's first flight of TLS 1.3: ServerHello, ChangeCipherSpec, then records that all look alike. */
GByteArray *server_flight13(unsigned finished_length);

flow_conversation *handshake_tls13(connection *one, unsigned finished_length);
const flow_turn *turn_at(const flow_conversation *conversation, guint index);
void assert_story(const flow_conversation *conversation, const char *expected);

#endif
