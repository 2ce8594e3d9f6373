/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the calls of a DCE/RPC connection come to, from PDUs laid out by C706 12.6 and [MS-RPCE] 2.2.2, with stubs of
 * [MS-ICPR] 3.2.4.1.1 and [MS-WCCE] 3.2.1.4.2.1; and the certificate of a client.
 */
#include "track_support.h"

#include <string.h>

#include "wire/rpc.h"

enum { FIRST = 1, LAST = 2, OBJECT = 0x80, WHOLE = FIRST | LAST };

/* Levels of protection, [MS-RPCE] 2.2.1.1.8. */
enum { NONE = 0, INTEGRITY = 5, PRIVACY = 6 };

enum { HEADER = 16, CALL_HEADER = 24, VERIFIER = 8 + 16 };

/* UUIDs as their fields stand on the wire, least significant octet first. */
#define PASSAGE      "2060ae913c9ecf118d7c00aa00c091be"
#define REQUEST      "706e9ed988fcd011b49800a0c90312f3"
#define REQUEST2     "3afd2254b8d4ef4ca12ee87d4ca22e90"
#define MAPPER       "0883afe11f5dc91191a408002b14a0fa"
#define OXID         "c4fefc9960521b10bbcb00aa0021347a"
#define ACTIVATOR    "a001000000000000c000000000000046"
#define REM_UNKNOWN2 "4301000000000000c000000000000046" /* [MS-DCOM] 1.9 */
#define LSA          "785734123412cdabef000123456789ab" /* [MS-LSAD] 1.9 */
#define NDR          "045d888aeb1cc9119fe808002b104860"
#define NDR64        "33057171babe37498319b5dbef9ccc36"

static bool is_big; /* octet order of the PDUs that are made */

static void
add_int(GByteArray *octets, uint32_t number, unsigned width)
{
    for (unsigned i = 0; i < width; i++) {
        uint8_t octet = (uint8_t)(number >> (8 * (is_big ? width - 1 - i : i)));

        g_byte_array_append(octets, &octet, 1);
    }
}

static void
add_fill(GByteArray *octets, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        g_byte_array_append(octets, (const uint8_t *)"\xee", 1);
}

/* The least significant octets first, or turned around. */
static void
add_uuid(GByteArray *octets, const char *hex)
{
    static const unsigned turned[16] = { 3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15 };

    for (unsigned i = 0; i < 16; i++) {
        unsigned at = 2 * (is_big ? turned[i] : i);
        uint8_t  octet = (uint8_t)(g_ascii_xdigit_value(hex[at]) << 4 | g_ascii_xdigit_value(hex[at + 1]));

        g_byte_array_append(octets, &octet, 1);
    }
}

/* A PDU with this body; with a level also padding to 16 octets, sec_trailer and a verifier of 16. */
static GByteArray *
pdu(unsigned type, unsigned flags, uint32_t call_id, unsigned level, GByteArray *body)
{
    GByteArray *octets = g_byte_array_new();
    unsigned    padding = level ? -body->len % 16 : 0;

    add_number(octets, 0x0500, 2);
    add_number(octets, type, 1);
    add_number(octets, flags, 1);
    add_number(octets, is_big ? 0 : 0x10000000, 4);
    add_int(octets, HEADER + body->len + padding + (level ? VERIFIER : 0), 2);
    add_int(octets, level ? 16 : 0, 2);
    add_int(octets, call_id, 4);
    g_byte_array_append(octets, body->data, body->len);
    g_byte_array_unref(body);
    if (level) {
        add_fill(octets, padding);
        add_number(octets, 9, 1);
        add_number(octets, level, 1);
        add_number(octets, padding, 1);
        add_number(octets, 0, 1);
        add_int(octets, 0, 4);
        add_fill(octets, 16);
    }
    return octets;
}

/* A proposal of the interfaces, ids from `first` on. */
static GByteArray *
proposal(unsigned type, unsigned first, const char *const *interfaces, const char *syntax)
{
    GByteArray *body = g_byte_array_new();
    unsigned    count = g_strv_length((char **)interfaces);

    add_int(body, 5840, 2);
    add_int(body, 5840, 2);
    add_int(body, 0, 4);
    add_number(body, count << 24, 4);
    for (unsigned i = 0; i < count; i++) {
        add_int(body, first + i, 2);
        add_number(body, 0x0100, 2);
        add_uuid(body, interfaces[i]);
        add_int(body, 0, 4);
        add_uuid(body, syntax);
        add_int(body, 2, 4);
    }
    return pdu(type, WHOLE, 1, NONE, body);
}

