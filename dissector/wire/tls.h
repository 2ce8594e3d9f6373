/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What a TLS connection says in clear, without libwireshark: record headers, and the handshake up to where encryption
 * begins (RFC 5246, RFC 8446). Certificates are handed on as they are.
 */
#ifndef WIRE_TLS_H
#define WIRE_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <glib.h>

#include "octets.h"

enum { WIRE_TLS_CHANGE_CIPHER_SPEC = 20, WIRE_TLS_ALERT = 21, WIRE_TLS_HANDSHAKE = 22, WIRE_TLS_APPLICATION_DATA = 23 };

/* Handshake types, RFC 5246 7.4 and RFC 8446 4. */
enum {
    WIRE_TLS_HELLO_REQUEST = 0,
    WIRE_TLS_CLIENT_HELLO = 1,
    WIRE_TLS_SERVER_HELLO = 2,
    WIRE_TLS_NEW_SESSION_TICKET = 4,
    WIRE_TLS_ENCRYPTED_EXTENSIONS = 8,
    WIRE_TLS_CERTIFICATE = 11,
    WIRE_TLS_SERVER_KEY_EXCHANGE = 12,
    WIRE_TLS_CERTIFICATE_REQUEST = 13,
    WIRE_TLS_SERVER_HELLO_DONE = 14,
    WIRE_TLS_CERTIFICATE_VERIFY = 15,
    WIRE_TLS_CLIENT_KEY_EXCHANGE = 16,
    WIRE_TLS_FINISHED = 20,
};

/* A handshake message longer than this is handed on without its rest. */
#define WIRE_TLS_MAX_MESSAGE 32768

/* One direction. Zeroed to begin with; to be cleared with wire_tls_half_clear(). Of a connection whose begin was not
 * captured, `is_lost` is set to begin with: its first octets may be anything. */
typedef struct {
    uint8_t     header[5];      /* of the record that is being read */
    uint8_t     header_length;
    uint8_t     content;        /* of the record's fragment, as tls.c reads it */
    bool        is_encrypted;   /* a ChangeCipherSpec or application data went this way, or the caller said so */
    bool        is_lost;        /* between records whose begin is not known */
    bool        is_foreign;     /* this is no TLS: nothing is looked at any more */
    bool        is_tls;         /* a record has been seen */
    bool        is_adrift;      /* octets were lost: handshake messages may begin in the middle, or be encrypted */
    uint16_t    remaining;      /* octets of the record's fragment that have not come */
    GByteArray *message;        /* what is kept of handshake messages and alerts, as tls.c does; NULL when nothing */
} wire_tls_half;

/* Who is told. Each may be NULL. */
typedef struct {
    /* The header of a record: its type, its version as on the wire, the length of its fragment. */
    void (*record)(void *user, unsigned type, unsigned version, unsigned length);
    /* A handshake message in clear: its body, `length` octets of `total`. */
    void (*handshake)(void *user, unsigned type, const uint8_t *body, size_t length, size_t total);
    /* An alert in clear, RFC 8446 6. */
    void (*alert)(void *user, unsigned level, unsigned description);
    /* What should be TLS is not; once, with the first octets there are (at most 16). */
    void (*foreign)(void *user, const uint8_t *data, size_t length);
} wire_tls_sink;

/* Takes the next octets of the stream: `captured` of `length`. What was not captured is passed over; a handshake
 * message that lacks it is handed on without its rest. After a ChangeCipherSpec only what is plainly in clear is told
 * of: a hello after a HelloRetryRequest (RFC 8446 D.4), and alerts of two octets. */
void wire_tls_push(wire_tls_half *half, const wire_tls_sink *sink, void *user, const uint8_t *data, size_t captured,
                   size_t length);

/* `missing` octets are not there: the next record is looked for at the next plausible header at a segment's begin,
 * unless the gap lies within the fragment of a record. A handshake message that lacks them is dropped. */
void wire_tls_gap(wire_tls_half *half, uint32_t missing);

/* Takes octets of handshake messages that come from elsewhere (decrypted), in order. `kept` is NULL to begin with, and
 * whenever no message is pending; the caller frees it. */
void wire_tls_push_handshake(GByteArray **kept, const wire_tls_sink *sink, void *user, const uint8_t *data,
                             size_t length);

void wire_tls_half_clear(wire_tls_half *half);

typedef struct {
    unsigned    version;          /* the highest offered: 0x0303 for TLS 1.2, 0x0304 for TLS 1.3 (RFC 8446 4.2.1) */
    wire_octets random;           /* 32 octets */
    wire_octets session_id;
    wire_octets server_name;      /* host_name of RFC 6066 3 */
    wire_octets protocols;        /* ALPN, RFC 7301: the ProtocolNameList's content */
    unsigned    cipher_suites;    /* how many */
    bool        has_ticket;       /* a session ticket that is not empty (RFC 5077) */
    bool        has_pre_shared_key; /* RFC 8446 4.2.11 */
} wire_client_hello;

typedef struct {
    unsigned    version;          /* the one chosen, supported_versions considered */
    wire_octets random;
    wire_octets session_id;
    wire_octets protocol;         /* ALPN: the one name chosen */
    unsigned    cipher_suite;
    bool        is_retry;         /* HelloRetryRequest, RFC 8446 4.1.3 */
    bool        has_pre_shared_key;
} wire_server_hello;

/* Read the body of a message. False when it is damaged or cut short; what could be read is there, the rest is zero. */
bool wire_client_hello_read(const uint8_t *body, size_t length, wire_client_hello *hello);
bool wire_server_hello_read(const uint8_t *body, size_t length, wire_server_hello *hello);

/* The certificates of a Certificate message, the sender's own first: how many there are, and of the first `capacity`
 * the DER in `certificates`. `is_tls13` tells which of its forms it has. 0 when it is empty or damaged. */
unsigned wire_certificates_read(const uint8_t *body, size_t length, bool is_tls13, wire_octets *certificates,
                                unsigned capacity);

#endif
