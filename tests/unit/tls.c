/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What TLS says in clear, against octets made by RFC 5246 and RFC 8446, and against tshark on the samples.
 */
#include <string.h>

#include "capture.h"
#include "support.h"
#include "wire/segment.h"
#include "wire/stream.h"
#include "wire/tls.h"

/* What was told of one direction, a line each. */
typedef struct {
    wire_tls_half half;
    GString      *told;
} listener;

static void
on_record(void *user, unsigned type, unsigned version, unsigned length)
{
    g_string_append_printf(((listener *)user)->told, "record %u %04x %u\n", type, version, length);
}

static void
on_handshake(void *user, unsigned type, const uint8_t *body, size_t length, size_t total)
{
    char *hash = g_compute_checksum_for_data(G_CHECKSUM_SHA256, body, length), *hex = hex_of(body, MIN(length, 4));

    g_string_append_printf(((listener *)user)->told, "handshake %u %zu/%zu %s", type, length, total, hex);
    if (length > 4)
        g_string_append_printf(((listener *)user)->told, "...%.8s", hash);
    g_string_append_c(((listener *)user)->told, '\n');
    g_free(hex);
    g_free(hash);
}

static void
on_alert(void *user, unsigned level, unsigned description)
{
    g_string_append_printf(((listener *)user)->told, "alert %u %u\n", level, description);
}

static void
on_foreign(void *user, const uint8_t *data, size_t length)
{
    char *hex = hex_of(data, length);

    g_string_append_printf(((listener *)user)->told, "foreign %s\n", hex);
    g_free(hex);
}

static const wire_tls_sink sink = { on_record, on_handshake, on_alert, on_foreign };

static void
begin(listener *listener)
{
    memset(listener, 0, sizeof *listener);
    listener->told = g_string_new(NULL);
}

static void
end(listener *listener)
{
    wire_tls_half_clear(&listener->half);
    g_assert_null(listener->half.message);
    g_string_free(listener->told, TRUE);
}

/* Octets in an allocation of their own. */
static void
push_octets(listener *listener, const uint8_t *data, size_t captured, size_t length)
{
    uint8_t *copy = g_memdup2(data, captured);

    wire_tls_push(&listener->half, &sink, listener, copy, captured, length);
    g_free(copy);
}

static void
push(listener *listener, const char *hex)
{
    GBytes   *bytes = bytes_of_hex(hex);
    ber_slice in = slice_of(bytes);

    push_octets(listener, in.data, in.length, in.length);
    g_bytes_unref(bytes);
}

/* Octets of which the last `missing` were not captured. */
static void
push_cut(listener *listener, const char *hex, size_t missing)
{
    GBytes   *bytes = bytes_of_hex(hex);
    ber_slice in = slice_of(bytes);

    push_octets(listener, in.data, in.length, in.length + missing);
    g_bytes_unref(bytes);
}

/* What was told since the last time. */
static void
assert_told(listener *listener, const char *told)
{
    g_assert_cmpstr(listener->told->str, ==, told);
    g_string_truncate(listener->told, 0);
}

/* What is told when the octets come in one piece. */
static void
assert_tells(const char *hex, const char *told)
{
    listener listener;

    begin(&listener);
    push(&listener, hex);
    assert_told(&listener, told);
    end(&listener);
}