/* The answer, with a result for each. */
static GByteArray *
results(unsigned type, unsigned count, const unsigned *result, const char *syntax)
{
    GByteArray *body = g_byte_array_new();

    add_int(body, 5840, 2);
    add_int(body, 5840, 2);
    add_int(body, 0x1234, 4);
    add_int(body, 6, 2);
    g_byte_array_append(body, (const uint8_t *)"49700", 6);
    add_number(body, count << 24, 4);
    for (unsigned i = 0; i < count; i++) {
        add_int(body, result[i], 2);
        add_int(body, result[i] ? 1 : 0, 2);
        add_uuid(body, syntax);
        add_int(body, 2, 4);
    }
    return pdu(type, WHOLE, 1, NONE, body);
}

static GByteArray *
request(unsigned flags, uint32_t call_id, unsigned context, unsigned operation, unsigned level, unsigned stub)
{
    GByteArray *body = g_byte_array_new();

    add_int(body, stub, 4);
    add_int(body, context, 2);
    add_int(body, operation, 2);
    if (flags & OBJECT)
        add_uuid(body, PASSAGE);
    add_fill(body, stub);
    return pdu(WIRE_RPC_REQUEST, flags, call_id, level, body);
}

/* A response with this stub. */
static GByteArray *
response(unsigned flags, uint32_t call_id, unsigned level, GByteArray *stub)
{
    GByteArray *body = g_byte_array_new();

    add_int(body, stub->len, 4);
    add_int(body, 0, 2);
    add_number(body, 0, 2);
    g_byte_array_append(body, stub->data, stub->len);
    g_byte_array_unref(stub);
    return pdu(WIRE_RPC_RESPONSE, flags, call_id, level, body);
}

/* What the CA says: `before` octets of zero, request 17, the disposition, blobs of `blobs` octets, the HRESULT. */
static GByteArray *
said(unsigned before, uint32_t disposition, unsigned blobs, uint32_t hresult)
{
    GByteArray *stub = zeros(before);

    add_int(stub, 17, 4);
    add_int(stub, disposition, 4);
    add_fill(stub, blobs);
    add_int(stub, hresult, 4);
    return stub;
}

static GByteArray *
fault(uint32_t call_id, uint32_t status)
{
    GByteArray *body = g_byte_array_new();

    add_int(body, 32, 4);
    add_int(body, 0, 4);
    add_int(body, status, 4);
    add_int(body, 0, 4);
    return pdu(WIRE_RPC_FAULT, WHOLE, call_id, NONE, body);
}

static connection *
new_rpc_connection(void)
{
    connection *one = new_connection();

    set_ends(one, NDES, 50000, CA, 49700);
    return one;
}

/* A connection on which one interface was accepted, as context 0. */
static flow_conversation *
bind_to(connection *one, const char *interface, const char *syntax)
{
    static const unsigned accepted[] = { 0 };
    const char *const     interfaces[] = { interface, NULL };

    handshake_tcp(one);
    send_data(one, FLOW_CLIENT, proposal(WIRE_RPC_BIND, 0, interfaces, syntax));
    return send_data(one, FLOW_SERVER, results(WIRE_RPC_BIND_ACK, 1, accepted, syntax));
}

static const flow_exchange *
exchange_at(const flow_conversation *conversation, guint index)
{
    g_assert_nonnull(conversation->exchanges);
    g_assert_cmpuint(index, <, conversation->exchanges->len);
    return conversation->exchanges->pdata[index];
}

static unsigned
count_exchanges(const flow_conversation *conversation)
{
    return conversation->exchanges ? conversation->exchanges->len : 0;
}

