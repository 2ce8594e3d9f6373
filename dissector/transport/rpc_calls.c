/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Requests for certificates in DCE/RPC: [MS-ICPR] 3.2.4.1, [MS-WCCE] 3.2.1.4.2 and 3.2.1.4.3.
 *
 * When, how large and with which operation is in clear whatever protects the stub; what the CA decided only when it is
 * not encrypted.
 */
#include "rpc_calls.h"

#include <string.h>

#include "../wire/rpc.h"

/* Contexts of one connection, and its calls that wait for an answer: beyond either the oldest is forgotten. */
#define MAX_CONTEXTS 32
#define MAX_OPEN     32

/* Of one conversation: requests that were read, and calls of which it is not known what they are. */
#define MAX_EXCHANGES 4096
#define MAX_UNKNOWN   64

#define MAPPER_PORT 135

/* In the order of what tells more of a conversation. */
typedef enum { UNKNOWN, OTHER, MAPPER, CERT_PASSAGE, CERT_REQUEST, CERT_REQUEST2 } interface;

static const struct {
    const wire_uuid *uuid;
    interface        interface;
} interfaces[] = {
    { &wire_uuid_cert_passage, CERT_PASSAGE },    { &wire_uuid_cert_request, CERT_REQUEST },
    { &wire_uuid_cert_request2, CERT_REQUEST2 },  { &wire_uuid_endpoint_mapper, MAPPER },
    { &wire_uuid_oxid_resolver, MAPPER },         { &wire_uuid_system_activator, MAPPER },
};

static const char *const interface_names[] = {
    [MAPPER] = "endpoint mapper",
    [CERT_PASSAGE] = "ICertPassage",
    [CERT_REQUEST] = "ICertRequestD",
    [CERT_REQUEST2] = "ICertRequestD2",
};

/* The calls that ask for a certificate; ICertRequestD2 has those of ICertRequestD as well. */
static const struct {
    interface   interface;
    unsigned    operation;
    const char *name;
} requests[] = {
    { CERT_PASSAGE, 0, "ICertPassage::CertServerRequest" },
    { CERT_REQUEST, 3, "ICertRequestD::Request" },
    { CERT_REQUEST2, 3, "ICertRequestD::Request" },
    { CERT_REQUEST2, 6, "ICertRequestD2::Request2" },
};

/* C706 appendix E; below 0x1c000000 and above 0x80000000 [MS-ERREF] 2.2 and 2.1. */
static const struct {
    uint32_t    status;
    const char *name;
} faults[] = {
    { 0x00000005, "access denied" },
    { 0x000006d1, "no such operation" },
    { 0x000006f7, "bad stub data" },
    { 0x00000721, "security package error" },
    { 0x1c000006, "invalid tag" },
    { 0x1c000007, "invalid bound" },
    { 0x1c000008, "RPC version mismatch" },
    { 0x1c000012, "unspecified" },
    { 0x1c00001a, "context mismatch" },
    { 0x1c00001b, "no memory" },
    { 0x1c00001d, "authentication level not supported" },
    { 0x1c010002, "operation out of range" },
    { 0x1c010003, "unknown interface" },
    { 0x1c01000b, "protocol error" },
    { 0x1c010014, "server too busy" },
    { 0x80010108, "object disconnected" },
    { 0x80070005, "access denied" },
};

typedef struct {
    unsigned  id;
    interface interface;
    bool      is_accepted;
    bool      is_ndr64;
} context;

/* A call whose answer has not ended. */
typedef struct {
    uint32_t       id;
    interface      interface;
    bool           is_ndr64;
    flow_exchange *exchange;
} open_call;

struct rpc_calls {
    flow_conversation *conversation;
    wire_rpc_half      halves[2];
    flow_side          from;
    flow_moment        now;      /* of the octets that are being taken */
    flow_moment        began[2]; /* when the PDU that is being read began */
    bool               has_bind; /* it was captured */
    context            contexts[MAX_CONTEXTS];
    unsigned           context_count;
    unsigned           proposed[WIRE_RPC_MAX_CONTEXTS]; /* ids, by the last bind or alter_context */
    unsigned           proposed_count;
    open_call          open[MAX_OPEN];
    unsigned           open_count;
    unsigned           unknown_count;
};