/* A flight of each kind: messages that share a record, that go over several, an empty one, keys that change, alerts. */
static const struct {
    const char *name, *octets, *told;
} flights[] = {
    { "alone", "16 0303 0004 0e000000", "record 22 0303 4\nhandshake 14 0/0 \n" },
    { "together", "16 0303 000d 02000001aa 00000000 0e000000",
      "record 22 0303 13\nhandshake 2 1/1 aa\nhandshake 0 0/0 \nhandshake 14 0/0 \n" },
    { "over-records", "16 0301 0001 01 16 0301 0004 00000211 16 0301 0001 22 16 0301 0005 1000000133",
      "record 22 0301 1\nrecord 22 0301 4\nrecord 22 0301 1\nhandshake 1 2/2 1122\nrecord 22 0301 5\n"
      "handshake 16 1/1 33\n" },
    { "mixed", "16 0303 0008 0200000155 0b0000 16 0303 0007 03000000 0e0000 16 0303 0001 00",
      "record 22 0303 8\nhandshake 2 1/1 55\nrecord 22 0303 7\nhandshake 11 3/3 000000\nrecord 22 0303 1\n"
      "handshake 14 0/0 \n" },
    { "finished-1.2",
      "16 0303 0005 1000000144 14 0303 0001 01 16 0303 0010 00000000000000004411223344556677 17 0303 0002 abcd",
      "record 22 0303 5\nhandshake 16 1/1 44\nrecord 20 0303 1\nrecord 22 0303 16\nrecord 23 0303 2\n" },
    { "finished-like-hello", "14 0303 0001 01 16 0303 0008 0100000503030001",
      "record 20 0303 1\nrecord 22 0303 8\n" }, /* its length does not fit */
    { "finished-short", "14 0303 0001 01 16 0303 0002 0100 15 0303 0003 010203",
      "record 20 0303 1\nrecord 22 0303 2\nrecord 21 0303 3\n" },
    { "1.3", "16 0303 0005 0200000199 14 0303 0001 01 17 0303 0003 aabbcc 17 0303 0000 17 0303 0001 dd",
      "record 22 0303 5\nhandshake 2 1/1 99\nrecord 20 0303 1\nrecord 23 0303 3\nrecord 23 0303 0\n"
      "record 23 0303 1\n" },
    { "retry", "16 0301 0005 0100000111 14 0303 0001 01 16 0303 0007 01000003030342 17 0303 0001 00",
      "record 22 0301 5\nhandshake 1 1/1 11\nrecord 20 0303 1\nrecord 22 0303 7\nhandshake 1 3/3 030342\n"
      "record 23 0303 1\n" },
    { "alert", "15 0301 0002 0228", "record 21 0301 2\nalert 2 40\n" },
    { "alerts", "15 0303 0002 0170 16 0303 0004 0e000000 15 0303 0002 0100",
      "record 21 0303 2\nalert 1 112\nrecord 22 0303 4\nhandshake 14 0/0 \nrecord 21 0303 2\nalert 1 0\n" },
    { "alert-within-message", "16 0303 0005 0b00000911 15 0303 0002 022a 16 0303 0004 0e000000",
      "record 22 0303 5\nrecord 21 0303 2\nalert 2 42\nrecord 22 0303 4\nhandshake 14 0/0 \n" },
    { "alert-after-keys", "14 0303 0001 01 15 0303 0002 0230", "record 20 0303 1\nrecord 21 0303 2\nalert 2 48\n" },
    { "alert-encrypted", "14 0303 0001 01 15 0303 001a 0000000000000001a0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1",
      "record 20 0303 1\nrecord 21 0303 26\n" },
    { "empty", "16 0303 0000 16 0303 0004 0e000000",
      "record 22 0303 0\nrecord 22 0303 4\nhandshake 14 0/0 \n" },
};

/* In one piece, in two wherever that may be, in three, and octet by octet. */
static void
test_flight(gconstpointer data)
{
    size_t    index = GPOINTER_TO_SIZE(data);
    GBytes   *bytes = bytes_of_hex(flights[index].octets);
    ber_slice in = slice_of(bytes);
    listener  listener;

    assert_tells(flights[index].octets, flights[index].told);
    for (size_t first = 0; first <= in.length; first++) {
        for (size_t second = first; second <= in.length; second++) {
            begin(&listener);
            push_octets(&listener, in.data, first, first);
            push_octets(&listener, in.data + first, second - first, second - first);
            push_octets(&listener, in.data + second, in.length - second, in.length - second);
            assert_told(&listener, flights[index].told);
            g_assert_cmpuint(listener.half.remaining, ==, 0);
            end(&listener);
        }
    }
    begin(&listener);
    for (size_t i = 0; i < in.length; i++)
        push_octets(&listener, in.data + i, 1, 1);
    assert_told(&listener, flights[index].told);
    end(&listener);
    g_bytes_unref(bytes);
}

static void
test_foreign(void)
{
    listener listener;

    assert_tells("474554202f20485454502f312e310d0a486f7374", "foreign 474554202f20485454502f312e310d0a\n");
    assert_tells("802e010002001500", "foreign 802e010002001500\n"); /* SSL 2.0 */
    assert_tells("53", "foreign 53\n");
    assert_tells("16 02", "foreign 1602\n");
    assert_tells("16 0305", "foreign 160305\n");
    assert_tells("16 0303 4801 00", "foreign 160303480100\n");
    assert_tells("18 0303 0001 01", "foreign 180303000101\n");

    begin(&listener);
    push(&listener, "1603");
    push(&listener, "03");
    assert_told(&listener, "");
    push(&listener, "ffff0102030405060708090a0b0c0d0e0f");
    assert_told(&listener, "foreign 160303ffff0102030405060708090a0b\n");
    g_assert_true(listener.half.is_foreign);
    push(&listener, "16 0303 0004 0e000000"); /* once foreign, always foreign */
    wire_tls_gap(&listener.half, 5);
    push(&listener, "16 0303 0004 0e000000");
    assert_told(&listener, "");
    end(&listener);
}

/* The largest fragment that RFC 5246 6.2.3 allows. */
static void
test_limits(void)
{
    listener listener;

    begin(&listener);
    push(&listener, "17 0304 4800 aa");
    assert_told(&listener, "record 23 0304 18432\n");
    g_assert_cmpuint(listener.half.remaining, ==, 18431);
    g_assert_true(listener.half.is_encrypted);
    g_assert_null(listener.half.message);
    end(&listener);
}

