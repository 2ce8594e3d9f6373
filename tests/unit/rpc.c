/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * DCE/RPC PDUs, against octets laid out by C706 12.6 and [MS-RPCE] 2.2.2, and against those of impacket 0.10.0
 * (impacket.dcerpc.v5.rpcrt: MSRPCBind, MSRPCRequestHeader, MSRPCRespHeader, MSRPCBindNak).
 */
#include <string.h>

#include "support.h"
#include "wire/rpc.h"

/* What was told of one direction, a line each. */
typedef struct {
    wire_rpc_half half;
    GString      *told;
} listener;

static void
tell_uuid(GString *told, const wire_uuid *uuid)
{
    g_string_append_printf(told, " %08x-%04x-%04x-%02x%02x-%02x%02x%02x%02x%02x%02x", uuid->time_low, uuid->time_mid,
                           uuid->time_high, uuid->rest[0], uuid->rest[1], uuid->rest[2], uuid->rest[3], uuid->rest[4],
                           uuid->rest[5], uuid->rest[6], uuid->rest[7]);
}

static void
on_begin(void *user)
{
    g_string_append(((listener *)user)->told, "> ");
}

static void
tell_call(GString *told, const wire_rpc_pdu *pdu)
{
    char *stub = hex_of(pdu->stub.data, pdu->stub.length);

    g_string_append_printf(told, " %s%s context %u", pdu->is_first ? "[" : "", pdu->is_last ? "]" : "", pdu->context_id);
    if (pdu->type == WIRE_RPC_REQUEST)
        g_string_append_printf(told, " operation %u%s", pdu->operation, pdu->has_object ? " object" : "");
    if (pdu->type == WIRE_RPC_FAULT)
        g_string_append_printf(told, " status %08x", pdu->status);
    if (pdu->stub.length > 0)
        g_string_append_printf(told, " stub %s", stub);
    if (pdu->has_end)
        g_string_append_printf(told, " end %08x", pdu->end);
    g_free(stub);
}

static void
on_pdu(void *user, const wire_rpc_pdu *pdu)
{
    GString *told = ((listener *)user)->told;

    g_string_append_printf(told, "%u/%u call %u", pdu->type, pdu->length, pdu->call_id);
    if (pdu->auth_level != 0)
        g_string_append_printf(told, " level %d", pdu->auth_level);
    switch (pdu->type) {
    case WIRE_RPC_REQUEST:
    case WIRE_RPC_RESPONSE:
    case WIRE_RPC_FAULT:
        tell_call(told, pdu);
        break;
    case WIRE_RPC_BIND:
    case WIRE_RPC_ALTER_CONTEXT:
        for (unsigned i = 0; i < pdu->count; i++) {
            g_string_append_printf(told, " %u", pdu->contexts[i].id);
            tell_uuid(told, &pdu->contexts[i].interface);
            g_string_append_printf(told, " %u.%u", pdu->contexts[i].major, pdu->contexts[i].minor);
        }
        break;
    case WIRE_RPC_BIND_ACK:
    case WIRE_RPC_ALTER_CONTEXT_RESPONSE:
        for (unsigned i = 0; i < pdu->count; i++) {
            g_string_append_printf(told, " %u:%u", pdu->results[i].result, pdu->results[i].reason);
            if (pdu->results[i].result == 0)
                tell_uuid(told, &pdu->results[i].transfer_syntax);
        }
        break;
    case WIRE_RPC_BIND_NAK:
        g_string_append_printf(told, " reason %u", pdu->reason);
        break;
    default:
        break;
    }
    g_string_append_c(told, '\n');
}

static void
on_foreign(void *user, const uint8_t *data, size_t length)
{
    char *hex = hex_of(data, length);

    g_string_append_printf(((listener *)user)->told, "foreign %s\n", hex);
    g_free(hex);
}

static const wire_rpc_sink sink = { on_begin, on_pdu, on_foreign };

static void
begin(listener *listener)
{
    memset(listener, 0, sizeof *listener);
    listener->told = g_string_new(NULL);
}

static void
end(listener *listener)
{
    wire_rpc_half_clear(&listener->half);
    g_assert_null(listener->half.body);
    g_string_free(listener->told, TRUE);
}

/* Octets in an allocation of their own. */
static void
push_octets(listener *listener, const uint8_t *data, size_t captured, size_t length)
{
    uint8_t *copy = g_memdup2(data, captured);

    wire_rpc_push(&listener->half, &sink, listener, copy, captured, length);
    g_free(copy);
}

