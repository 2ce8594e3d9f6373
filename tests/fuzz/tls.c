/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A TLS connection's direction in segments, some lost, early, doubled or cut, through wire_stream, wire_tls and the
 * readers of messages; and the same octets in one piece, and one by one, which must come to the same.
 *
 * An input is a list of segments: an octet that says what becomes of the segment, two with its length, its octets.
 */
#include <string.h>

#include "fuzz.h"
#include "wire/stream.h"
#include "wire/tls.h"

/* What becomes of a segment; the upper bits tell how far. */
enum { IN_ORDER, CUT, MOVED, LOST, ACKNOWLEDGED, IS_SYN, WHAT_BECOMES };

#define FIRST_SEQUENCE 0xffffff00 /* soon to wrap around */

/* A direction, and what is known of it. */
typedef struct {
    wire_stream   stream;
    wire_tls_half half;
    uint64_t      octets;
    uint64_t      lost;
    guint         events; /* a checksum of what was told */
    bool          was_foreign;
} direction;

int
LLVMFuzzerInitialize(int *argc G_GNUC_UNUSED, char ***argv G_GNUC_UNUSED)
{
    return 0;
}

static void
note(direction *told, unsigned kind, size_t value)
{
    g_assert_false(told->was_foreign);
    told->events = (told->events ^ kind) * 16777619u + (guint)value;
}

static void
note_octets(direction *told, const uint8_t *data, size_t length)
{
    for (size_t i = 0; i < length; i++)
        note(told, data[i], i);
}

static void
assert_octets(wire_octets part, const uint8_t *body, size_t length)
{
    ber_slice slice = { part.data, part.length };

    assert_inside(slice, body, length);
}

static void
read_message(const uint8_t *body, size_t length)
{
    enum { CAPACITY = 3 };

    wire_client_hello client;
    wire_server_hello server;
    wire_octets       certificates[CAPACITY];

    if (wire_client_hello_read(body, length, &client))
        g_assert_cmpuint(client.random.length, ==, 32);
    assert_octets(client.random, body, length);
    assert_octets(client.session_id, body, length);
    assert_octets(client.server_name, body, length);
    assert_octets(client.protocols, body, length);
    if (wire_server_hello_read(body, length, &server))
        g_assert_cmpuint(server.random.length, ==, 32);
    assert_octets(server.random, body, length);
    assert_octets(server.session_id, body, length);
    assert_octets(server.protocol, body, length);
    for (int is_tls13 = 0; is_tls13 <= 1; is_tls13++) {
        unsigned count = wire_certificates_read(body, length, is_tls13, certificates, CAPACITY);

        g_assert_cmpuint(count, ==, wire_certificates_read(body, length, is_tls13, NULL, 0));
        for (unsigned i = 0; i < MIN(count, CAPACITY); i++) {
            g_assert_cmpuint(certificates[i].length, >, 0);
            assert_octets(certificates[i], body, length);
        }
    }
}

static void
on_record(void *user, unsigned type, unsigned version, unsigned length)
{
    g_assert_true(type >= WIRE_TLS_CHANGE_CIPHER_SPEC && type <= WIRE_TLS_APPLICATION_DATA);
    g_assert_true(version >> 8 == 3 && length <= 0x4800);
    note(user, type, version);
    note(user, type, length);
}

static void
on_handshake(void *user, unsigned type, const uint8_t *body, size_t length, size_t total)
{
    uint8_t *copy = g_memdup2(body, length); /* where a checker of memory sees a read beyond it */

    g_assert_true(type <= 0xff && length <= total && total < 1 << 24 && length <= WIRE_TLS_MAX_MESSAGE);
    note(user, type, total);
    note_octets(user, copy, length);
    read_message(copy, length);
    g_free(copy);
}

static void
on_alert(void *user, unsigned level, unsigned description)
{
    note(user, level, description);
}

static void
on_foreign(void *user, const uint8_t *data, size_t length)
{
    direction *told = user;

    g_assert_true(length > 0 && length <= 16);
    note_octets(told, data, length);
    told->was_foreign = true;
}

static const wire_tls_sink tls_sink = { on_record, on_handshake, on_alert, on_foreign };

static void
check_half(const wire_tls_half *half)
{
    g_assert_true(!half->message || half->message->len <= 8 + WIRE_TLS_MAX_MESSAGE);
    g_assert_true(half->is_foreign || half->header_length < sizeof half->header);
    g_assert_true(!half->is_lost || !half->message);
}