rpc_calls *
rpc_calls_new(flow_conversation *conversation, bool has_begin)
{
    rpc_calls *all = g_new0(rpc_calls, 1);

    all->conversation = conversation;
    for (int side = 0; side < 2; side++)
        all->halves[side].is_lost = all->halves[side].is_adrift = !has_begin;
    conversation->is_rpc = true;
    flow_changed(conversation);
    return all;
}

void
rpc_calls_free(rpc_calls *all)
{
    if (!all)
        return;
    for (int side = 0; side < 2; side++)
        wire_rpc_half_clear(&all->halves[side]);
    g_free(all);
}

static bool
is_for_certificates(interface interface)
{
    return interface >= CERT_PASSAGE;
}

bool
rpc_calls_are_for_certificates(const rpc_calls *all)
{
    for (unsigned i = 0; i < all->context_count; i++) {
        if (is_for_certificates(all->contexts[i].interface))
            return true;
    }
    return false;
}

/* --- contexts --- */

static interface
interface_of(const wire_uuid *uuid)
{
    for (size_t i = 0; i < G_N_ELEMENTS(interfaces); i++) {
        if (wire_uuid_equal(interfaces[i].uuid, uuid))
            return interfaces[i].interface;
    }
    return OTHER;
}

static context *
find_context(rpc_calls *all, unsigned id)
{
    for (unsigned i = 0; i < all->context_count; i++) {
        if (all->contexts[i].id == id)
            return &all->contexts[i];
    }
    return NULL;
}

/* Of all interfaces that were proposed, the one that tells most. */
static void
name_interface(rpc_calls *all)
{
    interface   best = UNKNOWN;
    const char *name;

    for (unsigned i = 0; i < all->context_count; i++)
        best = MAX(best, all->contexts[i].interface);
    name = interface_names[best];
    if (name && name != all->conversation->rpc_interface) {
        all->conversation->rpc_interface = name;
        flow_changed(all->conversation);
    }
}

static void
meet_proposal(rpc_calls *all, const wire_rpc_pdu *pdu)
{
    all->has_bind = true;
    all->proposed_count = pdu->count;
    for (unsigned i = 0; i < pdu->count; i++) {
        const wire_rpc_context *proposed = &pdu->contexts[i];
        context                *one = find_context(all, proposed->id);

        all->proposed[i] = proposed->id;
        if (!one) {
            if (all->context_count == MAX_CONTEXTS)
                memmove(all->contexts, all->contexts + 1, --all->context_count * sizeof *all->contexts);
            one = &all->contexts[all->context_count++];
        }
        *one = (context){ .id = proposed->id, .interface = interface_of(&proposed->interface) };
    }
    name_interface(all);
}

static void
set_refused(rpc_calls *all, bool is_refused)
{
    if (all->conversation->is_rpc_refused == is_refused)
        return;
    all->conversation->is_rpc_refused = is_refused;
    flow_changed(all->conversation);
}

/* One interface is proposed once for each transfer syntax: it is refused when none of them is accepted. */
static void
meet_results(rpc_calls *all, const wire_rpc_pdu *pdu)
{
    bool is_wanted = false, is_accepted = false;

    for (unsigned i = 0; i < MIN(pdu->count, all->proposed_count); i++) {
        context *one = find_context(all, all->proposed[i]);

        if (one) {
            one->is_accepted = pdu->results[i].result == 0;
            one->is_ndr64 = wire_uuid_equal(&pdu->results[i].transfer_syntax, &wire_uuid_ndr64);
        }
    }
    all->proposed_count = 0;
    for (unsigned i = 0; i < all->context_count; i++) {
        if (is_for_certificates(all->contexts[i].interface)) {
            is_wanted = true;
            is_accepted = is_accepted || all->contexts[i].is_accepted;
        }
    }
    if (pdu->count > 0)
        set_refused(all, is_wanted && !is_accepted);
}

/* --- calls --- */

static open_call *
find_call(rpc_calls *all, uint32_t id)
{
    for (unsigned i = 0; i < all->open_count; i++) {
        if (all->open[i].id == id)
            return &all->open[i];
    }
    return NULL;
}