/* Octets of which `missing` more were not captured. */
static void
push_cut(listener *listener, const char *hex, size_t missing)
{
    GBytes   *bytes = bytes_of_hex(hex);
    ber_slice in = slice_of(bytes);

    push_octets(listener, in.data, in.length, in.length + missing);
    g_bytes_unref(bytes);
}

static void
push(listener *listener, const char *hex)
{
    push_cut(listener, hex, 0);
}

static void
gap(listener *listener, uint32_t missing)
{
    wire_rpc_gap(&listener->half, &sink, listener, missing);
}

/* What was told since the last time. */
static void
assert_told(listener *listener, const char *told)
{
    g_assert_cmpstr(listener->told->str, ==, told);
    g_string_truncate(listener->told, 0);
}

static void
assert_tells(const char *hex, const char *told)
{
    listener listener;

    begin(&listener);
    push(&listener, hex);
    assert_told(&listener, told);
    end(&listener);
}

#define PASSAGE  "91ae6020-9e3c-11cf-8d7c-00aa00c091be"
#define REQUEST2 "5422fd3a-d4b8-4cef-a12e-e87d4ca22e90"
#define NDR      "8a885d04-1ceb-11c9-9fe8-08002b104860"
#define NDR64    "71710533-beba-4937-8319-b5dbef9ccc36"

/* Octets of UUIDs and versions: NDR is of version 2.0, NDR64 of 1.0. */
#define NDR_LITTLE   "045d888aeb1cc9119fe808002b104860 02000000"
#define NDR64_LITTLE "33057171babe37498319b5dbef9ccc36 01000000"