static void
test_gaps(void)
{
    listener listener;

    begin(&listener);
    push(&listener, "17 0303 0008 aabb");
    wire_tls_gap(&listener.half, 5); /* within */
    push(&listener, "cc 17 0303 0004");
    assert_told(&listener, "record 23 0303 8\nrecord 23 0303 4\n");
    wire_tls_gap(&listener.half, 4); /* just to its end */
    g_assert_false(listener.half.is_lost);
    push(&listener, "17 0303 0001 00");
    assert_told(&listener, "record 23 0303 1\n");
    wire_tls_gap(&listener.half, 1); /* between */
    g_assert_true(listener.half.is_lost);
    push(&listener, "0303 0001 00 17 0303 0001 00"); /* no header at its begin */
    push(&listener, "17 0303");                       /* too little of one */
    assert_told(&listener, "");
    push(&listener, "17 0302 0002 abcd 17 0303 0001 00");
    assert_told(&listener, "record 23 0302 2\nrecord 23 0303 1\n");
    push(&listener, "17 03");
    wire_tls_gap(&listener.half, 3); /* in a header */
    g_assert_true(listener.half.is_lost);
    wire_tls_gap(&listener.half, 3);
    push(&listener, "17 0303 0003 aa");
    wire_tls_gap(&listener.half, 3); /* beyond the end */
    g_assert_true(listener.half.is_lost);
    assert_told(&listener, "record 23 0303 3\n");
    push(&listener, "17 0303 0000");
    push(&listener, "00"); /* damage */
    g_assert_true(listener.half.is_lost);
    push(&listener, "15 0303 0002 0100");
    assert_told(&listener, "record 23 0303 0\nrecord 21 0303 2\nalert 1 0\n");
    end(&listener);
}

/* Nothing came before: neither foreign nor lost for good. */
static void
test_begin_lost(void)
{
    listener listener;

    begin(&listener);
    listener.half.is_lost = true;
    push(&listener, "474554202f");
    assert_told(&listener, "");
    push(&listener, "17 0303 0001 aa");
    assert_told(&listener, "record 23 0303 1\n");
    end(&listener);

    begin(&listener);
    wire_tls_gap(&listener.half, 100);
    push(&listener, "474554202f");
    assert_told(&listener, "");
    end(&listener);

    begin(&listener);
    push_cut(&listener, "", 100); /* the capture cut the payload off */
    push(&listener, "474554202f");
    assert_told(&listener, "");
    end(&listener);
}

/* A message that lacks octets is dropped, and those behind it in the record are found when its header was there. */
static void
test_gaps_in_handshake(void)
{
    listener listener;

    begin(&listener);
    push(&listener, "16 0303 0013 0200000aa0a1");
    wire_tls_gap(&listener.half, 7);
    push(&listener, "a9 0c000001bb");
    assert_told(&listener, "record 22 0303 19\nhandshake 12 1/1 bb\n");
    push(&listener, "16 0303 0009");
    wire_tls_gap(&listener.half, 5); /* the header was in it: nothing can be said of the rest */
    push(&listener, "0e000000");
    push(&listener, "16 0303 0004 33333333"); /* nor of this one, which goes on with a message */
    assert_told(&listener, "record 22 0303 9\nrecord 22 0303 4\n");
    push(&listener, "16 0303 0004 0e000000"); /* but of this */
    assert_told(&listener, "record 22 0303 4\nhandshake 14 0/0 \n");
    push(&listener, "16 0303 0008 0b000020 11111111");
    wire_tls_gap(&listener.half, 20); /* a record and more */
    push(&listener, "16 0303 0004 33333333"); /* somewhere within the message */
    push(&listener, "16 0303 0003 0e0000");
    push(&listener, "16 0303 0004 0e000000");
    assert_told(&listener, "record 22 0303 8\nrecord 22 0303 4\nrecord 22 0303 3\nrecord 22 0303 4\n"
                           "handshake 14 0/0 \n");
    wire_tls_gap(&listener.half, 6); /* a ChangeCipherSpec, perhaps */
    push(&listener, "16 0303 0010 00000000000000004411223344556677");
    assert_told(&listener, "record 22 0303 16\n");
    push(&listener, "15 0303 0002 02");
    wire_tls_gap(&listener.half, 1);
    push(&listener, "16 0303 0006 1000");
    g_assert_nonnull(listener.half.message);
    wire_tls_gap(&listener.half, 1);
    push(&listener, "000000");
    assert_told(&listener, "record 21 0303 2\nrecord 22 0303 6\n");
    end(&listener);
}

/* What was not captured, however: as much of a message as there is. */
static void
test_cut(void)
{
    listener listener;

    begin(&listener);
    push_cut(&listener, "16 0303 0017 0b00000e a0a1", 3);
    assert_told(&listener, "record 22 0303 23\nhandshake 11 2/14 a0a1\n");
    push_cut(&listener, "a5a6", 7);
    push(&listener, "0e000000 0c");
    assert_told(&listener, "handshake 14 0/0 \n");
    push(&listener, "16 0303 0004 000001dd");
    assert_told(&listener, "record 22 0303 4\nhandshake 12 1/1 dd\n");
    push_cut(&listener, "16 0303 0008 0200", 6);
    push(&listener, "16 0303 0004 0e000000");
    assert_told(&listener, "record 22 0303 8\nrecord 22 0303 4\nhandshake 14 0/0 \n");
    push_cut(&listener, "16 0303 0006 0b000010 a0a1", 100);
    assert_told(&listener, "record 22 0303 6\nhandshake 11 2/16 a0a1\n");
    g_assert_true(listener.half.is_lost);
    end(&listener);

    begin(&listener);
    push_cut(&listener, "16 0303 0020 01", 100);
    assert_told(&listener, "record 22 0303 32\n");
    g_assert_true(listener.half.is_lost);
    end(&listener);

    begin(&listener);
    push_cut(&listener, "17 0303 0020 01", 31);
    push(&listener, "17 0303 0000");
    assert_told(&listener, "record 23 0303 32\nrecord 23 0303 0\n");
    end(&listener);
}