static void
on_data(void *user, const uint8_t *data, size_t captured, size_t length)
{
    direction *told = user;

    g_assert_true(length > 0 && captured <= length);
    told->octets += length;
    wire_tls_push(&told->half, &tls_sink, told, data, captured, length);
    check_half(&told->half);
}

static void
on_gap(void *user, uint32_t missing)
{
    direction *told = user;

    g_assert_true(missing > 0);
    told->octets += missing;
    told->lost += missing;
    wire_tls_gap(&told->half, missing);
    check_half(&told->half);
}

static void
check_stream(const direction *told)
{
    const wire_stream *stream = &told->stream;

    g_assert_true(told->octets == stream->octets && told->lost == stream->lost);
    g_assert_true((stream->pending == NULL) == (stream->pending_octets == 0));
    g_assert_true(stream->pending_octets <= WIRE_STREAM_MAX_PENDING);
    g_assert_true(!stream->pending || (stream->pending->len > 0 && stream->pending->len <= WIRE_STREAM_MAX_SEGMENTS));
}

/* The segments as they came. Appends to `octets` those that were sent. */
static void
run_segments(ber_slice in, GByteArray *octets)
{
    static const wire_stream_sink sink = { on_data, on_gap };
    direction                     told = { 0 };
    uint32_t                      sequence = FIRST_SEQUENCE;

    while (in.length >= 3) {
        unsigned what = in.data[0] % WHAT_BECOMES, far = in.data[0] / WHAT_BECOMES;
        size_t   length = MIN((size_t)in.data[1] << 8 | in.data[2], in.length - 3), captured = length;
        uint8_t *segment = g_memdup2(in.data + 3, length);
        uint32_t moved = what == MOVED ? sequence + (far - 21) * 97 : sequence;

        g_byte_array_append(octets, in.data + 3, (guint)length);
        if (what == CUT)
            captured = length * far / 64;
        if (what != LOST)
            wire_stream_add(&told.stream, &sink, &told, moved, what == IS_SYN, segment, captured, length);
        check_stream(&told);
        sequence += (uint32_t)length + (what == IS_SYN);
        if (what == ACKNOWLEDGED)
            wire_stream_acknowledged(&told.stream, &sink, &told, sequence + far);
        check_stream(&told);
        g_free(segment);
        in.data += 3 + length;
        in.length -= 3 + length;
    }
    wire_stream_clear(&told.stream);
    wire_tls_half_clear(&told.half);
}

static void
push(direction *told, const GByteArray *octets, size_t step)
{
    for (size_t at = 0; at < octets->len; at += step)
        on_data(told, octets->data + at, MIN(step, octets->len - at), MIN(step, octets->len - at));
}

static void
check_pieces(const GByteArray *octets)
{
    direction whole = { 0 }, single = { 0 };

    push(&whole, octets, octets->len);
    push(&single, octets, 1);
    g_assert_true(whole.was_foreign == single.was_foreign);
    if (!whole.was_foreign && !whole.half.is_lost) {
        g_assert_cmpuint(whole.events, ==, single.events);
        g_assert_true(whole.half.remaining == single.half.remaining);
        g_assert_true(whole.half.is_encrypted == single.half.is_encrypted);
    }
    wire_tls_half_clear(&whole.half);
    wire_tls_half_clear(&single.half);
}

static void
check_handshake(const GByteArray *octets)
{
    direction   whole = { 0 }, single = { 0 };
    GByteArray *kept = NULL;

    wire_tls_push_handshake(&kept, &tls_sink, &whole, octets->data, octets->len);
    g_clear_pointer(&kept, g_byte_array_unref);
    for (guint i = 0; i < octets->len; i++)
        wire_tls_push_handshake(&kept, &tls_sink, &single, octets->data + i, 1);
    g_clear_pointer(&kept, g_byte_array_unref);
    g_assert_true(octets->len > WIRE_TLS_MAX_MESSAGE || whole.events == single.events);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ber_slice   in = { data, size };
    GByteArray *octets = g_byte_array_new();

    run_segments(in, octets);
    check_pieces(octets);
    check_handshake(octets);
    read_message(octets->data, octets->len);
    g_byte_array_unref(octets);
    return 0;
}