static const struct {
    const char *name, *octets, *told;
} streams[] = {
    /* impacket: ICertPassage with NDR. */
    { "impacket-bind",
      "05000b0310000000 4800 0000 01000000 b810b810 00000000 01000000 0000 0100 2060ae913c9ecf118d7c00aa00c091be 00000000"
      "045d888aeb1cc9119fe808002b104860 02000000",
      "> 11/72 call 1 0 " PASSAGE " 0.0\n" },
    /* impacket: the same with an NTLM Negotiate for packet privacy. */
    { "impacket-bind-privacy",
      "05000b03100000007000200001000000b810b8100000000001000000000001002060ae913c9ecf118d7c00aa00c091be00000000045d888aeb1c"
      "c9119fe808002b104860020000000a0600007f3501004e544c4d5353500001000000358288e000000000000000000000000000000000",
      "> 11/112 call 1 level 6 0 " PASSAGE " 0.0\n" },
    /* impacket: a call, and one to an object. */
    { "impacket-request", "0500000310000000200000000200000008000000000000000000000001020304",
      "> 0/32 call 2 [] context 0 operation 0 stub 0000000001020304 end 04030201\n" },
    { "impacket-request-object",
      "05000083100000003000000003000000000000000100060001000000020003000405060708090a0b0500070000000000",
      "> 0/48 call 3 [] context 1 operation 6 object stub 0500070000000000 end 00000000\n" },
    /* impacket: request 17, CR_DISP_ISSUED, three empty blobs, 0x80094012. */
    { "impacket-response",
      "05000203100000003c000000020000000000000000000000110000000300000000000000000000000000000000000000000000000000000012400980",
      "> 2/60 call 2 [] context 0 stub 110000000300000000000000000000000000000000000000000000000000000012400980 "
      "end 80094012\n" },
    /* impacket: access denied; reason 8 is "authentication type not recognized", [MS-RPCE] 2.2.2.5. */
    { "impacket-fault", "0500030310000000200000000200000000000000000000000500000000000000",
      "> 3/32 call 2 [] context 0 status 00000005\n" },
    { "impacket-nak", "05000d031000000012000000010000000800", "> 13/18 call 1 reason 8\n" },
    /* C706 12.6.4.3, as Windows does it: the same interface for each transfer syntax, of which one is taken. */
    { "bind-little",
      "05000b07 10000000 7400 0000 02000000 d016d016 00000000 02000000"
      "0000 0100 3afd2254b8d4ef4ca12ee87d4ca22e90 00000000" NDR_LITTLE
      "0100 0100 3afd2254b8d4ef4ca12ee87d4ca22e90 00000000" NDR64_LITTLE,
      "> 11/116 call 2 0 " REQUEST2 " 0.0 1 " REQUEST2 " 0.0\n" },
    /* 12.6.4.4: "49700" with its zero takes 2 + 6 octets. */
    { "bind-ack-little",
      "05000c07 10000000 5400 0000 02000000 d016d016 34120000 0600 343937303000 02000000"
      "0200 0200 00000000000000000000000000000000 00000000 0000 0000" NDR64_LITTLE,
      "> 12/84 call 2 2:2 0:0 " NDR64 "\n" },
    /* The secondary address is empty, and padded with two octets. */
    { "alter-context-response",
      "05000f03 10000000 3800 0000 05000000 d016d016 34120000 0000 0000 01000000 0000 0000" NDR_LITTLE,
      "> 15/56 call 5 0:0 " NDR "\n" },
    { "alter-context",
      "05000e03 10000000 4800 0000 05000000 d016d016 34120000 01000000"
      "0700 0100 706e9ed988fcd011b49800a0c90312f3 01000200" NDR_LITTLE,
      "> 14/72 call 5 7 d99e6e70-fc88-11d0-b498-00a0c90312f3 1.2\n" },
    { "bind-big",
      "05000b03 00000000 0048 0000 00000001 16d016d0 00000000 01000000"
      "0003 01 00 91ae60209e3c11cf8d7c00aa00c091be 00010002 8a885d041ceb11c99fe808002b104860 00000002",
      "> 11/72 call 1 3 " PASSAGE " 2.1\n" },
    { "bind-ack-big",
      "05000c03 00000000 003c 0000 00000001 16d016d0 00000001 0004 31333500 0000 01000000"
      "0000 0000 8a885d041ceb11c99fe808002b104860 00000002",
      "> 12/60 call 1 0:0 " NDR "\n" },
    { "request-big", "05010003 00000000 0020 0000 01020304 00000008 0102 0304 0a0b0c0d 11121314",
      "> 0/32 call 16909060 [] context 258 operation 772 stub 0a0b0c0d11121314 end 11121314\n" },
    { "response-big", "05000203 00000000 0020 0000 00000009 00000008 0001 00 00 0a0b0c0d 80094012",
      "> 2/32 call 9 [] context 1 stub 0a0b0c0d80094012 end 80094012\n" },
    { "fault-big", "05000323 00000000 0020 0000 00000009 00000020 0001 00 00 1c010003 00000000",
      "> 3/32 call 9 [] context 1 status 1c010003\n" },
    /* 2.2.2.11: five octets of stub, eleven of padding, sec_trailer, verifier of 16 octets; signed, then encrypted. */
    { "request-integrity",
      "05000003 10000000 4000 1000 02000000 05000000 0000 0000 a1a2a3a4a5 bbbbbbbbbbbbbbbbbbbbbb"
      "0a050b00 00000000 01000000 1111111111111111 22222222",
      "> 0/64 call 2 level 5 [] context 0 operation 0 stub a1a2a3a4a5 end a5a4a3a2\n" },
    { "request-privacy",
      "05000003 10000000 4000 1000 02000000 05000000 0000 0000 a1a2a3a4a5 bbbbbbbbbbbbbbbbbbbbbb"
      "0a060b00 00000000 01000000 1111111111111111 22222222",
      "> 0/64 call 2 level 6 [] context 0 operation 0\n" },
    { "fault-integrity",
      "05000303 10000000 3800 1000 02000000 00000000 0000 0000 05000000 00000000"
      "0a050000 00000000 01000000 1111111111111111 22222222",
      "> 3/56 call 2 level 5 [] context 0 status 00000005\n" },
    { "response-integrity-big",
      "05000203 00000000 0038 0010 00000002 00000005 0000 0000 a1a2a3a4 bbbbbbbb"
      "0a050400 00000000 01000000 1111111111111111 22222222",
      "> 2/56 call 2 level 5 [] context 0 stub a1a2a3a4 end a1a2a3a4\n" },
    { "auth3",
      "05001003 10000000 2c00 1000 02000000 00000000 0a060000 00000000 01000000 1111111111111111 22222222",
      "> 16/44 call 2 level 6\n" },
    { "small",
      "05001103 10000000 1000 0000 00000000 05001303 10000000 1000 0000 09000000 05001203 10000000 1000 0000 0a000000",
      "> 17/16 call 0\n> 19/16 call 9\n> 18/16 call 10\n" },
    /* A call in three fragments, the last without a whole number, and one within another. */
    { "fragments",
      "05000001 10000000 1c00 0000 02000000 0c000000 0000 0000 a1a2a3a4"
      "05000000 10000000 1c00 0000 02000000 08000000 0000 0000 a5a6a7a8"
      "05000003 10000000 1800 0000 03000000 00000000 0000 0500"
      "05000002 10000000 1a00 0000 02000000 02000000 0000 0000 a9aa",
      "> 0/28 call 2 [ context 0 operation 0 stub a1a2a3a4 end a4a3a2a1\n"
      "> 0/28 call 2  context 0 operation 0 stub a5a6a7a8 end a8a7a6a5\n"
      "> 0/24 call 3 [] context 0 operation 5\n"
      "> 0/26 call 2 ] context 0 operation 0 stub a9aa\n" },
    /* 72 octets of stub: the first 64 are shown, and the last four. */
    { "long",
      "05000203 10000000 6000 0000 02000000 48000000 0000 0000"
      "000102030405060708090a0b0c0d0e0f 101112131415161718191a1b1c1d1e1f 202122232425262728292a2b2c2d2e2f"
      "303132333435363738393a3b3c3d3e3f 4041424344454647",
      "> 2/96 call 2 [] context 0 stub "
      "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f"
      "303132333435363738393a3b3c3d3e3f end 47464544\n" },
    /* More than there is of lists: what is whole counts. */
    { "short-lists",
      "05000b03 10000000 4800 0000 02000000 d016d016 00000000 03000000 0000 0100 2060ae913c9ecf118d7c00aa00c091be 00000000"
      NDR_LITTLE
      "05000b03 10000000 3200 0000 02000000 d016d016 00000000 01000000 0000 ff00 2060ae913c9ecf118d7c00aa00c091be 0000"
      "05000c03 10000000 1c00 0000 02000000 d016d016 34120000 ff00 0000"
      "05000c03 10000000 1000 0000 02000000"
      "05000d03 10000000 1000 0000 02000000",
      "> 11/72 call 2 0 " PASSAGE " 0.0\n> 11/50 call 2\n> 12/28 call 2\n> 12/16 call 2\n> 13/16 call 2 reason 0\n" },
};