/* Longer than any message has to be: 40,000 octets, all zero. */
static void
test_long_message(void)
{
    listener listener;
    uint8_t  record[5 + 16384] = { 22, 3, 3, 0x40, 0, 11, 0, 0x9c, 0x40 };

    begin(&listener);
    push_octets(&listener, record, sizeof record, sizeof record);
    memset(record + 5, 0, 4);
    push_octets(&listener, record, sizeof record, sizeof record);
    assert_told(&listener, "record 22 0303 16384\nrecord 22 0303 16384\n");
    push(&listener, "16 0303 1c49"); /* 7,236 that are left, and a message of 5 */
    push_octets(&listener, record + 5, 7236, 7236);
    /* head -c 32768 /dev/zero | sha256sum */
    assert_told(&listener, "record 22 0303 7241\nhandshake 11 32768/40000 00000000...c3502047\n");
    push(&listener, "0c00000155");
    assert_told(&listener, "handshake 12 1/1 55\n");
    end(&listener);
}

/* Messages without records. */
static void
test_push_handshake(void)
{
    GBytes     *bytes = bytes_of_hex("08000002 0000 0b000001aa 14000003 010203 04000000 0f");
    ber_slice   in = slice_of(bytes);
    const char *told = "handshake 8 2/2 0000\nhandshake 11 1/1 aa\nhandshake 20 3/3 010203\nhandshake 4 0/0 \n";

    for (size_t first = 0; first <= in.length; first++) {
        GByteArray *kept = NULL;
        listener    listener;

        begin(&listener);
        wire_tls_push_handshake(&kept, &sink, &listener, in.data, first);
        wire_tls_push_handshake(&kept, &sink, &listener, in.data + first, in.length - first);
        assert_told(&listener, told);
        g_assert_nonnull(kept); /* the type of one more */
        wire_tls_push_handshake(&kept, &sink, &listener, (const uint8_t *)"\0\0\0", 3);
        assert_told(&listener, "handshake 15 0/0 \n");
        g_assert_null(kept);
        end(&listener);
    }
    g_bytes_unref(bytes);
}

static void
test_nobody_listens(void)
{
    static const wire_tls_sink nobody;

    for (size_t i = 0; i < G_N_ELEMENTS(flights); i++) {
        GBytes       *bytes = bytes_of_hex(flights[i].octets);
        ber_slice     in = slice_of(bytes);
        wire_tls_half half = { 0 };

        for (size_t k = 0; k < in.length; k++)
            wire_tls_push(&half, &nobody, NULL, in.data + k, 1, 1);
        g_assert_cmpuint(half.remaining, ==, 0);
        g_assert_null(half.message);
        wire_tls_half_clear(&half);
        wire_tls_push(&half, &nobody, NULL, in.data + 5, 1, 2);
        wire_tls_half_clear(&half);
        g_bytes_unref(bytes);
    }
}

#define RANDOM  "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f "
#define SESSION "e0e1e2e3e4e5e6e7e8e9eaebecedeeeff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff "
#define SUITES  "0008 0a0a 1301 1302 00ff "

/* RFC 6066 3, RFC 7301 3.1, RFC 5077 3.2, RFC 8446 4.2.1 with the GREASE of RFC 8701, RFC 8446 4.2.11. */
#define NAME     "0000 0015 0013 00 0010 736365702e636f6e746f736f2e636f6d "
#define ALPN     "0010 000e 000c 02 6832 08 687474702f312e31 "
#define TICKET   "0023 0004 01020304 "
#define VERSIONS "002b 0009 08 7a7a 0303 0304 7f1c "
#define PSK      "0029 0002 0000 "

static const char client_hello[] = "0303" RANDOM "20" SESSION SUITES "0100 0046" NAME ALPN TICKET VERSIONS PSK;

static bool
read_client_hello(const char *hex, wire_client_hello *hello)
{
    GBytes   *bytes = bytes_of_hex(hex);
    ber_slice in = slice_of(bytes);
    bool      whole = wire_client_hello_read(wmem_memdup(support_scope(), in.data, in.length), in.length, hello);

    g_bytes_unref(bytes);
    return whole;
}