/* ICertPassage in clear, in either octet order. The request comes in two segments. */
static void
test_passage(void)
{
    for (int order = 0; order < 2; order++) {
        connection          *one = new_rpc_connection();
        flow_conversation   *conversation;
        const flow_exchange *exchange;
        GByteArray          *octets;

        is_big = order == 1;
        conversation = bind_to(one, PASSAGE, NDR);
        octets = request(WHOLE, 2, 0, 0, NONE, 1000);
        g_assert_true(conversation->is_rpc && conversation->is_readable);
        g_assert_false(conversation->is_tls || conversation->is_rpc_encrypted || conversation->is_rpc_refused);
        g_assert_cmpstr(conversation->rpc_interface, ==, "ICertPassage");
        g_assert_cmpuint(count_exchanges(conversation), ==, 0);
        g_assert_cmpuint(octets->len, ==, CALL_HEADER + 1000);
        send_part(one, FLOW_CLIENT, ACK, octets->data, 500, 500, 0); /* frame 6 */
        send_part(one, FLOW_CLIENT, ACK, octets->data + 500, octets->len - 500, octets->len - 500, 0);
        g_byte_array_unref(octets);
        exchange = exchange_at(conversation, 0);
        g_assert_cmpuint(exchange->response.frame, ==, 0);
        send_data(one, FLOW_SERVER, response(WHOLE, 2, NONE, said(0, 3, 600, 0)));
        g_assert_cmpuint(count_exchanges(conversation), ==, 1);
        g_assert_true(exchange->step == FLOW_CA_ISSUE && exchange->basis == FLOW_DECRYPTED);
        g_assert_cmpstr(exchange->operation, ==, "ICertPassage::CertServerRequest");
        g_assert_cmpuint(exchange->request.frame, ==, 6);
        g_assert_cmpuint(exchange->request_end.frame, ==, 7);
        g_assert_cmpint(exchange->request_end.time - exchange->request.time, ==, MILLISECOND);
        g_assert_cmpuint(exchange->request_octets, ==, CALL_HEADER + 1000);
        g_assert_cmpuint(exchange->response.frame, ==, 8);
        g_assert_cmpuint(exchange->response_end.frame, ==, 8);
        g_assert_cmpuint(exchange->response_octets, ==, CALL_HEADER + 8 + 600 + 4);
        g_assert_true(exchange->is_answer_readable);
        g_assert_false(exchange->has_hresult);
        g_assert_cmpint(exchange->disposition, ==, 3);
        g_assert_null(exchange->problem);
        end(one);
    }
    is_big = false;
}

/* What was decided, by interface, transfer syntax and protection. The ORPCTHAT takes 8 octets, with NDR64 16. */
static const struct {
    const char *name, *interface, *syntax, *operation;
    unsigned    number, level, before;
    uint32_t    disposition, hresult;
    int         told_disposition;
    uint32_t    told_hresult;
} decisions[] = {
    { "request", REQUEST, NDR, "ICertRequestD::Request", 3, NONE, 8, 3, 0, 3, 0 },
    { "request-inherited", REQUEST2, NDR, "ICertRequestD::Request", 3, NONE, 8, 5, 0, 5, 0 },
    { "request2", REQUEST2, NDR, "ICertRequestD2::Request2", 6, INTEGRITY, 8, 2, 0, 2, 0 },
    { "request2-ndr64", REQUEST2, NDR64, "ICertRequestD2::Request2", 6, NONE, 16, 3, 0, 3, 0 },
    { "passage-ndr64", PASSAGE, NDR64, "ICertPassage::CertServerRequest", 0, NONE, 0, 3, 0, 3, 0 },
    { "privacy", REQUEST2, NDR, "ICertRequestD2::Request2", 6, PRIVACY, 8, 2, 0x80094012, -1, 0 },
    { "failed", REQUEST, NDR, "ICertRequestD::Request", 3, INTEGRITY, 8, 0, 0x80070005, 0, 0x80070005 },
    /* The reason in place of the disposition: CERTSRV_E_TEMPLATE_DENIED. */
    { "reason", PASSAGE, NDR, "ICertPassage::CertServerRequest", 0, NONE, 0, 0x80094012, 0, (int)0x80094012, 0x80094012 },
};

static void
test_decision(gconstpointer data)
{
    size_t               i = GPOINTER_TO_SIZE(data);
    connection          *one = new_rpc_connection();
    flow_conversation   *conversation = bind_to(one, decisions[i].interface, decisions[i].syntax);
    const flow_exchange *exchange;
    unsigned             flags = decisions[i].number ? WHOLE | OBJECT : WHOLE;

    send_data(one, FLOW_CLIENT, request(flags, 9, 0, decisions[i].number, decisions[i].level, 777));
    send_data(one, FLOW_SERVER,
              response(WHOLE, 9, decisions[i].level,
                       said(decisions[i].before, decisions[i].disposition, 200, decisions[i].hresult)));
    exchange = exchange_at(conversation, 0);
    g_assert_true(exchange->step == FLOW_CA_ISSUE);
    g_assert_cmpstr(exchange->operation, ==, decisions[i].operation);
    g_assert_cmpuint(exchange->request_end.frame, ==, 6);
    g_assert_cmpuint(exchange->response_end.frame, ==, 7);
    g_assert_true(exchange->is_answer_readable);
    g_assert_true(conversation->is_rpc_encrypted == (decisions[i].level == PRIVACY));
    g_assert_cmpint(exchange->disposition, ==, decisions[i].told_disposition);
    g_assert_true(exchange->has_hresult == (decisions[i].told_hresult != 0));
    g_assert_cmphex(exchange->hresult, ==, decisions[i].told_hresult);
    end(one);
}