/* In one piece, in two wherever that may be, in three, and octet by octet. */
static void
test_stream(gconstpointer data)
{
    size_t    index = GPOINTER_TO_SIZE(data);
    GBytes   *bytes = bytes_of_hex(streams[index].octets);
    ber_slice in = slice_of(bytes);
    listener  listener;

    assert_tells(streams[index].octets, streams[index].told);
    for (size_t first = 0; first <= in.length; first++) {
        for (size_t second = first; second <= in.length; second++) {
            begin(&listener);
            push_octets(&listener, in.data, first, first);
            push_octets(&listener, in.data + first, second - first, second - first);
            push_octets(&listener, in.data + second, in.length - second, in.length - second);
            assert_told(&listener, streams[index].told);
            g_assert_cmpuint(listener.half.header_length, ==, 0);
            end(&listener);
        }
    }
    begin(&listener);
    for (size_t i = 0; i < in.length; i++)
        push_octets(&listener, in.data + i, 1, 1);
    assert_told(&listener, streams[index].told);
    end(&listener);
    g_bytes_unref(bytes);
}

/* Captured up to any octet, with the rest on the wire: PDUs stay in step whenever a header was there, and what follows
 * is read. */
static void
test_cut(gconstpointer data)
{
    static const char next[] = "05001103 10000000 1000 0000 00000000";
    size_t            index = GPOINTER_TO_SIZE(data);
    GBytes           *bytes = bytes_of_hex(streams[index].octets);
    ber_slice         in = slice_of(bytes);
    listener          listener;

    for (size_t captured = 0; captured < in.length; captured++) {
        begin(&listener);
        push_octets(&listener, in.data, captured, in.length);
        g_assert_false(listener.half.is_foreign);
        g_string_truncate(listener.told, 0);
        push(&listener, next);
        assert_told(&listener, "> 17/16 call 0\n");
        end(&listener);
        /* The same with an end of the connection: nothing is told but what came. */
        begin(&listener);
        push_octets(&listener, in.data, captured, captured);
        g_assert_true(g_str_has_prefix(streams[index].told, listener.told->str));
        end(&listener);
    }
    g_bytes_unref(bytes);
}