static void
close_call(rpc_calls *all, open_call *call)
{
    size_t after = (size_t)(all->open + all->open_count - (call + 1));

    memmove(call, call + 1, after * sizeof *call);
    all->open_count--;
}

static const char *
name_of(interface interface, unsigned operation)
{
    for (size_t i = 0; i < G_N_ELEMENTS(requests); i++) {
        if (requests[i].interface == interface && requests[i].operation == operation)
            return requests[i].name;
    }
    return NULL;
}

/* True when a call of an interface that is not known has a number that asks for a certificate: those of DCOM go to an
 * object. */
static bool
may_be_request(const rpc_calls *all, const wire_rpc_pdu *pdu)
{
    return !all->has_bind && all->conversation->server.port != MAPPER_PORT && all->unknown_count < MAX_UNKNOWN &&
           (pdu->has_object ? pdu->operation == 3 || pdu->operation == 6 : pdu->operation == 0);
}

static void
begin_request(rpc_calls *all, const wire_rpc_pdu *pdu)
{
    const context *one = find_context(all, pdu->context_id);
    const char    *name = one ? name_of(one->interface, pdu->operation) : NULL;
    open_call     *call = find_call(all, pdu->call_id);
    flow_exchange *exchange;

    if (call) /* without an answer */
        close_call(all, call);
    if (!name && (one || !may_be_request(all, pdu)))
        return;
    if (all->conversation->exchanges && all->conversation->exchanges->len >= MAX_EXCHANGES)
        return;
    exchange = flow_add_exchange(all->conversation, name ? FLOW_DECRYPTED : FLOW_INFERRED, all->now);
    exchange->step = name ? FLOW_CA_ISSUE : FLOW_STEP_NONE;
    exchange->operation = name;
    exchange->request = all->began[FLOW_CLIENT];
    exchange->request_octets = pdu->length;
    if (!name)
        all->unknown_count++;
    if (all->open_count == MAX_OPEN)
        close_call(all, all->open);
    all->open[all->open_count++] = (open_call){ .id = pdu->call_id,
                                                .interface = one ? one->interface : UNKNOWN,
                                                .is_ndr64 = one && one->is_ndr64,
                                                .exchange = exchange };
}

static void
meet_request(rpc_calls *all, const wire_rpc_pdu *pdu)
{
    open_call *call;

    if (pdu->is_first) {
        begin_request(all, pdu);
        return;
    }
    call = find_call(all, pdu->call_id);
    if (call) {
        call->exchange->request_end = all->now;
        call->exchange->request_octets += pdu->length;
    }
}

/* Where the stub of an answer has the disposition: [out] DWORD pdwRequestId and pdwDisposition come first. With DCOM an
 * ORPCTHAT stands before them, [MS-DCOM] 2.2.13.4: flags, and a pointer that must be NULL for this. 0: not known. */
static size_t
disposition_at(const open_call *call, const wire_rpc_pdu *pdu)
{
    switch (call->interface) {
    case CERT_PASSAGE:
        return 4;
    case CERT_REQUEST:
    case CERT_REQUEST2:
        if (call->is_ndr64)
            return wire_rpc_number(pdu, 8) == 0 && wire_rpc_number(pdu, 12) == 0 ? 20 : 0;
        return wire_rpc_number(pdu, 4) == 0 ? 12 : 0;
    default:
        return 0;
    }
}

static void
set_hresult(flow_exchange *exchange, uint32_t hresult)
{
    exchange->has_hresult = hresult != 0;
    exchange->hresult = hresult;
}

/* What the CA says, in the first and the last fragment of its answer. */
static void
read_answer(const open_call *call, const wire_rpc_pdu *pdu)
{
    flow_exchange *exchange = call->exchange;
    size_t         at = pdu->is_first ? disposition_at(call, pdu) : 0;

    if (at > 0 && pdu->stub.length >= at + 4)
        exchange->disposition = (int)wire_rpc_number(pdu, at);
    if (!pdu->is_last || !pdu->has_end || call->interface == UNKNOWN)
        return;
    set_hresult(exchange, pdu->end);
    if (!exchange->has_hresult && exchange->disposition < -1) /* the reason takes the place of the disposition */
        set_hresult(exchange, (uint32_t)exchange->disposition);
}