/* Extensions in the ORPCTHAT: nobody knows where the disposition is, but the HRESULT is last. */
static void
test_extensions(void)
{
    connection        *one = new_rpc_connection();
    flow_conversation *conversation = bind_to(one, REQUEST2, NDR);
    GByteArray        *stub = g_byte_array_new();

    add_int(stub, 1, 4);
    add_int(stub, 0x20000, 4);
    add_fill(stub, 100);
    add_int(stub, 0x80094800, 4);
    send_data(one, FLOW_CLIENT, request(WHOLE | OBJECT, 2, 0, 6, NONE, 100));
    send_data(one, FLOW_SERVER, response(WHOLE, 2, NONE, stub));
    g_assert_cmpint(exchange_at(conversation, 0)->disposition, ==, -1);
    g_assert_cmphex(exchange_at(conversation, 0)->hresult, ==, 0x80094800);
    end(one);
}

/* Three fragments there, two back, another call in between, and calls that ask for no certificate. */
static void
test_fragments(void)
{
    connection          *one = new_rpc_connection();
    flow_conversation   *conversation = bind_to(one, REQUEST2, NDR);
    const flow_exchange *first, *second;
    GByteArray          *end_of_stub = g_byte_array_new();

    send_data(one, FLOW_CLIENT, request(WHOLE | OBJECT, 2, 0, 7, NONE, 40)); /* GetCAProperty */
    send_data(one, FLOW_SERVER, response(WHOLE, 2, NONE, said(8, 3, 10, 0)));
    send_data(one, FLOW_CLIENT, request(FIRST | OBJECT, 3, 0, 6, INTEGRITY, 992));
    send_data(one, FLOW_CLIENT, request(OBJECT, 3, 0, 6, INTEGRITY, 992));
    send_data(one, FLOW_CLIENT, request(WHOLE | OBJECT, 4, 0, 6, INTEGRITY, 40));
    send_data(one, FLOW_CLIENT, request(LAST | OBJECT, 3, 0, 6, INTEGRITY, 100)); /* frame 11 */
    g_assert_cmpuint(count_exchanges(conversation), ==, 2);
    first = exchange_at(conversation, 0);
    second = exchange_at(conversation, 1);
    g_assert_cmpuint(first->request.frame, ==, 8);
    g_assert_cmpuint(first->request_end.frame, ==, 11);
    /* 24 + 16 + 992 + 24 each; the last one with padding to 112 + 8 (24 octets before the stub are in front of it). */
    g_assert_cmpuint(first->request_octets, ==, 2 * (16 + 8 + 16 + 992 + 8 + VERIFIER) + 16 + 8 + 16 + 100 + 4 + VERIFIER);
    send_data(one, FLOW_SERVER, response(FIRST, 3, INTEGRITY, said(8, 3, 972, 0x01020304)));
    send_data(one, FLOW_SERVER, response(WHOLE, 4, INTEGRITY, said(8, 5, 12, 0)));
    add_fill(end_of_stub, 96);
    add_int(end_of_stub, 0x80094014, 4);
    send_data(one, FLOW_SERVER, response(LAST, 3, INTEGRITY, end_of_stub));
    g_assert_cmpuint(first->response.frame, ==, 12);
    g_assert_cmpuint(first->response_end.frame, ==, 14);
    g_assert_cmpint(first->disposition, ==, 3);
    g_assert_cmphex(first->hresult, ==, 0x80094014);
    g_assert_cmpuint(second->request.frame, ==, 10);
    g_assert_cmpuint(second->response.frame, ==, 13);
    g_assert_cmpint(second->disposition, ==, 5);
    g_assert_false(second->has_hresult);
    end(one);
}

static void
test_faults(void)
{
    connection        *one = new_rpc_connection();
    flow_conversation *conversation = bind_to(one, PASSAGE, NDR);

    send_data(one, FLOW_CLIENT, request(WHOLE, 2, 0, 0, NONE, 40));
    send_data(one, FLOW_SERVER, fault(2, 5));
    send_data(one, FLOW_CLIENT, request(WHOLE, 3, 0, 0, NONE, 40));
    send_data(one, FLOW_SERVER, fault(3, 0x1c010003));
    send_data(one, FLOW_CLIENT, request(WHOLE, 4, 0, 0, NONE, 40));
    send_data(one, FLOW_SERVER, fault(4, 0x12345678));
    send_data(one, FLOW_SERVER, fault(5, 5)); /* of no call */
    g_assert_cmpuint(count_exchanges(conversation), ==, 3);
    g_assert_cmpstr(exchange_at(conversation, 0)->problem, ==, "RPC fault 0x00000005 (access denied)");
    g_assert_true(exchange_at(conversation, 0)->has_hresult && exchange_at(conversation, 0)->hresult == 5);
    g_assert_false(exchange_at(conversation, 0)->is_answer_readable);
    g_assert_cmpuint(exchange_at(conversation, 0)->response.frame, ==, 7);
    g_assert_cmpuint(exchange_at(conversation, 0)->response_end.frame, ==, 7);
    g_assert_cmpstr(exchange_at(conversation, 1)->problem, ==, "RPC fault 0x1c010003 (unknown interface)");
    g_assert_cmpstr(exchange_at(conversation, 2)->problem, ==, "RPC fault 0x12345678");
    end(one);
}