/* What a capture with short frames still tells. */
static void
test_cut_call(void)
{
    listener listener;

    begin(&listener);
    push_cut(&listener, "05000003 10000000 4000 1000 02000000 05000000 0100 0300 a1a2", 38);
    assert_told(&listener, "> 0/64 call 2 level -1 [] context 1 operation 3\n");
    push_cut(&listener, "05000203 10000000 4000 0000 02000000 05000000 0100 0300 a1a2", 38);
    assert_told(&listener, "> 2/64 call 2 [] context 1 stub a1a2\n");
    push_cut(&listener, "05000203 10000000 4000 0000 02000000 05000000 0100", 42);
    assert_told(&listener, "> 2/64 call 2 [] context 1\n");
    end(&listener);
}

static void
test_foreign(void)
{
    listener listener;

    assert_tells("474554202f20485454502f312e310d0a486f7374", "> foreign 474554202f20485454502f312e310d0a\n");
    assert_tells("1603", "> foreign 1603\n");
    assert_tells("0502", "> foreign 0502\n");
    assert_tells("050001", "> foreign 050001\n");           /* a ping, which is of the datagrams */
    assert_tells("05000b0320", "> foreign 05000b0320\n");   /* no such integers */
    assert_tells("05000b0312", "> foreign 05000b0312\n");   /* nor characters */
    assert_tells("05000b031004", "> foreign 05000b031004\n");
    assert_tells("05000b0310000000 0f00", "> foreign 05000b03100000000f00\n"); /* shorter than a header */
    assert_tells("05000b0310000000 2800 1100 00000000", "> foreign 05000b03100000002800110000000000\n"); /* verifier too long */

    begin(&listener);
    push(&listener, "0500");
    push(&listener, "0b0f");
    assert_told(&listener, "> ");
    push(&listener, "33000000");
    assert_told(&listener, "foreign 05000b0f33000000\n");
    g_assert_true(listener.half.is_foreign);
    push(&listener, "05001103 10000000 1000 0000 00000000"); /* once foreign, always foreign */
    gap(&listener, 5);
    push(&listener, "05001103 10000000 1000 0000 00000000");
    assert_told(&listener, "");
    end(&listener);
}

/* PDUs that contradict themselves. */
static void
test_damage(void)
{
    /* Too short for a call, and for its object. */
    assert_tells("05000003 10000000 1700 0000 02000000 00000000000000", "> foreign 05000003100000001700000002000000\n");
    assert_tells("05000083 10000000 2700 0000 02000000 0000000000000000 000000000000000000000000000000",
                 "> foreign 05000083100000002700000002000000\n");
    assert_tells("05000003 10000000 1000 0000 02000000", "> foreign 05000003100000001000000002000000\n");
    /* More padding than stub, and than body. */
    assert_tells("05000003 10000000 3000 0c00 02000000 00000000 00000000 a1a2a3a4 0a050500 00000000 111111112222222233333333",
                 "> foreign 050000031000000030000c0002000000\n");
    assert_tells("05001003 10000000 2800 0c00 02000000 00000000 0a05ff00 00000000 111111112222222233333333",
                 "> foreign 050010031000000028000c0002000000\n");
}

static void
test_gaps(void)
{
    static const char shutdown[] = "05001103 10000000 1000 0000 00000000";
    listener          listener;

    begin(&listener);
    push(&listener, "05000203 10000000 2800 0000 02000000 10000000 0100 0000 a1a2");
    gap(&listener, 10); /* within the stub */
    push(&listener, "d1d2d3d4");
    assert_told(&listener, "> 2/40 call 2 [] context 1 stub a1a2 end d4d3d2d1\n");
    push(&listener, "05000203 10000000 2800 0000 03000000 10000000 0100 0000 a1a2");
    gap(&listener, 14); /* just to its end */
    assert_told(&listener, "> 2/40 call 3 [] context 1 stub a1a2\n");
    g_assert_false(listener.half.is_lost);
    push(&listener, shutdown);
    assert_told(&listener, "> 17/16 call 0\n");
    push(&listener, "05000203 10000000 2800 0000 04000000");
    gap(&listener, 40); /* beyond its end */
    assert_told(&listener, "> 2/40 call 4 [] context 0\n");
    g_assert_true(listener.half.is_lost);
    push(&listener, "a1a2a3a4a5a6a7a8a9aaabacadaeaf"); /* no header at its begin */
    push(&listener, "0500020310");                     /* too little of one */
    assert_told(&listener, "");
    push(&listener, "05000203 10000000 1c00 0000 05000000 10000000 0100 0000 a1a2a3a4");
    assert_told(&listener, "> 2/28 call 5 [] context 1 stub a1a2a3a4 end a4a3a2a1\n");
    push(&listener, "05000203 10");
    gap(&listener, 1); /* in a header */
    push(&listener, shutdown);
    assert_told(&listener, "> > 17/16 call 0\n");
    gap(&listener, 1); /* between */
    push(&listener, "05000203");
    push(&listener, shutdown);
    assert_told(&listener, "> 17/16 call 0\n");
    /* A mistake of the search is no reason to give up. */
    gap(&listener, 1);
    push(&listener, "05000003 10000000 1000 0000 02000000");
    assert_told(&listener, "> ");
    push(&listener, shutdown);
    assert_told(&listener, "> 17/16 call 0\n");
    end(&listener);
}