static bool
read_server_hello(const char *hex, wire_server_hello *hello)
{
    GBytes   *bytes = bytes_of_hex(hex);
    ber_slice in = slice_of(bytes);
    bool      whole = wire_server_hello_read(wmem_memdup(support_scope(), in.data, in.length), in.length, hello);

    g_bytes_unref(bytes);
    return whole;
}

static void
test_client_hello(void)
{
    wire_client_hello hello;

    g_assert_true(read_client_hello(client_hello, &hello));
    g_assert_cmphex(hello.version, ==, 0x0304);
    assert_hex(hello.random.data, hello.random.length, RANDOM);
    assert_hex(hello.session_id.data, hello.session_id.length, SESSION);
    g_assert_cmpmem(hello.server_name.data, hello.server_name.length, "scep.contoso.com", 16);
    g_assert_cmpmem(hello.protocols.data, hello.protocols.length, "\2h2\10http/1.1", 12);
    g_assert_cmpuint(hello.cipher_suites, ==, 4);
    g_assert_true(hello.has_ticket);
    g_assert_true(hello.has_pre_shared_key);

    /* TLS 1.2 that resumes by an identifier, or not at all; a ticket that is only asked for; another kind of name. */
    g_assert_true(read_client_hello("0303" RANDOM "01aa" "0002 c030 0100", &hello));
    g_assert_cmphex(hello.version, ==, 0x0303);
    assert_hex(hello.session_id.data, hello.session_id.length, "aa");
    g_assert_cmpuint(hello.server_name.length + hello.protocols.length, ==, 0);
    g_assert_false(hello.has_ticket || hello.has_pre_shared_key);
    g_assert_true(read_client_hello("0301" RANDOM "00 0002 c030 0100 0010 0023 0000 0000 0008 0006 01 0003 616263",
                                    &hello));
    g_assert_cmphex(hello.version, ==, 0x0301);
    g_assert_false(hello.has_ticket);
    g_assert_cmpuint(hello.server_name.length, ==, 0);
    support_free_scope();
}

static void
test_server_hello(void)
{
    wire_server_hello hello;

    g_assert_true(read_server_hello("0303" RANDOM "20" SESSION "1302 00 000c 002b 0002 0304 0029 0002 0000", &hello));
    g_assert_cmphex(hello.version, ==, 0x0304);
    assert_hex(hello.random.data, hello.random.length, RANDOM);
    assert_hex(hello.session_id.data, hello.session_id.length, SESSION);
    g_assert_cmphex(hello.cipher_suite, ==, 0x1302);
    g_assert_true(hello.has_pre_shared_key);
    g_assert_false(hello.is_retry);

    g_assert_true(read_server_hello("0302" RANDOM "00 c030 00", &hello));
    g_assert_cmphex(hello.version, ==, 0x0302);
    g_assert_cmphex(hello.cipher_suite, ==, 0xc030);
    g_assert_false(hello.has_pre_shared_key);

    g_assert_true(read_server_hello("0303" RANDOM "00 c030 00 0009 0010 0005 0003 02 6832", &hello));
    g_assert_cmpmem(hello.protocol.data, hello.protocol.length, "h2", 2);

    /* RFC 8446 4.1.3; printf HelloRetryRequest | openssl dgst -sha256 */
    g_assert_true(read_server_hello("0303 cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c 00 1301 00 "
                                    "000c 002b 0002 0304 0033 0002 001d", &hello));
    g_assert_true(hello.is_retry);
    support_free_scope();
}

static void
assert_same_or_none(wire_octets cut, wire_octets whole)
{
    if (cut.length > 0)
        g_assert_cmpmem(cut.data, cut.length, whole.data, whole.length);
}

/* Cut behind every octet: a hello ends before its extensions, or it is not whole; fields are whole, or absent. */
static void
test_cut_hello(void)
{
    GBytes           *bytes = bytes_of_hex(client_hello);
    ber_slice         in = slice_of(bytes);
    size_t            extensions = 2 + 32 + 1 + 32 + 2 + 8 + 2;
    wire_client_hello whole, cut;

    g_assert_true(wire_client_hello_read(in.data, in.length, &whole));
    for (size_t length = 0; length < in.length; length++) {
        uint8_t *copy = g_memdup2(in.data, length);

        g_assert_cmpint(wire_client_hello_read(copy, length, &cut), ==, length == extensions);
        g_assert_cmpint(cut.random.length, ==, length >= 34 ? 32 : 0);
        assert_same_or_none(cut.random, whole.random);
        assert_same_or_none(cut.session_id, whole.session_id);
        assert_same_or_none(cut.server_name, whole.server_name);
        assert_same_or_none(cut.protocols, whole.protocols);
        g_assert_cmpint(cut.server_name.length > 0, ==, length >= extensions + 2 + 25);
        g_free(copy);
    }
    g_bytes_unref(bytes);
}