/* Interfaces of one bind, and what is said of them. */
static void
test_interfaces(void)
{
    static const struct {
        const char *interfaces[4];
        unsigned    results[3];
        const char *name;
        bool        is_refused;
    } cases[] = {
        { { PASSAGE }, { 0 }, "ICertPassage", false },
        { { REQUEST }, { 0 }, "ICertRequestD", false },
        { { REQUEST, REQUEST2 }, { 2, 0 }, "ICertRequestD2", false },
        { { MAPPER }, { 0 }, "endpoint mapper", false },
        { { OXID }, { 0 }, "endpoint mapper", false },
        { { ACTIVATOR, PASSAGE }, { 0, 0 }, "ICertPassage", false },
        { { LSA }, { 0 }, NULL, false },
        { { LSA }, { 2 }, NULL, false },
        { { PASSAGE }, { 2 }, "ICertPassage", true },
        { { PASSAGE, LSA }, { 2, 0 }, "ICertPassage", true },
        { { PASSAGE, PASSAGE }, { 2, 0 }, "ICertPassage", false }, /* of another transfer syntax */
        { { PASSAGE, PASSAGE, PASSAGE }, { 2, 2, 3 }, "ICertPassage", true }, /* 3: negotiation of features */
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        connection        *one = new_rpc_connection();
        flow_conversation *conversation = handshake_tcp(one);

        send_data(one, FLOW_CLIENT, proposal(WIRE_RPC_BIND, 0, cases[i].interfaces, NDR));
        g_assert_cmpstr(conversation->rpc_interface, ==, cases[i].name);
        g_assert_false(conversation->is_rpc_refused);
        send_data(one, FLOW_SERVER,
                  results(WIRE_RPC_BIND_ACK, g_strv_length((char **)cases[i].interfaces), cases[i].results, NDR));
        g_assert_true(conversation->is_rpc);
        g_assert_cmpstr(conversation->rpc_interface, ==, cases[i].name);
        g_assert_true(conversation->is_rpc_refused == cases[i].is_refused);
        end(one);
    }
}

static void
test_nak(void)
{
    static const char *const interfaces[] = { PASSAGE, NULL };
    connection              *one = new_rpc_connection();
    flow_conversation       *conversation = handshake_tcp(one);
    GByteArray              *body = g_byte_array_new();

    add_int(body, 8, 2);
    send_data(one, FLOW_CLIENT, proposal(WIRE_RPC_BIND, 0, interfaces, NDR));
    send_data(one, FLOW_SERVER, pdu(WIRE_RPC_BIND_NAK, WHOLE, 1, NONE, body));
    g_assert_true(conversation->is_rpc_refused);
    end(one);
}

/* As DCOM does it: an object's own interface first, the one for certificates on the same connection later. */
static void
test_alter_context(void)
{
    static const char *const interfaces[] = { REQUEST2, NULL };
    static const unsigned    accepted[] = { 0 };
    connection              *one = new_rpc_connection();
    flow_conversation       *conversation = bind_to(one, REM_UNKNOWN2, NDR);

    g_assert_null(conversation->rpc_interface);
    send_data(one, FLOW_CLIENT, request(WHOLE | OBJECT, 2, 0, 3, PRIVACY, 100));
    send_data(one, FLOW_SERVER, response(WHOLE, 2, PRIVACY, said(8, 0, 100, 0)));
    g_assert_cmpuint(count_exchanges(conversation), ==, 0);
    send_data(one, FLOW_CLIENT, proposal(WIRE_RPC_ALTER_CONTEXT, 1, interfaces, NDR));
    send_data(one, FLOW_SERVER, results(WIRE_RPC_ALTER_CONTEXT_RESPONSE, 1, accepted, NDR));
    g_assert_cmpstr(conversation->rpc_interface, ==, "ICertRequestD2");
    send_data(one, FLOW_CLIENT, request(WHOLE | OBJECT, 3, 1, 6, PRIVACY, 3000));
    send_data(one, FLOW_SERVER, response(WHOLE, 3, PRIVACY, said(8, 3, 100, 0)));
    g_assert_cmpuint(count_exchanges(conversation), ==, 1);
    g_assert_cmpuint(exchange_at(conversation, 0)->request.frame, ==, 10);
    g_assert_cmpuint(exchange_at(conversation, 0)->response.frame, ==, 11);
    end(one);
}