static wire_rpc_sender
look(const char *hex)
{
    GBytes         *bytes = bytes_of_hex(hex);
    ber_slice       in = slice_of(bytes);
    uint8_t        *copy = g_memdup2(in.data, in.length);
    wire_rpc_sender sender = wire_rpc_look(copy, in.length);

    g_free(copy);
    g_bytes_unref(bytes);
    return sender;
}

static void
test_look(void)
{
    g_assert_true(look("05000b0310000000480000000100") == WIRE_RPC_CLIENT);
    g_assert_true(look("05010003000000000020") == WIRE_RPC_CLIENT);
    g_assert_true(look("05000c0310000000480000000100") == WIRE_RPC_SERVER);
    g_assert_true(look("05000203100000004800") == WIRE_RPC_SERVER);
    g_assert_true(look("0500020310000000") == WIRE_RPC_NOBODY); /* not enough */
    g_assert_true(look("") == WIRE_RPC_NOBODY);
    g_assert_true(look("050100") == WIRE_RPC_NOBODY);           /* SOCKS, RFC 1928 3 */
    g_assert_true(look("474554202f20485454502f312e31") == WIRE_RPC_NOBODY);
    g_assert_true(look("16030300040e0000000000000000") == WIRE_RPC_NOBODY);
    g_assert_true(wire_rpc_look(NULL, 0) == WIRE_RPC_NOBODY);
}

/* A list without end is looked at as far as it may be: 16 of 20 contexts. */
static void
test_limits(void)
{
    GByteArray *octets = g_byte_array_new();
    GBytes     *head = bytes_of_hex("05000b03 10000000 8c03 0000 01000000 b810b810 00000000 14000000");
    GBytes     *one = bytes_of_hex("0900 0100 2060ae913c9ecf118d7c00aa00c091be 00000000" NDR_LITTLE);
    listener    listener;
    char      **words;

    g_byte_array_append(octets, slice_of(head).data, (guint)slice_of(head).length);
    for (int i = 0; i < 20; i++)
        g_byte_array_append(octets, slice_of(one).data, (guint)slice_of(one).length);
    g_assert_cmpuint(octets->len, ==, 0x38c);
    for (size_t step = 1; step <= octets->len; step += octets->len - 1) {
        begin(&listener);
        for (size_t at = 0; at < octets->len; at += step)
            push_octets(&listener, octets->data + at, MIN(step, octets->len - at), MIN(step, octets->len - at));
        words = g_strsplit(listener.told->str, PASSAGE, -1);
        g_assert_cmpuint(g_strv_length(words), ==, 16 + 1);
        g_strfreev(words);
        end(&listener);
    }
    g_bytes_unref(head);
    g_bytes_unref(one);
    g_byte_array_unref(octets);
}

int
main(int argc, char **argv)
{
    support_init(&argc, &argv);
    for (size_t i = 0; i < G_N_ELEMENTS(streams); i++) {
        char *path = g_strdup_printf("/rpc/stream/%s", streams[i].name);

        g_test_add_data_func(path, GSIZE_TO_POINTER(i), test_stream);
        g_free(path);
        path = g_strdup_printf("/rpc/cut/%s", streams[i].name);
        g_test_add_data_func(path, GSIZE_TO_POINTER(i), test_cut);
        g_free(path);
    }
    g_test_add_func("/rpc/cut-call", test_cut_call);
    g_test_add_func("/rpc/foreign", test_foreign);
    g_test_add_func("/rpc/damage", test_damage);
    g_test_add_func("/rpc/gaps", test_gaps);
    g_test_add_func("/rpc/look", test_look);
    g_test_add_func("/rpc/limits", test_limits);
    return support_run();
}