static void
test_damaged_hello(void)
{
    static const char *const damaged[] = {
        "0303" RANDOM "20" SESSION SUITES "0100 0047" NAME ALPN TICKET VERSIONS PSK,        /* longer than it is */
        "0303" RANDOM "20" SESSION SUITES "0100 0045" NAME ALPN TICKET VERSIONS PSK,        /* ends in an extension */
        "0303" RANDOM "20" SESSION "0002 1301 0100 0008 0000 0004 0003 00 00",              /* in a name */
        "0303" RANDOM "20" SESSION "0002 1301 0100 0009 0000 0005 0003 00 0001",            /* a name that is none */
        "0303" RANDOM "20" SESSION "0002 1301 0100 0008 002b 0004 03 0304 03",              /* half a version */
        "0303" RANDOM "20" SESSION "0002 1301 0100 0006 0010 0002 0005",                    /* protocols */
    };
    wire_client_hello client;
    wire_server_hello server;

    for (size_t i = 0; i < G_N_ELEMENTS(damaged); i++) {
        g_assert_false(read_client_hello(damaged[i], &client));
        assert_hex(client.random.data, client.random.length, RANDOM);
        g_assert_cmphex(client.version, ==, i < 2 || i == 4 ? 0x0304 : 0x0303);
    }
    g_assert_false(read_server_hello("0303" RANDOM "00 1301 00 0005 002b 0001 03", &server));
    g_assert_false(read_server_hello("0303" RANDOM "00 1301", &server));
    g_assert_cmphex(server.version, ==, 0x0303);
    g_assert_false(read_server_hello("0303" RANDOM "00 1301 00 0007 0010 0003 0001 02", &server));
    g_assert_cmpuint(server.protocol.length, ==, 0);
    support_free_scope();
}

static void
append_number(GByteArray *message, size_t octets, size_t value)
{
    for (; octets > 0; octets--) {
        guint8 octet = (guint8)(value >> 8 * (octets - 1));

        g_byte_array_append(message, &octet, 1);
    }
}

/* Certificates that openssl converts from PEM, as messages of both forms. */
static void
test_certificates(void)
{
    enum { COUNT = 2 };

    static const char *const files[COUNT] = { "issued.crt", "ca.crt" };
    GBytes                  *ders[COUNT];
    wire_octets              read[COUNT];

    for (size_t i = 0; i < COUNT; i++) {
        char             *pem = truth_path("windows-get", files[i]), *der = scratch_path("der");
        const char *const convert[] = { "x509", "-in", pem, "-outform", "DER", "-out", der, NULL };

        g_bytes_unref(openssl(convert));
        ders[i] = bytes_of_file(der);
        g_free(der);
        g_free(pem);
    }
    for (int is_tls13 = 0; is_tls13 <= 1; is_tls13++) {
        GByteArray *message = g_byte_array_new();
        size_t      around = is_tls13 ? 5 : 3, extension = is_tls13 ? 4 : 0;

        if (is_tls13)
            append_number(message, 1, 0); /* of the request's context */
        append_number(message, 3, g_bytes_get_size(ders[0]) + g_bytes_get_size(ders[1]) + 2 * around + extension);
        for (size_t i = 0; i < COUNT; i++) {
            ber_slice der = slice_of(ders[i]);

            append_number(message, 3, der.length);
            g_byte_array_append(message, der.data, (guint)der.length);
            if (is_tls13) {
                append_number(message, 2, i == 0 ? extension : 0);
                append_number(message, i == 0 ? extension : 0, 0x00050000);
            }
        }
        g_assert_cmpuint(wire_certificates_read(message->data, message->len, is_tls13, read, COUNT), ==, COUNT);
        for (size_t i = 0; i < COUNT; i++)
            g_assert_cmpmem(read[i].data, read[i].length, slice_of(ders[i]).data, slice_of(ders[i]).length);
        g_assert_cmpuint(wire_certificates_read(message->data, message->len, is_tls13, NULL, 0), ==, COUNT);
        read[1].data = NULL;
        g_assert_cmpuint(wire_certificates_read(message->data, message->len, is_tls13, read, 1), ==, COUNT);
        g_assert_null(read[1].data);
        g_assert_cmpuint(wire_certificates_read(message->data, message->len, !is_tls13, read, COUNT), ==, 0);
        for (size_t length = 0; length < message->len; length++) {
            uint8_t *copy = g_memdup2(message->data, length);

            g_assert_cmpuint(wire_certificates_read(copy, length, is_tls13, read, COUNT), ==, 0);
            g_free(copy);
        }
        g_byte_array_unref(message);
    }
    for (size_t i = 0; i < COUNT; i++)
        g_bytes_unref(ders[i]);
    /* None, an empty one, and octets behind the list. */
    g_assert_cmpuint(wire_certificates_read((const uint8_t *)"\0\0\0", 3, false, read, COUNT), ==, 0);
    g_assert_cmpuint(wire_certificates_read((const uint8_t *)"\0\0\3\0\0\0", 6, false, read, COUNT), ==, 0);
    g_assert_cmpuint(wire_certificates_read((const uint8_t *)"\0\0\4\0\0\1x", 7, false, read, COUNT), ==, 1);
    g_assert_cmpuint(wire_certificates_read((const uint8_t *)"\0\0\4\0\0\1xy", 8, false, read, COUNT), ==, 0);
}