/* Many calls on one connection; one without an answer, whose number comes again. */
static void
test_keep_alive(void)
{
    connection        *one = new_rpc_connection();
    flow_conversation *conversation = bind_to(one, PASSAGE, NDR);

    for (uint32_t i = 0; i < 100; i++) {
        send_data(one, FLOW_CLIENT, request(WHOLE, i, 0, 0, NONE, 100));
        if (i != 50)
            send_data(one, FLOW_SERVER, response(WHOLE, i, NONE, said(0, 3, 100, 0)));
    }
    send_data(one, FLOW_CLIENT, request(WHOLE, 50, 0, 0, NONE, 100));
    send_data(one, FLOW_SERVER, response(WHOLE, 50, NONE, said(0, 5, 100, 0)));
    g_assert_cmpuint(count_exchanges(conversation), ==, 101);
    for (guint i = 0; i < 100; i++)
        g_assert_cmpint(exchange_at(conversation, i)->disposition, ==, i == 50 ? -1 : 3);
    g_assert_cmpuint(exchange_at(conversation, 50)->response.frame, ==, 0);
    g_assert_cmpint(exchange_at(conversation, 100)->disposition, ==, 5);
    end(one);
}

/* Many calls at once: as many as may wait are answered, the oldest are given up. */
static void
test_many_open(void)
{
    enum { CALLS = 100 };

    connection        *one = new_rpc_connection();
    flow_conversation *conversation = bind_to(one, PASSAGE, NDR);

    for (uint32_t i = 0; i < CALLS; i++)
        send_data(one, FLOW_CLIENT, request(WHOLE, i, 0, 0, NONE, 100));
    for (uint32_t i = 0; i < CALLS; i++)
        send_data(one, FLOW_SERVER, response(WHOLE, i, NONE, said(0, 3, 100, 0)));
    g_assert_cmpuint(count_exchanges(conversation), ==, CALLS);
    g_assert_cmpuint(exchange_at(conversation, 0)->response.frame, ==, 0);
    g_assert_cmpuint(exchange_at(conversation, CALLS - 1)->response.frame, ==, one->frame);
    end(one);
}

static void
test_busy(void)
{
    for (int is_certificates = 0; is_certificates < 2; is_certificates++) {
        connection        *one = new_rpc_connection();
        flow_conversation *conversation = bind_to(one, is_certificates ? PASSAGE : LSA, NDR);

        for (uint32_t i = 0; i < 5000; i++) {
            send_data(one, FLOW_CLIENT, request(WHOLE, i, 0, 0, NONE, 500));
            send_data(one, FLOW_SERVER, response(WHOLE, i, NONE, said(0, 3, 500, 0)));
        }
        g_assert_true(conversation->is_busy == !is_certificates);
        g_assert_cmpuint(count_exchanges(conversation), ==, is_certificates ? 4096 : 0);
        end(one);
    }
}

/* A segment of an answer is lost: the call is answered all the same. */
static void
test_lost(void)
{
    connection          *one = new_rpc_connection();
    flow_conversation   *conversation = bind_to(one, PASSAGE, NDR);
    GByteArray          *octets = response(WHOLE, 2, NONE, said(0, 3, 2000, 0x80094800));
    const flow_exchange *exchange;

    send_data(one, FLOW_CLIENT, request(WHOLE, 2, 0, 0, NONE, 100));
    send_part(one, FLOW_SERVER, ACK, octets->data, 1000, 1000, 0);
    one->sequence[FLOW_SERVER] += 500;
    send_part(one, FLOW_SERVER, ACK, octets->data + 1500, octets->len - 1500, octets->len - 1500, 0);
    send_flags(one, FLOW_CLIENT, ACK);
    exchange = exchange_at(conversation, 0);
    g_assert_true(conversation->has_losses);
    g_assert_cmpint(exchange->disposition, ==, 3);
    g_assert_cmphex(exchange->hresult, ==, 0x80094800);
    g_assert_cmpuint(exchange->response_octets, ==, octets->len);
    g_byte_array_unref(octets);
    end(one);
}

/* The capture began later: calls of interfaces that nobody knows, if they may ask for a certificate. The server is who
 * answers, whatever the ports. */