static void
begin_answer(rpc_calls *all, flow_exchange *exchange)
{
    if (!exchange->response.frame)
        exchange->response = all->began[FLOW_SERVER];
    exchange->response_end = all->now;
    flow_changed(all->conversation);
}

static void
meet_response(rpc_calls *all, const wire_rpc_pdu *pdu)
{
    open_call *call = find_call(all, pdu->call_id);

    if (!call)
        return;
    begin_answer(all, call->exchange);
    call->exchange->response_octets += pdu->length;
    call->exchange->is_answer_readable = true;
    read_answer(call, pdu);
    if (pdu->is_last)
        close_call(all, call);
}

static const char *
fault_name(uint32_t status)
{
    for (size_t i = 0; i < G_N_ELEMENTS(faults); i++) {
        if (faults[i].status == status)
            return faults[i].name;
    }
    return NULL;
}

static void
meet_fault(rpc_calls *all, const wire_rpc_pdu *pdu)
{
    open_call  *call = find_call(all, pdu->call_id);
    const char *name = fault_name(pdu->status);
    char       *text;

    if (!call)
        return;
    begin_answer(all, call->exchange);
    call->exchange->response_octets += pdu->length;
    call->exchange->is_answer_readable = false;
    set_hresult(call->exchange, pdu->status);
    text = name ? g_strdup_printf("RPC fault 0x%08x (%s)", pdu->status, name)
                : g_strdup_printf("RPC fault 0x%08x", pdu->status);
    call->exchange->problem = flow_intern(all->conversation->model, text);
    g_free(text);
    close_call(all, call);
}

/* --- PDUs --- */

static void
meet_begin(void *user)
{
    rpc_calls *all = user;

    all->began[all->from] = all->now;
}

static void
meet_client_pdu(rpc_calls *all, const wire_rpc_pdu *pdu)
{
    switch (pdu->type) {
    case WIRE_RPC_BIND:
    case WIRE_RPC_ALTER_CONTEXT:
        meet_proposal(all, pdu);
        break;
    case WIRE_RPC_REQUEST:
        meet_request(all, pdu);
        break;
    default:
        break;
    }
}

static void
meet_server_pdu(rpc_calls *all, const wire_rpc_pdu *pdu)
{
    switch (pdu->type) {
    case WIRE_RPC_BIND_ACK:
    case WIRE_RPC_ALTER_CONTEXT_RESPONSE:
        meet_results(all, pdu);
        break;
    case WIRE_RPC_BIND_NAK:
        set_refused(all, true);
        break;
    case WIRE_RPC_RESPONSE:
        meet_response(all, pdu);
        break;
    case WIRE_RPC_FAULT:
        meet_fault(all, pdu);
        break;
    default:
        break;
    }
}

static void
meet_pdu(void *user, const wire_rpc_pdu *pdu)
{
    rpc_calls *all = user;

    if (pdu->auth_level == WIRE_RPC_PRIVACY && !all->conversation->is_rpc_encrypted &&
        (pdu->type == WIRE_RPC_REQUEST || pdu->type == WIRE_RPC_RESPONSE)) {
        all->conversation->is_rpc_encrypted = true;
        flow_changed(all->conversation);
    }
    if (all->from == FLOW_CLIENT)
        meet_client_pdu(all, pdu);
    else
        meet_server_pdu(all, pdu);
}

static const wire_rpc_sink sink = { meet_begin, meet_pdu, NULL };

void
rpc_calls_push(rpc_calls *all, flow_side from, flow_moment now, const uint8_t *data, size_t captured, size_t length)
{
    all->from = from;
    all->now = now;
    wire_rpc_push(&all->halves[from], &sink, all, data, captured, length);
}

void
rpc_calls_gap(rpc_calls *all, flow_side from, flow_moment now, uint32_t missing)
{
    all->from = from;
    all->now = now;
    wire_rpc_gap(&all->halves[from], &sink, all, missing);
}