/* A direction of a connection of a sample, named by its ports. */
typedef struct {
    wire_stream   stream;
    wire_tls_half half;
    char         *name;
    GHashTable   *facts;
} direction;

static void
free_direction(gpointer data)
{
    direction *direction = data;

    wire_stream_clear(&direction->stream);
    wire_tls_half_clear(&direction->half);
    g_free(direction->name);
    g_free(direction);
}

static void
free_text(gpointer text)
{
    g_string_free(text, TRUE);
}

/* Appends to what is known as `field` of the direction `name`. */
static void
add_fact(GHashTable *facts, const char *name, const char *field, const char *value)
{
    char    *key = g_strdup_printf("%s %s", name, field);
    GString *text = g_hash_table_lookup(facts, key);

    if (!text) {
        text = g_string_new(NULL);
        g_hash_table_insert(facts, g_strdup(key), text);
    }
    if (*value)
        g_string_append_printf(text, "%s%s", text->len ? "," : "", value);
    g_free(key);
}

G_GNUC_PRINTF(3, 4)
static void
tell(const direction *direction, const char *field, const char *format, ...)
{
    va_list arguments;
    char   *value;

    va_start(arguments, format);
    value = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    add_fact(direction->facts, direction->name, field, value);
    g_free(value);
}

static void
tell_octets(const direction *direction, const char *field, wire_octets octets)
{
    char *hex = hex_of(octets.data, octets.length);

    add_fact(direction->facts, direction->name, field, hex);
    g_free(hex);
}

static void
tell_text(const direction *direction, const char *field, wire_octets octets)
{
    tell(direction, field, "%.*s", (int)octets.length, (const char *)octets.data);
}

static void
tell_record(void *user, unsigned type G_GNUC_UNUSED, unsigned version, unsigned length)
{
    tell(user, "tls.record.version", "0x%04x", version);
    tell(user, "tls.record.length", "%u", length);
}

static void
tell_handshake(void *user, unsigned type, const uint8_t *body, size_t length, size_t total)
{
    wire_client_hello client;
    wire_server_hello server;
    wire_octets       certificates[8];

    g_assert_cmpuint(length, ==, total);
    tell(user, "tls.handshake.type", "%u", type);
    tell(user, "tls.handshake.length", "%zu", total);
    if (type == WIRE_TLS_CLIENT_HELLO) {
        g_assert_true(wire_client_hello_read(body, length, &client));
        tell_octets(user, "tls.handshake.random", client.random);
        tell_octets(user, "tls.handshake.session_id", client.session_id);
        tell_text(user, "tls.handshake.extensions_server_name", client.server_name);
        tell(user, "tls.handshake.cipher_suites_length", "%u", client.cipher_suites * 2);
    } else if (type == WIRE_TLS_SERVER_HELLO) {
        g_assert_true(wire_server_hello_read(body, length, &server));
        tell_octets(user, "tls.handshake.random", server.random);
        tell_octets(user, "tls.handshake.session_id", server.session_id);
        tell(user, "tls.handshake.ciphersuite", "0x%04x", server.cipher_suite);
        tell_text(user, "tls.handshake.extensions_alpn_str", server.protocol);
        if (server.version == 0x0304)
            tell(user, "tls.handshake.extensions.supported_version", "0x0304");
    } else if (type == WIRE_TLS_CERTIFICATE) {
        unsigned count = wire_certificates_read(body, length, false, certificates, G_N_ELEMENTS(certificates));

        for (unsigned i = 0; i < count; i++)
            tell_octets(user, "tls.handshake.certificate", certificates[i]);
    }
}

static void
tell_alert(void *user, unsigned level, unsigned description)
{
    tell(user, "tls.alert_message.level", "%u", level);
    tell(user, "tls.alert_message.desc", "%u", description);
}

static void
take_data(void *user, const uint8_t *data, size_t captured, size_t length)
{
    static const wire_tls_sink tells = { tell_record, tell_handshake, tell_alert, NULL };

    wire_tls_push(&((direction *)user)->half, &tells, user, data, captured, length);
}

static void
take_gap(void *user, uint32_t missing)
{
    wire_tls_gap(&((direction *)user)->half, missing);
}

static const wire_stream_sink stream_sink = { take_data, take_gap };

static direction *
direction_of(GHashTable *directions, uint16_t source, uint16_t destination, GHashTable *facts)
{
    char      *name = g_strdup_printf("%u>%u", source, destination);
    direction *found = g_hash_table_lookup(directions, name);

    if (!found) {
        found = g_new0(direction, 1);
        found->name = g_strdup(name);
        found->facts = facts;
        g_hash_table_insert(directions, found->name, found);
    }
    g_free(name);
    return found;
}