static void
test_middle(void)
{
    connection          *one = new_rpc_connection();
    flow_conversation   *conversation;
    const flow_exchange *exchange;

    set_ends(one, NDES, 49500, CA, 49700);
    conversation = send_data(one, FLOW_SERVER, response(WHOLE, 7, PRIVACY, said(8, 3, 100, 0)));
    g_assert_cmpstr(conversation->server.address, ==, CA);
    send_data(one, FLOW_CLIENT, request(WHOLE | OBJECT, 8, 5, 6, PRIVACY, 3000));
    send_data(one, FLOW_SERVER, response(WHOLE, 8, PRIVACY, said(8, 3, 100, 0)));
    g_assert_true(conversation->is_rpc && conversation->is_readable && conversation->is_rpc_encrypted);
    g_assert_null(conversation->rpc_interface);
    g_assert_cmpuint(count_exchanges(conversation), ==, 1);
    exchange = exchange_at(conversation, 0);
    g_assert_true(exchange->step == FLOW_STEP_NONE && exchange->basis == FLOW_INFERRED);
    g_assert_null(exchange->operation);
    g_assert_cmpuint(exchange->request.frame, ==, 2);
    g_assert_cmpuint(exchange->response.frame, ==, 3);
    /* Neither has a number that could be it. */
    send_data(one, FLOW_CLIENT, request(WHOLE | OBJECT, 9, 5, 7, PRIVACY, 100));
    send_data(one, FLOW_CLIENT, request(WHOLE, 10, 5, 3, PRIVACY, 100));
    g_assert_cmpuint(count_exchanges(conversation), ==, 1);
    send_data(one, FLOW_CLIENT, request(WHOLE, 11, 5, 0, NONE, 100));
    send_data(one, FLOW_SERVER, response(WHOLE, 11, NONE, said(0, 3, 100, 17)));
    g_assert_cmpuint(count_exchanges(conversation), ==, 2);
    g_assert_cmpint(exchange_at(conversation, 1)->disposition, ==, -1);
    g_assert_false(exchange_at(conversation, 1)->has_hresult);
    for (uint32_t i = 0; i < 100; i++)
        send_data(one, FLOW_CLIENT, request(WHOLE, 100 + i, 5, 0, NONE, 100));
    g_assert_cmpuint(count_exchanges(conversation), ==, 64);
    end(one);

    one = new_rpc_connection();
    set_ends(one, NDES, 49800, CA, 49900); /* the request is the first that is there */
    conversation = send_data(one, FLOW_CLIENT, request(WHOLE | OBJECT, 8, 5, 6, PRIVACY, 300));
    g_assert_cmpstr(conversation->server.address, ==, CA);
    g_assert_cmpuint(count_exchanges(conversation), ==, 1);
    end(one);

    one = new_rpc_connection();
    set_ends(one, NDES, 50000, CA, 135);
    conversation = send_data(one, FLOW_CLIENT, request(WHOLE, 8, 5, 0, NONE, 300));
    g_assert_true(conversation->is_rpc);
    g_assert_cmpuint(count_exchanges(conversation), ==, 0);
    end(one);
}

static void
test_no_rpc(void)
{
    static const char  text[] = "GET / HTTP/1.1\r\n\r\n";
    connection        *one = new_rpc_connection();
    flow_conversation *conversation = handshake_tcp(one);

    send_part(one, FLOW_CLIENT, ACK, (const uint8_t *)text, strlen(text), strlen(text), 0);
    send_data(one, FLOW_CLIENT, request(WHOLE, 2, 0, 0, NONE, 100)); /* too late */
    g_assert_false(conversation->is_rpc);
    g_assert_cmpuint(count_exchanges(conversation), ==, 0);
    end(one);
}

/* --- the client's certificate --- */

/* In clear. */
static void
test_client_certificate(void)
{
    for (int is_empty = 0; is_empty < 2; is_empty++) {
        connection        *one = new_connection();
        flow_conversation *conversation = handshake_tcp(one);
        GByteArray        *octets = g_byte_array_new();

        send_data(one, FLOW_CLIENT, client_hello(NAME, 0x0303, NULL));
        send_data(one, FLOW_SERVER, server_flight(true));
        g_assert_null(conversation->client_certificate);
        add_record(octets, WIRE_TLS_HANDSHAKE,
                   message(WIRE_TLS_CERTIFICATE, certificate_list(is_empty ? NULL : "ndes.corp.contoso.com")));
        send_data(one, FLOW_CLIENT, octets);
        if (is_empty)
            g_assert_null(conversation->client_certificate);
        else
            g_assert_cmpstr(conversation->client_certificate->subject, ==, "CN=ndes.corp.contoso.com");
        g_assert_cmpstr(conversation->certificate->subject, ==, "CN=scep.contoso.com");
        end(one);
    }
}

