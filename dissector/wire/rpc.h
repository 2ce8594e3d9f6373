/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Connection-oriented DCE/RPC as it stands on TCP, without libwireshark: the PDUs of one direction, their contexts,
 * calls and faults, and of stubs that are not encrypted the begin and the end (C706 chapter 12, [MS-RPCE] 2.2.2).
 */
#ifndef WIRE_RPC_H
#define WIRE_RPC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <glib.h>

#include "octets.h"

/* PTYPE, C706 12.6.4 and [MS-RPCE] 2.2.2.1. */
enum {
    WIRE_RPC_REQUEST = 0,
    WIRE_RPC_RESPONSE = 2,
    WIRE_RPC_FAULT = 3,
    WIRE_RPC_BIND = 11,
    WIRE_RPC_BIND_ACK = 12,
    WIRE_RPC_BIND_NAK = 13,
    WIRE_RPC_ALTER_CONTEXT = 14,
    WIRE_RPC_ALTER_CONTEXT_RESPONSE = 15,
    WIRE_RPC_AUTH3 = 16,
    WIRE_RPC_SHUTDOWN = 17,
    WIRE_RPC_CANCEL = 18,
    WIRE_RPC_ORPHANED = 19,
};

/* RPC_C_AUTHN_LEVEL_PKT_PRIVACY, [MS-RPCE] 2.2.1.1.8: stubs are encrypted. */
#define WIRE_RPC_PRIVACY 6

/* What is looked at of a list of contexts, and of a stub. */
#define WIRE_RPC_MAX_CONTEXTS 16
#define WIRE_RPC_MAX_STUB     64

typedef struct {
    uint32_t time_low;
    uint16_t time_mid, time_high;
    uint8_t  rest[8];
} wire_uuid;

/* Interfaces: their numbers stand in the sections named beside them in rpc.c. */
extern const wire_uuid wire_uuid_endpoint_mapper;  /* ept, C706 appendix O */
extern const wire_uuid wire_uuid_oxid_resolver;    /* IObjectExporter */
extern const wire_uuid wire_uuid_system_activator; /* IRemoteSCMActivator */
extern const wire_uuid wire_uuid_cert_passage;     /* ICertPassage: 0 CertServerRequest */
extern const wire_uuid wire_uuid_cert_request;     /* ICertRequestD: 3 Request */
extern const wire_uuid wire_uuid_cert_request2;    /* ICertRequestD2: 6 Request2, and those of ICertRequestD */
extern const wire_uuid wire_uuid_ndr64;            /* a transfer syntax */

bool wire_uuid_equal(const wire_uuid *a, const wire_uuid *b);

/* One direction. Zeroed to begin with; to be cleared with wire_rpc_half_clear(). */
typedef struct {
    uint8_t     header[16];  /* of the PDU that is being read */
    uint8_t     header_length;
    uint8_t     tail[27];    /* where the stub ends and the verifier begins, as rpc.c reads it */
    uint8_t     tail_length;
    uint16_t    position;    /* octets of the PDU that have passed */
    bool        is_rpc;      /* a PDU has been seen */
    bool        is_foreign;  /* this is no DCE/RPC, or damaged: nothing is looked at any more */
    bool        is_lost;     /* between PDUs whose begin is not known */
    bool        is_adrift;   /* octets were lost */
    GByteArray *body;        /* the first octets after the header; NULL when there were none */
} wire_rpc_half;

/* A presentation context that is proposed. */
typedef struct {
    unsigned  id;
    wire_uuid interface;
    unsigned  major, minor;
} wire_rpc_context;

/* What becomes of one, in the order in which they were proposed: 0 for acceptance (C706 12.6.3.1, [MS-RPCE] 2.2.2.4). */
typedef struct {
    unsigned  result, reason;
    wire_uuid transfer_syntax;
} wire_rpc_result;

/* What a PDU says. Valid while the sink is called; what was not captured is 0 or empty. */
typedef struct {
    unsigned    type;
    bool        is_first, is_last;     /* fragment of its call */
    bool        is_little_endian;
    uint32_t    call_id;
    unsigned    length;                /* octets of the whole PDU */
    int         auth_level;            /* 0 without a verifier, -1 when it was not captured */

    unsigned    context_id;            /* request, response, fault */
    unsigned    operation;             /* request */
    bool        has_object;
    wire_octets stub;                  /* request, response: its first octets, at most WIRE_RPC_MAX_STUB; empty when encrypted */
    bool        has_end;
    uint32_t    end;                   /* the number in the stub's last four octets */
    uint32_t    status;                /* fault */

    unsigned         count;            /* of what follows */
    wire_rpc_context contexts[WIRE_RPC_MAX_CONTEXTS]; /* bind, alter_context */
    wire_rpc_result  results[WIRE_RPC_MAX_CONTEXTS];  /* bind_ack, alter_context_resp */
    unsigned         reason;           /* bind_nak: provider_reject_reason, C706 12.6.3.1 */
} wire_rpc_pdu;

/* Who is told. Each may be NULL. */
typedef struct {
    /* The first octet of a PDU has come. */
    void (*begin)(void *user);
    /* A PDU has come to its end, whether or not all of it was captured. */
    void (*pdu)(void *user, const wire_rpc_pdu *pdu);
    /* What should be DCE/RPC is not, or is damaged; once, with the octets of its header there are (at most 16). */
    void (*foreign)(void *user, const uint8_t *data, size_t length);
} wire_rpc_sink;

/* Takes the next octets of the stream: `captured` of `length`. */
void wire_rpc_push(wire_rpc_half *half, const wire_rpc_sink *sink, void *user, const uint8_t *data, size_t captured,
                   size_t length);

/* `missing` octets are not there: the next PDU is looked for at the next plausible header at a segment's begin, unless
 * the gap lies within a PDU. */
void wire_rpc_gap(wire_rpc_half *half, const wire_rpc_sink *sink, void *user, uint32_t missing);

void wire_rpc_half_clear(wire_rpc_half *half);

/* A number of four octets in a stub; 0 when it is not all there. */
uint32_t wire_rpc_number(const wire_rpc_pdu *pdu, size_t offset);

/* Who sends octets that begin so. */
typedef enum { WIRE_RPC_NOBODY, WIRE_RPC_CLIENT, WIRE_RPC_SERVER } wire_rpc_sender;

/* Tells from a segment's first octets whether a PDU begins there, and whose; cheap. */
wire_rpc_sender wire_rpc_look(const uint8_t *data, size_t length);

#endif