/* Records and messages of a sample, as tshark reads them without the secrets. */
static void
test_sample(gconstpointer data)
{
    static const char *const fields[] = { "tcp.srcport",
                                          "tcp.dstport",
                                          "tls.record.version",
                                          "tls.record.length",
                                          "tls.handshake.type",
                                          "tls.handshake.length",
                                          "tls.handshake.random",
                                          "tls.handshake.session_id",
                                          "tls.handshake.extensions_server_name",
                                          "tls.handshake.cipher_suites_length",
                                          "tls.handshake.certificate",
                                          "tls.alert_message.level",
                                          "tls.alert_message.desc",
                                          "tls.handshake.ciphersuite",
                                          "tls.handshake.extensions_alpn_str",
                                          "tls.handshake.extensions.supported_version",
                                          NULL };
    enum { FIRST_FACT = 2, FIRST_OF_SERVER = 13 }; /* the client offers several of those */

    GPtrArray  *frames = capture_frames(data), *rows = capture_facts(frames, "tls", fields);
    GHashTable *directions = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, free_direction);
    GHashTable *mine = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, free_text);
    GHashTable *theirs = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, free_text);

    for (guint i = 0; rows && i < frames->len; i++) {
        ber_slice    frame = slice_of(frames->pdata[i]);
        wire_segment segment;

        if (!wire_segment_read(WIRE_LINK_ETHERNET, frame.data, frame.length, frame.length, &segment))
            continue;

        direction *there = direction_of(directions, segment.source_port, segment.destination_port, mine);
        direction *back = direction_of(directions, segment.destination_port, segment.source_port, mine);

        wire_stream_add(&there->stream, &stream_sink, there, segment.sequence, segment.flags & WIRE_SYN,
                        segment.payload, segment.captured, segment.length);
        if (segment.flags & WIRE_ACK)
            wire_stream_acknowledged(&back->stream, &stream_sink, back, segment.acknowledgement);
    }
    for (guint i = 0; rows && i < rows->len; i++) {
        char **row = rows->pdata[i], *name = g_strdup_printf("%s>%s", row[0], row[1]);
        bool   is_client = strcmp(row[1], "443") == 0;

        for (size_t k = FIRST_FACT; k < (is_client ? FIRST_OF_SERVER : G_N_ELEMENTS(fields) - 1); k++) {
            if (*row[k])
                add_fact(theirs, name, fields[k], row[k]);
        }
        g_free(name);
    }

    GHashTableIter iterator;
    gpointer       key, text;
    unsigned       compared = 0;

    g_hash_table_iter_init(&iterator, theirs);
    while (g_hash_table_iter_next(&iterator, &key, &text)) {
        GString *other = g_hash_table_lookup(mine, key);

        g_test_message("%s", (const char *)key);
        g_assert_cmpstr(other ? other->str : NULL, ==, ((GString *)text)->str);
        compared++;
    }
    g_hash_table_iter_init(&iterator, mine);
    while (g_hash_table_iter_next(&iterator, &key, &text))
        g_assert_true(((GString *)text)->len == 0 || g_hash_table_contains(theirs, key));
    if (rows) {
        g_assert_cmpuint(compared, >, 8);
        g_ptr_array_unref(rows);
    }
    g_hash_table_unref(theirs);
    g_hash_table_unref(mine);
    g_hash_table_unref(directions);
    g_ptr_array_unref(frames);
}

static const char *const samples[] = {
    "tls13/device.pcapng",
    "tls12-ecdhe/device.pcapng",
    "windows-get/ndes.pcapng",
    "ipv6/wap.pcapng",
    "scepclient/wap.pcapng", /* whose packets are not in the order of time */
    "foreign/browsing-api.pcapng",
    "foreign/browsing-chromium.pcapng",
    "foreign/browsing-update.pcapng",
};

int
main(int argc, char **argv)
{
    support_init(&argc, &argv);
    for (size_t i = 0; i < G_N_ELEMENTS(flights); i++) {
        char *path = g_strdup_printf("/tls/flight/%s", flights[i].name);

        g_test_add_data_func(path, GSIZE_TO_POINTER(i), test_flight);
        g_free(path);
    }
    g_test_add_func("/tls/foreign", test_foreign);
    g_test_add_func("/tls/limits", test_limits);
    g_test_add_func("/tls/gaps", test_gaps);
    g_test_add_func("/tls/begin-lost", test_begin_lost);
    g_test_add_func("/tls/gaps-in-handshake", test_gaps_in_handshake);
    g_test_add_func("/tls/cut", test_cut);
    g_test_add_func("/tls/long-message", test_long_message);
    g_test_add_func("/tls/push-handshake", test_push_handshake);
    g_test_add_func("/tls/nobody-listens", test_nobody_listens);
    g_test_add_func("/tls/client-hello", test_client_hello);
    g_test_add_func("/tls/server-hello", test_server_hello);
    g_test_add_func("/tls/cut-hello", test_cut_hello);
    g_test_add_func("/tls/damaged-hello", test_damaged_hello);
    g_test_add_func("/tls/certificates", test_certificates);
    for (size_t i = 0; i < G_N_ELEMENTS(samples); i++) {
        char *path = g_strdup_printf("/tls/sample/%s", samples[i]);

        g_test_add_data_func(path, samples[i], test_sample);
        g_free(path);
    }
    return support_run();
}