static void
decrypt(connection *one, flow_side from, GByteArray *octets)
{
    send_data(one, from, opaque(WIRE_TLS_HANDSHAKE, octets->len + 24));
    track_decrypted_handshake(one->place, octets->data, octets->len, (flow_moment){ one->frame, BEGIN });
    g_byte_array_unref(octets);
}

/* The messages of some records, without their headers. */
static GByteArray *
messages_of(GByteArray *records)
{
    GByteArray *octets = g_byte_array_new();

    for (guint at = 0; at + 5 <= records->len;) {
        guint length = (guint)records->data[at + 3] << 8 | records->data[at + 4];

        g_byte_array_append(octets, records->data + at + 5, length);
        at += 5 + length;
    }
    g_byte_array_unref(records);
    return octets;
}

/* Asked for once the request is known, in a handshake within the connection (RFC 5746), which somebody decrypted. */
static void
test_renegotiation(void)
{
    connection        *one = new_connection();
    flow_conversation *conversation = handshake_tls12(one, NAME);

    send_data(one, FLOW_CLIENT, opaque(WIRE_TLS_APPLICATION_DATA, 295));
    decrypt(one, FLOW_SERVER, message(WIRE_TLS_HELLO_REQUEST, zeros(0)));
    g_assert_false(conversation->certificate_requested || conversation->certificate_sent);
    decrypt(one, FLOW_CLIENT, messages_of(client_hello(NULL, 0x0303, NULL))); /* without the name */
    decrypt(one, FLOW_SERVER, messages_of(server_flight(true)));
    g_assert_true(conversation->certificate_requested);
    g_assert_false(conversation->certificate_sent || conversation->certificate_empty);
    decrypt(one, FLOW_CLIENT, message(WIRE_TLS_CERTIFICATE, certificate_list("ndes.corp.contoso.com")));
    g_assert_true(conversation->certificate_sent && !conversation->certificate_empty);
    g_assert_cmpstr(conversation->client_certificate->subject, ==, "CN=ndes.corp.contoso.com");
    g_assert_cmpstr(conversation->certificate->subject, ==, "CN=scep.contoso.com");
    g_assert_cmpstr(conversation->server_name, ==, NAME);
    g_assert_cmpuint(conversation->client_hello.frame, ==, 4);
    g_assert_cmpuint(conversation->tls_established.frame, ==, 7);
    g_assert_true(conversation->flight == FLOW_FLIGHT_FINISHED);
    g_assert_cmpuint(conversation->renegotiations, >, 0);
    end(one);
}

/* The client has none. */
static void
test_renegotiation_empty(void)
{
    connection        *one = new_connection();
    flow_conversation *conversation = handshake_tls12(one, NAME);

    decrypt(one, FLOW_CLIENT, messages_of(client_hello(NAME, 0x0303, NULL)));
    decrypt(one, FLOW_SERVER, messages_of(server_flight(true)));
    decrypt(one, FLOW_CLIENT, message(WIRE_TLS_CERTIFICATE, certificate_list(NULL)));
    g_assert_true(conversation->certificate_requested && conversation->certificate_empty);
    g_assert_false(conversation->certificate_sent);
    g_assert_null(conversation->client_certificate);
    g_assert_cmpstr(conversation->certificate->subject, ==, "CN=scep.contoso.com");
    end(one);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/track-rpc/passage", test_passage);
    for (size_t i = 0; i < G_N_ELEMENTS(decisions); i++) {
        char *path = g_strdup_printf("/track-rpc/decision/%s", decisions[i].name);

        g_test_add_data_func(path, GSIZE_TO_POINTER(i), test_decision);
        g_free(path);
    }
    g_test_add_func("/track-rpc/extensions", test_extensions);
    g_test_add_func("/track-rpc/fragments", test_fragments);
    g_test_add_func("/track-rpc/faults", test_faults);
    g_test_add_func("/track-rpc/interfaces", test_interfaces);
    g_test_add_func("/track-rpc/nak", test_nak);
    g_test_add_func("/track-rpc/alter-context", test_alter_context);
    g_test_add_func("/track-rpc/keep-alive", test_keep_alive);
    g_test_add_func("/track-rpc/many-open", test_many_open);
    g_test_add_func("/track-rpc/busy", test_busy);
    g_test_add_func("/track-rpc/lost", test_lost);
    g_test_add_func("/track-rpc/middle", test_middle);
    g_test_add_func("/track-rpc/no-rpc", test_no_rpc);
    g_test_add_func("/track-rpc/client-certificate", test_client_certificate);
    g_test_add_func("/track-rpc/renegotiation", test_renegotiation);
    g_test_add_func("/track-rpc/renegotiation-empty", test_renegotiation_empty);
    return g_test_run();
}
